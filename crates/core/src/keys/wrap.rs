//! Private keys at rest: AES-256-GCM under the master's key-wrapping key.
//!
//! The nonce is random: with 96 bits and the few keys a ring makes in its life (one a month)
//! a repetition is out of the question (NIST SP 800-38D section 8.3 allows 2^32 per key).

use core::fmt;

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Kid, PrivateKey};
use crate::{
    ports::{Fault, Randomness},
    secrets::{Master, Masters, NewerMaster},
};
use postern_jose::{
    SignatureAlgorithm,
    encoding::{base64url, from_base64url},
};

/// The only version of the record so far.
const VERSION: u8 = 1;

/// A private key sealed under a master secret, safe to store and to send to our own Worker.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// Version of this record, 1.
    version: u8,
    /// The key inside.
    kid: Kid,
    /// What it signs with.
    alg: SignatureAlgorithm,
    /// The master whose key-wrapping key sealed it.
    master: u8,
    /// 12 bytes.
    #[serde(with = "text")]
    nonce: Vec<u8>,
    /// PKCS#8 DER encrypted, and the tag of 16 bytes.
    #[serde(with = "text")]
    sealed: Vec<u8>,
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WrappedKey")
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .field("master", &self.master)
            .finish_non_exhaustive()
    }
}

/// Why a wrapped key does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// It was sealed under a master that was taken out.
    #[error("wrapped with the unknown master secret {master}")]
    UnknownMaster {
        /// The master it names.
        master: u8,
    },
    /// It was sealed under a master that this version does not have yet: it is not lost.
    #[error(transparent)]
    NewerMaster(NewerMaster),
    /// The record is of a version this code does not know.
    #[error("the wrapped key has the unknown version {version}")]
    UnknownVersion {
        /// The version it names.
        version: u8,
    },
    /// The seal does not fit: another secret under the same master id, or a changed record.
    #[error("the wrapped key {kid} cannot be opened with its master secret")]
    Broken {
        /// The key that does not open.
        kid: Kid,
    },
}

impl WrappedKey {
    /// Seals a PKCS#8 private key under the current master.
    ///
    /// # Errors
    /// A [`Fault`] when there is no randomness.
    pub(crate) fn seal(
        kid: Kid,
        alg: SignatureAlgorithm,
        pkcs8: &[u8],
        master: &Master,
        randomness: &impl Randomness,
    ) -> Result<Self, Fault> {
        let mut nonce = [0; 12];
        randomness.fill(&mut nonce)?;
        let aad = associated_text(VERSION, kid, alg, master.id);
        let sealed = Aes256Gcm::new(master.key_wrapping.bytes().into())
            .encrypt(&nonce.into(), Payload { msg: pkcs8, aad: &aad })
            .map_err(|_| Fault::new(crate::ports::Component::Crypto, "sealing a private key failed"))?;
        Ok(Self { version: VERSION, kid, alg, master: master.id, nonce: nonce.into(), sealed })
    }

    /// Opens the wrapping.
    pub fn open(&self, masters: &Masters) -> Result<PrivateKey, WrapError> {
        if self.version != VERSION {
            return Err(WrapError::UnknownVersion { version: self.version });
        }
        let master = masters
            .look_up(self.master)
            .map_err(WrapError::NewerMaster)?
            .ok_or(WrapError::UnknownMaster { master: self.master })?;
        let broken = WrapError::Broken { kid: self.kid };
        let nonce: [u8; 12] = self.nonce.as_slice().try_into().map_err(|_| broken.clone())?;
        let aad = associated_text(self.version, self.kid, self.alg, self.master);
        let pkcs8 = Aes256Gcm::new(master.key_wrapping.bytes().into())
            .decrypt(&nonce.into(), Payload { msg: &self.sealed, aad: &aad })
            .map_err(|_| broken)?;
        Ok(PrivateKey::new(self.kid, self.alg, Zeroizing::new(pkcs8)))
    }

    /// The same key under the current master; `None` when it is there already.
    ///
    /// # Errors
    /// `Ok(Err(_))` when the wrapping does not open; a [`Fault`] without randomness.
    pub(crate) fn rewrap(
        &self,
        masters: &Masters,
        randomness: &impl Randomness,
    ) -> Result<Result<Option<Self>, WrapError>, Fault> {
        if self.master == masters.current().id {
            // Opened all the same: another secret under the id of the old one is the mistake that is made most.
            return Ok(self.open(masters).map(|_| None));
        }
        match self.open(masters) {
            Ok(key) => Self::seal(self.kid, self.alg, key.pkcs8(), masters.current(), randomness)
                .map(|wrapped| Ok(Some(wrapped))),
            Err(error) => Ok(Err(error)),
        }
    }

    /// The key inside.
    pub const fn kid(&self) -> Kid {
        self.kid
    }

    /// What the key inside signs with.
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        self.alg
    }

    /// The master it is sealed under.
    pub const fn master(&self) -> u8 {
        self.master
    }
}

/// version ‖ kid ‖ alg ‖ master id. The version, the kid (43 characters) and the master id are
/// of fixed length, so no two records share one text: a seal moved to another key's record,
/// or a record whose algorithm was changed, does not open.
fn associated_text(version: u8, kid: Kid, alg: SignatureAlgorithm, master: u8) -> Vec<u8> {
    let mut text = vec![version];
    text.extend_from_slice(kid.to_string().as_bytes());
    text.extend_from_slice(alg.name().as_bytes());
    text.push(master);
    text
}

mod text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::base64url(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        super::from_base64url(&String::deserialize(deserializer)?)
            .ok_or_else(|| D::Error::custom("not base64url"))
    }
}

#[cfg(test)]
mod tests;
