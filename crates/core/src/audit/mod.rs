//! The audit log: the object that keeps the [chain](chain) of administrative acts, and
//! how it is asked.
//!
//! It only ever adds. An act is written down **before** it is done, and refused when that fails
//! (fail closed): nothing is done that the log does not know of. How it ended is a second entry,
//! which names the first; when that one cannot be written, the act stands in the log as
//! requested, and a fault in the events says why.

pub mod chain;
mod client;
#[cfg(not(target_family = "wasm"))]
pub mod memory;
pub mod messages;
mod object;

pub use self::{
    chain::{Act, ActResult},
    client::AuditLog,
    messages::{AuditAnswer, AuditRequest, Page},
    object::AuditChain,
};
