//! Metrics: what is counted, where it is kept, and how it is told.
//!
//! - [`Counters`] are an isolate's memory: adding is an integer addition at a place found by a
//!   binary search, without allocation once a series exists;
//! - what they gathered goes as a [`Batch`] to one of [`SHARDS`] Metrics objects
//!   ([`shard`]), at most once in a flush interval, after the answers. An object takes each
//!   batch once however often it is sent;
//! - [`text`] writes the sum over the objects in the `OpenMetrics` text format;
//! - `points` writes what arrived there to an Analytics Engine data set too, where one is bound.
//!
//! While an isolate lives nothing is lost. One that dies takes with it what it counted since its
//! last flush: at most one flush interval.
//!
//! Events are counted where they are recorded, by [`Counters::count_event`]; besides that only
//! the gate's outcomes, upstreams that fail, calls of objects and fetches of key sets are. Labels are names of the
//! program or of the operator (routes, issuers), never what a client sends.

mod client;
mod points;
pub mod shard;
pub mod text;

use core::{cell::Cell, cell::RefCell, time::Duration};

use super::event::Happening;
use crate::ports::{Fault, Part, Randomness};
pub use client::MetricsShards;
use points::Points;
use postern_jose::{encoding::base64url, time::Timestamp};
pub use shard::{Batch, MetricsAnswer, MetricsRequest, SHARDS};

/// What a family is in `OpenMetrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows.
    Counter,
    /// What is so at the moment of asking.
    Gauge,
    /// How many observations fell below which bound.
    Histogram,
}

/// A family of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Every security event.
    Events,
    /// Sign-ins, by how they ended.
    SignIns,
    /// Refreshes, by what was decided.
    Refreshes,
    /// Replaced refresh tokens that came again.
    Reuse,
    /// Access tokens that the gate refused, by cause.
    AccessRefused,
    /// Requests at the gate.
    GateRequests,
    /// Forwarded requests that got no answer of their upstream.
    UpstreamFailures,
    /// Parts of ours that failed.
    Faults,
    /// Fetches of other issuers' key sets.
    JwksFetches,
    /// Writes of the revocation feed to KV.
    FeedWrites,
    /// Calls that a limit refused.
    Throttled,
    /// Passwords that were to be hashed.
    PasswordHashes,
    /// Events that did not reach the queue.
    EventsDropped,
    /// How long objects take to answer.
    ObjectLatency,
    /// The running version.
    Build,
    /// How old a key set in this isolate is.
    JwksAge,
    /// How long the signing keys are in their state.
    KeyAge,
    /// When the next signing key takes over.
    KeyRotation,
    /// How old this isolate's copy of the revocation feed is.
    FeedAge,
    /// How old the feed was that KV had for this isolate.
    FeedKvAge,
    /// How much it lists.
    FeedEntries,
    /// Passwords that wait to be hashed in this isolate.
    HashQueue,
}

/// What stands about a family in the text, and which labels its series have.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// The name, without `_total`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
    /// For people.
    pub help: &'static str,
}

impl Family {
    /// All of them, in the order of the text.
    pub const ALL: [Self; 22] = [
        Self::Events,
        Self::SignIns,
        Self::Refreshes,
        Self::Reuse,
        Self::AccessRefused,
        Self::GateRequests,
        Self::UpstreamFailures,
        Self::Faults,
        Self::JwksFetches,
        Self::FeedWrites,
        Self::Throttled,
        Self::PasswordHashes,
        Self::EventsDropped,
        Self::ObjectLatency,
        Self::Build,
        Self::JwksAge,
        Self::KeyAge,
        Self::KeyRotation,
        Self::FeedAge,
        Self::FeedKvAge,
        Self::FeedEntries,
        Self::HashQueue,
    ];

    /// What stands about it.
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub const fn describe(self) -> Description {
        use Kind::{Counter, Gauge, Histogram};
        let (name, kind, labels, help): (_, _, &[&str], _) = match self {
            Self::Events => (
                "postern_events",
                Counter,
                &["event", "outcome"],
                "Security events, as docs/reference/audit-events.md names them.",
            ),
            Self::SignIns => {
                ("postern_sign_ins", Counter, &["result"], "Sign-ins by result: success, or why not.")
            }
            Self::Refreshes => (
                "postern_refreshes",
                Counter,
                &["decision"],
                "Refreshes by decision: rotate, retry, late_retry, reuse, or why they were refused.",
            ),
            Self::Reuse => (
                "postern_reuse_detected",
                Counter,
                &[],
                "Replaced refresh tokens that were used again: stolen, or kept twice by a client.",
            ),
            Self::AccessRefused => (
                "postern_access_refused",
                Counter,
                &["code"],
                "Access tokens that the gate refused, by cause.",
            ),
            Self::GateRequests => (
                "postern_gate_requests",
                Counter,
                &["route", "outcome"],
                "Requests at the gate by route and outcome; without a route when none took the request.",
            ),
            Self::UpstreamFailures => (
                "postern_upstream_failures",
                Counter,
                &["route", "cause"],
                "Forwarded requests that were answered 502 or 504 for want of the upstream's answer.",
            ),
            Self::Faults => ("postern_faults", Counter, &["part"], "Failures of a part of ours."),
            Self::JwksFetches => (
                "postern_jwks_fetches",
                Counter,
                &["issuer", "result"],
                "Fetches of other issuers' key sets.",
            ),
            Self::FeedWrites => (
                "postern_revocation_feed_writes",
                Counter,
                &["result"],
                "Writes of the revocation feed to KV: success or failure.",
            ),
            Self::Throttled => {
                ("postern_throttled", Counter, &["limit"], "Calls that were answered 429, by limit.")
            }
            Self::PasswordHashes => (
                "postern_password_hashes",
                Counter,
                &["result"],
                "Passwords to be hashed: admitted, or refused because too many waited.",
            ),
            Self::EventsDropped => (
                "postern_events_dropped",
                Counter,
                &["reason"],
                "Events that did not reach the queue; the log has them.",
            ),
            Self::ObjectLatency => (
                "postern_object_latency_seconds",
                Histogram,
                &["object"],
                "How long Durable Objects take to answer the Worker.",
            ),
            Self::Build => ("postern_build_info", Gauge, &["version"], "The running version; always 1."),
            Self::JwksAge => (
                "postern_jwks_age_seconds",
                Gauge,
                &["issuer"],
                "Age of the key set that the answering isolate has in memory.",
            ),
            Self::KeyAge => (
                "postern_signing_key_age_seconds",
                Gauge,
                &["state"],
                "How long our signing keys are in their state.",
            ),
            Self::KeyRotation => (
                "postern_signing_key_rotation_timestamp_seconds",
                Gauge,
                &[],
                "When the next key is to sign, in seconds since 1970.",
            ),
            Self::FeedAge => (
                "postern_revocation_feed_age_seconds",
                Gauge,
                &[],
                "Age of the revocation feed that the answering isolate has in memory.",
            ),
            Self::FeedKvAge => (
                "postern_revocation_feed_kv_age_seconds",
                Gauge,
                &[],
                "Time since the feed was written that KV last had for the answering isolate.",
            ),
            Self::FeedEntries => {
                ("postern_revocation_feed_entries", Gauge, &[], "Revocations that this copy lists.")
            }
            Self::HashQueue => (
                "postern_password_hash_queue",
                Gauge,
                &[],
                "Passwords that wait to be hashed in the answering isolate.",
            ),
        };
        Description { name, kind, labels, help }
    }
}

/// Upper bounds of the histograms' buckets in milliseconds; one more holds the rest. An object
/// nearby answers in 1 to 5 ms, one on another continent in 100 to 300, and 2.5 s is a failure.
pub const BOUNDS: [u32; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

/// What a histogram's series holds: its buckets, the last one for the rest, and the sum in
/// milliseconds.
const HISTOGRAM_VALUES: usize = BOUNDS.len() + 2;

/// The most series of an isolate. There are about 150 names of the program's own; the rest is
/// routes times outcomes and causes, of which a table of 2000 routes would have too many: beyond
/// this number routes are counted together, as `other`.
const MAX_SERIES: usize = 1500;

/// How a request at the gate ended: few classes, so that a route has few series.
pub const fn gate_outcome(status: u16) -> &'static str {
    match status {
        200..=399 => "answered",
        401 => "unauthenticated",
        403 => "forbidden",
        404 | 405 => "no_route",
        429 => "throttled",
        503 => "unavailable",
        500..=599 => "failed",
        _ => "bad_request",
    }
}

#[derive(Debug)]
struct Series {
    family: Family,
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
    /// Somebody is to flush until then.
    armed_until: Cell<Timestamp>,
}

impl Counters {
    /// Adds to a counter. `first` and `second` are the values of the family's labels.
    pub fn add(&self, family: Family, first: &str, second: &'static str) {
        self.change(family, first, second, 1, |values| {
            if let Some(value) = values.first_mut() {
                *value = value.saturating_add(1);
            }
        });
    }

    /// Adds many to a counter with one label.
    pub fn add_many(&self, family: Family, first: &str, count: u64) {
        self.change(family, first, "", 1, |values| {
            if let Some(value) = values.first_mut() {
                *value = value.saturating_add(count);
            }
        });
    }

    /// Notes how long an object took.
    pub fn observe(&self, object: Part, took: Duration) {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().take_while(|bound| u64::from(**bound) < millis).count();
        self.change(Family::ObjectLatency, object.name(), "", HISTOGRAM_VALUES, |values| {
            if let Some(value) = values.get_mut(bucket) {
                *value = value.saturating_add(1);
            }
            if let Some(sum) = values.last_mut() {
                *sum = sum.saturating_add(millis);
            }
        });
    }

    /// Counts an event, under its own name and in the families that it belongs to.
    pub fn count_event(&self, happening: &Happening) {
        self.add(Family::Events, happening.name(), happening.outcome().name());
        match happening {
            Happening::SignedIn => self.add(Family::SignIns, "success", ""),
            Happening::SignInRefused { cause } => self.add(Family::SignIns, cause, ""),
            Happening::Refreshed { .. } => self.add(Family::Refreshes, "rotate", ""),
            Happening::Retried { late: false } => self.add(Family::Refreshes, "retry", ""),
            Happening::Retried { late: true } => self.add(Family::Refreshes, "late_retry", ""),
            Happening::ReuseDetected { .. } => {
                self.add(Family::Refreshes, "reuse", "");
                self.add(Family::Reuse, "", "");
            }
            Happening::RefreshRefused { cause } | Happening::RefreshForged { cause } => {
                self.add(Family::Refreshes, cause, "");
            }
            Happening::AccessRefused { code, .. } => self.add(Family::AccessRefused, code, ""),
            Happening::Fault { part, .. } => self.add(Family::Faults, part.name(), ""),
            // Everything else has its name among the events, and that is enough.
            _ => {}
        }
    }

    fn change(
        &self,
        family: Family,
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
            && matches!(family, Family::GateRequests | Family::UpstreamFailures)
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

    /// Whether the caller is the one to see to a flush: nobody else does.
    pub fn arm(&self, now: Timestamp, interval: Duration) -> bool {
        // Who was to flush may have been cancelled with its request: after twice the time
        // somebody else is.
        let lost_after = interval * 2;
        if !now.has_reached(self.armed_until.get(), lost_after) {
            return false;
        }
        self.armed_until.set(now.plus(lost_after));
        true
    }

    /// What is to be sent now: what did not arrive before, or else what was counted since.
    /// Nothing is lost when it fails, or is called by two at once.
    pub fn batch(&self, randomness: &impl Randomness) -> Result<Option<Batch>, Fault> {
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
    pub fn arrived(&self, number: u64) -> Option<Batch> {
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

#[cfg(test)]
mod tests;
