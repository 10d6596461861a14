//! Whether the session of an access token is alive.

use crate::{
    access::{
        refused::AccessRefused,
        session::{Session, session_of},
    },
    account::Accounts as _,
    gateway::Identity,
    ports::Fault,
    runtime::{Runtime, ports::Ports},
    time::Timestamp,
};

/// Checks with Account objects whether sessions are alive.
pub(crate) struct Liveness<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Liveness<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Checks with the Account object whether the session of one of the deployment's tokens is alive.
    pub(crate) async fn check_alive(&self, identity: &Identity) -> Result<(), AccessRefused> {
        let session =
            session_of(&self.0.isolate.config, identity).ok_or(AccessRefused::Token("no_session"))?;
        if self.is_alive(&session, identity.issued_at).await? {
            Ok(())
        } else {
            Err(AccessRefused::Token("session_ended"))
        }
    }

    /// Whether the session, or the grant to an OAuth client, is alive and a token that was issued at this time is still
    /// valid.
    pub(crate) async fn is_alive(&self, session: &Session, issued_at: Timestamp) -> Result<bool, Fault> {
        self.0.ports.accounts().check(session.account, session.family, issued_at, true).await
    }

    /// Whether it is a session and alive. A token of an OAuth client is none: it must not do what its user can do here,
    /// such as deleting the account.
    pub(crate) async fn is_live_session(
        &self,
        session: &Session,
        issued_at: Timestamp,
    ) -> Result<bool, Fault> {
        self.0.ports.accounts().check(session.account, session.family, issued_at, false).await
    }
}
