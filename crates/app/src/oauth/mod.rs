//! The authorization server: its endpoints, and the decision about an authorization request, which the pages show.
//!
//! It is there if `POSTERN_CLIENTS` has a client with `redirect_uris`, or `POSTERN_OAUTH` names a place of others. Its rules are in `postern-oauth`.

pub(crate) mod authorization;
mod client_request;
pub(crate) mod clients;
pub(crate) mod cors;
pub(crate) mod documents;
mod grant_tokens;
pub(crate) mod grants;
pub(crate) mod introspection;
pub(crate) mod metadata;
pub(crate) mod refusal;
pub(crate) mod registration;
mod resources;
pub(crate) mod revocation;
pub(crate) mod stored_clients;
pub(crate) mod tokens;
