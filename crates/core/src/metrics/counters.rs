//! What an isolate counts, and how it sends it off.

use core::{cell::Cell, cell::RefCell, time::Duration};

use super::{
    client::MetricsShards,
    family::{BOUNDS, HISTOGRAM_VALUES, MetricFamily},
    messages::Batch,
    points::Points,
    text,
};
use crate::{
    events::EventKind,
    ports::{Component, Fault, Randomness},
};
use postern_jose::{encoding::base64url, time::Timestamp};

/// The most series of an isolate. There are about 150 names of the program's own; the rest is
/// routes times outcomes and causes, of which a table of 2000 routes would have too many: beyond
/// this number routes are counted together, as `other`.
const MAX_SERIES: usize = 1500;

#[derive(Debug)]
struct Series {
    family: MetricFamily,
    first: Box<str>,
    second: &'static str,
    values: Vec<u64>,
}

/// What an isolate has counted.
#[derive(Debug, Default)]
pub struct Counters {
    /// In the order of (family, first, second).
    series: RefCell<Vec<Series>>,
    /// Sent, and not known to have arrived.
    in_flight: RefCell<Option<Batch>>,
    /// This isolate's name in batches; empty until the first.
    isolate: RefCell<String>,
    batches: Cell<u64>,
    /// Not written to Analytics Engine yet.
    points: Points,
    /// A request has promised to flush until then.
    armed_until: Cell<Timestamp>,
}

impl Counters {
    /// Adds to a counter. `first` and `second` are the values of the family's labels.
    pub fn add(&self, family: MetricFamily, first: &str, second: &'static str) {
        self.change(family, first, second, 1, |values| {
            if let Some(value) = values.first_mut() {
                *value = value.saturating_add(1);
            }
        });
    }

    /// Adds many to a counter with one label.
    pub fn add_many(&self, family: MetricFamily, first: &str, count: u64) {
        self.change(family, first, "", 1, |values| {
            if let Some(value) = values.first_mut() {
                *value = value.saturating_add(count);
            }
        });
    }

    /// Notes how long an object took.
    pub fn observe(&self, object: Component, took: Duration) {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().take_while(|bound| u64::from(**bound) < millis).count();
        self.change(MetricFamily::ObjectLatency, object.name(), "", HISTOGRAM_VALUES, |values| {
            if let Some(value) = values.get_mut(bucket) {
                *value = value.saturating_add(1);
            }
            if let Some(sum) = values.last_mut() {
                *sum = sum.saturating_add(millis);
            }
        });
    }

    /// Counts an event, under its own name and in the families that it belongs to.
    pub fn count_event(&self, happening: &EventKind) {
        self.add(MetricFamily::Events, happening.name(), happening.outcome().name());
        match happening {
            EventKind::SignedIn => self.add(MetricFamily::SignIns, "success", ""),
            EventKind::SignInRefused { cause } => self.add(MetricFamily::SignIns, cause, ""),
            EventKind::Refreshed { .. } => self.add(MetricFamily::Refreshes, "rotate", ""),
            EventKind::Retried { late: false } => self.add(MetricFamily::Refreshes, "retry", ""),
            EventKind::Retried { late: true } => self.add(MetricFamily::Refreshes, "late_retry", ""),
            EventKind::ReuseDetected { .. } => {
                self.add(MetricFamily::Refreshes, "reuse", "");
                self.add(MetricFamily::Reuse, "", "");
            }
            EventKind::RefreshRefused { cause } | EventKind::RefreshForged { cause } => {
                self.add(MetricFamily::Refreshes, cause, "");
            }
            EventKind::AccessRefused { code, .. } => self.add(MetricFamily::AccessRefused, code, ""),
            EventKind::Fault { part, .. } => self.add(MetricFamily::Faults, part.name(), ""),
            // Everything else has its name among the events, and that is enough.
            _ => {}
        }
    }

    fn change(
        &self,
        family: MetricFamily,
        first: &str,
        second: &'static str,
        values: usize,
        change: impl FnOnce(&mut Vec<u64>),
    ) {
        let mut series = self.series.borrow_mut();
        let find = |series: &[Series], first: &str| {
            series.binary_search_by(|known| {
                (known.family, &*known.first, known.second).cmp(&(family, first, second))
            })
        };
        let mut place = find(&series, first);
        let mut name = first;
        if place.is_err()
            && series.len() >= MAX_SERIES
            && matches!(family, MetricFamily::GateRequests | MetricFamily::UpstreamFailures)
        {
            name = "other";
            place = find(&series, name);
        }
        let index = place.unwrap_or_else(|index| {
            series.insert(index, Series { family, first: name.into(), second, values: vec![0; values] });
            index
        });
        if let Some(known) = series.get_mut(index) {
            change(&mut known.values);
        }
    }

    /// Whether the caller must flush. No other request does.
    pub fn arm(&self, now: Timestamp, interval: Duration) -> bool {
        // The request that was to flush may have been cancelled: after twice the time another one
        // does.
        let lost_after = interval * 2;
        if !now.has_reached(self.armed_until.get(), lost_after) {
            return false;
        }
        self.armed_until.set(now.plus(lost_after));
        true
    }

    /// What is to be sent now: what did not arrive before, or else what was counted since.
    /// Nothing is lost when it fails, or is called by two at once.
    pub(crate) fn batch(&self, randomness: &impl Randomness) -> Result<Option<Batch>, Fault> {
        self.armed_until.set(Timestamp::default());
        let mut in_flight = self.in_flight.borrow_mut();
        if in_flight.is_some() {
            return Ok(in_flight.clone());
        }
        let mut isolate = self.isolate.borrow_mut();
        if isolate.is_empty() {
            let mut name = [0; 12];
            randomness.fill(&mut name)?;
            *isolate = base64url(&name);
        }
        let mut counts = Vec::new();
        for series in self.series.borrow_mut().iter_mut() {
            if series.values.iter().any(|value| *value > 0) {
                let key = text::series_key(series.family, &[&series.first, series.second]);
                let values = series.values.clone();
                series.values.fill(0);
                counts.push((key, values));
            }
        }
        if counts.is_empty() {
            return Ok(None);
        }
        self.batches.set(self.batches.get() + 1);
        *in_flight = Some(Batch { isolate: isolate.clone(), number: self.batches.get(), counts });
        Ok(in_flight.clone())
    }

    /// The batch of this number has arrived: the batch, for the first who says so.
    pub(crate) fn arrived(&self, number: u64) -> Option<Batch> {
        self.in_flight.borrow_mut().take_if(|batch| batch.number == number)
    }
}

/// How often one flush goes on: a batch that had failed, and what was counted since.
const ROUNDS: u8 = 2;

/// Sends off what was counted. What fails stays, and goes with the next flush. It is not told as
/// an event: that would be counted, flushed, and fail.
///
/// What has arrived is written to the Analytics Engine data set too, if there is one. The fault is
/// that one's: it is for the log alone, for the same reason.
pub async fn flush(
    counters: &Counters,
    randomness: &impl Randomness,
    shards: &impl MetricsShards,
    dataset: Option<&str>,
) -> Result<(), Fault> {
    for _ in 0..ROUNDS {
        let Ok(Some(batch)) = counters.batch(randomness) else { return Ok(()) };
        let (number, shard) = (batch.number, batch.shard());
        if shards.add(shard, batch).await.is_err() {
            return Ok(());
        }
        if let (Some(batch), Some(dataset)) = (counters.arrived(number), dataset) {
            for point in counters.points.next(batch.counts) {
                shards.write_point(dataset, &point)?;
            }
        }
    }
    Ok(())
}
