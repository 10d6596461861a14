//! What the objects share that fetch public documents of others: one fetch of a kind at a time, and the judgement of an
//! answer before anything reads it.

use core::{cell::RefCell, fmt, future::poll_fn, task::Poll, task::Waker, time::Duration};
use std::collections::BTreeMap;

use postern_jose::{
    jwks::{FetchFailure, check_url},
    text::printable,
};

use crate::ports::{Document, DocumentSource};

/// What is fetched at most, and as what.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// The value of `Accept`.
    pub accept: &'static str,
    /// The largest body, in bytes.
    pub max_bytes: usize,
    /// How long the fetch may take in all.
    pub timeout: Duration,
}

/// Why a fetch brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedFetch {
    /// The cause.
    pub cause: FetchFailure,
    /// For the log: at which place, and what is known beside the cause.
    pub why: String,
}

/// The longest reason that is kept: some entries of a key set with theirs.
const MAX_WHY_BYTES: usize = 1024;

impl FailedFetch {
    /// A failure at this place. Of the place's query nothing is shown: it may hold a key.
    pub fn at(url: &str, cause: FetchFailure, detail: impl fmt::Display) -> Self {
        let place = url.split('?').next().unwrap_or_default();
        let why = [place, &detail.to_string()].map(|part| printable(part, MAX_WHY_BYTES)).join(": ");
        Self { cause, why: why.trim_end_matches(": ").to_owned() }
    }
}

/// Fetches a document: from an address that may be fetched, with status 200, within the limits. `local` allows http and
/// private addresses.
///
/// # Errors
/// [`FailedFetch`]. A redirect is one: a document comes from its own place or not at all.
pub async fn fetch(
    documents: &impl DocumentSource,
    url: &str,
    local: bool,
    limits: &FetchLimits,
) -> Result<Document, FailedFetch> {
    check_url(url, local).map_err(|error| FailedFetch::at(url, FetchFailure::UnsafeUrl, error))?;
    let timeout_ms = u32::try_from(limits.timeout.as_millis()).unwrap_or(u32::MAX);
    let fetched = documents.fetch(url, limits.accept, limits.max_bytes, timeout_ms).await;
    let document = fetched.map_err(|fault| FailedFetch::at(url, FetchFailure::Network, fault.cause))?;
    match document.status {
        200 if document.body.len() > limits.max_bytes => {
            let longest = format!("over {} bytes", limits.max_bytes);
            Err(FailedFetch::at(url, FetchFailure::TooLarge, longest))
        }
        200 => Ok(document),
        // The Fetch standard shows a redirect that is not followed as status 0.
        status @ (0 | 300..=399) => Err(FailedFetch::at(url, FetchFailure::Redirected, status)),
        status => Err(FailedFetch::at(url, FetchFailure::Status(status), "")),
    }
}

/// Which fetches are in the air, by a name, and who waits for the end of each.
///
/// A request that comes while another one fetches the same does not await the other's future, only the end of its flight,
/// which comes also when the fetching request is cut off. Inside one object that is allowed; in a Worker it would not be.
#[derive(Debug, Default)]
pub struct Flights(RefCell<BTreeMap<String, Vec<Waker>>>);

impl Flights {
    /// None.
    pub const fn new() -> Self {
        Self(RefCell::new(BTreeMap::new()))
    }

    /// Whether this one is in the air.
    pub fn is_running(&self, name: &str) -> bool {
        self.0.borrow().contains_key(name)
    }

    /// Begins one, which ends when the result is dropped. `None` if it is in the air.
    pub fn begin(&self, name: &str) -> Option<Landing<'_>> {
        if self.is_running(name) {
            return None;
        }
        self.0.borrow_mut().insert(name.to_owned(), Vec::new());
        Some(Landing { flights: self, name: name.to_owned() })
    }

    /// Waits until this one is not in the air.
    pub async fn end(&self, name: &str) {
        poll_fn(|context| match self.0.borrow_mut().get_mut(name) {
            Some(waiting) => {
                waiting.push(context.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        })
        .await;
    }
}

/// Ends the flight when dropped, be it by the request's end or by its being cut off.
#[derive(Debug)]
pub struct Landing<'a> {
    flights: &'a Flights,
    name: String,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let waiting = self.flights.0.borrow_mut().remove(&self.name);
        for waker in waiting.unwrap_or_default() {
            waker.wake();
        }
    }
}
