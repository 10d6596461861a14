//! The session of one of the deployment's access tokens.

use crate::{
    config::{Config, IdentitySource},
    gateway::Statement,
    ids::{AccountId, FamilyId},
};

/// A session that was authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) account: AccountId,
    pub(crate) family: FamilyId,
}

/// As above, by the configuration alone.
pub(crate) fn session_of(config: &Config, identity: &Statement) -> Option<Session> {
    let account = match &config.identity {
        IdentitySource::Store => identity.subject.parse().ok()?,
        IdentitySource::Service { issuer, .. } => AccountId::of_subject(issuer, &identity.subject),
    };
    let family = identity.session_id.as_deref()?.parse().ok()?;
    Some(Session { account, family })
}
