//! The audit log in memory, which can be taken away: what native tests use in place of the
//! Durable Object. Not in the Worker.

use core::cell::Cell;
use std::rc::Rc;

use super::{AuditAnswer, AuditChain, AuditLog, AuditRequest};
use crate::{
    ports::{Component, Fault, memory::MemoryRecords},
    secrets::Masters,
};
use postern_jose::time::Timestamp;

/// An audit log in memory. Clones share it.
#[derive(Debug, Clone)]
pub struct MemoryAuditLog {
    /// What it has written.
    pub records: MemoryRecords,
    /// Nothing arrives there.
    pub unreachable: Rc<Cell<bool>>,
    now: Rc<Cell<Timestamp>>,
    masters: Masters,
}

impl MemoryAuditLog {
    /// An empty log whose clock stands at `now`.
    pub fn new(masters: Masters, now: Timestamp) -> Self {
        Self {
            records: MemoryRecords::default(),
            unreachable: Rc::default(),
            now: Rc::new(Cell::new(now)),
            masters,
        }
    }
}

impl AuditLog for MemoryAuditLog {
    async fn ask(&self, request: &AuditRequest) -> Result<AuditAnswer, Fault> {
        if self.unreachable.get() {
            return Err(Fault::new(Component::AuditLog, "unreachable"));
        }
        Ok(AuditChain::new(self.records.clone()).serve(request.clone(), self.now.get(), &self.masters))
    }
}
