//! `POST /auth/refresh`.

use crate::{
    auth::{
        access_tokens::AccessTokens,
        rotation::RefreshRotation,
        session_auth::SessionAuth,
        session_cookies::session_cookies_elsewhere,
        token_response::{Delivery, TokenResponse},
    },
    http::{Reply, RequestView},
    isolate::Isolate,
    ports::Clock as _,
    runtime::{Runtime, events::Events, ports::Ports},
    throttle::limits::CallLimits,
    web::{body::Body, caller::Caller, error::ApiError},
};
use postern_core::throttle::Limited;

/// What `POST /auth/refresh` needs.
pub(crate) struct Refresh<'r, P: Ports> {
    isolate: &'r Isolate,
    platform: &'r P::Platform,
    access_tokens: AccessTokens<'r, P>,
    rotation: RefreshRotation<'r, P>,
    auth: SessionAuth<'r, P>,
    token_response: TokenResponse<'r, P>,
    events: Events<'r, P>,
    call_limits: CallLimits<'r, P>,
}

impl<'r, P: Ports> Refresh<'r, P> {
    pub(crate) fn of(runtime: &'r Runtime<P>) -> Self {
        Self {
            isolate: &runtime.isolate,
            platform: runtime.ports.platform(),
            access_tokens: AccessTokens::of(runtime),
            rotation: RefreshRotation::of(runtime),
            auth: SessionAuth::of(runtime),
            token_response: TokenResponse::of(runtime),
            events: Events::of(runtime),
            call_limits: CallLimits::of(runtime),
        }
    }

    /// `POST /auth/refresh`.
    ///
    /// 1. open the token: only a token with a valid MAC causes a call of a Durable Object (401 `invalid_grant`);
    /// 2. 429 for too many from one address or network;
    /// 3. get the signing key (503 without one, and nothing has changed);
    /// 4. let the Account object decide by hashes (401, 429, or 503 if it does not answer);
    /// 5. issue an access token of the new rotation count;
    /// 6. seal the successor; for a retry, it has the same bytes as the first time.
    pub(crate) async fn refresh(&self, request: &impl RequestView, body: &[u8]) -> Result<Reply, ApiError> {
        let body = Body::parse(request, body, &["refresh_token"])?;
        let presented = self.auth.refresh_token(request, &body).await?.ok_or(ApiError::InvalidGrant)?;
        self.call_limits.throttle(&Caller::of(request), Limited::Refresh).await?;
        let key = self.access_tokens.signing_key().await?;
        let rotated = self.rotation.rotate(request, &presented).await?;
        let now = self.platform.now();
        let token = &presented.token;
        let issued = self
            .access_tokens
            .issue(&key, &rotated.grant, token.family(), rotated.rotation_count, now)
            .await?;
        let successor = token
            .seal_successor(&self.isolate.masters, rotated.master)
            .map_err(|newer| self.events.newer_master(&Caller::of(request), "refresh_token", newer))?;
        let delivery = match (presented.by_cookie, presented.has_others) {
            (false, _) => Delivery::Body,
            (true, false) => Delivery::Cookie(Vec::new()),
            (true, true) => Delivery::Cookie(session_cookies_elsewhere(self.isolate, request)),
        };
        let lifetime = rotated.expires_at.since(now);
        self.token_response.deliver(
            delivery,
            &issued,
            &rotated.grant.scope,
            token.family(),
            &successor,
            lifetime,
        )
    }
}
