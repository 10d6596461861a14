//! The steps from the text of a bearer token to an identity, without the look-up of keys. The gate uses keys from
//! memory, KV and Durable Objects. `postern token inspect` uses keys from a file or from the network.

use std::{borrow::Cow, collections::BTreeMap, rc::Rc};

use crate::{
    access::refused::{ABOUT_BYTES, AccessRefused, Invalid},
    gateway::{Gate, Identity},
    isolate::issuers::TrustedIssuer,
    jose::Thumbprint,
    jose::{JwkSet, KnownHeaders, PendingVerification, UnverifiedToken, VerifiedJws, VerifyError},
    jwt::{TokenError, validate_for},
    ports::Fault,
    text::printable,
    time::Timestamp,
};

/// A parsed token of a trusted issuer. Its signature is not verified yet.
#[derive(Debug)]
pub(crate) struct Chosen<'a> {
    pub(crate) token: UnverifiedToken<'a>,
    pub(crate) issuer: ChosenIssuer,
}

/// The trusted issuer of a token.
#[derive(Debug)]
pub(crate) struct ChosenIssuer {
    pub(crate) trusted: Rc<TrustedIssuer>,
    /// Whether the issuer is this deployment.
    pub(crate) own: bool,
}

/// A token whose signature is being verified, by a verifier that answers later.
#[derive(Debug)]
pub(crate) struct PendingToken {
    pub(crate) verification: PendingVerification,
    issuer: ChosenIssuer,
}

/// A verified and validated token.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) identity: Identity,
    pub(crate) key_thumbprint: Thumbprint,
    pub(crate) valid_until: Timestamp,
}

/// Parses a token, and finds its issuer among the trusted ones. `own` is the deployment's issuer.
pub(crate) fn choose<'a>(
    text: impl Into<Cow<'a, str>>,
    headers: &KnownHeaders,
    issuers: &BTreeMap<String, Rc<TrustedIssuer>>,
    own: &str,
) -> Result<Chosen<'a>, Invalid> {
    let token = UnverifiedToken::parse_known(text, headers).map_err(Invalid::of)?;
    let claimed = token.claimed_issuer().map_err(Invalid::of)?;
    let Some(trusted) = issuers.get(&claimed) else {
        return Err(Invalid::of(TokenError::UntrustedIssuer { issuer: printable(&claimed, ABOUT_BYTES) }));
    };
    let issuer = ChosenIssuer { trusted: Rc::clone(trusted), own: trusted.policy.issuer == own };
    // Before a key is looked for and a signature: what the header says is refused with any.
    match trusted.policy.judge_header(token.header()) {
        Ok(()) => Ok(Chosen { token, issuer }),
        Err(cause) => Err(issuer.refused(&token, cause)),
    }
}

impl Chosen<'_> {
    /// Validates the claims of a verified token by the issuer's policy, and refuses tokens that are bound to a key. The
    /// audience may also be a resource of the table in force; the policy of the route decides whether it is the right one.
    pub(crate) fn accept(
        &self,
        verified: Result<VerifiedJws, VerifyError<impl Into<Fault>>>,
        headers: &KnownHeaders,
        table: Option<&Gate>,
        now: Timestamp,
    ) -> Result<Accepted, AccessRefused> {
        self.issuer.accept(&self.token, verified, headers, table, now)
    }
}

impl Chosen<'static> {
    /// The token on its way to a verifier. `None` unless exactly one of these keys fits it.
    pub(crate) fn pending(self, keys: Rc<JwkSet>) -> Option<PendingToken> {
        let verification = PendingVerification::begin(self.token, keys)?;
        Some(PendingToken { verification, issuer: self.issuer })
    }
}

impl PendingToken {
    /// As [`Chosen::accept`], with the verifier's verdict. The text of the token comes back for the cache and the log.
    pub(crate) fn accept(
        self,
        is_good: bool,
        headers: &KnownHeaders,
        table: Option<&Gate>,
        now: Timestamp,
    ) -> (UnverifiedToken<'static>, Result<Accepted, AccessRefused>) {
        let (token, verified) = self.verification.end(is_good);
        let verified = verified.map_err(VerifyError::<Fault>::Refused);
        let accepted = self.issuer.accept(&token, verified, headers, table, now);
        (token, accepted)
    }

    /// The token's issuer.
    pub(crate) fn issuer(&self) -> &TrustedIssuer {
        &self.issuer.trusted
    }
}

impl ChosenIssuer {
    fn accept(
        &self,
        token: &UnverifiedToken<'_>,
        verified: Result<VerifiedJws, VerifyError<impl Into<Fault>>>,
        headers: &KnownHeaders,
        table: Option<&Gate>,
        now: Timestamp,
    ) -> Result<Accepted, AccessRefused> {
        let refused = |cause| AccessRefused::Invalid(Box::new(self.refused(token, cause)));
        let jws = verified.map_err(|error| match error {
            VerifyError::Refused(error) => refused(error),
            VerifyError::Fault(fault) => AccessRefused::Fault(fault.into()),
        })?;
        headers.remember(token);
        let is_resource = |audience: &[String]| table.is_some_and(|gate| gate.is_resource_audience(audience));
        let policy = &self.trusted.policy;
        let access_token = validate_for(jws, policy, is_resource, now).map_err(refused)?;
        let key_thumbprint = access_token.key_thumbprint();
        let valid_until = access_token.expires_at();
        let identity = Identity::of_bearer(access_token, policy).map_err(refused)?;
        Ok(Accepted { identity, key_thumbprint, valid_until })
    }

    /// A refusal, with the token's issuer and `kid`.
    fn refused(&self, token: &UnverifiedToken<'_>, cause: TokenError) -> Invalid {
        let kid = token.kid().map(|kid| printable(kid, ABOUT_BYTES));
        Invalid { cause, issuer: Some((self.trusted.policy.issuer.clone(), self.own)), kid }
    }
}
