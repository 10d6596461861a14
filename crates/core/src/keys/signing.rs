//! The Worker's side: the active key, opened, for as long as the ring allows.

use core::{cell::RefCell, time::Duration};
use std::rc::Rc;

use super::{KeyRingObject, PrivateKey, WrapError};
use crate::{ports::Fault, secrets::Masters};
use postern_jose::time::Timestamp;

/// The longest an isolate signs with a key without asking, whatever the ring says: the ring
/// keeps retiring keys published for that long (see [`super::RingPolicy::signer_cache`]).
const LONGEST_CACHE: Duration = Duration::from_mins(1);

/// Why there is no key to sign with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// The ring did not answer, or could not.
    #[error(transparent)]
    Fault(Fault),
    /// The key does not open with this Worker's master secrets.
    #[error(transparent)]
    Wrapped(WrapError),
}

/// The opened active key of one isolate.
#[derive(Debug, Default)]
pub struct SigningKeys {
    cached: RefCell<Option<Cached>>,
}

#[derive(Debug)]
struct Cached {
    key: Rc<PrivateKey>,
    refresh_after: Timestamp,
}

impl SigningKeys {
    /// The key to sign with at `now`, from memory or from the ring.
    ///
    /// Requests that miss at the same time each ask: waiting for another request's answer is
    /// not possible on the platform. A key whose time is over is not used even when the ring
    /// is out of reach: it may be revoked.
    pub async fn current(
        &self,
        ring: &impl KeyRingObject,
        masters: &Masters,
        now: Timestamp,
    ) -> Result<Rc<PrivateKey>, SigningKeyError> {
        if let Some(key) = self.cached(now) {
            return Ok(key);
        }
        let (wrapped, refresh_after) = ring.signing_key().await.map_err(SigningKeyError::Fault)?;
        let key = Rc::new(wrapped.open(masters).map_err(SigningKeyError::Wrapped)?);
        let refresh_after = refresh_after.min(now.plus(LONGEST_CACHE));
        *self.cached.borrow_mut() = Some(Cached { key: Rc::clone(&key), refresh_after });
        Ok(key)
    }

    /// Forgets the key, after a rotation that this isolate ordered itself.
    pub fn forget(&self) {
        *self.cached.borrow_mut() = None;
    }

    fn cached(&self, now: Timestamp) -> Option<Rc<PrivateKey>> {
        let cached = self.cached.borrow();
        let fresh = |cached: &&Cached| !now.has_reached(cached.refresh_after, LONGEST_CACHE);
        cached.as_ref().filter(fresh).map(|cached| Rc::clone(&cached.key))
    }
}
