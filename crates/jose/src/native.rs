//! Verification without a platform: jwt-compact's algorithms, and `RustCrypto` directly where it
//! has none. Independent of `WebCrypto`, so the same vectors run through two implementations.

#[cfg_attr(not(feature = "all-algorithms"), path = "native/none.rs")]
mod others;

use core::fmt;

use jwt_compact::{
    Algorithm, AlgorithmSignature as _,
    alg::{Es256, VerifyingKey as _},
};

use super::{KeyMaterial, PublicKey, SignatureVerifier};

/// The native verifier.
#[derive(Debug, Clone, Copy, Default)]
pub struct NativeVerifier;

/// The crate was built without the feature `all-algorithms`, and the key is not one for ES256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlgorithmNotBuilt;

impl fmt::Display for AlgorithmNotBuilt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("built without the feature all-algorithms")
    }
}

impl core::error::Error for AlgorithmNotBuilt {}

impl SignatureVerifier for NativeVerifier {
    type Error = AlgorithmNotBuilt;

    async fn verify(
        &self,
        key: &PublicKey,
        signing_input: &[u8],
        signature: &[u8],
    ) -> Result<bool, AlgorithmNotBuilt> {
        // A key or signature that is no valid number verifies nothing: the library's refusal to
        // read it is an answer, not a fault.
        if signature.len() != key.signature_length() {
            return Ok(false);
        }
        match key.material() {
            KeyMaterial::P256 { x, y } => Ok(is_es256(x, y, signing_input, signature).unwrap_or(false)),
            _ => Ok(others::is_good(key, signing_input, signature)?.unwrap_or(false)),
        }
    }
}

fn is_es256(x: &[u8], y: &[u8], message: &[u8], signature: &[u8]) -> Option<bool> {
    let key = <Es256 as Algorithm>::VerifyingKey::from_slice(&[&[4], x, y].concat()).ok()?;
    let signature = <Es256 as Algorithm>::Signature::try_from_slice(signature).ok()?;
    Some(Es256.verify_signature(&signature, &key, message))
}
