//! Keys and signatures (RFC 7515, 7517, 7518, 8037): what is parsed from a token or a key set
//! before and while its signature is verified.
//!
//! The order of trust: [`UnverifiedToken::parse`] gives a type that reveals only what is needed
//! to choose a key; [`verify`] alone makes a [`VerifiedJws`] of it; `jwt::validate` alone makes
//! an access token of that. The key decides the algorithm, the header never does.

mod algorithm;
pub mod compact;
mod curve;
mod document;
pub mod encoding;
mod error;
pub mod json;
mod jwk;
pub mod jwks;
pub mod jwt;
mod key_set;
#[cfg(not(target_family = "wasm"))]
pub mod native;
mod rsa;
pub mod text;
mod thumbprint;
pub mod time;
mod token;
mod verify;

pub use algorithm::{SignatureAlgorithm, UnsupportedAlgorithm};
pub use error::{About, ClaimFault, TokenError};
pub use jwk::{JwkError, KeyMaterial, PublicJwk, PublicKey};
pub use key_set::{JwkSet, JwkSetError, KeyMismatch, PublicJwkSet, SkippedKey, UsableKeys};
pub use thumbprint::{MalformedThumbprint, Thumbprint};
pub use token::{KnownHeaders, MAX_TOKEN_BYTES, ReadHeader, UnverifiedToken};
pub use verify::{SignatureVerifier, VerifiedJws, VerifyError, verify};
