//! What Postern decides on one thing alone: a token, a key, a family, an account, an attempt.
//!
//! The package `postern` puts these modules together, has the map of them (`src/lib.rs`), and names them as its own:
//! routes, configuration, the use cases between a request and its answer, and the platform are there. Nothing here knows
//! of any of that (docs/decisions/0012).
pub mod abuse;
pub mod account;
pub mod encoding;
pub mod http;
pub mod identity;
pub mod ids;
pub mod jose;
pub mod json;
pub mod jwks;
pub mod jwt;
pub mod keys;
pub mod observe;
pub mod ports;
pub mod refresh;
pub mod revocation;
pub mod secrets;
pub mod text_map;
pub mod time;
