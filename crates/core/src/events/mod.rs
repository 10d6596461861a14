//! Security events, and the redaction of secrets and personal data in them.

pub mod buffer;
mod event;
mod kind;
mod outcome;
mod redact;

pub use buffer::EventBuffer;
pub use event::{Event, EventContext, EventSink, UserAgent};
pub use kind::EventKind;
pub use outcome::Outcome;
pub use redact::{Pseudonym, signature_tail};
