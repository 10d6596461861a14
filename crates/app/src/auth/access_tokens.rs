//! Issues the deployment's access tokens (RFC 9068).

use core::time::Duration;
use std::rc::Rc;

use crate::{
    access_token::AccessTokenClaims,
    compact,
    encoding::base64url,
    ids::FamilyId,
    keys::{PrivateKey, Signer as _, signing::SigningKeyError},
    ports::{Component, Fault, Randomness as _},
    refresh::Grant,
    runtime::{Runtime, ports::Ports},
    time::Timestamp,
    web::error::ApiError,
};

/// Lifetimes are shortened by up to a twentieth, so that clients that signed in at the same time do not keep refreshing
/// at the same time.
const JITTER_DIVISOR: u64 = 20;

/// A new access token.
pub(crate) struct Issued {
    pub(crate) access_token: String,
    /// The lifetime in seconds.
    pub(crate) expires_in: u64,
    /// The device token of a sign-in, which identifies the device from now on.
    pub(crate) device_token: Option<String>,
}

/// The session, or the grant to an OAuth client, that an access token is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionTokens {
    pub(crate) session: FamilyId,
    pub(crate) rotation_count: u32,
}

/// Signs access tokens.
pub(crate) struct AccessTokens<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> AccessTokens<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The signing key. Handlers request it before they call the Account object: without a key the request fails, and
    /// the object would already have stored a rotation or a session that no client received.
    pub(crate) async fn signing_key(&self) -> Result<Rc<PrivateKey>, ApiError> {
        let signing = &self.0.isolate.memory.signing;
        let key = signing.current(self.0.ports.key_ring(), &self.0.isolate.masters, self.0.now()).await;
        key.map_err(|error| match error {
            SigningKeyError::Fault(fault) => fault.into(),
            SigningKeyError::Wrapped(error) => Fault::new(Component::KeyRing, error).into(),
        })
    }

    /// Issues an access token of `session` at its rotation count.
    pub(crate) async fn issue(
        &self,
        key: &PrivateKey,
        grant: &Grant,
        session: FamilyId,
        rotation_count: u32,
        now: Timestamp,
    ) -> Result<Issued, ApiError> {
        let audience = self.0.isolate.config.audience.clone();
        self.issue_for(key, grant, audience, SessionTokens { session, rotation_count }, now).await
    }

    /// Issues an access token for another audience than the deployment's: a protected resource.
    pub(crate) async fn issue_for(
        &self,
        key: &PrivateKey,
        grant: &Grant,
        audience: String,
        SessionTokens { session, rotation_count }: SessionTokens,
        now: Timestamp,
    ) -> Result<Issued, ApiError> {
        let config = &self.0.isolate.config;
        // 16 for the token's id, 2 for the jitter.
        let mut random = [0; 18];
        self.0.ports.platform().fill(&mut random)?;
        let [id @ .., first, second] = random;
        let lifetime = jittered(config.access_token_lifetime, u16::from_be_bytes([first, second]));
        let claims = AccessTokenClaims {
            iss: config.issuer.clone(),
            sub: grant.subject.clone(),
            aud: vec![audience],
            exp: now.seconds().saturating_add(lifetime),
            iat: now.seconds(),
            jti: base64url(&id),
            client_id: grant.client_id.clone(),
            scope: grant.scope.clone(),
            sid: Some(session),
            rot: Some(rotation_count),
            roles: grant.roles.clone(),
            tenant_id: grant.tenant_id.clone(),
            auth_time: Some(grant.auth_time.seconds()),
            acr: None,
            amr: grant.amr.clone(),
            cnf: None,
        };
        let algorithm = key.algorithm();
        let signing_input = compact::encode_signing_input(algorithm, &key.kid().to_string(), &claims)
            .map_err(|error| Fault::new(Component::Crypto, error))?;
        let signature = self.0.ports.crypto().sign(key, signing_input.as_bytes()).await?;
        Ok(Issued {
            access_token: compact::finish(&signing_input, &signature),
            expires_in: lifetime,
            device_token: None,
        })
    }
}

/// The lifetime in seconds, shortened by at most a twentieth.
fn jittered(lifetime: Duration, random: u16) -> u64 {
    let seconds = lifetime.as_secs();
    let spread = seconds / JITTER_DIVISOR;
    seconds - spread * u64::from(random) / u64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jitter_only_shortens_and_by_a_twentieth_at_most() {
        let lifetime = Duration::from_mins(10);
        assert_eq!(jittered(lifetime, 0), 600);
        assert_eq!(jittered(lifetime, u16::MAX), 570);
        assert_eq!(jittered(Duration::from_secs(3), u16::MAX), 3);
    }
}
