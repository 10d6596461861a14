//! Key sets of the deployment and of other issuers, from memory, then from KV, then from their Durable Object.

use core::{fmt, time::Duration};
use std::rc::Rc;

use crate::{
    events::{EventContext, EventKind},
    isolate::issuers::{OwnOrExternal, TrustedIssuer, kv_key},
    issuer_keys::{IssuerKeySet, IssuerKeysObjects as _, NoKeySet},
    jose::{JwkSet, Thumbprint, UnverifiedToken, VerifiedJws, VerifyError, verify},
    json,
    jwks::{CachedSet, FetchFrom, IssuerSource, Resolution, Snapshot, Tried, resolve},
    jwt::TokenError,
    keys::KeyRingObject as _,
    metrics::MetricFamily,
    ports::{Background as _, Component, Fault, KvStore as _},
    revocation::{Kind, RevocationKey},
    runtime::{Runtime, events::Events, ports::Ports},
    time::Timestamp,
    web::caller::Caller,
};

/// How long an isolate without the deployment's keys waits after a failure of the key ring.
const RING_PAUSE: Duration = Duration::from_secs(2);

/// Converts the deployment's key set to the stored form of any issuer's key set.
pub fn own_snapshot(
    issuer: &str,
    set: &crate::jose::PublicJwkSet,
    now: Timestamp,
) -> Result<Snapshot, Fault> {
    let document = json::write(set).map_err(|error| Fault::new(Component::KeyRing, error))?;
    Ok(Snapshot {
        issuer: issuer.to_owned(),
        document,
        fetched_at: now,
        version: now.millis(),
        left_out: Vec::new(),
    })
}

/// Whether another key of the issuer could verify a token that was refused for this cause. The `kid` of the
/// deployment's keys is a hash of the key, so there is no other key with the same `kid`.
fn may_be_of_a_new_key(cause: &TokenError, issuer: &TrustedIssuer, known_kid: bool) -> bool {
    let by_keys = matches!(
        cause,
        TokenError::UnknownKey
            | TokenError::AmbiguousKey
            | TokenError::AlgorithmMismatch
            | TokenError::WrongSignatureLength { .. }
            | TokenError::BadSignature
    );
    // About an unknown `kid` was asked already.
    by_keys && known_kid && matches!(issuer.keys, OwnOrExternal::External(_))
}

/// Finds key sets of issuers in memory, in KV and at their Durable Object.
pub(crate) struct KeySets<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> KeySets<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Verifies the token with the keys of its issuer.
    ///
    /// If the known keys do not verify a token, its issuer may have replaced a key under the same `kid`, or the token
    /// has no `kid`. Then the newest set is requested as for an unknown `kid`: with one answer per cooldown in an isolate,
    /// and with one fetch per cooldown in the whole deployment. If that set has other keys for the token, they decide.
    pub(crate) async fn verified_by_keys(
        &self,
        token: &UnverifiedToken<'_>,
        issuer: &TrustedIssuer,
        now: Timestamp,
    ) -> Result<VerifiedJws, VerifyError<Fault>> {
        let (kid, algorithm) = (token.kid(), token.algorithm());
        let known_kid = |keys: &JwkSet| kid.is_none_or(|kid| keys.has_kid(kid));
        let keys = self.key_set(issuer, known_kid, now).await.map_err(VerifyError::Fault)?;
        let done = verify(token, &keys, self.0.ports.crypto()).await;
        let Err(VerifyError::Refused(cause)) = &done else { return done };
        if !may_be_of_a_new_key(cause, issuer, known_kid(&keys)) {
            return done;
        }
        let decides_anew = |newer: &JwkSet| {
            newer.fitting(kid, algorithm).next().is_some()
                && !newer.fitting(kid, algorithm).eq(keys.fitting(kid, algorithm))
        };
        match self.key_set(issuer, decides_anew, now).await {
            Ok(newer) if decides_anew(&newer) => verify(token, &newer, self.0.ports.crypto()).await,
            // The set at hand was good enough to refuse by.
            _ => done,
        }
    }

    /// The issuer's keys, if a fresh set is available, from a source that satisfies `is_enough` if there is one.
    pub(crate) async fn key_set(
        &self,
        issuer: &TrustedIssuer,
        is_enough: impl Fn(&JwkSet) -> bool,
        now: Timestamp,
    ) -> Result<Rc<JwkSet>, Fault> {
        let name = issuer.policy.issuer.as_str();
        let mut tried = Tried::Memory;
        let mut in_kv = None;
        // Each turn goes one place further; there are three.
        for _ in 0..=3 {
            let memory = self.set_in_memory(name);
            let until = self.0.isolate.memory.unavailable_until.borrow().get(name).copied();
            let policy = &self.0.isolate.cache_policy;
            match (resolve(memory.as_deref(), &is_enough, tried, until, policy, now), memory) {
                (Resolution::Use, Some(set)) => return Ok(set.keys()),
                (Resolution::UseAndRefresh, Some(set)) => {
                    self.refresh_in_background(issuer, set.fetched_at(), now);
                    return Ok(set.keys());
                }
                (Resolution::Fetch(FetchFrom::Kv), _) => {
                    in_kv = self.read_kv(issuer, now).await;
                    tried = Tried::Kv;
                }
                (Resolution::Fetch(FetchFrom::Object { unknown_kid }), _) => {
                    self.ask_object(issuer, unknown_kid, in_kv.as_ref(), now).await;
                    tried = Tried::Object;
                }
                (Resolution::Refuse | Resolution::Use | Resolution::UseAndRefresh, _) => break,
            }
        }
        Err(Fault::new(Component::IssuerKeys, format_args!("no usable key set of {name} is available")))
    }

    /// Whether the issuer's set in memory is fresh and contains this key. A set past its soft age is not fresh: the
    /// path that can wait refreshes it.
    pub(crate) fn key_is_current(&self, issuer: &str, thumbprint: Thumbprint, now: Timestamp) -> bool {
        self.fresh_set(issuer, now).is_some_and(|set| set.keys().has_thumbprint(thumbprint))
    }

    /// The issuer's set in memory, unless it is past its soft age.
    pub(crate) fn fresh_set(&self, issuer: &str, now: Timestamp) -> Option<Rc<CachedSet>> {
        let soft_age = self.0.isolate.cache_policy.soft_age;
        self.set_in_memory(issuer).filter(|set| now.since(set.fetched_at()) < soft_age)
    }

    /// Whether a signature that is bad under a key of the set in memory is a reason to ask for a newer set, as
    /// [`Self::verified_by_keys`] does.
    pub(crate) fn may_have_replaced_key(&self, issuer: &TrustedIssuer, now: Timestamp) -> bool {
        may_be_of_a_new_key(&TokenError::BadSignature, issuer, true)
            && self
                .set_in_memory(&issuer.policy.issuer)
                .is_none_or(|set| set.may_ask_for_unknown(&self.0.isolate.cache_policy, now))
    }

    pub(crate) fn set_in_memory(&self, issuer: &str) -> Option<Rc<CachedSet>> {
        self.0.isolate.memory.key_sets.borrow().get(issuer).cloned()
    }

    fn take_in(&self, issuer: &TrustedIssuer, snapshot: &Snapshot, now: Timestamp) {
        let (name, algorithms) = (issuer.policy.issuer.as_str(), &issuer.policy.algorithms);
        match CachedSet::from_snapshot(snapshot, name, algorithms) {
            Ok(set) => {
                let known = self.set_in_memory(name);
                if set.is_newer_than(known.as_deref(), now) {
                    self.keep(name, set.in_place_of(known.as_deref()));
                }
                self.0.isolate.memory.unavailable_until.borrow_mut().remove(name);
            }
            Err(failure) => {
                let fault = Fault::new(
                    Component::IssuerKeys,
                    format_args!("the stored key set of {name} cannot be used: {failure}"),
                );
                Events::of(self.0).record_fault(&fault, &Caller::default());
            }
        }
    }

    fn keep(&self, issuer: &str, set: CachedSet) {
        self.0.isolate.memory.key_sets.borrow_mut().insert(issuer.to_owned(), Rc::new(set));
    }

    /// Takes the keys of ours that the feed lists out of the copy in memory: an emergency reaches
    /// the gate with the feed, and does not wait for the copy to grow old. What they signed names
    /// an unknown key then, about which the ring is asked; what the ring itself says stands, so
    /// that a collision in the feed costs a question and no key.
    pub(crate) fn drop_listed_keys(&self) {
        let own = self.0.isolate.config.issuer.as_str();
        let now = self.0.now();
        let without = self.set_in_memory(own).and_then(|set| {
            set.without(|kid| self.0.isolate.memory.feed.lists(RevocationKey::own(Kind::Key, kid), now))
        });
        if let Some(set) = without {
            self.keep(own, set);
        }
    }

    /// Reads the set from KV. If KV fails, has no set, or has one with a time in the future, the Durable Object is
    /// next.
    async fn read_kv(&self, issuer: &TrustedIssuer, now: Timestamp) -> Option<Snapshot> {
        let name = issuer.policy.issuer.as_str();
        let text = match self.0.ports.kv().read(&issuer.keys.kv_key(name)).await {
            Ok(text) => text?,
            Err(fault) => {
                Events::of(self.0).record_fault(&fault, &Caller::default());
                return None;
            }
        };
        let snapshot: Snapshot = json::read_known(&text).ok()?;
        if snapshot.fetched_at.is_far_ahead_of(now) {
            return None;
        }
        self.take_in(issuer, &snapshot, now);
        // KV may have kept a set from before.
        self.drop_listed_keys();
        Some(snapshot)
    }

    /// `in_kv` is the set that KV had.
    pub(crate) async fn ask_object(
        &self,
        issuer: &TrustedIssuer,
        unknown_kid: bool,
        in_kv: Option<&Snapshot>,
        now: Timestamp,
    ) {
        let asked = match &issuer.keys {
            OwnOrExternal::Own => self.ask_key_ring(now).await,
            OwnOrExternal::External(source) => self.ask_issuer_keys(source, unknown_kid, in_kv, now).await,
        };
        match asked {
            Ok(snapshot) => self.take_in(issuer, &snapshot, now),
            Err(fault) => {
                if let OwnOrExternal::Own = issuer.keys {
                    // Any token of our name brings the question, and there is one ring. Other
                    // issuers' objects say themselves when they want to be asked again.
                    let until = now.plus(RING_PAUSE);
                    let name = issuer.policy.issuer.clone();
                    self.0.isolate.memory.unavailable_until.borrow_mut().insert(name, until);
                }
                Events::of(self.0).record_fault(&fault, &Caller::default());
            }
        }
    }

    async fn ask_key_ring(&self, now: Timestamp) -> Result<Snapshot, Fault> {
        own_snapshot(&self.0.isolate.config.issuer, &self.0.ports.key_ring().public_set().await?, now)
    }

    async fn ask_issuer_keys(
        &self,
        source: &IssuerSource,
        unknown_kid: bool,
        in_kv: Option<&Snapshot>,
        now: Timestamp,
    ) -> Result<Snapshot, Fault> {
        let place = source.place();
        let (source, policy) = (source.clone(), self.0.isolate.cache_policy.clone());
        let issuer = source.issuer.clone();
        let objects = self.0.ports.issuer_keys();
        let answer = if unknown_kid {
            objects.refresh_for_unknown_kid(source, policy).await
        } else {
            objects.read(source, policy).await
        };
        // Notes when the fetch failed, for the administrators, and says why.
        let failed = |cause: &dyn fmt::Display, why: &str| {
            self.0.isolate.memory.fetch_failed_at.borrow_mut().insert(issuer.clone(), now);
            let colon = if why.is_empty() { "" } else { ": " };
            Fault::new(Component::Issuer, format_args!("{issuer}: {cause}{colon}{why}"))
        };
        match answer {
            Ok(IssuerKeySet { mut snapshot, fetched_now, changed, failure, why }) => {
                if fetched_now {
                    self.0.isolate.counters.add(MetricFamily::JwksFetches, &issuer, "success");
                }
                if let Some(failure) = failure {
                    self.0.isolate.counters.add(MetricFamily::JwksFetches, &issuer, "failure");
                    Events::of(self.0).record_fault(&failed(&failure, &why), &Caller::default());
                }
                // The object's clock may be ahead of this one, and what it says is the newest there is.
                snapshot.fetched_at = snapshot.fetched_at.min(now);
                if changed {
                    self.record_change(&snapshot, now);
                }
                if fetched_now && !self.is_in_kv(in_kv, &snapshot, now) {
                    self.write_kv_in_background(kv_key(&place), snapshot.clone());
                }
                Ok(snapshot)
            }
            Err(NoKeySet::Fault(fault)) => Err(fault),
            Err(NoKeySet::Unavailable { cause, why, retry_after }) => {
                self.0.isolate.counters.add(MetricFamily::JwksFetches, &issuer, "unavailable");
                let until = now.plus(Duration::from_secs(retry_after.into()));
                self.0.isolate.memory.unavailable_until.borrow_mut().insert(issuer.clone(), until);
                Err(failed(&cause, &why))
            }
        }
    }

    /// Whether the set in KV need not be written again: it has the same keys and is not nearly too old.
    fn is_in_kv(&self, in_kv: Option<&Snapshot>, fetched: &Snapshot, now: Timestamp) -> bool {
        in_kv.is_some_and(|known| {
            known.document == fetched.document
                && known.left_out == fetched.left_out
                && now.since(known.fetched_at) < self.0.isolate.cache_policy.rewrite_after()
        })
    }

    /// Records that an issuer's keys have changed, and which keys of its set cannot be used.
    fn record_change(&self, snapshot: &Snapshot, now: Timestamp) {
        let keys = snapshot.keys(&[]).map_or(0, |set| set.keys().len());
        let happening = EventKind::IssuerKeysChanged {
            issuer: snapshot.issuer.clone(),
            keys: u64::try_from(keys).unwrap_or(u64::MAX),
            left_out: snapshot.left_out.clone(),
        };
        Events::of(self.0).record(now, happening, EventContext::default());
    }

    /// Updates this isolate at once after a change of the key ring that it ordered. It calls the key ring, because KV's
    /// copy may be older than the change.
    pub(crate) async fn renew_own_keys(&self) {
        self.0.isolate.memory.signing.forget();
        if let Some(issuer) = self.0.isolate.issuers.get(&self.0.isolate.config.issuer) {
            self.ask_object(issuer, false, None, self.0.now()).await;
        }
    }

    fn write_kv_in_background(&self, key: String, snapshot: Snapshot) {
        let runtime = self.0.clone();
        self.0.ports.background().spawn(async move {
            let Ok(text) = json::write(&snapshot) else { return };
            if let Err(fault) = runtime.ports.kv().write(&key, &text).await {
                Events::of(&runtime).record_fault(&fault, &Caller::default());
            }
        });
    }

    /// Reads KV first, and calls the Durable Object only if KV's copy is not newer.
    fn refresh_in_background(&self, issuer: &TrustedIssuer, known: Timestamp, now: Timestamp) {
        let (runtime, issuer) = (self.0.clone(), issuer.clone());
        self.0.ports.background().spawn(async move {
            let name = issuer.policy.issuer.as_str();
            let in_kv = KeySets::of(&runtime).read_kv(&issuer, now).await;
            let newer = KeySets::of(&runtime).set_in_memory(name).is_some_and(|set| {
                set.fetched_at() > known
                    && now.since(set.fetched_at()) < runtime.isolate.cache_policy.soft_age
            });
            if !newer {
                KeySets::of(&runtime).ask_object(&issuer, false, in_kv.as_ref(), now).await;
            }
        });
    }
}
