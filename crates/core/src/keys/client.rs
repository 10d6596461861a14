//! The `KeyRing` object as the Worker calls it: one method for each request.

use super::{
    Kid, WrappedKey,
    messages::{KeyRingAnswer, KeyRingRequest, KeySummary},
};
use crate::ports::{Component, Fault};
use postern_jose::{PublicJwkSet, SignatureAlgorithm, time::Timestamp};

/// Every key of the ring, for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingOverview {
    /// The keys, by state: active, published, retiring, retired.
    pub keys: Vec<KeySummary>,
    /// The time of a rotation that an operator ordered and that has not happened yet.
    pub rotate_at: Option<Timestamp>,
}

/// The answer to an ordered rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationOrder {
    /// Another key signs now.
    Rotated {
        /// The key that signs now.
        kid: Kid,
        /// The key that signed before.
        former: Kid,
    },
    /// A key of another algorithm is published now and will sign later.
    Scheduled {
        /// The key.
        kid: Kid,
        /// The time from which it signs.
        at: Timestamp,
    },
    /// Some clients may not know the published key yet, and the order did not force it. Nothing changed.
    TooYoung {
        /// The time from which the key is old enough.
        ready_at: Timestamp,
    },
}

/// The `KeyRing` object of our issuer, seen from the Worker.
///
/// Every method fails with a [`Fault`] when the ring cannot be reached, names a failed part
/// ([`KeyRingAnswer::Unavailable`]), or gives an answer of another kind than the request.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait KeyRingObject {
    /// Sends one message to the ring. A [`Fault`] is transport, or an answer that cannot be read. Callers use the methods
    /// below.
    async fn ask(&self, request: &KeyRingRequest) -> Result<KeyRingAnswer, Fault>;

    /// The active key, still wrapped, and the time from which a Worker must not sign with it without asking again.
    async fn signing_key(&self) -> Result<(WrappedKey, Timestamp), Fault> {
        match self.ask(&KeyRingRequest::Signing {}).await? {
            KeyRingAnswer::Signing { key, refresh_after } => Ok((key, refresh_after)),
            other => Err(misplaced(&other)),
        }
    }

    /// The key set to publish.
    async fn public_set(&self) -> Result<PublicJwkSet, Fault> {
        match self.ask(&KeyRingRequest::PublicSet {}).await? {
            KeyRingAnswer::PublicSet { set } => Ok(set),
            other => Err(misplaced(&other)),
        }
    }

    /// Every key that the ring knows, with its state.
    async fn overview(&self) -> Result<RingOverview, Fault> {
        match self.ask(&KeyRingRequest::Overview {}).await? {
            KeyRingAnswer::Overview { keys, rotate_at } => Ok(RingOverview { keys, rotate_at }),
            other => Err(misplaced(&other)),
        }
    }

    /// Makes the published key sign now, or a new key of another algorithm as soon as clients' caches allow it. `force`
    /// does not wait for those caches. A repeated call rotates twice.
    async fn rotate(
        &self,
        force: bool,
        algorithm: Option<SignatureAlgorithm>,
    ) -> Result<RotationOrder, Fault> {
        match self.ask(&KeyRingRequest::Rotate { force, algorithm }).await? {
            KeyRingAnswer::Rotated { kid, former } => Ok(RotationOrder::Rotated { kid, former }),
            KeyRingAnswer::RotationScheduled { kid, at } => Ok(RotationOrder::Scheduled { kid, at }),
            KeyRingAnswer::RotationRefused { ready_at, .. } => Ok(RotationOrder::TooYoung { ready_at }),
            other => Err(misplaced(&other)),
        }
    }

    /// Takes a key out of use and out of the key set. Returns the key that signs now, or `None` when the ring has no key
    /// of this id.
    async fn revoke_key(&self, kid: Kid) -> Result<Option<Kid>, Fault> {
        match self.ask(&KeyRingRequest::RevokeKey { kid }).await? {
            KeyRingAnswer::KeyRevoked { active, .. } => Ok(Some(active)),
            KeyRingAnswer::UnknownKey { .. } => Ok(None),
            other => Err(misplaced(&other)),
        }
    }
}

fn misplaced(answer: &KeyRingAnswer) -> Fault {
    match answer {
        KeyRingAnswer::Unavailable { part } => Fault::new(*part, "the key ring is unavailable"),
        _ => Fault::misplaced(Component::KeyRing),
    }
}
