//! The revocation feed's object against a plain model, through faults and crashes; and what a
//! large feed costs.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod object;
mod size;
