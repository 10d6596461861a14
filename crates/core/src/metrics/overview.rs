//! The history of the whole deployment: the sum over its Metrics objects.

use std::collections::BTreeMap;

use super::{
    add_values,
    family::BOUNDS,
    history::LATENCY,
    messages::{Bucket, Totals},
    span::Span,
};
use postern_jose::time::Timestamp;

/// What a deployment counted over a span of time.
#[derive(Debug)]
pub struct Overview {
    span: Span,
    /// When the first bucket began, in seconds since 1970.
    starts_at: u64,
    since: Option<u64>,
    buckets: Vec<Totals>,
}

/// How long the calls of one object took, bucket by bucket.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// How many calls there were.
    pub calls: Vec<u64>,
    /// A bound below which at least half of the calls were answered, in milliseconds. `None` without a call, or if the
    /// largest bound, 5000, is not enough.
    pub p50: Vec<Option<u32>>,
    /// The same for 95 of 100 calls.
    pub p95: Vec<Option<u32>>,
}

impl Overview {
    /// An empty one at this time.
    pub fn new(span: Span, now: Timestamp) -> Self {
        let count = usize::try_from(span.buckets()).unwrap_or_default();
        Self { span, starts_at: span.starts_at(now), since: None, buckets: vec![Totals::new(); count] }
    }

    /// Adds the history of one object. Buckets outside the span are left out: the object's clock may be a little ahead.
    pub fn add(&mut self, since: Option<u64>, buckets: Vec<Bucket>) {
        self.since = match (self.since, since) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        for Bucket { at, counts } in buckets {
            let Some(after) = at.checked_sub(self.starts_at) else { continue };
            let index = usize::try_from(after / self.span.step()).unwrap_or(usize::MAX);
            if let Some(bucket) = self.buckets.get_mut(index) {
                for (key, values) in counts {
                    add_values(bucket.entry(key).or_default(), &values);
                }
            }
        }
    }

    /// The span.
    pub const fn span(&self) -> Span {
        self.span
    }

    /// When the first bucket began, in seconds since 1970.
    pub const fn starts_at(&self) -> u64 {
        self.starts_at
    }

    /// Since when all is counted, in seconds since 1970. `None` if nothing was.
    pub fn since(&self) -> Option<u64> {
        self.since.map(|since| since.max(self.starts_at))
    }

    /// The names of the families that counted something, without the histograms.
    pub fn families(&self) -> Vec<&str> {
        let keys = self.buckets.iter().flat_map(Totals::keys);
        let mut families: Vec<&str> =
            keys.filter_map(|key| key.split_once(':')).map(|(family, _)| family).collect();
        families.retain(|family| *family != LATENCY);
        families.sort_unstable();
        families.dedup();
        families
    }

    /// What a family counted, by label and bucket by bucket. Labels that counted nothing are not there.
    pub fn lines(&self, family: &str) -> BTreeMap<&str, Vec<u64>> {
        let mut lines = BTreeMap::<&str, Vec<u64>>::new();
        for (index, label, values) in self.of(family) {
            let line = lines.entry(label).or_insert_with(|| vec![0; self.buckets.len()]);
            if let (Some(place), Some(value)) = (line.get_mut(index), values.first()) {
                *place = *value;
            }
        }
        lines
    }

    /// What a family counted over the whole span, by label.
    pub fn sums(&self, family: &str) -> BTreeMap<&str, u64> {
        let sum = |values: Vec<u64>| values.into_iter().fold(0, u64::saturating_add);
        self.lines(family).into_iter().map(|(label, values)| (label, sum(values))).collect()
    }

    /// How long the objects took to answer, by object.
    pub fn latency(&self) -> BTreeMap<&str, Latency> {
        let mut lines: BTreeMap<&str, Latency> = BTreeMap::new();
        for (index, label, values) in self.of(LATENCY) {
            let line = lines.entry(label).or_insert_with(|| Latency {
                calls: vec![0; self.buckets.len()],
                p50: vec![None; self.buckets.len()],
                p95: vec![None; self.buckets.len()],
            });
            let buckets = values.split_last().map_or(&[][..], |(_, buckets)| buckets);
            if let Some(calls) = line.calls.get_mut(index) {
                *calls = buckets.iter().copied().fold(0, u64::saturating_add);
            }
            for (place, percent) in [(&mut line.p50, 50), (&mut line.p95, 95)] {
                if let Some(place) = place.get_mut(index) {
                    *place = bound_of(buckets, percent);
                }
            }
        }
        lines
    }

    fn of(&self, family: &str) -> impl Iterator<Item = (usize, &str, &Vec<u64>)> {
        let all = self.buckets.iter().enumerate();
        all.flat_map(move |(index, bucket)| {
            bucket.iter().filter_map(move |(key, values)| {
                let (name, label) = key.split_once(':')?;
                (name == family).then_some((index, label, values))
            })
        })
    }
}

/// The least bound of a histogram with at least `percent` of its observations at or below it.
fn bound_of(buckets: &[u64], percent: u64) -> Option<u32> {
    let all: u128 = buckets.iter().map(|count| u128::from(*count)).sum();
    let mut below = 0_u128;
    for (count, bound) in buckets.iter().zip(BOUNDS) {
        below += u128::from(*count);
        if all > 0 && below * 100 >= all * u128::from(percent) {
            return Some(bound);
        }
    }
    None
}
