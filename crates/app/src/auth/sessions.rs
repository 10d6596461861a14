//! `/auth/sessions`: a user lists their sessions and ends them.

use crate::{
    access::session::Session,
    account::Accounts as _,
    auth::{session_auth::SessionAuth, session_list::SessionList},
    events::EventKind,
    http::{Reply, RequestView},
    ids::FamilyId,
    refresh::Revocation,
    runtime::{Runtime, events::Events, ports::Ports},
    web::{caller::Caller, error::ApiError},
};

/// What the calls of `/auth/sessions` need.
pub(crate) struct OwnSessions<'r, P: Ports> {
    accounts: &'r P::Accounts,
    auth: SessionAuth<'r, P>,
    session_list: SessionList<'r, P>,
    events: Events<'r, P>,
}

impl<'r, P: Ports> OwnSessions<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            accounts: runtime.ports.accounts(),
            auth: SessionAuth::of(runtime),
            session_list: SessionList::of(runtime),
            events: Events::of(runtime),
        }
    }

    /// `GET /auth/sessions`.
    pub(crate) async fn sessions(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (_, session) = self.auth.own_identity(request).await?;
        self.session_list.session_list(session.account, session.family).await
    }

    /// `DELETE /auth/sessions/{id}`.
    pub(crate) async fn end_session(&self, request: &impl RequestView, id: &str) -> Result<Reply, ApiError> {
        let (_, session) = self.auth.own_identity(request).await?;
        let family: FamilyId = id.parse().map_err(|_| ApiError::SessionNotFound)?;
        let ended = self.accounts.revoke(session.account, family, Revocation::User).await?;
        self.record_ended(&session, request, &ended, &EventKind::SessionRevoked);
        if ended.is_empty() { Err(ApiError::SessionNotFound) } else { Ok(Reply::empty(204)) }
    }

    /// `DELETE /auth/sessions`: ends all sessions of the user except for the current one.
    pub(crate) async fn end_other_sessions(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (_, session) = self.auth.own_identity(request).await?;
        let accounts = self.accounts;
        let ended = accounts.revoke_others(session.account, session.family, Revocation::User).await?;
        self.record_ended(&session, request, &ended, &EventKind::SessionRevoked);
        Ok(Reply::empty(204))
    }

    /// Records an event for each live session of the subject that has ended.
    pub(crate) fn record_ended(
        &self,
        session: &Session,
        request: &impl RequestView,
        ended: &[FamilyId],
        happening: &EventKind,
    ) {
        let caller = Caller::of(request);
        for family in ended {
            self.events.record_of(&caller, (session.account, *family), happening.clone());
        }
    }
}
