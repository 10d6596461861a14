//! Throttle objects in memory, with fault modes: what native tests use in place of Durable
//! Objects. Not in the Worker.

use core::cell::Cell;
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use super::{Throttle, ThrottleAnswer, ThrottleRequest, Throttles};
use crate::ports::{Fault, memory::MemoryRecords};
use postern_jose::time::Timestamp;

/// Throttle objects in memory, with one clock and a switch for transport. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryThrottles {
    objects: Rc<RefCell<BTreeMap<String, MemoryRecords>>>,
    now: Rc<Cell<Timestamp>>,
    asked: Rc<Cell<u64>>,
}

impl MemoryThrottles {
    /// With the objects' clock at `now`.
    pub fn at(now: Timestamp) -> Self {
        let throttles = Self::default();
        throttles.set_now(now);
        throttles
    }

    /// Sets the objects' clock.
    pub fn set_now(&self, now: Timestamp) {
        self.now.set(now);
    }

    /// How many requests were made.
    pub fn asked(&self) -> u64 {
        self.asked.get()
    }

    /// The records of one object, empty ones if it was never asked.
    pub fn records(&self, name: &str) -> MemoryRecords {
        self.objects.borrow_mut().entry(name.to_owned()).or_default().clone()
    }

    /// The names of all objects that were asked.
    pub fn names(&self) -> Vec<String> {
        self.objects.borrow().keys().cloned().collect()
    }
}

impl Throttles for MemoryThrottles {
    async fn ask(&self, name: &str, request: &ThrottleRequest) -> Result<ThrottleAnswer, Fault> {
        self.asked.set(self.asked.get() + 1);
        Ok(Throttle::new(self.records(name)).serve(request, self.now.get()))
    }
}
