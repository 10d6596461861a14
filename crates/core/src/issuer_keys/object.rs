//! What the `IssuerKeys` object does: the one place that fetches an issuer's keys.

use postern_jose::{
    JwkSet, UsableKeys, json,
    jwks::{
        CachePolicy, FetchFailure, IssuerSource, KeyLocation,
        cache::{Action, Event, State, Want, step},
        jwks_uri, metadata_urls,
    },
    time::Timestamp,
};

use super::{IssuerKeysAnswer, IssuerKeysRequest, Unavailable};
use crate::{
    fetching::{FailedFetch, FetchLimits, Flights, fetch},
    ports::{DocumentSource, Fault, Records},
};

/// The object's only record: `issuer_keys/state`.
const KIND: &str = "issuer_keys";
const ID: &str = "state";

/// The media types of key sets and of metadata.
const ACCEPT: &str = "application/jwk-set+json, application/json";

/// How often one request waits for others' fetches before it gives up: the second time only
/// when the first fetch was cut off with its caller.
const MAX_WAITS: usize = 3;

/// The object of one issuer and one place of its keys.
///
/// Fetches are single-flight. A request that comes while one runs is answered from the last good
/// set if that is not too old to be used unasked; otherwise it waits until the fetch has ended, and
/// then reads the record ([`Flights`]).
pub struct IssuerKeys<R, S> {
    records: R,
    documents: S,
    flights: Flights,
}

impl<R: Records, S: DocumentSource> IssuerKeys<R, S> {
    /// Over the object's records and the network.
    pub const fn new(records: R, documents: S) -> Self {
        Self { records, documents, flights: Flights::new() }
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
            if self.flights.is_running(ID) && !enough {
                self.flights.end(ID).await;
                continue;
            }
            let (state, action) = step(state, Event::Asked(want), policy, now);
            if action != Action::Fetch {
                return answer(state, action, Fetched::No);
            }
            let Some(_landing) = self.flights.begin(ID) else {
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
                Err(FailedFetch { cause, why }) => (Event::Failed { cause, why, jitter }, Fetched::No),
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
    ) -> Result<(UsableKeys, Option<String>), FailedFetch> {
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
            JwkSet::usable(&body).map_err(|error| FailedFetch::at(&uri, FetchFailure::Malformed, error))?;
        if usable.count == 0 {
            let entries = match usable.left_out.as_slice() {
                [] => "the set is empty".to_owned(),
                entries => entries.join("; "),
            };
            return Err(FailedFetch::at(&uri, FetchFailure::NoUsableKeys, entries));
        }
        Ok((usable, discovered))
    }

    async fn discover(&self, source: &IssuerSource, policy: &CachePolicy) -> Result<String, FailedFetch> {
        let mut last = FailedFetch { cause: FetchFailure::NoJwksUri, why: String::new() };
        let mut all = Vec::new();
        for url in metadata_urls(&source.issuer) {
            let found = match self.get(&url, source, policy).await {
                Ok(body) => jwks_uri(&body, source).map_err(|cause| FailedFetch::at(&url, cause, "")),
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
        Err(FailedFetch { why: all.join("; "), ..last })
    }

    async fn get(
        &self,
        url: &str,
        source: &IssuerSource,
        policy: &CachePolicy,
    ) -> Result<Vec<u8>, FailedFetch> {
        let limits = FetchLimits { accept: ACCEPT, max_bytes: policy.max_bytes, timeout: policy.timeout };
        Ok(fetch(&self.documents, url, source.local, &limits).await?.body)
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

#[cfg(test)]
mod tests;
