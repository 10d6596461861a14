//! Who is asking, after everything about the access token was checked.

use core::{cell::OnceCell, fmt, ops::Deref};
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use postern_jose::{
    json,
    jwt::{AccessToken, Claims, TokenError, ValidationPolicy},
    time::Timestamp,
};

/// What an access token says of the caller, as the gate looks at it. It proves nothing by itself:
/// [`Identity`] is what was verified, [`SupposedIdentity`] what an explanation takes for granted.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// `iss`.
    pub issuer: String,
    /// The subject: `sub`, or what the issuer's configuration names.
    pub subject: String,
    /// The audience, always as a list, from the claim that the issuer's configuration names.
    pub audience: Vec<String>,
    /// Whether the audience is one of the issuer's configuration. Otherwise the token is for a protected resource, and
    /// serves at its routes alone.
    pub is_general: bool,
    /// The scopes, from the claim that the issuer's configuration names.
    pub scopes: BTreeSet<String>,
    /// The roles, from the claims that the issuer's configuration names.
    pub roles: BTreeSet<String>,
    /// The tenant, from the claim that the issuer's configuration names.
    pub tenant_id: Option<String>,
    /// `sid`: the session, which is the refresh family for access tokens of ours.
    pub session_id: Option<String>,
    /// `rot`: the rotation count of the family at the time of issue, for access tokens of ours.
    pub rotation_count: Option<u32>,
    /// The client, from the claims that the issuer's configuration names.
    pub client_id: Option<String>,
    /// `jti`: what the single token is revoked by.
    pub token_id: Option<String>,
    /// `acr`, if it is a text.
    pub acr: Option<String>,
    /// `amr`, if it is a list of text or one text.
    pub amr: Vec<String>,
    /// `auth_time`, if it is a date.
    pub auth_time: Option<Timestamp>,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// All claims as they stand in the access token.
    pub claims: RawClaims,
}

impl Statement {
    fn new(claims: Claims, raw: RawClaims, policy: &ValidationPolicy) -> Self {
        Self {
            is_general: policy.takes_audience(&claims.aud),
            issuer: claims.iss,
            subject: claims.sub,
            audience: claims.aud,
            scopes: claims.scope,
            roles: claims.roles,
            tenant_id: claims.tenant_id,
            session_id: claims.sid,
            rotation_count: claims.rot,
            client_id: claims.client_id,
            token_id: claims.jti,
            acr: claims.acr,
            amr: claims.amr,
            auth_time: claims.auth_time,
            issued_at: claims.iat,
            expires_at: claims.exp,
            claims: raw,
        }
    }

    /// A single-valued claim as text, for comparing and for headers: strings, integers and
    /// booleans. The four that an issuer's configuration may map are taken from their fields.
    pub(crate) fn claim_text(&self, name: &str) -> Option<String> {
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
    pub(crate) fn claim_has(&self, name: &str, item: &str) -> bool {
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

/// The caller: what an access token says that was verified and validated and that a bearer may
/// use. A value of this type means that signature, issuer, audience and times were checked, since
/// nothing but an [`AccessToken`] makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity(Statement);

impl Identity {
    /// Of an access token that came without proof of a key, and its issuer's policy. One that is bound to a key is
    /// refused: a caller that presents it without a proof may have stolen it (RFC 9449 section 7).
    pub fn of_bearer(token: AccessToken, policy: &ValidationPolicy) -> Result<Self, TokenError> {
        let (claims, payload) = token.into_claims();
        if claims.confirmation.is_some() {
            return Err(TokenError::BoundToken);
        }
        Ok(Self(Statement::new(claims, RawClaims::new(payload), policy)))
    }

    /// For tests of what comes after verification.
    #[cfg(test)]
    pub(crate) const fn verified(statement: Statement) -> Self {
        Self(statement)
    }
}

impl Deref for Identity {
    type Target = Statement;

    fn deref(&self) -> &Statement {
        &self.0
    }
}

#[cfg(test)]
impl core::ops::DerefMut for Identity {
    fn deref_mut(&mut self) -> &mut Statement {
        &mut self.0
    }
}

/// Who would be calling, if an access token with these claims were sound: for explanations. The
/// gate takes no such thing for an [`Identity`].
#[derive(Debug, Clone, PartialEq)]
pub struct SupposedIdentity(Statement);

impl SupposedIdentity {
    /// Of claims that would come without proof of a key, `tree` as they stand in the access token, and their issuer's
    /// policy.
    pub fn of_bearer(
        claims: Claims,
        tree: Map<String, Value>,
        policy: &ValidationPolicy,
    ) -> Result<Self, TokenError> {
        if claims.confirmation.is_some() {
            return Err(TokenError::BoundToken);
        }
        Ok(Self(Statement::new(claims, tree.into(), policy)))
    }
}

impl Deref for SupposedIdentity {
    type Target = Statement;

    fn deref(&self) -> &Statement {
        &self.0
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

/// The claims of an access token that was validated: its payload, and the tree of it from the
/// first look on. Few routes look, while a thousand tokens lie in the cache, and dropping so
/// many trees cost more than all else about them.
#[derive(Clone, Default)]
pub struct RawClaims {
    payload: Box<[u8]>,
    tree: OnceCell<Map<String, Value>>,
}

impl RawClaims {
    /// Of a payload that strict parsing took.
    fn new(payload: Vec<u8>) -> Self {
        Self { payload: payload.into(), tree: OnceCell::new() }
    }
}

impl Deref for RawClaims {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        // Strict parsing took this very text before: it cannot fail now, and if it did, a claim
        // that is missing meets no rule.
        self.tree.get_or_init(|| json::parse_object(&self.payload).unwrap_or_default())
    }
}

#[cfg(test)]
impl core::ops::DerefMut for RawClaims {
    fn deref_mut(&mut self) -> &mut Self::Target {
        let _ = &**self;
        self.tree.get_mut().expect("made just now")
    }
}

impl From<Map<String, Value>> for RawClaims {
    fn from(tree: Map<String, Value>) -> Self {
        Self { payload: Box::default(), tree: tree.into() }
    }
}

impl PartialEq for RawClaims {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for RawClaims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_parsed_at_the_first_look_at_them() {
        let payload = br#"{"sub":"alice","acr":"gold","n":[1,{"m":null}]}"#;
        let claims = RawClaims::new(payload.to_vec());
        assert!(claims.tree.get().is_none());
        assert_eq!(*claims, json::parse_object(payload).unwrap());
        assert!(claims.tree.get().is_some());
        assert_eq!(RawClaims::from((*claims).clone()), claims);
    }
}
