//! What the `IssuerKeys` object does: the one place that fetches an issuer's keys.

use core::{
    cell::{Cell, RefCell},
    fmt,
    future::poll_fn,
    task::{Poll, Waker},
};

use postern_jose::{
    JwkSet, UsableKeys, json,
    jwks::{
        CachePolicy, FetchFailure, IssuerSource, KeyLocation,
        cache::{Action, Event, State, Want, step},
        check_url, jwks_uri, metadata_urls,
    },
    text::printable,
    time::Timestamp,
};

use super::{IssuerKeysAnswer, IssuerKeysRequest, Unavailable};
use crate::ports::{DocumentSource, Fault, Records};

/// The object's only record: `issuer_keys/state`.
const KIND: &str = "issuer_keys";
const ID: &str = "state";

/// How often one request waits for others' fetches before it gives up: the second time only
/// when the first fetch was cut off with its caller.
const MAX_WAITS: usize = 3;

/// The object of one issuer and one place of its keys.
///
/// Fetches are single-flight. A request that comes while one runs is answered from the last good
/// set if that is not too old to be used unasked; otherwise it waits until the fetch has ended, and
/// then reads the record. It does not await the other's future, only the end of its flight, which
/// comes also when the fetching request is cut off. Inside one object that is allowed; in a Worker it would not be.
pub struct IssuerKeys<R, S> {
    records: R,
    documents: S,
    flight: Flight,
}

impl<R: Records, S: DocumentSource> IssuerKeys<R, S> {
    /// Over the object's records and the network.
    pub const fn new(records: R, documents: S) -> Self {
        Self { records, documents, flight: Flight::new() }
    }

    /// Answers one request. `jitter` is uniformly random.
    pub async fn serve(&self, request: &IssuerKeysRequest, now: Timestamp, jitter: u16) -> IssuerKeysAnswer {
        let (source, policy, want) = match request {
            IssuerKeysRequest::Read { source, policy }
            | IssuerKeysRequest::Refresh { source, policy, unknown_kid: false } => {
                (source, policy, Want::Fresh)
            }
            IssuerKeysRequest::Refresh { source, policy, unknown_kid: true } => {
                (source, policy, Want::UnknownKid)
            }
        };
        for _ in 0..MAX_WAITS {
            let Ok(state) = self.load(source) else {
                return unavailable(Unavailable::Storage, 1);
            };
            let enough = want == Want::Fresh && state.fresh_enough(policy, now);
            if self.flight.is_running() && !enough {
                self.flight.end().await;
                continue;
            }
            let (state, action) = step(state, Event::Asked(want), policy, now);
            if action != Action::Fetch {
                return answer(state, action, Fetched::No);
            }
            let Some(_landing) = self.flight.begin() else {
                return answer(state, Action::Serve, Fetched::No);
            };
            // Written before the fetch, so that the cooldown holds even if the object is evicted
            // in the middle of it.
            if self.store(&state).is_err() {
                return unavailable(Unavailable::Storage, 1);
            }
            let known = state.snapshot.as_ref();
            let (event, fetched) = match self.fetch(&state, policy, now).await {
                Ok((UsableKeys { document, left_out, .. }, jwks_uri)) => {
                    let same =
                        known.is_some_and(|known| known.document == document && known.left_out == left_out);
                    let fetched = if same { Fetched::Same } else { Fetched::Other };
                    (Event::Fetched { document, left_out, jwks_uri }, fetched)
                }
                Err(Failed { cause, why }) => (Event::Failed { cause, why, jitter }, Fetched::No),
            };
            let (state, action) = step(state, event, policy, now);
            // What was fetched is good even if it cannot be kept.
            let _ = self.store(&state);
            return answer(state, action, fetched);
        }
        unavailable(Unavailable::Busy, 1)
    }

    fn load(&self, source: &IssuerSource) -> Result<State, Fault> {
        let record = self.records.read(KIND, ID)?;
        // A record that cannot be read, or is about another source, is as good as none.
        Ok(record
            .and_then(|record| json::read_known::<State>(&record).ok())
            .filter(|state| state.source == *source)
            .unwrap_or_else(|| State::new(source.clone())))
    }

    fn store(&self, state: &State) -> Result<(), Fault> {
        let record = postern_jose::json::write(state)
            .map_err(|error| Fault::new(crate::ports::Component::Storage, error))?;
        self.records.write(KIND, ID, &record)
    }

    async fn fetch(
        &self,
        state: &State,
        policy: &CachePolicy,
        now: Timestamp,
    ) -> Result<(UsableKeys, Option<String>), Failed> {
        let (uri, discovered) = match (&state.source.location, &state.jwks_uri) {
            (KeyLocation::JwksUri(uri), _) => (uri.clone(), None),
            (KeyLocation::Discovery, Some((uri, at))) if !now.is_due(*at, policy.hard_age) => {
                (uri.clone(), None)
            }
            (KeyLocation::Discovery, _) => {
                let uri = self.discover(&state.source, policy).await?;
                (uri.clone(), Some(uri))
            }
        };
        let body = self.get(&uri, &state.source, policy).await?;
        let usable =
            JwkSet::usable(&body).map_err(|error| Failed::at(&uri, FetchFailure::Malformed, error))?;
        if usable.count == 0 {
            let entries = match usable.left_out.as_slice() {
                [] => "the set is empty".to_owned(),
                entries => entries.join("; "),
            };
            return Err(Failed::at(&uri, FetchFailure::NoUsableKeys, entries));
        }
        Ok((usable, discovered))
    }

    async fn discover(&self, source: &IssuerSource, policy: &CachePolicy) -> Result<String, Failed> {
        let mut last = Failed { cause: FetchFailure::NoJwksUri, why: String::new() };
        let mut all = Vec::new();
        for url in metadata_urls(&source.issuer) {
            let found = match self.get(&url, source, policy).await {
                Ok(body) => jwks_uri(&body, source).map_err(|cause| Failed::at(&url, cause, "")),
                Err(failed) => Err(failed),
            };
            match found {
                Ok(uri) => return Ok(uri),
                Err(failed) => {
                    all.push(failed.why.clone());
                    last = failed;
                }
            }
        }
        Err(Failed { why: all.join("; "), ..last })
    }

    async fn get(&self, url: &str, source: &IssuerSource, policy: &CachePolicy) -> Result<Vec<u8>, Failed> {
        check_url(url, source.local).map_err(|error| Failed::at(url, FetchFailure::UnsafeUrl, error))?;
        let timeout_ms = u32::try_from(policy.timeout.as_millis()).unwrap_or(u32::MAX);
        let fetched = self.documents.fetch(url, policy.max_bytes, timeout_ms).await;
        let document = fetched.map_err(|fault| Failed::at(url, FetchFailure::Network, fault.cause))?;
        match document.status {
            200 if document.body.len() > policy.max_bytes => {
                let longest = format!("over {} bytes", policy.max_bytes);
                Err(Failed::at(url, FetchFailure::TooLarge, longest))
            }
            200 => Ok(document.body),
            status @ 300..=399 => Err(Failed::at(url, FetchFailure::Redirected, status)),
            status => Err(Failed::at(url, FetchFailure::Status(status), "")),
        }
    }
}

/// Why a fetch brought nothing.
struct Failed {
    cause: FetchFailure,
    /// For the log: at which place, and what is known beside the cause.
    why: String,
}

/// The longest reason that is kept: some entries of a set with theirs.
const MAX_WHY_BYTES: usize = 1024;

impl Failed {
    /// A failure at this place. Of the place's query nothing is shown: it may hold a key.
    fn at(url: &str, cause: FetchFailure, detail: impl fmt::Display) -> Self {
        let place = url.split('?').next().unwrap_or_default();
        let why = [place, &detail.to_string()].map(|part| printable(part, MAX_WHY_BYTES)).join(": ");
        Self { cause, why: why.trim_end_matches(": ").to_owned() }
    }
}

/// What this request itself fetched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fetched {
    /// Nothing, or in vain.
    No,
    /// The set that was known.
    Same,
    /// Another one.
    Other,
}

fn answer(state: State, action: Action, fetched: Fetched) -> IssuerKeysAnswer {
    let (failure, why) = (state.last_failure, state.why);
    match (action, state.snapshot) {
        (Action::Serve, Some(snapshot)) => IssuerKeysAnswer::Keys {
            snapshot,
            fetched_now: fetched != Fetched::No,
            changed: fetched == Fetched::Other,
            failure,
            why,
        },
        (Action::Refuse { retry_after }, _) => {
            let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
            let cause = failure.map_or(Unavailable::Busy, Unavailable::Failed);
            let retry_after = u32::try_from(seconds).unwrap_or(u32::MAX);
            IssuerKeysAnswer::Unavailable { cause, why, retry_after }
        }
        _ => unavailable(Unavailable::Busy, 1),
    }
}

const fn unavailable(cause: Unavailable, retry_after: u32) -> IssuerKeysAnswer {
    IssuerKeysAnswer::Unavailable { cause, why: String::new(), retry_after }
}

/// Whether a fetch is in the air, and who waits for its end.
struct Flight {
    running: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Flight {
    const fn new() -> Self {
        Self { running: Cell::new(false), waiting: RefCell::new(Vec::new()) }
    }

    const fn is_running(&self) -> bool {
        self.running.get()
    }

    fn begin(&self) -> Option<Landing<'_>> {
        if self.running.replace(true) { None } else { Some(Landing(self)) }
    }

    async fn end(&self) {
        poll_fn(|context| {
            if self.running.get() {
                self.waiting.borrow_mut().push(context.waker().clone());
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
}

/// Ends the flight when dropped, be it by the request's end or by its being cut off.
struct Landing<'a>(&'a Flight);

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.0.running.set(false);
        for waker in self.0.waiting.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests;
