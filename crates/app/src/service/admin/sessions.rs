//! A subject's sessions, seen and ended by an administrator.

use super::Asked;
use crate::{
    account::Accounts as _,
    http::Reply,
    ids::{AccountId, FamilyId},
    refresh::Revocation,
    service::{ApiError, Ports, Service},
};

impl Asked<'_> {
    /// The account that the first `{...}` names.
    pub(super) fn account(&self) -> Result<AccountId, ApiError> {
        self.parameter(0).parse().map_err(|_| ApiError::UserNotFound)
    }
}

impl<P: Ports> Service<P> {
    /// `GET /admin/users/{sub}/sessions`: the live ones; none for a user who never was.
    pub(super) async fn admin_sessions(&self, asked: &Asked<'_>) -> Result<Reply, ApiError> {
        self.session_list(asked.account()?, asked.admin.session.family).await
    }

    /// `DELETE /admin/users/{sub}/sessions/{session_id}`.
    pub(super) async fn admin_end_session(&self, asked: &Asked<'_>) -> Result<Reply, ApiError> {
        let account = asked.account()?;
        let family: FamilyId = asked.parameter(1).parse().map_err(|_| ApiError::SessionNotFound)?;
        let ended = self.ports.accounts().revoke(account, family, Revocation::Operator).await?;
        if ended.is_empty() {
            return Err(ApiError::SessionNotFound);
        }
        Ok(Reply::empty(204))
    }

    /// `DELETE /admin/users/{sub}/sessions`: all of them, and no token issued before now
    /// passes where the session is asked about.
    pub(super) async fn admin_end_sessions(&self, asked: &Asked<'_>) -> Result<Reply, ApiError> {
        let account = asked.account()?;
        self.ports.accounts().revoke_all(account, Revocation::Operator).await?;
        Ok(Reply::empty(204))
    }
}
