//! The Worker as it is deployed: what `postern` exports to JavaScript, linked into one module.
#[cfg(target_family = "wasm")]
pub use postern;
