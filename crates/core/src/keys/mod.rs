//! The key ring: signing keys, their life cycle, their wrapping, their public view.
//!
//! A key is **published** (clients may learn it), **active** (it signs; always exactly one),
//! **retiring** (it no longer signs, what it signed still verifies) and **retired** (gone from
//! the key set). [`ring`] decides when, without I/O and without a clock; [`object`] is what the
//! `KeyRing` Durable Object does around it; [`signing`] is the Worker's side.

mod client;
pub mod messages;
pub mod object;
pub mod policy;
pub mod ring;
pub mod signer;
pub mod signing;
pub mod wrap;

#[cfg(not(target_family = "wasm"))]
pub mod memory;
#[cfg(not(target_family = "wasm"))]
pub mod native;

pub use client::{KeyRingObject, RingOverview, RotationOrder};
pub use messages::{KeyRingAnswer, KeyRingRequest};
pub use policy::RingPolicy;
pub use signer::{GeneratedKey, PrivateKey, Signer};
pub use wrap::{WrapError, WrappedKey};

use postern_jose::{SignatureAlgorithm, Thumbprint};

/// The id of one of our keys: its thumbprint, so that two keys never share one and no person chooses
/// one.
pub type Kid = Thumbprint;

/// What Postern signs with: ES256 is verified everywhere, with short keys and signatures; Ed25519
/// is the fastest to verify after RSA, and some clients do not know it; RS256, with keys of 2048
/// bits, is for clients that know nothing else.
pub const SIGNING_ALGORITHMS: [SignatureAlgorithm; 3] =
    [SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa, SignatureAlgorithm::Rs256];
