//! The key set of a trusted issuer: what the Worker and the issuer's one object, which alone
//! fetches, say to each other.
//!
//! [`postern_jose::jwks`] decides; [`IssuerKeys`] is what the object does with those decisions: one
//! fetch at a time.

mod client;
mod messages;
mod object;

pub use client::{IssuerKeySet, IssuerKeysObjects, NoKeySet};
pub use messages::{IssuerKeysAnswer, IssuerKeysRequest, Unavailable};
pub use object::IssuerKeys;
