//! The steps from the text of a bearer token to an identity, without the look-up of keys. The gate uses keys from
//! memory, KV and Durable Objects. `postern token inspect` uses keys from a file or from the network.

use crate::{
    access::refused::{ABOUT_BYTES, AccessRefused, Invalid},
    gateway::{Gate, Identity},
    isolate::issuers::TrustedIssuer,
    jose::Thumbprint,
    jose::{KnownHeaders, UnverifiedToken, VerifiedJws, VerifyError},
    jwt::{TokenError, validate_for},
    ports::Fault,
    text::printable,
    text_map::TextMap,
    time::Timestamp,
};

/// A parsed token of a trusted issuer. Its signature is not verified yet.
#[derive(Debug)]
pub(crate) struct Chosen<'a> {
    pub(crate) token: UnverifiedToken<'a>,
    pub(crate) issuer: &'a TrustedIssuer,
    /// Whether the issuer is this deployment.
    pub(crate) own: bool,
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
    text: &'a str,
    headers: &KnownHeaders,
    issuers: &'a TextMap<TrustedIssuer>,
    own: &str,
) -> Result<Chosen<'a>, Invalid> {
    let token = UnverifiedToken::parse_known(text, headers).map_err(Invalid::of)?;
    let claimed = token.claimed_issuer().map_err(Invalid::of)?;
    let Some(issuer) = issuers.get(&claimed) else {
        return Err(Invalid::of(TokenError::UntrustedIssuer { issuer: printable(&claimed, ABOUT_BYTES) }));
    };
    let chosen = Chosen { token, issuer, own: issuer.policy.issuer == own };
    // Before a key is looked for and a signature: what the header says is refused with any.
    match chosen.issuer.policy.judge_header(chosen.token.header()) {
        Ok(()) => Ok(chosen),
        Err(cause) => Err(chosen.refused(cause)),
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
        let refused = |cause| AccessRefused::Invalid(Box::new(self.refused(cause)));
        let jws = verified.map_err(|error| match error {
            VerifyError::Refused(error) => refused(error),
            VerifyError::Fault(fault) => AccessRefused::Fault(fault.into()),
        })?;
        headers.remember(&self.token);
        let is_resource = |audience: &[String]| table.is_some_and(|gate| gate.is_resource_audience(audience));
        let policy = &self.issuer.policy;
        let token = validate_for(jws, policy, is_resource, now).map_err(refused)?;
        let key_thumbprint = token.key_thumbprint();
        let valid_until = token.expires_at();
        let identity = Identity::of_bearer(token, policy).map_err(refused)?;
        Ok(Accepted { identity, key_thumbprint, valid_until })
    }

    /// A refusal, with the token's issuer and `kid`.
    pub(crate) fn refused(&self, cause: TokenError) -> Invalid {
        let kid = self.token.kid().map(|kid| printable(kid, ABOUT_BYTES));
        Invalid { cause, issuer: Some((self.issuer.policy.issuer.clone(), self.own)), kid }
    }
}
