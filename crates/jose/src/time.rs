//! Points in time as values. Nothing in the domain reads a clock: `now` is an argument.

use core::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: whole milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored
/// (as RFC 7519 section 2 defines `NumericDate`, a thousand times finer).
///
/// All arithmetic saturates: no date that a token can carry makes it overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// From whole seconds since the epoch (a `NumericDate`).
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down: what a `NumericDate` claim carries.
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// This point moved later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis_of(duration)))
    }

    /// This point moved earlier, not before the epoch.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis_of(duration)))
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Whether `pause` has passed by now since `then`, a time that this clock gave before. It has
    /// when `then` lies in the future: the clock was put back meanwhile, and what is done every
    /// `pause` must not rest for as long as the clock had been ahead.
    pub fn is_due(self, then: Self, pause: Duration) -> bool {
        then > self || self.since(then) >= pause
    }

    /// Whether by now the end of a pause is reached that this clock set, `longest` being the longest
    /// pause that is ever set. An end that lies further away is of a clock that was put back.
    pub fn has_reached(self, end: Self, longest: Duration) -> bool {
        end <= self || end.since(self) > longest
    }

    /// Whether another clock gave this time and was ahead of `now` by more than clocks differ: such
    /// a time says nothing.
    pub fn is_far_ahead_of(self, now: Self) -> bool {
        self.since(now) > CLOCKS_DIFFER
    }
}

/// How far the clocks of two machines of the platform may be apart. They are kept within a second
/// of each other; a minute is what no sound one reaches.
pub const CLOCKS_DIFFER: Duration = Duration::from_mins(1);

fn millis_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_at_the_edges_saturates() {
        assert_eq!(Timestamp::from_seconds(u64::MAX).plus(Duration::MAX).millis(), u64::MAX);
        assert_eq!(Timestamp::from_millis(5).minus(Duration::from_secs(1)).millis(), 0);
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), Duration::ZERO);
    }

    #[test]
    fn what_a_clock_put_back_left_in_the_future_is_due() {
        let (now, pause) = (Timestamp::from_seconds(1000), Duration::from_secs(30));
        let at = Timestamp::from_seconds;
        for (then, due) in [(1000, false), (971, false), (970, true), (0, true), (1001, true), (9000, true)] {
            assert_eq!(now.is_due(at(then), pause), due, "{then}");
        }
        for (end, reached) in [(1000, true), (1001, false), (1030, false), (1031, true), (9000, true)] {
            assert_eq!(now.has_reached(at(end), pause), reached, "{end}");
        }
        for (then, ahead) in [(1000, false), (1060, false), (1061, true), (0, false)] {
            assert_eq!(at(then).is_far_ahead_of(now), ahead, "{then}");
        }
    }
}
