//! Key sets: our own and other issuers', from memory, then KV, then their object.

use core::time::Duration;
use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use super::{ApiError, Caller, Ports, Service, isolate::TrustedIssuer};
use crate::{
    encoding::base64url,
    http::{Reply, RequestView},
    jose::{JwkSet, PublicJwkSet},
    json,
    jwks::{
        CachedSet, FetchFrom, IssuerKeysAnswer, IssuerKeysObjects as _, IssuerKeysRequest, IssuerSource,
        KeyLocation, Resolution, Snapshot, Tried, resolve,
    },
    keys::{KeyRingAnswer, KeyRingObject as _, KeyRingRequest},
    observe::metrics::Family,
    ports::{Background as _, Fault, KvStore as _, Part},
    revocation::{Kind, Mark},
    time::Timestamp,
};

/// The part of `client_cache` that the copy may be old from which we answer: 60 s of 660 s. The
/// rest, 600 s, is what clients may keep the set for. The ring lets no key sign that has been
/// published for less than both together.
const FRESHNESS_SHARE: u32 = 11;

/// Whose keys.
#[derive(Debug, Clone)]
pub(super) enum OwnOrExternal {
    Own,
    External(IssuerSource),
}

impl OwnOrExternal {
    /// The KV key of the set. A place that the configuration names is part of it: when it names
    /// another one, what was fetched from the former is not read any more.
    fn kv_key(&self, issuer: &str) -> String {
        match self {
            Self::External(IssuerSource { location: KeyLocation::JwksUri(uri), .. }) => {
                kv_key(&format!("{issuer} {uri}"))
            }
            Self::External(IssuerSource { location: KeyLocation::Discovery, .. }) | Self::Own => {
                kv_key(issuer)
            }
        }
    }
}

/// The KV key of what an issuer publishes where it says itself. Hashed: issuers are URLs of any
/// length, KV keys are short.
pub fn kv_key(issuer: &str) -> String {
    format!("jwks:{}", base64url(&Sha256::digest(issuer)))
}

/// Our own key set in the form of any issuer's, for KV and memory.
pub fn own_snapshot(
    issuer: &str,
    set: &crate::keys::PublicJwkSet,
    now: Timestamp,
) -> Result<Snapshot, Fault> {
    let document = json::write(set).map_err(|error| Fault::new(Part::KeyRing, error))?;
    Ok(Snapshot { issuer: issuer.to_owned(), document, fetched_at: now, version: now.millis() })
}

impl<P: Ports> Service<P> {
    /// The issuer's keys, fresh enough for a token that names `kid`.
    pub(super) async fn key_set(
        &self,
        issuer: &TrustedIssuer,
        kid: Option<&str>,
        now: Timestamp,
    ) -> Result<Rc<JwkSet>, Fault> {
        let name = issuer.policy.issuer.as_str();
        let mut tried = Tried::Memory;
        // Each turn goes one place further; there are three.
        for _ in 0..=3 {
            let memory = self.set_in_memory(name);
            let until = self.isolate.memory.unavailable_until.borrow().get(name).copied();
            let resolution = resolve(memory.as_deref(), kid, tried, until, &self.isolate.cache_policy, now);
            match (resolution, memory) {
                (Resolution::Use, Some(set)) => return Ok(set.keys()),
                (Resolution::UseAndRefresh, Some(set)) => {
                    self.refresh_in_background(issuer, set.fetched_at(), now);
                    return Ok(set.keys());
                }
                (Resolution::Fetch(FetchFrom::Kv), _) => {
                    self.read_kv(issuer).await;
                    tried = Tried::Kv;
                }
                (Resolution::Fetch(FetchFrom::Object { unknown_kid }), _) => {
                    self.ask_object(issuer, unknown_kid, now).await;
                    tried = Tried::Object;
                }
                (Resolution::Refuse | Resolution::Use | Resolution::UseAndRefresh, _) => break,
            }
        }
        Err(Fault::new(Part::IssuerKeys, format_args!("no key set of {name} can be had")))
    }

    /// Whether the issuer's set in memory is within its hard age and holds this very key. A set
    /// past its soft age is not enough: the way that may wait refreshes it.
    pub(super) fn key_is_current(&self, issuer: &str, thumbprint: &str, now: Timestamp) -> bool {
        self.set_in_memory(issuer).is_some_and(|set| {
            now.since(set.fetched_at()) < self.isolate.cache_policy.soft_age
                && set.keys().has_thumbprint(thumbprint)
        })
    }

    fn set_in_memory(&self, issuer: &str) -> Option<Rc<CachedSet>> {
        self.isolate.memory.key_sets.borrow().get(issuer).cloned()
    }

    fn take_in(&self, issuer: &TrustedIssuer, snapshot: &Snapshot) {
        let algorithms = &issuer.policy.algorithms;
        let issuer = issuer.policy.issuer.as_str();
        match CachedSet::from_snapshot(snapshot, issuer, algorithms) {
            Ok(set) => {
                let known = self.set_in_memory(issuer);
                if set.is_newer_than(known.as_deref()) {
                    self.keep(issuer, set.in_place_of(known.as_deref()));
                }
                self.isolate.memory.unavailable_until.borrow_mut().remove(issuer);
            }
            Err(failure) => {
                let fault = Fault::new(Part::IssuerKeys, format_args!("a stored key set: {failure}"));
                self.record_fault(&fault, &Caller::default());
            }
        }
    }

    fn keep(&self, issuer: &str, set: CachedSet) {
        self.isolate.memory.key_sets.borrow_mut().insert(issuer.to_owned(), Rc::new(set));
    }

    /// Takes the keys of ours that the feed lists out of the copy in memory: an emergency reaches
    /// the gate with the feed, and does not wait for the copy to grow old. What they signed names
    /// an unknown key then, about which the ring is asked; what the ring itself says stands, so
    /// that a collision in the feed costs a question and no key.
    pub(super) fn drop_listed_keys(&self) {
        let own = self.isolate.config.issuer.as_str();
        let now = self.now();
        let without = self.set_in_memory(own).and_then(|set| {
            set.without(|kid| self.isolate.memory.feed.lists(Mark::own(Kind::Key, kid), now))
        });
        if let Some(set) = without {
            self.keep(own, set);
        }
    }

    /// KV may fail or hold nothing: then the object is next.
    async fn read_kv(&self, issuer: &TrustedIssuer) {
        let name = issuer.policy.issuer.as_str();
        match self.ports.kv().read(&issuer.keys.kv_key(name)).await {
            Ok(Some(text)) => {
                if let Ok(snapshot) = json::read_known(&text) {
                    self.take_in(issuer, &snapshot);
                    // KV may have kept a set from before.
                    self.drop_listed_keys();
                }
            }
            Ok(None) => {}
            Err(fault) => self.record_fault(&fault, &Caller::default()),
        }
    }

    async fn ask_object(&self, issuer: &TrustedIssuer, unknown_kid: bool, now: Timestamp) {
        let name = issuer.policy.issuer.as_str();
        let asked = match &issuer.keys {
            OwnOrExternal::Own => self.ask_key_ring(now).await,
            OwnOrExternal::External(source) => {
                let kv_key = issuer.keys.kv_key(name);
                self.ask_issuer_keys(source, kv_key, unknown_kid, now).await
            }
        };
        match asked {
            Ok(Some(snapshot)) => self.take_in(issuer, &snapshot),
            Ok(None) => {}
            Err(fault) => self.record_fault(&fault, &Caller::default()),
        }
    }

    async fn ask_key_ring(&self, now: Timestamp) -> Result<Option<Snapshot>, Fault> {
        match self.ports.key_ring().ask(&KeyRingRequest::PublicSet {}).await? {
            KeyRingAnswer::PublicSet { set } => {
                own_snapshot(&self.isolate.config.issuer, &set, now).map(Some)
            }
            KeyRingAnswer::Unavailable { part } => Err(Fault::new(part, "the key ring is unavailable")),
            _ => Err(Fault::new(Part::KeyRing, "an answer of another kind than was asked for")),
        }
    }

    async fn ask_issuer_keys(
        &self,
        source: &IssuerSource,
        kv_key: String,
        unknown_kid: bool,
        now: Timestamp,
    ) -> Result<Option<Snapshot>, Fault> {
        let (source, policy) = (source.clone(), self.isolate.cache_policy.clone());
        let issuer = source.issuer.clone();
        let ask = if unknown_kid {
            IssuerKeysRequest::Refresh { source, policy, unknown_kid }
        } else {
            IssuerKeysRequest::Read { source, policy }
        };
        match self.ports.issuer_keys().ask(&issuer, &ask).await? {
            IssuerKeysAnswer::Keys { snapshot, fetched_now, failure } => {
                if fetched_now {
                    self.isolate.counters.add(Family::JwksFetches, &issuer, "success");
                }
                if let Some(failure) = failure {
                    self.isolate.counters.add(Family::JwksFetches, &issuer, "failure");
                    let fault = Fault::new(Part::Issuer, format_args!("{issuer}: {failure}"));
                    self.record_fault(&fault, &Caller::default());
                }
                if fetched_now {
                    self.write_kv_in_background(kv_key, snapshot.clone());
                }
                Ok(Some(snapshot))
            }
            IssuerKeysAnswer::Unavailable { cause, retry_after } => {
                self.isolate.counters.add(Family::JwksFetches, &issuer, "unavailable");
                let until = now.plus(Duration::from_secs(retry_after.into()));
                self.isolate.memory.unavailable_until.borrow_mut().insert(issuer.clone(), until);
                Err(Fault::new(Part::Issuer, format_args!("{issuer}: {cause:?}")))
            }
        }
    }

    /// After a change to our own ring that was ordered here: this isolate knows at once. The ring
    /// is asked and not KV, whose copy may be from before.
    pub(super) async fn renew_own_keys(&self) {
        self.isolate.memory.signing.forget();
        if let Some(issuer) = self.isolate.issuers.get(&self.isolate.config.issuer) {
            self.ask_object(issuer, false, self.now()).await;
        }
    }

    fn write_kv_in_background(&self, key: String, snapshot: Snapshot) {
        let service = self.clone();
        self.ports.background().spawn(async move {
            let Ok(text) = json::write(&snapshot) else { return };
            if let Err(fault) = service.ports.kv().write(&key, &text).await {
                service.record_fault(&fault, &Caller::default());
            }
        });
    }

    /// KV first; the object only if KV's copy is no newer.
    fn refresh_in_background(&self, issuer: &TrustedIssuer, known: Timestamp, now: Timestamp) {
        let (service, issuer) = (self.clone(), issuer.clone());
        self.ports.background().spawn(async move {
            let name = issuer.policy.issuer.as_str();
            service.read_kv(&issuer).await;
            let newer = service.set_in_memory(name).is_some_and(|set| {
                set.fetched_at() > known
                    && now.since(set.fetched_at()) < service.isolate.cache_policy.soft_age
            });
            if !newer {
                service.ask_object(&issuer, false, now).await;
            }
        });
    }

    /// `GET /.well-known/jwks.json`: our public keys (RFC 7517 section 5).
    pub(super) async fn jwks(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let now = self.now();
        let name = self.isolate.config.issuer.as_str();
        let client_cache = self.isolate.config.keys.client_cache;
        let freshness = client_cache / FRESHNESS_SHARE;
        let fresh = self.set_in_memory(name).filter(|set| now.since(set.fetched_at()) < freshness);
        let issuer = self
            .isolate
            .issuers
            .get(name)
            .ok_or_else(|| Fault::new(Part::KeyRing, "our own issuer is not among the trusted ones"))?;
        if fresh.is_none() {
            self.ask_object(issuer, false, now).await;
        }
        let keys = self.key_set(issuer, None, now).await?;
        let reply =
            Reply::json(200, &PublicJwkSet::from(&*keys)).cacheable(client_cache.saturating_sub(freshness));
        let digest = Sha256::digest(&reply.body);
        let etag = format!("\"{}\"", base64url(digest.get(..12).unwrap_or_default()));
        // RFC 9110 section 13.1.2, weak comparison: proxies may have weakened it.
        let unchanged = request.header("if-none-match").is_some_and(|known| {
            known
                .split(',')
                .map(|tag| tag.trim().trim_start_matches("W/"))
                .any(|tag| tag == etag || tag == "*")
        });
        let reply = reply.with_header("etag", &etag);
        Ok(if unchanged { Reply { status: 304, body: Vec::new(), ..reply } } else { reply })
    }
}
