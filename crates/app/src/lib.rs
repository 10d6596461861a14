//! Postern's application: its configuration, its route table, and the use cases between a request and its answer.
//!
//! # The map
//!
//! Arrows go down: a room uses the rooms below it. `scripts/check-circles.mjs` holds the files to that.
//!
//! | room | what it does |
//! |---|---|
//! | [`service`] | the face: the calls that the Worker and the tests make |
//! | `router` | leads a request for one of Postern's own paths to its handler |
//! | `gate` | judges requests for routes, and says how they go to their upstream |
//! | `dashboard` | the administrators' pages over their API |
//! | `admin` | the administrators' API |
//! | `oauth` | the authorization server: codes, tokens, grants, its metadata |
//! | `auth` | sign-in, refresh, sessions, passwords: the calls of `/auth` |
//! | `throttle` | limits, lockouts, the admission of sign-ins |
//! | `access` | from an access token to an identity: key sets, verification, revocation |
//! | `web` | the table of endpoints, bodies, cookies, CSRF tokens, origins, errors |
//! | `runtime` | what one request has at hand: ports, events, work after the answer |
//! | `isolate` | what an isolate keeps between requests |
//! | [`config`] | variables and secrets into typed values |
//!
//! And of `postern-core` and [`postern-jose`](jose), whose modules this crate names as its own:
//!
//! | module | what it decides |
//! |---|---|
//! | [`jose`], [`jwt`] | is this token authentic, and valid here and now |
//! | [`jwks`], [`issuer_keys`] | whose keys, how old, from where |
//! | [`keys`] | our own signing keys and their life |
//! | [`refresh`], [`account`] | refresh families, and all families of one subject |
//! | [`revocation`] | what was revoked while its access tokens are out |
//! | [`identity`] | users, logins, passwords |
//! | [`postern_core::throttle`], [`rate`] | how often, and after how many failures |
//! | [`billing`] | what the counts cost |
//! | [`events`], [`metrics`], [`audit`] | security events without secrets, counts, and the log of administrative acts |
//!
//! [`encoding`], [`http`], [`ids`], [`json`], [`message`], [`secrets`], [`text`] and [`time`] are shared by
//! all of these. Nothing here knows a platform: the package `postern` in `src/` is the Worker.
//!
//! # The way of a request through the gate
//!
//! [`service::Service::try_sync`] → [`gateway::Gate::find`] (one normal form of the path) →
//! [`gateway::credentials`] → [`jose::UnverifiedToken::parse`] → [`jose::verify`] → a
//! [`jose::VerifiedJws`] → [`jwt::validate`] → a [`jwt::AccessToken`] → a
//! [`gateway::Identity`] → [`gateway::decide`] → [`gateway::Gate::plan`] → the upstream. Each
//! arrow is the only way to the type behind it.
pub use postern_core::{
    access_token, account, audit, billing, events, http, identity, ids, issuer_keys, keys, message, metrics,
    ports, rate, refresh, resource, revocation, secrets, trace,
};
pub use postern_gateway as gateway;
pub use postern_jose::{self as jose, compact, encoding, json, jwks, jwt, text, time};
pub use postern_oauth::{documents as client_documents, stored};

mod access;
mod admin;
mod auth;
pub mod config;
mod dashboard;
mod gate;
mod isolate;
mod oauth;
#[cfg(test)]
#[cfg(feature = "thorough")]
mod openapi_tests;
mod pages;
mod router;
mod runtime;
pub mod service;
mod throttle;
mod web;

// The native tests in tests/: they speak of this crate by its name, as its users do.
#[cfg(test)]
extern crate self as postern_app;
#[cfg(test)]
mod testing;
#[cfg(test)]
#[path = "../tests/mod.rs"]
mod tests;
