//! What an object of clients' documents does: it keeps those of some hosts, and is the one place that fetches them.

use core::{cell::Cell, cell::RefCell, time::Duration};
use std::collections::BTreeMap;

use postern_core::{
    fetching::{FailedFetch, FetchLimits, Flights, fetch},
    http::media_type::essence,
    ports::{Component, Document, DocumentSource, Fault, Records},
    rate::{FullAt, Rate},
};
use postern_jose::{json, jwks::FetchFailure, time::Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    ClientDocument, ClientDocumentAnswer, ClientDocumentRequest, ClientIdUrl, NoDocument,
    freshness::{LONGEST, fresh_for},
};

/// The object's records: `client_document/URL`.
const KIND: &str = "client_document";

/// What is fetched at most. 5 kB is the draft's own advice (section 8.7). A user waits for the answer, so the time is that
/// for key sets: longer than any healthy host needs, and half of what the Worker waits for an object.
const LIMITS: FetchLimits =
    FetchLimits { accept: "application/json", max_bytes: 5 * 1024, timeout: Duration::from_secs(5) };

/// How long a copy serves after it was fresh, when no newer one can be had: a host's outage of a night is survived.
const STALE_IF_ERROR: Duration = Duration::from_hours(24);

/// How long a failure is remembered, and nothing fetched for this client: made-up ids cost one fetch a minute each.
const COOLDOWN: Duration = Duration::from_mins(1);

/// How many documents without a copy are fetched from all hosts of this object. With [`super::client`]'s number of objects:
/// 480 a minute for a deployment.
const ALL_HOSTS: Rate = Rate::new(60, 60);

/// How many documents without a copy are fetched from one host: more than a client has, and nothing for a host to notice.
const ONE_HOST: Rate = Rate::new(10, 10);

/// How many documents an object keeps, 1 MB at most. The one that was fetched first goes when another comes.
const MAX_KEPT: usize = 200;

/// How often one request waits for others' fetches before it gives up: the second time only when the first fetch was cut off
/// with its caller.
const MAX_WAITS: usize = 3;

/// The way that the platform's `fetch` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Always by the public internet, as a stranger's request would go.
    StrictlyPublic,
    /// Within the deployment's own zone straight to the server behind it, past everything that protects it. Strangers choose
    /// the URLs of documents, so none is fetched.
    MayBypass,
}

/// A document as it is kept. Its JSON is the object's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredDocument {
    text: String,
    fetched_at: Timestamp,
    fresh_until: Timestamp,
}

impl StoredDocument {
    fn is_fresh(&self, now: Timestamp) -> bool {
        !now.has_reached(self.fresh_until, LONGEST)
    }

    fn is_usable(&self, now: Timestamp) -> bool {
        now.since(self.fresh_until) < STALE_IF_ERROR
    }

    fn answer(self, failed: Option<FailedFetch>) -> ClientDocumentAnswer {
        let (failure, why) = failed.map_or_else(Default::default, |failed| (Some(failed.cause), failed.why));
        ClientDocumentAnswer::Document { text: self.text, fresh_until: self.fresh_until, failure, why }
    }
}

/// A failure that is remembered. It is never kept as a record: when the object has no calls for a while, it forgets.
#[derive(Debug, Clone)]
struct Remembered {
    failed: FailedFetch,
    until: Timestamp,
}

/// An object of clients' documents.
///
/// Each document is fetched once for all requests that come meanwhile ([`Flights`]). A good one is kept until its headers
/// say that it is old; then the next request fetches it again, and the copy serves for a day if that fails.
pub struct ClientDocuments<R, S> {
    records: R,
    documents: S,
    network: Network,
    flights: Flights,
    failures: RefCell<BTreeMap<String, Remembered>>,
    hosts: RefCell<BTreeMap<String, FullAt>>,
    all_hosts: Cell<FullAt>,
}

impl<R: Records, S: DocumentSource> ClientDocuments<R, S> {
    /// Over the object's records and the network.
    pub fn new(records: R, documents: S, network: Network) -> Self {
        Self {
            records,
            documents,
            network,
            flights: Flights::new(),
            failures: RefCell::default(),
            hosts: RefCell::default(),
            all_hosts: Cell::default(),
        }
    }

    /// Answers one request.
    pub async fn serve(&self, request: &ClientDocumentRequest, now: Timestamp) -> ClientDocumentAnswer {
        let ClientDocumentRequest::Read { client_id, fetch } = request;
        let Ok(id) = ClientIdUrl::parse(client_id) else {
            return unavailable(NoDocument::Failed(FetchFailure::UnsafeUrl), COOLDOWN);
        };
        for _ in 0..MAX_WAITS {
            let Ok(kept) = self.load(&id) else {
                return unavailable(NoDocument::Storage, Duration::from_secs(1));
            };
            let kept = match kept {
                Some(kept) if kept.is_fresh(now) => return kept.answer(None),
                kept => kept.filter(|kept| kept.is_usable(now)),
            };
            match (kept, self.failure_of(&id, now)) {
                // A failure is reported once, by the request that met with it.
                (Some(kept), Some(_)) => return kept.answer(None),
                (Some(kept), None) if !fetch || self.flights.is_running(id.as_str()) => {
                    return kept.answer(None);
                }
                (None, _) if !fetch => return unavailable(NoDocument::Unknown, COOLDOWN),
                (None, Some(Remembered { failed, until })) => {
                    return ClientDocumentAnswer::Unavailable {
                        cause: NoDocument::Failed(failed.cause),
                        why: failed.why,
                        retry_after: whole_seconds(until.since(now)),
                    };
                }
                (None, None) if self.flights.is_running(id.as_str()) => {
                    self.flights.end(id.as_str()).await;
                }
                (kept, None) => return self.fetch(&id, kept, now).await,
            }
        }
        unavailable(NoDocument::Busy, Duration::from_secs(1))
    }

    async fn fetch(
        &self,
        id: &ClientIdUrl,
        kept: Option<StoredDocument>,
        now: Timestamp,
    ) -> ClientDocumentAnswer {
        let Some(_landing) = self.flights.begin(id.as_str()) else {
            return unavailable(NoDocument::Busy, Duration::from_secs(1));
        };
        // A document with a copy is fetched again once in five minutes at most, and there is a limited number of them.
        if kept.is_none()
            && let Err(pause) = self.admit(id.host(), now)
        {
            return unavailable(NoDocument::TooManyFetches, pause);
        }
        let failed = match self.fetched(id, now).await {
            Ok(document) => {
                self.failures.borrow_mut().remove(id.as_str());
                // What was fetched is good even if it cannot be kept.
                let _ = self.store(id, &document);
                return document.answer(None);
            }
            Err(failed) => failed,
        };
        self.remember(id, failed.clone(), now);
        match kept {
            Some(kept) => kept.answer(Some(failed)),
            None => ClientDocumentAnswer::Unavailable {
                cause: NoDocument::Failed(failed.cause),
                why: failed.why,
                retry_after: whole_seconds(COOLDOWN),
            },
        }
    }

    async fn fetched(&self, id: &ClientIdUrl, now: Timestamp) -> Result<StoredDocument, FailedFetch> {
        let failed = |cause, why: &dyn core::fmt::Display| FailedFetch::at(id.as_str(), cause, why);
        if self.network == Network::MayBypass {
            return Err(failed(
                FetchFailure::NotPublic,
                &"compatibility_flags lacks global_fetch_strictly_public",
            ));
        }
        let document = fetch(&self.documents, id.as_str(), false, &LIMITS).await?;
        if !is_json(&document) {
            return Err(failed(FetchFailure::MediaType, &document.content_type.unwrap_or_default()));
        }
        ClientDocument::parse(&document.body, id)
            .map_err(|unsound| failed(FetchFailure::Malformed, &unsound))?;
        let fresh_until = now.plus(fresh_for(&document.cache, now));
        // Strict JSON is UTF-8.
        let text = String::from_utf8(document.body).unwrap_or_default();
        Ok(StoredDocument { text, fetched_at: now, fresh_until })
    }

    fn load(&self, id: &ClientIdUrl) -> Result<Option<StoredDocument>, Fault> {
        // A record that cannot be read is as good as none.
        Ok(self.records.read(KIND, id.as_str())?.and_then(|record| json::read_known(&record).ok()))
    }

    fn store(&self, id: &ClientIdUrl, document: &StoredDocument) -> Result<(), Fault> {
        let record = json::write(document).map_err(|error| Fault::new(Component::Storage, error))?;
        if self.records.read(KIND, id.as_str())?.is_none() {
            self.make_room()?;
        }
        self.records.write(KIND, id.as_str(), &record)
    }

    fn make_room(&self) -> Result<(), Fault> {
        let mut kept: Vec<(Option<Timestamp>, String)> = self
            .records
            .scan(KIND)?
            .into_iter()
            .map(|(id, record)| {
                (json::read_known(&record).ok().map(|kept: StoredDocument| kept.fetched_at), id)
            })
            .collect();
        kept.sort_unstable();
        let too_many = (kept.len() + 1).saturating_sub(MAX_KEPT);
        for (_, id) in kept.into_iter().take(too_many) {
            self.records.remove(KIND, &id)?;
        }
        Ok(())
    }

    fn failure_of(&self, id: &ClientIdUrl, now: Timestamp) -> Option<Remembered> {
        let failures = self.failures.borrow();
        failures.get(id.as_str()).filter(|failure| !now.has_reached(failure.until, COOLDOWN)).cloned()
    }

    /// There are as many as were fetched within a minute, which is limited.
    fn remember(&self, id: &ClientIdUrl, failed: FailedFetch, now: Timestamp) {
        let mut failures = self.failures.borrow_mut();
        failures.retain(|_, failure| !now.has_reached(failure.until, COOLDOWN));
        failures.insert(id.as_str().to_owned(), Remembered { failed, until: now.plus(COOLDOWN) });
    }

    /// Takes one fetch from both buckets.
    ///
    /// # Errors
    /// How long until there is one.
    fn admit(&self, host: &str, now: Timestamp) -> Result<(), Duration> {
        let mut hosts = self.hosts.borrow_mut();
        hosts.retain(|_, bucket| !bucket.is_full(now));
        let bucket = ONE_HOST.take(hosts.get(host).copied().unwrap_or_default(), now)?;
        self.all_hosts.set(ALL_HOSTS.take(self.all_hosts.get(), now)?);
        hosts.insert(host.to_owned(), bucket);
        Ok(())
    }
}

/// `application/json`, or a type with the suffix `+json` (section 4 of the draft).
fn is_json(document: &Document) -> bool {
    essence(document.content_type.as_deref().unwrap_or_default())
        .to_ascii_lowercase()
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.len() > 5 && subtype.ends_with("+json"))
}

fn whole_seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

fn unavailable(cause: NoDocument, pause: Duration) -> ClientDocumentAnswer {
    ClientDocumentAnswer::Unavailable { cause, why: String::new(), retry_after: whole_seconds(pause) }
}

#[cfg(test)]
mod tests;
