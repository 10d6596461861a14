//! Checks the password of a signed-in user again.

use crate::{
    access::session::Session,
    account::ActivityKind,
    auth::{activity_notes::ActivityNotes, hashing::Hashing, password_check::PasswordCheck},
    events::EventKind,
    gateway::Challenge,
    identity::{IdentityStore as _, Password, User, Verdict},
    runtime::{Runtime, events::Events, ports::Ports},
    throttle::{admission::Admissions, pseudonym::setting_of},
    web::{caller::Caller, error::ApiError},
};

/// Checks the passwords of signed-in users.
pub(crate) struct PasswordProof<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> PasswordProof<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The user of the session, after the password was checked. A stolen access token alone must not be enough to take
    /// over or delete the account.
    pub(crate) async fn prove_password(
        &self,
        caller: &Caller,
        session: &Session,
        password: &str,
    ) -> Result<User, ApiError> {
        let password = Password::present(password, self.0.ports.platform())
            .map_err(|cause| ApiError::InvalidPassword { cause })?;
        let user = self.0.ports.identity().find(session.account).await?;
        // An account that is gone or disabled has no session either, so the client has to sign in again.
        let gone = ApiError::Challenge(Challenge::InvalidToken);
        let user = user.filter(|user| !user.disabled).ok_or(gone)?;
        let isolate = &self.0.isolate;
        let admission = Admissions::of(self.0).admit_signed_in(caller, &user.login).await?;
        let verdict = Hashing::of(self.0).wait_to_hash().and_then(|()| {
            let verdict = user.password_hash.verify(&password, isolate.hash_parameters, &isolate.masters);
            isolate.memory.hash_queue.leave();
            Ok(verdict?)
        });
        match verdict {
            Ok(Verdict::Match { .. }) => {
                Admissions::of(self.0).forgive(&admission);
                Ok(user)
            }
            Ok(verdict @ (Verdict::Mismatch | Verdict::Unverifiable(_))) => {
                if let Verdict::Unverifiable(why) = verdict {
                    PasswordCheck::of(self.0).record_unverifiable(caller, &user, why);
                }
                let setting = setting_of(&self.0.isolate.masters, caller, &user.login, Some(&user));
                Events::of(self.0).record(self.0.now(), EventKind::PasswordRefused, setting.clone());
                Admissions::of(self.0).failed(&admission, &setting);
                ActivityNotes::of(self.0).note_later(caller, &user, ActivityKind::PasswordRefused);
                Err(ApiError::WrongPassword)
            }
            Ok(Verdict::NotYet(newer)) => {
                Admissions::of(self.0).undo(&admission);
                Err(Events::of(self.0).newer_master(caller, "password_hash", newer))
            }
            Err(error) => {
                Admissions::of(self.0).undo(&admission);
                Err(error)
            }
        }
    }
}
