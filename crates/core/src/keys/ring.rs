//! The life cycle of signing keys: pure, no I/O, no clock.
//!
//! The ring is one value and one stored record, so that a crash leaves either the ring before
//! a step or the ring after it. That exactly one key is active is a matter of type.
//!
//! There is always a published key waiting, not only on the last day: when the active key has
//! to be revoked, every client knows its successor already.

mod outcome;
mod version;

use serde::{Deserialize, Serialize};

use super::{
    Kid, RingPolicy, WrapError, WrappedKey,
    messages::{KeyState, KeySummary, RetiredCause},
};
use crate::{
    ports::{Fault, Randomness},
    secrets::Masters,
};
use postern_jose::{PublicJwkSet, PublicKey, SignatureAlgorithm, time::Timestamp};
use version::Version;

pub use self::outcome::{Plan, Revocation, Rotation, Step};

/// The most retiring keys at a time. Verifiers accept key sets of 64 keys (ours do), and a
/// ring that rotates more often than every minute or so is driven by a fault.
const MAX_RETIRING: usize = 16;

/// The most retired keys remembered; the oldest are forgotten first.
const MAX_RETIRED: usize = 64;

/// A key as it enters the ring: its public half, and its private half wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingKey {
    /// For the key set.
    pub public: PublicKey,
    /// For signing.
    pub wrapped: WrappedKey,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    key: RingKey,
    since: Timestamp,
}

/// What a newer version sealed is not lost: that version opens it.
fn is_lost(held: &Held, masters: &Masters) -> bool {
    held.key.wrapped.open(masters).is_err_and(|error| !matches!(error, WrapError::NewerMaster(_)))
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Retiring {
    public: PublicKey,
    until: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Retired {
    kid: Kid,
    alg: SignatureAlgorithm,
    since: Timestamp,
    cause: RetiredCause,
}

/// The keys of one issuer and where each stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRing {
    /// Version of the record, 1.
    version: Version,
    /// What new keys are made for.
    algorithm: SignatureAlgorithm,
    /// The algorithm the configuration named when it was last looked at: a change there changes
    /// `algorithm`, a mere repetition does not undo what an operator asked for since.
    configured: SignatureAlgorithm,
    active: Held,
    #[serde(default)]
    published: Option<Held>,
    retiring: Vec<Retiring>,
    retired: Vec<Retired>,
    /// An early rotation was asked for.
    #[serde(default)]
    rotate_at: Option<Timestamp>,
    /// When the object's alarm was last set to go off.
    alarm_at: Timestamp,
}

impl KeyRing {
    /// The first ring of an issuer. Its active key is the one key that signs without having
    /// been published for a while: there are no tokens and no clients yet.
    pub(crate) fn found(active: RingKey, published: RingKey, now: Timestamp, policy: &RingPolicy) -> Self {
        Self {
            version: Version,
            algorithm: policy.algorithm,
            configured: policy.algorithm,
            active: Held { key: active, since: now },
            published: Some(Held { key: published, since: now }),
            retiring: Vec::new(),
            retired: Vec::new(),
            rotate_at: None,
            alarm_at: now,
        }
    }

    /// Moves every key to where it has to be at `now`. Doing it again at the same time does
    /// nothing more; doing it late catches up.
    pub(crate) fn tick(&mut self, now: Timestamp, policy: &RingPolicy) -> Plan {
        let mut steps = Vec::new();
        self.adopt_configuration(now, policy);
        self.discard_unfit_standby(now, &mut steps);
        if self.promotion_due(policy).is_some_and(|due| due <= now) {
            self.promote(now, policy, &mut steps);
        }
        self.retire(now, policy, &mut steps);
        Plan { steps, generate: self.wanted(), alarm: self.next_alarm(now, policy) }
    }

    /// Adds a fresh key to the key set. It is dropped when another took the place meanwhile,
    /// or when another algorithm is wanted by now.
    pub(crate) fn publish(&mut self, key: RingKey, now: Timestamp) -> Option<Step> {
        if self.wanted() != Some(key.public.algorithm()) || self.knows(key.public.thumbprint()) {
            return None;
        }
        let kid = key.public.thumbprint();
        self.published = Some(Held { key, since: now });
        Some(Step::Published { kid })
    }

    /// Rotates before the calendar would.
    pub(crate) fn rotate(
        &mut self,
        force: bool,
        algorithm: Option<SignatureAlgorithm>,
        now: Timestamp,
        policy: &RingPolicy,
        steps: &mut Vec<Step>,
    ) -> Rotation {
        let change = algorithm.filter(|algorithm| *algorithm != self.active.key.public.algorithm());
        if let Some(algorithm) = algorithm {
            self.algorithm = algorithm;
        }
        self.discard_unfit_standby(now, steps);
        let Some(standby) = &self.published else { return Rotation::NeedsKey(self.algorithm) };
        let (kid, ready_at) = (standby.key.public.thumbprint(), standby.since.plus(policy.client_cache));
        if self.retiring.len() >= MAX_RETIRING {
            let room_at = self.retiring.iter().map(|key| key.until).min().unwrap_or(ready_at);
            return Rotation::TooYoung { kid, ready_at: ready_at.max(room_at) };
        }
        if force || ready_at <= now {
            let former = self.active.key.public.thumbprint();
            self.promote(now, policy, steps);
            return Rotation::Promoted { kid, former };
        }
        if change.is_some() {
            self.rotate_at = Some(ready_at);
            return Rotation::Scheduled { kid, at: ready_at };
        }
        Rotation::TooYoung { kid, ready_at }
    }

    /// Takes a key out of use and out of the key set at once.
    pub(crate) fn revoke(
        &mut self,
        kid: Kid,
        now: Timestamp,
        policy: &RingPolicy,
        steps: &mut Vec<Step>,
    ) -> Revocation {
        if kid == self.active.key.public.thumbprint() {
            if self.published.is_none() {
                return Revocation::NeedsKey(self.algorithm);
            }
            // Whatever its age: a client that does not know the successor yet fetches the set
            // again, while one that trusts a stolen key does not ask.
            self.promote(now, policy, steps);
        }
        if self.published.as_ref().is_some_and(|held| held.key.public.thumbprint() == kid) {
            let alg = self.published.take().map_or(self.algorithm, |held| held.key.public.algorithm());
            self.bury(kid, alg, now, RetiredCause::Revoked, steps);
        } else if let Some(place) =
            self.retiring.iter().position(|retiring| retiring.public.thumbprint() == kid)
        {
            let alg = self.retiring.remove(place).public.algorithm();
            self.bury(kid, alg, now, RetiredCause::Revoked, steps);
        } else if !self.retired.iter().any(|retired| retired.kid == kid) {
            return Revocation::Unknown;
        }
        Revocation::Revoked { active: self.active.key.public.thumbprint() }
    }

    /// Seals again, under the current master, what is sealed under a former one.
    ///
    /// # Errors
    /// A [`Fault`] without randomness; what does not open is a step of the outcome and stays. What
    /// a newer version sealed stays as it is too, and is no step: the Workers of that version open it.
    pub(crate) fn rewrap(
        &mut self,
        masters: &Masters,
        randomness: &impl Randomness,
        steps: &mut Vec<Step>,
    ) -> Result<(), Fault> {
        for held in [Some(&mut self.active), self.published.as_mut()].into_iter().flatten() {
            let kid = held.key.public.thumbprint();
            match held.key.wrapped.rewrap(masters, randomness)? {
                Ok(None) | Err(WrapError::NewerMaster(_)) => {}
                Ok(Some(wrapped)) => {
                    held.key.wrapped = wrapped;
                    steps.push(Step::Rewrapped { kid, master: masters.current().id });
                }
                Err(_) => steps.push(Step::Sealed { kid }),
            }
        }
        Ok(())
    }

    /// Drops a published key whose private half is lost, so that it is never promoted.
    pub(crate) fn discard_sealed_standby(
        &mut self,
        masters: &Masters,
        now: Timestamp,
        steps: &mut Vec<Step>,
    ) {
        if self.published.as_ref().is_some_and(|held| is_lost(held, masters)) {
            self.discard_standby(now, steps);
        }
    }

    /// The key to sign with.
    pub(crate) const fn active(&self) -> &RingKey {
        &self.active.key
    }

    /// Whether the private half of the active key is lost with its master.
    pub(crate) fn is_lost(&self, masters: &Masters) -> bool {
        is_lost(&self.active, masters)
    }

    /// The key set: whatever may have signed a token still in use, and what will sign next.
    pub fn public_set(&self) -> PublicJwkSet {
        let held = [Some(&self.active), self.published.as_ref()];
        let signing = held.into_iter().flatten().map(|held| &held.key.public);
        let keys = signing.chain(self.retiring.iter().map(|retiring| &retiring.public));
        keys.map(PublicKey::to_jwk).collect()
    }

    /// Every key and its state.
    pub fn overview(&self) -> Vec<KeySummary> {
        let held = |held: &Held, state| KeySummary {
            kid: held.key.public.thumbprint(),
            alg: held.key.public.algorithm(),
            master: Some(held.key.wrapped.master()),
            state,
        };
        let mut keys = vec![held(&self.active, KeyState::Active { since: self.active.since })];
        keys.extend(self.published.iter().map(|key| held(key, KeyState::Published { since: key.since })));
        keys.extend(self.retiring.iter().map(|key| KeySummary {
            kid: key.public.thumbprint(),
            alg: key.public.algorithm(),
            master: None,
            state: KeyState::Retiring { until: key.until },
        }));
        keys.extend(self.retired.iter().map(|key| KeySummary {
            kid: key.kid,
            alg: key.alg,
            master: None,
            state: KeyState::Retired { since: key.since, cause: key.cause },
        }));
        keys
    }

    /// When an early rotation that was asked for will happen, if one was.
    pub(crate) const fn rotate_at(&self) -> Option<Timestamp> {
        self.rotate_at
    }

    /// When the object's alarm was last set to go off.
    pub(crate) const fn alarm_at(&self) -> Timestamp {
        self.alarm_at
    }

    /// Remembers when the alarm goes off.
    pub(crate) const fn set_alarm_at(&mut self, alarm_at: Timestamp) {
        self.alarm_at = alarm_at;
    }

    /// What has to be generated, if anything.
    pub(crate) fn wanted(&self) -> Option<SignatureAlgorithm> {
        self.published.is_none().then_some(self.algorithm)
    }

    fn knows(&self, kid: Kid) -> bool {
        self.overview().iter().any(|key| key.kid == kid)
    }

    fn adopt_configuration(&mut self, now: Timestamp, policy: &RingPolicy) {
        if self.configured == policy.algorithm {
            return;
        }
        self.configured = policy.algorithm;
        if self.algorithm != policy.algorithm {
            self.algorithm = policy.algorithm;
            // The new key still waits out the full lead; it does not wait for the old key's month.
            self.rotate_at = Some(now.plus(policy.publish_lead));
        }
    }

    /// A published key of an algorithm that is no longer wanted goes; it never signed.
    fn discard_unfit_standby(&mut self, now: Timestamp, steps: &mut Vec<Step>) {
        if self.published.as_ref().is_some_and(|held| held.key.public.algorithm() != self.algorithm) {
            self.discard_standby(now, steps);
        }
    }

    fn discard_standby(&mut self, now: Timestamp, steps: &mut Vec<Step>) {
        if let Some(held) = self.published.take() {
            self.bury(
                held.key.public.thumbprint(),
                held.key.public.algorithm(),
                now,
                RetiredCause::Unused,
                steps,
            );
        }
    }

    /// When the published key is to sign: at the end of the active key's time but with the
    /// full lead, or when asked for, but not before the clients' caches know it.
    fn promotion_due(&self, policy: &RingPolicy) -> Option<Timestamp> {
        let standby = self.published.as_ref()?;
        let calendar =
            self.active.since.plus(policy.active_period).max(standby.since.plus(policy.publish_lead));
        let asked = self.rotate_at.map(|at| at.max(standby.since.plus(policy.client_cache)));
        Some(asked.map_or(calendar, |asked| asked.min(calendar)))
    }

    fn promote(&mut self, now: Timestamp, policy: &RingPolicy, steps: &mut Vec<Step>) {
        let Some(standby) = self.published.take() else { return };
        let kid = standby.key.public.thumbprint();
        let former = core::mem::replace(&mut self.active, Held { since: now, ..standby });
        steps.push(Step::Promoted { kid, former: former.key.public.thumbprint() });
        // The former's private half ends here: nothing will ask for it again.
        let until = now.plus(policy.retiring_period());
        self.retiring.push(Retiring { public: former.key.public, until });
        self.rotate_at = None;
    }

    fn retire(&mut self, now: Timestamp, policy: &RingPolicy, steps: &mut Vec<Step>) {
        let (gone, kept) = core::mem::take(&mut self.retiring).into_iter().partition(|key| key.until <= now);
        self.retiring = kept;
        let gone: Vec<Retiring> = gone;
        for key in gone {
            self.bury(key.public.thumbprint(), key.public.algorithm(), now, RetiredCause::Expired, steps);
        }
        self.retired.retain(|key| {
            let kept = key.since.plus(policy.tombstone_period) > now;
            if !kept {
                steps.push(Step::Removed { kid: key.kid });
            }
            kept
        });
    }

    fn bury(
        &mut self,
        kid: Kid,
        alg: SignatureAlgorithm,
        now: Timestamp,
        cause: RetiredCause,
        steps: &mut Vec<Step>,
    ) {
        if self.retired.len() >= MAX_RETIRED {
            self.retired.remove(0);
        }
        self.retired.push(Retired { kid, alg, since: now, cause });
        steps.push(Step::Retired { kid, cause });
    }

    fn next_alarm(&self, now: Timestamp, policy: &RingPolicy) -> Timestamp {
        let retirements = self.retiring.iter().map(|key| key.until);
        let removals = self.retired.iter().map(|key| key.since.plus(policy.tombstone_period));
        retirements
            .chain(removals)
            .chain(self.promotion_due(policy))
            .min()
            .unwrap_or(Timestamp::from_millis(u64::MAX))
            .min(now.plus(policy.republish_every))
    }
}

#[cfg(test)]
mod tests;
