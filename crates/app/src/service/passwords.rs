//! The password of a user who is kept here: changed, or reset by a one-time token.

use super::{ApiError, Caller, Ports, Service, body::Body, credentials::Session};
use crate::{
    abuse::Limited,
    account::{AccountRequest, Accounts as _, ActivityKind, Ends, Purpose},
    http::{Reply, RequestView},
    identity::{IdentityStore as _, Login, Password, PasswordError, User, UserChange, Verdict},
    observe::Happening,
    refresh::Revocation,
};

impl<P: Ports> Service<P> {
    /// `POST /auth/password`.
    ///
    /// 1. 404 when users are not kept here; 401 without a live session;
    /// 2. 400 for a new password that can't be one, 401 for a wrong current one, 429 after too
    ///    many of those from an address or for the account;
    /// 3. the other sessions end; then the password changes; then whatever signed in with the
    ///    old one in between ends too, and what is still under way comes too late.
    pub(super) async fn change_password(
        &self,
        request: &impl RequestView,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        self.keeps_users()?;
        let (_, session) = self.own_identity(request).await?;
        let caller = Caller::of(request);
        let body = Body::parse(request, body, &["current_password", "new_password"])?;
        let current = body.text("current_password")?;
        let new = self.chosen_password(body.text("new_password")?)?;
        let user = self.prove_password(&caller, &session, current).await?;
        Self::refuse_login_as_password(&new, &user.login)?;
        let hash = self.hash_in_turn(&new)?;

        let reason = Revocation::PasswordChanged;
        let others = AccountRequest::RevokeAll { reason, keep: Some(session.family) };
        self.end_sessions(user.account, &others).await?;
        let change = UserChange::Password { credential_version: user.credential_version, hash };
        // Changed by somebody else since the current one was checked: it is wrong by now.
        let version =
            self.ports.identity().change(user.account, &change).await?.ok_or(ApiError::InvalidCredentials)?;
        let ends = Ends::Others(session.family);
        self.user_changed(&caller, &user, (ActivityKind::PasswordChanged, ends, reason), version).await;
        let setting = self.setting_of(&caller, &user.login, Some(&user));
        self.record(self.now(), Happening::PasswordChanged, setting);
        Ok(Reply::empty(204))
    }

    /// `POST /auth/password/reset-request`. The answer is there before anybody looks whether
    /// there is such a user.
    pub(super) async fn request_reset(
        &self,
        request: &impl RequestView,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        self.offers_one_time_tokens()?;
        self.check_origin(request)?;
        let body = Body::parse(request, body, &["login"])?;
        let login = self.parse_login(body.text("login")?)?;
        let caller = Caller::of(request);
        self.throttle(&caller, Limited::Reset).await?;
        self.send_later(caller, login, Purpose::ResetPassword);
        Ok(Reply::empty(202))
    }

    /// `POST /auth/password/reset`: a new password for the token. It is redeemed, and all
    /// sessions end, in one block of the Account object.
    pub(super) async fn reset_password(
        &self,
        request: &impl RequestView,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        let (caller, body) = self.redeemer(request, body, &["token", "new_password"]).await?;
        let token = body.text("token")?;
        let new = self.chosen_password(body.text("new_password")?)?;
        let change = async || Ok(UserChange::ResetPassword(self.hash_in_turn(&new)?));
        let (user, version) = self.redeem(&caller, token, Purpose::ResetPassword, change).await?;
        let change = (ActivityKind::PasswordReset, Ends::All, Revocation::PasswordChanged);
        self.user_changed(&caller, &user, change, version).await;
        // If strangers had locked the account by guessing, its owner is let in again now; a fault
        // leaves it locked for as long as it would have been.
        let _ = self.lift_lock(&user.login).await;
        let setting = self.setting_of(&caller, &user.login, Some(&user));
        self.record(self.now(), Happening::PasswordReset, setting);
        Ok(Reply::empty(204))
    }

    /// A password that may be chosen.
    pub(super) fn chosen_password(&self, text: &str) -> Result<Password, ApiError> {
        Password::choose(text, self.ports.platform())
            .map_err(|error| ApiError::InvalidPassword { cause: error.to_string() })
    }

    /// The user of the session, who has to show that the password is known: a stolen access
    /// token is not enough to take the account over, or away.
    pub(super) async fn prove_password(
        &self,
        caller: &Caller,
        session: &Session,
        password: &str,
    ) -> Result<User, ApiError> {
        let password = Password::present(password, self.ports.platform())
            .map_err(|error| ApiError::InvalidPassword { cause: error.to_string() })?;
        let user = self.ports.identity().find(session.account).await?;
        let user = user.filter(|user| !user.disabled).ok_or(ApiError::InvalidCredentials)?;
        let isolate = &self.isolate;
        let admission = self.admit_signed_in(caller, &user.login).await?;
        let verdict = self.wait_to_hash().and_then(|()| {
            let verdict = user.password_hash.verify(&password, isolate.hash_parameters, &isolate.masters);
            isolate.memory.hash_queue.leave();
            Ok(verdict?)
        });
        match verdict {
            Ok(Verdict::Match { .. }) => {
                self.forgive(&admission);
                Ok(user)
            }
            Ok(Verdict::Mismatch) => {
                let setting = self.setting_of(caller, &user.login, Some(&user));
                self.record(self.now(), Happening::PasswordRefused, setting.clone());
                self.failed(&admission, &setting);
                self.note_later(caller, &user, ActivityKind::PasswordRefused);
                Err(ApiError::InvalidCredentials)
            }
            Err(error) => {
                self.undo(&admission);
                Err(error)
            }
        }
    }

    /// Tells the Account object of a change that has been made. It cannot be taken back, and so
    /// a fault here is told to the log and not to the client.
    pub(super) async fn user_changed(
        &self,
        caller: &Caller,
        user: &User,
        (kind, ends, reason): (ActivityKind, Ends, Revocation),
        fence: u64,
    ) {
        let ask = AccountRequest::UserChanged {
            subject: user.account.to_string(),
            kind,
            context: caller.context(),
            fence,
            ends,
            reason,
        };
        // Twice at once: the object may have moved to another machine. Then after the answer, for
        // until it knows, a sign-in under way with the old password opens a session that stays.
        if self.end_sessions(user.account, &ask).await.is_ok() {
            return;
        }
        let Err(fault) = self.end_sessions(user.account, &ask).await else { return };
        self.record_fault(&fault, caller);
        let account = user.account;
        self.try_again(move |service| {
            let ask = ask.clone();
            async move { service.end_sessions(account, &ask).await.map(drop) }
        });
    }

    /// Writes into the activity of an account after the answer, so that its time does not tell
    /// that there is one.
    pub(super) fn note_later(&self, caller: &Caller, user: &User, kind: ActivityKind) {
        let (service, account) = (self.clone(), user.account);
        let ask = AccountRequest::Note { kind, family: None, context: caller.context() };
        self.unseen(async move {
            // What is lost is a line for the user; the event has been told.
            let _ = service.ports.accounts().ask(account, &ask).await;
        });
    }

    /// A password that repeats the login is guessed first.
    pub(super) fn refuse_login_as_password(password: &Password, login: &Login) -> Result<(), ApiError> {
        if password.repeats(login) {
            return Err(ApiError::InvalidPassword { cause: PasswordError::Common.to_string() });
        }
        Ok(())
    }
}
