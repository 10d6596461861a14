//! The queue of passwords that wait to be hashed.

use core::{cell::RefCell, time::Duration};

use crate::time::Timestamp;

/// Who waits, by when they came.
#[derive(Debug, Default)]
pub(crate) struct HashQueue(RefCell<Vec<Timestamp>>);

impl HashQueue {
    /// A request that was cancelled never leaves. Nobody waits for as long as this.
    const LOST_AFTER: Duration = Duration::from_secs(30);

    /// Joins it, unless it is full.
    pub(crate) fn enter(&self, most: u32, now: Timestamp) -> bool {
        let mut waiting = self.0.borrow_mut();
        waiting.retain(|since| !now.is_due(*since, Self::LOST_AFTER));
        let free = waiting.len() < usize::try_from(most).unwrap_or(usize::MAX);
        if free {
            waiting.push(now);
        }
        free
    }

    /// Leaves it.
    pub(crate) fn leave(&self) {
        let mut waiting = self.0.borrow_mut();
        if !waiting.is_empty() {
            waiting.remove(0);
        }
    }

    /// How many wait.
    pub(crate) fn len(&self, now: Timestamp) -> usize {
        self.0.borrow().iter().filter(|since| !now.is_due(**since, Self::LOST_AFTER)).count()
    }
}
