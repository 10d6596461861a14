//! The password of a user who is kept here: changed, or reset by a one-time token.

use super::{ApiError, Caller, Ports, Service, body::Body, credentials::Session};
use crate::{
    abuse::Limited,
    account::{Accounts as _, ActivityKind, ChangeNotice, Ends, Purpose},
    gateway::Challenge,
    http::{Reply, RequestView},
    identity::{IdentityStore as _, Login, Password, PasswordError, User, Verdict},
    observe::Happening,
    refresh::Revocation,
};

impl<P: Ports> Service<P> {
    /// `POST /auth/password`.
    ///
    /// 1. 404 when users are not kept here; 401 without a live session;
    /// 2. 400 for a new password that can't be one, 403 for a wrong current one, 429 after too
    ///    many of those from an address or for the account;
    /// 3. the other sessions end, and open tokens for a reset serve no more; then the password
    ///    changes; then whatever signed in with the old one in between ends too, and what is still
    ///    under way comes too late.
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

        let told = ChangeNotice {
            kind: ActivityKind::PasswordChanged,
            context: caller.context(),
            ends: Ends::Others(session.family),
            reason: Revocation::PasswordChanged,
        };
        let setting = self.setting_of(&caller, &user.login, Some(&user));
        self.ports.accounts().user_will_change(user.account, &told).await?;
        let version = match self.replace_password(&user, &hash, &setting).await {
            // Changed by somebody else since the current one was checked: it is wrong by now.
            Ok(version) => version.ok_or(ApiError::WrongPassword)?,
            Err(unmade) => {
                self.look_for_password(user.account, hash, (told, Happening::PasswordChanged), setting);
                return Err(unmade.into());
            }
        };
        self.user_changed(&caller, user.account, &told, version).await;
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
        let told = ChangeNotice {
            kind: ActivityKind::PasswordReset,
            context: caller.context(),
            ends: Ends::All,
            reason: Revocation::PasswordChanged,
        };
        let hash = async || self.hash_in_turn(&new);
        let (user, version) = self.redeem_for_password(&caller, token, &told, hash).await?;
        self.user_changed(&caller, user.account, &told, version).await;
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
        // Whoever has no account any more has no session either: to sign in again is the way to know.
        let gone = ApiError::Challenge(Challenge::InvalidToken);
        let user = user.filter(|user| !user.disabled).ok_or(gone)?;
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
            Ok(verdict @ (Verdict::Mismatch | Verdict::Unverifiable(_))) => {
                if let Verdict::Unverifiable(why) = verdict {
                    self.record_unverifiable(caller, &user, why);
                }
                let setting = self.setting_of(caller, &user.login, Some(&user));
                self.record(self.now(), Happening::PasswordRefused, setting.clone());
                self.failed(&admission, &setting);
                self.note_later(caller, &user, ActivityKind::PasswordRefused);
                Err(ApiError::WrongPassword)
            }
            Ok(Verdict::NotYet(newer)) => {
                self.undo(&admission);
                Err(self.newer_master(caller, "password_hash", newer))
            }
            Err(error) => {
                self.undo(&admission);
                Err(error)
            }
        }
    }

    /// Writes into the activity of an account after the answer, so that its time does not tell
    /// that there is one.
    pub(super) fn note_later(&self, caller: &Caller, user: &User, kind: ActivityKind) {
        let (service, account) = (self.clone(), user.account);
        let context = caller.context();
        self.unseen(async move {
            // What is lost is a line for the user; the event has been told.
            let _ = service.ports.accounts().note(account, kind, None, context).await;
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
