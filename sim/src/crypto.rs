//! Signatures by a stand-in: a hash with the public key in it. It costs a hundredth of a real one, and no one in the
//! simulation forges. Parsing, choice of the key and wrapping are the real ones.

use postern_app::{
    encoding::base64url,
    jose::{KeyMaterial, PublicKey, SignatureAlgorithm, SignatureVerifier},
    keys::{GeneratedKey, PrivateKey, Signer},
    ports::{Component, Fault},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::ports::SimPorts;

/// 64 bytes, as of an Ed25519 signature.
pub(crate) fn stand_in(public: &[u8], input: &[u8]) -> Vec<u8> {
    let first = Sha256::new().chain_update(public).chain_update(input).finalize();
    let mut signature = first.to_vec();
    signature.extend_from_slice(&Sha256::digest(first));
    signature
}

impl SignatureVerifier for SimPorts {
    type Error = Fault;

    async fn verify(&self, key: &PublicKey, input: &[u8], signature: &[u8]) -> Result<bool, Fault> {
        let KeyMaterial::Ed25519 { x } = key.material() else { return Ok(false) };
        Ok(stand_in(x, input) == signature)
    }
}

impl Signer for SimPorts {
    /// The private half is the public one.
    async fn sign(&self, key: &PrivateKey, input: &[u8]) -> Result<Vec<u8>, Fault> {
        Ok(stand_in(key.pkcs8(), input))
    }

    async fn generate(&self, algorithm: SignatureAlgorithm) -> Result<GeneratedKey, Fault> {
        if algorithm != SignatureAlgorithm::EdDsa {
            return Err(Fault::new(Component::Crypto, "the stand-in has Ed25519 alone"));
        }
        let mut public = [0; 32];
        self.world.dice.bytes(&mut public);
        // Making a key waits for the platform: other requests come in meanwhile.
        self.world.executor.sleep(self.world.dice.between(1, 30)).await;
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(&public)});
        GeneratedKey::new(algorithm, &jwk, Zeroizing::new(public.to_vec()))
    }
}
