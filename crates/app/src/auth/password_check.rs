//! Checks the password of a sign-in, with the same work for every login.

use crate::{
    account::ActivityKind,
    auth::{activity_notes::ActivityNotes, hashing::Hashing, local_users::LocalUsers, principal::Principal},
    events::{EventContext, EventKind},
    identity::{IdentityStore as _, Login, Password, Unverifiable, User, Verdict, password},
    ports::Component,
    runtime::{Runtime, events::Events, ports::Ports},
    throttle::{
        admission::{Admission, Admissions},
        pseudonym::setting_of,
    },
    web::{caller::Caller, error::ApiError},
};

/// Checks the password of a sign-in.
pub(crate) struct PasswordCheck<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> PasswordCheck<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    pub(crate) async fn try_password(
        &self,
        caller: &Caller,
        login: &Login,
        password: &Password,
        admission: &Admission,
    ) -> Result<Principal, ApiError> {
        Hashing::of(self.0).wait_to_hash()?;
        let checked = self.check_password(caller, login, password, admission).await;
        self.0.isolate.memory.hash_queue.leave();
        checked.map(Principal::from)
    }

    async fn check_password(
        &self,
        caller: &Caller,
        login: &Login,
        password: &Password,
        admission: &Admission,
    ) -> Result<User, ApiError> {
        LocalUsers::of(self.0).seed_local_users().await?;
        let masters = &self.0.isolate.masters;
        let wanted = self.0.isolate.hash_parameters;
        let setting = setting_of(&self.0.isolate.masters, caller, login, None);
        let refuse = |cause, user: Option<&User>| {
            if let Some(user) = user {
                ActivityNotes::of(self.0).note_later(caller, user, ActivityKind::SignInRefused);
            }
            let setting = EventContext { account: user.map(|user| user.account), ..setting.clone() };
            Events::of(self.0).record(self.0.now(), EventKind::SignInRefused { cause }, setting.clone());
            Admissions::of(self.0).failed(admission, &setting);
            Err(ApiError::InvalidCredentials)
        };
        let Some(user) = self.0.ports.identity().find_by_login(login).await? else {
            password::dummy(password, wanted, masters)?;
            return refuse(if admission.locked { "locked" } else { "unknown_login" }, None);
        };
        // A locked account gets the same work, whatever its hash is. The result is not used.
        let verdict = user.password_hash.verify(password, wanted, masters)?;
        if admission.locked {
            return refuse("locked", Some(&user));
        }
        match verdict {
            Verdict::Mismatch => refuse("wrong_password", Some(&user)),
            Verdict::NotYet(newer) => Err(Events::of(self.0).newer_master(caller, "password_hash", newer)),
            Verdict::Unverifiable(why) => {
                self.record_unverifiable(caller, &user, why);
                refuse(why.code(), Some(&user))
            }
            Verdict::Match { .. } if user.disabled => refuse("disabled", Some(&user)),
            Verdict::Match { rehash } => {
                if rehash {
                    self.rehash(&user, password, setting).await;
                }
                Ok(user)
            }
        }
    }

    /// Records a fault that only the log may show, because the answer must not reveal that the user exists.
    pub(crate) fn record_unverifiable(&self, caller: &Caller, user: &User, why: Unverifiable) {
        let setting = setting_of(&self.0.isolate.masters, caller, &user.login, Some(user));
        let happening = EventKind::Fault { part: Component::Crypto, cause: why.to_string() };
        Events::of(self.0).record(self.0.now(), happening, setting);
    }

    /// Replaces the hash by one with the current parameters. A failure is logged, and does not prevent the sign-in.
    async fn rehash(&self, user: &User, password: &Password, setting: EventContext) {
        let replaced = match Hashing::of(self.0).hash_password(password) {
            Ok(hash) => {
                self.0.ports.identity().replace_password_hash(user.account, &user.password_hash, &hash).await
            }
            Err(fault) => Err(fault),
        };
        let setting = EventContext { account: Some(user.account), ..setting };
        match replaced {
            Ok(true) => Events::of(self.0).record(self.0.now(), EventKind::PasswordRehashed, setting),
            Ok(false) => {}
            Err(fault) => {
                Events::of(self.0).record(self.0.now(), fault.into(), setting);
            }
        }
    }
}
