//! The signed assertion: who is calling, in a form that an origin with a public address can
//! check with our key set, and that nobody can use as an access token.
//!
//! What keeps the two apart: a `typ` of its own, which no validation policy of ours accepts
//! (RFC 8725 section 3.11); an audience that may not be the access tokens'; a minute of life.

use core::{cell::RefCell, time::Duration};
use std::{collections::HashMap, rc::Rc};

use serde::Serialize;

use super::{Ports, Service};
use crate::{
    compact,
    gateway::Identity,
    jose::SignatureAlgorithm,
    keys::{Signer as _, signing::SigningKeyError},
    ports::{Fault, Part},
    time::Timestamp,
};

/// The header that carries it: in the reserved namespace, so nothing that comes in has it.
pub const ASSERTION_HEADER: &str = "x-postern-assertion";

/// The `typ` of an assertion.
pub const ASSERTION_TYP: &str = "postern-assertion+jwt";

/// How long an assertion is valid: long enough for a queue in front of the origin, too short to
/// be worth stealing from its log.
const LIFETIME: Duration = Duration::from_mins(1);

/// From this age on a new one is signed, so that each request brings one with half its life.
const RENEWED_AFTER: Duration = Duration::from_secs(30);

/// Callers whose assertions an isolate remembers: as many as a generation of its cache of
/// verified tokens. Past it the memory starts anew, which costs one signature for each caller.
const MAX_REMEMBERED: usize = 1_000;

/// The claims, in the order of the wire.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
    /// Who issued the access token; equal to `iss` for our own.
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

#[derive(Debug)]
struct Signed {
    audience: String,
    assertion: Rc<str>,
    renew_at: Timestamp,
}

/// One caller's. The identity is kept too: while it lives its address names no other.
#[derive(Debug)]
struct OfCaller {
    identity: Rc<Identity>,
    signed: Vec<Signed>,
}

/// What was signed, by the verified token (its identity in memory is made once for each token)
/// and audience.
#[derive(Debug, Default)]
pub(super) struct Assertions(RefCell<HashMap<usize, OfCaller>>);

fn address(identity: &Rc<Identity>) -> usize {
    Rc::as_ptr(identity).addr()
}

impl Assertions {
    /// One that has at least half its life.
    pub(super) fn find(&self, identity: &Rc<Identity>, audience: &str, now: Timestamp) -> Option<Rc<str>> {
        let known = self.0.borrow();
        let of_caller = known.get(&address(identity))?;
        if !Rc::ptr_eq(&of_caller.identity, identity) {
            return None;
        }
        let found = of_caller.signed.iter().find(|signed| signed.audience == audience)?;
        (!now.has_reached(found.renew_at, LIFETIME)).then(|| Rc::clone(&found.assertion))
    }

    fn remember(&self, identity: &Rc<Identity>, signed: Signed) {
        let mut known = self.0.borrow_mut();
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        let of_caller = known
            .entry(address(identity))
            .or_insert_with(|| OfCaller { identity: Rc::clone(identity), signed: Vec::new() });
        of_caller.signed.retain(|other| other.audience != signed.audience);
        of_caller.signed.push(signed);
    }
}

impl<P: Ports> Service<P> {
    /// The assertion of `identity` for `audience`, signed now if there is none.
    pub(super) async fn assertion(
        &self,
        identity: &Rc<Identity>,
        audience: &str,
        now: Timestamp,
    ) -> Result<Rc<str>, Fault> {
        let memory = &self.isolate.memory;
        if let Some(known) = memory.assertions.find(identity, audience, now) {
            return Ok(known);
        }
        let key = memory.signing.current(self.ports.key_ring(), &self.isolate.masters, now).await.map_err(
            |error| match error {
                SigningKeyError::Fault(fault) => fault,
                SigningKeyError::Wrapped(error) => Fault::new(Part::KeyRing, error),
            },
        )?;
        let claims = Claims {
            iss: &self.isolate.config.issuer,
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
        let algorithm = SignatureAlgorithm::from(key.algorithm());
        let kid = key.kid().to_string();
        let input = compact::encode_signing_input_typed(algorithm, &kid, ASSERTION_TYP, &claims)
            .map_err(|error| Fault::new(Part::Crypto, error))?;
        let signature = self.ports.crypto().sign(&key, input.as_bytes()).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(subject: &str) -> Rc<Identity> {
        Rc::new(Identity::verified(crate::gateway::Statement {
            issuer: "https://auth.example.com".to_owned(),
            subject: subject.to_owned(),
            audience: Vec::new(),
            scopes: [].into(),
            roles: [].into(),
            tenant_id: None,
            session_id: None,
            rotation_count: None,
            client_id: None,
            issued_at: Timestamp::from_seconds(0),
            expires_at: Timestamp::from_seconds(600),
            token_id: None,
            acr: None,
            amr: Vec::new(),
            auth_time: None,
            claims: crate::gateway::RawClaims::default(),
        }))
    }

    fn signed(audience: &str, renew_at: u64) -> Signed {
        Signed {
            audience: audience.to_owned(),
            assertion: audience.into(),
            renew_at: Timestamp::from_seconds(renew_at),
        }
    }

    #[test]
    fn an_assertion_is_found_for_its_own_caller_and_audience_only() {
        let (assertions, now) = (Assertions::default(), Timestamp::from_seconds(10));
        let (alice, bob) = (identity("alice"), identity("bob"));
        assertions.remember(&alice, signed("a", 30));
        assert_eq!(assertions.find(&alice, "a", now).as_deref(), Some("a"));
        assert_eq!(assertions.find(&alice, "b", now), None);
        assert_eq!(assertions.find(&bob, "a", now), None);
        assert_eq!(assertions.find(&identity("alice"), "a", now), None, "another token of the same subject");
        assert_eq!(assertions.find(&alice, "a", Timestamp::from_seconds(30)), None, "half its life is over");
    }

    #[test]
    fn the_memory_of_assertions_is_bounded() {
        let assertions = Assertions::default();
        for _ in 0..3 * MAX_REMEMBERED {
            assertions.remember(&identity("alice"), signed("a", 30));
        }
        assert!(assertions.0.borrow().len() <= MAX_REMEMBERED);
    }
}
