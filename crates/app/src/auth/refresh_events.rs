//! The events of refreshes, granted and refused.

use crate::{
    account::{Granted, Refusal, Rotated},
    events::EventKind,
    ids::{AccountId, FamilyId},
    refresh::{EndReason, Evidence, RefusalCause},
    runtime::{Runtime, events::Events, ports::Ports},
    web::caller::Caller,
};

/// Writes the events of refreshes.
pub(crate) struct RefreshEvents<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> RefreshEvents<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Records a granted refresh, and a change of context in it.
    pub(crate) fn record_granted(&self, caller: &Caller, session: (AccountId, FamilyId), rotated: &Rotated) {
        let happening = match rotated.granted {
            Granted::Rotate => EventKind::Refreshed { rotation_count: rotated.rotation_count.into() },
            Granted::Retry => EventKind::Retried { late: false },
            Granted::LateRetry => EventKind::Retried { late: true },
        };
        Events::of(self.0).record_of(caller, session, happening);
        self.record_drift(caller, session, &rotated.evidence);
    }

    /// Records a refused refresh.
    pub(crate) fn record_refused(&self, caller: &Caller, session: (AccountId, FamilyId), refusal: &Refusal) {
        let distance = refusal.evidence.as_ref().map_or(0, |evidence| evidence.distance.unsigned_abs());
        let happening = match refusal.cause {
            RefusalCause::Reuse => EventKind::ReuseDetected { distance },
            RefusalCause::AheadOfState | RefusalCause::Forged => {
                EventKind::RefreshForged { cause: refusal.cause.code() }
            }
            RefusalCause::Ended { reason: EndReason::Reuse { .. } }
            | RefusalCause::Ended { .. }
            | RefusalCause::Expired { .. }
            | RefusalCause::SignIn { .. }
            | RefusalCause::Throttled
            | RefusalCause::TooFast { .. }
            | RefusalCause::WrongClient
            | RefusalCause::WrongBinding
            | RefusalCause::UnknownFamily
            | RefusalCause::WrongSubject
            | RefusalCause::FamilyExists
            | RefusalCause::StaleCredentials => EventKind::RefreshRefused { cause: refusal.cause.code() },
        };
        Events::of(self.0).record_of(caller, session, happening);
        if let Some(evidence) = &refusal.evidence {
            self.record_drift(caller, session, evidence);
        }
    }

    fn record_drift(&self, caller: &Caller, session: (AccountId, FamilyId), evidence: &Evidence) {
        if evidence.drift.score > 0 {
            let happening = EventKind::ContextChanged { risk: evidence.drift.score };
            Events::of(self.0).record_of(caller, session, happening);
        }
    }
}
