//! A key ring without a platform: the object over records in memory, which can fail.

use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use postern_jose::{PublicKey, SignatureAlgorithm, encoding::base64url};
use serde_json::json;

use super::{
    KeyRingAnswer, KeyRingObject, KeyRingRequest, RingPolicy, Signer,
    object::{KeyRingReply, Ring, RingPorts},
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
    pub async fn serve(&self, request: &KeyRingRequest) -> KeyRingReply {
        self.ring.serve(request, self.clock.now(), &self.ports()).await
    }

    /// Lets the alarm go off.
    pub async fn alarm(&self) -> KeyRingReply {
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

/// The public half of the key of this number, from 1 on, for rings whose keys sign nothing: the same one for the same number.
/// `None` for an algorithm other than ES256 and EdDSA, whose keys take long to make.
pub fn numbered_key(number: u32, algorithm: SignatureAlgorithm) -> Option<PublicKey> {
    let mut bytes = [0x55; 32];
    let (_, last) = bytes.split_last_chunk_mut()?;
    *last = number.to_be_bytes();
    let jwk = match algorithm {
        SignatureAlgorithm::Es256 => {
            let point = p256::SecretKey::from_slice(&bytes).ok()?.public_key().to_encoded_point(false);
            json!({"kty": "EC", "crv": "P-256", "x": base64url(point.x()?), "y": base64url(point.y()?)})
        }
        SignatureAlgorithm::EdDsa => json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(&bytes)}),
        SignatureAlgorithm::Es384 | SignatureAlgorithm::Rs256 | SignatureAlgorithm::Ps256 => return None,
    };
    PublicKey::from_jwk(&jwk).ok().map(PublicKey::named_by_thumbprint)
}
