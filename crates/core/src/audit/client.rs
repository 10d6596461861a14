//! The `AuditLog` object as the Worker calls it: one method for each request.

use super::{
    chain::{Act, Head},
    messages::{AuditAnswer, AuditRequest, Page},
};
use crate::ports::{Component, Fault};

/// The `AuditLog` object, seen from the Worker.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait AuditLog {
    /// Asks; only transport is a [`Fault`].
    async fn ask(&self, request: &AuditRequest) -> Result<AuditAnswer, Fault>;

    /// Adds an entry; when this fails the act must not be done.
    async fn append(&self, act: Act) -> Result<Head, Fault> {
        match self.ask(&AuditRequest::Append { act }).await? {
            AuditAnswer::Appended { head } => Ok(head),
            other => Err(misplaced(other)),
        }
    }

    /// The entries behind `after`.
    async fn page(&self, after: u64, limit: u16) -> Result<Page, Fault> {
        match self.ask(&AuditRequest::Page { after, limit }).await? {
            AuditAnswer::Page(page) => Ok(page),
            other => Err(misplaced(other)),
        }
    }
}

fn misplaced(answer: AuditAnswer) -> Fault {
    match answer {
        AuditAnswer::Unavailable { cause } => Fault::new(Component::AuditLog, cause),
        _ => Fault::misplaced(Component::AuditLog),
    }
}
