//! What is told about what happens: security events, and what is left out of them.

pub mod event;
pub mod redact;

pub use event::{Event, EventSink, Happening, Outcome, Setting, UserAgent};
pub use redact::Pseudonym;
