//! The signature algorithms there are. Symmetric ones and `none` have no value of this type.

use core::{fmt, str::FromStr};

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A JWS signature algorithm (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignatureAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519. RFC 9864 gives it the name of its curve; `EdDSA` is the one that is written here.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes.
    Ps256,
}

impl SignatureAlgorithm {
    /// Every one of them.
    pub const ALL: [Self; 5] = [Self::Es256, Self::Es384, Self::EdDsa, Self::Rs256, Self::Ps256];

    /// The JWS name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The fully specified name of [`SignatureAlgorithm::EdDsa`] (RFC 9864 section 2.2). `EdDSA` says no
/// curve; with the one curve supported here both names mean the same.
const ED25519: &str = "Ed25519";

/// The name is none of the algorithms supported here. Names are compared exactly: `es256` is
/// not `ES256` (RFC 7515 section 4.1.1: case-sensitive).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsupportedAlgorithm;

impl fmt::Display for UnsupportedAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not one of ES256, ES384, EdDSA, RS256, PS256")
    }
}

impl core::error::Error for UnsupportedAlgorithm {}

impl FromStr for SignatureAlgorithm {
    type Err = UnsupportedAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnsupportedAlgorithm> {
        if name == ED25519 {
            return Ok(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or(UnsupportedAlgorithm)
    }
}

impl Serialize for SignatureAlgorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for SignatureAlgorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tests RFC 7515 section 4.1.1: names of algorithms are case-sensitive
    #[test]
    fn names_are_exact_and_the_same_in_json() {
        for algorithm in SignatureAlgorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
            assert_eq!(serde_json::to_value(algorithm).ok(), Some(algorithm.name().into()));
        }
        for name in ["none", "HS256", "es256", "ES256 ", "ES512", "RS1", "ed25519", "Ed448", "ESP256", ""] {
            assert_eq!(name.parse::<SignatureAlgorithm>(), Err(UnsupportedAlgorithm), "{name}");
        }
    }

    // Tests RFC 9864 section 2.2: Ed25519 and EdDSA are one algorithm for keys on that curve
    #[test]
    fn ed25519_and_eddsa_are_one_algorithm() {
        assert_eq!("Ed25519".parse(), Ok(SignatureAlgorithm::EdDsa));
        assert_eq!(serde_json::from_str(r#""Ed25519""#).ok(), Some(SignatureAlgorithm::EdDsa));
        assert_eq!(SignatureAlgorithm::EdDsa.name(), "EdDSA");
    }
}
