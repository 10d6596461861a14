//! The `RevocationFeed` object's decisions: one for each deployment.
//!
//! It takes entries into its records, writes them to KV as one value at most once a second, and
//! forgets them when they have expired. Whatever is taken is in its records before the answer
//! leaves, with a mark that KV does not have it yet: so a crash between any two steps, or a KV
//! that fails, costs time and nothing else.

use core::{cell::RefCell, time::Duration};

use super::{
    FORMER_KV_KEY, FeedAnswer, FeedEntry, FeedRequest, IN_FLIGHT, MOVED, RevocationKey, Rule,
    loaded::{LONGEST_BACKOFF, Loaded, ONCE_MORE, WRITE_INTERVAL, one_more_failure},
    may_predate,
    policy::FeedPolicy,
    stored::{Held, Store, Unlisted},
};
use crate::ports::{Fault, KvStore, Records};
use postern_jose::time::Timestamp;

/// The most entries that one request may bring: an account ends at most 500 sessions at once.
pub const MAX_BATCH: usize = 1000;

/// The object over its records. Kept between requests: it keeps what it has read.
#[derive(Debug)]
pub struct Feed<R> {
    records: R,
    /// `None` before the first request, and after a fault: then the records are read again.
    loaded: RefCell<Option<Loaded>>,
}

/// An answer, and when the alarm must ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedReply {
    /// For who asked.
    pub answer: FeedAnswer,
    /// Set the alarm to this, in place of the one that is set.
    pub alarm: Option<Timestamp>,
}

/// What came of an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarmed {
    /// Set the alarm to this.
    pub next: Timestamp,
    /// What failed, for the log.
    pub fault: Option<Fault>,
    /// Whether the feed was written to KV, when that was due.
    pub written: Option<bool>,
    /// How many entries there are, when sessions find no room: for the log.
    pub overflow: Option<usize>,
}

/// A write to KV that is under way.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    /// How many changes it has.
    changes: u64,
    /// Whether it was due without a change.
    is_beat: bool,
}

/// What an entry becomes beside the one that is there: never less than either says.
fn merged(known: &Held, entry: &FeedEntry) -> Held {
    let rule = match (known.rule, entry.rule) {
        (Rule::NotBefore(one), Rule::NotBefore(other)) => Rule::NotBefore(one.max(other)),
        (Rule::OwnSubject(one), Rule::OwnSubject(other)) => Rule::OwnSubject(one.max(other)),
        // One mark has one kind; a collision of 256 bits is not provided for.
        (known, _) => known,
    };
    Held::new(rule, known.until.max(entry.until))
}

impl<R: Records> Feed<R> {
    /// Over these records.
    pub const fn new(records: R) -> Self {
        Self { records, loaded: RefCell::new(None) }
    }

    const fn store(&self) -> Store<'_, R> {
        Store(&self.records)
    }

    /// Works on what is loaded. A fault forgets it: what the records hold then is not known.
    fn with<T>(&self, work: impl FnOnce(&mut Loaded) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut slot = self.loaded.borrow_mut();
        let mut loaded = if let Some(loaded) = slot.take() {
            loaded
        } else {
            let entries = self.store().entries()?;
            let own = entries.values().filter(|held| held.rule.has_account()).count();
            Loaded { state: self.store().state()?, entries, own, is_writing: false }
        };
        let done = work(&mut loaded)?;
        *slot = Some(loaded);
        Ok(done)
    }

    /// Decides one request: synchronous, so that nothing comes between reading and writing.
    pub fn serve(&self, request: &FeedRequest, now: Timestamp, policy: &FeedPolicy) -> FeedReply {
        let served = match request {
            FeedRequest::Add { entries } => self.add(entries, now, policy),
            FeedRequest::Confirm { marks, issued_at } => self.confirm(marks, *issued_at, now),
            FeedRequest::Snapshot {} => self.snapshot(now, policy),
        };
        served.unwrap_or_else(|fault| FeedReply {
            answer: FeedAnswer::Unavailable { cause: fault.to_string() },
            alarm: None,
        })
    }

    fn add(&self, entries: &[FeedEntry], now: Timestamp, policy: &FeedPolicy) -> Result<FeedReply, Fault> {
        self.with(|loaded| {
            let others = |loaded: &Loaded| loaded.entries.len() - loaded.own;
            if loaded.own + entries.len() > policy.max_own
                || others(loaded) + entries.len() > policy.max_others
            {
                // What has expired may make room.
                self.prune(loaded, now)?;
            }
            let is_news = |entry: &&FeedEntry| {
                now < entry.until
                    && loaded.entries.get(&entry.mark).is_none_or(|known| merged(known, entry) != *known)
            };
            let news: Vec<&FeedEntry> = entries.iter().filter(is_news).collect();
            let is_other =
                |entry: &&&FeedEntry| !entry.rule.has_account() && !loaded.entries.contains_key(&entry.mark);
            let more = news.iter().filter(is_other).count();
            if entries.len() > MAX_BATCH || (more > 0 && others(loaded) + more > policy.max_others) {
                return Ok(FeedReply {
                    answer: FeedAnswer::Full,
                    alarm: Some(loaded.next_alarm(now, policy)),
                });
            }
            if !news.is_empty() {
                // First that there is a change, then the change: whatever fails on the way, KV gets
                // to know what the records hold.
                self.changed(loaded)?;
                for entry in news {
                    self.take(loaded, entry, now, policy)?;
                }
            }
            Ok(FeedReply { answer: FeedAnswer::Taken, alarm: Some(loaded.next_alarm(now, policy)) })
        })
    }

    fn take(
        &self,
        loaded: &mut Loaded,
        entry: &FeedEntry,
        now: Timestamp,
        policy: &FeedPolicy,
    ) -> Result<(), Fault> {
        let known = loaded.entries.get(&entry.mark);
        let own = entry.rule.has_account();
        if known.is_none() && own && loaded.own >= policy.max_own {
            let issued_until = now.plus(IN_FLIGHT);
            let before = loaded.state.overflow.unwrap_or(Unlisted { issued_until, until: entry.until });
            loaded.state.overflow = Some(Unlisted {
                issued_until: before.issued_until.max(issued_until),
                until: before.until.max(entry.until),
            });
            return self.store().write_state(&loaded.stored());
        }
        let held = known.map_or_else(|| Held::new(entry.rule, entry.until), |known| merged(known, entry));
        self.store().write_entry(&entry.mark, &held)?;
        if loaded.entries.insert(entry.mark, held).is_none() && own {
            loaded.own += 1;
        }
        Ok(())
    }

    fn changed(&self, loaded: &mut Loaded) -> Result<(), Fault> {
        loaded.state.changes = loaded.state.changes.saturating_add(1);
        self.store().write_state(&loaded.stored())
    }

    /// Removes what has expired.
    fn prune(&self, loaded: &mut Loaded, now: Timestamp) -> Result<(), Fault> {
        let gone: Vec<RevocationKey> =
            loaded.entries.iter().filter(|(_, held)| held.until <= now).map(|(mark, _)| *mark).collect();
        let over = loaded.state.overflow.is_some_and(|unlisted| unlisted.until <= now);
        if gone.is_empty() && !over {
            return Ok(());
        }
        if over {
            loaded.state.overflow = None;
        }
        self.changed(loaded)?;
        for mark in gone {
            self.store().remove_entry(&mark)?;
            if loaded.entries.remove(&mark).is_some_and(|held| held.rule.has_account()) {
                loaded.own = loaded.own.saturating_sub(1);
            }
        }
        Ok(())
    }

    fn confirm(
        &self,
        marks: &[RevocationKey],
        issued_at: Timestamp,
        now: Timestamp,
    ) -> Result<FeedReply, Fault> {
        self.with(|loaded| {
            let revoked = marks.iter().filter_map(|mark| loaded.entries.get(mark)).any(|held| {
                now < held.until && held.rule.not_before().is_none_or(|at| may_predate(issued_at, at))
            });
            Ok(FeedReply { answer: FeedAnswer::Confirmed { revoked }, alarm: None })
        })
    }

    fn snapshot(&self, now: Timestamp, policy: &FeedPolicy) -> Result<FeedReply, Fault> {
        self.with(|loaded| {
            if loaded.state.changes == 0 {
                // Nothing was ever written: an empty feed in KV keeps readers from asking this object.
                self.changed(loaded)?;
            }
            if loaded.is_dirty() {
                // What KV will have next is written no earlier than now. Kept, so that nothing that is
                // given away later, by a clock that was put back for instance, passes for older.
                loaded.state.version = loaded.state.version.plus(Duration::from_millis(1)).max(now);
                self.store().write_state(&loaded.stored())?;
            }
            let feed = loaded.copy(loaded.state.version, now).encode();
            let alarm = Some(loaded.next_alarm(now, policy));
            let failed_writes = loaded.failed_writes();
            Ok(FeedReply { answer: FeedAnswer::Snapshot { feed, failed_writes }, alarm })
        })
    }

    /// Forgets what has expired and writes the feed to KV at `key` if that is due.
    pub async fn alarm(&self, now: Timestamp, kv: &impl KvStore, key: &str, policy: &FeedPolicy) -> Alarmed {
        let mut succeeded = None;
        let done = match self.prepare(now, policy) {
            Ok(Some((attempt, text))) => {
                leave_former_place(kv).await;
                let written = kv.write(key, &text).await;
                succeeded = Some(written.is_ok());
                self.written(attempt, written)
            }
            Ok(None) => Ok(()),
            Err(fault) => Err(fault),
        };
        let next = self.with(|loaded| {
            let overflow = loaded.overflow(now).map(|_| loaded.entries.len());
            Ok((loaded.next_alarm(now, policy), overflow))
        });
        match next {
            Ok((next, overflow)) => Alarmed { next, fault: done.err(), written: succeeded, overflow },
            // The storage itself fails: look again.
            Err(fault) => Alarmed {
                next: now.plus(LONGEST_BACKOFF),
                fault: Some(fault),
                written: succeeded,
                overflow: None,
            },
        }
    }

    /// What to write to KV, if it is time to.
    fn prepare(&self, now: Timestamp, policy: &FeedPolicy) -> Result<Option<(Attempt, String)>, Fault> {
        self.with(|loaded| {
            self.prune(loaded, now)?;
            let state = &loaded.state;
            let early = !now.is_due(state.attempted_at, WRITE_INTERVAL);
            let beat = now.is_due(state.attempted_at, loaded.beat(policy));
            if early || !(loaded.is_dirty() || loaded.failed_writes() > 0 || beat) {
                return Ok(None);
            }
            let version = state.version.plus(Duration::from_millis(1)).max(now);
            let changes = state.changes;
            loaded.state.attempted_at = now;
            // A write that was given up may still come. What is given away later is newer, also by a clock that was put back.
            loaded.state.version = version;
            loaded.is_writing = true;
            // Stored before the attempt, so that even a crash does not make two in a second.
            self.store().write_state(&loaded.stored())?;
            let attempt = Attempt { changes, is_beat: beat };
            Ok(Some((attempt, loaded.copy(version, now).encode())))
        })
    }

    fn written(&self, attempt: Attempt, written: Result<(), Fault>) -> Result<(), Fault> {
        self.with(|loaded| {
            loaded.is_writing = false;
            let state = &mut loaded.state;
            match written {
                Ok(()) => {
                    state.published = state.published.max(attempt.changes);
                    state.failures = match state.failures {
                        0 => 0,
                        // The pause is over. A change that was written before may have come before what is late.
                        ONCE_MORE if attempt.is_beat => 0,
                        _ => ONCE_MORE,
                    };
                }
                Err(_) => state.failures = one_more_failure(state.failures),
            }
            self.store().write_state(&loaded.stored())?;
            written
        })
    }
}

/// Before the issuer was in the key all deployments of one namespace wrote the same one. Readers of
/// that version, in a gradual rollout or after a rollback, must not take what stands there for
/// today's feed: what is no feed makes them ask the object. Looked at before each write, as an
/// object of that version may have written it again; whatever fails here is tried at the next.
async fn leave_former_place(kv: &impl KvStore) {
    if let Ok(Some(text)) = kv.read(FORMER_KV_KEY).await
        && text != MOVED
    {
        let _ = kv.write(FORMER_KV_KEY, MOVED).await;
    }
}
