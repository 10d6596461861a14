//! Ed25519 keys, natively.

use ed25519_dalek::{
    Signer as _, SigningKey,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes},
};
use postern_jose::{SignatureAlgorithm, encoding::base64url};
use serde_json::json;
use zeroize::Zeroizing;

use super::fault::crypto;
use crate::{
    keys::GeneratedKey,
    ports::{Fault, Randomness},
};

pub(super) fn generate(randomness: &impl Randomness) -> Result<GeneratedKey, Fault> {
    let mut seed = Zeroizing::new([0; 32]);
    randomness.fill(seed.as_mut_slice())?;
    let public = SigningKey::from_bytes(&seed).verifying_key();
    // Version 1 of RFC 8410, without the public key: WebCrypto refuses the newer form.
    let pair = KeypairBytes { secret_key: *seed, public_key: None };
    let pkcs8 = pair.to_pkcs8_der().map_err(crypto)?;
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(public.as_bytes())});
    GeneratedKey::new(SignatureAlgorithm::EdDsa, &jwk, pkcs8.to_bytes())
}

pub(super) fn sign(pkcs8: &[u8], signing_input: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(SigningKey::from_pkcs8_der(pkcs8).map_err(crypto)?.sign(signing_input).to_vec())
}
