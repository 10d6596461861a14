//! A Metrics object: adds up what isolates send, each batch once.

use core::time::Duration;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    history,
    messages::{Batch, MetricsAnswer, MetricsRequest, Totals, add_values},
    span::Span,
};
use crate::ports::{Component, Fault, Records};
use postern_jose::time::Timestamp;

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
    isolates: BTreeMap<String, Seen>,
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
            MetricsRequest::History { step, until } => self.history(step, until),
        };
        served.unwrap_or_else(|fault| MetricsAnswer::Unavailable { cause: fault.to_string() })
    }

    fn history(&self, step: u64, until: Timestamp) -> Result<MetricsAnswer, Fault> {
        let span =
            Span::of_step(step).ok_or_else(|| Fault::new(Component::Metrics, "no span has this step"))?;
        let series = history::read(&self.0, &self.stored()?.series, span, until)?;
        Ok(MetricsAnswer::Totals { series })
    }

    fn add(&self, batch: Batch, now: Timestamp) -> Result<(), Fault> {
        let mut stored = self.stored()?;
        if stored.isolates.get(&batch.isolate).is_some_and(|seen| seen.number >= batch.number) {
            return Ok(());
        }
        history::mark(&self.0, &stored.series, now)?;
        for (key, values) in batch.counts {
            if let Some(known) = stored.series.get_mut(&key) {
                add_values(known, &values);
            } else if stored.series.len() < MAX_SERIES {
                stored.series.insert(key, values);
            }
        }
        if stored.isolates.len() >= MAX_ISOLATES {
            stored.isolates.retain(|_, seen| !now.is_due(seen.at, ISOLATE_MEMORY));
        }
        if stored.isolates.len() >= MAX_ISOLATES {
            let oldest = stored.isolates.iter().min_by_key(|(_, seen)| seen.at).map(|(name, _)| name.clone());
            if let Some(name) = oldest {
                stored.isolates.remove(&name);
            }
        }
        stored.isolates.insert(batch.isolate, Seen { number: batch.number, at: now });
        let text =
            postern_jose::json::write(&stored).map_err(|error| Fault::new(Component::Storage, error))?;
        self.0.write(KIND, ID, &text)
    }

    fn stored(&self) -> Result<Stored, Fault> {
        let Some(text) = self.0.read(KIND, ID)? else {
            return Ok(Stored { v: VERSION, ..Stored::default() });
        };
        let stored: Stored =
            postern_jose::json::read(&text).map_err(|error| Fault::new(Component::Storage, error))?;
        if stored.v == VERSION {
            Ok(stored)
        } else {
            Err(Fault::new(
                Component::Storage,
                format_args!("the record has the unknown version {}", stored.v),
            ))
        }
    }
}
