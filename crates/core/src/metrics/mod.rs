//! Metrics: what is counted, where it is kept, and how it is told.
//!
//! - [`Counters`] are an isolate's memory: adding is an integer addition at a place found by a
//!   binary search, without allocation once a series exists;
//! - what they gathered goes as a [`Batch`] to one of [`SHARDS`] Metrics objects
//!   ([`Shard`]), at most once in a flush interval, after the answers. An object takes each
//!   batch once however often it is sent;
//! - [`text`] writes the sum over the objects in the `OpenMetrics` text format;
//! - `history` keeps what was counted in each minute, quarter of an hour and quarter of a day, and [`Overview`] is the sum of
//!   the objects' histories;
//! - `points` writes what arrived there to an Analytics Engine data set too, where one is bound.
//!
//! While an isolate lives nothing is lost. One that dies takes with it what it counted since its
//! last flush: at most one flush interval.
//!
//! Events are counted where they are recorded, by [`Counters::count_event`]; besides that only
//! the gate's outcomes, upstreams that fail, calls of objects and fetches of key sets are. Labels are names of the
//! program or of the operator (routes, issuers), never what a client sends.

mod client;
mod counters;
mod family;
mod history;
pub mod messages;
mod object;
mod overview;
mod points;
mod span;
pub mod text;

pub use self::{
    client::MetricsShards,
    counters::{Counters, flush},
    family::{BOUNDS, Description, MetricFamily, MetricKind, gate_outcome},
    history::{LATENCY, MAX_MARKS},
    messages::{Batch, MetricsAnswer, MetricsRequest, SHARDS, Totals, add_values},
    object::Shard,
    overview::{Bounds, Overview},
    span::Span,
};

#[cfg(test)]
mod tests;
