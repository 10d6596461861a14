//! The isolate's copy of the revocation feed.

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};
use std::collections::HashMap;

use crate::{
    isolate::{token_cache::KnownToken, turn::Turn},
    revocation::{FeedCopy, RevocationKey, RevocationKeys, RevocationMatches},
    time::Timestamp,
};

/// The pause after a failed read.
const RETRY: Duration = Duration::from_secs(5);

/// The number of read intervals after which a copy counts as left over from a period without requests. The next request
/// then waits for a fresh copy, as the first one does.
const IDLE_INTERVALS: u32 = 3;

/// How many confirmed hits an isolate caches, at 90 bytes each. Beyond it, the cache is emptied.
const MAX_VERDICTS: usize = 10_000;

/// The isolate's copy of the feed. If it is lost, it is read again.
#[derive(Debug, Default)]
pub(crate) struct FeedMemory {
    pub(crate) copy: RefCell<FeedCopy>,
    /// The number of copies that differed from the one before.
    pub(crate) generation: Cell<u64>,
    /// When the copy was last known to be the newest; never before the first read.
    as_of: Cell<Option<Timestamp>>,
    /// When the last read ended, successfully or not.
    pub(crate) ended: Cell<Option<Timestamp>>,
    /// When the last read in the background began.
    pub(crate) begun: Cell<Timestamp>,
    pub(crate) failed: Cell<bool>,
    /// Whether the last read brought a copy that was new enough to be trusted, from KV or from the Durable Object.
    pub(crate) renewed: Cell<bool>,
    /// The turn for reading while other requests wait.
    pub(crate) turn: Turn,
    /// When the copy that KV had at the last read was written.
    pub(crate) in_kv: Cell<Option<Timestamp>>,
    /// How many writes to KV had failed at the last call of the Durable Object.
    pub(crate) failed_writes: Cell<u32>,
    verdicts: RefCell<HashMap<RevocationKeys, FeedVerdict>>,
}

/// The confirmed answer for a token with a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FeedVerdict {
    /// The token is revoked, permanently.
    Revoked,
    /// The token is not revoked, as of the copy of this generation.
    Refuted(u64),
}

/// What a request does with the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Wait,
    Background,
    NotDue,
}

/// The source of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopySource {
    Kv,
    Object,
}

/// The feed for `/readyz` and `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FeedState {
    /// The seconds since the copy was last known to be the newest.
    pub(crate) age: Option<u64>,
    pub(crate) entries: usize,
    /// The seconds since KV's copy was written.
    pub(crate) kv_age: Option<u64>,
    pub(crate) failed_writes: u32,
}

impl FeedMemory {
    /// `oldest` is the age at which the copy may not be used any more while its sources answer. KV's copy may be old when it
    /// is read: then seldom requests must not use it for as long as one that was new. A copy that the last read could not
    /// renew is used without waiting, so that a source that hangs does not hold up the requests.
    pub(crate) fn reading(&self, now: Timestamp, reread: Duration, oldest: Duration) -> Reading {
        let Some(ended) = self.ended.get() else { return Reading::Wait };
        let pause = if self.failed.get() { reread.min(RETRY) } else { reread };
        let outdated = self.renewed.get() && now.is_due(ended, pause) && self.is_stale(now, oldest);
        if outdated || now.is_due(ended, reread * IDLE_INTERVALS) {
            Reading::Wait
        } else if now.is_due(ended.max(self.begun.get()), pause) {
            Reading::Background
        } else {
            Reading::NotDue
        }
    }

    pub(crate) fn is_stale(&self, now: Timestamp, max_age: Duration) -> bool {
        self.as_of.get().is_none_or(|as_of| now.is_due(as_of, max_age))
    }

    pub(crate) fn look_up(&self, known: &KnownToken, now: Timestamp) -> RevocationMatches {
        let copy = self.copy.borrow();
        if copy.names_nothing() {
            return RevocationMatches::default();
        }
        copy.look_up(known.revocation_keys(), now)
    }

    /// Whether a mark is listed.
    pub(crate) fn lists(&self, mark: RevocationKey, now: Timestamp) -> bool {
        self.copy.borrow().lists(mark.short(), now)
    }

    /// Takes over a copy that was read, unless the present copy is newer: KV may answer with an older one, and an
    /// answer of the Durable Object may arrive late. `as_of` is when the copy was the newest.
    pub(crate) fn take_in(&self, copy: FeedCopy, source: CopySource, as_of: Timestamp, now: Timestamp) {
        let mut known = self.copy.borrow_mut();
        // A copy of the far future, as a clock that was wrong leaves it, holds up no other.
        let void = source == CopySource::Object && known.version().is_far_ahead_of(now);
        if copy.version() >= known.version() || void {
            if !copy.says_the_same_as(&known) {
                self.generation.set(self.generation.get().wrapping_add(1));
                // What was refuted may be listed for another cause now.
                self.verdicts.borrow_mut().retain(|_, verdict| *verdict == FeedVerdict::Revoked);
            }
            *known = copy;
        }
        let before = self.as_of.get().filter(|before| *before <= now);
        self.as_of.set(before.max(Some(as_of.min(now))));
    }

    /// The cached answer for a token with a hit.
    pub(crate) fn verdict(&self, marks: &RevocationKeys) -> Option<bool> {
        match self.verdicts.borrow().get(marks)? {
            FeedVerdict::Revoked => Some(true),
            FeedVerdict::Refuted(generation) => (*generation == self.generation.get()).then_some(false),
        }
    }

    /// Caches an answer with the generation of the copy for which it was given. A newer copy may list the token for
    /// another cause.
    pub(crate) fn remember(&self, marks: RevocationKeys, revoked: bool, generation: u64) {
        let mut verdicts = self.verdicts.borrow_mut();
        if verdicts.len() >= MAX_VERDICTS {
            verdicts.clear();
        }
        verdicts.insert(marks, if revoked { FeedVerdict::Revoked } else { FeedVerdict::Refuted(generation) });
    }

    pub(crate) fn state(&self, now: Timestamp) -> FeedState {
        let age = |at: Option<Timestamp>| at.map(|at| now.since(at).as_secs());
        FeedState {
            age: age(self.as_of.get()),
            entries: self.copy.borrow().len(),
            kv_age: age(self.in_kv.get()),
            failed_writes: self.failed_writes.get(),
        }
    }
}
