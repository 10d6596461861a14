//! From a bearer token to an identity: the only place that makes one.

use std::rc::Rc;

use super::{
    Ports, Service,
    credentials::Session,
    judging::{Accepted, choose},
    token_cache::{Known, Remembered},
};
use crate::{
    account::Accounts as _,
    gateway::{Identity, Revocation, StaleFeed},
    jwt::{About, TokenError},
    ports::Fault,
    text::printable,
    time::Timestamp,
};

/// There is no identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AccessRefused {
    /// The token is sound and serves no more; the stable code is for the log.
    Token(&'static str),
    /// The token is not sound, or not for here.
    Invalid(Box<Invalid>),
    /// Ours.
    Fault(Fault),
}

impl AccessRefused {
    /// The stable code, for the log.
    pub(super) const fn code(&self) -> &'static str {
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
pub(super) struct Invalid {
    pub(super) cause: TokenError,
    /// The trusted issuer that it names, and whether that is this deployment itself.
    pub(super) issuer: Option<(String, bool)>,
    /// The key that it names, made fit for a log.
    pub(super) kid: Option<String>,
}

/// The longest name of a claim, member, key or issuer in an event, in bytes.
pub(super) const ABOUT_BYTES: usize = 128;

impl Invalid {
    /// Of a token whose issuer is not known.
    pub(super) const fn of(cause: TokenError) -> Self {
        Self { cause, issuer: None, kid: None }
    }

    /// What it is about.
    pub(super) fn about(&self) -> String {
        match (self.cause.about(), &self.kid) {
            (About::Key, Some(kid)) => ["key ", kid].concat(),
            (about, _) => printable(&about.to_string(), ABOUT_BYTES),
        }
    }

    /// The setting that would change the answer.
    pub(super) fn setting(&self) -> Option<&'static str> {
        self.cause.setting(self.issuer.as_ref().is_some_and(|(_, own)| *own))
    }
}

impl From<Fault> for AccessRefused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<P: Ports> Service<P> {
    /// What the isolate knows of this very token, while its key is still its issuer's.
    pub(super) fn remembered(&self, token: &str, now: Timestamp) -> Option<Known> {
        let memory = &self.isolate.memory;
        let mut tokens = memory.tokens.borrow_mut();
        let found = tokens.find(token, now)?;
        let known = found.known.clone();
        if !self.key_is_current(&known.identity.issuer, &found.key_thumbprint, now) {
            tokens.forget(token);
            return None;
        }
        Some(known)
    }

    /// Verifies and validates `token`, and asks whether it was revoked as far as `level` wants it.
    pub(super) async fn authenticate(
        &self,
        token: &str,
        now: Timestamp,
        level: Revocation,
        stale_feed: StaleFeed,
    ) -> Result<Rc<Identity>, AccessRefused> {
        if level != Revocation::None {
            // Before the token is looked at: the feed may know of a key that the copy of the key
            // set still has.
            self.feed_ready().await;
        }
        let known = match self.remembered(token, now) {
            Some(known) => known,
            None => self.verified(token, now).await?,
        };
        self.check_revoked(&known, level, stale_feed).await?;
        Ok(known.identity)
    }

    async fn verified(&self, token: &str, now: Timestamp) -> Result<Known, AccessRefused> {
        let headers = &self.isolate.memory.headers;
        let chosen = choose(token, headers, &self.isolate.issuers, &self.isolate.config.issuer)
            .map_err(|invalid| AccessRefused::Invalid(Box::new(invalid)))?;
        let verified = self.verified_by_keys(&chosen.token, chosen.issuer, now).await;
        let Accepted { mut identity, key_thumbprint, valid_until } = chosen.accept(verified, headers, now)?;
        let marks = identity.marks(identity.issuer == self.isolate.config.issuer);
        identity.fold();
        let known = Known { identity: Rc::new(identity), marks };
        let remembered = Remembered { known: known.clone(), key_thumbprint, valid_until };
        self.isolate.memory.tokens.borrow_mut().remember(token, remembered);
        Ok(known)
    }

    /// Asks the Account object of a token of ours whether its session lives.
    pub(super) async fn check_alive(&self, identity: &Identity) -> Result<(), AccessRefused> {
        let session = self.isolate.session_of(identity).ok_or(AccessRefused::Token("no_session"))?;
        if self.is_alive(&session, identity.issued_at).await? {
            Ok(())
        } else {
            Err(AccessRefused::Token("session_ended"))
        }
    }

    /// Whether the session lives, and a token of it that was issued then still serves.
    pub(super) async fn is_alive(&self, session: &Session, issued_at: Timestamp) -> Result<bool, Fault> {
        self.ports.accounts().check(session.account, session.family, issued_at).await
    }
}
