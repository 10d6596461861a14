//! The queue of passwords that wait to be hashed.

use core::{cell::RefCell, time::Duration};

use crate::time::Timestamp;

/// The waiting requests, by the time at which they joined.
#[derive(Debug, Default)]
pub(crate) struct HashQueue(RefCell<Vec<Timestamp>>);

impl HashQueue {
    /// The age from which a place in the queue counts as left. A cancelled request never leaves, and no request waits
    /// this long.
    const LOST_AFTER: Duration = Duration::from_secs(30);

    /// Joins the queue, unless it is full.
    pub(crate) fn enter(&self, most: u32, now: Timestamp) -> bool {
        let mut waiting = self.0.borrow_mut();
        waiting.retain(|since| !now.is_due(*since, Self::LOST_AFTER));
        let free = waiting.len() < usize::try_from(most).unwrap_or(usize::MAX);
        if free {
            waiting.push(now);
        }
        free
    }

    /// Leaves the queue.
    pub(crate) fn leave(&self) {
        let mut waiting = self.0.borrow_mut();
        if !waiting.is_empty() {
            waiting.remove(0);
        }
    }

    /// The number of waiting requests.
    pub(crate) fn len(&self, now: Timestamp) -> usize {
        self.0.borrow().iter().filter(|since| !now.is_due(**since, Self::LOST_AFTER)).count()
    }
}
