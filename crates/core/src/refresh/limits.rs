//! The windows and lifetimes in force for a family.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::rate::Rate;

/// The longest reuse interval config may set: beyond a minute it stops being a race of tabs.
const REUSE_INTERVAL_MAX: Duration = Duration::from_mins(1);

/// The longest lost-response window while nothing confirms receipts: then a timer is all there
/// is, and a thief has all of it.
const UNCONFIRMED_WINDOW_MAX: Duration = Duration::from_mins(1);

/// The rules one presentation of a refresh token is judged by. All windows are half-open: a
/// window of ten seconds holds an age of 9.999 s and not one of 10 s; a window of zero is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How long after a rotation its predecessor is answered with the identical successor, to any
    /// client and any number of times: tabs race each other. Also how long after the first
    /// confirmation of its receipt the lost-response window closes. 0 to 60 s.
    #[serde(with = "millis")]
    pub reuse_interval: Duration,
    /// How long after a rotation its predecessor is still answered while nothing has proved that
    /// the successor arrived: a lost answer. A receipt closes it, a reuse interval later.
    #[serde(with = "millis")]
    pub lost_response_window: Duration,
    /// How many late retries one rotation gets before 429.
    pub max_late_retries: u16,
    /// How many rotations in a row may reach the client only through a late retry, 1 or more; the
    /// next rotation then demands a new sign-in.
    pub late_only_rotations: u16,
    /// Whether the gate confirms receipts. Without it the lost-response window is at most 60 s.
    pub receipts: bool,
    /// How fast a family may rotate, if that is limited. Retries are not rotations: tabs that
    /// race each other take one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Rate>,
}

/// What to do when the context of a refresh differs much from the last one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftPolicy {
    /// Grant it, with an event.
    #[default]
    Log,
    /// End the family and demand a new sign-in from this risk score (1 to 100) on.
    SignIn {
        /// The least score that demands it.
        from_score: u8,
    },
}

impl DriftPolicy {
    /// Whether it is the default, which records leave out.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(crate) const fn is_log(&self) -> bool {
        matches!(self, Self::Log)
    }
}

impl Default for Limits {
    /// 10 s of reuse interval (tabs miss each other by some 40 ms, phones by a few seconds),
    /// 24 h for a lost answer (a phone in a drawer over night), 10 late retries, 3 late-only
    /// rotations, receipts on, drift logged, any pace.
    fn default() -> Self {
        Self {
            reuse_interval: Duration::from_secs(10),
            lost_response_window: Duration::from_hours(24),
            max_late_retries: 10,
            late_only_rotations: 3,
            receipts: true,
            pace: None,
        }
    }
}

impl Limits {
    /// The reuse interval, never above its maximum, whatever a Worker sends.
    pub(super) fn effective_reuse_interval(&self) -> Duration {
        self.reuse_interval.min(REUSE_INTERVAL_MAX)
    }

    /// The lost-response window, short when nothing confirms.
    pub(super) fn effective_window(&self) -> Duration {
        if self.receipts {
            self.lost_response_window
        } else {
            self.lost_response_window.min(UNCONFIRMED_WINDOW_MAX)
        }
    }
}

/// How long a family lives, fixed at its sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetimes {
    /// Since the last rotation.
    #[serde(with = "millis")]
    pub idle: Duration,
    /// Since the sign-in; no rotation extends it.
    #[serde(with = "millis")]
    pub absolute: Duration,
}

impl Lifetimes {
    /// Browsers: 7 days idle, 30 days absolute.
    pub const WEB: Self = Self::days(7, 30);
    /// Phones: 30 days idle, 90 days absolute.
    pub const MOBILE: Self = Self::days(30, 90);

    const fn days(idle: u64, absolute: u64) -> Self {
        Self { idle: Duration::from_hours(24 * idle), absolute: Duration::from_hours(24 * absolute) }
    }
}

/// Which lifetime is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// No rotation for too long.
    Idle,
    /// The sign-in is too long ago.
    Absolute,
}

/// Durations as whole milliseconds, like [`Timestamp`](postern_jose::time::Timestamp).
pub(super) mod millis {
    use core::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(in crate::refresh) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(in crate::refresh) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_window_without_receipts_has_no_effect() {
        let limits = Limits { receipts: false, ..Limits::default() };
        assert_eq!(limits.effective_window(), Duration::from_mins(1));
    }

    #[test]
    fn a_reuse_interval_above_a_minute_has_no_effect() {
        let limits = Limits { reuse_interval: Duration::from_secs(61), ..Limits::default() };
        assert_eq!(limits.effective_reuse_interval(), Duration::from_mins(1));
    }
}
