//! What the deployment counted over time, for administrators (`docs/reference/metrics.md`).

use serde_json::{Map, Value};

use crate::{
    admin::request::{AdminRequest, object},
    http::Reply,
    metrics::{LATENCY, MetricsShards as _, Overview, SHARDS, Span},
    ports::Clock as _,
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
    ///
    /// # Errors
    /// [`ApiError::FormerVersion`] if an object has counters and refuses to give their history: it is of a version from before
    /// the history. A fault if one does not answer.
    pub(crate) async fn overview(&self, span: Span) -> Result<Overview, ApiError> {
        self.metrics_flush.flush().await;
        let now = self.platform.now();
        let mut overview = Overview::new(span, now);
        for shard in 0..SHARDS {
            match self.metrics.history(shard, span, now).await {
                Ok(history) => overview.add(history),
                Err(_) if self.metrics.totals(shard).await.is_ok() => return Err(ApiError::FormerVersion),
                Err(fault) => return Err(fault.into()),
            }
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
    let (mut counts, mut latency) = (Map::new(), Map::new());
    for family in overview.families().into_iter().filter(|family| *family != LATENCY) {
        let mut lines = Map::new();
        for (label, values) in overview.lines(family) {
            lines.insert(label.to_owned(), list(values.iter().map(|value| (*value).into())));
        }
        counts.insert(family.to_owned(), Value::Object(lines));
    }
    for (label, bounds) in overview.latency() {
        let line = object([
            ("calls", list(bounds.clone().map(|bounds| bounds.calls.into()))),
            ("p50_ms", list(bounds.clone().map(|bounds| bounds.p50.into()))),
            ("p95_ms", list(bounds.map(|bounds| bounds.p95.into()))),
        ]);
        latency.insert(label.to_owned(), line);
    }
    object([
        ("span", overview.span().name().into()),
        ("step", overview.span().step().into()),
        ("starts_at", overview.starts_at().into()),
        ("counted_since", overview.since().into()),
        ("counts", Value::Object(counts)),
        ("latency", Value::Object(latency)),
    ])
}

fn list(values: impl Iterator<Item = Value>) -> Value {
    let mut list = Vec::new();
    values.for_each(|value| list.push(value));
    Value::Array(list)
}
