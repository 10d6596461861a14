//! Security events, and the redaction of secrets and personal data in them.

pub mod buffer;
pub mod event;
pub mod redact;

pub use buffer::EventBuffer;
pub use event::{Event, EventContext, EventKind, EventSink, Outcome, UserAgent};
pub use redact::Pseudonym;
