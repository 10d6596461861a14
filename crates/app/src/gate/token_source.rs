//! The access token of a request to the gate: from the header or, where the route says so, from
//! the cookie, which a browser sends by itself and which is therefore held to more.

use std::rc::Rc;

use crate::{
    access::{authenticate::Authenticator, refused::AccessRefused, session::session_of},
    config::{Config, cookie_names::ACCESS_COOKIE},
    gateway::{Challenge, Credentials, Identity, Route, Statement, credentials, is_safe, is_websocket},
    http::RequestView,
    ids::FamilyId,
    runtime::{Runtime, ports::Ports},
    secrets::NewerMaster,
    time::Timestamp,
    web::{
        cookies::{self, CSRF_HEADER},
        csrf,
        error::ApiError,
        origins::own_origins,
    },
};

/// What a request brings to a route.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PresentedAccessToken {
    /// No access token where the route looks for one.
    None,
    /// Not exactly one: 400.
    Malformed,
    /// One, not looked into yet.
    Token {
        /// The compact form.
        text: String,
        /// Whether the browser sent it by itself.
        by_cookie: bool,
        /// What the cookie's other values are, if there is more than one. A browser keeps one alone,
        /// but for a partitioned one beside it.
        others: Vec<String>,
    },
}

/// Looks where the route says, and nowhere else. A token in the header beside one in the cookie
/// is refused: "Clients MUST NOT use more than one method to transmit the token in each
/// request" (RFC 6750 section 2), and no rule could say whose request it is.
pub(crate) fn presented(route: &Route, request: &impl RequestView) -> PresentedAccessToken {
    let sources = route.forwarding.token_sources;
    let authorization = if sources.header { request.header("authorization") } else { None };
    let mut others = if sources.cookie { cookies::values(request, ACCESS_COOKIE) } else { Vec::new() };
    let cookie = if others.is_empty() { None } else { Some(others.remove(0)) };
    match (credentials(authorization.as_deref()), cookie) {
        (Credentials::None, None) => PresentedAccessToken::None,
        (Credentials::None, Some(text)) => PresentedAccessToken::Token { text, by_cookie: true, others },
        (Credentials::Bearer(text), None) => {
            PresentedAccessToken::Token { text: text.to_owned(), by_cookie: false, others }
        }
        (Credentials::Malformed, _) | (Credentials::Bearer(_), Some(_)) => PresentedAccessToken::Malformed,
    }
}

/// Why a request with the cookie alone is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CookieRefused {
    /// The token is of no session of ours.
    NoSession,
    /// Another origin's page made it.
    CrossOrigin,
    /// The CSRF token of the session is missing.
    CsrfFailed,
    /// The CSRF token was made under a master that this version does not have yet.
    NewerMaster(NewerMaster),
}

impl CookieRefused {
    /// For the log; to the client the first is any invalid token.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::NoSession => "no_session",
            Self::CrossOrigin => "cross_origin",
            Self::CsrfFailed => "csrf_failed",
            Self::NewerMaster(_) => "csrf_newer_master",
        }
    }
}

impl From<CookieRefused> for ApiError {
    fn from(refused: CookieRefused) -> Self {
        match refused {
            CookieRefused::NoSession => Self::Challenge(Challenge::InvalidToken),
            CookieRefused::CrossOrigin => Self::CrossOrigin,
            CookieRefused::CsrfFailed => Self::CsrfFailed,
            CookieRefused::NewerMaster(_) => Self::NewerMaster,
        }
    }
}

/// Finds whose access token a request brings.
pub(crate) struct TokenSource<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> TokenSource<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Whose the access token is. Of several values of the cookie, those that verify count: the
    /// latest of them when they are of one session, else the one of the session that this host signed
    /// the browser in to last.
    ///
    /// # Errors
    /// Why the first was refused, when none verifies; `ambiguous_cookie` when nothing says which of
    /// several sessions is meant.
    pub(crate) async fn identify(
        &self,
        request: &impl RequestView,
        route: &Route,
        tokens: (&str, &[String]),
        now: Timestamp,
    ) -> Result<Rc<Identity>, AccessRefused> {
        let (text, others) = tokens;
        let first =
            Authenticator::of(self.0).authenticate(text, now, route.revocation, route.stale_feed).await;
        if others.is_empty() {
            return first;
        }
        let mut refused = None;
        let mut sound: Vec<(FamilyId, Rc<Identity>)> = Vec::new();
        let mut tried = vec![first];
        for other in others {
            tried.push(
                Authenticator::of(self.0).authenticate(other, now, route.revocation, route.stale_feed).await,
            );
        }
        for result in tried {
            match result {
                Ok(identity) => {
                    let own = session_of(&self.0.isolate.config, &identity)
                        .filter(|_| identity.issuer == self.0.isolate.config.issuer);
                    sound.extend(own.map(|session| (session.family, identity)));
                }
                Err(AccessRefused::Fault(fault)) => return Err(fault.into()),
                Err(error) => {
                    refused.get_or_insert(error);
                }
            }
        }
        let is_one_session =
            sound.windows(2).all(|pair| pair.first().map(|one| one.0) == pair.last().map(|one| one.0));
        if !is_one_session {
            sound.retain(|(session, _)| cookies::is_marked(request, *session));
        }
        match sound.into_iter().map(|(_, identity)| identity).max_by_key(|identity| identity.issued_at) {
            Some(identity) => Ok(identity),
            None => Err(refused.unwrap_or(AccessRefused::Token("ambiguous_cookie"))),
        }
    }

    /// [`judge_cookie_request`] with the master secrets, which CSRF tokens are signed with.
    pub(crate) fn check_cookie_request(
        &self,
        route: &Route,
        request: &impl RequestView,
        identity: &Identity,
    ) -> Result<(), CookieRefused> {
        let is_right = |session, token: &str| csrf::verify(&self.0.isolate.masters, session, token);
        judge_cookie_request(&self.0.isolate.config, route, request, identity, is_right)
    }
}

/// What a request whose access token came by cookie must show besides: that a page of ours
/// made it.
///
/// 1. 401 for a token without a session of ours: nothing could be bound to it;
/// 2. nothing more for safe methods: `SameSite=Strict` keeps other sites' requests without
///    the cookie, and CORS keeps siblings from reading the answer;
/// 3. a WebSocket needs an `Origin` that is ours or listed: `SameSite` does not keep
///    siblings out, CORS does not apply to sockets, and no script can add a header;
/// 4. all other methods need the CSRF token of the very session (`is_right` says whether it is),
///    and no foreign `Origin`.
pub(crate) fn judge_cookie_request(
    config: &Config,
    route: &Route,
    request: &impl RequestView,
    identity: &Statement,
    is_right: impl FnOnce(FamilyId, &str) -> Result<bool, NewerMaster>,
) -> Result<(), CookieRefused> {
    let session = session_of(config, identity)
        .filter(|_| identity.issuer == config.issuer)
        .ok_or(CookieRefused::NoSession)?;
    let origin = request.header("origin");
    let listed = origin.as_deref().map(|origin| is_own_or_listed(config, route, request, origin));
    if is_websocket(request) {
        return if listed == Some(true) { Ok(()) } else { Err(CookieRefused::CrossOrigin) };
    }
    if is_safe(&request.method()) {
        return Ok(());
    }
    let cross_site = request.header("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if listed == Some(false) || (cross_site && listed.is_none()) {
        return Err(CookieRefused::CrossOrigin);
    }
    let token = request.header(CSRF_HEADER).unwrap_or_default();
    match is_right(session.family, &token) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CookieRefused::CsrfFailed),
        Err(newer) => Err(CookieRefused::NewerMaster(newer)),
    }
}

/// Our own origin, or one that the route's CORS rule lets come with credentials.
fn is_own_or_listed(config: &Config, route: &Route, request: &impl RequestView, origin: &str) -> bool {
    own_origins(config, request).iter().any(|own| own == origin)
        || route.cors.as_ref().is_some_and(|cors| cors.credentials && cors.origins.contains(origin))
}
