//! Who is asking, after everything about the access token was checked.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::time::Timestamp;

/// The caller as the gate sees him: the claims of an access token that was verified and
/// validated. Only the authentication service makes one; a value of this type in the gate's
/// functions means that signature, issuer, audience and times were checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `aud`, always as a list.
    pub audience: Vec<String>,
    /// The scopes, from the claim that the issuer's configuration names.
    pub scopes: BTreeSet<String>,
    /// The roles, from the claim that the issuer's configuration names.
    pub roles: BTreeSet<String>,
    /// The tenant, from the claim that the issuer's configuration names.
    pub tenant_id: Option<String>,
    /// `sid`: the session, which is the refresh family for access tokens of ours.
    pub session_id: Option<String>,
    /// `rot`: the rotation count of the family at the time of issue, for access tokens of ours.
    pub rotation_count: Option<u32>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// All claims as they stand in the access token.
    pub claims: Map<String, Value>,
}

impl Identity {
    /// A single-valued claim as text, for comparing and for headers: strings, integers and
    /// booleans. The four that an issuer's configuration may map are taken from their fields.
    pub fn claim_text(&self, name: &str) -> Option<String> {
        match name {
            "iss" => Some(self.issuer.clone()),
            "sub" => Some(self.subject.clone()),
            "tenant_id" => self.tenant_id.clone(),
            "client_id" => self.client_id.clone(),
            _ => text_of(self.claims.get(name)?),
        }
    }

    /// Whether a claim is a list that has this item, compared as [`Self::claim_text`] gives it.
    /// Scopes, roles and the audience are taken from their fields, as lists in any case.
    pub fn claim_has(&self, name: &str, item: &str) -> bool {
        match name {
            "scope" => self.scopes.contains(item),
            "roles" => self.roles.contains(item),
            "aud" => self.audience.iter().any(|own| own == item),
            _ => match self.claims.get(name) {
                Some(Value::Array(items)) => items.iter().any(|own| text_of(own).as_deref() == Some(item)),
                _ => false,
            },
        }
    }
}

/// A single value as text. No number with a fraction or an exponent: it has more than one spelling.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}
