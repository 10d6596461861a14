//! Refresh families through the Account object, as the Worker uses it.

#[cfg(feature = "thorough")]
mod model;
mod object;
mod support;
