//! Refresh families through the Account object, as the Worker uses it.

mod browser;
#[cfg(feature = "thorough")]
mod model;
mod object;
mod support;
