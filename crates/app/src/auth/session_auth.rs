//! Authenticates the session of a call, by an access token, or by a refresh token in the body or in the cookie.

use std::rc::Rc;

use crate::{
    access::{
        authenticate::Authenticator,
        liveness::Liveness,
        refused::AccessRefused,
        session::{Session, session_of},
    },
    account::Accounts as _,
    auth::{presented_token::PresentedToken, rotation::RefreshRotation},
    config::Config,
    events::EventKind,
    gateway::{Challenge, Credentials, Identity, RevocationLevel, StaleFeed, credentials},
    http::RequestView,
    refresh::{RefreshToken, RefusedToken, codec},
    runtime::{Runtime, events::Events, origins::Origins, ports::Ports},
    time::Timestamp,
    web::{
        body::Body,
        caller::Caller,
        cookies::{self, CSRF_HEADER},
        csrf,
        error::ApiError,
    },
};

/// Whether the refresh token of a request comes from the cookie. A token in the body takes precedence.
pub(crate) fn by_cookie(config: &Config, request: &impl RequestView, body: &[u8]) -> bool {
    let in_body = Body::parse(request, body, &["refresh_token"]);
    let header = request.header("cookie").unwrap_or_default();
    in_body.is_ok_and(|body| body.value("refresh_token").is_none())
        && cookies::all(&header, &config.cookie.name).next().is_some()
}

/// Authenticates the session of a call.
pub(crate) struct SessionAuth<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> SessionAuth<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The refresh token of a request, from the body, or from the cookie with the CSRF token of its session. `None`
    /// means that there is neither. Pages that could not read the answer are refused before the token is used.
    pub(crate) async fn refresh_token(
        &self,
        request: &impl RequestView,
        body: &Body,
    ) -> Result<Option<PresentedToken>, ApiError> {
        let masters = &self.0.isolate.masters;
        if let Some(text) = body.optional_text("refresh_token")? {
            Origins::of(self.0).check_origin(request)?;
            let token = codec::open(masters, text).map_err(|refused| self.unopened(request, refused))?;
            return Ok(Some(PresentedToken { token, by_cookie: false, has_others: false }));
        }
        let csrf = request.header(CSRF_HEADER).unwrap_or_default();
        let Some(presented) = self.cookie_token(request, Some(&csrf)).await? else { return Ok(None) };
        match csrf::verify(masters, presented.token.family(), &csrf) {
            Ok(true) => Ok(Some(presented)),
            Ok(false) => Err(ApiError::CsrfFailed),
            Err(newer) => Err(Events::of(self.0).newer_master(&Caller::of(request), "csrf_token", newer)),
        }
    }

    /// The refresh token in the cookie, for pages of the deployment or of a listed origin. It authorises nothing by
    /// itself, because browsers send it automatically.
    pub(crate) async fn cookie_token(
        &self,
        request: &impl RequestView,
        csrf: Option<&str>,
    ) -> Result<Option<PresentedToken>, ApiError> {
        let masters = &self.0.isolate.masters;
        let found = cookies::refresh_tokens(masters, request, &self.0.isolate.config.cookie.name);
        if found.tokens.is_empty() && found.refused.is_none() {
            return Ok(None);
        }
        Origins::of(self.0).check_origin(request)?;
        let (has_others, refused) = (found.ours > 1, found.refused);
        let token = match (self.choose_token(request, found.tokens, csrf).await?, refused) {
            (Some(token), _) => token,
            (None, Some(refused)) => return Err(self.unopened(request, refused)),
            (None, None) => return Ok(None),
        };
        // The session that is meant may be the one whose master only another version has.
        let is_meant = match csrf {
            Some(csrf) => csrf::verify(masters, token.family(), csrf) == Ok(true),
            None => !cookies::marks_another(request, token.family()),
        };
        match refused {
            Some(refused @ RefusedToken::NewerMaster(_)) if !is_meant => Err(self.unopened(request, refused)),
            _ => Ok(Some(PresentedToken { token, by_cookie: true, has_others })),
        }
    }

    /// Chooses among refresh cookies of several sessions. Browsers send several if the cookie's domain or path was
    /// changed, or if a sibling host has set one. The order is:
    ///
    /// 1. the cookie of the session that this host signed the browser in to last, if the session is alive;
    /// 2. the cookie to whose session the CSRF token belongs;
    /// 3. the cookie of the live session that began last.
    ///
    /// With a single session, no Durable Object is called.
    async fn choose_token(
        &self,
        request: &impl RequestView,
        mut tokens: Vec<RefreshToken>,
        csrf: Option<&str>,
    ) -> Result<Option<RefreshToken>, ApiError> {
        if tokens.len() < 2 {
            return Ok(tokens.pop());
        }
        let now = self.0.now();
        if let Some(marked) = tokens.iter().position(|token| cookies::is_marked(request, token.family())) {
            let token = tokens.swap_remove(marked);
            let session = Session { account: token.account(), family: token.family() };
            if Liveness::of(self.0).is_live_session(&session, now).await? {
                return Ok(Some(token));
            }
        }
        if let Some(csrf) = csrf {
            let masters = &self.0.isolate.masters;
            let of_page =
                tokens.iter().position(|token| csrf::verify(masters, token.family(), csrf) == Ok(true));
            return Ok(of_page.or(Some(0)).map(|at| tokens.swap_remove(at)));
        }
        let mut newest: Option<(Timestamp, RefreshToken)> = None;
        for token in tokens {
            let began = self.began_at(&token).await?.unwrap_or(Timestamp::from_millis(0));
            if newest.as_ref().is_none_or(|(other, _)| *other < began) {
                newest = Some((began, token));
            }
        }
        Ok(newest.map(|(_, token)| token))
    }

    /// When the session of the token began. `None` means that it has ended.
    async fn began_at(&self, token: &RefreshToken) -> Result<Option<Timestamp>, ApiError> {
        let sessions = self.0.ports.accounts().sessions(token.account()).await?;
        let session = sessions.into_iter().find(|view| view.session_id == token.family());
        Ok(session.map(|view| view.created_at))
    }

    /// The identity of an access token of the deployment whose session is alive. A token of an OAuth client is refused.
    pub(crate) async fn own_identity(
        &self,
        request: &impl RequestView,
    ) -> Result<(Rc<Identity>, Session), ApiError> {
        let authorization = request.header("authorization");
        let token = match credentials(authorization.as_deref()) {
            Credentials::None => return Err(ApiError::Challenge(Challenge::NoCredentials)),
            Credentials::Malformed => return Err(ApiError::Challenge(Challenge::InvalidRequest)),
            Credentials::Bearer(token) => token,
        };
        let invalid = || ApiError::Challenge(Challenge::InvalidToken);
        let identity = match Authenticator::of(self.0)
            .authenticate(token, self.0.now(), RevocationLevel::Feed, StaleFeed::Pass)
            .await
        {
            Ok(identity) => identity,
            Err(AccessRefused::Fault(fault)) => return Err(ApiError::Fault(fault)),
            Err(AccessRefused::Token(_) | AccessRefused::Invalid(_)) => return Err(invalid()),
        };
        // A token of another issuer has no session here, and one for a resource of the gate is not for these calls.
        if identity.issuer != self.0.isolate.config.issuer || !identity.is_general {
            return Err(invalid());
        }
        let session = session_of(&self.0.isolate.config, &identity).ok_or_else(invalid)?;
        // Like the level `strong`, but for sessions alone: the feed has decided about the token and its client.
        if !Liveness::of(self.0).is_live_session(&session, identity.issued_at).await? {
            return Err(invalid());
        }
        Ok((identity, session))
    }

    /// Authenticates the session of a call that ends sessions. A refresh token is checked as at a refresh: a replaced
    /// token indicates theft, and ends its own session only.
    pub(crate) async fn proved_session(
        &self,
        request: &impl RequestView,
        body: &Body,
        everywhere: bool,
    ) -> Result<Session, ApiError> {
        if request.header("authorization").is_some() {
            return Ok(self.own_identity(request).await?.1);
        }
        let presented = self.refresh_token(request, body).await?;
        let token = presented.ok_or(ApiError::Challenge(Challenge::NoCredentials))?.token;
        RefreshRotation::of(self.0).judge_for_the_last_time(request, &token, everywhere).await?;
        Ok(Session { account: token.account(), family: token.family() })
    }

    /// The error for a text that is not an authentic refresh token, which equals that for an expired one. A token of a
    /// newer version of the deployment gets 503, so that the client keeps it and retries.
    fn unopened(&self, request: &impl RequestView, refused: RefusedToken) -> ApiError {
        if let RefusedToken::NewerMaster(newer) = refused {
            return Events::of(self.0).newer_master(&Caller::of(request), "refresh_token", newer);
        }
        let happening = EventKind::RefreshRefused { cause: refused.code() };
        Events::of(self.0).record(self.0.now(), happening, Caller::of(request).setting());
        ApiError::InvalidGrant
    }
}
