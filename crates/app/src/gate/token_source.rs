//! The access token of a request to the gate, from the header or, if the route allows it, from the cookie. Browsers
//! send the cookie automatically, so more checks apply to it.

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

/// The access token of a request to a route.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PresentedAccessToken {
    /// There is no access token in the places that the route reads.
    None,
    /// There is not exactly one access token. The answer is 400.
    Malformed,
    /// There is one access token, which is not parsed yet.
    Token {
        /// The compact form.
        text: String,
        /// Whether it came in the cookie.
        by_cookie: bool,
        /// The other values of the cookie. A browser stores only one, and possibly a partitioned one.
        others: Vec<String>,
    },
}

/// Reads only the places that the route allows. A token in the header and one in the cookie are refused: "Clients MUST
/// NOT use more than one method to transmit the token in each request" (RFC 6750 section 2). No rule could decide
/// between the two.
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

/// Why a request with only the cookie is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CookieRefused {
    /// The token does not belong to a session of this deployment.
    NoSession,
    /// A page of another origin made the request.
    CrossOrigin,
    /// The CSRF token of the session is missing.
    CsrfFailed,
    /// The CSRF token was made with a master secret that this version does not have yet.
    NewerMaster(NewerMaster),
}

impl CookieRefused {
    /// The stable code for the log. The client gets `invalid_token` for the first one.
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

/// Identifies the caller of a request by its access token.
pub(crate) struct TokenSource<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> TokenSource<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Identifies the caller. If the cookie has several values, the verified ones count: the latest one if they belong
    /// to one session, otherwise the one of the session that this host signed the browser in to last.
    ///
    /// # Errors
    /// Returns why the first value was refused if none verifies, or `ambiguous_cookie` if several sessions remain.
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

    /// As [`judge_cookie_request`], with the master secrets with which CSRF tokens are signed.
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

/// Checks that a page of the deployment made a request with the access cookie.
///
/// 1. 401 for a token without a session of this deployment, to which no CSRF token can be bound;
/// 2. no further check for safe methods: with `SameSite=Strict`, requests of other sites have no cookie, and CORS
///    prevents sibling hosts from reading the response;
/// 3. a WebSocket needs the deployment's own or a listed `Origin`: `SameSite` does not stop sibling hosts, CORS does
///    not apply to sockets, and scripts cannot add a header;
/// 4. all other methods need the CSRF token of the session (`is_right` checks it), and no foreign `Origin`.
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

/// Whether it is the deployment's own origin, or one that the route's CORS rule allows with credentials.
fn is_own_or_listed(config: &Config, route: &Route, request: &impl RequestView, origin: &str) -> bool {
    own_origins(config, request).iter().any(|own| own == origin)
        || route.cors.as_ref().is_some_and(|cors| cors.credentials && cors.origins.contains(origin))
}
