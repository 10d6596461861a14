//! The part of the configuration that routes refer to.

use std::collections::BTreeSet;

use super::types::Profile;
use crate::gateway::ScopeImplications;

/// The part of the configuration that routes refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteContext {
    /// The issuers that routes may name: the deployment's own and the trusted ones.
    pub issuers: BTreeSet<String>,
    /// Those of them that clients can find, in order of preference: this deployment, and the others as they are listed.
    pub authorization_servers: Vec<String>,
    /// Which scope contains which.
    pub scope_implies: ScopeImplications,
    /// The profile. Only the local profile allows upstreams with plain HTTP.
    pub profile: Profile,
    /// Whether pages get the access cookie. Only then may routes accept it.
    pub access_cookie: bool,
    /// The audience of the deployment's access tokens, which assertions must not have.
    pub audience: String,
}
