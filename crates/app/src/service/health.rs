//! `/healthz`, `/readyz`, and the answer of a Worker whose configuration has mistakes.

use serde::Serialize;

use super::{Caller, Ports, Service, tables::TableState};
use crate::{
    config::{ConfigError, IdentitySource},
    http::{Problem, Reply},
    identity::IdentityStore as _,
    keys::{KeyRingAnswer, KeyRingObject as _, KeyRingRequest},
    ports::{Fault, KvStore as _, Part},
};

/// A key that is never written: reading it shows that KV answers.
const KV_PROBE: &str = "readyz";

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    parts: Vec<PartState>,
    revocation_feed: Feed,
    #[serde(skip_serializing_if = "Option::is_none")]
    routes: Option<TableState>,
}

/// The isolate's copy of the revocation feed.
#[derive(Serialize)]
struct Feed {
    /// Seconds since it was known to be the newest there is.
    age: Option<u64>,
    entries: usize,
}

#[derive(Serialize)]
struct PartState {
    part: &'static str,
    ok: bool,
}

/// The answer to every request while the configuration has mistakes. The log lists them; the
/// answer does not, since anybody can ask.
pub fn misconfigured(mistakes: &[ConfigError]) -> Reply {
    Problem::new(503, "misconfigured", "The service is not configured")
        .with_detail(format!("{} mistakes in the configuration; the log lists them", mistakes.len()))
        // A minute: somebody has to deploy.
        .with_retry_after(60)
        .into()
}

impl<P: Ports> Service<P> {
    /// The Worker runs and its configuration is sound: or this would not be asked.
    #[expect(clippy::unused_self, reason = "a service exists only for a sound configuration")]
    pub(super) fn health(&self) -> Reply {
        Reply::json(200, &Health { status: "ok" })
    }

    /// Asks every part for a sign of life.
    pub(super) async fn ready(&self) -> Reply {
        let key_ring = match self.ports.key_ring().ask(&KeyRingRequest::PublicSet {}).await {
            Ok(KeyRingAnswer::Unavailable { part }) => Err(Fault::new(part, "the key ring is unavailable")),
            Ok(_) => Ok(()),
            Err(fault) => Err(fault),
        };
        // Where users are kept elsewhere there may be no database.
        let database = match self.isolate.config.identity {
            IdentitySource::Store => self.ports.identity().ping().await,
            IdentitySource::Service { .. } => Ok(()),
        };
        self.read_feed().await;
        let now = self.now();
        let feed = self.isolate.memory.feed.state(now);
        let max_age = self.isolate.config.revocation.max_age.as_secs();
        let fresh = if feed.age.is_some_and(|age| age <= max_age) {
            Ok(())
        } else {
            Err(Fault::new(Part::RevocationFeed, "out of date"))
        };
        let results = [
            (Part::Kv, self.ports.kv().read(KV_PROBE).await.map(|_| ())),
            (Part::Database, database),
            (Part::KeyRing, key_ring),
            (Part::RevocationFeed, fresh),
        ];
        let routes = self.table_state().await;
        let ok = routes.is_some() && results.iter().all(|(_, result)| result.is_ok());
        let parts = results
            .iter()
            .map(|(part, result)| {
                if let Err(fault) = result {
                    self.record_fault(fault, &Caller::default());
                }
                PartState { part: part.name(), ok: result.is_ok() }
            })
            .collect();
        let readiness = Readiness {
            status: if ok { "ok" } else { "unavailable" },
            parts,
            routes,
            revocation_feed: Feed { age: feed.age, entries: feed.entries },
        };
        Reply::json(if ok { 200 } else { 503 }, &readiness)
    }
}
