//! What the Worker and the `KeyRing` object say to each other, as JSON.

use serde::{Deserialize, Serialize};

use super::{Kid, WrappedKey};
use crate::{message::Message, ports::Component};
use postern_jose::{PublicJwkSet, SignatureAlgorithm, time::Timestamp};

/// What is asked of the ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRingRequest {
    /// The key to sign with now.
    Signing {},
    /// The key set to publish.
    PublicSet {},
    /// Every key and its state, for the operator.
    Overview {},
    /// Make the published key sign now. Refused while it is younger than the clients' caches,
    /// unless forced. With an algorithm other than the published key's, a fresh key is made
    /// first, and the rotation follows as soon as the caches allow (at once when forced).
    Rotate {
        /// Promote even a key that clients may not know yet.
        force: bool,
        /// Change to this algorithm; `None` keeps the one in force.
        #[serde(default)]
        algorithm: Option<SignatureAlgorithm>,
    },
    /// Take this key out of use and out of the key set now: what it signed dies.
    RevokeKey {
        /// The key.
        kid: Kid,
    },
}

impl Message for KeyRingRequest {
    fn is_repeatable(&self) -> bool {
        match self {
            // A key that is revoked stays so.
            Self::Signing {} | Self::PublicSet {} | Self::Overview {} | Self::RevokeKey { .. } => true,
            // It would rotate twice.
            Self::Rotate { .. } => false,
        }
    }
}

/// What the ring answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRingAnswer {
    /// The active key, still wrapped: the Worker opens it with its own master secret.
    Signing {
        /// The key.
        key: WrappedKey,
        /// Ask again from this time on, and do not sign with the key any more.
        refresh_after: Timestamp,
    },
    /// The key set.
    PublicSet {
        /// The keys.
        set: PublicJwkSet,
    },
    /// Every key, oldest state first: active, published, retiring, retired.
    Overview {
        /// The keys.
        keys: Vec<KeySummary>,
        /// When a rotation that was asked for will happen, if one was.
        #[serde(default)]
        rotate_at: Option<Timestamp>,
    },
    /// A rotation took place.
    Rotated {
        /// The key that signs now.
        kid: Kid,
        /// The one that signed before.
        former: Kid,
    },
    /// A key of another algorithm is published now and will sign from then on.
    RotationScheduled {
        /// The key.
        kid: Kid,
        /// When it will sign.
        at: Timestamp,
    },
    /// The published key is too young: some clients may not know it yet.
    RotationRefused {
        /// The key.
        kid: Kid,
        /// When it will be old enough.
        ready_at: Timestamp,
    },
    /// The key is out of use, now or already before.
    KeyRevoked {
        /// The key revoked.
        kid: Kid,
        /// The key that signs now.
        active: Kid,
    },
    /// No such key.
    UnknownKey {
        /// The key asked for.
        kid: Kid,
    },
    /// The ring could not do it; nothing was changed, asking again is safe.
    Unavailable {
        /// What failed.
        part: Component,
    },
}

/// One key as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySummary {
    /// The key.
    pub kid: Kid,
    /// What it signs with.
    pub alg: SignatureAlgorithm,
    /// The master its private half is wrapped under; none once it has stopped signing.
    #[serde(default)]
    pub master: Option<u8>,
    /// Where it stands.
    pub state: KeyState,
}

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// In the key set, does not sign yet.
    Published {
        /// Since when.
        since: Timestamp,
    },
    /// Signs.
    Active {
        /// Since when.
        since: Timestamp,
    },
    /// In the key set, does not sign any more, its private half is destroyed.
    Retiring {
        /// When it leaves the key set.
        until: Timestamp,
    },
    /// Out of the key set.
    Retired {
        /// Since when.
        since: Timestamp,
        /// Why.
        cause: RetiredCause,
    },
}

/// Why a key is out of the key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetiredCause {
    /// Everything it signed has expired.
    Expired,
    /// It was revoked by the operator.
    Revoked,
    /// It never signed: another algorithm or another master took its place.
    Unused,
}
