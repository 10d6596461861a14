//! How many different accounts fail from one network, or networks on one account: what guessing
//! with leaked lists looks like however slowly each single guess comes.

use core::time::Duration;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::messages::MAX_WINDOW;
use postern_jose::time::Timestamp;

/// From how many different ones on it is an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistinctLimit {
    /// This many different ones, 2 or more.
    pub count: u32,
    /// Within so many seconds. Limits stay tightened for as long after the last one.
    pub window: u32,
}

/// The different ones that failed of late.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DistinctCounter {
    /// By their stand-ins: when each was seen last. Never more than [`DistinctLimit::count`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ones: BTreeMap<String, Timestamp>,
    /// Until when limits are tightened.
    #[serde(default)]
    pub alarmed_until: Timestamp,
}

impl DistinctCounter {
    /// Whether there is nothing to remember.
    pub(crate) fn is_stale(&self, window: Duration, now: Timestamp) -> bool {
        self.alarmed_until <= now && self.ones.values().all(|at| now.is_due(*at, window))
    }

    /// Whether limits are tightened. They are not by an alarm that would last longer than any: the
    /// clock was ahead and has been put back.
    pub fn is_alarmed(&self, now: Timestamp) -> bool {
        !now.has_reached(self.alarmed_until, MAX_WINDOW)
    }

    /// Whether it was never used: what records leave out.
    pub(super) fn is_untouched(&self) -> bool {
        self.ones.is_empty() && self.alarmed_until == Timestamp::default()
    }
}

impl DistinctLimit {
    pub(super) fn window(self) -> Duration {
        Duration::from_secs(self.window.into())
    }

    /// Notes one. Whether this one made it an attack, which it was not before.
    pub(crate) fn note(self, seen: &mut DistinctCounter, one: &str, now: Timestamp) -> bool {
        let alarmed = seen.is_alarmed(now);
        seen.ones.retain(|_, at| !now.is_due(*at, self.window()));
        seen.ones.insert(one.to_owned(), now);
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        if seen.ones.len() < count {
            return false;
        }
        while seen.ones.len() > count {
            let oldest = seen.ones.iter().min_by_key(|(_, at)| **at).map(|(one, _)| one.clone());
            if let Some(one) = oldest {
                seen.ones.remove(&one);
            }
        }
        seen.alarmed_until = now.plus(self.window());
        !alarmed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPREAD: DistinctLimit = DistinctLimit { count: 3, window: 600 };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    // They are an attack.
    #[test]
    fn many_distinct_ids_in_the_window_are_reported_once() {
        let mut seen = DistinctCounter::default();
        assert!(!SPREAD.note(&mut seen, "a", at(0)));
        assert!(!SPREAD.note(&mut seen, "b", at(1)));
        assert!(!SPREAD.note(&mut seen, "b", at(2)), "the same again is no other one");
        assert!(SPREAD.note(&mut seen, "c", at(3)));
        assert!(!SPREAD.note(&mut seen, "d", at(4)), "told already");
        assert!(seen.is_alarmed(at(603)) && !seen.is_alarmed(at(604)));
        assert_eq!(seen.ones.len(), 3, "bounded");
    }

    #[test]
    fn different_ones_over_a_long_time_are_none() {
        let mut seen = DistinctCounter::default();
        for hour in 0..50 {
            assert!(!SPREAD.note(&mut seen, &hour.to_string(), at(hour * 3600)));
        }
        assert!(seen.is_stale(SPREAD.window(), at(50 * 3600)));
    }
}
