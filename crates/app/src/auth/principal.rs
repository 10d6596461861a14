//! A user in sign-ins and profiles, from any store of users.

use serde::{Deserialize, Serialize};

use crate::{identity::User, ids::AccountId};

/// The profile of a user: the answer of the identity service, and the content of an export.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UserProfile {
    pub(crate) subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) login: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email_verified: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_at: Option<u64>,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) amr: Vec<String>,
}

/// The user who signs in, from any store of users.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) account: AccountId,
    pub(crate) subject: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) tenant_id: Option<String>,
    pub(crate) amr: Vec<String>,
    pub(crate) credential_version: u64,
}

impl UserProfile {
    pub(crate) fn of(user: User) -> Self {
        Self {
            subject: user.account.to_string(),
            login: Some(user.login.as_str().to_owned()),
            email: None,
            name: None,
            email_verified: Some(user.email_verified),
            created_at: Some(user.created_at.seconds()),
            scopes: user.grants.scopes,
            roles: user.grants.roles,
            tenant_id: user.grants.tenant_id,
            amr: Vec::new(),
        }
    }
}

impl From<User> for Principal {
    fn from(user: User) -> Self {
        Self {
            account: user.account,
            subject: user.account.to_string(),
            scopes: user.grants.scopes,
            roles: user.grants.roles,
            tenant_id: user.grants.tenant_id,
            amr: vec!["pwd".to_owned()],
            credential_version: user.credential_version,
        }
    }
}
