//! All that the service needs from outside, in one place.

use crate::{
    account::Accounts,
    identity::{IdentityStore, Normalizer},
    jose::SignatureVerifier,
    jwks::IssuerKeysObjects,
    keys::{KeyRingObject, Signer},
    observe::{AuditLog, EventSink},
    ports::{Background, Clock, KvStore, Randomness},
    revocation::FeedObject,
};

/// The ports of one request. Cheap to clone: background work takes a clone with it.
pub trait Ports: Clone + 'static {
    /// Clock, randomness and Unicode's normal forms.
    type Platform: Clock + Normalizer + Randomness;
    /// Signatures.
    type Crypto: SignatureVerifier + Signer;
    /// Where events go.
    type Log: EventSink;
    /// Workers KV.
    type Kv: KvStore;
    /// Users.
    type Identity: IdentityStore;
    /// Account objects.
    type Accounts: Accounts;
    /// Our key ring.
    type KeyRing: KeyRingObject;
    /// Key sets of other issuers.
    type IssuerKeys: IssuerKeysObjects;
    /// The revocation feed's object.
    type Feed: FeedObject;
    /// The audit log.
    type AuditLog: AuditLog;
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
    /// Account objects.
    fn accounts(&self) -> &Self::Accounts;
    /// Our key ring.
    fn key_ring(&self) -> &Self::KeyRing;
    /// Key sets of other issuers.
    fn issuer_keys(&self) -> &Self::IssuerKeys;
    /// The revocation feed's object.
    fn feed(&self) -> &Self::Feed;
    /// The audit log.
    fn audit_log(&self) -> &Self::AuditLog;
    /// Work after the answer.
    fn background(&self) -> &Self::Background;
}
