//! What the deployment counted over time, for administrators (`docs/reference/metrics.md`).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    admin::request::{AdminRequest, object},
    http::Reply,
    metrics::{Latency, MetricsShards as _, Overview, SHARDS, Span},
    ports::{Clock as _, Fault},
    runtime::{Runtime, metrics_flush::MetricsFlush, ports::Ports},
    web::error::ApiError,
};

/// The history of the deployment's counters.
pub(crate) struct AdminHistory<'r, P: Ports> {
    metrics: &'r P::Metrics,
    platform: &'r P::Platform,
    metrics_flush: MetricsFlush<'r, P>,
}

impl<'r, P: Ports> AdminHistory<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            metrics: runtime.ports.metrics(),
            platform: runtime.ports.platform(),
            metrics_flush: MetricsFlush::of(runtime),
        }
    }

    /// `GET /admin/history?span=`: what was counted, bucket by bucket.
    pub(crate) async fn show(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let overview = self.overview(span(asked.query.value("span"))?).await?;
        Ok(Reply::json(200, &json(&overview)))
    }

    /// The sum over the Metrics objects, after this isolate's counts are sent to them. All of them must answer, because a
    /// history without one would show a quieter time than there was.
    pub(crate) async fn overview(&self, span: Span) -> Result<Overview, Fault> {
        self.metrics_flush.flush().await;
        let mut overview = Overview::new(span, self.platform.now());
        for shard in 0..SHARDS {
            let (since, buckets) = self.metrics.history(shard, span).await?;
            overview.add(since, buckets);
        }
        Ok(overview)
    }
}

/// The span of this name; without one, the last hour.
pub(crate) fn span(name: Option<&str>) -> Result<Span, ApiError> {
    let wrong = ApiError::InvalidParameter { name: "span", problem: "must be hour, day or month" };
    name.map_or(Ok(Span::Hour), |name| Span::named(name).ok_or(wrong))
}

fn json(overview: &Overview) -> Value {
    let counts = overview.families().into_iter().map(|family| {
        let lines = overview.lines(family);
        (family.to_owned(), members(lines, Value::from))
    });
    let latency = |Latency { calls, p50, p95 }| {
        object([("calls", calls.into()), ("p50_ms", p50.into()), ("p95_ms", p95.into())])
    };
    object([
        ("span", overview.span().name().into()),
        ("step", overview.span().step().into()),
        ("starts_at", overview.starts_at().into()),
        ("counted_since", overview.since().into()),
        ("counts", Value::Object(counts.collect())),
        ("latency", members(overview.latency(), latency)),
    ])
}

fn members<T>(lines: BTreeMap<&str, T>, value: impl Fn(T) -> Value) -> Value {
    let members: Map<String, Value> =
        lines.into_iter().map(|(label, line)| (label.to_owned(), value(line))).collect();
    Value::Object(members)
}
