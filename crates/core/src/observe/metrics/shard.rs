//! A Metrics object: adds up what isolates send, each batch once.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    message::Message,
    ports::{Fault, Part, Records},
    text_map::TextMap,
};
use postern_jose::time::Timestamp;

/// How many objects share the work; an isolate keeps to one of them. Never fewer than there
/// once were, or their counts would be missing. Four objects of 200 writes a second take 8 000
/// isolates that flush every 10 s.
pub const SHARDS: u8 = 4;

/// The most series of one object. About 150 have names of the program's own; the rest is names
/// of routes and issuers that there ever were. What is beyond is not counted.
const MAX_SERIES: usize = 5000;

/// How many isolates an object remembers the last batch of, and for how long: a batch comes
/// again within seconds, or its isolate has gone.
const MAX_ISOLATES: usize = 500;
const ISOLATE_MEMORY: Duration = Duration::from_hours(1);

const KIND: &str = "metrics";
const ID: &str = "totals";
const VERSION: u32 = 1;

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
    pub fn shard(&self) -> u8 {
        self.isolate.bytes().fold(0, u8::wrapping_add) % SHARDS
    }
}

/// Series and their values.
pub type Totals = TextMap<Vec<u64>>;

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
}

impl Message for MetricsRequest {
    fn is_repeatable(&self) -> bool {
        match self {
            // A batch has a number, and counts once.
            Self::Add { .. } | Self::Read => true,
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

/// The last batch of an isolate.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Seen {
    number: u64,
    at: Timestamp,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Stored {
    v: u32,
    series: Totals,
    isolates: TextMap<Seen>,
}

/// The object over its records.
#[derive(Debug)]
pub struct Shard<R>(R);

impl<R: Records> Shard<R> {
    /// Over these records.
    pub const fn new(records: R) -> Self {
        Self(records)
    }

    /// Carries out a request; nothing is awaited.
    pub fn serve(&self, request: MetricsRequest, now: Timestamp) -> MetricsAnswer {
        let served = match request {
            MetricsRequest::Add { batch } => self.add(batch, now).map(|()| MetricsAnswer::Added),
            MetricsRequest::Read => {
                self.stored().map(|stored| MetricsAnswer::Totals { series: stored.series })
            }
        };
        served.unwrap_or_else(|fault| MetricsAnswer::Unavailable { cause: fault.to_string() })
    }

    fn add(&self, batch: Batch, now: Timestamp) -> Result<(), Fault> {
        let mut stored = self.stored()?;
        if stored.isolates.get(&batch.isolate).is_some_and(|seen| seen.number >= batch.number) {
            return Ok(());
        }
        for (key, values) in batch.counts {
            if let Some(known) = stored.series.get_mut(&key) {
                add_values(known, &values);
            } else if stored.series.len() < MAX_SERIES {
                stored.series.insert(key, values);
            }
        }
        if stored.isolates.len() >= MAX_ISOLATES {
            stored.isolates.retain(|seen| !now.is_due(seen.at, ISOLATE_MEMORY));
        }
        if stored.isolates.len() >= MAX_ISOLATES {
            let oldest = stored.isolates.iter().min_by_key(|(_, seen)| seen.at).map(|(name, _)| name.clone());
            if let Some(name) = oldest {
                stored.isolates.remove(&name);
            }
        }
        stored.isolates.insert(batch.isolate, Seen { number: batch.number, at: now });
        let text = postern_jose::json::write(&stored).map_err(|error| Fault::new(Part::Storage, error))?;
        self.0.write(KIND, ID, &text)
    }

    fn stored(&self) -> Result<Stored, Fault> {
        let Some(text) = self.0.read(KIND, ID)? else {
            return Ok(Stored { v: VERSION, ..Stored::default() });
        };
        let stored: Stored =
            postern_jose::json::read(&text).map_err(|error| Fault::new(Part::Storage, error))?;
        if stored.v == VERSION {
            Ok(stored)
        } else {
            Err(Fault::new(Part::Storage, format_args!("metrics of version {}", stored.v)))
        }
    }
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
