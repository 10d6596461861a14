//! What a user sees and ends: its sessions, and who it is.

use serde::Serialize;

use super::{
    ApiError, Caller, Ports, Service,
    body::Body,
    credentials::{Session, undecided},
    refreshing::with_cookies,
};
use crate::{
    account::{AccountAnswer, AccountRequest, Accounts as _, SessionView},
    http::{Reply, RequestView},
    ids::{AccountId, FamilyId},
    observe::Happening,
    ports::Part,
    refresh::Revocation,
};

#[derive(Serialize)]
struct Me<'a> {
    sub: &'a str,
    client_id: Option<&'a str>,
    scope: String,
    roles: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    session_id: FamilyId,
}

#[derive(Serialize)]
struct Sessions {
    sessions: Vec<SessionRow>,
}

/// Times in seconds since 1970.
#[derive(Serialize)]
pub(super) struct SessionRow {
    session_id: FamilyId,
    current: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_name: Option<String>,
    client_id: String,
    created_at: u64,
    refreshed_at: u64,
    seen_at: u64,
    expires_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    user_agent: String,
    rotation_count: u32,
}

impl SessionRow {
    fn of(view: SessionView, current: FamilyId) -> Self {
        Self {
            session_id: view.session_id,
            current: view.session_id == current,
            device_name: view.device_name,
            client_id: view.client_id,
            created_at: view.created_at.seconds(),
            refreshed_at: view.refreshed_at.seconds(),
            seen_at: view.seen_at.seconds(),
            expires_at: view.expires_at.seconds(),
            ip: view.context.ip.map(|ip| ip.to_string()),
            country: view.context.country,
            user_agent: view.context.user_agent,
            rotation_count: view.rotation_count,
        }
    }
}

impl<P: Ports> Service<P> {
    /// `GET /auth/me`.
    pub(super) async fn me(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (identity, session) = self.own_identity(request).await?;
        Ok(Reply::json(
            200,
            &Me {
                sub: &identity.subject,
                client_id: identity.client_id.as_deref(),
                scope: identity.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
                roles: identity.roles.iter().map(String::as_str).collect(),
                tenant_id: identity.tenant_id.as_deref(),
                session_id: session.family,
            },
        ))
    }

    /// `GET /auth/sessions`.
    pub(super) async fn sessions(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (_, session) = self.own_identity(request).await?;
        self.session_list(session.account, session.family).await
    }

    /// The answer that lists an account's live sessions; `current` is the one of who asks.
    pub(super) async fn session_list(
        &self,
        account: AccountId,
        current: FamilyId,
    ) -> Result<Reply, ApiError> {
        Ok(Reply::json(200, &Sessions { sessions: self.session_rows(account, current).await? }))
    }

    pub(super) async fn session_rows(
        &self,
        account: AccountId,
        current: FamilyId,
    ) -> Result<Vec<SessionRow>, ApiError> {
        match self.ports.accounts().ask(account, &AccountRequest::Sessions).await? {
            AccountAnswer::Sessions { sessions } => {
                Ok(sessions.into_iter().map(|view| SessionRow::of(view, current)).collect())
            }
            AccountAnswer::Unavailable { cause } => Err(undecided(cause)),
            _ => Err(Self::misplaced(Part::Account)),
        }
    }

    /// `DELETE /auth/sessions/{id}`.
    pub(super) async fn end_session(&self, request: &impl RequestView, id: &str) -> Result<Reply, ApiError> {
        let (_, session) = self.own_identity(request).await?;
        let family: FamilyId = id.parse().map_err(|_| ApiError::SessionNotFound)?;
        let ask = AccountRequest::Revoke { family, reason: Revocation::User };
        match self.end(&session, request, &ask, Happening::SessionRevoked).await? {
            0 => Err(ApiError::SessionNotFound),
            _ => Ok(Reply::empty(204)),
        }
    }

    /// `DELETE /auth/sessions`: ends all of the user's sessions but the one that asks.
    pub(super) async fn end_other_sessions(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (_, session) = self.own_identity(request).await?;
        let ask = AccountRequest::RevokeAll { reason: Revocation::User, keep: Some(session.family) };
        self.end(&session, request, &ask, Happening::SessionRevoked).await?;
        Ok(Reply::empty(204))
    }

    /// `POST /auth/logout` and `POST /auth/logout-all`. Ending what has ended is no error: the
    /// caller wants it to be over, and it is.
    pub(super) async fn logout(
        &self,
        request: &impl RequestView,
        body: &[u8],
        everywhere: bool,
    ) -> Result<Reply, ApiError> {
        let body = Body::parse(request, body, &["refresh_token"])?;
        let session = self.proved_session(request, &body, everywhere).await?;
        if everywhere {
            let ask = AccountRequest::RevokeAll { reason: Revocation::LogoutAll, keep: None };
            let ended = self.end_sessions(session.account, &ask).await?;
            let sessions = u64::try_from(ended.len()).unwrap_or(u64::MAX);
            let happening = Happening::SignedOutEverywhere { sessions };
            self.record_of(&Caller::of(request), (session.account, session.family), happening);
        } else {
            let ask = AccountRequest::Revoke { family: session.family, reason: Revocation::Logout };
            self.end(&session, request, &ask, Happening::SignedOut).await?;
        }
        Ok(with_cookies(Reply::empty(204), &self.cleared(request)))
    }

    /// Ends sessions of the subject and tells of each that was alive; how many were.
    async fn end(
        &self,
        session: &Session,
        request: &impl RequestView,
        ask: &AccountRequest,
        happening: Happening,
    ) -> Result<usize, ApiError> {
        let ended = self.end_sessions(session.account, ask).await?;
        let caller = Caller::of(request);
        for family in &ended {
            self.record_of(&caller, (session.account, *family), happening.clone());
        }
        Ok(ended.len())
    }
}
