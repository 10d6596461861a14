//! Why a token is refused: precise for the log, one word on the wire.

use core::fmt;
use std::borrow::Cow;

use crate::json::JsonError;

/// A claim that a token is refused for: which one, what it has to be, and which member of the policy would change
/// the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimFault {
    /// The claim, as the standard or the issuer's settings name it.
    pub name: Cow<'static, str>,
    /// What it has to be.
    pub expected: &'static str,
    /// The member of the issuer's policy that says that this claim is read.
    pub policy_member: Option<&'static str>,
}

/// What a refusal is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About<'a> {
    /// The token as a whole.
    Token,
    /// One of its parts: `header`, `payload`, `signature`.
    Part(&'static str),
    /// A member of the header.
    HeaderMember(&'a str),
    /// A claim.
    Claim(&'a str),
    /// The issuer that the token names.
    Issuer(&'a str),
    /// The key that the token names by its `kid`.
    Key,
}

impl fmt::Display for About<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, name) = match self {
            Self::Token => ("token", ""),
            Self::Part(name) => ("part ", *name),
            Self::HeaderMember(name) => ("header member ", *name),
            Self::Claim(name) => ("claim ", *name),
            Self::Issuer(name) => ("issuer ", *name),
            Self::Key => ("key", ""),
        };
        formatter.write_str(what)?;
        formatter.write_str(name)
    }
}

/// Why an access token is not accepted. On the wire every one of them is RFC 6750
/// `invalid_token`, so that a prober learns nothing; [`TokenError::code`] goes to the log.
/// Nothing here holds a part of the token that could be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    /// Longer than its issuer's tokens may be, or than any issuer's.
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The longest that is taken.
        limit: usize,
    },
    /// Not three parts separated by dots.
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
    /// A header member that changes what is signed, or, in a token of our own, that would choose a
    /// key.
    ForbiddenHeader {
        /// Which one.
        name: &'static str,
    },
    /// In a token of our own: a header member other than `alg`, `kid` and `typ`.
    UnknownHeader {
        /// Which one, made fit for a log.
        name: String,
    },
    /// No `alg`.
    MissingAlgorithm,
    /// `alg` is `none` in some spelling.
    AlgorithmNone,
    /// `alg` is an HMAC: a public key must never become a shared secret.
    SymmetricAlgorithm,
    /// Another `alg` that is not supported.
    UnsupportedAlgorithm,
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
    WrongType {
        /// What it has to be.
        expected: &'static str,
    },
    /// The claims are not one strict JSON object.
    MalformedClaims(JsonError),
    /// A claim that is asked for is absent.
    MissingClaim(ClaimFault),
    /// A claim that is read is of the wrong type, out of range, or empty.
    MalformedClaim(ClaimFault),
    /// `iss` is no trusted issuer.
    UntrustedIssuer {
        /// What it says, made fit for a log.
        issuer: String,
    },
    /// `iss` is not the issuer whose keys verified the token.
    WrongIssuer,
    /// The claim of the audience (`aud`, where the issuer's settings name no other) names none of
    /// ours.
    WrongAudience {
        /// Which claim that is.
        claim: Cow<'static, str>,
    },
    /// It is bound to a key (RFC 9449), and came as a mere bearer token.
    BoundToken,
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
            Self::UnknownHeader { .. } => "unknown_header",
            Self::MissingAlgorithm => "missing_alg",
            Self::AlgorithmNone => "alg_none",
            Self::SymmetricAlgorithm => "alg_symmetric",
            Self::UnsupportedAlgorithm => "alg_unsupported",
            Self::UnknownKey => "unknown_key",
            Self::AmbiguousKey => "ambiguous_key",
            Self::AlgorithmMismatch => "alg_mismatch",
            Self::WrongSignatureLength { .. } => "wrong_signature_length",
            Self::BadSignature => "bad_signature",
            Self::AlgorithmNotAllowed => "alg_not_allowed",
            Self::WrongType { .. } => "wrong_typ",
            Self::MalformedClaims(_) => "malformed_claims",
            Self::MissingClaim(_) => "missing_claim",
            Self::MalformedClaim(_) => "malformed_claim",
            Self::UntrustedIssuer { .. } => "untrusted_issuer",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience { .. } => "wrong_audience",
            Self::BoundToken => "bound_token_as_bearer",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::ImpossibleDates => "impossible_dates",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::TooOld => "too_old",
        }
    }
}

impl TokenError {
    /// What the refusal is about: the claim, the header member, the part.
    pub fn about(&self) -> About<'_> {
        match self {
            Self::TooLarge { .. } | Self::NotThreeParts { .. } | Self::Encrypted => About::Token,
            Self::NotBase64Url { part } => About::Part(part),
            Self::MissingSignature | Self::WrongSignatureLength { .. } | Self::BadSignature => {
                About::Part("signature")
            }
            Self::MalformedHeader(_) => About::Part("header"),
            Self::MalformedClaims(_) => About::Part("payload"),
            Self::MalformedHeaderMember { name } | Self::ForbiddenHeader { name } => {
                About::HeaderMember(name)
            }
            Self::UnknownHeader { name } => About::HeaderMember(name),
            Self::MissingAlgorithm
            | Self::AlgorithmNone
            | Self::SymmetricAlgorithm
            | Self::UnsupportedAlgorithm
            | Self::AlgorithmMismatch
            | Self::AlgorithmNotAllowed => About::HeaderMember("alg"),
            Self::WrongType { .. } => About::HeaderMember("typ"),
            Self::UnknownKey | Self::AmbiguousKey => About::Key,
            Self::MissingClaim(fault) | Self::MalformedClaim(fault) => About::Claim(&fault.name),
            Self::UntrustedIssuer { issuer } => About::Issuer(issuer),
            Self::WrongIssuer => About::Claim("iss"),
            Self::WrongAudience { claim } => About::Claim(claim),
            Self::BoundToken => About::Claim("cnf"),
            Self::NotYetValid => About::Claim("nbf"),
            Self::IssuedInFuture | Self::TooOld => About::Claim("iat"),
            Self::Expired | Self::ImpossibleDates | Self::LifetimeTooLong => About::Claim("exp"),
        }
    }

    /// What it has to be, where one sentence says so.
    pub const fn expected(&self) -> Option<&'static str> {
        Some(match self {
            Self::MissingClaim(fault) | Self::MalformedClaim(fault) => fault.expected,
            Self::WrongType { expected } => expected,
            Self::MalformedHeaderMember { name } if name.eq_ignore_ascii_case("kid") => {
                "a string of 1 to 256 bytes"
            }
            Self::MalformedHeaderMember { .. } => "a string",
            Self::MalformedHeader(_) | Self::MalformedClaims(_) => {
                "one JSON object without repeated members, at most 64 levels deep"
            }
            Self::NotBase64Url { .. } => "base64url without padding",
            Self::NotThreeParts { .. } | Self::Encrypted => "three parts separated by dots",
            Self::UntrustedIssuer { .. } => "a trusted issuer, exactly as configured",
            Self::WrongAudience { .. } => "one of the issuer's audiences",
            Self::AlgorithmNotAllowed => "one of the issuer's algorithms",
            Self::AlgorithmMismatch => "the algorithm of the key",
            Self::ImpossibleDates => "a time after `iat` and `nbf`",
            Self::Expired => "a time in the future",
            Self::NotYetValid | Self::IssuedInFuture => "a time in the past",
            _ => return None,
        })
    }

    /// The member of the issuer's [`ValidationPolicy`](crate::jwt::ValidationPolicy) that would change
    /// the answer. `None` when no policy lets such a token pass, and where the policy judges its
    /// tokens to the letter.
    pub const fn policy_member(&self) -> Option<&'static str> {
        Some(match self {
            Self::TooLarge { .. } => "max_token_bytes",
            Self::WrongAudience { .. } => "audiences",
            Self::NotYetValid | Self::IssuedInFuture => "leeway",
            Self::WrongType { .. } => "typ",
            Self::AlgorithmNotAllowed => "algorithms",
            Self::MissingClaim(fault) | Self::MalformedClaim(fault) => return fault.policy_member,
            _ => return None,
        })
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, limit } => {
                write!(formatter, "the token has {bytes} bytes; at most {limit} are allowed")
            }
            Self::NotThreeParts { parts } => {
                write!(formatter, "the token has {parts} parts instead of three")
            }
            Self::NotBase64Url { part } => write!(formatter, "the {part} is not strict base64url"),
            Self::MalformedHeader(cause) => write!(formatter, "the header is {cause}"),
            Self::MalformedHeaderMember { name } => write!(formatter, "the header's {name} is malformed"),
            Self::ForbiddenHeader { name } => write!(formatter, "the header contains {name}"),
            Self::WrongSignatureLength { bytes } => {
                write!(formatter, "the signature has {bytes} bytes, which its algorithm does not allow")
            }
            Self::MalformedClaims(cause) => write!(formatter, "the claims are {cause}"),
            Self::UnknownHeader { name } => write!(formatter, "the header contains {name}"),
            Self::MissingClaim(fault) => write!(formatter, "the claim {} is missing", fault.name),
            Self::MalformedClaim(fault) => {
                write!(formatter, "the claim {} is not {}", fault.name, fault.expected)
            }
            Self::UntrustedIssuer { issuer } => write!(formatter, "the issuer {issuer} is not trusted"),
            Self::WrongAudience { claim } => {
                write!(formatter, "{claim} does not contain an accepted audience")
            }
            Self::WrongType { expected } => write!(formatter, "typ is not {expected}"),
            other => formatter.write_str(match other {
                Self::Encrypted => "the token is encrypted",
                Self::MissingSignature => "the signature is missing",
                Self::MissingAlgorithm => "alg is missing",
                Self::AlgorithmNone => "alg is none",
                Self::SymmetricAlgorithm => "alg is symmetric",
                Self::UnsupportedAlgorithm => "alg is not supported",
                Self::UnknownKey => "no key of the issuer matches",
                Self::AmbiguousKey => "several keys of the issuer match",
                Self::AlgorithmMismatch => "alg is not the algorithm of the key",
                Self::BadSignature => "the signature is not valid",
                Self::AlgorithmNotAllowed => "the issuer is not allowed to use this alg",
                Self::WrongIssuer => "iss is not the expected issuer",
                Self::BoundToken => "the token is bound to a key, but was sent as a bearer token",
                Self::Expired => "the token has expired",
                Self::NotYetValid => "the token is not valid yet",
                Self::IssuedInFuture => "iat is in the future",
                Self::ImpossibleDates => "exp is not after iat and nbf",
                Self::LifetimeTooLong => "the lifetime is too long",
                _ => "the token was issued too long ago",
            }),
        }
    }
}

impl core::error::Error for TokenError {}
