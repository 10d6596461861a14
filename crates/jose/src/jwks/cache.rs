//! When an issuer's object fetches: a pure function of state, event and time.
//!
//! A good fetch replaces the set, so a key that the issuer removed stops verifying at once. A
//! failed one never evicts: the last good set serves to its hard age. After failures the
//! circuit breaker opens for 2 s, 4 s, 8 s ... 5 min, halved at random so that many objects do
//! not ask a recovering issuer in step. While a set is there, two fetches are never closer
//! together than the cooldown, whoever asks.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CachePolicy, FetchFailure, IssuerSource, Snapshot};
use crate::time::Timestamp;

/// The first pause after a failure: an issuer's restart takes seconds.
const FIRST_BACKOFF: Duration = Duration::from_secs(2);
/// The longest pause: an issuer that recovers is noticed within it.
pub(super) const MAX_BACKOFF: Duration = Duration::from_mins(5);

/// What an issuer's object remembers. Its JSON is the object's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Whose keys, from where. Another source makes another state: nothing is carried over.
    pub source: IssuerSource,
    /// The last good set.
    #[serde(default)]
    pub snapshot: Option<Snapshot>,
    /// What discovery found, and when.
    #[serde(default)]
    pub jwks_uri: Option<(String, Timestamp)>,
    /// Fetches that failed since the last good one.
    pub failures: u32,
    /// How the last one failed.
    #[serde(default)]
    pub last_failure: Option<FetchFailure>,
    /// The same more exactly, for the log.
    #[serde(default)]
    pub why: String,
    /// When the last fetch began.
    #[serde(default)]
    pub last_fetch: Option<Timestamp>,
    /// The circuit breaker is open, and nothing fetched, before this.
    pub open_until: Timestamp,
}

/// Why the object is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// A set that is not older than need be.
    Fresh,
    /// A set that may verify a token which the asker's does not.
    UnknownKid,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Someone asked.
    Asked(Want),
    /// A fetch, begun now, brought an acceptable document.
    Fetched {
        /// The usable keys as a JWK Set.
        document: String,
        /// The entries that cannot be used, each with its reason.
        left_out: Vec<String>,
        /// The place that discovery named, if it was asked.
        jwks_uri: Option<String>,
    },
    /// A fetch failed.
    Failed {
        /// How.
        cause: FetchFailure,
        /// The same more exactly, for the log.
        why: String,
        /// Uniformly random.
        jitter: u16,
    },
}

/// What the object does then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Answer with the snapshot.
    Serve,
    /// Fetch, then report the outcome as the next event.
    Fetch,
    /// Answer that there is nothing to be had for this long.
    Refuse {
        /// At least one second.
        retry_after: Duration,
    },
}

impl State {
    /// Knowing nothing yet.
    pub const fn new(source: IssuerSource) -> Self {
        Self {
            source,
            snapshot: None,
            jwks_uri: None,
            failures: 0,
            last_failure: None,
            why: String::new(),
            last_fetch: None,
            open_until: Timestamp::from_millis(0),
        }
    }

    /// The last good set, if it is younger than the hard age.
    pub fn usable(&self, policy: &CachePolicy, now: Timestamp) -> Option<&Snapshot> {
        self.snapshot.as_ref().filter(|snapshot| policy.age(snapshot.fetched_at, now) < policy.hard_age)
    }

    /// Whether the last good set may be used without asking for a newer one first.
    pub fn fresh_enough(&self, policy: &CachePolicy, now: Timestamp) -> bool {
        let usable = self.usable(policy, now);
        usable.is_some_and(|snapshot| policy.age(snapshot.fetched_at, now) < policy.ask_first_age())
    }

    fn may_fetch(&self, policy: &CachePolicy, now: Timestamp) -> bool {
        let breaker_closed = now.has_reached(self.open_until, MAX_BACKOFF);
        let cooled = self.snapshot.is_none()
            || self.last_fetch.is_none_or(|last| now.is_due(last, policy.unknown_kid_cooldown));
        breaker_closed && cooled
    }

    fn serve_or_refuse(&self, policy: &CachePolicy, now: Timestamp) -> Action {
        if self.usable(policy, now).is_some() {
            return Action::Serve;
        }
        let pause = self.open_until.since(now).min(MAX_BACKOFF);
        Action::Refuse { retry_after: pause.max(Duration::from_secs(1)) }
    }
}

/// One step. Total: there is no state in which an event is an error.
pub fn step(mut state: State, event: Event, policy: &CachePolicy, now: Timestamp) -> (State, Action) {
    let action = match event {
        Event::Asked(want) => {
            let soft = state
                .snapshot
                .as_ref()
                .is_none_or(|snapshot| policy.age(snapshot.fetched_at, now) >= policy.soft_age);
            if (soft || want == Want::UnknownKid) && state.may_fetch(policy, now) {
                state.last_fetch = Some(now);
                Action::Fetch
            } else {
                state.serve_or_refuse(policy, now)
            }
        }
        Event::Fetched { document, left_out, jwks_uri } => {
            let version = match &state.snapshot {
                None => 1,
                Some(old) if old.document == document => old.version,
                Some(old) => old.version.saturating_add(1),
            };
            let issuer = state.source.issuer.clone();
            state.snapshot = Some(Snapshot { issuer, document, fetched_at: now, version, left_out });
            if let Some(uri) = jwks_uri {
                state.jwks_uri = Some((uri, now));
            }
            state.failures = 0;
            state.last_failure = None;
            state.why = String::new();
            state.open_until = now;
            Action::Serve
        }
        Event::Failed { cause, why, jitter } => {
            state.failures = state.failures.saturating_add(1);
            state.last_failure = Some(cause);
            state.why = why;
            state.open_until = now.plus(backoff(state.failures, jitter));
            // The keys may have moved: the metadata is asked again.
            state.jwks_uri = None;
            state.serve_or_refuse(policy, now)
        }
    };
    (state, action)
}

/// Half of the doubled pause is certain, half is random.
fn backoff(failures: u32, jitter: u16) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let pause = FIRST_BACKOFF.saturating_mul(1 << doublings).min(MAX_BACKOFF);
    let half = pause / 2;
    half + half * u32::from(jitter) / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests;
