//! Hashes passwords. A hash takes the isolate's only thread, so one is made at a time; the queue bounds how many wait.

use crate::{
    identity::{Password, PasswordHash},
    metrics::MetricFamily,
    ports::Fault,
    runtime::{Runtime, ports::Ports},
    web::error::ApiError,
};

/// Hashes passwords, one at a time.
pub(crate) struct Hashing<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Hashing<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Waits in the queue for password hashes.
    ///
    /// # Errors
    /// Returns [`ApiError::Busy`] if the queue is full.
    pub(crate) fn wait_to_hash(&self) -> Result<(), ApiError> {
        let most = self.0.isolate.config.limits.hash_queue;
        let free = self.0.isolate.memory.hash_queue.enter(most, self.0.now());
        self.0.isolate.counters.add(
            MetricFamily::PasswordHashes,
            if free { "admitted" } else { "refused" },
            "",
        );
        if free { Ok(()) } else { Err(ApiError::Busy) }
    }

    /// Hashes a new password, if the queue has room.
    ///
    /// # Errors
    /// Returns the errors of [`Self::wait_to_hash`], or a fault.
    pub(crate) fn hash_in_turn(&self, password: &Password) -> Result<PasswordHash, ApiError> {
        self.wait_to_hash()?;
        let hash = self.hash_password(password);
        self.0.isolate.memory.hash_queue.leave();
        Ok(hash?)
    }

    pub(crate) fn hash_password(&self, password: &Password) -> Result<PasswordHash, Fault> {
        let isolate = &self.0.isolate;
        let master = isolate.masters.current();
        PasswordHash::make(password, isolate.hash_parameters, master, self.0.ports.platform())
    }
}
