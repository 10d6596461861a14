//! Why an access token gives no identity.

use crate::{
    jwt::{About, TokenError},
    ports::Fault,
    text::printable,
};

/// There is no identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AccessRefused {
    /// The token is sound and serves no more; the stable code is for the log.
    Token(&'static str),
    /// The token is not sound, or not for here.
    Invalid(Box<Invalid>),
    /// Ours.
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

/// Why a token is not sound, for the log: what it is about, and which setting would change the
/// answer. The caller is told none of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(crate) cause: TokenError,
    /// The trusted issuer that it names, and whether that is this deployment itself.
    pub(crate) issuer: Option<(String, bool)>,
    /// The key that it names, made fit for a log.
    pub(crate) kid: Option<String>,
}

/// The longest name of a claim, member, key or issuer in an event, in bytes.
pub(crate) const ABOUT_BYTES: usize = 128;

impl Invalid {
    /// Of a token whose issuer is not known.
    pub(crate) const fn of(cause: TokenError) -> Self {
        Self { cause, issuer: None, kid: None }
    }

    /// What it is about.
    pub(crate) fn about(&self) -> String {
        match (self.cause.about(), &self.kid) {
            (About::Key, Some(kid)) => ["key ", kid].concat(),
            (about, _) => printable(&about.to_string(), ABOUT_BYTES),
        }
    }

    /// The setting that would change the answer.
    pub(crate) fn setting(&self) -> Option<&'static str> {
        self.cause.setting(self.issuer.as_ref().is_some_and(|(_, own)| *own))
    }
}

impl From<Fault> for AccessRefused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
