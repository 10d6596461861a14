//! What users do with their own account: see what happened, take a copy, verify the address,
//! leave.

use serde::Serialize;

use super::{
    ApiError, Caller, Ports, Service, body::Body, cookies, credentials::Session, directory::Profile,
    refreshing::with_cookies, scopes, sessions::SessionRow,
};
use crate::{
    abuse::Limited,
    account::{Accounts as _, ActivityEntry, ActivityKind, Purpose},
    config::IdentitySource,
    gateway::Challenge,
    http::{Reply, RequestView},
    identity::{IdentityStore as _, User},
    ids::FamilyId,
    observe::{Happening, Setting},
};

#[derive(Serialize)]
struct Activity {
    activity: Vec<ActivityRow>,
}

/// Times in seconds since 1970.
#[derive(Serialize)]
struct ActivityRow {
    at: u64,
    kind: ActivityKind,
    times: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<FamilyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    user_agent: String,
}

impl From<ActivityEntry> for ActivityRow {
    fn from(entry: ActivityEntry) -> Self {
        Self {
            at: entry.at.seconds(),
            kind: entry.kind,
            times: entry.times,
            session_id: entry.session_id,
            ip: entry.context.ip.map(|ip| ip.to_string()),
            country: entry.context.country,
            user_agent: entry.context.user_agent,
        }
    }
}

/// Everything that is stored about a user, but for the hash of the password.
#[derive(Serialize)]
struct Export {
    exported_at: u64,
    profile: Profile,
    sessions: Vec<SessionRow>,
    activity: Vec<ActivityRow>,
}

impl Profile {
    pub(super) fn of(user: User) -> Self {
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

impl<P: Ports> Service<P> {
    /// `GET /auth/activity`.
    pub(super) async fn activity(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (_, session) = self.own_identity(request).await?;
        Ok(Reply::json(200, &Activity { activity: self.activity_of(&session).await? }))
    }

    async fn activity_of(&self, session: &Session) -> Result<Vec<ActivityRow>, ApiError> {
        let entries = self.ports.accounts().activity(session.account).await?;
        Ok(entries.into_iter().map(ActivityRow::from).collect())
    }

    /// What is known of a user by whoever keeps them.
    pub(super) async fn profile_of(&self, session: &Session, subject: &str) -> Result<Profile, ApiError> {
        match &self.isolate.config.identity {
            IdentitySource::Store => {
                let user = self.ports.identity().find(session.account).await?;
                Ok(Profile::of(user.ok_or(ApiError::Challenge(Challenge::InvalidToken))?))
            }
            IdentitySource::Service { binding, .. } => self.profile(binding, subject).await,
        }
    }

    /// `GET /auth/account/export` (GDPR articles 15 and 20).
    pub(super) async fn export_account(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (identity, session) = self.own_identity(request).await?;
        let caller = Caller::of(request);
        self.throttle_export(&caller, session.account).await?;
        let profile = self.profile_of(&session, &identity.subject).await?;
        let kind = ActivityKind::AccountExported;
        let family = Some(session.family);
        self.ports.accounts().note(session.account, kind, family, caller.context()).await?;
        let export = Export {
            exported_at: self.now().seconds(),
            profile,
            sessions: self.session_rows(session.account, session.family).await?,
            activity: self.activity_of(&session).await?,
        };
        self.record_of(&caller, (session.account, session.family), Happening::AccountExported);
        Ok(Reply::json(200, &export)
            .with_header("content-disposition", "attachment; filename=\"account.json\""))
    }

    /// `POST /auth/account/delete`: the password again, and everything is erased.
    pub(super) async fn delete_account(
        &self,
        request: &impl RequestView,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        self.keeps_users()?;
        let (_, session) = self.own_identity(request).await?;
        let caller = Caller::of(request);
        let body = Body::parse(request, body, &["password"])?;
        let user = self.prove_password(&caller, &session, body.text("password")?).await?;
        let setting = self.setting_of(&caller, &user.login, Some(&user));
        self.erase(user.account, setting).await?;
        let cookie = &self.isolate.config.cookie;
        let mut gone = self.cleared(request);
        gone.extend(scopes::devices_elsewhere(cookie, request));
        gone.push(cookies::device_forgotten(cookie));
        Ok(with_cookies(Reply::empty(204), &gone))
    }

    /// `POST /auth/email/verification-request`.
    pub(super) async fn request_verification(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        self.offers_one_time_tokens()?;
        let (_, session) = self.own_identity(request).await?;
        let user = self.ports.identity().find(session.account).await?;
        let user = user.ok_or(ApiError::Challenge(Challenge::InvalidToken))?;
        if !user.login.as_str().contains('@') {
            return Err(ApiError::NoAddress);
        }
        let caller = Caller::of(request);
        self.throttle(&caller, Limited::Reset).await?;
        if !user.email_verified {
            self.send_later(caller, user.login, Purpose::VerifyEmail);
        }
        Ok(Reply::empty(202))
    }

    /// `POST /auth/email/verify`. Who clicks need not be signed in on that device.
    pub(super) async fn verify_email(
        &self,
        request: &impl RequestView,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        let (caller, body) = self.redeemer(request, body, &["token"]).await?;
        let user = self.redeem_for_address(&caller, body.text("token")?).await?;
        let setting: Setting = self.setting_of(&caller, &user.login, Some(&user));
        self.record(self.now(), Happening::EmailVerified, setting);
        Ok(Reply::empty(204))
    }
}
