//! A subject's sessions, seen and ended by an administrator.

use super::Asked;
use crate::{
    account::{AccountAnswer, AccountRequest, Accounts as _},
    http::Reply,
    ids::{AccountId, FamilyId},
    ports::Part,
    refresh::Revocation,
    service::{ApiError, Ports, Service, credentials::undecided, sessions::session_list},
};

impl Asked<'_> {
    /// The account that the first `{...}` names.
    pub(super) fn account(&self) -> Result<AccountId, ApiError> {
        self.parameter(0).parse().map_err(|_| ApiError::UserNotFound)
    }
}

impl<P: Ports> Service<P> {
    /// `GET /admin/users/{user_id}/sessions`: the live ones; none for a user who never was.
    pub(super) async fn admin_sessions(&self, asked: &Asked<'_>) -> Result<Reply, ApiError> {
        let account = asked.account()?;
        match self.ports.accounts().ask(account, &AccountRequest::Sessions).await? {
            AccountAnswer::Sessions { sessions } => Ok(session_list(sessions, asked.admin.session.family)),
            AccountAnswer::Unavailable { cause } => Err(undecided(cause)),
            _ => Err(Self::misplaced(Part::Account)),
        }
    }

    /// `DELETE /admin/users/{user_id}/sessions/{session_id}`.
    pub(super) async fn admin_end_session(&self, asked: &Asked<'_>) -> Result<Reply, ApiError> {
        let account = asked.account()?;
        let family: FamilyId = asked.parameter(1).parse().map_err(|_| ApiError::SessionNotFound)?;
        let ask = AccountRequest::Revoke { family, reason: Revocation::Operator };
        if self.end_for(account, &ask).await? == 0 {
            return Err(ApiError::SessionNotFound);
        }
        Ok(Reply::empty(204))
    }

    /// `DELETE /admin/users/{user_id}/sessions`: all of them, and no token issued before now
    /// passes where the session is asked about.
    pub(super) async fn admin_end_sessions(&self, asked: &Asked<'_>) -> Result<Reply, ApiError> {
        let account = asked.account()?;
        let ask = AccountRequest::RevokeAll { reason: Revocation::Operator, keep: None };
        self.end_for(account, &ask).await?;
        Ok(Reply::empty(204))
    }

    /// Ends sessions of an account; how many were alive.
    async fn end_for(&self, account: AccountId, ask: &AccountRequest) -> Result<usize, ApiError> {
        match self.ports.accounts().ask(account, ask).await? {
            AccountAnswer::Revoked { ended, .. } => Ok(ended.len()),
            AccountAnswer::Unavailable { cause } => Err(undecided(cause)),
            _ => Err(Self::misplaced(Part::Account)),
        }
    }
}
