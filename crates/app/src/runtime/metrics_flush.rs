//! Counts the gate's requests, and flushes all counts to the Metrics objects after answers.

use crate::{
    events::{Event, EventContext, EventSink as _},
    gateway::Route,
    metrics::{MetricFamily, flush},
    ports::Background as _,
    runtime::{Runtime, ports::Ports},
    time::Timestamp,
};

/// Flushes the counters to the Metrics objects after answers.
pub(crate) struct MetricsFlush<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> MetricsFlush<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Counts a request of the gate.
    pub(crate) fn count_gate(&self, route: Option<&Route>, outcome: &'static str, now: Timestamp) {
        let name = route.map_or("", |route| route.name.as_str());
        self.0.isolate.counters.add(MetricFamily::GateRequests, name, outcome);
        self.see_to_flush(now);
    }

    /// Flushes the counters in the background, unless another request does so already.
    pub(crate) fn see_to_flush(&self, now: Timestamp) {
        let interval = self.0.isolate.config.metrics.flush_interval;
        if self.0.isolate.counters.arm(now, interval) {
            let runtime = self.0.clone();
            self.0
                .ports
                .background()
                .spawn_later(interval, async move { MetricsFlush::of(&runtime).flush().await });
        }
    }

    pub(crate) async fn flush(&self) {
        let dataset = self.0.isolate.config.metrics.dataset.as_deref();
        let written =
            flush(&self.0.isolate.counters, self.0.ports.platform(), self.0.ports.metrics(), dataset);
        if let Err(fault) = written.await {
            // Not counted: that would be flushed, and fail again.
            let (at, setting) = (self.0.now(), EventContext::default());
            self.0.ports.log().record(&Event { at, happening: fault.into(), setting });
        }
    }
}
