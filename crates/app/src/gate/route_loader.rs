//! Reads the route table from KV: before an isolate's first request, and then in the background.

use core::time::Duration;
use std::rc::Rc;

use crate::{
    events::EventContext,
    gateway::Gate,
    isolate::route_tables::TableState,
    ports::{Background as _, Component, Fault, KvStore as _},
    runtime::{Runtime, events::Events, ports::Ports},
    time::Timestamp,
    web::caller::Caller,
};

/// The pause after a failed first read. Nothing is served meanwhile, so it is only long enough to spare KV a read for
/// every request.
const FIRST_READ_PAUSE: Duration = Duration::from_secs(2);

/// Reads the route table, when it is in KV.
pub(crate) struct RouteLoader<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> RouteLoader<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The table for this request: the one from its beginning, or on an isolate's first requests the one that is read
    /// now.
    pub(crate) async fn gate_in_force(&self, now: Timestamp) -> Option<Rc<Gate>> {
        if let Some(gate) = &self.0.gate {
            return Some(Rc::clone(gate));
        }
        let tables = &self.0.isolate.tables;
        // Another request may have read it meanwhile.
        if let Some(gate) = tables.gate() {
            return Some(gate);
        }
        if tables.failed.get().is_some_and(|failed| !now.is_due(failed, FIRST_READ_PAUSE)) {
            return None;
        }
        self.read_routes().await;
        let gate = tables.gate();
        tables.failed.set(gate.is_none().then(|| self.0.now()));
        gate
    }

    /// Reads the table again after the answer, when it is due. The next time is set before the read begins, so that
    /// there is one read at a time, and a hanging read does not block the next one.
    pub(crate) fn refresh_routes(&self, now: Timestamp) {
        let tables = &self.0.isolate.tables;
        let Some((source, _)) = &tables.source else { return };
        if !now.has_reached(tables.next_read.get(), source.refresh) {
            return;
        }
        tables.next_read.set(now.plus(source.refresh));
        let runtime = self.0.clone();
        self.0.ports.background().spawn(async move { RouteLoader::of(&runtime).read_routes().await });
    }

    async fn read_routes(&self) {
        let tables = &self.0.isolate.tables;
        let Some((source, context)) = &tables.source else { return };
        tables.next_read.set(self.0.now().plus(source.refresh));
        let fault = match self.0.ports.kv().read(&source.key).await {
            Ok(Some(text)) => {
                let now = self.0.now();
                if let Some(happening) = tables.take_in(&text, context, now) {
                    Events::of(self.0).record(now, happening, EventContext::default());
                }
                return;
            }
            Ok(None) => Fault::new(
                Component::Kv,
                format_args!("there is no route table under the key {}", source.key),
            ),
            Err(fault) => fault,
        };
        Events::of(self.0).record_fault(&fault, &Caller::default());
    }

    /// Takes over a document that was just published, so that this isolate need not wait for KV.
    pub(crate) fn take_in_routes(&self, text: &str) {
        let tables = &self.0.isolate.tables;
        let Some((_, context)) = &tables.source else { return };
        let now = self.0.now();
        if let Some(happening) = tables.take_in(text, context, now) {
            Events::of(self.0).record(now, happening, EventContext::default());
        }
    }

    /// The table in force, which is read now if there is none yet. For the readiness check.
    pub(crate) async fn table_state(&self) -> Option<TableState> {
        let now = self.0.now();
        self.gate_in_force(now).await?;
        self.0.isolate.tables.state(now)
    }
}
