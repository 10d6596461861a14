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
            client_id: client(&claims, policy)?,
            scope: scope(policy.scope_claim.find(&raw))?,
            roles: roles(&claims, policy)?,
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

/// The client, if the token has one where its issuer says: RFC 9068's `client_id` may be missing
/// with other issuers. What names two is refused: routes, origins and revocations must mean one.
fn client(claims: &Reader<'_>, policy: &ValidationPolicy) -> Result<Option<String>, TokenError> {
    const MALFORMED: TokenError = TokenError::MalformedClaim { name: "client_id" };
    // Of the right type wherever it stands, since it may be the audience.
    claims.text("client_id")?;
    let mut client: Option<&String> = None;
    for path in &policy.client_claims {
        match path.find(claims.0) {
            None => {}
            Some(Value::String(text)) if client.is_none_or(|known| known == text) => client = Some(text),
            Some(_) => return Err(MALFORMED),
        }
    }
    Ok(client.cloned())
}

fn roles(claims: &Reader<'_>, policy: &ValidationPolicy) -> Result<Vec<String>, TokenError> {
    let mut roles = Vec::new();
    for path in &policy.roles_claims {
        for role in claims.texts_or_text("roles", path.find(claims.0))? {
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
    }
    Ok(roles)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(more: &Value, policy: &ValidationPolicy) -> Result<Claims, TokenError> {
        let mut raw = json!({"iss": "https://i.example", "sub": "alice", "aud": "a", "exp": 2, "iat": 1});
        for (name, value) in more.as_object().unwrap() {
            raw[name] = value.clone();
        }
        Claims::read(raw.as_object().unwrap().clone(), policy)
    }

    fn policy(client: &[&str], roles: &[&str]) -> ValidationPolicy {
        let places = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
        let external = ValidationPolicy::external("https://i.example", vec!["a".into()]);
        ValidationPolicy { client_claims: places(client), roles_claims: places(roles), ..external }
    }

    #[test]
    fn the_client_is_what_the_issuers_claims_say_and_nothing_is_guessed() {
        let malformed = Err(TokenError::MalformedClaim { name: "client_id" });
        for (places, token, client) in [
            (&["client_id"][..], json!({"azp": "web"}), Ok(None)),
            (&["azp"], json!({"azp": "web", "client_id": "other"}), Ok(Some("web"))),
            (&["azp"], json!({"client_id": "web"}), Ok(None)),
            (&["azp", "client_id"], json!({"client_id": "web"}), Ok(Some("web"))),
            (&["azp", "client_id"], json!({"azp": "web"}), Ok(Some("web"))),
            (&["azp", "client_id"], json!({"azp": "web", "client_id": "web"}), Ok(Some("web"))),
            (&["azp", "client_id"], json!({"azp": "web", "client_id": "other"}), malformed.clone()),
            (&["azp"], json!({"azp": ["web"]}), malformed.clone()),
            (&["azp"], json!({"azp": null}), malformed.clone()),
            (&["azp"], json!({"azp": "web", "client_id": 7}), malformed),
        ] {
            let read = read(&token, &policy(places, &[])).map(|claims| claims.client_id);
            assert_eq!(read, client.map(|client| client.map(str::to_owned)), "{places:?} {token}");
        }
    }

    #[test]
    fn roles_of_several_places_are_one_list_without_repetition() {
        let both = policy(&[], &["realm_access.roles", "/resource_access/my.api/roles"]);
        let token = json!({
            "realm_access": {"roles": ["user", "editor"]},
            "resource_access": {"my.api": {"roles": ["editor", "writer"]}, "other": {"roles": ["admin"]}},
            "roles": ["root"],
        });
        assert_eq!(read(&token, &both).unwrap().roles, ["user", "editor", "writer"]);
        assert_eq!(read(&json!({}), &both).unwrap().roles, [""; 0]);
        let half = json!({"realm_access": {"roles": ["user"]}, "resource_access": {"my.api": {"roles": 1}}});
        assert_eq!(read(&half, &both), Err(TokenError::MalformedClaim { name: "roles" }));
    }
}
