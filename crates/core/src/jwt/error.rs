//! Why a token is refused: precise for the log, one word on the wire.

use core::fmt;

use crate::jose::json::JsonError;

/// Why an access token is not accepted. On the wire every one of them is RFC 6750
/// `invalid_token`, so that a prober learns nothing; [`TokenError::code`] goes to the log.
/// Nothing here holds a part of the token that could be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    /// Longer than `jose::MAX_TOKEN_BYTES`.
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not three parts with dots between them.
    NotThreeParts {
        /// How many there are.
        parts: usize,
    },
    /// Five parts: a JWE (RFC 7516), which nobody here decrypts.
    Encrypted,
    /// A part is not strict base64url.
    NotBase64Url {
        /// Which one.
        part: &'static str,
    },
    /// The third part is empty.
    MissingSignature,
    /// The header is not one strict JSON object.
    MalformedHeader(JsonError),
    /// A header member is of the wrong type or length.
    MalformedHeaderMember {
        /// Which one.
        name: &'static str,
    },
    /// A header member that would choose a key or change what is signed.
    ForbiddenHeader {
        /// Which one.
        name: &'static str,
    },
    /// A header member other than `alg`, `kid` and `typ`.
    UnknownHeader,
    /// No `alg`.
    MissingAlgorithm,
    /// `alg` is `none` in some spelling.
    AlgorithmNone,
    /// `alg` is an HMAC: a public key must never become a shared secret.
    SymmetricAlgorithm,
    /// Another `alg` that is not supported.
    UnsupportedAlgorithm,
    /// Two parsers read the text differently.
    ParsersDisagree,
    /// No key of the token's `kid` (or algorithm) in the issuer's set.
    UnknownKey,
    /// No `kid`, and several keys fit.
    AmbiguousKey,
    /// The header's `alg` is not the key's.
    AlgorithmMismatch,
    /// The signature has not the length that the key's signatures have.
    WrongSignatureLength {
        /// Its length.
        bytes: usize,
    },
    /// The signature is not the key's over this token.
    BadSignature,
    /// The algorithm is not among those the issuer may use.
    AlgorithmNotAllowed,
    /// `typ` is absent or not one the issuer's access tokens have.
    WrongType,
    /// The claims are not one strict JSON object.
    MalformedClaims(JsonError),
    /// A required claim is absent.
    MissingClaim {
        /// Which one.
        name: &'static str,
    },
    /// A claim is of the wrong type, out of range, or empty.
    MalformedClaim {
        /// Which one.
        name: &'static str,
    },
    /// `iss` is not the issuer whose keys verified the token.
    WrongIssuer,
    /// `aud` names none of our audiences.
    WrongAudience,
    /// `exp` has passed, leeway included.
    Expired,
    /// `nbf` has not come, leeway included.
    NotYetValid,
    /// `iat` is in the future, leeway included.
    IssuedInFuture,
    /// `exp` is not after `iat`, or not after `nbf`.
    ImpossibleDates,
    /// It lives longer than the issuer's tokens may.
    LifetimeTooLong,
    /// It was issued longer ago than the policy allows.
    TooOld,
}

impl TokenError {
    /// The stable name of the cause, for logs, metrics and tests.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::NotThreeParts { .. } => "not_three_parts",
            Self::Encrypted => "encrypted",
            Self::NotBase64Url { .. } => "not_base64url",
            Self::MissingSignature => "missing_signature",
            Self::MalformedHeader(_) => "malformed_header",
            Self::MalformedHeaderMember { .. } => "malformed_header_member",
            Self::ForbiddenHeader { .. } => "forbidden_header",
            Self::UnknownHeader => "unknown_header",
            Self::MissingAlgorithm => "missing_alg",
            Self::AlgorithmNone => "alg_none",
            Self::SymmetricAlgorithm => "alg_symmetric",
            Self::UnsupportedAlgorithm => "alg_unsupported",
            Self::ParsersDisagree => "parsers_disagree",
            Self::UnknownKey => "unknown_key",
            Self::AmbiguousKey => "ambiguous_key",
            Self::AlgorithmMismatch => "alg_mismatch",
            Self::WrongSignatureLength { .. } => "wrong_signature_length",
            Self::BadSignature => "bad_signature",
            Self::AlgorithmNotAllowed => "alg_not_allowed",
            Self::WrongType => "wrong_typ",
            Self::MalformedClaims(_) => "malformed_claims",
            Self::MissingClaim { .. } => "missing_claim",
            Self::MalformedClaim { .. } => "malformed_claim",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::ImpossibleDates => "impossible_dates",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::TooOld => "too_old",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes } => write!(formatter, "token of {bytes} bytes is too large"),
            Self::NotThreeParts { parts } => write!(formatter, "token has {parts} parts, not three"),
            Self::NotBase64Url { part } => write!(formatter, "the {part} is not strict base64url"),
            Self::MalformedHeader(cause) => write!(formatter, "the header is {cause}"),
            Self::MalformedHeaderMember { name } => write!(formatter, "the header's {name} is malformed"),
            Self::ForbiddenHeader { name } => write!(formatter, "the header holds {name}"),
            Self::WrongSignatureLength { bytes } => write!(formatter, "a signature of {bytes} bytes"),
            Self::MalformedClaims(cause) => write!(formatter, "the claims are {cause}"),
            Self::MissingClaim { name } => write!(formatter, "no claim {name}"),
            Self::MalformedClaim { name } => write!(formatter, "the claim {name} is malformed"),
            other => formatter.write_str(match other {
                Self::Encrypted => "the token is encrypted",
                Self::MissingSignature => "no signature",
                Self::UnknownHeader => "an unknown header member",
                Self::MissingAlgorithm => "no alg",
                Self::AlgorithmNone => "alg is none",
                Self::SymmetricAlgorithm => "alg is symmetric",
                Self::UnsupportedAlgorithm => "alg is not supported",
                Self::ParsersDisagree => "two parsers read the token differently",
                Self::UnknownKey => "no key of the issuer matches",
                Self::AmbiguousKey => "several keys of the issuer match",
                Self::AlgorithmMismatch => "alg is not the key's",
                Self::BadSignature => "the signature is not good",
                Self::AlgorithmNotAllowed => "the issuer may not use this alg",
                Self::WrongType => "typ is not that of an access token",
                Self::WrongIssuer => "iss is another issuer",
                Self::WrongAudience => "aud is another audience",
                Self::Expired => "expired",
                Self::NotYetValid => "not yet valid",
                Self::IssuedInFuture => "issued in the future",
                Self::ImpossibleDates => "exp is not after iat and nbf",
                Self::LifetimeTooLong => "the lifetime is too long",
                _ => "issued too long ago",
            }),
        }
    }
}

impl core::error::Error for TokenError {}
