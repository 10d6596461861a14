//! The native tests of whole parts, each through what its modules give to others. They are
//! compiled with the crate's own tests, in one piece: a binary for each would compile the crate
//! twice and link it nine times (docs/decisions/0009).

#[cfg(feature = "thorough")]
mod arbitrary;
mod attacks;
mod config_pages;
mod config_routes;
mod config_variables;
#[cfg(feature = "thorough")]
mod documentation;
mod keys_object;
mod keys_support;
mod keys_two_years;
mod messages;
mod refresh;
mod revocation;
mod rows_written;
mod service;
mod verify_attacks;
