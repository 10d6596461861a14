//! The claims of a verified token, typed.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{TokenError, ValidationPolicy, dates::numeric_date};
use crate::{encoding::text_set, time::Timestamp};

/// What a verified and validated access token says (RFC 7519 section 4.1, RFC 9068 section 2.2).
/// Which claims hold scopes, roles and the tenant is the issuer's policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The subject, not empty.
    pub sub: String,
    /// The audience; empty if the token has no `aud`.
    pub aud: Vec<String>,
    /// From when on it is not to be accepted.
    pub exp: Timestamp,
    /// When it was issued.
    pub iat: Timestamp,
    /// Before when it is not to be accepted.
    pub nbf: Option<Timestamp>,
    /// The token's own id.
    pub jti: Option<String>,
    /// The client it was issued to.
    pub client_id: Option<String>,
    /// Scope tokens (RFC 6749 section 3.3).
    pub scope: BTreeSet<String>,
    /// Roles, in the order given.
    pub roles: Vec<String>,
    /// The tenant.
    pub tenant_id: Option<String>,
    /// The session: for our own tokens the refresh family's id.
    pub sid: Option<String>,
    /// For our own tokens: the family's rotation count it was issued at.
    pub rot: Option<u32>,
    /// Authentication context class.
    pub acr: Option<String>,
    /// Authentication methods (RFC 8176).
    pub amr: Vec<String>,
    /// When the user last authenticated.
    pub auth_time: Option<Timestamp>,
    /// The thumbprint of the key the token is bound to (`cnf.jkt`, RFC 9449 section 6.1): such a
    /// token is not a bearer token.
    pub confirmation: Option<String>,
    /// Every claim as it came, for attribute rules.
    pub raw: Map<String, Value>,
}

impl Claims {
    pub(super) fn read(raw: Map<String, Value>, policy: &ValidationPolicy) -> Result<Self, TokenError> {
        let claims = Reader(&raw);
        let sub = claims.text("sub")?.ok_or(TokenError::MissingClaim { name: "sub" })?;
        if sub.is_empty() {
            return Err(TokenError::MalformedClaim { name: "sub" });
        }
        Ok(Self {
            iss: claims.text("iss")?.ok_or(TokenError::MissingClaim { name: "iss" })?,
            sub,
            aud: claims.texts_or_text("aud", raw.get("aud"))?,
            exp: claims.date("exp")?.ok_or(TokenError::MissingClaim { name: "exp" })?,
            iat: claims.date("iat")?.ok_or(TokenError::MissingClaim { name: "iat" })?,
            nbf: claims.date("nbf")?,
            jti: claims.text("jti")?,
            client_id: claims.text("client_id")?,
            scope: scope(policy.scope_claim.find(&raw))?,
            roles: claims.texts_or_text("roles", policy.roles_claim.find(&raw))?,
            tenant_id: match policy.tenant_claim.find(&raw) {
                None => None,
                Some(Value::String(tenant)) => Some(tenant.clone()),
                Some(_) => return Err(TokenError::MalformedClaim { name: "tenant_id" }),
            },
            sid: claims.text("sid")?,
            rot: match raw.get("rot") {
                None => None,
                Some(count) => Some(
                    count
                        .as_u64()
                        .and_then(|count| u32::try_from(count).ok())
                        .ok_or(TokenError::MalformedClaim { name: "rot" })?,
                ),
            },
            acr: claims.text("acr")?,
            amr: claims.texts_or_text("amr", raw.get("amr"))?,
            auth_time: claims.date("auth_time")?,
            confirmation: confirmation(raw.get("cnf"))?,
            raw,
        })
    }
}

struct Reader<'a>(&'a Map<String, Value>);

impl Reader<'_> {
    fn text(&self, name: &'static str) -> Result<Option<String>, TokenError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(TokenError::MalformedClaim { name }),
        }
    }

    fn date(&self, name: &'static str) -> Result<Option<Timestamp>, TokenError> {
        self.0
            .get(name)
            .map(|value| numeric_date(value).ok_or(TokenError::MalformedClaim { name }))
            .transpose()
    }

    #[expect(clippy::unused_self, reason = "reads as one of the readers")]
    fn texts_or_text(&self, name: &'static str, value: Option<&Value>) -> Result<Vec<String>, TokenError> {
        match value {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text.clone()]),
            Some(Value::Array(values)) => texts(name, values),
            Some(_) => Err(TokenError::MalformedClaim { name }),
        }
    }
}

fn texts(name: &'static str, values: &[Value]) -> Result<Vec<String>, TokenError> {
    values
        .iter()
        .map(|value| value.as_str().map(str::to_owned).ok_or(TokenError::MalformedClaim { name }))
        .collect()
}

fn scope(value: Option<&Value>) -> Result<BTreeSet<String>, TokenError> {
    const MALFORMED: TokenError = TokenError::MalformedClaim { name: "scope" };
    let tokens = match value {
        None => return Ok(BTreeSet::new()),
        Some(Value::String(text)) if text.is_empty() => return Ok(BTreeSet::new()),
        Some(Value::String(text)) => text.split(' ').map(str::to_owned).collect(),
        Some(Value::Array(values)) => texts("scope", values)?,
        Some(_) => return Err(MALFORMED),
    };
    if tokens.iter().all(|token| is_scope_token(token)) { Ok(text_set(tokens)) } else { Err(MALFORMED) }
}

/// RFC 6749 section 3.3: one or more of %x21 / %x23-5B / %x5D-7E.
fn is_scope_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

fn confirmation(value: Option<&Value>) -> Result<Option<String>, TokenError> {
    const MALFORMED: TokenError = TokenError::MalformedClaim { name: "cnf" };
    match value {
        None => Ok(None),
        // A confirmation by another method than a key's thumbprint cannot be checked here, and
        // to pass it over would make a bound token a bearer token.
        Some(Value::Object(methods)) => match (methods.get("jkt"), methods.len()) {
            (Some(Value::String(thumbprint)), 1) => Ok(Some(thumbprint.clone())),
            _ => Err(MALFORMED),
        },
        Some(_) => Err(MALFORMED),
    }
}
