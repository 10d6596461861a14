//! RSA keys, natively.

use core::cell::Cell;

use ::rsa::{
    RsaPrivateKey,
    pkcs1v15::SigningKey,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _},
    rand_core::{CryptoRng, Error as RandomError, RngCore},
    sha2::Sha256,
    signature::{SignatureEncoding as _, Signer as _},
    traits::PublicKeyParts as _,
};
use postern_jose::{SignatureAlgorithm, encoding::base64url};
use serde_json::json;

use super::fault::crypto;
use crate::{
    keys::GeneratedKey,
    ports::{Fault, Randomness},
};

/// The least and the only size of RSA keys we make: what NIST SP 800-57 allows until 2030;
/// keys live for a month.
const RSA_BITS: usize = 2048;

pub(super) fn generate(randomness: &impl Randomness) -> Result<GeneratedKey, Fault> {
    let mut source = Source { randomness, fault: Cell::new(None) };
    let key = RsaPrivateKey::new(&mut source, RSA_BITS);
    if let Some(fault) = source.fault.take() {
        return Err(fault);
    }
    let key = key.map_err(crypto)?;
    let [n, e] = [key.n(), key.e()].map(|number| base64url(&number.to_bytes_be()));
    let pkcs8 = key.to_pkcs8_der().map_err(crypto)?.to_bytes();
    GeneratedKey::new(SignatureAlgorithm::Rs256, &json!({"kty": "RSA", "n": n, "e": e}), pkcs8)
}

pub(super) fn sign(pkcs8: &[u8], signing_input: &[u8]) -> Result<Vec<u8>, Fault> {
    let key = RsaPrivateKey::from_pkcs8_der(pkcs8).map_err(crypto)?;
    Ok(SigningKey::<Sha256>::new(key).try_sign(signing_input).map_err(crypto)?.to_vec())
}

/// Our randomness as the rsa crate wants it. That crate cannot be told of a failure in the
/// middle of its search for primes, so the failure is kept and the search fed with odd bytes.
struct Source<'a, N> {
    randomness: &'a N,
    fault: Cell<Option<Fault>>,
}

impl<N: Randomness> RngCore for Source<'_, N> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, buffer: &mut [u8]) {
        if let Err(fault) = self.randomness.fill(buffer) {
            self.fault.set(Some(fault));
        }
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        self.fill_bytes(buffer);
        Ok(())
    }
}

impl<N: Randomness> CryptoRng for Source<'_, N> {}
