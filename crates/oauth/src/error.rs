//! The errors of the standards: RFC 6749 sections 4.1.2.1 and 5.2, RFC 8707 section 2, `OpenID` Connect Core section 3.1.2.6.

use std::borrow::Cow;

use crate::form::{FormError, Repeated};

/// The value of `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The user or the server refused the request.
    AccessDenied,
    /// The request was made with `prompt=none`, and the user has to consent.
    ConsentRequired,
    /// The client is unknown, or did not prove that it is this client.
    InvalidClient,
    /// The metadata of a client that registers itself is refused (RFC 7591 section 3.2.2).
    InvalidClientMetadata,
    /// The code or the refresh token is not valid, or not this client's.
    InvalidGrant,
    /// The request is malformed.
    InvalidRequest,
    /// The scope is malformed, or nothing of it can be granted.
    InvalidScope,
    /// The resource is unknown, malformed, or not this client's.
    InvalidTarget,
    /// The request was made with `prompt=none`, and the user has to sign in.
    LoginRequired,
    /// `request` is not supported.
    RequestNotSupported,
    /// `request_uri` is not supported.
    RequestUriNotSupported,
    /// The server cannot answer now.
    TemporarilyUnavailable,
    /// The client may not use this grant type.
    UnauthorizedClient,
    /// There is no such grant type.
    UnsupportedGrantType,
    /// There is no such response type.
    UnsupportedResponseType,
}

impl ErrorCode {
    /// The text on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::ConsentRequired => "consent_required",
            Self::InvalidClient => "invalid_client",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::LoginRequired => "login_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
        }
    }

    /// The status at the token endpoint and its neighbours (RFC 6749 section 5.2).
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient => 401,
            Self::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }
}

/// An error with its description for developers. The description never contains a value of the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", .code.code())]
pub struct OauthError {
    /// The code.
    pub code: ErrorCode,
    /// The description: ASCII without `"` and `\` (RFC 6749 section 5.2).
    pub description: Cow<'static, str>,
}

impl OauthError {
    /// An error with a fixed description.
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description: Cow::Borrowed(description) }
    }

    /// `invalid_request`.
    pub const fn invalid_request(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }
}

impl From<Repeated> for OauthError {
    fn from(repeated: Repeated) -> Self {
        Self { code: ErrorCode::InvalidRequest, description: Cow::Owned(repeated.to_string()) }
    }
}

impl From<FormError> for OauthError {
    fn from(error: FormError) -> Self {
        Self { code: ErrorCode::InvalidRequest, description: Cow::Owned(error.to_string()) }
    }
}
