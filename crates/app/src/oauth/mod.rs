//! The authorization server: its endpoints, and the decision about an authorization request, which the pages show.
//!
//! It is there if `POSTERN_CLIENTS` has a client with `redirect_uris`. Its rules are in `postern-oauth`.

pub(crate) mod authorization;
mod resources;
