//! The caller.

use std::collections::BTreeSet;

use postern_jose::{ClaimFault, TokenError, json, jwt::AccessToken, time::Timestamp};

use crate::Kind;

/// The caller, verified. In a request that passed the layer, it is among the extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// `sub`. Another issuer may give the same one to another person: see [`Caller::key`].
    pub subject: String,
    /// The issuer of the access token: `token_iss` of an assertion, `iss` of an access token. It has no space.
    pub issuer: String,
    /// `client_id`: the client that the token was issued to.
    pub client: Option<String>,
    /// `sid`: the session.
    pub session: Option<String>,
    /// `tenant_id`.
    pub tenant: Option<String>,
    /// `scope`.
    pub scopes: BTreeSet<String>,
    /// `roles`.
    pub roles: BTreeSet<String>,
    /// `acr`: how strong the sign-in was. Access tokens only.
    pub acr: Option<String>,
    /// `amr`: the methods of the sign-in (RFC 8176). Access tokens only.
    pub amr: Vec<String>,
    /// `auth_time`, in seconds: when the user signed in. Access tokens only.
    pub authenticated_at: Option<u64>,
    /// `iat`, in seconds.
    pub issued_at: u64,
    /// `exp`, in seconds.
    pub expires_at: u64,
    /// All claims, as they were signed: one JSON object.
    pub claims: Vec<u8>,
}

impl Caller {
    /// The issuer, a space, and the subject: the name of this caller in your database.
    pub fn key(&self) -> String {
        [&self.issuer, " ", &self.subject].concat()
    }

    pub(crate) fn new(kind: Kind, token: AccessToken) -> Result<Self, TokenError> {
        let (claims, payload) = token.into_claims();
        if claims.confirmation.is_some() {
            return Err(TokenError::BoundToken);
        }
        let issuer = match kind {
            Kind::Assertion => token_issuer(&payload)?,
            Kind::AccessToken => claims.iss,
        };
        Ok(Self {
            subject: claims.sub,
            issuer,
            client: claims.client_id,
            session: claims.sid,
            tenant: claims.tenant_id,
            scopes: claims.scope,
            roles: claims.roles,
            acr: claims.acr,
            amr: claims.amr,
            authenticated_at: claims.auth_time.map(Timestamp::seconds),
            issued_at: claims.iat.seconds(),
            expires_at: claims.exp.seconds(),
            claims: payload,
        })
    }
}

/// `token_iss`, which assertions alone have. An issuer has no space, which [`Caller::key`] relies on.
fn token_issuer(payload: &[u8]) -> Result<String, TokenError> {
    let fault =
        || ClaimFault { name: "token_iss".into(), expected: "a text without spaces", policy_member: None };
    let claims = json::borrow_object(payload).map_err(TokenError::MalformedClaims)?;
    let value = claims.get("token_iss").ok_or_else(|| TokenError::MissingClaim(fault()))?;
    let text = value.as_str().filter(|text| !text.is_empty() && !text.contains(' '));
    text.map(str::to_owned).ok_or_else(|| TokenError::MalformedClaim(fault()))
}
