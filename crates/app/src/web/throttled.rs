//! The answer to a call over its limit.

use core::time::Duration;

use crate::http::{Problem, Reply};

/// What a throttled client is told, in the words of draft-ietf-httpapi-ratelimit-headers-11.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Throttled {
    /// What is limited, and by what: `login-ip`.
    pub(crate) policy: String,
    /// How many a full bucket holds.
    pub(crate) quota: u32,
    /// How many seconds it takes to be full, from empty.
    pub(crate) window: u64,
    /// When to come back, in seconds.
    pub(crate) retry_after: u64,
}

impl From<&Throttled> for Reply {
    fn from(throttled: &Throttled) -> Self {
        let Throttled { policy, quota, window, retry_after } = throttled;
        let seconds = u32::try_from(*retry_after).unwrap_or(u32::MAX);
        Self::from(
            Problem::new(429, "rate_limited", "Too many calls of this kind; wait and try again")
                .with_retry_after(seconds),
        )
        .with_header("ratelimit-policy", &format!("\"{policy}\";q={quota};w={window}"))
        .with_header("ratelimit", &format!("\"{policy}\";r=0;t={retry_after}"))
    }
}

/// Rounded up, and never zero: a client that comes back then is not refused again.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
}
