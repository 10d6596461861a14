//! What the domain needs from outside. `src/edge/` provides it on the Worker; tests provide
//! it natively, with fault modes. Ports that speak of one module's types stand in that module
//! (`account::Accounts`, `identity::IdentityStore`, `keys::{Signer, KeyRingObject}`, `issuer_keys::IssuerKeysObjects`, `events::EventSink`).
//!
//! Futures here need not be `Send`: a Worker's isolate has one thread.
#![expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]

#[cfg(not(target_family = "wasm"))]
pub mod memory;

use core::{fmt, future::Future, time::Duration};

use serde::{Deserialize, Serialize};

#[cfg(not(target_family = "wasm"))]
use postern_jose::native::AlgorithmNotBuilt;
use postern_jose::time::Timestamp;

/// Which part outside the domain failed. The names are what `/readyz` and logs show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// Workers KV.
    Kv,
    /// The D1 database of users.
    Database,
    /// An Account object.
    Account,
    /// The `KeyRing` object.
    KeyRing,
    /// The `RevocationFeed` object.
    RevocationFeed,
    /// An `IssuerKeys` object.
    IssuerKeys,
    /// The network fetch of an issuer's key set.
    Issuer,
    /// A `ClientDocuments` object.
    ClientDocuments,
    /// The document of a client, which its host serves.
    ClientDocument,
    /// The platform's cryptography.
    Crypto,
    /// An object's own storage.
    Storage,
    /// A service behind the gate.
    Upstream,
    /// A rate limit of the platform.
    RateLimiter,
    /// A Throttle object.
    Throttle,
    /// What carries messages to users.
    Notifier,
    /// The service that keeps the users.
    Identity,
    /// The `AuditLog` object.
    AuditLog,
    /// A `Metrics` object, or the Analytics Engine data set beside it.
    Metrics,
    /// The queue that gets events.
    EventQueue,
}

impl Component {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kv => "kv",
            Self::Database => "database",
            Self::Account => "account",
            Self::KeyRing => "key_ring",
            Self::RevocationFeed => "revocation_feed",
            Self::IssuerKeys => "issuer_keys",
            Self::Issuer => "issuer",
            Self::ClientDocuments => "client_documents",
            Self::ClientDocument => "client_document",
            Self::Crypto => "crypto",
            Self::Storage => "storage",
            Self::Upstream => "upstream",
            Self::RateLimiter => "rate_limiter",
            Self::Throttle => "throttle",
            Self::Notifier => "notifier",
            Self::Identity => "identity",
            Self::AuditLog => "audit_log",
            Self::Metrics => "metrics",
            Self::EventQueue => "event_queue",
        }
    }
}

/// A part did not do its work. Never the client's fault and never evidence of theft: on the
/// wire it is 503 with `Retry-After`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {cause}", .part.name())]
pub struct Fault {
    /// What failed.
    pub part: Component,
    /// The cause, for the log only; holds no secret and no token.
    pub cause: String,
}

impl Fault {
    /// A fault of `part`, with its cause for the log.
    pub fn new(part: Component, cause: impl fmt::Display) -> Self {
        Self { part, cause: cause.to_string() }
    }

    /// An object's answer is of another kind than the request. The fault does not show the answer: it may hold a user's
    /// details.
    pub(crate) fn misplaced(part: Component) -> Self {
        Self::new(part, "the answer does not match the request")
    }
}

#[cfg(not(target_family = "wasm"))]
impl From<AlgorithmNotBuilt> for Fault {
    fn from(fault: AlgorithmNotBuilt) -> Self {
        Self::new(Component::Crypto, fault)
    }
}

/// Wall-clock time.
pub trait Clock {
    /// Now. On the Worker it stands still during one request's computation.
    fn now(&self) -> Timestamp;
}

/// Waiting.
pub trait Timer {
    /// Gives back control for this long; what else the isolate has to do goes on.
    async fn sleep(&self, duration: Duration);
}

/// Secure random bytes.
pub trait Randomness {
    /// Fills the whole buffer, or fails.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault>;
}

/// Workers KV: eventually consistent, for public or monotone values only.
pub trait KvStore {
    /// The value at `key`, possibly a minute old.
    async fn read(&self, key: &str) -> Result<Option<String>, Fault>;
    /// Writes the value; at most once a second for one key.
    async fn write(&self, key: &str, value: &str) -> Result<(), Fault>;
}

/// The platform's rate limits: bindings of the user's own naming.
pub trait RateLimiter {
    /// Counts one more of `key`; whether it is within the binding's limit.
    async fn admits(&self, binding: &str, key: &str) -> Result<bool, Fault>;
}

/// The headers of an answer that say how long it may be kept (RFC 9111), as they came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheHeaders {
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Age`.
    pub age: Option<String>,
    /// `Date`.
    pub date: Option<String>,
    /// `Expires`.
    pub expires: Option<String>,
}

/// What a fetch of a key set or of metadata brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// HTTP status.
    pub status: u16,
    /// The media type of the answer, if any.
    pub content_type: Option<String>,
    /// The body, cut off by the port at the caller's limit plus one byte.
    pub body: Vec<u8>,
    /// How long it may be kept, where the port reads that.
    pub cache: CacheHeaders,
}

/// Fetches public documents: key sets and metadata of issuers, documents of clients. Never follows a redirect.
pub trait DocumentSource {
    /// GET `url` with this `Accept`, at most `max_bytes` (one more is read, to see that it is too large),
    /// at most `timeout_ms` in all.
    async fn fetch(
        &self,
        url: &str,
        accept: &'static str,
        max_bytes: usize,
        timeout_ms: u32,
    ) -> Result<Document, Fault>;
}

/// When an object's alarm that failed comes again: while a revocation still matters (18 minutes), for as long as the
/// fault lasts, and not so often that all objects together are a flood when a deployment is wrong for a day. The
/// platform's own retries end after two minutes.
pub const RING_AGAIN: Duration = Duration::from_mins(5);

/// An object's own durable records: synchronous, and atomic as long as nothing is awaited
/// between the calls. `kind` names the table, `id` the row; the record's text is the domain's
/// own format, pinned by tests and described in `docs/reference/storage-schema.md`.
pub trait Records {
    /// The record, if there is one.
    fn read(&self, kind: &str, id: &str) -> Result<Option<String>, Fault>;
    /// Writes or replaces the record.
    fn write(&self, kind: &str, id: &str, record: &str) -> Result<(), Fault>;
    /// Removes the record if there is one.
    fn remove(&self, kind: &str, id: &str) -> Result<(), Fault>;
    /// All records of a kind as (id, record), ordered by id.
    fn scan(&self, kind: &str) -> Result<Vec<(String, String)>, Fault>;
}

/// Other Workers of the deployment and queues, by the names of their bindings, which are the
/// user's own. `part` names what failed when a call does.
pub trait Bindings {
    /// POST of JSON to `path` of a service; at most `max_bytes` of its answer (one more is read,
    /// to see that it is too large), at most `timeout_ms` in all.
    async fn call(
        &self,
        part: Component,
        service: &str,
        path: &str,
        body: &str,
        max_bytes: usize,
        timeout_ms: u32,
    ) -> Result<Document, Fault>;

    /// Puts one JSON message into a queue.
    async fn send(&self, part: Component, queue: &str, body: &str) -> Result<(), Fault>;

    /// Shows a message on the developer's screen: what the local profile does in place of
    /// sending it. It may hold a one-time token, so nothing else may call this.
    fn print(&self, message: &str);
}

/// Work that goes on after the answer (`waitUntil`).
pub trait Background {
    /// Runs the future to its end even when the client is gone.
    fn spawn(&self, work: impl Future<Output = ()> + 'static);
    /// The same, begun after a while: at most the 30 s that the platform waits after an answer.
    fn spawn_later(&self, delay: Duration, work: impl Future<Output = ()> + 'static);
}
