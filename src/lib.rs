//! Postern: JWT authentication at the edge.
#[cfg(target_family = "wasm")]
mod edge;
