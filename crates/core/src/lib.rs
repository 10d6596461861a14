//! What Postern decides on one thing alone: a token, a key, a family, an account, an attempt.
//!
//! `postern-app` puts these modules together and has the map of them: routes, configuration and the use cases between a
//! request and its answer are there, the platform is in the package `postern`. Nothing here knows of any of that.
pub mod access_token;
pub mod account;
pub mod audit;
pub mod billing;
mod envelope;
pub mod events;
pub mod fetching;
pub mod http;
pub mod identity;
pub mod ids;
pub mod issuer_keys;
pub mod keys;
pub mod message;
pub mod metrics;
pub mod ports;
pub mod rate;
pub mod refresh;
pub mod resource;
pub mod revocation;
pub mod secrets;
pub mod throttle;
pub mod trace;
