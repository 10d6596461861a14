//! Refresh families through the Account object, as the Worker uses it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod model;
mod object;
mod support;
