//! Refresh families through the Account object, as the Worker uses it.

mod model;
mod object;
mod support;
