//! Changes to users whose answer may be lost.
//!
//! A statement that was sent may have been carried out, whatever became of its answer. So the
//! Account object hears of a change before the database does: what the change is to end has ended
//! then, however the statement went. And the database is asked what is there now before anybody is
//! told of a failure.

use crate::{
    account::{Accounts as _, ChangeNotice},
    config::{Config, TokenTooLarge},
    events::{EventContext, EventKind},
    identity::{Grants, IdentityStore as _, PasswordHash, User, UserChange},
    ids::AccountId,
    ports::{Fault, Randomness},
    runtime::{Runtime, background::BackgroundWork, events::Events, ports::Ports},
    web::{caller::Caller, error::ApiError},
};

/// How often a change is made anew because the user was changed by somebody else meanwhile.
pub(crate) const TRIES: u32 = 3;

/// The end of a change that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unmade {
    /// The database failed, and shows the user without the change.
    Missing(Fault),
    /// The database failed, and what it holds is not known.
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

/// Makes changes to users whose answer may be lost.
pub(crate) struct UserChanges<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> UserChanges<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Makes a change; the version of the credentials after it, `None` when the user is gone or of
    /// another version. A change whose answer was lost and that is there was made.
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

    /// Makes a user; `false` when the login is taken. A user who is there after a lost answer was
    /// made: the id is this very one's.
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
        let happening = EventKind::Fault { part: fault.part, cause: fault.cause };
        Events::of(self.0).record(self.0.now(), happening, setting.clone());
    }

    /// Puts another hash in the place of the one that `user` was read with, also when somebody
    /// changes something else of the user meanwhile. `None` when the user is gone or disabled, or
    /// has another password by now.
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

    /// Looks after the answer, and once more, whether a change of the password that failed was made
    /// all the same, and tells the Account object: until then a sign-in that was under way with the
    /// old one is not refused, and a one-time token that was given back serves.
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

    /// Tells the Account object of a change that was made. It cannot be taken back, and so a fault
    /// here is told to the log and not to the client.
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

/// Whether a user with these grants could use the access tokens.
///
/// # Errors
/// [`TokenTooLarge`].
pub(crate) fn fits_a_token(config: &Config, grants: &Grants) -> Result<(), TokenTooLarge> {
    // Every account id has as many characters.
    let subject = AccountId::from_bytes([0; 16]).to_string();
    config.fits_a_token(&subject, grants, &[])
}

pub(crate) fn fresh_account(randomness: &impl Randomness) -> Result<AccountId, Fault> {
    let mut id = [0; 16];
    randomness.fill(&mut id)?;
    Ok(AccountId::from_bytes(id))
}
