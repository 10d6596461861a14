//! Postern: JWT authentication at the edge.
pub mod account;
pub mod encoding;
pub mod ids;
pub mod ports;
pub mod refresh;
pub mod secrets;
pub mod time;

#[cfg(target_family = "wasm")]
mod edge;
