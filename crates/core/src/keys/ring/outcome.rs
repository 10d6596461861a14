//! What comes of the calendar, and of wishes to rotate and to revoke.

use postern_jose::{SignatureAlgorithm, time::Timestamp};

use crate::keys::{Kid, messages::RetiredCause};

/// One thing that happened to a key, for the log and the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The ring was made, with this active key.
    Founded {
        /// The first active key.
        kid: Kid,
    },
    /// The key entered the key set.
    Published {
        /// The key.
        kid: Kid,
    },
    /// The key signs now in place of the former.
    Promoted {
        /// The key.
        kid: Kid,
        /// The one before, now retiring or revoked.
        former: Kid,
    },
    /// The key left the key set.
    Retired {
        /// The key.
        kid: Kid,
        /// Why.
        cause: RetiredCause,
    },
    /// The retired key's name was forgotten.
    Removed {
        /// The key.
        kid: Kid,
    },
    /// The private half was sealed again, under this master.
    Rewrapped {
        /// The key.
        kid: Kid,
        /// The current master.
        master: u8,
    },
    /// The private half cannot be opened with the masters in force.
    Sealed {
        /// The key.
        kid: Kid,
    },
}

/// What the calendar asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What was promoted, retired and removed already.
    pub steps: Vec<Step>,
    /// A key of this algorithm has to be generated and handed to [`KeyRing::publish`].
    pub generate: Option<SignatureAlgorithm>,
    /// When to look again at the latest, once nothing is left to generate.
    pub alarm: Timestamp,
}

/// What came of a wish to rotate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// Done.
    Promoted {
        /// The key that signs now.
        kid: Kid,
        /// The one before.
        former: Kid,
    },
    /// The published key will sign from this time on.
    Scheduled {
        /// The key.
        kid: Kid,
        /// When.
        at: Timestamp,
    },
    /// The published key is younger than the clients' caches, or too many keys are retiring.
    TooYoung {
        /// The key.
        kid: Kid,
        /// When it will be old enough.
        ready_at: Timestamp,
    },
    /// A key of this algorithm has to be published first; ask again then.
    NeedsKey(SignatureAlgorithm),
}

/// What came of a wish to revoke a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// Out of use and out of the key set, now or already before.
    Revoked {
        /// The key that signs now.
        active: Kid,
    },
    /// The ring has no such key.
    Unknown,
    /// The active key has no successor: one of this algorithm has to be published first.
    NeedsKey(SignatureAlgorithm),
}
