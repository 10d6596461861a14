//! One JSON Web Key (RFC 7517) of another party or of our own, as a public key that may verify
//! and do nothing else.

mod error;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    SignatureAlgorithm, Thumbprint, curve,
    json::{self, JsonError},
    rsa,
};
pub use error::JwkError;

use crate::encoding::{base64url, from_base64url};

/// The numbers of a public key, big-endian as in the JWK (Ed25519: as RFC 8032 encodes a point).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    /// A point on P-256.
    P256 {
        /// The x coordinate.
        x: [u8; 32],
        /// The y coordinate.
        y: [u8; 32],
    },
    /// A point on P-384.
    P384 {
        /// The x coordinate.
        x: [u8; 48],
        /// The y coordinate.
        y: [u8; 48],
    },
    /// An Ed25519 public key.
    Ed25519 {
        /// The encoded point.
        x: [u8; 32],
    },
    /// An RSA public key.
    Rsa {
        /// The modulus, 256 to 1024 bytes, without leading zeros.
        n: Vec<u8>,
        /// The exponent, 1 to 5 bytes, without leading zeros.
        e: Vec<u8>,
    },
}

/// A parsed and checked verification key. It has one algorithm and verifies nothing else. Its
/// serde form is the JWK that [`PublicKey::to_jwk`] gives; reading it makes every check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PublicJwk", into = "PublicJwk")]
pub struct PublicKey {
    kid: Option<String>,
    algorithm: SignatureAlgorithm,
    material: KeyMaterial,
    thumbprint: Thumbprint,
}

/// The public members of a JWK, and no other: there is no field that could hold a private one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    kty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(rename = "use")]
    public_key_use: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alg: Option<SignatureAlgorithm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<String>,
}

impl PublicJwk {
    /// The key's id.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The same without `alg`, as its issuer published it.
    #[must_use]
    pub(super) fn without_algorithm(self) -> Self {
        Self { alg: None, ..self }
    }
}

/// RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1.
const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// The algorithms that an RSA key can be for.
pub(super) const RSA_ALGORITHMS: [SignatureAlgorithm; 2] =
    [SignatureAlgorithm::Rs256, SignatureAlgorithm::Ps256];

/// The members that are read. A key's decision depends on these alone.
pub(super) const READ_MEMBERS: [&str; 10] =
    ["kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e"];

/// Whether a member of this name is read.
pub(super) fn is_read(name: &str) -> bool {
    READ_MEMBERS.contains(&name) || PRIVATE_MEMBERS.contains(&name)
}

/// A `kid` longer than this is no name but a payload; thumbprints have 43 characters.
pub(super) const MAX_KID_BYTES: usize = 256;

impl PublicKey {
    /// Reads and checks one JWK. An RSA key without `alg` is an RS256 key; an EC or OKP key's
    /// algorithm follows from its curve. Certificates and unknown members are ignored, and a
    /// member that is `null` is absent.
    pub fn from_jwk(jwk: &Value) -> Result<Self, JwkError> {
        let members = jwk.as_object().ok_or(JwkError::NotJson(JsonError::NotAnObject))?;
        Self::from_members(members).map(|(key, _)| key)
    }

    /// The same, and whether the JWK leaves open which RSA algorithm the key is for.
    pub(super) fn from_members(members: &Map<String, Value>) -> Result<(Self, bool), JwkError> {
        if let Some(name) = PRIVATE_MEMBERS.into_iter().find(|name| member(members, name).is_some()) {
            return Err(JwkError::PrivateMember(name));
        }
        check_purpose(members)?;
        // A name of no characters names nothing.
        let kid = optional_text(members, "kid")?.filter(|kid| !kid.is_empty()).map(str::to_owned);
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(JwkError::MalformedMember("kid"));
        }
        let (algorithm, material) = match required_text(members, "kty")? {
            "EC" => elliptic(members)?,
            "OKP" => edwards(members)?,
            "RSA" => {
                let [n, e] = [decoded(members, "n")?, decoded(members, "e")?].map(rsa::without_leading_zeros);
                rsa::check(&n, &e)?;
                (SignatureAlgorithm::Rs256, KeyMaterial::Rsa { n, e })
            }
            _ => return Err(JwkError::UnsupportedKeyType),
        };
        let is_rsa = matches!(material, KeyMaterial::Rsa { .. });
        let named = optional_text(members, "alg")?;
        let algorithm = match named {
            None => algorithm,
            Some(name) => name
                .parse()
                .ok()
                .filter(|named| *named == algorithm || (is_rsa && RSA_ALGORITHMS.contains(named)))
                .ok_or(JwkError::WrongAlgorithm)?,
        };
        let thumbprint = thumbprint(&material);
        Ok((Self { kid, algorithm, material, thumbprint }, is_rsa && named.is_none()))
    }

    /// About how many bytes the key takes where it is kept.
    pub(super) const fn kept_bytes(&self) -> usize {
        let numbers = match &self.material {
            KeyMaterial::P256 { .. } => 2 * 43,
            KeyMaterial::P384 { .. } => 2 * 64,
            KeyMaterial::Ed25519 { .. } => 43,
            KeyMaterial::Rsa { n, e } => (n.len() + e.len()).div_ceil(3) * 4,
        };
        let kid = match &self.kid {
            Some(kid) => kid.len(),
            None => 0,
        };
        // The rest is the names of the members.
        numbers + kid + 80
    }

    /// The same RSA key for another RSA algorithm.
    pub(super) fn for_algorithm(&self, algorithm: SignatureAlgorithm) -> Self {
        Self { algorithm, ..self.clone() }
    }

    /// The key of a JWK in JSON text, which is read strictly.
    pub fn from_jwk_text(text: &str) -> Result<Self, JwkError> {
        Self::from_jwk(&json::parse(text.as_bytes()).map_err(JwkError::NotJson)?)
    }

    /// The same key under the name `kid`.
    #[must_use]
    pub fn with_kid(self, kid: impl Into<String>) -> Self {
        Self { kid: Some(kid.into()), ..self }
    }

    /// The same key under the name that follows from it: its thumbprint.
    #[must_use]
    pub fn named_by_thumbprint(self) -> Self {
        let kid = self.thumbprint.to_string();
        self.with_kid(kid)
    }

    /// The key's id within its set.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The one algorithm this key verifies.
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The key's numbers.
    pub const fn material(&self) -> &KeyMaterial {
        &self.material
    }

    /// The SHA-256 thumbprint of the key (RFC 7638).
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// The length in bytes that a signature by this key has (RFC 7518 sections 3.3 to 3.5, RFC
    /// 8037 section 3.1).
    pub const fn signature_length(&self) -> usize {
        match &self.material {
            KeyMaterial::P256 { .. } | KeyMaterial::Ed25519 { .. } => 64,
            KeyMaterial::P384 { .. } => 96,
            KeyMaterial::Rsa { n, .. } => n.len(),
        }
    }

    /// The key as it is published: `use` is `sig`, `alg` always given.
    pub fn to_jwk(&self) -> PublicJwk {
        let mut jwk = PublicJwk {
            kty: String::new(),
            kid: self.kid.clone(),
            public_key_use: "sig".into(),
            alg: Some(self.algorithm),
            crv: None,
            x: None,
            y: None,
            n: None,
            e: None,
        };
        let (kty, crv) = match &self.material {
            KeyMaterial::P256 { x, y } => {
                (jwk.x, jwk.y) = (Some(base64url(x)), Some(base64url(y)));
                ("EC", Some("P-256"))
            }
            KeyMaterial::P384 { x, y } => {
                (jwk.x, jwk.y) = (Some(base64url(x)), Some(base64url(y)));
                ("EC", Some("P-384"))
            }
            KeyMaterial::Ed25519 { x } => {
                jwk.x = Some(base64url(x));
                ("OKP", Some("Ed25519"))
            }
            KeyMaterial::Rsa { n, e } => {
                (jwk.n, jwk.e) = (Some(base64url(n)), Some(base64url(e)));
                ("RSA", None)
            }
        };
        jwk.kty = kty.into();
        jwk.crv = crv.map(Into::into);
        jwk
    }
}

impl From<PublicKey> for PublicJwk {
    fn from(key: PublicKey) -> Self {
        key.to_jwk()
    }
}

impl TryFrom<PublicJwk> for PublicKey {
    type Error = JwkError;

    fn try_from(jwk: PublicJwk) -> Result<Self, JwkError> {
        let jwk = serde_json::to_value(jwk).map_err(|_| JwkError::NotJson(JsonError::Malformed))?;
        Self::from_jwk(&jwk)
    }
}

/// RFC 7517 sections 4.2 and 4.3.
fn check_purpose(members: &Map<String, Value>) -> Result<(), JwkError> {
    if optional_text(members, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(JwkError::NotForVerification("use"));
    }
    match member(members, "key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().all(Value::is_string) => {
            if operations.iter().any(|operation| operation == "verify") {
                Ok(())
            } else {
                Err(JwkError::NotForVerification("key_ops"))
            }
        }
        Some(_) => Err(JwkError::MalformedMember("key_ops")),
    }
}

fn elliptic(members: &Map<String, Value>) -> Result<(SignatureAlgorithm, KeyMaterial), JwkError> {
    match required_text(members, "crv")? {
        "P-256" => {
            let (x, y) = (fixed(members, "x")?, fixed(members, "y")?);
            if !curve::on_p256(&x, &y) {
                return Err(JwkError::NotOnCurve);
            }
            Ok((SignatureAlgorithm::Es256, KeyMaterial::P256 { x, y }))
        }
        "P-384" => {
            let (x, y) = (fixed(members, "x")?, fixed(members, "y")?);
            if !curve::on_p384(&x, &y) {
                return Err(JwkError::NotOnCurve);
            }
            Ok((SignatureAlgorithm::Es384, KeyMaterial::P384 { x, y }))
        }
        _ => Err(JwkError::UnsupportedCurve),
    }
}

/// The encodings of y of the points of order 1, 2, 4 and 8, sign bit cleared. For such a key a
/// signature can be made without any private key.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

fn edwards(members: &Map<String, Value>) -> Result<(SignatureAlgorithm, KeyMaterial), JwkError> {
    if required_text(members, "crv")? != "Ed25519" {
        return Err(JwkError::UnsupportedCurve);
    }
    let x: [u8; 32] = fixed(members, "x")?;
    let mut y = x;
    y[31] &= 0x7f;
    // y is little-endian; from 2^255 - 19 on it has a second, smaller spelling.
    let beyond_prime = y[0] >= 0xed && y[31] == 0x7f && y.iter().skip(1).take(30).all(|byte| *byte == 0xff);
    if beyond_prime || SMALL_ORDER.contains(&y) {
        return Err(JwkError::SmallOrder);
    }
    Ok((SignatureAlgorithm::EdDsa, KeyMaterial::Ed25519 { x }))
}

/// RFC 7638 section 3: the required members in alphabetical order without white space.
fn thumbprint(material: &KeyMaterial) -> Thumbprint {
    let canonical = match material {
        KeyMaterial::P256 { x, y } => elliptic_canonical("P-256", x, y),
        KeyMaterial::P384 { x, y } => elliptic_canonical("P-384", x, y),
        KeyMaterial::Ed25519 { x } => {
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url(x))
        }
        KeyMaterial::Rsa { n, e } => {
            format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, base64url(e), base64url(n))
        }
    };
    Thumbprint::of_canonical(&canonical)
}

fn elliptic_canonical(curve: &str, x: &[u8], y: &[u8]) -> String {
    format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, base64url(x), base64url(y))
}

/// A member; one that is `null` is absent.
fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

fn optional_text<'a>(
    members: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, JwkError> {
    match member(members, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwkError::MalformedMember(name)),
    }
}

fn required_text<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, JwkError> {
    optional_text(members, name)?.ok_or(JwkError::MissingMember(name))
}

fn decoded(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    from_base64url(required_text(members, name)?).ok_or(JwkError::MalformedMember(name))
}

/// RFC 7518 section 6.2.1.2: a coordinate has the full length of the curve's field.
fn fixed<const N: usize>(members: &Map<String, Value>, name: &'static str) -> Result<[u8; N], JwkError> {
    decoded(members, name)?.try_into().map_err(|_| JwkError::MalformedMember(name))
}

#[cfg(test)]
mod tests;
