//! The one call that turns a verified token into an access token.

use core::fmt;
use std::borrow::Cow;

use super::{ClaimFault, Claims, TokenError, ValidationPolicy};
use crate::{
    Thumbprint, VerifiedJws,
    json::{self, Members},
    time::Timestamp,
};

/// A token that was verified and validated. Only [`validate`] makes one. It stays true until
/// [`AccessToken::expires_at`], as long as its key stays in the issuer's set.
#[derive(Clone, PartialEq)]
pub struct AccessToken {
    claims: Claims,
    expires_at: Timestamp,
    key_thumbprint: Thumbprint,
    payload: Vec<u8>,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AccessToken")
            .field("iss", &self.claims.iss)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl AccessToken {
    /// What it says.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// From when on it is refused: `exp` with the leeway added. What a cache must honour.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The RFC 7638 thumbprint of the key that verified it. A cached token is believed only
    /// while `JwkSet::has_thumbprint` says that the issuer still has the key.
    pub const fn key_thumbprint(&self) -> Thumbprint {
        self.key_thumbprint
    }

    /// What it says, and the payload that says it.
    pub fn into_claims(self) -> (Claims, Vec<u8>) {
        (self.claims, self.payload)
    }
}

/// Validates a verified token against its issuer's policy at the time `now`. Every check is made
/// for every token; there is no step to forget.
///
/// 1. not longer than the issuer's tokens may be, algorithm allowed for the issuer, `typ` that of an
///    access token, and in a token of our own nothing else in the header;
/// 2. claims: strict JSON, `iss sub exp iat` there (and `jti client_id` by RFC 9068 section 2.2),
///    each that is read of its type;
/// 3. `iss` equal, audience ours;
/// 4. `exp` in the future, `nbf` not, `iat` not, the three in order, lifetime and age bounded.
pub fn validate(
    jws: VerifiedJws,
    policy: &ValidationPolicy,
    now: Timestamp,
) -> Result<AccessToken, TokenError> {
    validate_for(jws, policy, |_| false, now)
}

/// As [`validate`], where an audience may also be a further one that `is_further` knows: a protected resource (RFC 9728).
/// Which of the two it was, [`ValidationPolicy::takes_audience`] says.
pub fn validate_for(
    jws: VerifiedJws,
    policy: &ValidationPolicy,
    is_further: impl Fn(&[String]) -> bool,
    now: Timestamp,
) -> Result<AccessToken, TokenError> {
    policy.judge_header(jws.header())?;
    let members = json::borrow_object(jws.payload()).map_err(TokenError::MalformedClaims)?;
    let (claims, expires_at) = judge_claims(&members, policy, is_further, now)?;
    let (key_thumbprint, payload) = jws.into_parts();
    Ok(AccessToken { claims, expires_at, key_thumbprint, payload })
}

/// Steps 2 to 4 of [`validate_for`] for unsigned claims: the verdict on a sound token that has them.
/// For explanations; it makes no [`AccessToken`].
pub fn judge_claims(
    members: &Members<'_>,
    policy: &ValidationPolicy,
    is_further: impl Fn(&[String]) -> bool,
    now: Timestamp,
) -> Result<(Claims, Timestamp), TokenError> {
    let claims = Claims::read(members, policy)?;
    if policy.rfc9068 {
        require_filled(claims.jti.as_deref(), policy, || "jti".into())?;
        require_filled(claims.client_id.as_deref(), policy, || policy.client_claim.names())?;
    }
    if claims.iss != policy.issuer {
        return Err(TokenError::WrongIssuer);
    }
    if !policy.takes_audience(&claims.aud) && !is_further(&claims.aud) {
        return Err(TokenError::WrongAudience { claim: policy.audience_claim.names() });
    }
    let expires_at = check_dates(&claims, policy, now)?;
    Ok((claims, expires_at))
}

/// RFC 9068 section 2.2. Other issuers need not follow it, where their settings say so (`typ`).
fn require_filled(
    value: Option<&str>,
    policy: &ValidationPolicy,
    name: impl FnOnce() -> Cow<'static, str>,
) -> Result<(), TokenError> {
    let fault = || ClaimFault {
        name: name(),
        expected: "a non-empty string",
        policy_member: if policy.exact { None } else { Some("typ") },
    };
    match value {
        None => Err(TokenError::MissingClaim(fault())),
        Some("") => Err(TokenError::MalformedClaim(fault())),
        Some(_) => Ok(()),
    }
}

fn check_dates(claims: &Claims, policy: &ValidationPolicy, now: Timestamp) -> Result<Timestamp, TokenError> {
    let expires_at = claims.exp.plus(policy.leeway);
    let latest_start = now.plus(policy.leeway);
    if claims.exp <= claims.iat || claims.nbf.is_some_and(|nbf| claims.exp <= nbf) {
        return Err(TokenError::ImpossibleDates);
    }
    // RFC 7519 section 4.1.4: not on or after exp.
    if now >= expires_at {
        return Err(TokenError::Expired);
    }
    if claims.nbf.is_some_and(|nbf| nbf > latest_start) {
        return Err(TokenError::NotYetValid);
    }
    if claims.iat > latest_start {
        return Err(TokenError::IssuedInFuture);
    }
    if policy.max_lifetime.is_some_and(|longest| claims.exp.since(claims.iat) > longest) {
        return Err(TokenError::LifetimeTooLong);
    }
    match policy.max_age {
        None => Ok(expires_at),
        Some(longest) => {
            let too_old_at = claims.iat.plus(longest).plus(policy.leeway);
            if now > too_old_at { Err(TokenError::TooOld) } else { Ok(expires_at.min(too_old_at)) }
        }
    }
}
