//! What is not ES256, natively.

use jwt_compact::{
    Algorithm, AlgorithmSignature as _,
    alg::{Rsa, RsaPublicKey},
};
use p384::ecdsa::signature::Verifier as _;
use rsa::BigUint;

use super::super::{KeyMaterial, PublicKey, SignatureAlgorithm};
use super::AlgorithmNotBuilt;

/// As `jose::rsa` allows; the crate's own limit is 4096.
const MAX_RSA_BITS: usize = 8192;

/// The verdict; none when the key or the signature is no valid number.
#[expect(clippy::unnecessary_wraps, reason = "what stands in its place without these algorithms fails")]
pub(super) fn is_good(
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<Option<bool>, AlgorithmNotBuilt> {
    Ok(verdict(key, message, signature))
}

fn verdict(key: &PublicKey, message: &[u8], signature: &[u8]) -> Option<bool> {
    match key.material() {
        KeyMaterial::P256 { .. } => None,
        KeyMaterial::P384 { x, y } => {
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
            let signature = p384::ecdsa::Signature::from_slice(signature).ok()?;
            Some(key.verify(message, &signature).is_ok())
        }
        // Strictly: points of small order and signatures that two verifiers might judge
        // differently are refused.
        KeyMaterial::Ed25519 { x } => {
            let key = ed25519_dalek::VerifyingKey::from_bytes(x).ok()?;
            let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
            Some(key.verify_strict(message, &signature).is_ok())
        }
        KeyMaterial::Rsa { n, e } => {
            let (n, e) = (BigUint::from_bytes_be(n), BigUint::from_bytes_be(e));
            let rsa_key = RsaPublicKey::new_with_max_size(n, e, MAX_RSA_BITS).ok()?;
            let algorithm = match key.algorithm() {
                SignatureAlgorithm::Ps256 => Rsa::ps256(),
                _ => Rsa::rs256(),
            };
            let signature = <Rsa as Algorithm>::Signature::try_from_slice(signature).ok()?;
            Some(algorithm.verify_signature(&signature, &rsa_key, message))
        }
    }
}
