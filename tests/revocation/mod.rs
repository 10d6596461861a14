//! The revocation feed's object against a plain model, through faults and crashes; and what a
//! large feed costs.
mod object;
mod size;
