//! A key ring without a platform: the object over records in memory, which can fail.

use super::{
    KeyRingAnswer, KeyRingObject, KeyRingRequest, RingPolicy, Signer,
    object::{Ring, RingPorts, Served},
};
use crate::{
    ports::{Clock, Fault, Randomness, memory::MemoryRecords},
    secrets::Masters,
};

/// A `KeyRing` object in this process.
#[derive(Debug)]
pub struct MemoryKeyRing<S, N, C> {
    ring: Ring<MemoryRecords>,
    records: MemoryRecords,
    signer: S,
    randomness: N,
    clock: C,
    masters: Masters,
    policy: RingPolicy,
}

impl<S: Signer, N: Randomness, C: Clock> MemoryKeyRing<S, N, C> {
    /// An empty ring: the first request founds it.
    pub fn new(signer: S, randomness: N, clock: C, masters: Masters, policy: RingPolicy) -> Self {
        let records = MemoryRecords::default();
        let ring = Ring::new(records.clone());
        Self { ring, records, signer, randomness, clock, masters, policy }
    }

    /// Its records, to make them fail.
    pub const fn records(&self) -> &MemoryRecords {
        &self.records
    }

    /// Serves a request and shows all that came of it.
    pub async fn serve(&self, request: &KeyRingRequest) -> Served {
        self.ring.serve(request, self.clock.now(), &self.ports()).await
    }

    /// Lets the alarm go off.
    pub async fn alarm(&self) -> Served {
        self.ring.alarm(self.clock.now(), &self.ports()).await
    }

    const fn ports(&self) -> RingPorts<'_, S, N> {
        RingPorts {
            signer: &self.signer,
            randomness: &self.randomness,
            masters: &self.masters,
            policy: &self.policy,
        }
    }
}

impl<S: Signer, N: Randomness, C: Clock> KeyRingObject for MemoryKeyRing<S, N, C> {
    async fn ask(&self, request: &KeyRingRequest) -> Result<KeyRingAnswer, Fault> {
        Ok(self.serve(request).await.answer)
    }
}
