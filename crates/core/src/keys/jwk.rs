//! The public view of our own keys: RFC 7517 members, named by RFC 7638 thumbprint.
//!
//! A private member cannot be written here: the type has no place for one.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::SigningAlgorithm;
use postern_jose::encoding::{base64url, base64url_32, from_base64url};

/// A key's id: its RFC 7638 SHA-256 thumbprint, so that two keys never share one and nobody
/// chooses one. 43 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kid(#[serde(with = "base64url_32")] [u8; 32]);

impl Kid {
    /// From the thumbprint itself.
    pub const fn from_thumbprint(thumbprint: [u8; 32]) -> Self {
        Self(thumbprint)
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&base64url(&self.0))
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Kid({self})")
    }
}

/// The text is not the id of one of our keys: 43 characters of base64url for 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedKid;

impl FromStr for Kid {
    type Err = MalformedKid;

    fn from_str(text: &str) -> Result<Self, MalformedKid> {
        // 43 characters hold 32 bytes: longer input is refused before it is decoded.
        if text.len() != 43 {
            return Err(MalformedKid);
        }
        from_base64url(text).and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(MalformedKid)
    }
}

/// A public signing key of ours as it appears in the key set (RFC 7517, RFC 7518 section 6,
/// RFC 8037 section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicJwk {
    /// Key type: `EC`, `OKP` or `RSA`.
    pub kty: String,
    /// Curve of an `EC` or `OKP` key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// First coordinate, or the whole `OKP` key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Second coordinate of an `EC` key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// Modulus of an `RSA` key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// Exponent of an `RSA` key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// The thumbprint.
    pub kid: Kid,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub public_key_use: String,
    /// The only algorithm this key is for.
    pub alg: SigningAlgorithm,
}

impl PublicJwk {
    /// An ES256 key from the affine coordinates of its point.
    pub fn es256(x: &[u8; 32], y: &[u8; 32]) -> Self {
        let (x, y) = (base64url(x), base64url(y));
        let kid = thumbprint(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#));
        Self { crv: Some("P-256".into()), x: Some(x), y: Some(y), ..bare("EC", kid, SigningAlgorithm::Es256) }
    }

    /// An Ed25519 key (RFC 8037 section 2).
    pub fn ed25519(x: &[u8; 32]) -> Self {
        let x = base64url(x);
        let kid = thumbprint(&format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
        Self { crv: Some("Ed25519".into()), x: Some(x), ..bare("OKP", kid, SigningAlgorithm::EdDsa) }
    }

    /// An RS256 key from its modulus and exponent, big-endian. Leading zero bytes are dropped,
    /// as RFC 7518 section 6.3.1 demands of the text form.
    pub fn rs256(modulus: &[u8], exponent: &[u8]) -> Self {
        let (n, e) = (base64url(without_leading_zeros(modulus)), base64url(without_leading_zeros(exponent)));
        let kid = thumbprint(&format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#));
        Self { n: Some(n), e: Some(e), ..bare("RSA", kid, SigningAlgorithm::Rs256) }
    }
}

impl PublicJwk {
    /// From a public JWK as the platform exported it. `None` when it is no key of this
    /// algorithm.
    pub fn from_exported(algorithm: SigningAlgorithm, jwk: &str) -> Option<Self> {
        let jwk = postern_jose::json::parse_text(jwk).ok()?;
        let member = |name: &str| from_base64url(jwk.get(name)?.as_str()?);
        let fixed = |name: &str| -> Option<[u8; 32]> { member(name)?.try_into().ok() };
        Some(match algorithm {
            SigningAlgorithm::Es256 => Self::es256(&fixed("x")?, &fixed("y")?),
            SigningAlgorithm::EdDsa => Self::ed25519(&fixed("x")?),
            SigningAlgorithm::Rs256 => Self::rs256(&member("n")?, &member("e")?),
        })
    }
}

fn bare(kty: &str, kid: Kid, alg: SigningAlgorithm) -> PublicJwk {
    PublicJwk {
        kty: kty.into(),
        crv: None,
        x: None,
        y: None,
        n: None,
        e: None,
        kid,
        public_key_use: "sig".into(),
        alg,
    }
}

/// RFC 7638 section 3: the required members alone, in lexicographic order, without white space.
fn thumbprint(canonical: &str) -> Kid {
    Kid(Sha256::digest(canonical.as_bytes()).into())
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// The key set that `/.well-known/jwks.json` answers (RFC 7517 section 5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PublicJwkSet {
    /// Every key that may have signed an access token still in use, and those about to sign.
    pub keys: Vec<PublicJwk>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7638 section 3.1.
    // Tests RFC 7638 section 3.1: the thumbprint of the example
    #[test]
    fn the_thumbprint_of_the_rfc_7638_example_is_met() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let mut modulus = vec![0];
        modulus.extend(from_base64url(n).unwrap());
        let jwk = PublicJwk::rs256(&modulus, &[1, 0, 1]);
        assert_eq!(jwk.kid.to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    /// RFC 8037 appendix A.3.
    // Tests RFC 8037 appendix A.3: the thumbprint of our own published form
    #[test]
    fn the_thumbprint_of_the_rfc_8037_example_is_met() {
        let x = from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let jwk = PublicJwk::ed25519(&x.try_into().unwrap());
        assert_eq!(jwk.kid.to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    // So it is never published.
    // Tests RFC 7517 section 9.2: no private member is published
    #[test]
    fn a_public_key_with_a_private_member_is_not_read() {
        let mut value = serde_json::to_value(PublicJwk::ed25519(&[1; 32])).unwrap();
        value["d"] = "AA".into();
        assert!(serde_json::from_value::<PublicJwk>(value).is_err());
    }

    #[test]
    fn public_jwk_format_unchanged() {
        assert_eq!(
            serde_json::to_string(&PublicJwk::es256(&[1; 32], &[2; 32])).unwrap(),
            r#"{"kty":"EC","crv":"P-256","x":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","y":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI","kid":"kOFKxjJdOqJD5G4Yuw-cxHe64VGyxKEO_hoV83QfGj0","use":"sig","alg":"ES256"}"#
        );
    }

    #[test]
    fn only_32_bytes_of_strict_base64url_are_a_kid() {
        let kid = Kid::from_thumbprint([9; 32]);
        assert_eq!(kid.to_string().parse(), Ok(kid));
        for text in ["", "CQ", &format!("{kid}="), &format!("{kid}AAAA"), &"!".repeat(43)] {
            assert_eq!(text.parse::<Kid>(), Err(MalformedKid), "{text}");
        }
    }
}
