//! Counting what happens, sending it off after the answers, and `GET /metrics`.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{
    ApiError, Ports, Service,
    admin::{SCOPE, missing_scope},
};
use crate::{
    gateway::{Credentials, Route, credentials},
    http::{Reply, RequestView},
    keys::{
        KeyRingObject as _, RingOverview,
        messages::{KeyState, KeySummary},
    },
    observe::{
        Event, EventSink as _, Happening, Setting,
        metrics::{
            Family, MetricsShards as _, SHARDS, flush,
            shard::{Totals, add_values},
            text::{CONTENT_TYPE, Gauge, expose},
        },
    },
    ports::{Background as _, Fault},
    time::Timestamp,
};

impl<P: Ports> Service<P> {
    /// Counts one request of the gate's.
    pub(super) fn count_gate(&self, route: Option<&Route>, outcome: &'static str) {
        let name = route.map_or("", |route| route.name.as_str());
        self.isolate.counters.add(Family::GateRequests, name, outcome);
        self.see_to_flush(self.now());
    }

    /// Has what was counted sent off, unless somebody does already.
    pub(super) fn see_to_flush(&self, now: Timestamp) {
        let interval = self.isolate.config.metrics.flush_interval;
        if self.isolate.counters.arm(now, interval) {
            let service = self.clone();
            self.ports.background().spawn_later(interval, async move { service.flush().await });
        }
    }

    async fn flush(&self) {
        let dataset = self.isolate.config.metrics.dataset.as_deref();
        let written = flush(&self.isolate.counters, self.ports.platform(), self.ports.metrics(), dataset);
        if let Err(Fault { part, cause }) = written.await {
            // Not counted: that would be flushed, and fail again.
            let (at, setting) = (self.now(), Setting::default());
            self.ports.log().record(&Event { at, happening: Happening::Fault { part, cause }, setting });
        }
    }

    /// `GET /metrics`, in the `OpenMetrics` text format.
    ///
    /// 1. 401 or 403 unless the bearer token is the metrics token, or an access token of ours
    ///    with the scope `postern:admin` whose session is alive;
    /// 2. 503 when one object cannot be read: a sum without it would look like a counter that
    ///    went back;
    /// 3. gauges that cannot be had now are left out.
    pub(super) async fn metrics(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        self.may_read_metrics(request).await?;
        self.flush().await;
        let mut totals = Totals::default();
        for shard in 0..SHARDS {
            for (key, values) in self.ports.metrics().totals(shard).await? {
                match totals.get_mut(&key) {
                    Some(known) => add_values(known, &values),
                    None => totals.insert(key, values),
                }
            }
        }
        let text = expose(&totals, &self.gauges(self.now()).await);
        Ok(Reply::empty(200).with_body(CONTENT_TYPE, text.into_bytes()))
    }

    pub(super) async fn may_read_metrics(&self, request: &impl RequestView) -> Result<(), ApiError> {
        let authorization = request.header("authorization");
        if let Credentials::Bearer(token) = credentials(authorization.as_deref())
            && let Some(digest) = &self.isolate.config.metrics.token
            && bool::from(Sha256::digest(token.as_bytes()).as_slice().ct_eq(digest.as_bytes()))
        {
            return Ok(());
        }
        let (identity, _) = self.own_identity(request).await?;
        if identity.scopes.contains(SCOPE) {
            return Ok(());
        }
        Err(missing_scope())
    }

    async fn gauges(&self, now: Timestamp) -> Vec<Gauge> {
        let millis = |since: Timestamp| u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX);
        let gauge =
            |family, label: &str, thousandths| Gauge { family, labels: vec![label.to_owned()], thousandths };
        let mut gauges = vec![gauge(Family::Build, env!("CARGO_PKG_VERSION"), 1000)];
        for (issuer, set) in &*self.isolate.memory.key_sets.borrow() {
            gauges.push(gauge(Family::JwksAge, issuer, millis(set.fetched_at())));
        }
        let plain = |family, thousandths| Gauge { family, labels: Vec::new(), thousandths };
        let feed = self.isolate.memory.feed.state(now);
        if let Some(age) = feed.age {
            gauges.push(plain(Family::FeedAge, age.saturating_mul(1000)));
        }
        let whole = |count: usize| u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(1000);
        if let Some(age) = feed.kv_age {
            gauges.push(plain(Family::FeedKvAge, age.saturating_mul(1000)));
        }
        gauges.push(plain(Family::FeedEntries, whole(feed.entries)));
        gauges.push(plain(Family::HashQueue, whole(self.isolate.memory.hash_queue.len(now))));
        let Ok(RingOverview { keys, rotate_at }) = self.ports.key_ring().overview().await else {
            return gauges;
        };
        for KeySummary { state, .. } in keys {
            match state {
                KeyState::Active { since } => {
                    gauges.push(gauge(Family::KeyAge, "active", millis(since)));
                    let rotation = rotate_at.unwrap_or(since.plus(self.isolate.config.keys.active_period));
                    gauges.push(plain(Family::KeyRotation, rotation.millis()));
                }
                KeyState::Published { since } => {
                    gauges.push(gauge(Family::KeyAge, "published", millis(since)));
                }
                KeyState::Retiring { .. } | KeyState::Retired { .. } => {}
            }
        }
        gauges
    }
}
