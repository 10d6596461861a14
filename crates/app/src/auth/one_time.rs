//! One-time tokens: a user receives one by email and redeems it.
//!
//! The answer and its timing must not reveal whether a login exists. So the look-up, the token and the notification
//! come after the answer.

use crate::{
    account::{Accounts as _, ChangeNotice, OneTimeToken, Purpose},
    auth::{
        user_changes::{Unmade, UserChanges},
        users::keeps_users,
    },
    events::{EventContext, EventKind},
    identity::{IdentityStore as _, PasswordHash, User, UserChange},
    ids::AccountId,
    runtime::{Runtime, events::Events, ports::Ports},
    throttle::{limits::CallLimits, pseudonym::setting_of},
    web::{caller::Caller, error::ApiError},
};
use postern_core::throttle::Limited;

/// Redeems one-time tokens.
pub(crate) struct OneTimeTokens<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> OneTimeTokens<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Checks the limits of a caller who presents a token. They need not be signed in, and can use any device.
    pub(crate) async fn admit(&self, caller: &Caller) -> Result<(), ApiError> {
        keeps_users(&self.0.isolate.config)?;
        CallLimits::of(self.0).throttle(caller, Limited::Reset).await
    }

    /// Redeems a token for a new password. `hash` is made only if the token is authentic.
    pub(crate) async fn redeem_for_password(
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
        let setting = setting_of(&self.0.isolate.masters, caller, &user.login, Some(&user));
        match UserChanges::of(self.0).replace_password(&user, &hash, &setting).await {
            Ok(Some(version)) => Ok((user, version)),
            Ok(None) => Err(self.refused_one_time(caller, Some(user.account), "one_time_token_spent")),
            Err(unmade) => {
                if let Unmade::Missing(_) = unmade {
                    self.give_back(&token).await;
                }
                // Should the write land late, this voids what was given back.
                let told = (told.clone(), EventKind::PasswordReset);
                UserChanges::of(self.0).look_for_password(user.account, hash, told, setting);
                Err(unmade.into())
            }
        }
    }

    /// Redeems a token that verifies the email address.
    pub(crate) async fn redeem_for_address(&self, caller: &Caller, token: &str) -> Result<User, ApiError> {
        let purpose = Purpose::VerifyEmail;
        let token = self.one_time_token(caller, purpose, token)?;
        let user = self.redeem(caller, purpose, &token).await?;
        let setting = setting_of(&self.0.isolate.masters, caller, &user.login, Some(&user));
        match UserChanges::of(self.0).change_user(user.account, &UserChange::EmailVerified, &setting).await {
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
        OneTimeToken::open(&self.0.isolate.masters, purpose, text)
            .map_err(|newer| Events::of(self.0).newer_master(caller, "one_time_token", newer))?
            .ok_or_else(|| self.refused_one_time(caller, None, "one_time_token_mac"))
    }

    fn refused_one_time(&self, caller: &Caller, account: Option<AccountId>, cause: &'static str) -> ApiError {
        let setting = EventContext { account, ..caller.setting() };
        Events::of(self.0).record(self.0.now(), EventKind::OneTimeTokenRefused { cause }, setting);
        ApiError::InvalidOneTimeToken
    }

    /// Redeems a token at the Account object, which accepts it once, and returns its user.
    async fn redeem(
        &self,
        caller: &Caller,
        purpose: Purpose,
        token: &OneTimeToken,
    ) -> Result<User, ApiError> {
        let account = token.account();
        let gone = || self.refused_one_time(caller, Some(account), "one_time_token_spent");
        let user = self.0.ports.identity().find(account).await?;
        // Else the password would be another one on the day when the user is enabled again.
        let user = user.filter(|user| !user.disabled).ok_or_else(gone)?;
        let accounts = self.0.ports.accounts();
        let redeemed = accounts.redeem_one_time(account, token.hash(), purpose, caller.context()).await?;
        if redeemed { Ok(user) } else { Err(gone()) }
    }

    /// Restores a token whose action failed. If that fails, too, the user must request another one.
    async fn give_back(&self, token: &OneTimeToken) {
        let _ = self.0.ports.accounts().give_back_one_time(token.account(), token.hash()).await;
    }
}
