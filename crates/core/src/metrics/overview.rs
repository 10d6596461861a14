//! The history of the whole deployment: the sum over its Metrics objects.

use super::{
    add_values,
    family::{BOUNDS, HISTOGRAM_VALUES},
    history::{AT, LATENCY},
    messages::Totals,
    span::Span,
};
use postern_jose::time::Timestamp;

/// What a deployment counted over a span of time.
#[derive(Debug)]
pub struct Overview {
    span: Span,
    until: Timestamp,
    since: Option<u64>,
    /// The values of all buckets by `FAMILY:LABEL`.
    series: Totals,
}

/// How long calls of an object took: bounds of the histogram's buckets.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many calls there were.
    pub calls: u64,
    /// A bound within which half of the calls were answered, in milliseconds. `None` without a call, or if the largest bound,
    /// 5000, is not enough.
    pub p50: Option<u32>,
    /// The same for 95 of 100 calls.
    pub p95: Option<u32>,
}

impl Overview {
    /// An empty one of the span that ends at this time.
    pub const fn new(span: Span, until: Timestamp) -> Self {
        Self { span, until, since: None, series: Totals::new() }
    }

    /// Adds the history of one object, of the same span and end.
    pub fn add(&mut self, history: Totals) {
        for (key, values) in history {
            if key == AT {
                let since = values.first().copied();
                self.since = self.since.map_or(since, |known| since.map(|since| since.min(known)));
            } else {
                add_values(self.series.entry(key).or_default(), &values);
            }
        }
    }

    /// The span.
    pub const fn span(&self) -> Span {
        self.span
    }

    /// When the first bucket began, in seconds since 1970.
    pub const fn starts_at(&self) -> u64 {
        self.span.starts_at(self.until)
    }

    /// Since when all is counted, in seconds since 1970. `None` if nothing was.
    pub const fn since(&self) -> Option<u64> {
        self.since
    }

    /// What a family counted, by label: one value for each bucket, oldest first. Labels that counted nothing are not there.
    pub fn lines<'a>(&'a self, family: &'a str) -> impl Iterator<Item = (&'a str, &'a [u64])> {
        let lines = self.series.range(family.to_owned()..);
        let lines = lines.skip_while(move |(key, _)| !is_of(key, family));
        lines.map_while(move |(key, values)| {
            Some((key.strip_prefix(family)?.strip_prefix(':')?, values.as_slice()))
        })
    }

    /// The families that counted something, the histograms among them.
    pub fn families(&self) -> Vec<&str> {
        let mut families: Vec<&str> = Vec::new();
        for (family, _) in self.series.keys().filter_map(|key| key.split_once(':')) {
            if families.last() != Some(&family) {
                families.push(family);
            }
        }
        families
    }

    /// How much a family counted over the whole span under this label, or under all.
    pub fn sum(&self, family: &str, label: Option<&str>) -> u64 {
        let lines = self.lines(family).filter(|(own, _)| label.is_none_or(|label| label == *own));
        lines.flat_map(|(_, values)| values).copied().fold(0, u64::saturating_add)
    }

    /// How long the calls of each object took, in each bucket.
    pub fn latency(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = Bounds> + Clone)> {
        self.lines(LATENCY).map(|(object, values)| (object, values.chunks(HISTOGRAM_VALUES).map(bounds)))
    }

    /// How long the calls of an object took over the whole span.
    pub fn latency_of(&self, object: &str) -> Bounds {
        let mut all = Vec::new();
        for (_, values) in self.lines(LATENCY).filter(|(own, _)| *own == object) {
            values.chunks(HISTOGRAM_VALUES).for_each(|bucket| add_values(&mut all, bucket));
        }
        bounds(&all)
    }
}

fn is_of(key: &str, family: &str) -> bool {
    key.strip_prefix(family).is_some_and(|rest| rest.starts_with(':'))
}

/// The bounds of a histogram's values.
fn bounds(values: &[u64]) -> Bounds {
    let counts = values.split_last().map_or(&[][..], |(_, counts)| counts);
    let calls = counts.iter().copied().fold(0, u64::saturating_add);
    Bounds { calls, p50: bound_of(counts, calls, 50), p95: bound_of(counts, calls, 95) }
}

/// The least bound with at least `percent` of all observations at or below it.
fn bound_of(counts: &[u64], all: u64, percent: u64) -> Option<u32> {
    let wanted = u128::from(all) * u128::from(percent);
    let mut below = 0_u128;
    for (count, bound) in counts.iter().zip(BOUNDS) {
        below += u128::from(*count);
        if all > 0 && below * 100 >= wanted {
            return Some(bound);
        }
    }
    None
}
