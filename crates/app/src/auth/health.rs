//! `GET /healthz` and `GET /readyz`.

use core::time::Duration;

use postern_oauth::stored::store::{ClientStore as _, explained};
use serde::Serialize;

use crate::{
    access::revocation_cache::RevocationCache,
    auth::metrics_access::MetricsAccess,
    config::IdentitySource,
    gate::route_loader::RouteLoader,
    http::{Reply, RequestView},
    identity::IdentityStore as _,
    isolate::{Isolate, feed_memory::FeedState, route_tables::TableState},
    keys::KeyRingObject as _,
    ports::{Clock as _, Component, Fault, KvStore as _},
    runtime::{Runtime, events::Events, ports::Ports, turns::in_turn},
    web::{caller::Caller, error::unavailable},
};

/// How long the result of a check is used for all callers. Everyone can call it, and a check calls the single `KeyRing`
/// object, D1 and KV.
const REMEMBERED_FOR: Duration = Duration::from_secs(5);

/// How long the result is used while the next check is in progress.
const TOLD_MEANWHILE_FOR: Duration = Duration::from_mins(1);

/// How many writes of the feed to KV may have failed while the deployment is ready. The next attempt follows after 2 s,
/// and a reset of the object, as by a deployment, can cut one off.
const FAILED_WRITES_READY: u32 = 1;

/// A key that is never written. Reading it shows that KV answers.
const KV_PROBE: &str = "readyz";

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

#[derive(Serialize)]
struct ReadinessReport {
    status: &'static str,
    parts: Vec<PartState>,
    revocation_feed: FeedReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    routes: Option<TableState>,
}

/// The isolate's copy of the revocation feed.
#[derive(Serialize)]
struct FeedReport {
    /// The seconds since it was last known to be the newest.
    age: Option<u64>,
    entries: usize,
    /// The seconds since KV's copy was written.
    kv_age: Option<u64>,
    /// The number of failed writes to KV since the last successful one, as of the last call of the Durable Object.
    failed_writes: u32,
}

#[derive(Serialize)]
struct PartState {
    part: &'static str,
    ok: bool,
}

/// The answer of a Worker with a valid configuration.
pub(crate) fn health() -> Reply {
    Reply::json(200, &Health { status: "ok" })
}

/// What `GET /readyz` needs.
pub(crate) struct HealthChecks<'r, P: Ports> {
    isolate: &'r Isolate,
    identity: &'r P::Identity,
    key_ring: &'r P::KeyRing,
    kv: &'r P::Kv,
    platform: &'r P::Platform,
    revocation_cache: RevocationCache<'r, P>,
    metrics_access: MetricsAccess<'r, P>,
    route_loader: RouteLoader<'r, P>,
    events: Events<'r, P>,
    clients: &'r P::Clients,
}

impl<'r, P: Ports> HealthChecks<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            identity: runtime.ports.identity(),
            key_ring: runtime.ports.key_ring(),
            kv: runtime.ports.kv(),
            platform: runtime.ports.platform(),
            revocation_cache: RevocationCache::of(runtime),
            metrics_access: MetricsAccess::of(runtime),
            route_loader: RouteLoader::of(runtime),
            events: Events::of(runtime),
            clients: runtime.ports.clients(),
        }
    }

    /// `GET /readyz`: the result of the last seconds. For callers who may read the metrics, it checks all components
    /// now.
    pub(crate) async fn ready(&self, request: &impl RequestView) -> Reply {
        if request.header("authorization").is_some()
            && self.metrics_access.may_read_metrics(request).await.is_ok()
        {
            return self.check_parts().await;
        }
        self.told().await
    }

    /// The result of the last seconds, or of a check now. Callers wait for one check together.
    pub(crate) async fn told(&self) -> Reply {
        let readiness = &self.isolate.memory.readiness;
        let now = self.platform.now();
        if readiness.turn.is_taken(now)
            && let Some(reply) = readiness.told(now, TOLD_MEANWHILE_FOR)
        {
            return reply;
        }
        let is_young = |now| readiness.told(now, REMEMBERED_FOR).is_some();
        in_turn(self.platform, &readiness.turn, is_young, async || drop(self.check_parts().await)).await;
        readiness.told(self.platform.now(), TOLD_MEANWHILE_FOR).unwrap_or_else(unavailable)
    }

    /// Checks all components.
    async fn check_parts(&self) -> Reply {
        let key_ring = self.key_ring.public_set().await.map(drop);
        // Where users are kept elsewhere there may be no database.
        let database = match self.isolate.config.identity {
            IdentitySource::Store => self.identity.ping().await,
            IdentitySource::Service { .. } => Ok(()),
        };
        let database = match database {
            Ok(()) if self.isolate.config.oauth.stored_clients => {
                self.clients.ping_clients().await.map_err(explained)
            }
            other => other,
        };
        self.revocation_cache.read_feed().await;
        let now = self.platform.now();
        let feed = self.isolate.memory.feed.state(now);
        let max_age = self.isolate.config.revocation.max_age.as_secs();
        let fresh = if feed.age.is_some_and(|age| age <= max_age) {
            Ok(())
        } else {
            Err(Fault::new(Component::RevocationFeed, "the feed is out of date"))
        };
        let results = [
            (Component::Kv, self.kv.read(KV_PROBE).await.and_then(|_| self.takes_writes(feed))),
            (Component::Database, database),
            (Component::KeyRing, key_ring),
            (Component::RevocationFeed, fresh),
        ];
        let routes = self.route_loader.table_state().await;
        let ok = routes.is_some() && results.iter().all(|(_, result)| result.is_ok());
        let parts = results
            .iter()
            .map(|(part, result)| {
                if let Err(fault) = result {
                    self.events.record_fault(fault, &Caller::default());
                }
                PartState { part: part.name(), ok: result.is_ok() }
            })
            .collect();
        let report = ReadinessReport {
            status: if ok { "ok" } else { "unavailable" },
            parts,
            routes,
            revocation_feed: FeedReport {
                age: feed.age,
                entries: feed.entries,
                kv_age: feed.kv_age,
                failed_writes: feed.failed_writes,
            },
        };
        let reply = Reply::json(if ok { 200 } else { 503 }, &report);
        self.isolate.memory.readiness.found.replace(Some((self.platform.now(), reply.clone())));
        reply
    }

    /// Checks that KV accepts the feed and delivers it here, which reading alone does not show.
    fn takes_writes(&self, feed: FeedState) -> Result<(), Fault> {
        if feed.failed_writes > FAILED_WRITES_READY {
            let cause = format_args!("{} writes of the revocation feed failed", feed.failed_writes);
            return Err(Fault::new(Component::Kv, cause));
        }
        match feed.kv_age {
            Some(age) if Duration::from_secs(age) >= self.revocation_cache.absent_after() => {
                Err(Fault::new(Component::Kv, format_args!("the revocation feed in KV is {age} s old")))
            }
            _ => Ok(()),
        }
    }
}
