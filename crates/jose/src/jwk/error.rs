//! Why a JWK is left out of a key set.

use core::fmt;

use crate::json::JsonError;

/// Why a JWK is no verification key for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwkError {
    /// The text is not one strict JSON object.
    NotJson(JsonError),
    /// A required member is absent.
    MissingMember(&'static str),
    /// A member is of the wrong type, length or encoding.
    MalformedMember(&'static str),
    /// A `kty` other than EC, OKP and RSA; symmetric keys among them.
    UnsupportedKeyType,
    /// A `crv` other than P-256, P-384 and Ed25519.
    UnsupportedCurve,
    /// An `alg` that is not supported, or that does not belong to the key's type and curve.
    WrongAlgorithm,
    /// This member says another purpose: `use` is not `sig`, or `key_ops` does not hold `verify`.
    NotForVerification(&'static str),
    /// The member belongs to a private or symmetric key: whoever published it has lost the key.
    PrivateMember(&'static str),
    /// The point is not on its curve.
    NotOnCurve,
    /// The Ed25519 point has small order or is not in canonical form: everyone can sign for it.
    SmallOrder,
    /// The RSA modulus is under 2048 or over 8192 bits, even, or has the ROCA fingerprint.
    WeakModulus,
    /// The RSA exponent is even, 1, or over 2^32.
    WeakExponent,
    /// The set holds the issuer has more usable keys than are kept.
    BeyondWhatIsKept,
}

impl JwkError {
    /// The stable name, for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotJson(_) => "not_json",
            Self::MissingMember(_) => "missing_member",
            Self::MalformedMember(_) => "malformed_member",
            Self::UnsupportedKeyType => "unsupported_kty",
            Self::UnsupportedCurve => "unsupported_crv",
            Self::WrongAlgorithm => "wrong_alg",
            Self::NotForVerification(_) => "not_for_verification",
            Self::PrivateMember(_) => "private_member",
            Self::NotOnCurve => "not_on_curve",
            Self::SmallOrder => "small_order",
            Self::WeakModulus => "weak_modulus",
            Self::WeakExponent => "weak_exponent",
            Self::BeyondWhatIsKept => "too_many_keys",
        }
    }
}

impl fmt::Display for JwkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(cause) => write!(formatter, "the key is {cause}"),
            Self::MissingMember(name) => write!(formatter, "the key has no {name}"),
            Self::MalformedMember(name) => write!(formatter, "the key's {name} is malformed"),
            Self::PrivateMember(name) => write!(formatter, "the key contains the private member {name}"),
            Self::UnsupportedKeyType => formatter.write_str("the key's type (kty) is not supported"),
            Self::UnsupportedCurve => formatter.write_str("the key's curve (crv) is not supported"),
            Self::WrongAlgorithm => formatter.write_str("the key's alg is unsupported or not for this key"),
            Self::NotForVerification(name) => {
                write!(formatter, "the key's {name} does not allow verifying signatures")
            }
            Self::NotOnCurve => formatter.write_str("the key's point (x, y) is not on its curve"),
            Self::SmallOrder => formatter.write_str("the key's point (x) has small order"),
            Self::WeakModulus => formatter.write_str("the key's modulus (n) is too weak or too large"),
            Self::WeakExponent => formatter.write_str("the key's exponent (e) is too weak or too large"),
            Self::BeyondWhatIsKept => formatter.write_str("the issuer has more usable keys than are kept"),
        }
    }
}

impl core::error::Error for JwkError {}
