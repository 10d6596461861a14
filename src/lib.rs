//! Postern: JWT authentication at the edge. One Worker that signs users in, and stands in
//! front of origins as their gate.
//!
//! # The map
//!
//! | module | what it decides |
//! |---|---|
//! | [`gateway`] | routes, policy, paths and headers |
//! | [`config`] | variables and secrets into typed values |
//! | [`service`] | the use cases over [`ports`]: what happens between a request and its answer |
//! | `edge` | WASM only: bindings, `WebCrypto`, objects, HTTP; no decision of its own |
//!
//! And of the package `postern-core` in `core/`, which decides on one thing alone:
//!
//! | module | what it decides |
//! |---|---|
//! | [`jose`], [`jwt`] | is this token authentic, and valid here and now |
//! | [`jwks`] | whose keys, how old, from where |
//! | [`keys`] | our own signing keys and their life |
//! | [`refresh`], [`account`] | refresh families, and all families of one subject |
//! | [`revocation`] | what was revoked while its access tokens are out |
//! | [`identity`] | users, logins, passwords |
//! | [`abuse`] | how often, and after how many failures |
//! | [`observe`] | what is told of all this, and what never is |
//!
//! [`encoding`], [`http`], [`ids`], [`json`], [`secrets`], [`text_map`] and [`time`] are the common words. Nothing but
//! `edge` knows a platform, and the compiler holds it to that: the platform's crates are
//! dependencies of the WASM target alone.
//!
//! # The way of a request through the gate
//!
//! [`service::Service::at_once`] → [`gateway::Gate::find`] (one normal form of the path) →
//! [`gateway::credentials`] → [`jose::UnverifiedToken::parse`] → [`jose::verify`] → a
//! [`jose::VerifiedJws`] → [`jwt::validate`] → a [`jwt::AccessToken`] → a
//! [`gateway::Identity`] → [`gateway::decide`] → [`gateway::Gate::plan`] → the upstream. Each
//! arrow is the only way to the type behind it.
pub use postern_core::{
    abuse, account, encoding, http, identity, ids, jose, json, jwks, jwt, keys, observe, ports, refresh,
    revocation, secrets, text_map, time,
};

pub mod config;
pub mod gateway;
pub mod service;

#[cfg(target_family = "wasm")]
mod edge;

// The native tests in tests/: they speak of this crate by its name, as its users do.
#[cfg(test)]
extern crate self as postern;
#[cfg(test)]
#[path = "../tests/mod.rs"]
mod tests;
