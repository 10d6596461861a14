//! What authorises a call of our own API: an access token, or a refresh token in the body or
//! in the cookie.

use super::{
    ApiError, Caller, Isolate, Ports, Service,
    authenticate::AccessRefused,
    body::Body,
    cookies::{self, CSRF_HEADER},
    csrf, scopes,
};
use crate::{
    account::Accounts as _,
    config::{Config, IdentitySource},
    gateway::{Challenge, Credentials, Identity, Revocation, StaleFeed, Statement, credentials},
    http::{Reply, RequestView},
    ids::{AccountId, FamilyId},
    observe::Happening,
    refresh::{RefreshToken, RefusedToken, codec},
    secrets::NewerMaster,
    time::Timestamp,
};
use serde::Serialize;
use std::rc::Rc;

/// A session that was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) account: AccountId,
    pub(super) family: FamilyId,
}

/// A refresh token and the way it came, which is the way its successor goes.
#[derive(Debug)]
pub(super) struct PresentedToken {
    pub(super) token: RefreshToken,
    pub(super) by_cookie: bool,
    /// Whether the browser holds others of ours, in other scopes.
    pub(super) has_others: bool,
}

#[derive(Serialize)]
struct CsrfToken<'a> {
    csrf_token: &'a str,
}

/// Whether the refresh token of a request is that of our cookie: one in the body comes before it.
pub(super) fn by_cookie(config: &Config, request: &impl RequestView, body: &[u8]) -> bool {
    let in_body = Body::parse(request, body, &["refresh_token"]);
    let header = request.header("cookie").unwrap_or_default();
    in_body.is_ok_and(|body| body.value("refresh_token").is_none())
        && cookies::all(&header, &config.cookie.name).next().is_some()
}

impl<P: Ports> Service<P> {
    /// The refresh token of a request: from the body, or from the cookie when the CSRF token of
    /// its session comes with it. `None` when there is neither. A page that could not read the answer
    /// is refused here, before anything is spent.
    pub(super) async fn refresh_token(
        &self,
        request: &impl RequestView,
        body: &Body,
    ) -> Result<Option<PresentedToken>, ApiError> {
        let masters = &self.isolate.masters;
        if let Some(text) = body.optional_text("refresh_token")? {
            self.check_origin(request)?;
            let token = codec::open(masters, text).map_err(|refused| self.unopened(request, refused))?;
            return Ok(Some(PresentedToken { token, by_cookie: false, has_others: false }));
        }
        let csrf = request.header(CSRF_HEADER).unwrap_or_default();
        let Some(presented) = self.cookie_token(request, Some(&csrf)).await? else { return Ok(None) };
        match csrf::verify(masters, presented.token.family(), &csrf) {
            Ok(true) => Ok(Some(presented)),
            Ok(false) => Err(ApiError::CsrfFailed),
            Err(newer) => Err(self.newer_master(&Caller::of(request), "csrf_token", newer)),
        }
    }

    /// Something that cannot be judged before this version has the master it was made under: told
    /// to the log by what it is, and to the client as a fault of ours.
    pub(super) fn newer_master(&self, caller: &Caller, what: &'static str, newer: NewerMaster) -> ApiError {
        self.record(self.now(), Happening::NewerMaster { what, master: newer.id }, caller.setting());
        ApiError::NewerMaster
    }

    /// The refresh token in the cookie, for a page of ours or of a listed origin. It authorises
    /// nothing by itself: a browser sends it unasked.
    async fn cookie_token(
        &self,
        request: &impl RequestView,
        csrf: Option<&str>,
    ) -> Result<Option<PresentedToken>, ApiError> {
        let masters = &self.isolate.masters;
        let found = cookies::refresh_tokens(masters, request, &self.isolate.config.cookie.name);
        if found.tokens.is_empty() && found.refused.is_none() {
            return Ok(None);
        }
        self.check_origin(request)?;
        let (has_others, refused) = (found.ours > 1, found.refused);
        let token = match (self.the_one_of(request, found.tokens, csrf).await?, refused) {
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

    /// Of several sessions' refresh cookies, which a browser sends when the cookie's domain or
    /// path was changed, and when a sibling host has planted one:
    ///
    /// 1. that of the session which this host signed the browser in to last, while it lives;
    /// 2. that which the CSRF token belongs to;
    /// 3. that of the session which began last, of those that live.
    ///
    /// With one session nobody is asked.
    async fn the_one_of(
        &self,
        request: &impl RequestView,
        mut tokens: Vec<RefreshToken>,
        csrf: Option<&str>,
    ) -> Result<Option<RefreshToken>, ApiError> {
        if tokens.len() < 2 {
            return Ok(tokens.pop());
        }
        let now = self.now();
        if let Some(marked) = tokens.iter().position(|token| cookies::is_marked(request, token.family())) {
            let token = tokens.swap_remove(marked);
            let session = Session { account: token.account(), family: token.family() };
            if self.is_alive(&session, now).await? {
                return Ok(Some(token));
            }
        }
        if let Some(csrf) = csrf {
            let masters = &self.isolate.masters;
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

    /// When the session of the token began; `None` when it has ended.
    async fn began_at(&self, token: &RefreshToken) -> Result<Option<Timestamp>, ApiError> {
        let sessions = self.ports.accounts().sessions(token.account()).await?;
        let session = sessions.into_iter().find(|view| view.session_id == token.family());
        Ok(session.map(|view| view.created_at))
    }

    /// The lines that take a session's cookies away in the scopes that are not in force (any more).
    /// None unless the browser sends a refresh token of ours: those of another deployment, which is
    /// reached by a sibling's name, are not ours to take away.
    pub(super) fn sessions_elsewhere(&self, request: &impl RequestView) -> Vec<String> {
        let cookie = &self.isolate.config.cookie;
        let found = cookies::refresh_tokens(&self.isolate.masters, request, &cookie.name);
        if found.ours == 0 { Vec::new() } else { scopes::sessions_elsewhere(cookie, request) }
    }

    /// The lines that take a session's cookies away, in every scope.
    pub(super) fn cleared(&self, request: &impl RequestView) -> Vec<String> {
        let mut gone = self.sessions_elsewhere(request);
        gone.extend(cookies::cleared(&self.isolate.config.cookie));
        gone
    }

    /// `GET /auth/csrf`: the CSRF token of the session whose cookie the browser sends. A page that
    /// was loaded anew has none; it can read the CSRF cookie on Postern's own host alone, and there a
    /// sibling domain may have planted one. It asks no object while there is one session to choose from, so that
    /// may have ended: the refresh tells. Other pages can send this but not read the answer: no CORS for them, and
    /// `Cross-Origin-Resource-Policy`.
    pub(super) async fn csrf_token(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let token = self.cookie_token(request, None).await?.ok_or(ApiError::InvalidGrant)?.token;
        let master = self.isolate.masters.current();
        let csrf_token = csrf::issue(master, token.family(), self.ports.platform())?;
        Ok(Reply::json(200, &CsrfToken { csrf_token: &csrf_token }))
    }

    /// The identity of an access token of our own whose session is alive.
    pub(super) async fn own_identity(
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
        let identity = match self.authenticate(token, self.now(), Revocation::Strong, StaleFeed::Pass).await {
            Ok(identity) => identity,
            Err(AccessRefused::Fault(fault)) => return Err(ApiError::Fault(fault)),
            Err(AccessRefused::Token(_) | AccessRefused::Invalid(_)) => return Err(invalid()),
        };
        // A token of another issuer has no session here.
        if identity.issuer != self.isolate.config.issuer {
            return Err(invalid());
        }
        let session = self.isolate.session_of(&identity).ok_or_else(invalid)?;
        Ok((identity, session))
    }

    /// The session that a call to end sessions is authorised by. A refresh token is judged as at a
    /// refresh: one that was replaced is theft here too, and ends its session and no other.
    pub(super) async fn proved_session(
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
        self.judge_for_the_last_time(request, &token, everywhere).await?;
        Ok(Session { account: token.account(), family: token.family() })
    }
}

impl Isolate {
    /// The session that one of our own access tokens belongs to.
    pub(super) fn session_of(&self, identity: &Identity) -> Option<Session> {
        session_of(&self.config, identity)
    }
}

/// The same, by the configuration alone.
pub(super) fn session_of(config: &Config, identity: &Statement) -> Option<Session> {
    let account = match &config.identity {
        IdentitySource::Store => identity.subject.parse().ok()?,
        IdentitySource::Service { issuer, .. } => AccountId::of_subject(issuer, &identity.subject),
    };
    let family = identity.session_id.as_deref()?.parse().ok()?;
    Some(Session { account, family })
}
