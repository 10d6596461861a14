//! What a route says of the protected resource that it belongs to (RFC 9728).

use std::collections::BTreeSet;

use postern_core::resource::ResourceId;

/// The protected resource that a route belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedResource {
    /// What the audience of an access token must name.
    pub id: ResourceId,
    /// Where clients get access tokens: the issuers that the route accepts, in order of preference.
    pub authorization_servers: Vec<String>,
    /// The scopes without which a client can do nothing here, for its first authorization request. Others are asked for
    /// when a request needs them.
    pub scopes: BTreeSet<String>,
    /// Every scope that a route of the resource takes.
    pub known_scopes: BTreeSet<String>,
    /// The name that clients show to people.
    pub name: Option<String>,
    /// A page for developers.
    pub documentation: Option<String>,
}
