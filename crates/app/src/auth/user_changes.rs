//! Changes of users in D1 whose answers may be lost.
//!
//! The database may have executed a statement whose answer was lost. So the Account object ends sessions and tokens
//! before the database makes the change, and the database is read again before a failure is reported.

use crate::{
    account::{Accounts as _, ChangeNotice},
    config::{Config, TokenTooLarge},
    events::{EventContext, EventKind},
    identity::{Grants, IdentityStore as _, PasswordHash, User, UserChange},
    ids::AccountId,
    ports::Fault,
    runtime::{Runtime, background::BackgroundWork, events::Events, ports::Ports},
    web::{caller::Caller, error::ApiError},
};

/// How often a change is retried because another request changed the user meanwhile.
pub(crate) const TRIES: u32 = 3;

/// The state after a failed change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unmade {
    /// The database failed, and has the user without the change.
    Missing(Fault),
    /// The database failed, and its state is unknown.
    Unknown(Fault),
}

impl From<Unmade> for Fault {
    fn from(unmade: Unmade) -> Self {
        match unmade {
            Unmade::Missing(fault) | Unmade::Unknown(fault) => fault,
        }
    }
}

impl From<Unmade> for ApiError {
    fn from(unmade: Unmade) -> Self {
        Self::Fault(unmade.into())
    }
}

/// Changes users in D1 although answers may be lost.
pub(crate) struct UserChanges<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> UserChanges<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Makes a change, and returns the credential version after it. `None` means that the user is gone or has another
    /// version. If the answer is lost and the database has the change, it was made.
    pub(crate) async fn change_user(
        &self,
        account: AccountId,
        change: &UserChange,
        setting: &EventContext,
    ) -> Result<Option<u64>, Unmade> {
        let store = self.0.ports.identity();
        let fault = match store.change(account, change, self.0.now()).await {
            Ok(made) => return Ok(made),
            Err(fault) => fault,
        };
        match store.find(account).await {
            Ok(Some(user)) if change.is_made_in(&user) => {
                self.record_lost_answer(fault, setting);
                Ok(Some(user.credential_version))
            }
            Ok(_) => Err(Unmade::Missing(fault)),
            Err(_) => Err(Unmade::Unknown(fault)),
        }
    }

    /// Adds a user. `false` means that the login is taken. If the answer is lost and the database has a user with this
    /// id, the user was added.
    pub(crate) async fn insert_user(&self, user: &User, setting: &EventContext) -> Result<bool, Fault> {
        let store = self.0.ports.identity();
        let fault = match store.insert(user).await {
            Ok(made) => return Ok(made),
            Err(fault) => fault,
        };
        match store.find(user.account).await {
            Ok(Some(there)) if there.login == user.login => {
                self.record_lost_answer(fault, setting);
                Ok(true)
            }
            _ => Err(fault),
        }
    }

    fn record_lost_answer(&self, fault: Fault, setting: &EventContext) {
        Events::of(self.0).record(self.0.now(), fault.into(), setting.clone());
    }

    /// Replaces the password hash of `user`, even if another request changes something else of the user meanwhile.
    /// `None` means that the user is gone or disabled, or has another password by now.
    pub(crate) async fn replace_password(
        &self,
        user: &User,
        hash: &PasswordHash,
        setting: &EventContext,
    ) -> Result<Option<u64>, Unmade> {
        let mut credential_version = user.credential_version;
        for _ in 0..TRIES {
            let change = UserChange::Password { credential_version, hash: hash.clone() };
            if let Some(version) = self.change_user(user.account, &change, setting).await? {
                return Ok(Some(version));
            }
            let now = self.0.ports.identity().find(user.account).await.map_err(Unmade::Missing)?;
            match now.filter(|now| !now.disabled && now.password_hash == user.password_hash) {
                Some(now) => credential_version = now.credential_version,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Checks twice after the answer whether a failed change of the password was made nevertheless, and informs the
    /// Account object. Until then, a sign-in in progress with the old password is not refused, and a restored one-time
    /// token is valid.
    pub(crate) fn look_for_password(
        &self,
        account: AccountId,
        hash: PasswordHash,
        (told, happening): (ChangeNotice, EventKind),
        setting: EventContext,
    ) {
        BackgroundWork::of(self.0).retry_later(move |runtime| {
            let (hash, told, happening, setting) =
                (hash.clone(), told.clone(), happening.clone(), setting.clone());
            async move {
                let user = runtime.ports.identity().find(account).await?;
                if let Some(user) = user.filter(|user| user.password_hash == hash) {
                    runtime.ports.accounts().user_changed(account, &told, user.credential_version).await?;
                    Events::of(&runtime).record(runtime.now(), happening, setting);
                }
                Ok(())
            }
        });
    }

    /// Informs the Account object of a change that was made. The change cannot be undone, so a fault is logged and not
    /// reported to the client.
    pub(crate) async fn user_changed(
        &self,
        caller: &Caller,
        account: AccountId,
        told: &ChangeNotice,
        fence: u64,
    ) {
        let accounts = self.0.ports.accounts();
        // Twice at once: the object may have moved to another machine. Then after the answer, for
        // until it knows, a sign-in under way with the old password opens a session that stays.
        if accounts.user_changed(account, told, fence).await.is_ok() {
            return;
        }
        let Err(fault) = accounts.user_changed(account, told, fence).await else { return };
        Events::of(self.0).record_fault(&fault, caller);
        let told = told.clone();
        BackgroundWork::of(self.0).retry_later(move |runtime| {
            let told = told.clone();
            async move { runtime.ports.accounts().user_changed(account, &told, fence).await }
        });
    }
}

/// Checks whether access tokens with these grants can be used.
///
/// # Errors
/// Returns [`TokenTooLarge`] if the grants are too large.
pub(crate) fn fits_a_token(config: &Config, grants: &Grants) -> Result<(), TokenTooLarge> {
    // Every account id has as many characters.
    let subject = AccountId::from_bytes([0; 16]).to_string();
    config.fits_a_token(&subject, grants, &[])
}
