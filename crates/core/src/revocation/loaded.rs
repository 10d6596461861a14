//! What the `RevocationFeed` object has read of its records, and when it has to write to KV.

use core::time::Duration;
use std::collections::BTreeMap;

use super::{
    FeedCopy, Overflow, RevocationKey,
    policy::FeedPolicy,
    stored::{Held, State, Unlisted},
};
use postern_jose::time::Timestamp;

/// Workers KV takes one write a second for each key.
pub(super) const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// The longest time between two attempts while KV fails.
pub(super) const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

/// After a write that was given up and one that succeeded, the feed is written once more, so much
/// later: the one given up may be on its way still, and what it carries is older. In one minute
/// whatever the platform still carries out has arrived.
const ONCE_MORE_AFTER: Duration = Duration::from_mins(1);

/// In place of the number of failures: the last write succeeded, and one before it was given up.
pub(super) const ONCE_MORE: u32 = u32::MAX;

/// Expired entries are removed once a minute at most: they do no harm while they are listed, and
/// each removal is a write to KV.
const PRUNE_INTERVAL: Duration = Duration::from_mins(1);

/// The records in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Loaded {
    pub(super) state: State,
    pub(super) entries: BTreeMap<RevocationKey, Held>,
    pub(super) own: usize,
    /// Whether a write to KV is under way.
    pub(super) is_writing: bool,
}

impl Loaded {
    /// What is stored of the state. A write that is under way is stored as one that failed: no other place tells an object
    /// that was reset meanwhile that the write may not have come, or may come late.
    pub(super) fn stored(&self) -> State {
        let failures =
            if self.is_writing { one_more_failure(self.state.failures) } else { self.state.failures };
        State { failures, ..self.state }
    }

    pub(super) const fn is_dirty(&self) -> bool {
        self.state.changes > self.state.published
    }

    pub(super) fn overflow(&self, now: Timestamp) -> Option<Unlisted> {
        self.state.overflow.filter(|unlisted| now < unlisted.until)
    }

    pub(super) fn copy(&self, version: Timestamp, now: Timestamp) -> FeedCopy {
        // Ordered by the whole mark, and so by its first bytes.
        let entries = || self.entries.iter();
        let listed = entries()
            .filter(|(_, held)| held.rule.not_before().is_none())
            .map(|(mark, held)| (mark.short(), held.until));
        let not_before =
            entries().filter_map(|(mark, held)| held.rule.not_before().map(|at| (mark.short(), at)));
        let overflow = self.overflow(now).map(|unlisted| Overflow { issued_until: unlisted.issued_until });
        FeedCopy::new(version, overflow, listed, not_before)
    }

    /// When there is something to do next.
    pub(super) fn next_alarm(&self, now: Timestamp, policy: &FeedPolicy) -> Timestamp {
        let state = &self.state;
        let pause = match state.failures {
            0 | ONCE_MORE => self.is_dirty().then_some(WRITE_INTERVAL),
            failures => Some(Duration::from_secs(1 << failures.min(6)).min(LONGEST_BACKOFF)),
        };
        if let Some(pause) = pause {
            return soon(state.attempted_at, pause, now);
        }
        let expiry = self.entries.values().map(|held| held.until);
        let expiry = expiry.chain(state.overflow.map(|unlisted| unlisted.until)).min();
        let prune = expiry.map(|at| at.max(now.plus(PRUNE_INTERVAL)));
        let beat = soon(state.attempted_at, self.beat(policy), now);
        prune.map_or(beat, |prune| prune.min(beat))
    }

    /// How long after the last write the next one comes, if nothing changes until then.
    pub(super) fn beat(&self, policy: &FeedPolicy) -> Duration {
        if self.state.failures == ONCE_MORE {
            ONCE_MORE_AFTER.min(policy.heartbeat)
        } else {
            policy.heartbeat
        }
    }

    /// How many writes to KV have failed since the last good one.
    pub(super) const fn failed_writes(&self) -> u32 {
        if self.state.failures == ONCE_MORE { 0 } else { self.state.failures }
    }
}

/// The failures since the last good write, after one more of them.
pub(super) fn one_more_failure(failures: u32) -> u32 {
    match failures {
        ONCE_MORE => 1,
        // Never so many that it is the sign for something else.
        failures => failures.saturating_add(1).min(ONCE_MORE - 1),
    }
}

/// A pause after `from`, and never longer than the pause itself: a clock that was ahead and has
/// been put back must not keep the feed from being written.
fn soon(from: Timestamp, pause: Duration, now: Timestamp) -> Timestamp {
    from.plus(pause).clamp(now, now.plus(pause))
}
