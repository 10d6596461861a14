//! The signed assertion: the caller's identity in a form that an origin can verify with the deployment's key set, and
//! that cannot be used as an access token.
//!
//! Three things distinguish the two: a `typ` that no validation policy accepts (RFC 8725 section 3.11), an audience
//! other than that of access tokens, and a lifetime of a minute.

use core::time::Duration;
use std::rc::Rc;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    compact,
    encoding::base64url,
    gateway::{Identity, UpstreamTarget},
    isolate::assertions::{LIFETIME, Signed},
    keys::{Signer as _, signing::SigningKeyError},
    ports::{Component, Fault},
    runtime::{Runtime, ports::Ports},
    time::Timestamp,
};

/// The header with the assertion. Its name is reserved, so no incoming request has it.
pub(crate) const ASSERTION_HEADER: &str = "x-postern-assertion";

/// The `typ` of an assertion.
pub(crate) const ASSERTION_TYP: &str = "postern-assertion+jwt";

/// The age in seconds from which a new assertion is signed, so that each assertion has at least half its lifetime left.
const RENEWED_AFTER: Duration = Duration::from_secs(30);

/// The claims, in the order of the wire.
#[derive(Serialize)]
struct AssertionClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
    /// The issuer of the access token. Equal to `iss` for the deployment's own tokens.
    token_iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    scope: String,
    roles: Vec<&'a str>,
    #[serde(flatten)]
    bound_to: Option<&'a OneRequest>,
}

/// The request that a bound assertion is for, as the upstream sees it.
#[derive(Serialize)]
pub(crate) struct OneRequest {
    /// The method, under the name that RFC 9449 section 4.2 gives it.
    htm: String,
    /// The SHA-256 of path and query as they are sent (RFC 9112 section 3.2.1), in base64url.
    target_sha256: String,
}

impl OneRequest {
    pub(crate) fn new(method: String, target: &UpstreamTarget) -> Self {
        let digest = Sha256::digest(origin_form(&target.url).as_bytes());
        Self { htm: method, target_sha256: base64url(&digest) }
    }
}

/// What of an absolute URL without a fragment is sent: everything from the slash behind its authority.
fn origin_form(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(authority..).and_then(|rest| rest.find('/'));
    path.and_then(|at| url.get(authority + at..)).unwrap_or("/")
}

/// Signs assertions for upstreams.
pub(crate) struct AssertionSigning<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> AssertionSigning<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The assertion of `identity` for `audience`, which is signed now unless a fresh one is cached.
    pub(crate) async fn assertion(
        &self,
        identity: &Rc<Identity>,
        audience: &str,
        now: Timestamp,
    ) -> Result<Rc<str>, Fault> {
        let memory = &self.0.isolate.memory;
        if let Some(known) = memory.assertions.find(identity, audience, now) {
            return Ok(known);
        }
        let assertion: Rc<str> = self.signed(identity, audience, None, now).await?.into();
        memory.assertions.remember(
            identity,
            Signed {
                audience: audience.to_owned(),
                assertion: Rc::clone(&assertion),
                renew_at: now.plus(RENEWED_AFTER),
            },
        );
        Ok(assertion)
    }

    /// The assertion of `identity` for `audience` and one request.
    pub(crate) async fn bound(
        &self,
        identity: &Rc<Identity>,
        audience: &str,
        request: &OneRequest,
        now: Timestamp,
    ) -> Result<Rc<str>, Fault> {
        Ok(self.signed(identity, audience, Some(request), now).await?.into())
    }

    async fn signed(
        &self,
        identity: &Identity,
        audience: &str,
        bound_to: Option<&OneRequest>,
        now: Timestamp,
    ) -> Result<String, Fault> {
        let memory = &self.0.isolate.memory;
        let key =
            memory.signing.current(self.0.ports.key_ring(), &self.0.isolate.masters, now).await.map_err(
                |error| match error {
                    SigningKeyError::Fault(fault) => fault,
                    SigningKeyError::Wrapped(error) => Fault::new(Component::KeyRing, error),
                },
            )?;
        let claims = AssertionClaims {
            iss: &self.0.isolate.config.issuer,
            aud: audience,
            sub: &identity.subject,
            iat: now.seconds(),
            exp: now.plus(LIFETIME).seconds(),
            token_iss: &identity.issuer,
            sid: identity.session_id.as_deref(),
            client_id: identity.client_id.as_deref(),
            tenant_id: identity.tenant_id.as_deref(),
            scope: identity.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
            roles: identity.roles.iter().map(String::as_str).collect(),
            bound_to,
        };
        let algorithm = key.algorithm();
        let kid = key.kid().to_string();
        let input = compact::encode_signing_input_typed(algorithm, &kid, ASSERTION_TYP, &claims)
            .map_err(|error| Fault::new(Component::Crypto, error))?;
        let signature = self.0.ports.crypto().sign(&key, input.as_bytes()).await?;
        Ok(compact::finish(&input, &signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_begins_behind_the_authority() {
        for (url, sent) in [
            ("https://o.example/a/b?c=/d", "/a/b?c=/d"),
            ("http://127.0.0.1:3000/", "/"),
            ("https://o.example", "/"),
            ("https://o.example/?", "/?"),
        ] {
            assert_eq!(origin_form(url), sent, "{url}");
        }
    }
}
