//! The isolate's copy of the revocation feed: read in the background while requests come, asked
//! without waiting, and confirmed where the exact answer is.

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};
use std::collections::HashMap;

use super::{Caller, Ports, Service, authenticate::AccessRefused, token_cache::Known, turn::Turn};
use crate::{
    gateway::{Revocation, StaleFeed},
    ports::{Background as _, Fault, KvStore as _, Part},
    revocation::{FeedCopy, FeedObject as _, Hits, Kind, Mark, TRUSTED_FOR, TokenMarks},
    time::Timestamp,
};

/// After a read that failed, the next one comes this soon.
const RETRY: Duration = Duration::from_secs(5);

/// A copy that was not read for this many intervals is of an isolate that had no requests: the
/// next one waits for a fresh copy, as the first one does, instead of trusting it.
const IDLE_INTERVALS: u32 = 3;

/// The age of KV's copy, in beats, from which on it is as if there were none.
const ABSENT_AFTER_BEATS: u32 = 2;

/// Confirmed hits an isolate remembers, 90 bytes each. Past it the memory starts anew.
const MAX_VERDICTS: usize = 10_000;

/// What an isolate knows of the feed. It may be lost at any time: then it is read again.
#[derive(Debug, Default)]
pub(super) struct FeedMemory {
    copy: RefCell<FeedCopy>,
    /// Counts the copies that said something else than the one before.
    generation: Cell<u64>,
    /// When the copy was known to be the newest there is; never before the first read.
    as_of: Cell<Option<Timestamp>>,
    /// When a read ended last, well or not.
    ended: Cell<Option<Timestamp>>,
    /// When one was last begun in the background.
    begun: Cell<Timestamp>,
    failed: Cell<bool>,
    /// Who reads while others wait.
    turn: Turn,
    /// When what KV had at the last read was written.
    in_kv: Cell<Option<Timestamp>>,
    /// How many writes to KV had failed when the object was last asked.
    failed_writes: Cell<u32>,
    verdicts: RefCell<HashMap<TokenMarks, Verdict>>,
}

/// What came of asking about a token with a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is revoked, for good.
    Revoked,
    /// It is not, as far as the copy of this generation says.
    Refuted(u64),
}

/// What a request does about the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Wait,
    Background,
    NotDue,
}

/// Whose word a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Kv,
    Object,
}

/// The feed for `/readyz` and `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FeedState {
    /// Seconds since the copy was known to be the newest there is.
    pub(super) age: Option<u64>,
    pub(super) entries: usize,
    /// Seconds since what KV has was written.
    pub(super) kv_age: Option<u64>,
    pub(super) failed_writes: u32,
}

impl FeedMemory {
    fn reading(&self, now: Timestamp, reread: Duration) -> Reading {
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

    fn is_stale(&self, now: Timestamp, max_age: Duration) -> bool {
        self.as_of.get().is_none_or(|as_of| now.is_due(as_of, max_age))
    }

    fn look_up(&self, marks: &TokenMarks, now: Timestamp) -> Hits {
        self.copy.borrow().look_up(marks, now)
    }

    /// Whether a mark is listed.
    pub(super) fn lists(&self, mark: Mark, now: Timestamp) -> bool {
        self.copy.borrow().lists(mark.short(), now)
    }

    /// Takes over what was read, unless the copy is newer: KV may answer with something older, and
    /// an answer of the object may be overtaken. `as_of` is when it was the newest there is.
    fn take_in(&self, copy: FeedCopy, source: Source, as_of: Timestamp, now: Timestamp) {
        let mut known = self.copy.borrow_mut();
        // A copy of the far future, as a clock that was wrong leaves it, holds up no other.
        let void = source == Source::Object && known.version().is_far_ahead_of(now);
        if copy.version() >= known.version() || void {
            if !copy.says_the_same_as(&known) {
                self.generation.set(self.generation.get().wrapping_add(1));
                // What was refuted may be listed for another cause now.
                self.verdicts.borrow_mut().retain(|_, verdict| *verdict == Verdict::Revoked);
            }
            *known = copy;
        }
        let before = self.as_of.get().filter(|before| *before <= now);
        self.as_of.set(before.max(Some(as_of.min(now))));
    }

    /// What is known about a token with a hit.
    fn verdict(&self, marks: &TokenMarks) -> Option<bool> {
        match self.verdicts.borrow().get(marks)? {
            Verdict::Revoked => Some(true),
            Verdict::Refuted(generation) => (*generation == self.generation.get()).then_some(false),
        }
    }

    /// Remembers an answer together with the copy that was asked about: meanwhile there may be
    /// another one, which lists the token for another cause.
    fn remember(&self, marks: TokenMarks, revoked: bool, generation: u64) {
        let mut verdicts = self.verdicts.borrow_mut();
        if verdicts.len() >= MAX_VERDICTS {
            verdicts.clear();
        }
        verdicts.insert(marks, if revoked { Verdict::Revoked } else { Verdict::Refuted(generation) });
    }

    pub(super) fn state(&self, now: Timestamp) -> FeedState {
        let age = |at: Option<Timestamp>| at.map(|at| now.since(at).as_secs());
        FeedState {
            age: age(self.as_of.get()),
            entries: self.copy.borrow().len(),
            kv_age: age(self.in_kv.get()),
            failed_writes: self.failed_writes.get(),
        }
    }
}

impl<P: Ports> Service<P> {
    /// Whether the feed lets a token pass here, from memory alone; `false` is "not without waiting".
    pub(super) fn feed_clears(&self, stale_feed: StaleFeed, marks: &TokenMarks, now: Timestamp) -> bool {
        let feed = &self.isolate.memory.feed;
        let settings = &self.isolate.config.revocation;
        match feed.reading(now, settings.reread) {
            Reading::Wait => return false,
            Reading::Background => self.read_feed_in_background(now),
            Reading::NotDue => {}
        }
        if stale_feed == StaleFeed::Refuse && feed.is_stale(now, settings.max_age) {
            return false;
        }
        !feed.look_up(marks, now).any() || feed.verdict(marks) == Some(false)
    }

    /// Refuses a token that was revoked, as far as the level asks. With [`Revocation::Strong`] the
    /// Account object tells of session and subject; of single tokens, of clients, and of what other
    /// issuers issued it knows nothing, and the feed tells.
    pub(super) async fn check_revoked(
        &self,
        known: &Known,
        level: Revocation,
        stale_feed: StaleFeed,
    ) -> Result<(), AccessRefused> {
        if level == Revocation::None {
            return Ok(());
        }
        self.feed_ready().await;
        let now = self.now();
        let feed = &self.isolate.memory.feed;
        if stale_feed == StaleFeed::Refuse && feed.is_stale(now, self.isolate.config.revocation.max_age) {
            return Err(Fault::new(Part::RevocationFeed, "the feed is out of date").into());
        }
        let generation = feed.generation.get();
        let mut hits = feed.look_up(&known.marks, now);
        if level == Revocation::Strong && known.marks.own {
            self.check_alive(&known.identity).await?;
            hits = Hits { session: false, subject: false, ..hits };
        }
        if !hits.any() {
            return Ok(());
        }
        let revoked = if let Some(revoked) = feed.verdict(&known.marks) {
            revoked
        } else {
            let revoked = self.confirm(known, hits).await?;
            feed.remember(known.marks, revoked, generation);
            revoked
        };
        if revoked { Err(AccessRefused::Token("revoked")) } else { Ok(()) }
    }

    /// The exact answer to a hit: of the session's Account object where there is one, else of the
    /// feed's own object.
    async fn confirm(&self, known: &Known, hits: Hits) -> Result<bool, Fault> {
        let identity = &known.identity;
        let session = self.isolate.session_of(identity).filter(|_| known.marks.own);
        let has_account = session.is_some();
        if let Some(session) = session
            && (hits.session || hits.subject)
            && !self.is_alive(&session, identity.issued_at).await?
        {
            return Ok(true);
        }
        let kinds = [
            (hits.session && !has_account, Kind::Session),
            (hits.access_token, Kind::AccessToken),
            (hits.subject && !has_account, Kind::Subject),
            (hits.client, Kind::Client),
        ];
        let marks: Vec<Mark> = kinds
            .into_iter()
            .filter(|(hit, _)| *hit)
            .filter_map(|(_, kind)| identity.mark(kind, known.marks.own))
            .collect();
        if marks.is_empty() {
            return Ok(false);
        }
        self.ports.feed().is_revoked(marks, known.marks.signed_in_at).await
    }

    /// Whether the client was revoked after this sign-in: such a session ends at its next refresh.
    pub(super) async fn is_client_revoked(
        &self,
        client_id: &str,
        signed_in_at: Timestamp,
    ) -> Result<bool, Fault> {
        self.feed_ready().await;
        let mark = Mark::own(Kind::Client, client_id);
        let not_before = self.isolate.memory.feed.copy.borrow().not_before(mark.short());
        match not_before {
            Some(at) if crate::account::may_predate(signed_in_at, at) => {
                self.ports.feed().is_revoked(vec![mark], signed_in_at).await
            }
            _ => Ok(false),
        }
    }

    /// Waits for the isolate's first copy, or for a fresh one after a time without requests.
    pub(super) async fn feed_ready(&self) {
        let now = self.now();
        match self.feed_reading(now) {
            Reading::Wait => {
                let is_there = |now| self.feed_reading(now) != Reading::Wait;
                self.in_turn(&self.isolate.memory.feed.turn, is_there, async || self.read_feed().await).await;
            }
            Reading::Background => self.read_feed_in_background(now),
            Reading::NotDue => {}
        }
    }

    fn feed_reading(&self, now: Timestamp) -> Reading {
        self.isolate.memory.feed.reading(now, self.isolate.config.revocation.reread)
    }

    fn read_feed_in_background(&self, now: Timestamp) {
        self.isolate.memory.feed.begun.set(now);
        let service = self.clone();
        self.ports.background().spawn(async move { service.read_feed().await });
    }

    /// How old KV's copy may be to be gone by without asking the object. Where routes are to refuse
    /// soon it is less, so that none does while the object answers.
    pub(super) fn trusted_for(&self) -> Duration {
        TRUSTED_FOR.min(self.isolate.config.revocation.max_age / 3)
    }

    /// From which age on KV's copy is as if there were none.
    pub(super) fn absent_after(&self) -> Duration {
        self.isolate.feed_policy.heartbeat * ABSENT_AFTER_BEATS
    }

    /// KV first; the object if KV has none, none that is sound, or one that is not young enough to
    /// show that KV takes writes and gives them to this place. Called once in `reread` at most.
    pub(super) async fn read_feed(&self) {
        let feed = &self.isolate.memory.feed;
        let found = self.read_feed_from_kv().await.unwrap_or_else(|fault| {
            self.record_fault(&fault, &Caller::default());
            None
        });
        let now = self.now();
        feed.in_kv.set(found.as_ref().map(FeedCopy::version));
        let age = found.as_ref().map(|copy| now.since(copy.version()));
        if let Some(copy) = found {
            let as_of = copy.version();
            feed.take_in(copy, Source::Kv, as_of, now);
        }
        feed.failed.set(false);
        if age.is_some_and(|age| age < self.trusted_for()) {
            // It was written just now.
            feed.failed_writes.set(0);
        } else if let Err(fault) = self.take_in_from_object().await {
            self.record_fault(&fault, &Caller::default());
            // Younger than two beats it is what there is: nobody can have added to it either.
            feed.failed.set(age.is_none_or(|age| age >= self.absent_after()));
        }
        self.drop_listed_keys();
        feed.ended.set(Some(self.now()));
    }

    /// After something was listed by an order that came here: this isolate knows at once. The
    /// object is asked and not KV, whose copy is from before.
    pub(super) async fn renew_feed(&self) {
        match self.take_in_from_object().await {
            Ok(()) => self.drop_listed_keys(),
            Err(fault) => self.record_fault(&fault, &Caller::default()),
        }
    }

    async fn read_feed_from_kv(&self) -> Result<Option<FeedCopy>, Fault> {
        let Some(text) = self.ports.kv().read(&self.isolate.feed_key).await? else { return Ok(None) };
        let copy = parse(&text)?;
        if copy.version().is_far_ahead_of(self.now()) {
            return Err(Fault::new(Part::RevocationFeed, "the feed in KV has a time in the future"));
        }
        Ok(Some(copy))
    }

    async fn take_in_from_object(&self) -> Result<(), Fault> {
        let feed = &self.isolate.memory.feed;
        // What it has when it answers is no older than the question.
        let asked_at = self.now();
        let snapshot = self.ports.feed().snapshot().await?;
        feed.failed_writes.set(snapshot.failed_writes);
        feed.take_in(parse(&snapshot.feed)?, Source::Object, asked_at, self.now());
        Ok(())
    }
}

fn parse(text: &str) -> Result<FeedCopy, Fault> {
    FeedCopy::parse(text).map_err(|error| Fault::new(Part::RevocationFeed, error))
}
