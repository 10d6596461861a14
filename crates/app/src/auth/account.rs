//! Calls about the user's own account: verifying the email address, exporting the stored data, and deleting the
//! account.

use serde::Serialize;

use crate::{
    account::{Accounts as _, ActivityKind, Purpose},
    auth::{
        activity::{ActivityList, ActivityRow},
        one_time::OneTimeTokens,
        one_time_delivery::{OneTimeDelivery, offers_one_time_tokens},
        password_proof::PasswordProof,
        principal::UserProfile,
        profiles::Profiles,
        session_auth::SessionAuth,
        session_cookies::cleared_session_cookies,
        session_list::{SessionList, SessionRow},
        users::Users,
        users::keeps_users,
    },
    events::{EventContext, EventKind},
    gateway::Challenge,
    http::{Reply, RequestView},
    identity::IdentityStore as _,
    isolate::Isolate,
    ports::Clock as _,
    runtime::{Runtime, events::Events, origins::Origins, ports::Ports},
    throttle::{limits::CallLimits, pseudonym::setting_of},
    web::{
        body::Body,
        caller::Caller,
        cookie_scopes as scopes,
        cookies::{self, with_cookies},
        error::ApiError,
        language::language_of,
    },
};
use postern_core::throttle::Limited;

/// Everything that is stored about a user, except for the password hash.
#[derive(Serialize)]
struct Export {
    exported_at: u64,
    profile: UserProfile,
    sessions: Vec<SessionRow>,
    activity: Vec<ActivityRow>,
}

/// What the calls about the caller's own account need.
pub(crate) struct OwnAccount<'r, P: Ports> {
    isolate: &'r Isolate,
    accounts: &'r P::Accounts,
    identity: &'r P::Identity,
    platform: &'r P::Platform,
    activity_list: ActivityList<'r, P>,
    one_time_tokens: OneTimeTokens<'r, P>,
    one_time_delivery: OneTimeDelivery<'r, P>,
    password_proof: PasswordProof<'r, P>,
    profiles: Profiles<'r, P>,
    auth: SessionAuth<'r, P>,
    session_list: SessionList<'r, P>,
    users: Users<'r, P>,
    events: Events<'r, P>,
    call_limits: CallLimits<'r, P>,
    origins: Origins<'r, P>,
}

impl<'r, P: Ports> OwnAccount<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            accounts: runtime.ports.accounts(),
            identity: runtime.ports.identity(),
            platform: runtime.ports.platform(),
            activity_list: ActivityList::of(runtime),
            one_time_tokens: OneTimeTokens::of(runtime),
            one_time_delivery: OneTimeDelivery::of(runtime),
            password_proof: PasswordProof::of(runtime),
            profiles: Profiles::of(runtime),
            auth: SessionAuth::of(runtime),
            session_list: SessionList::of(runtime),
            users: Users::of(runtime),
            events: Events::of(runtime),
            call_limits: CallLimits::of(runtime),
            origins: Origins::of(runtime),
        }
    }

    /// `GET /auth/account/export` (GDPR articles 15 and 20).
    pub(crate) async fn export_account(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let (identity, session) = self.auth.own_identity(request).await?;
        let caller = Caller::of(request);
        self.call_limits.throttle_export(&caller, session.account).await?;
        let profile = self.profiles.profile_of(&session, &identity.subject).await?;
        let kind = ActivityKind::AccountExported;
        let family = Some(session.family);
        self.accounts.note(session.account, kind, family, caller.context()).await?;
        let export = Export {
            exported_at: self.platform.now().seconds(),
            profile,
            sessions: self.session_list.session_rows(session.account, session.family).await?,
            activity: self.activity_list.activity_of(session.account).await?,
        };
        self.events.record_of(&caller, (session.account, session.family), EventKind::AccountExported);
        Ok(Reply::json(200, &export)
            .with_header("content-disposition", "attachment; filename=\"account.json\""))
    }

    /// `POST /auth/account/delete`: checks the password again, and erases everything.
    pub(crate) async fn delete_account(
        &self,
        request: &impl RequestView,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        keeps_users(&self.isolate.config)?;
        let (_, session) = self.auth.own_identity(request).await?;
        let caller = Caller::of(request);
        let body = Body::parse(request, body, &["password"])?;
        let user = self.password_proof.prove_password(&caller, &session, body.text("password")?).await?;
        let setting = setting_of(&self.isolate.masters, &caller, &user.login, Some(&user));
        self.users.erase(user.account, setting).await?;
        let cookie = &self.isolate.config.cookie;
        let mut gone = cleared_session_cookies(self.isolate, request);
        gone.extend(scopes::devices_elsewhere(cookie, request));
        gone.push(cookies::device_forgotten(cookie));
        Ok(with_cookies(Reply::empty(204), &gone))
    }

    /// `POST /auth/email/verification-request`.
    pub(crate) async fn request_verification(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        offers_one_time_tokens(&self.isolate.config)?;
        let (_, session) = self.auth.own_identity(request).await?;
        let user = self.identity.find(session.account).await?;
        let user = user.ok_or(ApiError::Challenge(Challenge::InvalidToken))?;
        if !user.login.as_str().contains('@') {
            return Err(ApiError::NoAddress);
        }
        let caller = Caller::of(request);
        self.call_limits.throttle(&caller, Limited::Reset).await?;
        if !user.email_verified {
            self.one_time_delivery.send_later(
                (caller, language_of(request)),
                user.login,
                Purpose::VerifyEmail,
            );
        }
        Ok(Reply::empty(202))
    }

    /// `POST /auth/email/verify`. The user need not be signed in on this device.
    pub(crate) async fn verify_email(
        &self,
        request: &impl RequestView,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        keeps_users(&self.isolate.config)?;
        self.origins.check_origin(request)?;
        let body = Body::parse(request, body, &["token"])?;
        self.verify_by_token(&Caller::of(request), body.text("token")?).await?;
        Ok(Reply::empty(204))
    }

    /// Verifies an address with a token, for the JSON call and for the page.
    pub(crate) async fn verify_by_token(&self, caller: &Caller, token: &str) -> Result<(), ApiError> {
        self.one_time_tokens.admit(caller).await?;
        let user = self.one_time_tokens.redeem_for_address(caller, token).await?;
        let setting: EventContext = setting_of(&self.isolate.masters, caller, &user.login, Some(&user));
        self.events.record(self.platform.now(), EventKind::EmailVerified, setting);
        Ok(())
    }
}
