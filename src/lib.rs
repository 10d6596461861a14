//! Postern: JWT authentication at the edge.
pub mod account;
pub mod config;
pub mod encoding;
pub mod gateway;
pub mod http;
pub mod identity;
pub mod ids;
pub mod jose;
pub mod jwks;
pub mod jwt;
pub mod keys;
pub mod observe;
pub mod ports;
pub mod refresh;
pub mod secrets;
pub mod service;
pub mod time;

#[cfg(target_family = "wasm")]
mod edge;
