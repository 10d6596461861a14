//! How often the feed is written, and how much it holds.

use core::time::Duration;

/// The longest time between two writes.
pub const LONGEST_HEARTBEAT: Duration = Duration::from_mins(5);

/// How often the feed is written, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPolicy {
    /// The feed is written at least this often, so that readers can distinguish a quiet feed from one
    /// that is no longer written.
    pub heartbeat: Duration,
    /// The most sessions and subjects of ours. One more, and readers ask the Account objects about
    /// all sessions of that time.
    pub max_own: usize,
    /// The most of all other entries. One more is refused.
    pub max_others: usize,
}

impl Default for FeedPolicy {
    /// A beat every 5 minutes is 288 writes a day, of the 1000 that KV's free plan has; readers do not
    /// wait for it, they ask the object about a copy that is older than [`super::TRUSTED_FOR`].
    ///
    /// 100 000 entries are a value of 1.6 MB, which an isolate reads in some 10 ms every 30 s; as
    /// sessions live 18 minutes in the feed, 80 000 are 74 sessions ended every second.
    fn default() -> Self {
        Self { heartbeat: LONGEST_HEARTBEAT, max_own: 80_000, max_others: 20_000 }
    }
}
