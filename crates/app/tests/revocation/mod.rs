//! The revocation feed's object against a plain model, through faults and crashes; and what a
//! large feed costs.
#[cfg(feature = "thorough")]
mod histories;
mod object;
mod size;
