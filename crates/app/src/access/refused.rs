//! Why an access token gives no identity.

use crate::{
    jwt::{About, TokenError},
    ports::Fault,
    text::printable,
};

/// The reason why there is no identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AccessRefused {
    /// The token is valid but revoked. The stable code is for the log.
    Token(&'static str),
    /// The token is not valid, or not valid here.
    Invalid(Box<Invalid>),
    /// A component failed.
    Fault(Fault),
}

impl AccessRefused {
    /// The stable code, for the log.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Token(code) => code,
            Self::Invalid(invalid) => invalid.cause.code(),
            Self::Fault(_) => "fault",
        }
    }
}

/// Why a token is not valid, for the log: the claim or header member, and the setting that would change the answer. The
/// caller does not learn any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(crate) cause: TokenError,
    /// The trusted issuer in the token, and whether it is this deployment.
    pub(crate) issuer: Option<(String, bool)>,
    /// The token's `kid`, sanitised for the log.
    pub(crate) kid: Option<String>,
}

/// The longest name of a claim, member, key or issuer in an event, in bytes.
pub(crate) const ABOUT_BYTES: usize = 128;

impl Invalid {
    /// The refusal of a token whose issuer is unknown.
    pub(crate) const fn of(cause: TokenError) -> Self {
        Self { cause, issuer: None, kid: None }
    }

    /// The claim or header member that caused the refusal.
    pub(crate) fn about(&self) -> String {
        match (self.cause.about(), &self.kid) {
            (About::Key, Some(kid)) => ["key ", kid].concat(),
            (about, _) => printable(&about.to_string(), ABOUT_BYTES),
        }
    }

    /// The setting that would change the answer: a member of the issuer's entry in `POSTERN_ISSUERS`, or a variable.
    /// `None` when no setting lets such a token pass.
    pub(crate) fn setting(&self) -> Option<&'static str> {
        match (&self.issuer, &self.cause) {
            (_, TokenError::UntrustedIssuer { .. }) => Some("POSTERN_ISSUERS"),
            (Some((_, true)), TokenError::WrongAudience { .. }) => Some("POSTERN_AUDIENCE"),
            (Some((_, true)), TokenError::NotYetValid | TokenError::IssuedInFuture) => Some("POSTERN_LEEWAY"),
            (Some((_, true)), _) => None,
            (_, cause) => cause.policy_member(),
        }
    }
}

impl From<Fault> for AccessRefused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
