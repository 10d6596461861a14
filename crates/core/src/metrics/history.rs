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
//! A mark has the time when it was written. Of the very first one, before which nothing was counted, that is since when all is
//! counted: a bucket of a quarter of a day may have begun hours before the deployment.
//!
//! If the clock is put back, buckets get the counts of their neighbours, but the sum over all buckets stays what was counted
//! since the oldest mark.

use super::{add_values, messages::Totals, points::label_values, span::Span};
use crate::ports::{Component, Fault, Records};
use postern_jose::time::Timestamp;

/// The most rows of the history in one object.
pub const MAX_MARKS: u64 = Span::Hour.buckets() + Span::Day.buckets() + Span::Month.buckets();

/// The most series of a mark. All their names are names of the program, of which there are about 150.
const MAX_SERIES: usize = 400;

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

/// The name of the family of histograms in the history.
pub const LATENCY: &str = "latency";

/// The label of a family without labels.
const NO_LABEL: &str = "all";

/// The name under which a mark has the time when it was written, and a history the time since when all is counted, in seconds
/// since 1970. Series have a colon in their names.
pub(super) const AT: &str = "at";

/// Writes the marks that are due. `totals` are the sums before the batch that is to be added.
///
/// The marks of longer spans come first: if one cannot be written, the minute's is not there either, and the next flush
/// tries again.
pub(super) fn mark(records: &impl Records, totals: &Totals, now: Timestamp) -> Result<(), Fault> {
    if is_marked(records, Span::Hour, now)? {
        return Ok(());
    }
    let mut mark = condensed(totals);
    for span in Span::ALL {
        if span == Span::Hour || !is_marked(records, span, now)? {
            mark.insert(AT.to_owned(), vec![now.seconds()]);
            let text =
                postern_jose::json::write(&mark).map_err(|error| Fault::new(Component::Storage, error))?;
            records.write(kind(span), &place(span, now), &text)?;
        }
    }
    Ok(())
}

/// What was counted in each bucket of the span that ends now, by series: one value for each bucket, or as many as a histogram
/// has, oldest first. Series that counted nothing are not there. `at` is since when all is counted. `totals` are the sums of
/// now.
pub(super) fn read(
    records: &impl Records,
    totals: &Totals,
    span: Span,
    now: Timestamp,
) -> Result<Totals, Fault> {
    let first = span.starts_at(now);
    let count = usize::try_from(span.buckets()).unwrap_or_default();
    let mut marks: Vec<Option<Totals>> = vec![None; count];
    let mut since = None;
    for (_, text) in records.scan(kind(span))? {
        let Some((at, mark)) = parsed(&text) else { continue };
        let at = at.seconds();
        if at < first {
            since = Some(first);
        }
        let place = at.checked_sub(first).and_then(|after| usize::try_from(after / span.step()).ok());
        if let Some(place) = place.and_then(|place| marks.get_mut(place)) {
            *place = Some(mark);
        }
    }
    let marks: Vec<(usize, Totals)> =
        marks.into_iter().enumerate().filter_map(|(place, mark)| Some((place, mark?))).collect();
    let mut history = Totals::new();
    if let Some((place, mark)) = marks.first() {
        let at = u64::try_from(*place).unwrap_or_default().saturating_mul(span.step());
        let is_very_first = mark.keys().all(|key| key == AT);
        let written = mark.get(AT).and_then(|at| at.first()).copied().filter(|_| is_very_first);
        since = since.or(written).or_else(|| first.checked_add(at));
    }
    history.extend(since.map(|since| (AT.to_owned(), vec![since])));
    for (key, values) in condensed(totals) {
        let counts = counted(&marks, &key, &values, count);
        if counts.iter().any(|count| *count > 0) {
            history.insert(key, counts);
        }
    }
    Ok(history)
}

/// How much a series rose from each mark to the next, and from the last one to its values of now.
fn counted(marks: &[(usize, Totals)], key: &str, now: &[u64], count: usize) -> Vec<u64> {
    let mut counts = vec![0; count.saturating_mul(now.len())];
    for (index, last) in now.iter().enumerate() {
        let of = |(_, mark): &(usize, Totals)| {
            mark.get(key).and_then(|values| values.get(index)).copied().unwrap_or_default()
        };
        // Sums only grow, whatever the clock showed: the least is the oldest.
        let mut known = marks.iter().map(of).min().unwrap_or_default();
        for (mark, (place, _)) in marks.iter().enumerate() {
            let next = marks.get(mark + 1).map_or(*last, of);
            if let Some(count) = counts.get_mut(place * now.len() + index) {
                *count = next.saturating_sub(known);
            }
            known = known.max(next);
        }
    }
    counts
}

/// The kind of the rows. Each span has one of its own, so that reading it reads no other rows.
const fn kind(span: Span) -> &'static str {
    match span {
        Span::Hour => "history_hour",
        Span::Day => "history_day",
        Span::Month => "history_month",
    }
}

/// The id of a row: the place of the bucket within its span.
fn place(span: Span, now: Timestamp) -> String {
    (span.bucket_of(now) / span.step() % span.buckets()).to_string()
}

fn is_marked(records: &impl Records, span: Span, now: Timestamp) -> Result<bool, Fault> {
    let text = records.read(kind(span), &place(span, now))?;
    Ok(text.and_then(|text| parsed(&text)).is_some_and(|(at, _)| span.bucket_of(at) == span.bucket_of(now)))
}

/// A mark, and when it was written. One that cannot be read is no mark: it may be lost, and is replaced in time.
fn parsed(text: &str) -> Option<(Timestamp, Totals)> {
    let mark: Totals = postern_jose::json::read(text).ok()?;
    Some((Timestamp::from_seconds(*mark.get(AT)?.first()?), mark))
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
            add_values(sums.entry(key).or_default(), values);
        }
    }
    sums
}

#[cfg(test)]
mod tests;
