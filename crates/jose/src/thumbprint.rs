//! The name of a key that follows from the key itself.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::encoding::{base64url, base64url_32, from_base64url};

/// The SHA-256 thumbprint of a key (RFC 7638), written as 43 characters of base64url: the same for
/// every spelling of the same key, whatever its `kid` or `alg`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Thumbprint(#[serde(with = "base64url_32")] [u8; 32]);

impl Thumbprint {
    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Of a key's canonical form (RFC 7638 section 3): its required members alone, in lexicographic
    /// order, without white space.
    pub(crate) fn of_canonical(jwk: &str) -> Self {
        Self(Sha256::digest(jwk.as_bytes()).into())
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&base64url(&self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Thumbprint({self})")
    }
}

/// The text is not a thumbprint: 43 characters of base64url for 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedThumbprint;

impl fmt::Display for MalformedThumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not 43 characters of base64url")
    }
}

impl core::error::Error for MalformedThumbprint {}

impl FromStr for Thumbprint {
    type Err = MalformedThumbprint;

    fn from_str(text: &str) -> Result<Self, MalformedThumbprint> {
        // 43 characters hold 32 bytes: longer input is refused before it is decoded.
        if text.len() != 43 {
            return Err(MalformedThumbprint);
        }
        from_base64url(text).and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(MalformedThumbprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_bytes_of_strict_base64url_are_a_thumbprint() {
        let thumbprint = Thumbprint::from_bytes([9; 32]);
        assert_eq!(thumbprint.to_string().parse(), Ok(thumbprint));
        let kid = thumbprint.to_string();
        for text in ["", "CQ", &format!("{kid}="), &format!("{kid}AAAA"), &"!".repeat(43)] {
            assert_eq!(text.parse::<Thumbprint>(), Err(MalformedThumbprint), "{text}");
        }
    }
}
