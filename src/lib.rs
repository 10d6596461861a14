//! Postern: JWT authentication at the edge.
pub mod encoding;
pub mod ids;
pub mod jose;
pub mod jwks;
pub mod jwt;
pub mod ports;
pub mod time;

#[cfg(target_family = "wasm")]
mod edge;
