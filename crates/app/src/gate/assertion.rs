//! The signed assertion: the caller's identity in a form that an origin can verify with the deployment's key set, and
//! that cannot be used as an access token.
//!
//! Three things distinguish the two: a `typ` that no validation policy accepts (RFC 8725 section 3.11), an audience
//! other than that of access tokens, and a lifetime of a minute.

use core::time::Duration;
use std::rc::Rc;

use serde::Serialize;

use crate::{
    compact,
    gateway::Identity,
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
        };
        let algorithm = key.algorithm();
        let kid = key.kid().to_string();
        let input = compact::encode_signing_input_typed(algorithm, &kid, ASSERTION_TYP, &claims)
            .map_err(|error| Fault::new(Component::Crypto, error))?;
        let signature = self.0.ports.crypto().sign(&key, input.as_bytes()).await?;
        let assertion: Rc<str> = compact::finish(&input, &signature).into();
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
}
