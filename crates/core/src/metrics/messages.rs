//! The messages between the Worker and a Metrics object.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::message::Message;
use postern_jose::time::Timestamp;

/// How many objects share the work; an isolate keeps to one of them. Never fewer than there
/// once were, or their counts would be missing. Four objects of 200 writes a second take 8 000
/// isolates that flush every 10 s.
pub const SHARDS: u8 = 4;

/// What an isolate counted since its last batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The isolate's random name.
    pub isolate: String,
    /// Counts its batches from 1: one that comes again is not added again.
    pub number: u64,
    /// Series and what to add to their values.
    pub counts: Vec<(String, Vec<u64>)>,
}

impl Batch {
    /// The object of this isolate.
    pub(crate) fn shard(&self) -> u8 {
        self.isolate.bytes().fold(0, u8::wrapping_add) % SHARDS
    }
}

/// Series and their values.
pub type Totals = BTreeMap<String, Vec<u64>>;

/// What is asked of a Metrics object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricsRequest {
    /// Adds a batch.
    Add {
        /// The batch.
        batch: Batch,
    },
    /// What there is.
    Read,
    /// What was counted when, as [`MetricsAnswer::Totals`] of `history`. A version from before the history refuses it.
    History {
        /// The length of a bucket in seconds, which names the span.
        step: u64,
        /// The end of the span: now, by the clock of the Worker, so that all objects answer about the same buckets.
        until: Timestamp,
    },
}

impl Message for MetricsRequest {
    fn is_repeatable(&self) -> bool {
        match self {
            // A batch has a number, and counts once.
            Self::Add { .. } | Self::Read | Self::History { .. } => true,
        }
    }
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricsAnswer {
    /// Added, now or before.
    Added,
    /// All series.
    Totals {
        /// Their values.
        series: Totals,
    },
    /// It could not; sending again is safe.
    Unavailable {
        /// For the log.
        cause: String,
    },
}

/// Adds `more` to `values`, place by place.
pub fn add_values(values: &mut Vec<u64>, more: &[u64]) {
    if values.len() < more.len() {
        values.resize(more.len(), 0);
    }
    for (value, more) in values.iter_mut().zip(more) {
        *value = value.saturating_add(*more);
    }
}
