//! The feed object in memory, with fault modes: what native tests use in place of the Durable
//! Object. Not in the Worker.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{Alarmed, Feed, FeedAnswer, FeedObject, FeedPolicy, FeedRequest};
use crate::ports::{Component, Fault, KvStore, memory::MemoryRecords};
use postern_jose::time::Timestamp;

/// One feed object, its clock and a switch for transport. Clones share it.
#[derive(Debug, Clone)]
pub struct MemoryFeed {
    /// What it has stored.
    pub records: MemoryRecords,
    feed: Rc<RefCell<Feed<MemoryRecords>>>,
    /// Its clock.
    pub now: Rc<Cell<Timestamp>>,
    /// Nothing arrives there.
    pub unreachable: Rc<Cell<bool>>,
    asked: Rc<Cell<u64>>,
    alarm_at: Rc<Cell<Option<Timestamp>>>,
    policy: FeedPolicy,
}

impl MemoryFeed {
    /// An empty one with this policy.
    pub fn new(policy: FeedPolicy) -> Self {
        let records = MemoryRecords::default();
        Self {
            feed: Rc::new(RefCell::new(Feed::new(records.clone()))),
            records,
            now: Rc::default(),
            unreachable: Rc::default(),
            asked: Rc::default(),
            alarm_at: Rc::default(),
            policy,
        }
    }

    /// It crashes and starts again on what is stored.
    pub fn restart(&self) {
        self.feed.replace(Feed::new(self.records.clone()));
    }

    /// How many requests were made, reached or not.
    pub fn asked(&self) -> u64 {
        self.asked.get()
    }

    /// Whether its alarm is due.
    pub fn is_alarm_due(&self) -> bool {
        self.alarm_at.get().is_some_and(|at| at <= self.now.get())
    }

    /// Rings its alarm.
    #[expect(clippy::await_holding_refcell_ref, reason = "one thread, and tests await nothing else")]
    pub async fn alarm(&self, kv: &impl KvStore, key: &str) -> Alarmed {
        let alarmed = self.feed.borrow().alarm(self.now.get(), kv, key, &self.policy).await;
        self.alarm_at.set(Some(alarmed.next));
        alarmed
    }
}

impl FeedObject for MemoryFeed {
    async fn ask(&self, request: &FeedRequest) -> Result<FeedAnswer, Fault> {
        self.asked.set(self.asked.get() + 1);
        if self.unreachable.get() {
            return Err(Fault::new(Component::RevocationFeed, "unreachable"));
        }
        let served = self.feed.borrow().serve(request, self.now.get(), &self.policy);
        self.alarm_at.set(served.alarm.or(self.alarm_at.get()));
        Ok(served.answer)
    }
}
