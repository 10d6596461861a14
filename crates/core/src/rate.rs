//! Token buckets, exact: the generic cell rate algorithm, whose whole state is one point in time.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use postern_jose::time::Timestamp;

/// The most that may be taken in a minute: a thousand a second, above what one object serves.
pub const MAX_PER_MINUTE: u32 = 60_000;

/// Microseconds: an interval of 60 s / 7 is then exact to a millionth.
const MINUTE: u64 = 60_000_000;

/// By how much a rate shrinks while an attack is under way.
const TIGHTENED: u32 = 4;

/// A token bucket: `burst` at once, and `per_minute` over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many come back in a minute, 1 to [`MAX_PER_MINUTE`].
    pub per_minute: u32,
    /// How many a full bucket holds, 1 or more.
    pub burst: u32,
}

/// When a bucket is full again, in microseconds since 1970; the past is a full one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FullAt(u64);

impl FullAt {
    /// Whether the bucket is full: nothing needs to be remembered then.
    pub const fn is_full(self, now: Timestamp) -> bool {
        self.0 <= micros(now)
    }

    /// The first whole millisecond in which it is.
    pub const fn at(self) -> Timestamp {
        Timestamp::from_millis(self.0.div_ceil(1000))
    }

    /// Whether nothing was ever taken: what records leave out.
    #[cfg_attr(
        not(target_family = "wasm"),
        expect(
            clippy::trivially_copy_pass_by_ref,
            reason = "serde's form; small on a machine of 64 bits alone"
        )
    )]
    pub(crate) const fn is_untouched(&self) -> bool {
        self.0 == 0
    }
}

const fn micros(at: Timestamp) -> u64 {
    at.millis().saturating_mul(1000)
}

impl Rate {
    /// `per_minute` over time and `burst` at once; zero counts as one.
    pub const fn new(per_minute: u32, burst: u32) -> Self {
        Self {
            per_minute: if per_minute == 0 { 1 } else { per_minute },
            burst: if burst == 0 { 1 } else { burst },
        }
    }

    /// A quarter of both, at least one: while an attack is under way.
    #[must_use]
    pub const fn tightened(self) -> Self {
        Self::new(self.per_minute / TIGHTENED, self.burst / TIGHTENED)
    }

    const fn interval(self) -> u64 {
        MINUTE / if self.per_minute == 0 { 1 } else { self.per_minute as u64 }
    }

    /// How long an empty bucket takes to be full, in whole seconds rounded up: the window of a
    /// `RateLimit-Policy`.
    pub const fn window(self) -> u64 {
        self.interval().saturating_mul(self.burst as u64).div_ceil(1_000_000)
    }

    /// How long from an empty bucket to a full one, in microseconds.
    fn room(self) -> u64 {
        self.interval().saturating_mul(u64::from(self.burst.max(1)))
    }

    /// What was taken and is not back. More than twice what there is in all, and a minute for a
    /// clock that is set, was taken by one that was far ahead and has been put back: then nothing
    /// is known.
    fn debt(self, bucket: FullAt, now: Timestamp) -> u64 {
        let debt = bucket.0.saturating_sub(micros(now));
        if debt > self.room().saturating_mul(2).saturating_add(MINUTE) { 0 } else { debt }
    }

    /// How many can be taken at once now.
    pub fn left(self, bucket: FullAt, now: Timestamp) -> u32 {
        let taken = self.debt(bucket, now).div_ceil(self.interval().max(1));
        self.burst.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    /// Takes one. Gives the bucket as it is then.
    ///
    /// # Errors
    /// How long until one can be taken, when it is empty; nothing has changed then, and a refused
    /// call costs the caller nothing.
    pub fn take(self, bucket: FullAt, now: Timestamp) -> Result<FullAt, Duration> {
        let debt = self.debt(bucket, now).saturating_add(self.interval());
        match debt.checked_sub(self.room()) {
            None | Some(0) => Ok(FullAt(micros(now).saturating_add(debt))),
            Some(missing) => Err(Duration::from_micros(missing)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn at(millis: u64) -> Timestamp {
        START.plus(Duration::from_millis(millis))
    }

    #[test]
    fn charges_by_a_clock_ahead_are_void_when_it_is_put_back() {
        let rate = Rate::new(6, 2);
        let ahead = rate.take(FullAt::default(), at(86_400_000)).unwrap();
        assert_eq!(rate.left(ahead, at(0)), 2);
        assert!(rate.take(ahead, at(0)).is_ok());
    }

    #[test]
    fn a_burst_passes_at_once_and_then_one_for_each_interval() {
        let rate = Rate::new(5, 5);
        let mut bucket = FullAt::default();
        for _ in 0..5 {
            bucket = rate.take(bucket, at(0)).unwrap();
        }
        assert_eq!(rate.take(bucket, at(0)), Err(Duration::from_secs(12)));
        assert_eq!(rate.take(bucket, at(11_999)), Err(Duration::from_millis(1)));
        assert_eq!(
            [at(0), at(11_999), at(12_000), at(60_000)].map(|now| rate.left(bucket, now)),
            [0, 0, 1, 5]
        );
        bucket = rate.take(bucket, at(12_000)).unwrap();
        assert_eq!(rate.take(bucket, at(12_000)), Err(Duration::from_secs(12)));
        assert_eq!(bucket.at(), at(72_000));
        assert!(bucket.is_full(at(72_000)) && !bucket.is_full(at(71_999)));
    }

    #[test]
    fn a_refused_call_costs_nothing() {
        let rate = Rate::new(1, 1);
        let bucket = rate.take(FullAt::default(), at(0)).unwrap();
        for millis in 0..1000 {
            assert!(rate.take(bucket, at(millis)).is_err());
        }
        assert!(rate.take(bucket, at(60_000)).is_ok());
    }

    #[test]
    fn under_attack_a_quarter_is_left_and_never_nothing() {
        assert_eq!(Rate::new(20, 20).tightened(), Rate::new(5, 5));
        assert_eq!(Rate::new(3, 1).tightened(), Rate::new(1, 1));
    }

    #[test]
    fn a_clock_that_goes_back_and_extreme_times_do_no_harm() {
        let rate = Rate::new(60, 2);
        let bucket = rate.take(FullAt::default(), at(5000)).unwrap();
        assert!(rate.take(bucket, at(0)).is_err());
        let end = Timestamp::from_millis(u64::MAX);
        assert!(rate.take(FullAt(u64::MAX), end).is_err() || rate.take(FullAt(u64::MAX), end).is_ok());
    }

    #[cfg(feature = "thorough")]
    mod properties {
        use super::*;
        use proptest::prelude::*;

        proptest! {
            /// The promise itself: in any stretch of time no more than burst + rate x time pass.
            #[test]
            fn no_period_lets_more_through_than_rate_and_burst(
                per_minute in 1u32..600,
                burst in 1u32..50,
                gaps in prop::collection::vec(0u64..4000, 1..300),
            ) {
                let rate = Rate::new(per_minute, burst);
                let (mut bucket, mut time, mut passed) = (FullAt::default(), 0, Vec::new());
                for gap in gaps {
                    time += gap;
                    if let Ok(next) = rate.take(bucket, at(time)) {
                        bucket = next;
                        passed.push(time);
                    }
                }
                for (index, from) in passed.iter().enumerate() {
                    for (more, to) in passed[index..].iter().enumerate() {
                        let beyond_burst = u64::try_from(more + 1).unwrap().saturating_sub(burst.into());
                        // The interval is rounded down to the microsecond: a thousandth is far above that.
                        prop_assert!(beyond_burst * 60_000_000 <= (to - from) * u64::from(per_minute) * 1001);
                    }
                }
            }
        }
    }
}
