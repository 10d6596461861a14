//! Postern's key set: fetched from one address, and kept.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use postern_jose::{JwkSet, time::Timestamp};

/// Where the answer says nothing: what Postern's own says.
const DEFAULT_MAX_AGE: Duration = Duration::from_mins(10);
/// A withdrawn key stops verifying within this, whatever a cache in between says.
const LONGEST_MAX_AGE: Duration = Duration::from_hours(1);
/// The shortest time between two fetches while there is a set: made-up `kid`s cost Postern two requests a minute.
const COOLDOWN: Duration = Duration::from_secs(30);
/// Without a set, requests fail; so the next attempt comes sooner.
const PAUSE: Duration = Duration::from_secs(1);
/// How old a set may be while no newer one can be had: a night.
const STALE_IF_ERROR: Duration = Duration::from_hours(24);

/// What an HTTP client brought from the address of the key set.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// The body of an answer with status 200.
    pub body: Vec<u8>,
    /// `Cache-Control`, if the answer has it.
    pub cache_control: Option<String>,
    /// `Age`, if the answer has it.
    pub age: Option<String>,
}

/// Why nothing was fetched.
pub type FetchError = Box<dyn core::error::Error + Send + Sync>;

/// Fetches the key set, with the HTTP client that you have.
pub trait FetchKeys: Send + Sync + 'static {
    /// A `GET` of `url`. Follow no redirect, take no other status than 200, and give up after 5 s: each is an error.
    fn fetch(&self, url: &str) -> impl Future<Output = Result<Fetched, FetchError>> + Send;
}

#[derive(Debug, Clone)]
struct Kept {
    keys: Arc<JwkSet>,
    at: Timestamp,
    fresh_for: Duration,
}

#[derive(Debug, Default)]
struct State {
    kept: Option<Kept>,
    attempted: Option<Timestamp>,
    failed: Option<Timestamp>,
}

/// What to do about the keys at some time.
enum Step {
    Use(Option<Arc<JwkSet>>),
    Fetch,
}

impl State {
    fn usable(&self, now: Timestamp) -> Option<&Kept> {
        self.kept.as_ref().filter(|kept| within(kept.at, now, STALE_IF_ERROR))
    }

    fn step(&self, is_unknown: bool, now: Timestamp) -> Step {
        match self.usable(now) {
            Some(kept)
                if (!is_unknown && within(kept.at, now, kept.fresh_for))
                    || self.attempted.is_some_and(|at| within(at, now, COOLDOWN)) =>
            {
                Step::Use(Some(Arc::clone(&kept.keys)))
            }
            None if self.failed.is_some_and(|at| within(at, now, PAUSE)) => Step::Use(None),
            _ => Step::Fetch,
        }
    }
}

/// Whether less than `time` has passed. A clock that was put back says that everything is due.
fn within(then: Timestamp, now: Timestamp, time: Duration) -> bool {
    now >= then && now.since(then) < time
}

/// The keys of one address.
#[derive(Debug)]
pub(crate) struct KeySet<F> {
    url: String,
    fetch: F,
    state: Mutex<State>,
    /// One fetch at a time.
    fetching: futures_util::lock::Mutex<()>,
}

impl<F: FetchKeys> KeySet<F> {
    pub(crate) fn new(url: String, fetch: F) -> Self {
        Self { url, fetch, state: Mutex::default(), fetching: futures_util::lock::Mutex::new(()) }
    }

    pub(crate) fn at(self, url: String) -> Self {
        Self { url, ..self }
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys, if there are any to be had. `is_unknown`: the set that there is has no key of a token's name.
    pub(crate) async fn keys(&self, is_unknown: bool, now: Timestamp) -> Option<Arc<JwkSet>> {
        if let Step::Use(keys) = self.with(|state| state.step(is_unknown, now)) {
            return keys;
        }
        let _one = self.fetching.lock().await;
        // Another request may have fetched meanwhile.
        let step = self.with(|state| {
            let step = state.step(is_unknown, now);
            if matches!(step, Step::Fetch) {
                state.attempted = Some(now);
            }
            step
        });
        if let Step::Use(keys) = step {
            return keys;
        }
        let fetched = self.fetch.fetch(&self.url).await.ok().and_then(|fetched| read(&fetched, now));
        self.with(|state| {
            match fetched {
                Some(kept) => state.kept = Some(kept),
                None => state.failed = Some(now),
            }
            state.usable(now).map(|kept| Arc::clone(&kept.keys))
        })
    }
}

fn read(fetched: &Fetched, now: Timestamp) -> Option<Kept> {
    let keys = JwkSet::parse(&fetched.body).ok().filter(|keys| !keys.keys().is_empty())?;
    Some(Kept { keys: Arc::new(keys), at: now, fresh_for: freshness(fetched) })
}

/// How long an answer is fresh (RFC 9111 section 4.2).
fn freshness(fetched: &Fetched) -> Duration {
    let control = fetched.cache_control.as_deref().unwrap_or_default().to_ascii_lowercase();
    let directive = |name: &str| control.split(',').map(str::trim).find_map(|part| part.strip_prefix(name));
    let age = fetched
        .age
        .as_deref()
        .and_then(|age| age.trim().parse().ok())
        .map_or(Duration::ZERO, Duration::from_secs);
    let fresh = if directive("no-store").is_some() || directive("no-cache").is_some() {
        Duration::ZERO
    } else {
        match directive("max-age=").and_then(|seconds| seconds.parse().ok()) {
            Some(seconds) => Duration::from_secs(seconds).saturating_sub(age),
            None => DEFAULT_MAX_AGE,
        }
    };
    fresh.clamp(COOLDOWN, LONGEST_MAX_AGE)
}
