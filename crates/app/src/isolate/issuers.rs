//! The trusted issuers: validation policies, and the places of their keys.

use std::{collections::BTreeMap, rc::Rc};

use sha2::{Digest as _, Sha256};

use crate::{
    config::{Config, TypRule},
    encoding::base64url,
    jwks::{IssuerSource, KeyLocation},
    jwt::{ClaimSource, RolesForm, TypPolicy, ValidationPolicy},
};

/// A trusted issuer, with the policy for its tokens and the source of its keys.
#[derive(Debug, Clone)]
pub(crate) struct TrustedIssuer {
    pub(crate) policy: ValidationPolicy,
    pub(crate) keys: OwnOrExternal,
}

pub(crate) fn trusted_issuers(config: &Config) -> BTreeMap<String, Rc<TrustedIssuer>> {
    let own = TrustedIssuer {
        policy: ValidationPolicy {
            leeway: config.leeway,
            ..ValidationPolicy::own(config.issuer.clone(), vec![config.audience.clone()])
        },
        keys: OwnOrExternal::Own,
    };
    let external = config.issuers.iter().map(|issuer| {
        let trusted = TrustedIssuer {
            policy: ValidationPolicy {
                leeway: issuer.leeway.unwrap_or(config.leeway),
                max_token_bytes: issuer.max_token_bytes,
                typ: match issuer.typ {
                    TypRule::AccessToken => TypPolicy::access_token(),
                    TypRule::Any => TypPolicy::AllowAbsentOrJwt,
                },
                // Who says `at+jwt` says that RFC 9068 is followed.
                rfc9068: issuer.typ == TypRule::AccessToken,
                algorithms: issuer.algorithms.iter().copied().collect(),
                audience_claim: source(issuer.audience_claim.iter(), "aud"),
                subject_claim: source(issuer.subject_claim.iter().flatten(), "sub"),
                scope_claim: source(issuer.scope_claim.iter(), "scope"),
                // Who says what roles look like means what is in the claim.
                roles_claim: match (&issuer.roles_claim, issuer.roles_form) {
                    (None, RolesForm::Keys | RolesForm::Names) => ClaimSource::named(["roles"]),
                    (named, _) => source(named.iter().flatten(), "roles"),
                },
                roles_form: issuer.roles_form,
                tenant_claim: source(issuer.tenant_claim.iter(), "tenant_id"),
                client_claim: source(issuer.client_claim.iter().flatten(), "client_id"),
                ..ValidationPolicy::external(
                    issuer.issuer.clone(),
                    issuer.audiences.iter().cloned().collect(),
                )
            },
            keys: OwnOrExternal::External(IssuerSource {
                issuer: issuer.issuer.clone(),
                location: match &issuer.jwks_uri {
                    Some(uri) => KeyLocation::JwksUri(uri.clone()),
                    None => KeyLocation::Discovery,
                },
                local: config.profile == crate::config::Profile::Local,
            }),
        };
        (issuer.issuer.clone(), Rc::new(trusted))
    });
    let mut trusted = BTreeMap::new();
    trusted.extend(external);
    trusted.insert(config.issuer.clone(), Rc::new(own));
    trusted
}

/// The claims that an issuer's settings name, or the default one.
fn source<'a>(named: impl Iterator<Item = &'a String>, usual: &'static str) -> ClaimSource {
    let named: Vec<&str> = named.map(String::as_str).collect();
    if named.is_empty() { ClaimSource::usual(usual) } else { ClaimSource::named(named) }
}

/// The issuer of the keys.
#[derive(Debug, Clone)]
pub(crate) enum OwnOrExternal {
    Own,
    External(IssuerSource),
}

impl OwnOrExternal {
    /// The KV key of the set. It contains the configured place of the keys, so that after a change of the place, the
    /// old set is no longer read.
    pub(crate) fn kv_key(&self, issuer: &str) -> String {
        match self {
            Self::External(source) => kv_key(&source.place()),
            Self::Own => kv_key(issuer),
        }
    }
}

/// The KV key of the set of an issuer with discovery. It is a hash, because issuers can be longer than KV keys.
pub fn kv_key(issuer: &str) -> String {
    format!("jwks:{}", base64url(&Sha256::digest(issuer)))
}
