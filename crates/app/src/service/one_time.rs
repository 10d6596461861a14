//! One-time tokens: sent to the address of a user, redeemed by whoever holds them.
//!
//! Whether a login exists must show neither in the answer nor in its time, and so everything
//! that depends on it happens after the answer: the look-up, the token, the notification.

use super::{ApiError, Caller, Ports, Service, body::Body, changes::Unmade};
use crate::{
    abuse::Limited,
    account::{Accounts as _, ChangeNotice, OneTimeToken, Purpose},
    config::{IdentitySource, NotifierWay, Profile},
    http::RequestView,
    identity::{IdentityStore as _, Login, PasswordHash, User, UserChange},
    ids::AccountId,
    observe::{Happening, Setting},
    ports::{Bindings as _, Fault, Part},
};

/// How long each try of a notification may take, at once one after the other: the receiver hands
/// the message on, to a mail service for instance. What a deployment of the receiver breaks off is
/// there again at the next call, and whatever takes longer the user repeats. Together with what goes
/// before they fit into the 30 s that the platform gives after an answer. A queue has retries of its own.
const NOTIFICATION_TIMEOUTS_MS: [u32; 3] = [8_000, 6_000, 4_000];

/// Nothing of the receiver's answer is used but its status.
const NOTIFICATION_ANSWER_BYTES: usize = 0;

impl<P: Ports> Service<P> {
    /// Users are kept here, and there is a way to reach them.
    pub(super) fn offers_one_time_tokens(&self) -> Result<(), ApiError> {
        let config = &self.isolate.config;
        let reachable = config.notifier.is_some() || config.profile == Profile::Local;
        if reachable { self.keeps_users() } else { Err(ApiError::NotOffered) }
    }

    /// Users are kept here, and not in another service.
    pub(super) fn keeps_users(&self) -> Result<(), ApiError> {
        match self.isolate.config.identity {
            IdentitySource::Store => Ok(()),
            IdentitySource::Service { .. } => Err(ApiError::NotOffered),
        }
    }

    /// Whoever brings a one-time token in a body of these members; the limits have been asked.
    /// Need not be signed in, and may come from any device.
    pub(super) async fn redeemer(
        &self,
        request: &impl RequestView,
        body: &[u8],
        members: &[&str],
    ) -> Result<(Caller, Body), ApiError> {
        self.keeps_users()?;
        self.check_origin(request)?;
        let caller = Caller::of(request);
        let body = Body::parse(request, body, members)?;
        self.throttle(&caller, Limited::Reset).await?;
        Ok((caller, body))
    }

    /// After the answer: a token for the user of this login, if there is one.
    pub(super) fn send_later(&self, caller: Caller, login: Login, purpose: Purpose) {
        let service = self.clone();
        self.unseen(async move {
            if let Err(fault) = service.send_one_time(&caller, &login, purpose).await {
                service.record_fault(&fault, &caller);
            }
        });
    }

    async fn send_one_time(&self, caller: &Caller, login: &Login, purpose: Purpose) -> Result<(), Fault> {
        self.seed_local_users().await?;
        let user = self.ports.identity().find_by_login(login).await?;
        let happening = match purpose {
            Purpose::ResetPassword => Happening::PasswordResetRequested,
            Purpose::VerifyEmail => Happening::EmailVerificationRequested,
        };
        let setting = self.setting_of(caller, login, user.as_ref());
        self.record(self.now(), happening, setting);
        let Some(user) = user.filter(|user| !user.disabled) else { return Ok(()) };
        match self.throttle_login(caller, Limited::Reset, &user.login).await {
            Ok(()) => {}
            Err(ApiError::Fault(fault)) => return Err(fault),
            // The log says so. Whoever asked must not know that there is an account.
            Err(_) => return Ok(()),
        }

        let platform = self.ports.platform();
        let master = self.isolate.masters.current();
        let (hash, token) = OneTimeToken::make(master, user.account, purpose, platform)?;
        if self.ports.accounts().issue_one_time(user.account, hash, purpose, caller.context()).await? {
            self.notify(&user, purpose, &token).await
        } else {
            // Too many are open: the user has them all.
            Ok(())
        }
    }

    async fn notify(&self, user: &User, purpose: Purpose, token: &str) -> Result<(), Fault> {
        let notifier = self.isolate.config.notifier.as_ref();
        let (kind, page) = match purpose {
            Purpose::ResetPassword => ("reset_password", notifier.and_then(|way| way.reset_page.as_ref())),
            Purpose::VerifyEmail => ("verify_email", notifier.and_then(|way| way.verify_page.as_ref())),
        };
        let mut message = serde_json::json!({
            "kind": kind,
            "login": user.login.as_str(),
            "token": token,
            "expires_in": purpose.lifetime().as_secs(),
        });
        // In the fragment: it is sent to no server, and is in no `Referer` and no server's log.
        if let (Some(page), Some(message)) = (page, message.as_object_mut()) {
            message.insert("link".to_owned(), [page.as_str(), "#token=", token].concat().into());
        }
        let message = crate::json::write(&message).unwrap_or_default();
        let bindings = self.ports.bindings();
        match notifier.map(|notifier| &notifier.way) {
            // Config lets this be so in the local profile alone.
            None => {
                bindings.print(&message);
                Ok(())
            }
            Some(NotifierWay::Queue(queue)) => bindings.send(Part::Notifier, queue, &message).await,
            Some(NotifierWay::Service(service)) => {
                let mut failure = String::new();
                for timeout_ms in NOTIFICATION_TIMEOUTS_MS {
                    let answer = bindings
                        .call(
                            Part::Notifier,
                            service,
                            "/notify",
                            &message,
                            NOTIFICATION_ANSWER_BYTES,
                            timeout_ms,
                        )
                        .await;
                    match answer {
                        Ok(answer) if (200..300).contains(&answer.status) => return Ok(()),
                        Ok(answer) => {
                            failure = format!("the notifier responded with status {}", answer.status);
                        }
                        Err(fault) => failure = fault.cause,
                    }
                }
                Err(Fault::new(Part::Notifier, failure))
            }
        }
    }

    /// Redeems a token for a new password, whose `hash` is made once the token is one of ours.
    pub(super) async fn redeem_for_password(
        &self,
        caller: &Caller,
        token: &str,
        told: &ChangeNotice,
        hash: impl AsyncFnOnce() -> Result<PasswordHash, ApiError>,
    ) -> Result<(User, u64), ApiError> {
        let purpose = Purpose::ResetPassword;
        let token = self.one_time_token(caller, purpose, token)?;
        // Before the token is redeemed, as all else that can fail by itself.
        let hash = hash().await?;
        let user = self.redeem(caller, purpose, &token).await?;
        let setting = self.setting_of(caller, &user.login, Some(&user));
        match self.replace_password(&user, &hash, &setting).await {
            Ok(Some(version)) => Ok((user, version)),
            Ok(None) => Err(self.refused_one_time(caller, Some(user.account), "one_time_token_spent")),
            Err(unmade) => {
                if let Unmade::Missing(_) = unmade {
                    self.give_back(&token).await;
                }
                // Should the write land late, this voids what was given back.
                let told = (told.clone(), Happening::PasswordReset);
                self.look_for_password(user.account, hash, told, setting);
                Err(unmade.into())
            }
        }
    }

    /// Redeems a token for the address.
    pub(super) async fn redeem_for_address(&self, caller: &Caller, token: &str) -> Result<User, ApiError> {
        let purpose = Purpose::VerifyEmail;
        let token = self.one_time_token(caller, purpose, token)?;
        let user = self.redeem(caller, purpose, &token).await?;
        let setting = self.setting_of(caller, &user.login, Some(&user));
        match self.change_user(user.account, &UserChange::EmailVerified, &setting).await {
            Ok(Some(_)) => Ok(user),
            Ok(None) => Err(self.refused_one_time(caller, Some(user.account), "one_time_token_spent")),
            Err(unmade) => {
                // It opens nothing, and what it does may be done twice.
                self.give_back(&token).await;
                Err(unmade.into())
            }
        }
    }

    fn one_time_token(
        &self,
        caller: &Caller,
        purpose: Purpose,
        text: &str,
    ) -> Result<OneTimeToken, ApiError> {
        OneTimeToken::open(&self.isolate.masters, purpose, text)
            .map_err(|newer| self.newer_master(caller, "one_time_token", newer))?
            .ok_or_else(|| self.refused_one_time(caller, None, "one_time_token_mac"))
    }

    fn refused_one_time(&self, caller: &Caller, account: Option<AccountId>, cause: &'static str) -> ApiError {
        let setting = Setting { account, ..caller.setting() };
        self.record(self.now(), Happening::OneTimeTokenRefused { cause }, setting);
        ApiError::InvalidOneTimeToken
    }

    /// Redeems a token, for the first who comes to the Account object; whose it is.
    async fn redeem(
        &self,
        caller: &Caller,
        purpose: Purpose,
        token: &OneTimeToken,
    ) -> Result<User, ApiError> {
        let account = token.account();
        let gone = || self.refused_one_time(caller, Some(account), "one_time_token_spent");
        let user = self.ports.identity().find(account).await?;
        // Else the password would be another one on the day when the user is enabled again.
        let user = user.filter(|user| !user.disabled).ok_or_else(gone)?;
        let accounts = self.ports.accounts();
        let redeemed = accounts.redeem_one_time(account, token.hash(), purpose, caller.context()).await?;
        if redeemed { Ok(user) } else { Err(gone()) }
    }

    /// What the token was redeemed for was not done. If this fails too, the user asks for another.
    async fn give_back(&self, token: &OneTimeToken) {
        let _ = self.ports.accounts().give_back_one_time(token.account(), token.hash()).await;
    }

    /// Who it is about, as events show it.
    pub(super) fn setting_of(&self, caller: &Caller, login: &Login, user: Option<&User>) -> Setting {
        Setting {
            account: user.map(|user| user.account),
            login: Some(self.pseudonym(login)),
            ..caller.setting()
        }
    }
}
