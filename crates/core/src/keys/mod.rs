//! The key ring: signing keys, their life cycle, their wrapping, their public view.
//!
//! A key is **published** (clients may learn it), **active** (it signs; always exactly one),
//! **retiring** (it no longer signs, what it signed still verifies) and **retired** (gone from
//! the key set). [`ring`] decides when, without I/O and without a clock; [`object`] is what the
//! `KeyRing` Durable Object does around it; [`signing`] is the Worker's side.

pub mod algorithm;
mod client;
pub mod jwk;
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

pub use algorithm::SigningAlgorithm;
pub use client::{KeyRingObject, RingOverview, RotationOrder};
pub use jwk::{Kid, PublicJwk, PublicJwkSet};
pub use messages::{KeyRingAnswer, KeyRingRequest};
pub use policy::RingPolicy;
pub use signer::{GeneratedKey, PrivateKey, Signer};
pub use wrap::{WrapError, WrappedKey};
