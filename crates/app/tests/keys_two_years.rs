//! Two years of a key ring, played with late and lost alarms, crashes between writing and
//! telling, storage and generator faults, operators and three Workers with caches of their own.

use std::{cell::Cell, collections::BTreeMap, time::Duration};

use super::keys_support::{FakeRing, FakeSigner, Numbers, START, SetClock, empty_ring, masters};
use pollster::block_on;
use postern_app::{
    jose::SignatureAlgorithm,
    keys::{
        KeyRingAnswer, KeyRingObject, KeyRingRequest, Kid, RingPolicy,
        messages::KeyState,
        object::{RECORD_ID, RECORD_KIND},
        ring::KeyRing,
        signing::SigningKeys,
    },
    ports::{Fault, Records, memory::FaultMode},
    secrets::Masters,
    time::Timestamp,
};

const CLIENT_CACHE: Duration = Duration::from_mins(10);
const TOKEN_LIFETIME: Duration = Duration::from_mins(10);
/// How many lives of a ring each test plays.
const LIVES: u64 = if cfg!(feature = "thorough") { 2 } else { 1 };
/// How many years each life has.
const YEARS: u64 = if cfg!(feature = "thorough") { 2 } else { 1 };
const LEEWAY: Duration = Duration::from_secs(30);

/// The object as the platform runs it: whatever asks, the alarm it wants is set.
struct Object {
    ring: FakeRing,
    alarm: Cell<Option<Timestamp>>,
}

impl KeyRingObject for Object {
    async fn ask(&self, request: &KeyRingRequest) -> Result<KeyRingAnswer, Fault> {
        let served = self.ring.serve(request).await;
        self.alarm.set(served.alarm.or(self.alarm.get()));
        Ok(served.answer)
    }
}

struct World {
    object: Object,
    signer: FakeSigner,
    clock: SetClock,
    numbers: Numbers,
    now: Timestamp,
    masters: Masters,
    workers: [SigningKeys; 3],
    /// The last time a token of this key may be shown to a client with an old key set.
    in_use_until: BTreeMap<Kid, Timestamp>,
    published_at: BTreeMap<Kid, Timestamp>,
    revoked: Vec<Kid>,
    /// A key was revoked and its successor has not signed yet: it may be young.
    excused: bool,
    signed_with: Vec<Kid>,
    issued: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        // Once a day instead of hourly: the write to KV is not part of this play.
        let policy = RingPolicy { republish_every: Duration::from_hours(24), ..RingPolicy::default() };
        let (ring, signer, clock) = empty_ring(seed, policy);
        Self {
            object: Object { ring, alarm: Cell::new(None) },
            signer,
            clock,
            numbers: Numbers::seeded(seed ^ 0xffff),
            now: START,
            workers: Default::default(),
            in_use_until: BTreeMap::new(),
            published_at: BTreeMap::new(),
            revoked: Vec::new(),
            excused: true,
            masters: masters(),
            signed_with: Vec::new(),
            issued: 0,
        }
    }

    fn play(&mut self, years: u64, operators: bool) {
        let end = START.plus(Duration::from_hours(years * 365 * 24));
        while self.now < end {
            // Sometimes a busy few minutes, mostly hours at a time.
            let longest = if self.numbers.once_in(2) { 300 } else { 40 * 3600 };
            self.now = self.now.plus(Duration::from_secs(1 + self.numbers.below(longest)));
            self.clock.set(self.now);
            self.object.ring.records().break_with(match self.numbers.below(40) {
                0 => FaultMode::Down,
                1 => FaultMode::FailWrites,
                2 => FaultMode::FailAfterWrites,
                _ => FaultMode::None,
            });
            self.signer.fail(self.numbers.once_in(20));
            self.let_the_alarm_go_off();
            if operators && self.numbers.once_in(40) {
                self.let_an_operator_act();
            }
            self.sign();
            self.object.ring.records().break_with(FaultMode::None);
            self.check();
        }
    }

    fn let_the_alarm_go_off(&mut self) {
        let Some(due) = self.object.alarm.get().filter(|due| *due <= self.now) else { return };
        if self.now.since(due) < Duration::from_hours(48) && self.numbers.once_in(2) {
            return; // Late.
        }
        self.object.alarm.set(None);
        if self.numbers.once_in(10) {
            return; // Lost for ever.
        }
        let served = block_on(self.object.ring.alarm());
        // A crash after the write: nobody hears the outcome, not even the next alarm's time.
        if !self.numbers.once_in(10) {
            self.object.alarm.set(served.alarm);
        }
    }

    fn let_an_operator_act(&mut self) {
        let algorithm = [None, Some(SignatureAlgorithm::Es256), Some(SignatureAlgorithm::EdDsa)]
            [usize::try_from(self.numbers.below(3)).unwrap()];
        let request = if self.numbers.once_in(4) {
            let keys: Vec<Kid> = self.published_at.keys().copied().collect();
            let Some(kid) = keys.last().copied() else { return };
            self.revoked.push(kid);
            self.excused = true;
            KeyRingRequest::RevokeKey { kid }
        } else {
            KeyRingRequest::Rotate { force: false, algorithm }
        };
        // An answer that never arrives is an answer too.
        let _ = block_on(self.object.ask(&request));
    }

    fn sign(&mut self) {
        let worker = usize::try_from(self.numbers.below(3)).unwrap();
        let Ok(key) = block_on(self.workers[worker].current(&self.object, &self.masters, self.now)) else {
            return;
        };
        let kid = key.kid();
        let until = self.now.plus(TOKEN_LIFETIME).plus(LEEWAY).plus(CLIENT_CACHE);
        self.in_use_until.insert(kid, until);
        self.issued += 1;
        self.note_published();
        if !self.signed_with.contains(&kid) {
            // A key promoted in place of a revoked one may be young; no other but the first.
            let age = self.now.since(self.published_at[&kid]);
            assert!(age >= CLIENT_CACHE || self.excused, "signs at an age of {age:?}");
            self.excused = false;
            self.signed_with.push(kid);
        }
    }

    fn stored(&self) -> Option<KeyRing> {
        self.object.ring.records().break_with(FaultMode::None);
        let record = self.object.ring.records().read(RECORD_KIND, RECORD_ID).unwrap()?;
        Some(serde_json::from_str(&record).unwrap())
    }

    fn note_published(&mut self) {
        for jwk in self.stored().map(|ring| ring.public_set().keys).unwrap_or_default() {
            self.published_at.entry(jwk.kid().unwrap().parse().unwrap()).or_insert(self.now);
        }
    }

    fn check(&mut self) {
        let Some(ring) = self.stored() else { return };
        self.note_published();
        let active =
            ring.overview().iter().filter(|key| matches!(key.state, KeyState::Active { .. })).count();
        assert_eq!(active, 1);
        let set: Vec<Kid> =
            ring.public_set().keys.iter().map(|jwk| jwk.kid().unwrap().parse().unwrap()).collect();
        self.in_use_until.retain(|_, until| *until > self.now);
        for kid in self.in_use_until.keys().filter(|kid| !self.revoked.contains(kid)) {
            assert!(set.contains(kid), "{kid} has tokens in use and is not in the key set");
        }
        assert!(set.len() <= 18, "{}", set.len());
    }
}

// And no key signs before it was announced.
#[test]
fn in_years_of_faults_no_valid_token_loses_its_key() {
    for seed in 0..LIVES {
        let mut world = World::new(seed);
        world.play(YEARS, false);
        let rotations = world.signed_with.len() as u64;
        // A key a month; a late alarm makes a month longer, never shorter.
        assert!((10 * YEARS..=12 * YEARS + 1).contains(&rotations), "seed {seed}: {rotations} keys signed");
        assert!(u64::from(world.issued) > 250 * YEARS, "seed {seed}: {} tokens", world.issued);
    }
}

// They rotate, revoke, and change algorithms.
#[cfg(feature = "thorough")]
#[test]
fn two_years_of_operators_orders_lose_only_revoked_tokens() {
    for seed in (0..LIVES).map(|life| 100 + life) {
        let mut world = World::new(seed);
        world.play(YEARS, true);
        assert!(world.signed_with.len() > 25 && !world.revoked.is_empty(), "seed {seed}: nothing happened");
    }
}
