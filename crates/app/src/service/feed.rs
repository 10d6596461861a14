//! The isolate's copy of the revocation feed: read in the background while requests come, asked
//! without waiting, and confirmed where the exact answer is.

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};
use std::collections::HashMap;

use super::{Caller, Ports, Service, authenticate::AccessRefused, token_cache::Known};
use crate::{
    gateway::{Revocation, StaleFeed},
    ports::{Background as _, Fault, KvStore as _, Part},
    revocation::{FeedAnswer, FeedCopy, FeedObject as _, FeedRequest, Hits, KV_KEY, Kind, Mark, TokenMarks},
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
pub(super) struct FeedMemory {
    copy: RefCell<FeedCopy>,
    /// When the copy was known to be the newest there is; never before the first read.
    as_of: Cell<Option<Timestamp>>,
    /// When a read ended last, well or not.
    ended: Cell<Option<Timestamp>>,
    /// When one was last begun in the background.
    begun: Cell<Timestamp>,
    failed: Cell<bool>,
    /// Tokens with a hit that was confirmed (revoked) or refuted.
    verdicts: RefCell<HashMap<TokenMarks, bool>>,
}

/// What a request does about the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Wait,
    Background,
    NotDue,
}

/// The feed for `/readyz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FeedState {
    /// Seconds since the copy was known to be the newest there is.
    pub(super) age: Option<u64>,
    pub(super) entries: usize,
}

impl FeedMemory {
    fn reading(&self, now: Timestamp, reread: Duration) -> Reading {
        let Some(ended) = self.ended.get() else { return Reading::Wait };
        let pause = if self.failed.get() { reread.min(RETRY) } else { reread };
        if now.since(ended) >= reread * IDLE_INTERVALS {
            Reading::Wait
        } else if now.since(ended.max(self.begun.get())) >= pause {
            Reading::Background
        } else {
            Reading::NotDue
        }
    }

    fn is_stale(&self, now: Timestamp, max_age: Duration) -> bool {
        self.as_of.get().is_none_or(|as_of| now.since(as_of) > max_age)
    }

    fn look_up(&self, marks: &TokenMarks, now: Timestamp) -> Hits {
        self.copy.borrow().look_up(marks, now)
    }

    /// Whether a mark is listed.
    pub(super) fn lists(&self, mark: Mark, now: Timestamp) -> bool {
        self.copy.borrow().lists(mark.short(), now)
    }

    /// Takes over what was read, unless the copy is newer: KV may answer with something older.
    fn take_in(&self, copy: FeedCopy, as_of: Timestamp) {
        let mut known = self.copy.borrow_mut();
        if copy.version() >= known.version() {
            // What was refuted may be listed for another cause now.
            if copy != *known {
                self.verdicts.borrow_mut().retain(|_, revoked| *revoked);
            }
            *known = copy;
        }
        self.as_of.set(self.as_of.get().max(Some(as_of)));
    }

    fn remember(&self, marks: TokenMarks, revoked: bool) {
        let mut verdicts = self.verdicts.borrow_mut();
        if verdicts.len() >= MAX_VERDICTS {
            verdicts.clear();
        }
        verdicts.insert(marks, revoked);
    }

    pub(super) fn state(&self, now: Timestamp) -> FeedState {
        FeedState {
            age: self.as_of.get().map(|as_of| now.since(as_of).as_secs()),
            entries: self.copy.borrow().len(),
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
        !feed.look_up(marks, now).any() || feed.verdicts.borrow().get(marks) == Some(&false)
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
            return Err(Fault::new(Part::RevocationFeed, "out of date").into());
        }
        let mut hits = feed.look_up(&known.marks, now);
        if level == Revocation::Strong && known.marks.own {
            self.check_alive(&known.identity).await?;
            hits = Hits { session: false, subject: false, ..hits };
        }
        if !hits.any() {
            return Ok(());
        }
        let verdict = feed.verdicts.borrow().get(&known.marks).copied();
        let revoked = if let Some(revoked) = verdict {
            revoked
        } else {
            let revoked = self.confirm(known, hits).await?;
            feed.remember(known.marks, revoked);
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
        if marks.is_empty() { Ok(false) } else { self.is_listed(marks, identity.issued_at).await }
    }

    async fn is_listed(&self, marks: Vec<Mark>, issued_at: Timestamp) -> Result<bool, Fault> {
        match self.ports.feed().ask(&FeedRequest::Confirm { marks, issued_at }).await? {
            FeedAnswer::Confirmed { revoked } => Ok(revoked),
            FeedAnswer::Unavailable { cause } => Err(Fault::new(Part::RevocationFeed, cause)),
            _ => Err(Fault::new(Part::RevocationFeed, "an answer of another kind than was asked for")),
        }
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
                self.is_listed(vec![mark], signed_in_at).await
            }
            _ => Ok(false),
        }
    }

    /// Waits for the isolate's first copy, or for a fresh one after a time without requests.
    pub(super) async fn feed_ready(&self) {
        let now = self.now();
        match self.isolate.memory.feed.reading(now, self.isolate.config.revocation.reread) {
            Reading::Wait => self.read_feed().await,
            Reading::Background => self.read_feed_in_background(now),
            Reading::NotDue => {}
        }
    }

    fn read_feed_in_background(&self, now: Timestamp) {
        self.isolate.memory.feed.begun.set(now);
        let service = self.clone();
        self.ports.background().spawn(async move { service.read_feed().await });
    }

    /// KV first; the object if KV has no feed, or one that nobody writes any more.
    pub(super) async fn read_feed(&self) {
        let feed = &self.isolate.memory.feed;
        let heartbeat = self.isolate.feed_policy.heartbeat;
        let mut found = match self.read_feed_from_kv().await {
            Ok(found) => found,
            Err(fault) => {
                self.record_fault(&fault, &Caller::default());
                None
            }
        };
        let now = self.now();
        if let Some(period) = heartbeat {
            // With a heartbeat the writing is what counts: KV that answers proves nothing.
            found = found.filter(|copy| now.since(copy.version()) < period * 2);
        }
        let read = match found {
            Some(copy) => {
                let as_of = if heartbeat.is_some() { copy.version() } else { now };
                Ok((copy, as_of))
            }
            None => self.read_feed_from_object().await.map(|copy| (copy, now)),
        };
        match read {
            Ok((copy, as_of)) => {
                feed.take_in(copy, as_of);
                feed.failed.set(false);
                self.drop_listed_keys();
            }
            Err(fault) => {
                self.record_fault(&fault, &Caller::default());
                feed.failed.set(true);
            }
        }
        feed.ended.set(Some(self.now()));
    }

    /// After something was listed by an order that came here: this isolate knows at once. The
    /// object is asked and not KV, whose copy is from before.
    pub(super) async fn renew_feed(&self) {
        match self.read_feed_from_object().await {
            Ok(copy) => {
                self.isolate.memory.feed.take_in(copy, self.now());
                self.drop_listed_keys();
            }
            Err(fault) => self.record_fault(&fault, &Caller::default()),
        }
    }

    async fn read_feed_from_kv(&self) -> Result<Option<FeedCopy>, Fault> {
        match self.ports.kv().read(KV_KEY).await? {
            Some(text) => parse(&text).map(Some),
            None => Ok(None),
        }
    }

    async fn read_feed_from_object(&self) -> Result<FeedCopy, Fault> {
        match self.ports.feed().ask(&FeedRequest::Snapshot {}).await? {
            FeedAnswer::Snapshot { feed } => parse(&feed),
            FeedAnswer::Unavailable { cause } => Err(Fault::new(Part::RevocationFeed, cause)),
            _ => Err(Fault::new(Part::RevocationFeed, "an answer of another kind than was asked for")),
        }
    }
}

fn parse(text: &str) -> Result<FeedCopy, Fault> {
    FeedCopy::parse(text).map_err(|error| Fault::new(Part::RevocationFeed, error))
}
