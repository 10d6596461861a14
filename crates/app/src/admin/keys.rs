//! The signing keys, for administrators.

use core::time::Duration;

use serde_json::Value;

use crate::{
    access::{key_sets::KeySets, revocation_cache::RevocationCache},
    admin::{
        request::{AdminRequest, object},
        revoking::{RevocationRefused, Revoking},
    },
    http::{Problem, Reply},
    isolate::Isolate,
    jose::SignatureAlgorithm,
    keys::{
        KeyRingObject as _, Kid, RingOverview, RotationOrder, SIGNING_ALGORITHMS,
        messages::{KeyState, KeySummary, RetiredCause},
    },
    ports::Clock as _,
    revocation::Target,
    runtime::{Runtime, events::Events, ports::Ports},
    time::Timestamp,
    web::{body::BodyError, error::ApiError},
};

/// What the calls of `/admin/keys` need.
pub(crate) struct AdminKeys<'r, P: Ports> {
    isolate: &'r Isolate,
    key_ring: &'r P::KeyRing,
    platform: &'r P::Platform,
    key_sets: KeySets<'r, P>,
    revocation_cache: RevocationCache<'r, P>,
    revoking: Revoking<'r, P>,
    events: Events<'r, P>,
}

impl<'r, P: Ports> AdminKeys<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            key_ring: runtime.ports.key_ring(),
            platform: runtime.ports.platform(),
            key_sets: KeySets::of(runtime),
            revocation_cache: RevocationCache::of(runtime),
            revoking: Revoking::of(runtime),
            events: Events::of(runtime),
        }
    }

    /// `GET /admin/keys`: all keys of the key ring, including the retired ones of the last 90 days.
    pub(crate) async fn list(&self) -> Result<Reply, ApiError> {
        let RingOverview { keys, rotate_at } = self.key_ring.overview().await?;
        let keys = keys.iter().map(row).collect();
        let rotate_at = rotate_at.map_or(Value::Null, seconds);
        Ok(Reply::json(200, &object([("keys", Value::Array(keys)), ("rotate_at", rotate_at)])))
    }

    /// `POST /admin/keys/rotate`.
    ///
    /// 200 if another key signs now; 202 with the time if it will; 409 `key_too_young` if some clients may not have the
    /// next key yet.
    pub(crate) async fn rotate(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        let body = &asked.body;
        let force = body.optional_flag("force")?.unwrap_or(false);
        let algorithm = match body.optional_text("algorithm")? {
            None => None,
            Some(name) => Some(algorithm_of(name).ok_or(BodyError::InvalidMember("algorithm"))?),
        };
        match self.key_ring.rotate(force, algorithm).await? {
            RotationOrder::Rotated { kid, former } => {
                self.key_sets.renew_own_keys().await;
                let members =
                    [("status", "rotated".into()), ("kid", text(kid)), ("former_kid", text(former))];
                Ok(Reply::json(200, &object(members)))
            }
            RotationOrder::Scheduled { kid, at } => {
                let members = [("status", "scheduled".into()), ("kid", text(kid)), ("at", promised(at))];
                Ok(Reply::json(202, &object(members)))
            }
            RotationOrder::TooYoung { ready_at } => {
                let wait = ready_at.since(self.platform.now());
                Ok(Problem::new(409, "key_too_young", "Clients may not have the next key yet")
                    .with_retry_after(u32::try_from(wait.as_secs().saturating_add(1)).unwrap_or(u32::MAX))
                    .into())
            }
        }
    }

    /// `POST /admin/keys/{kid}/revoke`.
    pub(crate) async fn revoke(&self, asked: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        self.revoke_key(asked, asked.parameter(0)).await
    }

    /// The key no longer signs and is no longer in the key set. The answer says when each kind of verifier will refuse
    /// its tokens.
    pub(crate) async fn revoke_key(&self, asked: &AdminRequest<'_>, kid: &str) -> Result<Reply, ApiError> {
        let unknown = || Problem::new(404, "unknown_key", "The key ring has no key with this id");
        let Ok(kid) = kid.parse::<Kid>() else { return Ok(unknown().into()) };
        let Some(active) = self.key_ring.revoke_key(kid).await? else { return Ok(unknown().into()) };
        self.key_sets.renew_own_keys().await;
        let told = Target::Key { kid: kid.to_string() };
        let in_feed = match self.revoking.revoke_target(&told, asked.caller.setting()).await {
            Ok(_) => true,
            // What is done is done, and the copies of the key set grow old all the same.
            Err(RevocationRefused::Fault(fault)) => {
                self.events.record_fault(&fault, &asked.caller);
                false
            }
            Err(_) => false,
        };
        Ok(Reply::json(200, &self.revocation(kid, active, in_feed)))
    }

    fn revocation(&self, kid: Kid, active: Kid, in_feed: bool) -> Value {
        let now = self.platform.now();
        let config = &self.isolate.config;
        // Signers ask the ring this often; the gate's copy of the set is used until its soft age,
        // and one more request is judged by it while it is renewed.
        let signers = now.plus(self.isolate.ring_policy.signer_cache);
        let gate = now.plus(config.jwks.soft_age);
        let clients = now.plus(config.keys.client_cache);
        let by_feed =
            if in_feed { promised(now.plus(self.revocation_cache.feed_delay())) } else { Value::Null };
        object([
            ("status", "revoked".into()),
            ("kid", text(kid)),
            ("active_kid", text(active)),
            ("no_longer_signs_at", promised(signers)),
            ("refused_by_the_feed_at", by_feed),
            ("refused_at_the_gate_at", promised(gate)),
            ("refused_by_caching_clients_at", promised(clients)),
        ])
    }
}

fn algorithm_of(name: &str) -> Option<SignatureAlgorithm> {
    SIGNING_ALGORITHMS.into_iter().find(|algorithm| algorithm.name() == name)
}

fn row(key: &KeySummary) -> Value {
    let (state, since, until, cause) = match key.state {
        KeyState::Published { since } => ("published", seconds(since), Value::Null, Value::Null),
        KeyState::Active { since } => ("active", seconds(since), Value::Null, Value::Null),
        KeyState::Retiring { until } => ("retiring", Value::Null, seconds(until), Value::Null),
        KeyState::Retired { since, cause } => {
            let cause = match cause {
                RetiredCause::Expired => "expired",
                RetiredCause::Revoked => "revoked",
                RetiredCause::Unused => "unused",
            };
            ("retired", seconds(since), Value::Null, cause.into())
        }
    };
    object([
        ("kid", text(key.kid)),
        ("alg", key.alg.name().into()),
        ("state", state.into()),
        ("since", since),
        ("until", until),
        ("cause", cause),
        ("master_id", key.master.map_or(Value::Null, Value::from)),
    ])
}

fn text(kid: Kid) -> Value {
    Value::String(kid.to_string())
}

fn seconds(at: Timestamp) -> Value {
    at.seconds().into()
}

/// Rounded up, so that the promise is true at the beginning of the second.
pub(crate) fn promised(at: Timestamp) -> Value {
    at.plus(Duration::from_millis(999)).seconds().into()
}
