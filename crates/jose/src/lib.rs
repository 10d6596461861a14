//! JSON Web Keys, Signatures, and Tokens, for code that decides who may pass: strict where a token is
//! signed, and without a platform, a clock, or a network of its own.
//!
//! # The order of trust
//!
//! Each step is the only way to the type behind it.
//!
//! 1. [`UnverifiedToken::parse`] takes a compact token apart. The type reveals only what is needed to
//!    choose a key.
//! 2. [`verify()`] checks the signature with the one matching key of a [`JwkSet`], and makes a
//!    [`VerifiedJws`]. The key decides the algorithm; the header never does.
//! 3. [`jwt::validate`] checks header, claims, and times against the issuer's
//!    [`ValidationPolicy`](jwt::ValidationPolicy), and makes an [`AccessToken`](jwt::AccessToken).
//!
//! ```
//! use postern_jose::{
//!     JwkSet, UnverifiedToken,
//!     jwt::{ValidationPolicy, validate},
//!     native::NativeVerifier,
//!     time::Timestamp,
//!     verify,
//! };
//!
//! # pollster::block_on(async {
//! let keys = JwkSet::parse(
//!     br#"{"keys":[{"kty":"EC","crv":"P-256","kid":"k1",
//!         "x":"trTBL-ilJOjMAuBtO4kzm4tpgK9J1wVwH3EVPUm41p0",
//!         "y":"muUsjsjj1ruQWJMXG8OY1im9eYqi_0PkxpO5FRY9S1o"}]}"#,
//! )?;
//! let text = concat!(
//!     "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiYXQrand0In0",
//!     ".eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoiYWxpY2UiLCJhdWQiOiJ",
//!     "odHRwczovL2FwaS5leGFtcGxlIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDA2MDB9",
//!     ".-o-tmtfR8JM_E0vIz_NvT3YiUqO8eMCpyQUisCaC6EtYHy_y6DuOa2vdw0Et4Xbhi7D3wyLgJ0yDT4GdJGgh3Q",
//! );
//! let token = UnverifiedToken::parse(text)?;
//! assert_eq!(token.claimed_issuer()?, "https://issuer.example");
//!
//! let jws = verify(&token, &keys, &NativeVerifier).await?;
//! let policy = ValidationPolicy::external("https://issuer.example", vec!["https://api.example".into()]);
//! let access_token = validate(jws, &policy, Timestamp::from_seconds(1_700_000_300))?;
//! assert_eq!(access_token.claims().sub, "alice");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # The parts
//!
//! | part | what is in it |
//! |---|---|
//! | [`PublicKey`], [`JwkSet`] | keys (RFC 7517, 7518, 8037), each checked before it verifies anything |
//! | [`Thumbprint`] | the name of a key that follows from the key (RFC 7638) |
//! | [`UnverifiedToken`], [`verify()`], [`PendingVerification`], [`SignatureVerifier`] | signatures (RFC 7515) |
//! | [`jwt`] | claims (RFC 7519, 9068) and their validation (RFC 8725) |
//! | [`jwks`] | how old the key set of an issuer may be, and when a newer one is fetched |
//! | [`compact`] | writing tokens; the signature is the caller's |
//! | [`json`] | strict JSON (RFC 8259 read with RFC 7493) |
//! | [`encoding`], [`text`], [`time`], [`url`] | base64url and hexadecimal, text for logs, points in time, the parts of a URL |
//!
//! Signatures are checked by a [`SignatureVerifier`]: an implementation over the platform's
//! cryptography, or `native::NativeVerifier` outside of WASM. It knows ES256; the feature
//! `all-algorithms` adds ES384, Ed25519, RS256, and PS256.
#![warn(missing_docs)]

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
pub mod url;
mod verify;

pub use algorithm::{SignatureAlgorithm, UnsupportedAlgorithm};
pub use error::{About, ClaimFault, TokenError};
pub use jwk::{JwkError, KeyMaterial, PublicJwk, PublicKey};
pub use key_set::{JwkSet, JwkSetError, KeyMismatch, PublicJwkSet, SkippedKey, UsableKeys};
pub use thumbprint::{MalformedThumbprint, Thumbprint};
pub use token::{KnownHeaders, MAX_TOKEN_BYTES, ReadHeader, UnverifiedToken};
pub use verify::{PendingVerification, SignatureVerifier, VerifiedJws, VerifyError, verify};
