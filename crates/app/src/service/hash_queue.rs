//! Passwords that wait to be hashed. Hashing holds the isolate's only thread, so one is hashed
//! at a time whatever happens; this bounds how many wait for it.

use core::{cell::RefCell, time::Duration};

use super::{ApiError, Ports, Service};
use crate::{
    identity::{Password, PasswordHash},
    observe::metrics::Family,
    ports::Fault,
    time::Timestamp,
};

/// Who waits, by when they came.
#[derive(Debug, Default)]
pub(super) struct HashQueue(RefCell<Vec<Timestamp>>);

impl HashQueue {
    /// A request that was cancelled never leaves. Nobody waits for as long as this.
    const LOST_AFTER: Duration = Duration::from_secs(30);

    /// Joins it, unless it is full.
    fn enter(&self, most: u32, now: Timestamp) -> bool {
        let mut waiting = self.0.borrow_mut();
        waiting.retain(|since| !now.is_due(*since, Self::LOST_AFTER));
        let free = waiting.len() < usize::try_from(most).unwrap_or(usize::MAX);
        if free {
            waiting.push(now);
        }
        free
    }

    /// Leaves it.
    pub(super) fn leave(&self) {
        let mut waiting = self.0.borrow_mut();
        if !waiting.is_empty() {
            waiting.remove(0);
        }
    }

    /// How many wait.
    pub(super) fn len(&self, now: Timestamp) -> usize {
        self.0.borrow().iter().filter(|since| !now.is_due(**since, Self::LOST_AFTER)).count()
    }
}

impl<P: Ports> Service<P> {
    /// Joins the queue of passwords that wait to be hashed. Whoever joins it leaves it.
    ///
    /// # Errors
    /// [`ApiError::Busy`] when it is full.
    pub(super) fn wait_to_hash(&self) -> Result<(), ApiError> {
        let most = self.isolate.config.limits.hash_queue;
        let free = self.isolate.memory.hash_queue.enter(most, self.now());
        self.isolate.counters.add(Family::PasswordHashes, if free { "admitted" } else { "refused" }, "");
        if free { Ok(()) } else { Err(ApiError::Busy) }
    }

    /// Hashes a new password when the queue has room.
    ///
    /// # Errors
    /// As [`Self::wait_to_hash`], or a fault.
    pub(super) fn hash_in_turn(&self, password: &Password) -> Result<PasswordHash, ApiError> {
        self.wait_to_hash()?;
        let hash = self.hash_password(password);
        self.isolate.memory.hash_queue.leave();
        Ok(hash?)
    }

    pub(super) fn hash_password(&self, password: &Password) -> Result<PasswordHash, Fault> {
        let isolate = &self.isolate;
        let master = isolate.masters.current();
        PasswordHash::make(password, isolate.hash_parameters, master, self.ports.platform())
    }
}
