//! Administrators' actions: written to the audit log before they are carried out, and again after they have ended.
//!
//! ```text
//! let act = self.announce(&caller, Act::new(who, "key_rotate", kid, "")).await?;   // 503: do nothing
//! let done = ...;                                                                  // the act itself
//! self.conclude(&caller, act, ActResult::Done).await;
//! ```

use crate::{
    audit::{Act, ActResult, AuditLog as _, chain::Head},
    events::EventKind,
    ports::Fault,
    runtime::{Runtime, events::Events, ports::Ports},
    web::caller::Caller,
};

/// An action that is in the audit log. Only then may it be carried out.
#[derive(Debug)]
#[must_use = "an act that was announced must be concluded"]
pub(crate) struct Announced {
    act: Act,
    seq: u64,
}

/// Writes administrators' actions to the audit log, before and after they are carried out.
pub(crate) struct AuditTrail<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> AuditTrail<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Writes an action to the audit log before it is carried out.
    ///
    /// # Errors
    /// Returns a fault if the log cannot be written. The action must then not be carried out, and the answer is 503.
    pub(crate) async fn announce(&self, caller: &Caller, act: Act) -> Result<Announced, Fault> {
        let act = Act { result: ActResult::Requested, of: None, ..act };
        let head = self.write_down(caller, act.clone()).await?;
        Ok(Announced { act, seq: head.seq })
    }

    /// Writes the result of an action. If that fails, a fault is recorded, and the log has the action as requested
    /// only.
    pub(crate) async fn conclude(&self, caller: &Caller, announced: Announced, result: ActResult) {
        let act = Act { result, of: Some(announced.seq), ..announced.act };
        if let Err(fault) = self.write_down(caller, act).await {
            Events::of(self.0).record_fault(&fault, caller);
        }
    }

    async fn write_down(&self, caller: &Caller, mut act: Act) -> Result<Head, Fault> {
        act.request_id.clone_from(&caller.request_id);
        let Act { who, action, target, result, .. } = act.clone();
        let Head { seq, hash } = self.0.ports.audit_log().append(act).await?;
        let happening = EventKind::AdminAction { action, target, who, result, seq, hash };
        Events::of(self.0).record(self.0.now(), happening, caller.setting());
        Ok(Head { seq, hash })
    }
}
