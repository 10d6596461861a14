//! Signing and key generation without a platform: for tests, the operator's CLI and benches.

use core::cell::Cell;

use ed25519_dalek::{
    SigningKey as Ed25519Key,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes},
};
use p256::ecdsa::{Signature, SigningKey as P256Key};
use rsa::{
    RsaPrivateKey,
    pkcs1v15::SigningKey as RsaKey,
    rand_core::{CryptoRng, Error as RandomError, RngCore},
    sha2::Sha256,
    signature::{SignatureEncoding as _, Signer as _},
    traits::PublicKeyParts as _,
};
use zeroize::Zeroizing;

use super::{GeneratedKey, PrivateKey, PublicJwk, Signer, SigningAlgorithm};
use crate::ports::{Fault, Part, Randomness};

/// The least and the only size of RSA keys we make: what NIST SP 800-57 allows until 2030;
/// keys live for a month.
const RSA_BITS: usize = 2048;

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
        Ok(GeneratedKey { public: PublicJwk::es256(x.as_ref(), y.as_ref()), pkcs8: pkcs8.to_bytes() })
    }

    fn generate_ed25519(&self) -> Result<GeneratedKey, Fault> {
        let mut seed = Zeroizing::new([0; 32]);
        self.randomness.fill(seed.as_mut_slice())?;
        let public = Ed25519Key::from_bytes(&seed).verifying_key();
        // Version 1 of RFC 8410, without the public key: WebCrypto refuses the newer form.
        let pair = KeypairBytes { secret_key: *seed, public_key: None };
        let pkcs8 = pair.to_pkcs8_der().map_err(crypto)?;
        Ok(GeneratedKey { public: PublicJwk::ed25519(public.as_bytes()), pkcs8: pkcs8.to_bytes() })
    }

    fn generate_rs256(&self) -> Result<GeneratedKey, Fault> {
        let mut source = Source { randomness: &self.randomness, fault: Cell::new(None) };
        let key = RsaPrivateKey::new(&mut source, RSA_BITS);
        if let Some(fault) = source.fault.take() {
            return Err(fault);
        }
        let key = key.map_err(crypto)?;
        let public = PublicJwk::rs256(&key.n().to_bytes_be(), &key.e().to_bytes_be());
        Ok(GeneratedKey { public, pkcs8: key.to_pkcs8_der().map_err(crypto)?.to_bytes() })
    }
}

impl<N: Randomness> Signer for NativeSigner<N> {
    async fn sign(&self, key: &PrivateKey, signing_input: &[u8]) -> Result<Vec<u8>, Fault> {
        match key.algorithm() {
            SigningAlgorithm::Es256 => {
                let key = P256Key::from_pkcs8_der(key.pkcs8()).map_err(crypto)?;
                let signature: Signature = key.sign(signing_input);
                Ok(signature.to_vec())
            }
            SigningAlgorithm::EdDsa => {
                let key = Ed25519Key::from_pkcs8_der(key.pkcs8()).map_err(crypto)?;
                Ok(key.sign(signing_input).to_vec())
            }
            SigningAlgorithm::Rs256 => {
                let key = RsaPrivateKey::from_pkcs8_der(key.pkcs8()).map_err(crypto)?;
                Ok(RsaKey::<Sha256>::new(key).try_sign(signing_input).map_err(crypto)?.to_vec())
            }
        }
    }

    async fn generate(&self, algorithm: SigningAlgorithm) -> Result<GeneratedKey, Fault> {
        match algorithm {
            SigningAlgorithm::Es256 => self.generate_es256(),
            SigningAlgorithm::EdDsa => self.generate_ed25519(),
            SigningAlgorithm::Rs256 => self.generate_rs256(),
        }
    }
}

fn crypto(cause: impl core::fmt::Display) -> Fault {
    Fault::new(Part::Crypto, cause)
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

#[cfg(test)]
mod tests;
