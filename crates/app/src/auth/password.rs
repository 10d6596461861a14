//! Changes of a user's password: by the signed-in user, or with a one-time token.

use crate::{
    account::{Accounts as _, ActivityKind, ChangeNotice, Ends, Purpose},
    auth::{
        hashing::Hashing,
        one_time::OneTimeTokens,
        one_time_delivery::{OneTimeDelivery, offers_one_time_tokens},
        password_policy::{chosen_password, parse_login, refuse_login_as_password},
        password_proof::PasswordProof,
        session_auth::SessionAuth,
        user_changes::UserChanges,
        users::keeps_users,
    },
    events::EventKind,
    http::{Reply, RequestView},
    isolate::Isolate,
    ports::Clock as _,
    refresh::Revocation,
    runtime::{Runtime, events::Events, origins::Origins, ports::Ports},
    throttle::{admission::Admissions, limits::CallLimits, pseudonym::setting_of},
    web::{body::Body, caller::Caller, error::ApiError, language::language_of},
};
use postern_core::throttle::Limited;
use postern_pages::Language;

/// What the calls of `/auth/password` need.
pub(crate) struct Passwords<'r, P: Ports> {
    isolate: &'r Isolate,
    accounts: &'r P::Accounts,
    platform: &'r P::Platform,
    hashing: Hashing<'r, P>,
    one_time_tokens: OneTimeTokens<'r, P>,
    one_time_delivery: OneTimeDelivery<'r, P>,
    password_proof: PasswordProof<'r, P>,
    auth: SessionAuth<'r, P>,
    user_changes: UserChanges<'r, P>,
    events: Events<'r, P>,
    admissions: Admissions<'r, P>,
    call_limits: CallLimits<'r, P>,
    origins: Origins<'r, P>,
}

impl<'r, P: Ports> Passwords<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            accounts: runtime.ports.accounts(),
            platform: runtime.ports.platform(),
            hashing: Hashing::of(runtime),
            one_time_tokens: OneTimeTokens::of(runtime),
            one_time_delivery: OneTimeDelivery::of(runtime),
            password_proof: PasswordProof::of(runtime),
            auth: SessionAuth::of(runtime),
            user_changes: UserChanges::of(runtime),
            events: Events::of(runtime),
            admissions: Admissions::of(runtime),
            call_limits: CallLimits::of(runtime),
            origins: Origins::of(runtime),
        }
    }

    /// `POST /auth/password`.
    ///
    /// 1. 404 if another service keeps the users; 401 without a live session;
    /// 2. 400 for a new password that is not valid, 403 for a wrong current password, 429 after too many wrong ones
    ///    from an address or for the account;
    /// 3. the other sessions end, and open reset tokens become invalid; then the password changes; then sessions that
    ///    began with the old password in between end, too, and sign-ins in progress with it are refused.
    pub(crate) async fn change_password(
        &self,
        request: &impl RequestView,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        keeps_users(&self.isolate.config)?;
        let (_, session) = self.auth.own_identity(request).await?;
        let caller = Caller::of(request);
        let body = Body::parse(request, body, &["current_password", "new_password"])?;
        let current = body.text("current_password")?;
        let new = chosen_password(self.platform, body.text("new_password")?)?;
        let user = self.password_proof.prove_password(&caller, &session, current).await?;
        refuse_login_as_password(&new, &user.login)?;
        let hash = self.hashing.hash_in_turn(&new)?;

        let told = ChangeNotice {
            kind: ActivityKind::PasswordChanged,
            context: caller.context(),
            ends: Ends::Others(session.family),
            reason: Revocation::PasswordChanged,
        };
        let setting = setting_of(&self.isolate.masters, &caller, &user.login, Some(&user));
        self.accounts.user_will_change(user.account, &told).await?;
        let version = match self.user_changes.replace_password(&user, &hash, &setting).await {
            // Another request changed the password after this one was checked, so this one is wrong by now.
            Ok(version) => version.ok_or(ApiError::WrongPassword)?,
            Err(unmade) => {
                self.user_changes.look_for_password(
                    user.account,
                    hash,
                    (told, EventKind::PasswordChanged),
                    setting,
                );
                return Err(unmade.into());
            }
        };
        self.user_changes.user_changed(&caller, user.account, &told, version).await;
        self.events.record(self.platform.now(), EventKind::PasswordChanged, setting);
        Ok(Reply::empty(204))
    }

    /// `POST /auth/password/reset-request`. The answer is sent before the user is looked up.
    pub(crate) async fn request_reset(
        &self,
        request: &impl RequestView,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        offers_one_time_tokens(&self.isolate.config)?;
        self.origins.check_origin(request)?;
        let body = Body::parse(request, body, &["login"])?;
        self.send_reset((Caller::of(request), language_of(request)), body.text("login")?).await?;
        Ok(Reply::empty(202))
    }

    /// Sends a message with a token for a new password, after the answer, if there is such a user.
    pub(crate) async fn send_reset(
        &self,
        (caller, language): (Caller, Option<Language>),
        login: &str,
    ) -> Result<(), ApiError> {
        offers_one_time_tokens(&self.isolate.config)?;
        let login = parse_login(self.platform, login)?;
        self.call_limits.throttle(&caller, Limited::Reset).await?;
        self.one_time_delivery.send_later((caller, language), login, Purpose::ResetPassword);
        Ok(())
    }

    /// `POST /auth/password/reset`: sets a new password with a token. The Account object redeems the token and ends all
    /// sessions in one step.
    pub(crate) async fn reset_password(
        &self,
        request: &impl RequestView,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        keeps_users(&self.isolate.config)?;
        self.origins.check_origin(request)?;
        let body = Body::parse(request, body, &["token", "new_password"])?;
        let caller = Caller::of(request);
        self.set_by_token(&caller, body.text("token")?, body.text("new_password")?).await?;
        Ok(Reply::empty(204))
    }

    /// Sets a new password with a token, for the JSON call and for the page.
    pub(crate) async fn set_by_token(
        &self,
        caller: &Caller,
        token: &str,
        new_password: &str,
    ) -> Result<(), ApiError> {
        self.one_time_tokens.admit(caller).await?;
        let new = chosen_password(self.platform, new_password)?;
        let told = ChangeNotice {
            kind: ActivityKind::PasswordReset,
            context: caller.context(),
            ends: Ends::All,
            reason: Revocation::PasswordChanged,
        };
        let hash = async || self.hashing.hash_in_turn(&new);
        let (user, version) = self.one_time_tokens.redeem_for_password(caller, token, &told, hash).await?;
        self.user_changes.user_changed(caller, user.account, &told, version).await;
        // If strangers had locked the account by guessing, its owner is let in again now; a fault
        // leaves it locked for as long as it would have been.
        let _ = self.admissions.lift_lock(&user.login).await;
        let setting = setting_of(&self.isolate.masters, caller, &user.login, Some(&user));
        self.events.record(self.platform.now(), EventKind::PasswordReset, setting);
        Ok(())
    }
}
