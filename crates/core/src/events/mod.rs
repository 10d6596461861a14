//! Security events, and the redaction of secrets and personal data in them.

pub mod event;
pub mod outbox;
pub mod redact;

pub use event::{Event, EventContext, EventKind, EventSink, Outcome, UserAgent};
pub use outbox::Outbox;
pub use redact::Pseudonym;
