//! Writes security events, with the caller's network data, and counts them.

use crate::{
    events::{Event, EventContext, EventKind, EventSink as _},
    ids::{AccountId, FamilyId},
    ports::Fault,
    runtime::{Runtime, metrics_flush::MetricsFlush, ports::Ports},
    secrets::NewerMaster,
    time::Timestamp,
    web::{caller::Caller, error::ApiError},
};

/// Writes events to the log, and counts them.
pub(crate) struct Events<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Events<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Records a token that was made with a master secret which this version does not have yet. The client gets 503, as
    /// for a fault.
    pub(crate) fn newer_master(&self, caller: &Caller, what: &'static str, newer: NewerMaster) -> ApiError {
        self.record(self.0.now(), EventKind::NewerMaster { what, master: newer.id }, caller.setting());
        ApiError::NewerMaster
    }

    pub(crate) fn record(&self, at: Timestamp, happening: EventKind, mut setting: EventContext) {
        let traces = self.0.isolate.config.traces;
        setting.trace_id = traces.of(setting.trace_id, setting.request_id.as_deref()).into_id();
        self.0.isolate.counters.count_event(&happening);
        self.0.ports.log().record(&Event { at, happening, setting });
        MetricsFlush::of(self.0).see_to_flush(at);
    }

    pub(crate) fn record_of(&self, caller: &Caller, session: (AccountId, FamilyId), happening: EventKind) {
        let (account, family) = session;
        let setting = EventContext { account: Some(account), session_id: Some(family), ..caller.setting() };
        self.record(self.0.now(), happening, setting);
    }

    pub(crate) fn record_fault(&self, fault: &Fault, caller: &Caller) {
        self.record(self.0.now(), fault.clone().into(), caller.setting());
    }
}
