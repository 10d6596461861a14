//! What is told about what happens: security events, and what is left out of them.

pub mod audit;
pub mod chain;
pub mod event;
pub mod metrics;
pub mod outbox;
pub mod redact;

pub use audit::{AuditAnswer, AuditLog, AuditRequest};
pub use chain::{Act, ActResult};
pub use event::{Event, EventSink, Happening, Outcome, Setting, UserAgent};
pub use outbox::Outbox;
pub use redact::Pseudonym;
