//! What the `KeyRing` Durable Object does, over its ports.
//!
//! Generating a key is asynchronous, and other requests may come in meanwhile. So nothing is
//! decided before it and written after it: a fresh key goes into a stock, the stored ring is
//! read again, and reading, deciding and writing is one synchronous block. Two racing first
//! requests end with one ring; the loser's keys are dropped unused.

use super::{
    KeyRingAnswer, KeyRingRequest, RingPolicy, Signer, WrappedKey,
    ring::{KeyRing, Revocation, RingKey, Rotation, Step},
};
use crate::{
    ports::{Component, Fault, Randomness, Records},
    secrets::Masters,
};
use postern_jose::{PublicJwkSet, SignatureAlgorithm, json, time::Timestamp};

use core::time::Duration;

/// Kind and id of the one record: the whole [`KeyRing`] as JSON.
pub const RECORD_KIND: &str = "key_ring";
/// See [`RECORD_KIND`].
pub const RECORD_ID: &str = "ring";

/// How often a decision is made again with fresh keys before the object gives up: founding needs
/// two keys, a change of algorithm one, and an operator may change his mind between.
const ATTEMPTS: usize = 6;

/// When the alarm could not do its work it comes again after a minute.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// How late an alarm may be before a request takes it for lost and sets it again.
const ALARM_GRACE: Duration = Duration::from_mins(2);

/// What the ring needs besides its records.
#[derive(Debug)]
pub struct RingPorts<'a, S, N> {
    /// Generates keys.
    pub signer: &'a S,
    /// For nonces.
    pub randomness: &'a N,
    /// For wrapping.
    pub masters: &'a Masters,
    /// The calendar.
    pub policy: &'a RingPolicy,
}

/// What came of a request or an alarm, for the edge to carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRingReply {
    /// The answer to the Worker (an alarm's is dropped).
    pub answer: KeyRingAnswer,
    /// Set the object's alarm to this time.
    pub alarm: Option<Timestamp>,
    /// Write this key set to KV.
    pub publish: Option<PublicJwkSet>,
    /// What happened to keys, for the audit trail.
    pub steps: Vec<Step>,
    /// Why the answer is `Unavailable`, for the log.
    pub fault: Option<Fault>,
}

/// The ring behind its requests.
#[derive(Debug)]
pub struct Ring<R> {
    records: R,
}

enum Wish<'a> {
    Request(&'a KeyRingRequest),
    Alarm,
    /// An alarm whose key could not be generated: the rest of the calendar still moves on.
    AlarmWithoutKeys,
}

enum Decision {
    Done(Box<KeyRingReply>),
    Generate(SignatureAlgorithm),
}

impl<R: Records> Ring<R> {
    /// Over the object's own storage.
    pub const fn new(records: R) -> Self {
        Self { records }
    }

    /// Answers a request. A fault of a port answers `Unavailable` and changes nothing.
    pub async fn serve<S: Signer, N: Randomness>(
        &self,
        request: &KeyRingRequest,
        now: Timestamp,
        ports: &RingPorts<'_, S, N>,
    ) -> KeyRingReply {
        self.fulfil(&Wish::Request(request), now, ports).await.unwrap_or_else(|fault| KeyRingReply {
            answer: KeyRingAnswer::Unavailable { part: fault.part },
            alarm: None,
            publish: None,
            steps: Vec::new(),
            fault: Some(fault),
        })
    }

    /// Does what the calendar asks for. Safe to call at any time and any number of times.
    pub async fn alarm<S: Signer, N: Randomness>(
        &self,
        now: Timestamp,
        ports: &RingPorts<'_, S, N>,
    ) -> KeyRingReply {
        let fault = match self.fulfil(&Wish::Alarm, now, ports).await {
            Ok(served) => return served,
            Err(fault) => fault,
        };
        let alarm = Some(now.plus(RETRY_AFTER));
        match self.fulfil(&Wish::AlarmWithoutKeys, now, ports).await {
            Ok(served) => KeyRingReply { alarm, fault: Some(fault), ..served },
            Err(_) => KeyRingReply {
                answer: KeyRingAnswer::Unavailable { part: fault.part },
                alarm,
                publish: None,
                steps: Vec::new(),
                fault: Some(fault),
            },
        }
    }

    async fn fulfil<S: Signer, N: Randomness>(
        &self,
        wish: &Wish<'_>,
        now: Timestamp,
        ports: &RingPorts<'_, S, N>,
    ) -> Result<KeyRingReply, Fault> {
        let mut stock = Vec::new();
        for _ in 0..ATTEMPTS {
            match self.decide(wish, now, ports, &mut stock)? {
                Decision::Done(served) => return Ok(*served),
                Decision::Generate(algorithm) => stock.push(fresh(algorithm, ports).await?),
            }
        }
        Err(Fault::new(Component::KeyRing, "the key ring changed too often while keys were generated"))
    }

    /// One synchronous block: read, decide, write. Takes keys out of the stock only.
    fn decide<S, N: Randomness>(
        &self,
        wish: &Wish<'_>,
        now: Timestamp,
        ports: &RingPorts<'_, S, N>,
        stock: &mut Vec<RingKey>,
    ) -> Result<Decision, Fault> {
        let policy = ports.policy;
        let stored = self.read()?;
        let mut steps = Vec::new();
        let mut ring = if let Some(ring) = &stored {
            ring.clone()
        } else {
            if stock.iter().filter(|key| key.public.algorithm() == policy.algorithm).count() < 2 {
                return Ok(Decision::Generate(policy.algorithm));
            }
            let (Some(active), Some(published)) =
                (take(stock, policy.algorithm), take(stock, policy.algorithm))
            else {
                return Ok(Decision::Generate(policy.algorithm));
            };
            steps.push(Step::Founded { kid: active.public.thumbprint() });
            KeyRing::found(active, published, now, policy)
        };
        ring.rewrap(ports.masters, ports.randomness, &mut steps)?;
        steps.extend(ring.tick(now, policy).steps);
        restock(&mut ring, stock, now, &mut steps);
        if ring.is_lost(ports.masters) {
            // Its private half is lost with its master secret, so nothing is given up by taking
            // the next key; what it signed goes on verifying. Without this, no administrator could
            // sign in to order the rotation.
            let rotate = KeyRingRequest::Rotate { force: true, algorithm: None };
            if let Err(NeedsKey(algorithm)) =
                fulfil_request(&mut ring, &rotate, now, ports, stock, &mut steps)
            {
                return Ok(Decision::Generate(algorithm));
            }
        }

        let answer = match wish {
            Wish::Alarm if ring.wanted().is_some() => return Ok(generate(&ring)),
            Wish::Alarm | Wish::AlarmWithoutKeys => KeyRingAnswer::PublicSet { set: ring.public_set() },
            Wish::Request(request) => {
                match fulfil_request(&mut ring, request, now, ports, stock, &mut steps) {
                    Ok(answer) => answer,
                    Err(NeedsKey(algorithm)) => return Ok(Decision::Generate(algorithm)),
                }
            }
        };

        let plan = ring.tick(now, policy);
        steps.extend(plan.steps);
        // A key that is wanted is made by the alarm, not while a sign-in waits for it.
        let alarm = if plan.generate.is_some() { now } else { plan.alarm };
        let changed = stored.as_ref() != Some(&ring);
        let lost = ring.alarm_at().plus(ALARM_GRACE) < now;
        let woken = !matches!(wish, Wish::Request(_));
        let arm = changed || lost || woken;
        if arm {
            ring.set_alarm_at(alarm);
            self.write(&ring)?;
        }
        let publish = (changed || woken).then(|| ring.public_set());
        let alarm = arm.then_some(alarm);
        Ok(Decision::Done(Box::new(KeyRingReply { answer, alarm, publish, steps, fault: None })))
    }

    fn read(&self) -> Result<Option<KeyRing>, Fault> {
        let Some(record) = self.records.read(RECORD_KIND, RECORD_ID)? else { return Ok(None) };
        // A record that cannot be read is never taken for an absent one: that would found a
        // second ring, and every token of the first would die.
        json::read(&record).map(Some).map_err(|error| Fault::new(Component::Storage, error))
    }

    fn write(&self, ring: &KeyRing) -> Result<(), Fault> {
        let record =
            postern_jose::json::write(ring).map_err(|error| Fault::new(Component::Storage, error))?;
        self.records.write(RECORD_KIND, RECORD_ID, &record)
    }
}

struct NeedsKey(SignatureAlgorithm);

fn fulfil_request<S, N>(
    ring: &mut KeyRing,
    request: &KeyRingRequest,
    now: Timestamp,
    ports: &RingPorts<'_, S, N>,
    stock: &mut Vec<RingKey>,
    steps: &mut Vec<Step>,
) -> Result<KeyRingAnswer, NeedsKey> {
    let policy = ports.policy;
    Ok(match request {
        KeyRingRequest::Signing {} => KeyRingAnswer::Signing {
            key: ring.active().wrapped.clone(),
            refresh_after: now.plus(policy.signer_cache),
        },
        KeyRingRequest::PublicSet {} => KeyRingAnswer::PublicSet { set: ring.public_set() },
        KeyRingRequest::Overview {} => {
            KeyRingAnswer::Overview { keys: ring.overview(), rotate_at: ring.rotate_at() }
        }
        KeyRingRequest::Rotate { force, algorithm } => {
            ring.discard_sealed_standby(ports.masters, now, steps);
            let mut outcome = ring.rotate(*force, *algorithm, now, policy, steps);
            if let Rotation::NeedsKey(algorithm) = outcome {
                restock(ring, stock, now, steps);
                outcome = ring.rotate(*force, Some(algorithm), now, policy, steps);
            }
            match outcome {
                Rotation::Promoted { kid, former } => KeyRingAnswer::Rotated { kid, former },
                Rotation::Scheduled { kid, at } => KeyRingAnswer::RotationScheduled { kid, at },
                Rotation::TooYoung { kid, ready_at } => KeyRingAnswer::RotationRefused { kid, ready_at },
                Rotation::NeedsKey(algorithm) => return Err(NeedsKey(algorithm)),
            }
        }
        KeyRingRequest::RevokeKey { kid } => {
            ring.discard_sealed_standby(ports.masters, now, steps);
            restock(ring, stock, now, steps);
            match ring.revoke(*kid, now, policy, steps) {
                Revocation::Revoked { active } => KeyRingAnswer::KeyRevoked { kid: *kid, active },
                Revocation::Unknown => KeyRingAnswer::UnknownKey { kid: *kid },
                Revocation::NeedsKey(algorithm) => return Err(NeedsKey(algorithm)),
            }
        }
    })
}

fn restock(ring: &mut KeyRing, stock: &mut Vec<RingKey>, now: Timestamp, steps: &mut Vec<Step>) {
    if let Some(key) = ring.wanted().and_then(|algorithm| take(stock, algorithm)) {
        steps.extend(ring.publish(key, now));
    }
}

fn take(stock: &mut Vec<RingKey>, algorithm: SignatureAlgorithm) -> Option<RingKey> {
    let place = stock.iter().position(|key| key.public.algorithm() == algorithm)?;
    Some(stock.remove(place))
}

fn generate(ring: &KeyRing) -> Decision {
    Decision::Generate(ring.wanted().unwrap_or(SignatureAlgorithm::Es256))
}

async fn fresh<S: Signer, N: Randomness>(
    algorithm: SignatureAlgorithm,
    ports: &RingPorts<'_, S, N>,
) -> Result<RingKey, Fault> {
    let generated = ports.signer.generate(algorithm).await?;
    let kid = generated.public.thumbprint();
    let wrapped =
        WrappedKey::seal(kid, algorithm, &generated.pkcs8, ports.masters.current(), ports.randomness)?;
    Ok(RingKey { public: generated.public, wrapped })
}
