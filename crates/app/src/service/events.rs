//! What the service tells of itself, from whose point of view.

use super::{Caller, Ports, Service};
use crate::{
    account::{Refusal, Rotated, messages::Granted},
    ids::{AccountId, FamilyId},
    observe::{Event, EventSink as _, Happening, Setting, UserAgent},
    ports::Fault,
    refresh::{EndReason, Evidence, RefusalCause},
    time::Timestamp,
};

impl Caller {
    /// The caller as events show it.
    pub(super) fn setting(&self) -> Setting {
        Setting {
            request_id: self.request_id.clone(),
            ip: self.ip.clone(),
            country: self.country.clone(),
            user_agent: self.user_agent.as_deref().map(UserAgent::of),
            login: self.login.clone(),
            ..Setting::default()
        }
    }
}

impl<P: Ports> Service<P> {
    pub(super) fn record(&self, at: Timestamp, happening: Happening, setting: Setting) {
        self.isolate.counters.count_event(&happening);
        self.ports.log().record(&Event { at, happening, setting });
        self.see_to_flush(at);
    }

    pub(super) fn record_of(&self, caller: &Caller, session: (AccountId, FamilyId), happening: Happening) {
        let (account, family) = session;
        let setting = Setting { account: Some(account), session_id: Some(family), ..caller.setting() };
        self.record(self.now(), happening, setting);
    }

    pub(super) fn record_fault(&self, fault: &Fault, caller: &Caller) {
        let happening = Happening::Fault { part: fault.part, cause: fault.cause.clone() };
        self.record(self.now(), happening, caller.setting());
    }

    /// A granted refresh, and a change of context within it.
    pub(super) fn record_granted(&self, caller: &Caller, session: (AccountId, FamilyId), rotated: &Rotated) {
        let happening = match rotated.granted {
            Granted::Rotate => Happening::Refreshed { rotation_count: rotated.rotation_count.into() },
            Granted::Retry => Happening::Retried { late: false },
            Granted::LateRetry => Happening::Retried { late: true },
        };
        self.record_of(caller, session, happening);
        self.record_drift(caller, session, &rotated.evidence);
    }

    /// A refused refresh.
    pub(super) fn record_refused(&self, caller: &Caller, session: (AccountId, FamilyId), refusal: &Refusal) {
        let distance = refusal.evidence.as_ref().map_or(0, |evidence| evidence.distance.unsigned_abs());
        let happening = match refusal.cause {
            RefusalCause::Reuse => Happening::ReuseDetected { distance },
            RefusalCause::AheadOfState | RefusalCause::Forged => {
                Happening::RefreshForged { cause: refusal.cause.code() }
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
            | RefusalCause::StaleCredentials => Happening::RefreshRefused { cause: refusal.cause.code() },
        };
        self.record_of(caller, session, happening);
        if let Some(evidence) = &refusal.evidence {
            self.record_drift(caller, session, evidence);
        }
    }

    fn record_drift(&self, caller: &Caller, session: (AccountId, FamilyId), evidence: &Evidence) {
        if evidence.drift.score > 0 {
            let happening = Happening::ContextChanged { risk: evidence.drift.score };
            self.record_of(caller, session, happening);
        }
    }
}
