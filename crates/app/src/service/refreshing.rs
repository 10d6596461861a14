//! `POST /auth/refresh`, and the answer that brings tokens.

use core::time::Duration;

use serde::Serialize;

use super::{
    ApiError, Caller, Ports, Service, body::Body, cookies, credentials::PresentedToken, csrf,
    refusals::Throttled, tokens::Issued,
};
use crate::{
    abuse::{Limited, Rate},
    account::{Accounts as _, Granted, Refreshed, Refusal, Rotated},
    http::{Reply, RequestView},
    ids::{AccountId, FamilyId},
    observe::Happening,
    refresh::{Context, Limits, RefreshToken, RefusalCause, RefusedToken, Revocation},
};

/// What a client that retried too often is told to wait, in seconds: enough for whatever keeps
/// it from storing the answer to pass.
const RETRY_AFTER_THROTTLED: u32 = 60;

#[derive(Serialize)]
struct Tokens<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    session_id: FamilyId,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<&'a str>,
}

/// How tokens go to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Delivery {
    /// In cookies, after the lines that take away those of other scopes.
    Cookie(Vec<String>),
    Body,
}

impl<P: Ports> Service<P> {
    /// `POST /auth/refresh`.
    ///
    /// 1. open the token: only our own MAC wakes an object (401 `invalid_grant`);
    /// 2. 429 for too many from one address or network;
    /// 3. have a key to sign with (503 without one, and nothing has happened);
    /// 4. let the Account object decide on hashes (401, 429, or 503 when it can't);
    /// 5. issue an access token of the new rotation count;
    /// 6. seal the successor: for a retry the very bytes of the first time.
    pub(super) async fn refresh(&self, request: &impl RequestView, body: &[u8]) -> Result<Reply, ApiError> {
        let body = Body::parse(request, body, &["refresh_token"])?;
        let presented = self.refresh_token(request, &body).await?.ok_or(ApiError::InvalidGrant)?;
        self.throttle(&Caller::of(request), Limited::Refresh).await?;
        let key = self.signing_key().await?;
        let rotated = self.rotate(request, &presented).await?;
        let now = self.now();
        let token = &presented.token;
        let issued = self.issue(&key, &rotated.grant, token.family(), rotated.rotation_count, now).await?;
        let successor = token
            .seal_successor(&self.isolate.masters, rotated.master)
            .map_err(|newer| self.newer_master(&Caller::of(request), "refresh_token", newer))?;
        let delivery = match (presented.by_cookie, presented.has_others) {
            (false, _) => Delivery::Body,
            (true, false) => Delivery::Cookie(Vec::new()),
            (true, true) => Delivery::Cookie(self.sessions_elsewhere(request)),
        };
        let lifetime = rotated.expires_at.since(now);
        self.deliver(delivery, &issued, &rotated.grant.scope, token.family(), &successor, lifetime)
    }

    async fn rotate(
        &self,
        request: &impl RequestView,
        presented: &PresentedToken,
    ) -> Result<Rotated, ApiError> {
        let token = &presented.token;
        let caller = Caller::of(request);
        let presented = token.present(&self.isolate.masters);
        let session = (token.account(), token.family());
        let (accounts, limits) = (self.ports.accounts(), self.isolate.limits());
        match accounts.rotate(token.account(), token.family(), presented, limits, caller.context()).await? {
            Refreshed::Granted(rotated) => {
                self.record_granted(&caller, session, &rotated);
                if self.is_client_revoked(&rotated.grant.client_id, rotated.created_at).await? {
                    return self.end_for_its_client(&caller, session).await;
                }
                Ok(rotated)
            }
            Refreshed::Refused(refusal) => {
                self.record_refused(&caller, session, &refusal);
                Err(self.refused_refresh(&refusal))
            }
        }
    }

    /// Judges the refresh token of a session that is to end. It is rotated on the way: a client that
    /// got no answer, or lost a race, asks again with the same one. No limit of the pace keeps a
    /// user from leaving.
    ///
    /// # Errors
    /// [`ApiError::InvalidGrant`] for a token that was replaced (row 8 of
    /// `docs/concepts/refresh-families.md`, and the session has ended by it), or that was never issued so;
    /// and `everywhere` for one of a session that has ended: a token found in an old backup signs
    /// nobody out.
    pub(super) async fn judge_for_the_last_time(
        &self,
        request: &impl RequestView,
        token: &RefreshToken,
        everywhere: bool,
    ) -> Result<(), ApiError> {
        let caller = Caller::of(request);
        let limits = Limits {
            max_late_retries: u16::MAX,
            late_only_rotations: u16::MAX,
            pace: None,
            ..self.isolate.limits()
        };
        let presented = token.present(&self.isolate.masters);
        let session = (token.account(), token.family());
        let accounts = self.ports.accounts();
        let judged =
            accounts.rotate(token.account(), token.family(), presented, limits, caller.context()).await?;
        let refusal = match judged {
            Refreshed::Granted(rotated) => {
                // A rotation is none here; a late retry is as much of a sign as ever.
                if rotated.granted == Granted::LateRetry {
                    self.record_granted(&caller, session, &rotated);
                }
                return Ok(());
            }
            Refreshed::Refused(refusal) => refusal,
        };
        let over = match refusal.cause {
            // Over already, as the client wants it to be.
            RefusalCause::Ended { .. } | RefusalCause::UnknownFamily => true,
            // The same, and news.
            RefusalCause::Expired { .. } | RefusalCause::SignIn { .. } => {
                self.record_refused(&caller, session, &refusal);
                true
            }
            _ => {
                self.record_refused(&caller, session, &refusal);
                false
            }
        };
        if over && !everywhere { Ok(()) } else { Err(ApiError::InvalidGrant) }
    }

    /// Ends a session whose client was revoked after the sign-in. Its refresh has been granted by
    /// then, but no token of it was made.
    async fn end_for_its_client(
        &self,
        caller: &Caller,
        session: (AccountId, FamilyId),
    ) -> Result<Rotated, ApiError> {
        let (account, family) = session;
        self.ports.accounts().revoke(account, family, Revocation::Operator).await?;
        self.record_of(caller, session, Happening::SessionRevoked);
        Err(ApiError::InvalidGrant)
    }

    /// A text that is no refresh token of ours: to the client the same as an expired one. One that
    /// another version of the deployment made is not judged: the client keeps it and comes again.
    pub(super) fn unopened(&self, request: &impl RequestView, refused: RefusedToken) -> ApiError {
        if let RefusedToken::NewerMaster(newer) = refused {
            return self.newer_master(&Caller::of(request), "refresh_token", newer);
        }
        let happening = Happening::RefreshRefused { cause: refused.code() };
        self.record(self.now(), happening, Caller::of(request).setting());
        ApiError::InvalidGrant
    }

    /// The answer with both tokens.
    pub(super) fn deliver(
        &self,
        delivery: Delivery,
        issued: &Issued,
        scope: &str,
        session_id: FamilyId,
        refresh_token: &str,
        lifetime: Duration,
    ) -> Result<Reply, ApiError> {
        let mut tokens = Tokens {
            access_token: &issued.access_token,
            token_type: "Bearer",
            expires_in: issued.expires_in,
            session_id,
            scope,
            refresh_token: None,
            csrf_token: None,
            device_token: None,
        };
        match delivery {
            Delivery::Body => {
                tokens.refresh_token = Some(refresh_token);
                tokens.device_token = issued.device_token.as_deref();
                Ok(Reply::json(200, &tokens))
            }
            Delivery::Cookie(elsewhere) => {
                let master = self.isolate.masters.current();
                let csrf_token = csrf::issue(master, session_id, self.ports.platform())?;
                tokens.csrf_token = Some(&csrf_token);
                let cookie = &self.isolate.config.cookie;
                let mut set = elsewhere;
                set.extend(cookies::of_session(cookie, session_id, refresh_token, &csrf_token, lifetime));
                if let Some(token) = &issued.device_token {
                    set.push(cookies::device_cookie(cookie, token));
                }
                if cookie.access {
                    set.push(cookies::access_cookie(&issued.access_token, issued.expires_in));
                }
                Ok(with_cookies(Reply::json(200, &tokens), &set))
            }
        }
    }
}

/// The answer with `Set-Cookie` lines, in their order.
pub(super) fn with_cookies(reply: Reply, cookies: &[String]) -> Reply {
    cookies.iter().fold(reply, |reply, cookie| reply.with_header("set-cookie", cookie))
}

impl Caller {
    /// What a family remembers of where a request came from.
    pub(super) fn context(&self) -> Context {
        Context::new(
            self.ip.as_deref(),
            self.country.as_deref(),
            self.user_agent.as_deref().unwrap_or_default(),
        )
    }
}

impl<P: Ports> Service<P> {
    /// All refusals are one on the wire, but those that ask to slow down.
    fn refused_refresh(&self, refusal: &Refusal) -> ApiError {
        match refusal.cause {
            RefusalCause::TooFast { retry_after } => {
                let rate = self.isolate.config.limits.refresh_family.unwrap_or(Rate::new(1, 1));
                self.throttled(Throttled {
                    policy: "refresh-family".to_owned(),
                    quota: rate.burst,
                    window: rate.window(),
                    retry_after: retry_after.into(),
                })
            }
            RefusalCause::Throttled => ApiError::TooManyRetries { retry_after: RETRY_AFTER_THROTTLED },
            RefusalCause::Reuse
            | RefusalCause::Expired { .. }
            | RefusalCause::SignIn { .. }
            | RefusalCause::AheadOfState
            | RefusalCause::Forged
            | RefusalCause::WrongClient
            | RefusalCause::WrongBinding
            | RefusalCause::Ended { .. }
            | RefusalCause::UnknownFamily
            | RefusalCause::WrongSubject
            | RefusalCause::FamilyExists
            | RefusalCause::StaleCredentials => ApiError::InvalidGrant,
        }
    }
}
