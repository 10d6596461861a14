//! The claims of a verified token, typed.
//!
//! Which claims decide is the issuer's policy. Those of a token of our own all do: we know what we
//! write. Of another issuer's token `iss`, subject, audience, `exp`, `nbf`, `iat` and `cnf` do, and
//! what the issuer's settings name; any other claim that has a form we cannot read counts as absent,
//! so that a route which asks for it is not satisfied, and a route which does not never knows.

mod forms;

use std::{borrow::Cow, collections::BTreeSet};

use self::forms::Form;
use super::{ClaimFault, ClaimPath, RolesForm, TokenError, ValidationPolicy};
use crate::{
    encoding::text_set,
    json::{BorrowedValue, Members},
    time::Timestamp,
};

/// What a verified and validated access token says (RFC 7519 section 4.1, RFC 9068 section 2.2).
/// Which claims hold audience, subject, scopes, roles, tenant and client is the issuer's policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The subject, not empty.
    pub sub: String,
    /// The audience; empty if the token has none.
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
    /// Roles.
    pub roles: BTreeSet<String>,
    /// The tenant.
    pub tenant_id: Option<String>,
    /// The session: for our own tokens the refresh family's id.
    pub sid: Option<String>,
    /// The family's rotation count it was issued at; `None` for any token but our own.
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
}

impl Claims {
    pub(super) fn read(raw: &Members<'_>, policy: &ValidationPolicy) -> Result<Self, TokenError> {
        let claims = Reader { raw, policy };
        Ok(Self {
            iss: claims.required("iss", &forms::TEXT)?,
            sub: claims.subject()?,
            aud: claims.audience()?,
            exp: claims.required("exp", &forms::DATE)?,
            iat: claims.required("iat", &forms::DATE)?,
            nbf: claims.optional("nbf", &forms::DATE)?,
            jti: claims.token_id()?,
            client_id: claims.client()?,
            scope: claims.scope()?,
            roles: claims.roles()?,
            tenant_id: claims.tenant()?,
            sid: claims.unread("sid", &forms::TEXT)?,
            rot: if policy.exact { claims.optional("rot", &forms::COUNT)? } else { None },
            acr: claims.unread("acr", &forms::TEXT)?,
            amr: claims.unread("amr", &forms::TEXTS)?.unwrap_or_default(),
            auth_time: claims.unread("auth_time", &forms::DATE)?,
            confirmation: claims.confirmation()?,
        })
    }
}

/// Reads claims by the issuer's policy. Each method says what becomes of a claim whose form it
/// cannot read: refused where it decides, absent where nobody asked.
struct Reader<'a> {
    raw: &'a Members<'a>,
    policy: &'a ValidationPolicy,
}

impl Reader<'_> {
    /// A claim that must be there.
    fn required<T>(&self, name: &'static str, form: &Form<T>) -> Result<T, TokenError> {
        let fault = ClaimFault { name: name.into(), expected: form.expected, policy_member: None };
        self.optional(name, form)?.ok_or(TokenError::MissingClaim(fault))
    }

    /// A claim that may be missing, and decides where it stands.
    fn optional<T>(&self, name: &'static str, form: &Form<T>) -> Result<Option<T>, TokenError> {
        let Some(value) = self.raw.get(name) else { return Ok(None) };
        (form.read)(value).map(Some).ok_or_else(|| {
            TokenError::MalformedClaim(ClaimFault {
                name: name.into(),
                expected: form.expected,
                policy_member: None,
            })
        })
    }

    /// A claim that decides in our own tokens alone. What a route makes of it is the route's.
    fn unread<T>(&self, name: &'static str, form: &Form<T>) -> Result<Option<T>, TokenError> {
        if self.policy.exact {
            return self.optional(name, form);
        }
        Ok(self.raw.get(name).and_then(form.read))
    }

    /// What stands at a place that the policy names, for a claim that the setting of this name is
    /// about. With other issuers `null` is as good as absent, and so is a form that cannot be read
    /// where nothing `decides` by it.
    fn at<T>(
        &self,
        place: &ClaimPath,
        form: &Form<T>,
        decides: bool,
        setting: &'static str,
    ) -> Result<Option<T>, TokenError> {
        let exact = self.policy.exact;
        let Some(value) = place.find(self.raw).filter(|value| exact || !value.is_null()) else {
            return Ok(None);
        };
        match (form.read)(value) {
            None if exact || decides => Err(TokenError::MalformedClaim(ClaimFault {
                name: Cow::Owned(place.as_str().to_owned()),
                expected: form.expected,
                policy_member: (!exact).then_some(setting),
            })),
            read => Ok(read),
        }
    }

    /// The first place that has one. It decides whose the token is, so that a place with something
    /// else in it is not passed over.
    fn subject(&self) -> Result<String, TokenError> {
        const SETTING: &str = "subject_claim";
        let source = &self.policy.subject_claim;
        let form = if self.policy.exact { &forms::FILLED_TEXT } else { &forms::TEXT };
        for place in &source.places {
            match self.at(place, form, true, SETTING)? {
                Some(subject) if !subject.is_empty() => return Ok(subject),
                _ => {}
            }
        }
        Err(TokenError::MissingClaim(ClaimFault {
            name: source.names(),
            expected: forms::FILLED_TEXT.expected,
            policy_member: (!self.policy.exact).then_some(SETTING),
        }))
    }

    fn audience(&self) -> Result<Vec<String>, TokenError> {
        let mut audience = Vec::new();
        for place in &self.policy.audience_claim.places {
            audience.extend(self.at(place, &forms::TEXTS, true, "audience_claim")?.unwrap_or_default());
        }
        Ok(audience)
    }

    /// Decides where RFC 9068 is asked for; elsewhere it is what a single token is revoked by, if it
    /// is there.
    fn token_id(&self) -> Result<Option<String>, TokenError> {
        if self.policy.exact {
            return self.optional("jti", &forms::TEXT);
        }
        match self.raw.get("jti") {
            None | Some(BorrowedValue::Null) => Ok(None),
            Some(value) => match (forms::TOKEN_ID.read)(value) {
                None if self.policy.rfc9068 => Err(TokenError::MalformedClaim(ClaimFault {
                    name: "jti".into(),
                    expected: forms::TOKEN_ID.expected,
                    policy_member: Some("typ"),
                })),
                read => Ok(read),
            },
        }
    }

    /// The client, if the token has one where its issuer says: RFC 9068's `client_id` may be missing
    /// with other issuers. What names two is refused: routes, origins and revocations must mean one.
    fn client(&self) -> Result<Option<String>, TokenError> {
        const SETTING: &str = "client_claim";
        let policy = self.policy;
        let source = &policy.client_claim;
        let mut client: Option<String> = None;
        for place in &source.places {
            let Some(named) = self.at(place, &forms::TEXT, source.is_named || policy.rfc9068, SETTING)?
            else {
                continue;
            };
            match &client {
                _ if named.is_empty() && !policy.exact => {}
                Some(known) if *known != named => {
                    return Err(TokenError::MalformedClaim(ClaimFault {
                        name: source.names(),
                        expected: "the same client in each",
                        policy_member: Some(SETTING),
                    }));
                }
                _ => client = Some(named),
            }
        }
        Ok(client)
    }

    fn scope(&self) -> Result<BTreeSet<String>, TokenError> {
        let policy = self.policy;
        let source = &policy.scope_claim;
        let form = if policy.exact { &forms::OWN_SCOPE } else { &forms::SCOPE };
        let mut tokens = Vec::new();
        for place in &source.places {
            tokens.extend(self.at(place, form, source.is_named, "scope_claim")?.unwrap_or_default());
        }
        Ok(text_set(tokens))
    }

    fn roles(&self) -> Result<BTreeSet<String>, TokenError> {
        let policy = self.policy;
        let source = &policy.roles_claim;
        let form = match policy.roles_form {
            RolesForm::Text => &forms::TEXTS,
            RolesForm::Keys => &forms::KEYS,
            RolesForm::Names => &forms::NAMES,
        };
        let mut roles = Vec::new();
        for place in &source.places {
            roles.extend(self.at(place, form, source.is_named, "roles_claim")?.unwrap_or_default());
        }
        roles.retain(|role| policy.exact || !role.is_empty());
        Ok(text_set(roles))
    }

    fn tenant(&self) -> Result<Option<String>, TokenError> {
        let source = &self.policy.tenant_claim;
        for place in &source.places {
            let tenant = self.at(place, &forms::TEXT, source.is_named, "tenant_claim")?;
            if tenant.as_ref().is_some_and(|tenant| self.policy.exact || !tenant.is_empty()) {
                return Ok(tenant);
            }
        }
        Ok(None)
    }

    /// The key that the token is bound to. It always decides: a confirmation by another method than
    /// a key's thumbprint cannot be checked here, and to pass it over would make a bound token a
    /// bearer token.
    fn confirmation(&self) -> Result<Option<String>, TokenError> {
        match self.raw.get("cnf") {
            Some(BorrowedValue::Null) if !self.policy.exact => Ok(None),
            _ => self.optional("cnf", &forms::CONFIRMATION),
        }
    }
}

#[cfg(test)]
mod tests;
