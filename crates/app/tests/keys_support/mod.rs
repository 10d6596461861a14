//! Plays the platform around the key ring: a clock that is set, numbers for randomness, and a
//! signer that makes key 1, key 2, ... without cryptography, at once or after a pause.
#![allow(dead_code, reason = "each test file uses its part of this; none of it is unused in all")]

use std::{cell::Cell, future::poll_fn, rc::Rc, task::Poll};

use postern_app::{
    jose::SignatureAlgorithm,
    keys::{
        GeneratedKey, PrivateKey, RingPolicy, Signer,
        memory::{MemoryKeyRing, numbered_key},
    },
    ports::{Clock, Component, Fault, Randomness},
    secrets::{Master, Masters},
    time::Timestamp,
};

pub(crate) const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A clock that is set by hand. Clones show the same time.
#[derive(Clone, Debug)]
pub(crate) struct SetClock(Rc<Cell<Timestamp>>);

impl SetClock {
    pub(crate) fn at_start() -> Self {
        Self(Rc::new(Cell::new(START)))
    }

    pub(crate) fn set(&self, now: Timestamp) {
        self.0.set(now);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        self.0.get()
    }
}

/// `SplitMix64` (Steele, Lea and Flood, 2014): the same numbers for the same seed.
#[derive(Debug)]
pub(crate) struct Numbers(Cell<u64>);

impl Numbers {
    pub(crate) const fn seeded(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut number = self.0.get();
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    pub(crate) fn below(&self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// True once in `times`, on average.
    pub(crate) fn once_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }
}

impl Randomness for Numbers {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        for byte in buffer {
            *byte = self.next().to_le_bytes()[0];
        }
        Ok(())
    }
}

/// Makes numbered keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeSigner(Rc<FakeSignerState>);

#[derive(Debug, Default)]
struct FakeSignerState {
    made: Cell<u32>,
    fails: Cell<bool>,
    pauses: Cell<bool>,
}

impl FakeSigner {
    /// From now on no key can be made.
    pub(crate) fn fail(&self, fails: bool) {
        self.0.fails.set(fails);
    }

    /// From now on making a key lets others run first.
    pub(crate) fn pause(&self) {
        self.0.pauses.set(true);
    }

    /// How many keys were made.
    pub(crate) fn made(&self) -> u32 {
        self.0.made.get()
    }
}

impl Signer for FakeSigner {
    async fn sign(&self, key: &PrivateKey, _: &[u8]) -> Result<Vec<u8>, Fault> {
        Ok(key.pkcs8().to_vec())
    }

    async fn generate(&self, algorithm: SignatureAlgorithm) -> Result<GeneratedKey, Fault> {
        if self.0.pauses.get() {
            let mut paused = false;
            poll_fn(|_| if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending })
                .await;
        }
        if self.0.fails.get() {
            return Err(Fault::new(Component::Crypto, "told to fail"));
        }
        self.0.made.set(self.0.made.get() + 1);
        let number = self.0.made.get();
        let public = numbered_key(number, algorithm).unwrap();
        Ok(GeneratedKey { public, pkcs8: number.to_le_bytes().to_vec().into() })
    }
}

pub(crate) fn master(id: u8) -> Master {
    Master::derive(id, &[id; 32]).unwrap()
}

pub(crate) fn masters() -> Masters {
    Masters::new(master(1), vec![])
}

pub(crate) type FakeRing = MemoryKeyRing<FakeSigner, Numbers, SetClock>;

/// An empty ring with its signer and its clock.
pub(crate) fn empty_ring(seed: u64, policy: RingPolicy) -> (FakeRing, FakeSigner, SetClock) {
    let (signer, clock) = (FakeSigner::default(), SetClock::at_start());
    let numbers = Numbers::seeded(seed);
    (MemoryKeyRing::new(signer.clone(), numbers, clock.clone(), masters(), policy), signer, clock)
}
