//! The part of the configuration that routes refer to.

use std::collections::BTreeSet;

use super::types::Profile;

/// What a route table is checked against: the part of the configuration that routes refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteContext {
    /// Whose access tokens routes may ask for: our own issuer and the trusted ones.
    pub issuers: BTreeSet<String>,
    /// Where Postern runs: plain HTTP upstreams are for the local profile alone.
    pub profile: Profile,
    /// Whether pages get the access cookie, so that routes may take it.
    pub access_cookie: bool,
    /// The audience of our access tokens, which no assertion may have.
    pub audience: String,
}
