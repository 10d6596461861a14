//! Receipts: when the gate first sees an access token of a new rotation, it confirms to the Account object that the
//! client received it, which closes the lost-response window.
//!
//! The confirmation is sent after the answer, once per isolate and rotation. If it fails, the next isolate tries again.

use crate::{
    access::session::session_of,
    account::Accounts as _,
    gateway::Identity,
    ports::Background as _,
    runtime::{Runtime, ports::Ports},
};

/// Confirms to Account objects which rotations have reached their client.
pub(crate) struct ReceiptConfirmation<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> ReceiptConfirmation<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Confirms the rotation at which the access token of `identity` was issued.
    pub(crate) fn confirm_receipt(&self, identity: &Identity) {
        if !self.0.isolate.config.refresh.receipts || identity.issuer != self.0.isolate.config.issuer {
            return;
        }
        let (Some(session), Some(rotation_count)) =
            (session_of(&self.0.isolate.config, identity), identity.rotation_count)
        else {
            return;
        };
        if !self.0.isolate.memory.receipts.is_new(session.family, rotation_count) {
            return;
        }
        let runtime = self.0.clone();
        self.0.ports.background().spawn(async move {
            let accounts = runtime.ports.accounts();
            if accounts.confirm(session.account, session.family, rotation_count).await.is_err() {
                runtime.isolate.memory.receipts.forget(session.family);
            }
        });
    }
}
