//! The route table in force: from the configuration, or from KV, where it is read again in the
//! background. A request holds on to the table it began with.

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};
use std::rc::Rc;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Caller, Ports, Service};
use crate::{
    config::{Config, RouteContext, RouteDocument, RoutesInKv},
    gateway::Gate,
    observe::{Happening, Setting},
    ports::{Background as _, Fault, KvStore as _, Part},
    time::Timestamp,
};

/// How long after a failed first reading nobody tries again: nothing is served meanwhile, so as
/// short as spares KV a question for every request.
const FIRST_READ_PAUSE: Duration = Duration::from_secs(2);

/// How many mistakes one event lists. The rest is found by checking the document.
const MISTAKES_TOLD: usize = 20;

/// The table in force and what is known of its source.
#[derive(Debug)]
pub(super) struct Tables {
    /// Cookies of ours, which no upstream sees.
    own_cookies: Vec<String>,
    /// Where it is, when it is in KV.
    source: Option<(RoutesInKv, RouteContext)>,
    live: RefCell<Option<Live>>,
    /// The document that was refused last, so that one event tells of it.
    refused: RefCell<Option<Refused>>,
    next_read: Cell<Timestamp>,
    /// When the last reading ended without a table while there was none.
    failed: Cell<Option<Timestamp>>,
}

#[derive(Debug)]
struct Live {
    gate: Rc<Gate>,
    /// Of the document, when there is one.
    version: Option<u64>,
    /// Of its text.
    digest: [u8; 32],
    /// When KV last held this very document.
    seen: Timestamp,
}

#[derive(Debug)]
struct Refused {
    digest: [u8; 32],
    mistakes: usize,
}

/// The table in force, for `/readyz`.
#[derive(Debug, Serialize)]
pub(super) struct TableState {
    source: &'static str,
    routes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// Seconds since KV last held this very table.
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<u64>,
    /// Mistakes in the document that KV holds instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_mistakes: Option<usize>,
}

impl Tables {
    pub(super) fn new(config: &Config, own_cookies: Vec<String>) -> Self {
        let source = config.routes_in_kv.clone().map(|source| (source, config.route_context()));
        let live = source.is_none().then(|| Live {
            gate: Rc::new(Gate::new(config.routes.clone(), own_cookies.clone())),
            version: None,
            digest: [0; 32],
            seen: Timestamp::default(),
        });
        Self {
            own_cookies,
            source,
            live: RefCell::new(live),
            refused: RefCell::default(),
            next_read: Cell::default(),
            failed: Cell::default(),
        }
    }

    /// The table in force, unless none could be read yet.
    pub(super) fn gate(&self) -> Option<Rc<Gate>> {
        self.live.borrow().as_ref().map(|live| Rc::clone(&live.gate))
    }

    /// Where the table is and what it is checked against, when it is in KV.
    pub(super) fn source(&self) -> Option<&(RoutesInKv, RouteContext)> {
        self.source.as_ref()
    }

    /// The version in force in this isolate, if the table has one.
    pub(super) fn version(&self) -> Option<u64> {
        self.live.borrow().as_ref().and_then(|live| live.version)
    }

    fn state(&self, now: Timestamp) -> Option<TableState> {
        let live = self.live.borrow();
        let live = live.as_ref()?;
        Some(TableState {
            source: if self.source.is_some() { "kv" } else { "vars" },
            routes: live.gate.routes().len(),
            version: live.version,
            age: live.version.map(|_| now.since(live.seen).as_secs()),
            refused_mistakes: self.refused.borrow().as_ref().map(|refused| refused.mistakes),
        })
    }

    /// Takes a document from KV. Gives the event to tell, if anything happened.
    fn take_in(&self, text: &str, context: &RouteContext, now: Timestamp) -> Option<Happening> {
        let digest: [u8; 32] = Sha256::digest(text).into();
        if let Some(live) = self.live.borrow_mut().as_mut()
            && live.digest == digest
        {
            live.seen = now;
            self.refused.replace(None);
            return None;
        }
        let known = self.live.borrow().as_ref().and_then(|live| live.version);
        let judged = RouteDocument::parse(text, context)
            .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>())
            .and_then(|document| match known {
                // An old copy of KV's, or somebody who did not count up: no telling which.
                Some(known) if document.version <= known => {
                    Err(vec![format!("version: must be above {known}, the version in force")])
                }
                _ => Ok(document),
            });
        match judged {
            Ok(RouteDocument { version, routes }) => {
                let happening = Happening::RoutesLoaded { version, routes: routes.len() as u64 };
                let gate = Rc::new(Gate::new(routes, self.own_cookies.clone()));
                self.live.replace(Some(Live { gate, version: Some(version), digest, seen: now }));
                self.refused.replace(None);
                Some(happening)
            }
            Err(mut mistakes) => {
                let refused = Refused { digest, mistakes: mistakes.len() };
                let before = self.refused.replace(Some(refused));
                if before.is_some_and(|before| before.digest == digest) {
                    return None;
                }
                let count = mistakes.len() as u64;
                mistakes.truncate(MISTAKES_TOLD);
                Some(Happening::RoutesRefused { count, mistakes })
            }
        }
    }
}

impl<P: Ports> Service<P> {
    /// The table for this request: the one it began with, or on an isolate's first requests
    /// the one that is read now.
    pub(super) async fn gate_in_force(&self, now: Timestamp) -> Option<Rc<Gate>> {
        if let Some(gate) = &self.gate {
            return Some(Rc::clone(gate));
        }
        let tables = &self.isolate.tables;
        // Another request may have read it meanwhile.
        if let Some(gate) = tables.gate() {
            return Some(gate);
        }
        if tables.failed.get().is_some_and(|failed| !now.is_due(failed, FIRST_READ_PAUSE)) {
            return None;
        }
        self.read_routes().await;
        let gate = tables.gate();
        tables.failed.set(gate.is_none().then(|| self.now()));
        gate
    }

    /// Reads the table anew after the answer, when it is time. The next time is set before the
    /// reading begins: one at a time, and one that never ends holds up no other.
    pub(super) fn refresh_routes(&self, now: Timestamp) {
        let tables = &self.isolate.tables;
        let Some((source, _)) = &tables.source else { return };
        if !now.has_reached(tables.next_read.get(), source.refresh) {
            return;
        }
        tables.next_read.set(now.plus(source.refresh));
        let service = self.clone();
        self.ports.background().spawn(async move { service.read_routes().await });
    }

    async fn read_routes(&self) {
        let tables = &self.isolate.tables;
        let Some((source, context)) = &tables.source else { return };
        tables.next_read.set(self.now().plus(source.refresh));
        let fault = match self.ports.kv().read(&source.key).await {
            Ok(Some(text)) => {
                let now = self.now();
                if let Some(happening) = tables.take_in(&text, context, now) {
                    self.record(now, happening, Setting::default());
                }
                return;
            }
            Ok(None) => {
                Fault::new(Part::Kv, format_args!("there is no route table under the key {}", source.key))
            }
            Err(fault) => fault,
        };
        self.record_fault(&fault, &Caller::default());
    }

    /// Takes in what was published just now: this isolate need not wait for KV.
    pub(super) fn take_in_routes(&self, text: &str) {
        let tables = &self.isolate.tables;
        let Some((_, context)) = &tables.source else { return };
        let now = self.now();
        if let Some(happening) = tables.take_in(text, context, now) {
            self.record(now, happening, Setting::default());
        }
    }

    /// The table in force, read now if there is none yet; for the readiness check.
    pub(super) async fn table_state(&self) -> Option<TableState> {
        let now = self.now();
        self.gate_in_force(now).await?;
        self.isolate.tables.state(now)
    }
}
