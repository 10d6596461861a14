//! What authorises a call of our own API: an access token, or a refresh token in the body or
//! in the cookie.

use super::{
    ApiError, Caller, Isolate, Ports, Service,
    authenticate::AccessRefused,
    body::Body,
    cookies::{self, CSRF_HEADER},
    csrf,
};
use crate::{
    config::{Config, IdentitySource},
    gateway::{Challenge, Credentials, Identity, Revocation, StaleFeed, credentials},
    http::{Reply, RequestView},
    ids::{AccountId, FamilyId},
    observe::Happening,
    ports::{Fault, Part},
    refresh::{RefreshToken, codec},
    secrets::NewerMaster,
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
}

#[derive(Serialize)]
struct CsrfToken<'a> {
    csrf_token: &'a str,
}

/// Whether the refresh token of a request is that of our cookie: one in the body comes before it.
pub(super) fn by_cookie(config: &Config, request: &impl RequestView, body: &[u8]) -> bool {
    let in_body = Body::parse(request, body, &["refresh_token"]);
    in_body.is_ok_and(|body| body.value("refresh_token").is_none())
        && cookies::read(request, &config.cookie.name).is_some()
}

impl<P: Ports> Service<P> {
    /// The refresh token of a request: from the body, or from the cookie when the CSRF token of
    /// its session comes with it. `None` when there is neither.
    pub(super) fn refresh_token(
        &self,
        request: &impl RequestView,
        body: &Body,
    ) -> Result<Option<PresentedToken>, ApiError> {
        let masters = &self.isolate.masters;
        if let Some(text) = body.optional_text("refresh_token")? {
            let token = codec::open(masters, text).map_err(|refused| self.unopened(request, refused))?;
            return Ok(Some(PresentedToken { token, by_cookie: false }));
        }
        let Some(token) = self.cookie_token(request)? else { return Ok(None) };
        let csrf = request.header(CSRF_HEADER).unwrap_or_default();
        let caller = || Caller::of(request);
        let verified = csrf::verify(masters, token.family(), &csrf);
        if !verified.map_err(|newer| self.newer_master(&caller(), "csrf_token", newer))? {
            return Err(ApiError::CsrfFailed);
        }
        Ok(Some(PresentedToken { token, by_cookie: true }))
    }

    /// Something that cannot be judged before this version has the master it was made under: told
    /// to the log by what it is, and to the client as a fault of ours.
    pub(super) fn newer_master(&self, caller: &Caller, what: &'static str, newer: NewerMaster) -> ApiError {
        self.record(self.now(), Happening::NewerMaster { what, master: newer.id }, caller.setting());
        ApiError::NewerMaster
    }

    /// The refresh token in the cookie, for a page of ours or of a listed origin. It authorises
    /// nothing by itself: a browser sends it unasked.
    fn cookie_token(&self, request: &impl RequestView) -> Result<Option<RefreshToken>, ApiError> {
        let Some(text) = cookies::read(request, &self.isolate.config.cookie.name) else { return Ok(None) };
        self.check_origin(request)?;
        let opened = codec::open(&self.isolate.masters, &text);
        opened.map(Some).map_err(|refused| self.unopened(request, refused))
    }

    /// `GET /auth/csrf`: the CSRF token of the session whose cookie the browser sends. A page that
    /// was loaded anew has none; it can read the CSRF cookie on Postern's own host alone, and there a
    /// sibling domain may have planted one. It asks no object, so the session may have ended:
    /// the refresh tells. Other pages can send this but not read the answer: no CORS for them, and
    /// `Cross-Origin-Resource-Policy`.
    pub(super) fn csrf_token(&self, request: &impl RequestView) -> Result<Reply, ApiError> {
        let token = self.cookie_token(request)?.ok_or(ApiError::InvalidGrant)?;
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
            Err(AccessRefused::Token(_)) => return Err(invalid()),
        };
        // A token of another issuer has no session here.
        if identity.issuer != self.isolate.config.issuer {
            return Err(invalid());
        }
        let session = self.isolate.session_of(&identity).ok_or_else(invalid)?;
        Ok((identity, session))
    }

    /// The session that a call to end sessions is authorised by. Who wants to end every session
    /// must come from one that is alive: a refresh token found in an old backup signs nobody out.
    pub(super) async fn proved_session(
        &self,
        request: &impl RequestView,
        body: &Body,
        everywhere: bool,
    ) -> Result<Session, ApiError> {
        if request.header("authorization").is_some() {
            return Ok(self.own_identity(request).await?.1);
        }
        let presented = self.refresh_token(request, body)?;
        let token = presented.ok_or(ApiError::Challenge(Challenge::NoCredentials))?.token;
        let session = Session { account: token.account(), family: token.family() };
        if everywhere && !self.is_alive(&session, self.now()).await? {
            return Err(ApiError::InvalidGrant);
        }
        Ok(session)
    }
}

impl Isolate {
    /// The session that one of our own access tokens belongs to.
    pub(super) fn session_of(&self, identity: &Identity) -> Option<Session> {
        session_of(&self.config, identity)
    }
}

/// The same, by the configuration alone.
pub(super) fn session_of(config: &Config, identity: &Identity) -> Option<Session> {
    let account = match &config.identity {
        IdentitySource::Store => identity.subject.parse().ok()?,
        IdentitySource::Service { issuer, .. } => AccountId::of_subject(issuer, &identity.subject),
    };
    let family = identity.session_id.as_deref()?.parse().ok()?;
    Some(Session { account, family })
}

/// An Account object that could not decide.
pub(super) fn undecided(cause: String) -> ApiError {
    ApiError::Fault(Fault { part: Part::Account, cause })
}
