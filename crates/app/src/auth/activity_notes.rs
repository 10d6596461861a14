//! Entries in a user's activity that are written after the answer.

use crate::{
    account::{Accounts as _, ActivityKind},
    identity::User,
    runtime::{Runtime, background::BackgroundWork, ports::Ports},
    web::caller::Caller,
};

/// Writes entries to users' activity after the answer.
pub(crate) struct ActivityNotes<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> ActivityNotes<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Writes an entry to the activity of an account after the answer, so that timing does not reveal whether the
    /// account exists.
    pub(crate) fn note_later(&self, caller: &Caller, user: &User, kind: ActivityKind) {
        let (runtime, account) = (self.0.clone(), user.account);
        let context = caller.context();
        BackgroundWork::of(self.0).spawn_jittered(async move {
            // What is lost is a line for the user; the event has been told.
            let _ = runtime.ports.accounts().note(account, kind, None, context).await;
        });
    }
}
