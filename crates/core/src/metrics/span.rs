//! The three spans of the history, and their buckets.

use postern_jose::time::Timestamp;

/// How far a history reaches back. Each span has buckets of its own length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// 60 minutes.
    Hour,
    /// 24 hours in quarters of an hour.
    Day,
    /// 30 days in quarters of a day. They begin at 0, 6, 12 and 18 o'clock UTC, so that four of them are a day of the
    /// platform's daily limits.
    Month,
}

impl Span {
    /// All of them, the longest first.
    pub const ALL: [Self; 3] = [Self::Month, Self::Day, Self::Hour];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The span of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.name() == name)
    }

    /// The span with buckets of this length.
    pub(super) fn of_step(step: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.step() == step)
    }

    /// The length of a bucket in seconds.
    pub const fn step(self) -> u64 {
        match self {
            Self::Hour => 60,
            Self::Day => 15 * 60,
            Self::Month => 6 * 60 * 60,
        }
    }

    /// How many buckets there are. The last one is not over yet.
    pub const fn buckets(self) -> u64 {
        match self {
            Self::Hour => 60,
            Self::Day => 96,
            Self::Month => 120,
        }
    }

    /// When the bucket of this time began, in seconds since 1970.
    pub const fn bucket_of(self, now: Timestamp) -> u64 {
        now.seconds() - now.seconds() % self.step()
    }

    /// When the first bucket began that is shown at this time, in seconds since 1970.
    pub const fn starts_at(self, now: Timestamp) -> u64 {
        self.bucket_of(now).saturating_sub((self.buckets() - 1) * self.step())
    }
}
