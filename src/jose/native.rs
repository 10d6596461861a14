//! Verification without a platform: jwt-compact's algorithms, and `RustCrypto` directly where it
//! has none. Independent of `WebCrypto`, so the same vectors run through two implementations.

use jwt_compact::{
    Algorithm, AlgorithmSignature as _,
    alg::{Es256, VerifyingKey as _},
};
use p384::ecdsa::signature::Verifier as _;

use super::{KeyMaterial, PublicKey, SignatureVerifier};
use crate::ports::{Fault, Part};

/// The native verifier. Ed25519 is verified strictly: small-order points and signatures that
/// two verifiers might judge differently are refused (`verify_strict`).
#[derive(Debug, Clone, Copy, Default)]
pub struct NativeVerifier;

impl SignatureVerifier for NativeVerifier {
    async fn verify(&self, key: &PublicKey, signing_input: &[u8], signature: &[u8]) -> Result<bool, Fault> {
        if cfg!(not(feature = "rsa")) && matches!(key.material(), KeyMaterial::Rsa { .. }) {
            return Err(Fault::new(Part::Crypto, "built without the feature rsa"));
        }
        // A key or signature that is no valid number verifies nothing: the library's refusal to
        // read it is an answer, not a fault.
        Ok(is_good(key, signing_input, signature).unwrap_or(false))
    }
}

fn is_good(key: &PublicKey, message: &[u8], signature: &[u8]) -> Option<bool> {
    if signature.len() != key.signature_length() {
        return Some(false);
    }
    match key.material() {
        KeyMaterial::P256 { x, y } => {
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            let key = <Es256 as Algorithm>::VerifyingKey::from_slice(&point).ok()?;
            let signature = <Es256 as Algorithm>::Signature::try_from_slice(signature).ok()?;
            Some(Es256.verify_signature(&signature, &key, message))
        }
        KeyMaterial::P384 { x, y } => {
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
            let signature = p384::ecdsa::Signature::from_slice(signature).ok()?;
            Some(key.verify(message, &signature).is_ok())
        }
        KeyMaterial::Ed25519 { x } => {
            let key = ed25519_dalek::VerifyingKey::from_bytes(x).ok()?;
            let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
            Some(key.verify_strict(message, &signature).is_ok())
        }
        #[cfg(feature = "rsa")]
        KeyMaterial::Rsa { n, e } => is_good_rsa(key.algorithm(), (n, e), message, signature),
        #[cfg(not(feature = "rsa"))]
        KeyMaterial::Rsa { .. } => None,
    }
}

#[cfg(feature = "rsa")]
fn is_good_rsa(
    algorithm: super::SignatureAlgorithm,
    (n, e): (&[u8], &[u8]),
    message: &[u8],
    signature: &[u8],
) -> Option<bool> {
    use jwt_compact::alg::{Rsa, RsaPublicKey};
    use rsa::BigUint;

    /// As `jose::rsa` allows; the crate's own limit is 4096.
    const MAX_RSA_BITS: usize = 8192;

    let (n, e) = (BigUint::from_bytes_be(n), BigUint::from_bytes_be(e));
    let key = RsaPublicKey::new_with_max_size(n, e, MAX_RSA_BITS).ok()?;
    let algorithm = match algorithm {
        super::SignatureAlgorithm::Ps256 => Rsa::ps256(),
        _ => Rsa::rs256(),
    };
    let signature = <Rsa as Algorithm>::Signature::try_from_slice(signature).ok()?;
    Some(algorithm.verify_signature(&signature, &key, message))
}
