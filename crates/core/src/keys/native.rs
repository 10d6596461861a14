//! Signing and key generation without a platform: for tests, the operator's CLI and benches.

#[cfg_attr(not(feature = "all-algorithms"), path = "native/none.rs")]
mod ed25519;
mod fault;
#[cfg(feature = "all-algorithms")]
mod rsa;
#[cfg(not(feature = "all-algorithms"))]
use ed25519 as rsa;

use p256::{
    ecdsa::{Signature, SigningKey as P256Key, signature::Signer as _},
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _},
};
use postern_jose::{SignatureAlgorithm, encoding::base64url};
use serde_json::json;
use zeroize::Zeroizing;

use self::fault::crypto;
use super::{GeneratedKey, PrivateKey, Signer};
use crate::ports::{Fault, Randomness};

/// Signs with the crates that jwt-compact verifies with.
#[derive(Debug)]
pub struct NativeSigner<N> {
    randomness: N,
}

impl<N: Randomness> NativeSigner<N> {
    /// Keys are made from this randomness.
    pub const fn new(randomness: N) -> Self {
        Self { randomness }
    }

    fn generate_es256(&self) -> Result<GeneratedKey, Fault> {
        let mut seed = Zeroizing::new([0; 32]);
        // A scalar outside 1..n is refused; it comes up once in 2^32 tries.
        let secret = loop {
            self.randomness.fill(seed.as_mut_slice())?;
            if let Ok(secret) = p256::SecretKey::from_slice(seed.as_slice()) {
                break secret;
            }
        };
        let point = P256Key::from(&secret).verifying_key().to_encoded_point(false);
        let (Some(x), Some(y)) = (point.x(), point.y()) else { return Err(crypto("no point")) };
        let pkcs8 = secret.to_pkcs8_der().map_err(crypto)?;
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y)});
        GeneratedKey::new(SignatureAlgorithm::Es256, &jwk, pkcs8.to_bytes())
    }
}

impl<N: Randomness> Signer for NativeSigner<N> {
    async fn sign(&self, key: &PrivateKey, signing_input: &[u8]) -> Result<Vec<u8>, Fault> {
        match key.algorithm() {
            SignatureAlgorithm::Es256 => {
                let key = P256Key::from_pkcs8_der(key.pkcs8()).map_err(crypto)?;
                let signature: Signature = key.sign(signing_input);
                Ok(signature.to_vec())
            }
            SignatureAlgorithm::EdDsa => ed25519::sign(key.pkcs8(), signing_input),
            SignatureAlgorithm::Rs256 => rsa::sign(key.pkcs8(), signing_input),
            SignatureAlgorithm::Es384 | SignatureAlgorithm::Ps256 => Err(crypto(NOT_SIGNED_WITH)),
        }
    }

    async fn generate(&self, algorithm: SignatureAlgorithm) -> Result<GeneratedKey, Fault> {
        match algorithm {
            SignatureAlgorithm::Es256 => self.generate_es256(),
            SignatureAlgorithm::EdDsa => ed25519::generate(&self.randomness),
            SignatureAlgorithm::Rs256 => rsa::generate(&self.randomness),
            SignatureAlgorithm::Es384 | SignatureAlgorithm::Ps256 => Err(crypto(NOT_SIGNED_WITH)),
        }
    }
}

/// Not one of [`super::SIGNING_ALGORITHMS`].
const NOT_SIGNED_WITH: &str = "not an algorithm that Postern signs with";

#[cfg(test)]
mod tests;
