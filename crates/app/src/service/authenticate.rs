//! From a bearer token to an identity: the only place that makes one.

use std::rc::Rc;

use super::{
    Ports, Service,
    credentials::Session,
    token_cache::{Known, Remembered},
};
use crate::{
    account::{AccountAnswer, AccountRequest, Accounts as _},
    encoding::text_set,
    gateway::{Identity, RawClaims, Revocation, StaleFeed},
    jose::{UnverifiedToken, VerifyError},
    jwt::{Claims, validate},
    ports::{Fault, Part},
    time::Timestamp,
};

/// There is no identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AccessRefused {
    /// The token's fault; the stable code is for the log.
    Token(&'static str),
    /// Ours.
    Fault(Fault),
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
        let refused = |error: crate::jwt::TokenError| AccessRefused::Token(error.code());
        let headers = &self.isolate.memory.headers;
        let unverified = UnverifiedToken::parse_known(token, headers).map_err(refused)?;
        let claimed = unverified.claimed_issuer().map_err(refused)?;
        let issuer = self.isolate.issuers.get(&claimed).ok_or(AccessRefused::Token("untrusted_issuer"))?;
        let jws = self.verified_by_keys(&unverified, issuer, now).await.map_err(|error| match error {
            VerifyError::Refused(error) => refused(error),
            VerifyError::Fault(fault) => AccessRefused::Fault(fault),
        })?;
        headers.remember(&unverified);
        let access_token = validate(jws, &issuer.policy, now).map_err(refused)?;
        if access_token.claims().confirmation.is_some() {
            // Bound to a key (RFC 9449): whoever holds it as a mere bearer has stolen it.
            return Err(AccessRefused::Token("bound_token_as_bearer"));
        }
        let key_thumbprint = access_token.key_thumbprint().into();
        let valid_until = access_token.expires_at();
        let (claims, payload) = access_token.into_claims();
        let mut identity = identity_of(claims, payload);
        let marks = identity.marks(identity.issuer == self.isolate.config.issuer);
        identity.claims.fold();
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
        let ask = AccountRequest::Check { family: session.family, issued_at };
        match self.ports.accounts().ask(session.account, &ask).await? {
            AccountAnswer::Checked { alive } => Ok(alive),
            AccountAnswer::Unavailable { cause } => Err(Fault::new(Part::Account, cause)),
            _ => Err(Fault::new(Part::Account, "an answer of another kind than was asked for")),
        }
    }
}

/// Of the claims of an access token and the payload that has them, or of claims alone that an
/// explanation supposes to be one's.
pub(super) fn identity_of(claims: Claims, payload: Vec<u8>) -> Identity {
    Identity {
        issuer: claims.iss,
        subject: claims.sub,
        audience: claims.aud,
        scopes: claims.scope,
        roles: text_set(claims.roles),
        tenant_id: claims.tenant_id,
        session_id: claims.sid,
        rotation_count: claims.rot,
        client_id: claims.client_id,
        issued_at: claims.iat,
        expires_at: claims.exp,
        claims: RawClaims::new(payload, claims.raw),
    }
}
