//! The sessions of a subject, for administrators.

use crate::{
    account::Accounts as _,
    admin::request::AdminRequest,
    auth::{activity::ActivityList, session_list::SessionList},
    http::Reply,
    ids::FamilyId,
    oauth::grants::{OwnGrants, end_grant},
    refresh::Revocation,
    runtime::{Runtime, ports::Ports},
    web::error::ApiError,
};

/// What the calls about the sessions of a user need.
pub(crate) struct AdminSessions<'r, P: Ports> {
    runtime: &'r Runtime<P>,
    accounts: &'r P::Accounts,
    session_list: SessionList<'r, P>,
}

impl<'r, P: Ports> AdminSessions<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self { runtime, accounts: runtime.ports.accounts(), session_list: SessionList::of(runtime) }
    }

    /// `GET /admin/users/{sub}/sessions`: the live sessions. The list is empty for a user who does not exist.
    pub(crate) async fn list(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        self.session_list.session_list(asked.account()?, asked.admin.session.family).await
    }

    /// `GET /admin/users/{sub}/grants`: the live grants of OAuth clients, as their user sees them.
    pub(crate) async fn grants(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        OwnGrants::of(self.runtime).list(asked.account()?).await
    }

    /// `DELETE /admin/users/{sub}/grants/{grant_id}`. The consent is forgotten, too.
    pub(crate) async fn end_grant(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let account = asked.account()?;
        let grant: FamilyId = asked.parameter(1).parse().map_err(|_| ApiError::GrantNotFound)?;
        let by = Revocation::Operator;
        end_grant(self.runtime, &asked.caller, (account, grant), None, by)
            .await?
            .ok_or(ApiError::GrantNotFound)?;
        Ok(Reply::empty(204))
    }

    /// `GET /admin/users/{sub}/activity`: what happened to the account, as its user sees it.
    pub(crate) async fn activity(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        ActivityList::of(self.runtime).list(asked.account()?).await
    }

    /// `DELETE /admin/users/{sub}/sessions/{session_id}`.
    pub(crate) async fn end(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let account = asked.account()?;
        let family: FamilyId = asked.parameter(1).parse().map_err(|_| ApiError::SessionNotFound)?;
        let ended = self.accounts.revoke(account, family, Revocation::Operator).await?;
        if ended.is_empty() {
            return Err(ApiError::SessionNotFound);
        }
        Ok(Reply::empty(204))
    }

    /// `DELETE /admin/users/{sub}/sessions`: ends all sessions. Tokens that were issued before are refused wherever the
    /// session is checked.
    pub(crate) async fn end_all(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let account = asked.account()?;
        self.accounts.revoke_all(account, Revocation::Operator).await?;
        Ok(Reply::empty(204))
    }
}
