//! The profile of a signed-in user, from the database or the identity service.

use crate::{
    access::session::Session,
    auth::{identity_service::IdentityService, principal::UserProfile},
    config::IdentitySource,
    gateway::Challenge,
    identity::IdentityStore as _,
    runtime::{Runtime, ports::Ports},
    web::error::ApiError,
};

/// Looks up the profile of a signed-in user.
pub(crate) struct Profiles<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Profiles<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The profile of a user, from the store of users.
    pub(crate) async fn profile_of(&self, session: &Session, subject: &str) -> Result<UserProfile, ApiError> {
        match &self.0.isolate.config.identity {
            IdentitySource::Store => {
                let user = self.0.ports.identity().find(session.account).await?;
                Ok(UserProfile::of(user.ok_or(ApiError::Challenge(Challenge::InvalidToken))?))
            }
            IdentitySource::Service { binding, .. } => {
                IdentityService::of(self.0).profile(binding, subject).await
            }
        }
    }
}
