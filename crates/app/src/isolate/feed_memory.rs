//! The isolate's copy of the revocation feed.

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};
use std::collections::HashMap;

use crate::{
    isolate::turn::Turn,
    revocation::{FeedCopy, Hits, Mark, TokenMarks},
    time::Timestamp,
};

/// After a read that failed, the next one comes this soon.
const RETRY: Duration = Duration::from_secs(5);

/// A copy that was not read for this many intervals is of an isolate that had no requests: the
/// next one waits for a fresh copy, as the first one does, instead of trusting it.
const IDLE_INTERVALS: u32 = 3;

/// Confirmed hits an isolate remembers, 90 bytes each. Past it the memory starts anew.
const MAX_VERDICTS: usize = 10_000;

/// What an isolate knows of the feed. It may be lost at any time: then it is read again.
#[derive(Debug, Default)]
pub(crate) struct FeedMemory {
    pub(crate) copy: RefCell<FeedCopy>,
    /// Counts the copies that said something else than the one before.
    pub(crate) generation: Cell<u64>,
    /// When the copy was known to be the newest there is; never before the first read.
    as_of: Cell<Option<Timestamp>>,
    /// When a read ended last, well or not.
    pub(crate) ended: Cell<Option<Timestamp>>,
    /// When one was last begun in the background.
    pub(crate) begun: Cell<Timestamp>,
    pub(crate) failed: Cell<bool>,
    /// Who reads while others wait.
    pub(crate) turn: Turn,
    /// When what KV had at the last read was written.
    pub(crate) in_kv: Cell<Option<Timestamp>>,
    /// How many writes to KV had failed when the object was last asked.
    pub(crate) failed_writes: Cell<u32>,
    verdicts: RefCell<HashMap<TokenMarks, FeedVerdict>>,
}

/// What came of asking about a token with a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FeedVerdict {
    /// It is revoked, for good.
    Revoked,
    /// It is not, as far as the copy of this generation says.
    Refuted(u64),
}

/// What a request does about the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Wait,
    Background,
    NotDue,
}

/// Whose word a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopySource {
    Kv,
    Object,
}

/// The feed for `/readyz` and `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FeedState {
    /// Seconds since the copy was known to be the newest there is.
    pub(crate) age: Option<u64>,
    pub(crate) entries: usize,
    /// Seconds since what KV has was written.
    pub(crate) kv_age: Option<u64>,
    pub(crate) failed_writes: u32,
}

impl FeedMemory {
    pub(crate) fn reading(&self, now: Timestamp, reread: Duration) -> Reading {
        let Some(ended) = self.ended.get() else { return Reading::Wait };
        let pause = if self.failed.get() { reread.min(RETRY) } else { reread };
        if now.is_due(ended, reread * IDLE_INTERVALS) {
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

    pub(crate) fn look_up(&self, marks: &TokenMarks, now: Timestamp) -> Hits {
        self.copy.borrow().look_up(marks, now)
    }

    /// Whether a mark is listed.
    pub(crate) fn lists(&self, mark: Mark, now: Timestamp) -> bool {
        self.copy.borrow().lists(mark.short(), now)
    }

    /// Takes over what was read, unless the copy is newer: KV may answer with something older, and
    /// an answer of the object may be overtaken. `as_of` is when it was the newest there is.
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

    /// What is known about a token with a hit.
    pub(crate) fn verdict(&self, marks: &TokenMarks) -> Option<bool> {
        match self.verdicts.borrow().get(marks)? {
            FeedVerdict::Revoked => Some(true),
            FeedVerdict::Refuted(generation) => (*generation == self.generation.get()).then_some(false),
        }
    }

    /// Remembers an answer together with the copy that was asked about: meanwhile there may be
    /// another one, which lists the token for another cause.
    pub(crate) fn remember(&self, marks: TokenMarks, revoked: bool, generation: u64) {
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
