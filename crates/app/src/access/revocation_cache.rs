//! The isolate's copy of the revocation feed. The isolate reads it in the background while requests come, looks tokens
//! up without waiting, and confirms hits with a Durable Object.

use core::time::Duration;

use crate::{
    access::{key_sets::KeySets, liveness::Liveness, refused::AccessRefused, session::session_of},
    gateway::{RevocationLevel, StaleFeed},
    isolate::{
        feed_memory::{CopySource, Reading},
        token_cache::KnownToken,
    },
    ports::{Background as _, Component, Fault, KvStore as _},
    revocation::{FeedCopy, FeedObject as _, Kind, RevocationKey, RevocationMatches, TRUSTED_FOR},
    runtime::{Runtime, events::Events, ports::Ports, turns::in_turn},
    time::Timestamp,
    web::caller::Caller,
};

/// The age of KV's copy, in heartbeats, from which the copy is ignored.
const ABSENT_AFTER_BEATS: u32 = 2;

/// Reads the isolate's copy of the revocation feed, and confirms its hits.
pub(crate) struct RevocationCache<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> RevocationCache<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Whether the feed lets a token pass, decided from memory. `false` means that the decision must wait.
    pub(crate) fn feed_clears(&self, stale_feed: StaleFeed, known: &KnownToken, now: Timestamp) -> bool {
        let feed = &self.0.isolate.memory.feed;
        if !self.feed_is_there(now) {
            return false;
        }
        if stale_feed == StaleFeed::Refuse && feed.is_stale(now, self.0.isolate.config.revocation.max_age) {
            return false;
        }
        !feed.look_up(known, now).any() || feed.verdict(known.revocation_keys()) == Some(false)
    }

    /// As [`Self::feed_ready`], without waiting. `false` means that the decision must wait.
    pub(crate) fn feed_is_there(&self, now: Timestamp) -> bool {
        match self.feed_reading(now) {
            Reading::Wait => return false,
            Reading::Background => self.read_feed_in_background(now),
            Reading::NotDue => {}
        }
        true
    }

    /// Refuses a revoked token, as far as the level requires. With [`RevocationLevel::Strong`], the Account object
    /// decides for the session and the subject. It does not know single tokens, clients and other issuers, for which
    /// the feed decides.
    pub(crate) async fn check_revoked(
        &self,
        known: &KnownToken,
        level: RevocationLevel,
        stale_feed: StaleFeed,
    ) -> Result<(), AccessRefused> {
        if level == RevocationLevel::None {
            return Ok(());
        }
        self.feed_ready().await;
        let now = self.0.now();
        let feed = &self.0.isolate.memory.feed;
        if stale_feed == StaleFeed::Refuse && feed.is_stale(now, self.0.isolate.config.revocation.max_age) {
            return Err(Fault::new(Component::RevocationFeed, "the feed is out of date").into());
        }
        let generation = feed.generation.get();
        let mut hits = feed.look_up(known, now);
        if level == RevocationLevel::Strong && known.own {
            Liveness::of(self.0).check_alive(&known.identity).await?;
            hits = RevocationMatches { session: false, subject: false, ..hits };
        }
        if !hits.any() {
            return Ok(());
        }
        let revoked = if let Some(revoked) = feed.verdict(known.revocation_keys()) {
            revoked
        } else {
            let revoked = self.confirm(known, hits).await?;
            feed.remember(*known.revocation_keys(), revoked, generation);
            revoked
        };
        if revoked { Err(AccessRefused::Token("revoked")) } else { Ok(()) }
    }

    /// Confirms a hit with the session's Account object, or without one with the feed's Durable Object.
    async fn confirm(&self, known: &KnownToken, hits: RevocationMatches) -> Result<bool, Fault> {
        let identity = &known.identity;
        let session = session_of(&self.0.isolate.config, identity).filter(|_| known.own);
        let has_account = session.is_some();
        if let Some(session) = session
            && (hits.session || hits.subject)
            && !Liveness::of(self.0).is_alive(&session, identity.issued_at).await?
        {
            return Ok(true);
        }
        let kinds = [
            (hits.session && !has_account, Kind::Session),
            (hits.access_token, Kind::AccessToken),
            (hits.subject && !has_account, Kind::Subject),
            (hits.client, Kind::Client),
        ];
        let marks: Vec<RevocationKey> = kinds
            .into_iter()
            .filter(|(hit, _)| *hit)
            .filter_map(|(_, kind)| identity.mark(kind, known.own))
            .collect();
        if marks.is_empty() {
            return Ok(false);
        }
        self.0.ports.feed().is_revoked(marks, known.revocation_keys().signed_in_at).await
    }

    /// Whether the client was revoked after this sign-in. Such a session ends at its next refresh.
    pub(crate) async fn is_client_revoked(
        &self,
        client_id: &str,
        signed_in_at: Timestamp,
    ) -> Result<bool, Fault> {
        self.feed_ready().await;
        let mark = RevocationKey::own(Kind::Client, client_id);
        let not_before = self.0.isolate.memory.feed.copy.borrow().not_before(mark.short());
        match not_before {
            Some(at) if crate::revocation::may_predate(signed_in_at, at) => {
                self.0.ports.feed().is_revoked(vec![mark], signed_in_at).await
            }
            _ => Ok(false),
        }
    }

    /// Waits for the isolate's first copy, or for a fresh one after a period without requests.
    pub(crate) async fn feed_ready(&self) {
        let now = self.0.now();
        match self.feed_reading(now) {
            Reading::Wait => {
                let is_there = |now| self.feed_reading(now) != Reading::Wait;
                in_turn(self.0.ports.platform(), &self.0.isolate.memory.feed.turn, is_there, async || {
                    self.read_feed().await;
                })
                .await;
            }
            Reading::Background => self.read_feed_in_background(now),
            Reading::NotDue => {}
        }
    }

    fn feed_reading(&self, now: Timestamp) -> Reading {
        self.0.isolate.memory.feed.reading(now, self.0.isolate.config.revocation.reread, self.feed_delay())
    }

    fn read_feed_in_background(&self, now: Timestamp) {
        self.0.isolate.memory.feed.begun.set(now);
        let runtime = self.0.clone();
        self.0.ports.background().spawn(async move { RevocationCache::of(&runtime).read_feed().await });
    }

    /// The age up to which KV's copy is used without calling the Durable Object. It is shorter for routes with a short
    /// maximum age, so that they do not refuse while the object answers.
    fn trusted_for(&self) -> Duration {
        TRUSTED_FOR.min(self.0.isolate.config.revocation.max_age / 3)
    }

    /// The age from which KV's copy is ignored.
    pub(crate) fn absent_after(&self) -> Duration {
        self.0.isolate.feed_policy.heartbeat * ABSENT_AFTER_BEATS
    }

    /// Reads KV, and calls the Durable Object if KV has no copy, a broken copy, or one that is too old to show that KV
    /// accepts writes and delivers them here. Called at most once per `reread`.
    pub(crate) async fn read_feed(&self) {
        let feed = &self.0.isolate.memory.feed;
        let found = self.read_feed_from_kv().await.unwrap_or_else(|fault| {
            Events::of(self.0).record_fault(&fault, &Caller::default());
            None
        });
        let now = self.0.now();
        feed.in_kv.set(found.as_ref().map(FeedCopy::version));
        let age = found.as_ref().map(|copy| now.since(copy.version()));
        if let Some(copy) = found {
            let as_of = copy.version();
            feed.take_in(copy, CopySource::Kv, as_of, now);
        }
        feed.failed.set(false);
        feed.renewed.set(true);
        if age.is_some_and(|age| age < self.trusted_for()) {
            // It was written just now.
            feed.failed_writes.set(0);
        } else if let Err(fault) = self.take_in_from_object().await {
            Events::of(self.0).record_fault(&fault, &Caller::default());
            feed.renewed.set(false);
            // A copy younger than two beats is used although the object did not answer: without the object, nothing can have
            // been added to the feed.
            feed.failed.set(age.is_none_or(|age| age >= self.absent_after()));
        }
        KeySets::of(self.0).drop_listed_keys();
        feed.ended.set(Some(self.0.now()));
    }

    /// Updates this isolate at once after a revocation that it ordered. It calls the Durable Object, because KV's copy
    /// is older.
    pub(crate) async fn renew_feed(&self) {
        match self.take_in_from_object().await {
            Ok(()) => KeySets::of(self.0).drop_listed_keys(),
            Err(fault) => Events::of(self.0).record_fault(&fault, &Caller::default()),
        }
    }

    async fn read_feed_from_kv(&self) -> Result<Option<FeedCopy>, Fault> {
        let Some(text) = self.0.ports.kv().read(&self.0.isolate.feed_key).await? else { return Ok(None) };
        let copy = parse(&text)?;
        if copy.version().is_far_ahead_of(self.0.now()) {
            return Err(Fault::new(Component::RevocationFeed, "the feed in KV has a time in the future"));
        }
        Ok(Some(copy))
    }

    async fn take_in_from_object(&self) -> Result<(), Fault> {
        let feed = &self.0.isolate.memory.feed;
        // What it has when it answers is no older than the question.
        let asked_at = self.0.now();
        let snapshot = self.0.ports.feed().snapshot().await?;
        feed.failed_writes.set(snapshot.failed_writes);
        feed.take_in(parse(&snapshot.feed)?, CopySource::Object, asked_at, self.0.now());
        Ok(())
    }

    /// How long after its answer a revocation may be unknown to an isolate with requests on routes that use the feed:
    /// the age up to which KV's copy is used, plus the time between two reads.
    pub(crate) fn feed_delay(&self) -> Duration {
        self.trusted_for() + self.0.isolate.config.revocation.reread
    }
}

fn parse(text: &str) -> Result<FeedCopy, Fault> {
    FeedCopy::parse(text).map_err(|error| Fault::new(Component::RevocationFeed, error))
}
