//! Postern: JWT authentication at the edge.
pub mod encoding;
pub mod identity;
pub mod ids;
pub mod keys;
pub mod observe;
pub mod ports;
pub mod secrets;
pub mod time;

#[cfg(target_family = "wasm")]
mod edge;
