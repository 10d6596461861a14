//! The route table in force in this isolate.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    config::{Config, RouteContext, RouteDocument, RoutesInKv},
    events::EventKind,
    gateway::Gate,
    time::Timestamp,
};

/// How many mistakes one event lists. `postern routes check` reports all of them.
const MISTAKES_TOLD: usize = 20;

/// The table in force, and the state of its source.
#[derive(Debug)]
pub(crate) struct RouteTables {
    /// Postern's cookies, which are removed from forwarded requests.
    own_cookies: Vec<String>,
    /// The place of the table in KV, if it is there.
    pub(crate) source: Option<(RoutesInKv, RouteContext)>,
    live: RefCell<Option<Live>>,
    /// The document that was refused last, so that only one event reports it.
    refused: RefCell<Option<RefusedTable>>,
    pub(crate) next_read: Cell<Timestamp>,
    /// When the last read ended without a table, while the isolate had none.
    pub(crate) failed: Cell<Option<Timestamp>>,
}

#[derive(Debug)]
struct Live {
    gate: Rc<Gate>,
    /// The version of the document, if there is one.
    version: Option<u64>,
    /// The hash of its text.
    digest: [u8; 32],
    /// When KV was last known to have this document.
    seen: Timestamp,
}

#[derive(Debug)]
struct RefusedTable {
    digest: [u8; 32],
    mistakes: usize,
}

/// The table in force, for `/readyz`.
#[derive(Debug, Serialize)]
pub(crate) struct TableState {
    source: &'static str,
    routes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// The seconds since KV was last known to have this table.
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<u64>,
    /// The number of mistakes in the document that KV has instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_mistakes: Option<usize>,
}

impl RouteTables {
    pub(crate) fn new(config: &Config, own_cookies: Vec<String>) -> Self {
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
    pub(crate) fn gate(&self) -> Option<Rc<Gate>> {
        self.live.borrow().as_ref().map(|live| Rc::clone(&live.gate))
    }

    /// The place of the table in KV, and the context by which it is validated.
    pub(crate) fn source(&self) -> Option<&(RoutesInKv, RouteContext)> {
        self.source.as_ref()
    }

    /// The version in force in this isolate, if the table has one.
    pub(crate) fn version(&self) -> Option<u64> {
        self.live.borrow().as_ref().and_then(|live| live.version)
    }

    pub(crate) fn state(&self, now: Timestamp) -> Option<TableState> {
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

    /// Takes over a document from KV. The result is the event to record, if there is one.
    pub(crate) fn take_in(&self, text: &str, context: &RouteContext, now: Timestamp) -> Option<EventKind> {
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
                // Either KV gave an old copy, or the version was not raised. The two look alike.
                Some(known) if document.version <= known => {
                    Err(vec![format!("version: must be above {known}, the version in force")])
                }
                _ => Ok(document),
            });
        match judged {
            Ok(RouteDocument { version, routes }) => {
                let happening = EventKind::RoutesLoaded { version, routes: routes.len() as u64 };
                let gate = Rc::new(Gate::new(routes, self.own_cookies.clone()));
                self.live.replace(Some(Live { gate, version: Some(version), digest, seen: now }));
                self.refused.replace(None);
                Some(happening)
            }
            Err(mut mistakes) => {
                let refused = RefusedTable { digest, mistakes: mistakes.len() };
                let before = self.refused.replace(Some(refused));
                if before.is_some_and(|before| before.digest == digest) {
                    return None;
                }
                let count = mistakes.len() as u64;
                mistakes.truncate(MISTAKES_TOLD);
                Some(EventKind::RoutesRefused { count, mistakes })
            }
        }
    }
}
