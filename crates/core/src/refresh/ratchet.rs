//! The secret inside a refresh token, its hash, and the ratchet that derives the next one.
//!
//! `secret(n+1) = HMAC-SHA-256(ratchet key, family ‖ n+1 as u32 BE ‖ secret(n))`. The Worker can
//! derive a successor from its predecessor; nothing that is stored can. So all racers with one
//! token get the same successor, and the object needs to keep neither secrets nor answers.

use core::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

use super::family::Binding;
use crate::{
    ids::FamilyId,
    ports::{Fault, Randomness},
    secrets::Master,
};

/// The 32 secret bytes of one generation. They never leave the Worker but inside a token.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Secret {
    /// The first secret of a family.
    pub fn random(randomness: &impl Randomness) -> Result<Self, Fault> {
        let mut secret = Self([0; 32]);
        randomness.fill(&mut secret.0)?;
        Ok(secret)
    }

    /// From bytes that a token carried or a test chose.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What is stored and sent in its place.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0).into())
    }

    /// The secret of the next generation, `next_count`, under this master's ratchet key.
    #[must_use]
    pub fn successor(&self, master: &Master, family: FamilyId, next_count: u32) -> Self {
        Self(master.refresh_ratchet.mac(&[family.as_bytes(), &next_count.to_be_bytes(), &self.0]))
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

/// SHA-256 of a refresh secret: 43 base64url characters in its text form.
///
/// A plain hash is enough: the secret has 256 random bits, so there is nothing to guess.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash(#[serde(with = "postern_jose::encoding::base64url_32")] pub [u8; 32]);

impl PartialEq for SecretHash {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretHash {}

/// A refresh token as the Account object sees it: opened, its MAC checked, its secrets hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presented {
    /// The generation it says it is.
    pub rotation_count: u32,
    /// The hash of the secret it carries.
    pub secret_hash: SecretHash,
    /// The hash of the secret that follows from it, by the ratchet key of the master it was
    /// made under: so a retry derives the same after a change of master.
    pub successor_hash: SecretHash,
    /// The master a rotation will be sealed under: the current one.
    pub next_master: u8,
    /// The client that presents it, when the endpoint knows (RFC 6749 section 6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The key the request proved possession of (RFC 9449), if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use postern_jose::encoding::{base64url, hex};

    const FAMILY: FamilyId = FamilyId::from_bytes([3; 16]);

    fn master(id: u8) -> Master {
        Master::derive(id, &[id; 32]).unwrap()
    }

    #[test]
    fn ratchet_format_unchanged() {
        let next = Secret::from_bytes([9; 32]).successor(&master(1), FAMILY, 1);
        assert_eq!(hex(next.bytes()), "4f7face771b54d59a33a6309419de1a384283fc0acbf2f7f381d8a0171f74e8a");
        assert_eq!(base64url(&next.hash().0), "h8qdzGhGkO3qxwKEI9N0t4pU798MaWm1Zl5e4pKi63Y");
    }

    #[test]
    fn a_successor_differs_by_family_count_secret_and_master() {
        let secret = Secret::from_bytes([9; 32]);
        let all = [
            secret.successor(&master(1), FAMILY, 1),
            secret.successor(&master(2), FAMILY, 1),
            secret.successor(&master(1), FamilyId::from_bytes([4; 16]), 1),
            secret.successor(&master(1), FAMILY, 2),
            Secret::from_bytes([8; 32]).successor(&master(1), FAMILY, 1),
            secret,
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|other| other.bytes() != one.bytes()), "{index}");
        }
    }

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", Secret::from_bytes([9; 32])), "Secret(..)");
    }
}
