//! What a Metrics object counted, over time.
//!
//! Before the first batch of a minute is added, the object writes down its sums as they stand: a **mark**. The same is done
//! for each quarter of an hour and each quarter of a day. What was counted in a bucket is the difference between its mark and
//! the next one, and that of the last bucket is the difference to the sums of now. So a batch is in the history if and only
//! if it is in the sums, and exactly as often: once.
//!
//! A mark replaces the one of the same place a span ago, so there are never more than [`MAX_MARKS`]. A flush reads one row
//! more than without a history, and writes one more if it is the first of its minute (two of a quarter of an hour, three of a
//! quarter of a day).
//!
//! If the clock is put back, buckets get the counts of their neighbours, but the sum over all buckets stays what was counted
//! since the oldest mark.

use serde::{Deserialize, Serialize};

use super::{
    messages::{Bucket, Totals},
    points::label_values,
    span::Span,
};
use crate::ports::{Component, Fault, Records};
use postern_jose::time::Timestamp;

/// The most rows of the history in one object.
pub const MAX_MARKS: u64 = Span::Hour.buckets() + Span::Day.buckets() + Span::Month.buckets();

/// The most series of a mark. All their names are names of the program, of which there are about 150.
const MAX_SERIES: usize = 400;

const KIND: &str = "history";
const VERSION: u32 = 1;

/// The families that the history has, and their names there. Of several labels it keeps the last, so that it has no routes
/// and no issuers, of which there may be thousands.
const FAMILIES: [(&str, &str); 12] = [
    ("postern_sign_ins", "sign_ins"),
    ("postern_refreshes", "refreshes"),
    ("postern_reuse_detected", "reuse_detected"),
    ("postern_access_refused", "access_refused"),
    ("postern_gate_requests", "gate_requests"),
    ("postern_upstream_failures", "upstream_failures"),
    ("postern_faults", "faults"),
    ("postern_jwks_fetches", "jwks_fetches"),
    ("postern_throttled", "throttled"),
    ("postern_password_hashes", "password_hashes"),
    ("postern_usage", "usage"),
    ("postern_object_latency_seconds", LATENCY),
];

/// The name of the family of histograms.
pub(super) const LATENCY: &str = "latency";

/// The label of a family without labels.
const NO_LABEL: &str = "all";

/// The sums as they stood when the first batch of a bucket came.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    v: u32,
    /// When the bucket began, in seconds since 1970.
    at: u64,
    /// The sums by `FAMILY:LABEL`.
    sums: Totals,
}

/// Writes the marks that are due. `totals` are the sums before the batch that is to be added.
///
/// The marks of longer spans come first: if one cannot be written, the minute's is not there either, and the next flush
/// tries again.
pub(super) fn mark(records: &impl Records, totals: &Totals, now: Timestamp) -> Result<(), Fault> {
    if is_marked(records, Span::Hour, now)? {
        return Ok(());
    }
    let sums = condensed(totals);
    let mut mark = Mark { v: VERSION, at: 0, sums };
    for span in Span::ALL {
        if span == Span::Hour || !is_marked(records, span, now)? {
            mark.at = span.bucket_of(now);
            let text =
                postern_jose::json::write(&mark).map_err(|error| Fault::new(Component::Storage, error))?;
            records.write(KIND, &id(span, now), &text)?;
        }
    }
    Ok(())
}

/// What was counted in each bucket of the span, oldest first and without empty buckets, and since when all is counted, in
/// seconds since 1970. `totals` are the sums of now.
pub(super) fn read(
    records: &impl Records,
    totals: &Totals,
    span: Span,
    now: Timestamp,
) -> Result<(Option<u64>, Vec<Bucket>), Fault> {
    let (first, last) = (span.starts_at(now), span.bucket_of(now));
    let rows = records.scan(KIND)?;
    let all = rows.iter().filter(|(id, _)| id.starts_with(span.name()));
    let mut marks: Vec<Mark> = all.filter_map(|(_, text)| parsed(text)).collect();
    let is_older = marks.iter().any(|mark| mark.at < first);
    marks.retain(|mark| (first..=last).contains(&mark.at));
    marks.sort_unstable_by_key(|mark| mark.at);
    let since = if is_older { Some(first) } else { marks.first().map(|mark| mark.at) };
    let now = condensed(totals);
    let mut known = least(&marks);
    let mut buckets = Vec::new();
    for (index, mark) in marks.iter().enumerate() {
        let next = marks.get(index + 1).map_or(&now, |mark| &mark.sums);
        let counts = raise(&mut known, next);
        if !counts.is_empty() {
            buckets.push(Bucket { at: mark.at, counts });
        }
    }
    Ok((since, buckets))
}

fn id(span: Span, now: Timestamp) -> String {
    let place = span.bucket_of(now) / span.step() % span.buckets();
    format!("{}-{place:03}", span.name())
}

fn is_marked(records: &impl Records, span: Span, now: Timestamp) -> Result<bool, Fault> {
    let text = records.read(KIND, &id(span, now))?;
    Ok(text.and_then(|text| parsed(&text)).is_some_and(|mark| mark.at == span.bucket_of(now)))
}

/// A mark that cannot be read is no mark. It may be lost, and is replaced in time.
fn parsed(text: &str) -> Option<Mark> {
    postern_jose::json::read(text).ok().filter(|mark: &Mark| mark.v == VERSION)
}

/// The sums of the history's series.
fn condensed(totals: &Totals) -> Totals {
    let mut sums = Totals::new();
    for (key, values) in totals {
        let (family, labels) = key.split_at(key.find('{').unwrap_or(key.len()));
        let Some((_, name)) = FAMILIES.iter().find(|(known, _)| *known == family) else { continue };
        let label = label_values(labels).pop().unwrap_or_else(|| NO_LABEL.to_owned());
        let key = [name, ":", &label].concat();
        if sums.contains_key(&key) || sums.len() < MAX_SERIES {
            super::add_values(sums.entry(key).or_default(), values);
        }
    }
    sums
}

/// The oldest of these sums: sums only grow, whatever the clock showed.
fn least(marks: &[Mark]) -> Totals {
    let mut all = marks.iter().map(|mark| &mark.sums);
    let mut least = all.next().cloned().unwrap_or_default();
    for sums in all {
        least.retain(|key, values| {
            let Some(others) = sums.get(key) else { return false };
            for (value, other) in values.iter_mut().zip(others) {
                *value = (*value).min(*other);
            }
            true
        });
    }
    least
}

/// Raises `known` to `next`; by how much.
fn raise(known: &mut Totals, next: &Totals) -> Totals {
    let mut raised = Totals::new();
    for (key, values) in next {
        let known = known.entry(key.clone()).or_default();
        known.resize(known.len().max(values.len()), 0);
        let counts: Vec<u64> = known
            .iter_mut()
            .zip(values)
            .map(|(known, value)| {
                let count = value.saturating_sub(*known);
                *known = (*known).max(*value);
                count
            })
            .collect();
        if counts.iter().any(|count| *count > 0) {
            raised.insert(key.clone(), counts);
        }
    }
    raised
}

#[cfg(test)]
mod tests;
