//! What a user sees and ends: its sessions, and who it is.

use serde::Serialize;

use super::{
    ApiError, Caller, Ports, Service,
    body::Body,
    credentials::{Session, by_cookie},
    directory::Profile,
    refreshing::with_cookies,
};
use crate::{
    account::{Accounts as _, SessionView},
    http::{Reply, RequestView},
    ids::{AccountId, FamilyId},
    observe::Happening,
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
    #[serde(flatten)]
    person: Person,
}

/// Who it is to people, as far as whoever keeps the user says. Claims of `OpenID` Connect Core
/// section 5.1, but for the login.
#[derive(Debug, Default, Serialize)]
struct Person {
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl From<Profile> for Person {
    fn from(profile: Profile) -> Self {
        let Profile { login, email, email_verified, name, .. } = profile;
        // A login that is an address is the one that was verified.
        let email = email.or_else(|| login.clone().filter(|login| login.contains('@')));
        let email_verified = email_verified.filter(|_| email.is_some());
        Self { login, email, email_verified, name }
    }
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
    /// `GET /auth/me`. Login and address are those of this moment. When whoever keeps the user does
    /// not answer, they are left out, and the log says why: what the token says needs nobody.
    pub(super) async fn me(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (identity, session) = self.own_identity(request).await?;
        let person = match self.profile_of(&session, &identity.subject).await {
            Ok(profile) => Person::from(profile),
            Err(ApiError::Fault(fault)) => {
                self.record_fault(&fault, &Caller::of(request));
                Person::default()
            }
            Err(_) => Person::default(),
        };
        Ok(Reply::json(
            200,
            &Me {
                sub: &identity.subject,
                client_id: identity.client_id.as_deref(),
                scope: identity.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
                roles: identity.roles.iter().map(String::as_str).collect(),
                tenant_id: identity.tenant_id.as_deref(),
                session_id: session.family,
                person,
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
        let sessions = self.ports.accounts().sessions(account).await?;
        Ok(sessions.into_iter().map(|view| SessionRow::of(view, current)).collect())
    }

    /// `DELETE /auth/sessions/{id}`.
    pub(super) async fn end_session(&self, request: &impl RequestView, id: &str) -> Result<Reply, ApiError> {
        let (_, session) = self.own_identity(request).await?;
        let family: FamilyId = id.parse().map_err(|_| ApiError::SessionNotFound)?;
        let ended = self.ports.accounts().revoke(session.account, family, Revocation::User).await?;
        self.record_ended(&session, request, &ended, &Happening::SessionRevoked);
        if ended.is_empty() { Err(ApiError::SessionNotFound) } else { Ok(Reply::empty(204)) }
    }

    /// `DELETE /auth/sessions`: ends all of the user's sessions but the one that asks.
    pub(super) async fn end_other_sessions(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (_, session) = self.own_identity(request).await?;
        let accounts = self.ports.accounts();
        let ended = accounts.revoke_others(session.account, session.family, Revocation::User).await?;
        self.record_ended(&session, request, &ended, &Happening::SessionRevoked);
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
        let parsed = Body::parse(request, body, &["refresh_token"])?;
        let session = match self.proved_session(request, &parsed, everywhere).await {
            // Whoever signs out by a cookie that serves no more is rid of it all the same.
            Err(ApiError::InvalidGrant) if by_cookie(&self.isolate.config, request, body) => {
                return Ok(with_cookies(Reply::from(&ApiError::InvalidGrant), &self.cleared(request)));
            }
            proved => proved?,
        };
        if everywhere {
            let ended = self.ports.accounts().revoke_all(session.account, Revocation::LogoutAll).await?;
            let sessions = u64::try_from(ended.len()).unwrap_or(u64::MAX);
            let happening = Happening::SignedOutEverywhere { sessions };
            self.record_of(&Caller::of(request), (session.account, session.family), happening);
        } else {
            let accounts = self.ports.accounts();
            let ended = accounts.revoke(session.account, session.family, Revocation::Logout).await?;
            self.record_ended(&session, request, &ended, &Happening::SignedOut);
        }
        Ok(with_cookies(Reply::empty(204), &self.cleared(request)))
    }

    /// Records one event for each session of the subject that was alive and has ended.
    fn record_ended(
        &self,
        session: &Session,
        request: &impl RequestView,
        ended: &[FamilyId],
        happening: &Happening,
    ) {
        let caller = Caller::of(request);
        for family in ended {
            self.record_of(&caller, (session.account, *family), happening.clone());
        }
    }
}
