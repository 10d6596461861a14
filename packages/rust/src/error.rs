//! Why a request is refused, and the answer for it.

use core::fmt;

use http::{HeaderValue, Response, StatusCode, header};
use postern_jose::TokenError;

/// The kinds of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The gate's assertion, in `X-Postern-Assertion`.
    Assertion,
    /// An access token, in `Authorization: Bearer`.
    AccessToken,
}

/// Why a request is refused. For your log: the caller gets [`Refusal::code`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No `X-Postern-Assertion`: the request did not come through the gate.
    NoAssertion,
    /// An empty one.
    EmptyAssertion,
    /// More than one.
    SeveralAssertions,
    /// No `Authorization`, or one of another scheme.
    CredentialsRequired,
    /// `Authorization: Bearer` without exactly one token.
    InvalidRequest,
    /// The token is not accepted.
    Token(TokenError),
    /// A bound assertion that is for another request.
    WrongRequest,
    /// There are no keys to verify with, which is not the caller's fault.
    KeysUnavailable,
}

impl Reason {
    /// The stable name, the same in every verifier of Postern's tokens.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoAssertion => "no_assertion",
            Self::EmptyAssertion => "empty_assertion",
            Self::SeveralAssertions => "several_assertions",
            Self::CredentialsRequired => "credentials_required",
            Self::InvalidRequest => "invalid_request",
            Self::Token(error) => error.code(),
            Self::WrongRequest => "wrong_request",
            Self::KeysUnavailable => "keys_unavailable",
        }
    }
}

/// A request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    kind: Kind,
    reason: Reason,
}

impl Refusal {
    pub(crate) const fn new(kind: Kind, reason: Reason) -> Self {
        Self { kind, reason }
    }

    /// Why, for your log. It holds no part of the token that could be used.
    pub const fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Why, for the caller: one word that does not help them to guess.
    pub const fn code(&self) -> &'static str {
        match (self.kind, &self.reason) {
            (_, Reason::KeysUnavailable) => "keys_unavailable",
            (_, Reason::NoAssertion) => "assertion_required",
            (_, Reason::CredentialsRequired) => "credentials_required",
            (_, Reason::InvalidRequest) => "invalid_request",
            (Kind::Assertion, _) => "invalid_assertion",
            (Kind::AccessToken, _) => "invalid_token",
        }
    }

    /// 401; 400 for a malformed `Authorization`; 503 without keys.
    pub const fn status(&self) -> StatusCode {
        match self.reason {
            Reason::KeysUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Reason::InvalidRequest => StatusCode::BAD_REQUEST,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// The answer: a problem document (RFC 9457) with a challenge (RFC 9110 section 11.6.1, RFC 6750 section 3).
    pub fn to_response<B: From<String>>(&self) -> Response<B> {
        let (status, code) = (self.status(), self.code());
        let title = status.canonical_reason().unwrap_or_default();
        let body = format!(r#"{{"title":"{title}","status":{},"code":"{code}"}}"#, status.as_u16());
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match (self.kind, code) {
            (_, "keys_unavailable") => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5")),
            (Kind::Assertion, _) => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Postern-Assertion"))
            }
            (_, "credentials_required") => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            (_, "invalid_request") => headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(r#"Bearer error="invalid_request""#),
            ),
            _ => headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(r#"Bearer error="invalid_token""#),
            ),
        };
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason.name())?;
        match &self.reason {
            Reason::Token(error) => write!(formatter, " ({})", error.about()),
            _ => Ok(()),
        }
    }
}

impl core::error::Error for Refusal {}

/// A setting that would let too much pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsError {
    /// The issuer is empty, or no https URL.
    Issuer,
    /// There is no audience, or an empty one.
    Audience,
    /// The address of the key set is no https URL.
    Keys,
    /// Access tokens are not bound to a request.
    Bound,
    /// A health path does not begin with a slash, or has one of `*`, `?`, `#`.
    Health,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Issuer => "the issuer must be POSTERN_ISSUER, an https URL",
            Self::Audience => "an audience is required, and none may be empty",
            Self::Keys => "the address of the key set must be an https URL",
            Self::Bound => "access tokens are not bound to a request",
            Self::Health => "a health path must be a plain path",
        })
    }
}

impl core::error::Error for SettingsError {}
