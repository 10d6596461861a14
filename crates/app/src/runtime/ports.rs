//! The ports: everything that the application needs from outside.

use crate::{
    account::Accounts,
    audit::AuditLog,
    events::EventSink,
    identity::{IdentityStore, Normalizer},
    issuer_keys::IssuerKeysObjects,
    jose::SignatureVerifier,
    keys::{KeyRingObject, Signer},
    metrics::MetricsShards,
    ports::{Background, Bindings, Clock, Fault, KvStore, Randomness, RateLimiter, Timer},
    revocation::FeedObject,
};
use postern_core::throttle::Throttles;
use postern_oauth::{documents::ClientDocumentObjects, stored::store::ClientStore};

/// The ports of one request. They are cheap to clone; background work gets a clone.
pub trait Ports: Clone + 'static {
    /// Clock, timer, randomness and Unicode's normal forms.
    type Platform: Clock + Normalizer + Randomness + Timer;
    /// Signatures.
    type Crypto: SignatureVerifier<Error = Fault> + Signer;
    /// Where events go.
    type Log: EventSink;
    /// Workers KV.
    type Kv: KvStore;
    /// Users.
    type Identity: IdentityStore;
    /// Clients of the authorization server.
    type Clients: ClientStore;
    /// Account objects.
    type Accounts: Accounts;
    /// Our key ring.
    type KeyRing: KeyRingObject;
    /// Key sets of other issuers.
    type IssuerKeys: IssuerKeysObjects;
    /// Documents of clients.
    type ClientDocuments: ClientDocumentObjects;
    /// The revocation feed's object.
    type Feed: FeedObject;
    /// The platform's rate limits.
    type RateLimiter: RateLimiter;
    /// Throttle objects.
    type Throttles: Throttles;
    /// Services and queues of the user's own naming.
    type Bindings: Bindings;
    /// The audit log.
    type AuditLog: AuditLog;
    /// Metrics objects.
    type Metrics: MetricsShards;
    /// Work after the answer.
    type Background: Background;

    /// Clock, randomness and Unicode's normal forms.
    fn platform(&self) -> &Self::Platform;
    /// Signatures.
    fn crypto(&self) -> &Self::Crypto;
    /// Where events go.
    fn log(&self) -> &Self::Log;
    /// Workers KV.
    fn kv(&self) -> &Self::Kv;
    /// Users.
    fn identity(&self) -> &Self::Identity;
    /// Clients of the authorization server.
    fn clients(&self) -> &Self::Clients;
    /// Account objects.
    fn accounts(&self) -> &Self::Accounts;
    /// Our key ring.
    fn key_ring(&self) -> &Self::KeyRing;
    /// Key sets of other issuers.
    fn issuer_keys(&self) -> &Self::IssuerKeys;
    /// Documents of clients.
    fn client_documents(&self) -> &Self::ClientDocuments;
    /// The revocation feed's object.
    fn feed(&self) -> &Self::Feed;
    /// The platform's rate limits.
    fn rate_limiter(&self) -> &Self::RateLimiter;
    /// Throttle objects.
    fn throttles(&self) -> &Self::Throttles;
    /// Services and queues of the user's own naming.
    fn bindings(&self) -> &Self::Bindings;
    /// The audit log.
    fn audit_log(&self) -> &Self::AuditLog;
    /// Metrics objects.
    fn metrics(&self) -> &Self::Metrics;
    /// Work after the answer.
    fn background(&self) -> &Self::Background;
}
