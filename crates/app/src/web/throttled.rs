//! The answer to a call over its limit.

use core::time::Duration;

use crate::http::{Problem, Reply};

/// The rate limit information for a throttled client, as in draft-ietf-httpapi-ratelimit-headers-11.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Throttled {
    /// The name of the limit, such as `login-ip`.
    pub(crate) policy: String,
    /// The capacity of the bucket.
    pub(crate) quota: u32,
    /// The seconds in which an empty bucket fills.
    pub(crate) window: u64,
    /// The seconds to wait before a retry.
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

/// Rounded up, and never zero, so that a retry at that time is not refused again.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
}
