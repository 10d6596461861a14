//! Changes to users whose answer may be lost.
//!
//! A statement that was sent may have been carried out, whatever became of its answer. So the
//! Account object hears of a change before the database does: what the change is to end has ended
//! then, however the statement went. And the database is asked what is there now before anybody is
//! told of a failure.

use super::{ApiError, Caller, Ports, Service};
use crate::{
    account::{Accounts as _, ChangeNotice},
    identity::{IdentityStore as _, PasswordHash, User, UserChange},
    ids::AccountId,
    observe::{Happening, Setting},
    ports::Fault,
};

/// How often a change is made anew because the user was changed by somebody else meanwhile.
pub(super) const TRIES: u32 = 3;

/// The end of a change that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unmade {
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

impl<P: Ports> Service<P> {
    /// Makes a change; the version of the credentials after it, `None` when the user is gone or of
    /// another version. A change whose answer was lost and that is there was made.
    pub(super) async fn change_user(
        &self,
        account: AccountId,
        change: &UserChange,
        setting: &Setting,
    ) -> Result<Option<u64>, Unmade> {
        let store = self.ports.identity();
        let fault = match store.change(account, change, self.now()).await {
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
    pub(super) async fn insert_user(&self, user: &User, setting: &Setting) -> Result<bool, Fault> {
        let store = self.ports.identity();
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

    fn record_lost_answer(&self, fault: Fault, setting: &Setting) {
        let happening = Happening::Fault { part: fault.part, cause: fault.cause };
        self.record(self.now(), happening, setting.clone());
    }

    /// Puts another hash in the place of the one that `user` was read with, also when somebody
    /// changes something else of the user meanwhile. `None` when the user is gone or disabled, or
    /// has another password by now.
    pub(super) async fn replace_password(
        &self,
        user: &User,
        hash: &PasswordHash,
        setting: &Setting,
    ) -> Result<Option<u64>, Unmade> {
        let mut credential_version = user.credential_version;
        for _ in 0..TRIES {
            let change = UserChange::Password { credential_version, hash: hash.clone() };
            if let Some(version) = self.change_user(user.account, &change, setting).await? {
                return Ok(Some(version));
            }
            let now = self.ports.identity().find(user.account).await.map_err(Unmade::Missing)?;
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
    pub(super) fn look_for_password(
        &self,
        account: AccountId,
        hash: PasswordHash,
        (told, happening): (ChangeNotice, Happening),
        setting: Setting,
    ) {
        self.try_again(move |service| {
            let (hash, told, happening, setting) =
                (hash.clone(), told.clone(), happening.clone(), setting.clone());
            async move {
                let user = service.ports.identity().find(account).await?;
                if let Some(user) = user.filter(|user| user.password_hash == hash) {
                    service.ports.accounts().user_changed(account, &told, user.credential_version).await?;
                    service.record(service.now(), happening, setting);
                }
                Ok(())
            }
        });
    }

    /// Tells the Account object of a change that was made. It cannot be taken back, and so a fault
    /// here is told to the log and not to the client.
    pub(super) async fn user_changed(
        &self,
        caller: &Caller,
        account: AccountId,
        told: &ChangeNotice,
        fence: u64,
    ) {
        let accounts = self.ports.accounts();
        // Twice at once: the object may have moved to another machine. Then after the answer, for
        // until it knows, a sign-in under way with the old password opens a session that stays.
        if accounts.user_changed(account, told, fence).await.is_ok() {
            return;
        }
        let Err(fault) = accounts.user_changed(account, told, fence).await else { return };
        self.record_fault(&fault, caller);
        let told = told.clone();
        self.try_again(move |service| {
            let told = told.clone();
            async move { service.ports.accounts().user_changed(account, &told, fence).await }
        });
    }
}
