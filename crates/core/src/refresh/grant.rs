//! What a sign-in granted, as the family remembers it.

use serde::{Deserialize, Serialize};

use postern_jose::time::Timestamp;

/// The snapshot of a sign-in from which every access token of the session is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The `sub` of the access tokens.
    pub subject: String,
    /// The client the refresh token is bound to (RFC 6749 section 6).
    pub client_id: String,
    /// Space-separated scope, as granted.
    pub scope: String,
    /// The subject's roles at the sign-in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The subject's tenant, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// How the subject proved itself (RFC 8176), empty when it was not recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// When it did (`auth_time` of `OpenID` Connect Core, section 2).
    pub auth_time: Timestamp,
}
