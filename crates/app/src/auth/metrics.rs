//! `GET /metrics`.

use crate::{
    auth::metrics_access::MetricsAccess,
    http::{Reply, RequestView},
    isolate::Isolate,
    keys::{
        KeyRingObject as _, RingOverview,
        messages::{KeyState, KeySummary},
    },
    metrics::{
        MetricFamily, MetricsShards as _, SHARDS, Totals, add_values,
        text::{CONTENT_TYPE, Gauge, expose},
    },
    ports::Clock as _,
    runtime::{Runtime, metrics_flush::MetricsFlush, ports::Ports},
    time::Timestamp,
    web::error::ApiError,
};

/// What `GET /metrics` needs.
pub(crate) struct MetricsPage<'r, P: Ports> {
    isolate: &'r Isolate,
    key_ring: &'r P::KeyRing,
    metrics: &'r P::Metrics,
    platform: &'r P::Platform,
    metrics_access: MetricsAccess<'r, P>,
    metrics_flush: MetricsFlush<'r, P>,
}

impl<'r, P: Ports> MetricsPage<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            key_ring: runtime.ports.key_ring(),
            metrics: runtime.ports.metrics(),
            platform: runtime.ports.platform(),
            metrics_access: MetricsAccess::of(runtime),
            metrics_flush: MetricsFlush::of(runtime),
        }
    }

    /// `GET /metrics`, in the `OpenMetrics` text format.
    ///
    /// 1. 401 or 403 unless the bearer token is the metrics token, or an access token of the deployment with the scope
    ///    `postern:admin` whose session is alive;
    /// 2. 503 if a Metrics object cannot be read, because a sum without it would look like a counter that decreased;
    /// 3. gauges that are not available now are left out.
    pub(crate) async fn metrics(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        self.metrics_access.may_read_metrics(request).await?;
        self.metrics_flush.flush().await;
        let mut totals = Totals::default();
        for shard in 0..SHARDS {
            for (key, values) in self.metrics.totals(shard).await? {
                add_values(totals.entry(key).or_default(), &values);
            }
        }
        let text = expose(&totals, &self.gauges(self.platform.now()).await);
        Ok(Reply::empty(200).with_body(CONTENT_TYPE, text.into_bytes()))
    }

    async fn gauges(&self, now: Timestamp) -> Vec<Gauge> {
        let millis = |since: Timestamp| u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX);
        let gauge =
            |family, label: &str, thousandths| Gauge { family, labels: vec![label.to_owned()], thousandths };
        let mut gauges = vec![gauge(MetricFamily::Build, env!("CARGO_PKG_VERSION"), 1000)];
        for (issuer, set) in &*self.isolate.memory.key_sets.borrow() {
            gauges.push(gauge(MetricFamily::JwksAge, issuer, millis(set.fetched_at())));
        }
        let plain = |family, thousandths| Gauge { family, labels: Vec::new(), thousandths };
        let feed = self.isolate.memory.feed.state(now);
        if let Some(age) = feed.age {
            gauges.push(plain(MetricFamily::FeedAge, age.saturating_mul(1000)));
        }
        let whole = |count: usize| u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(1000);
        if let Some(age) = feed.kv_age {
            gauges.push(plain(MetricFamily::FeedKvAge, age.saturating_mul(1000)));
        }
        gauges.push(plain(MetricFamily::FeedEntries, whole(feed.entries)));
        gauges.push(plain(MetricFamily::HashQueue, whole(self.isolate.memory.hash_queue.len(now))));
        let Ok(RingOverview { keys, rotate_at }) = self.key_ring.overview().await else {
            return gauges;
        };
        for KeySummary { state, .. } in keys {
            match state {
                KeyState::Active { since } => {
                    gauges.push(gauge(MetricFamily::KeyAge, "active", millis(since)));
                    let rotation = rotate_at.unwrap_or(since.plus(self.isolate.config.keys.active_period));
                    gauges.push(plain(MetricFamily::KeyRotation, rotation.millis()));
                }
                KeyState::Published { since } => {
                    gauges.push(gauge(MetricFamily::KeyAge, "published", millis(since)));
                }
                KeyState::Retiring { .. } | KeyState::Retired { .. } => {}
            }
        }
        gauges
    }
}
