//! What a user sees and ends: its sessions, and who it is.

use serde::Serialize;

use super::{
    ApiError, Caller, Ports, Service,
    body::Body,
    cookies,
    credentials::{Session, undecided},
};
use crate::{
    account::{AccountAnswer, AccountRequest, Accounts as _, SessionView},
    http::{Reply, RequestView},
    ids::FamilyId,
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

/// The answer that lists sessions.
pub(super) fn session_list(sessions: Vec<SessionView>, current: FamilyId) -> Reply {
    let rows = sessions.into_iter().map(|view| SessionRow::of(view, current)).collect();
    Reply::json(200, &Sessions { sessions: rows })
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
        Ok(Reply::json(200, &Sessions { sessions: self.session_rows(&session).await? }))
    }

    pub(super) async fn session_rows(&self, session: &Session) -> Result<Vec<SessionRow>, ApiError> {
        match self.ports.accounts().ask(session.account, &AccountRequest::Sessions).await? {
            AccountAnswer::Sessions { sessions } => {
                Ok(sessions.into_iter().map(|view| SessionRow::of(view, session.family)).collect())
            }
            AccountAnswer::Unavailable { cause } => Err(undecided(cause)),
            _ => Err(Self::misplaced(Part::Account)),
        }
    }

    /// `DELETE /auth/sessions/{id}`.
    pub(super) async fn end_session(&self, request: &impl RequestView, id: &str) -> Result<Reply, ApiError> {
        let (_, session) = self.own_identity(request).await?;
        let family: FamilyId = id.parse().map_err(|_| ApiError::SessionNotFound)?;
        let ended = self.end(&Session { family, ..session }, request, Revocation::User, false).await?;
        if ended { Ok(Reply::empty(204)) } else { Err(ApiError::SessionNotFound) }
    }

    /// `DELETE /auth/sessions`: ends all of the user's sessions but the one that asks.
    pub(super) async fn end_other_sessions(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (_, session) = self.own_identity(request).await?;
        let ask = AccountRequest::RevokeAll { reason: Revocation::User, keep: Some(session.family) };
        self.revoke(&session, request, &ask, Happening::SessionRevoked).await?;
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
        let reason = if everywhere { Revocation::LogoutAll } else { Revocation::Logout };
        self.end(&session, request, reason, everywhere).await?;
        let cleared = cookies::cleared(&self.isolate.config.cookie);
        Ok(cleared.iter().fold(Reply::empty(204), |reply, cookie| reply.with_header("set-cookie", cookie)))
    }

    /// Ends one session, or all of its subject's; whether any was alive.
    async fn end(
        &self,
        session: &Session,
        request: &impl RequestView,
        reason: Revocation,
        everywhere: bool,
    ) -> Result<bool, ApiError> {
        let (ask, happening) = if everywhere {
            (AccountRequest::RevokeAll { reason, keep: None }, Happening::SignedOutEverywhere { sessions: 0 })
        } else {
            let happening = match reason {
                Revocation::Logout => Happening::SignedOut,
                _ => Happening::SessionRevoked,
            };
            (AccountRequest::Revoke { family: session.family, reason }, happening)
        };
        Ok(self.revoke(session, request, &ask, happening).await? > 0)
    }

    /// Asks the Account object to end sessions and tells of it; how many were alive.
    async fn revoke(
        &self,
        session: &Session,
        request: &impl RequestView,
        ask: &AccountRequest,
        happening: Happening,
    ) -> Result<usize, ApiError> {
        let ended = self.end_sessions(session.account, ask).await?;
        let caller = Caller::of(request);
        if let Happening::SignedOutEverywhere { .. } = happening {
            let sessions = u64::try_from(ended.len()).unwrap_or(u64::MAX);
            let happening = Happening::SignedOutEverywhere { sessions };
            self.record_of(&caller, (session.account, session.family), happening);
        } else {
            for family in &ended {
                self.record_of(&caller, (session.account, *family), happening.clone());
            }
        }
        Ok(ended.len())
    }
}
