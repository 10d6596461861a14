//! Our own endpoints: routing, cross-origin rules, and the one place where refusals become
//! answers.

use super::{
    ApiError, BodyFault, Caller, Ports, Service, admin::admin_path, error::unavailable, errors,
    refreshing::with_cookies,
};
use crate::{
    config::{AdminSettings, Config},
    http::{ERRORS_PATH, Reply, RequestView, UrlParts, is_token},
    observe::Happening,
    text::printable,
};

/// Where the JWKS is (the path that discovery documents name).
const JWKS_PATH: &str = "/.well-known/jwks.json";

/// What a listed page may read of an answer: why it was refused (RFC 6750 section 3), and when to
/// come again. A browser shows no other header of these to a page of another origin (the Fetch
/// standard, "CORS-safelisted response-header name").
pub(super) const EXPOSED: &str = "www-authenticate, retry-after, ratelimit, ratelimit-policy";

/// The longest origin that is told of, in bytes: a host has up to 253.
const MAX_ORIGIN: usize = 256;

/// What a preflight grants at least: what our own calls take.
const ALLOWED_HEADERS: &str = "authorization, content-type, x-csrf-token";

/// The longest list of further header names that a preflight grants, in bytes. Tracing adds about a
/// hundred.
const MAX_ASKED: usize = 1024;

/// One of our own endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    Register,
    Login,
    Refresh,
    Csrf,
    Logout,
    LogoutAll,
    Sessions,
    Session(String),
    Me,
    Password,
    ResetRequest,
    Reset,
    VerificationRequest,
    VerifyEmail,
    Activity,
    Export,
    DeleteAccount,
    Jwks,
    Health,
    Ready,
    Metrics,
    Errors,
}

impl Endpoint {
    pub(super) fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/auth/register" => Self::Register,
            "/auth/login" => Self::Login,
            "/auth/refresh" => Self::Refresh,
            "/auth/csrf" => Self::Csrf,
            "/auth/logout" => Self::Logout,
            "/auth/logout-all" => Self::LogoutAll,
            "/auth/sessions" => Self::Sessions,
            "/auth/me" => Self::Me,
            "/auth/password" => Self::Password,
            "/auth/password/reset-request" => Self::ResetRequest,
            "/auth/password/reset" => Self::Reset,
            "/auth/email/verification-request" => Self::VerificationRequest,
            "/auth/email/verify" => Self::VerifyEmail,
            "/auth/activity" => Self::Activity,
            "/auth/account/export" => Self::Export,
            "/auth/account/delete" => Self::DeleteAccount,
            ERRORS_PATH => Self::Errors,
            JWKS_PATH => Self::Jwks,
            "/healthz" => Self::Health,
            "/readyz" => Self::Ready,
            "/metrics" => Self::Metrics,
            _ => {
                let id = path.strip_prefix("/auth/sessions/")?;
                if id.is_empty() || id.contains('/') {
                    return None;
                }
                Self::Session(id.to_owned())
            }
        })
    }

    /// The value of `Allow`.
    pub(super) const fn allow(&self) -> &'static str {
        match self {
            Self::Register
            | Self::Login
            | Self::Refresh
            | Self::Logout
            | Self::LogoutAll
            | Self::Password
            | Self::ResetRequest
            | Self::Reset
            | Self::VerificationRequest
            | Self::VerifyEmail
            | Self::DeleteAccount => "POST, OPTIONS",
            Self::Session(_) => "DELETE, OPTIONS",
            Self::Sessions => "GET, HEAD, DELETE, OPTIONS",
            Self::Csrf
            | Self::Me
            | Self::Activity
            | Self::Export
            | Self::Jwks
            | Self::Health
            | Self::Ready
            | Self::Metrics
            | Self::Errors => "GET, HEAD, OPTIONS",
        }
    }

    fn takes(&self, method: &str) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method)
    }

    /// Whether pages of listed origins may call it with credentials. Public documents are
    /// for everybody.
    const fn is_public(&self) -> bool {
        matches!(self, Self::Jwks | Self::Health | Self::Ready | Self::Errors)
    }
}

#[cfg(test)]
#[cfg(feature = "thorough")]
impl Endpoint {
    /// Every endpoint and its path, for the check of `docs/reference/openapi.yaml`. A new variant does not
    /// compile until it is here.
    pub(super) fn every() -> Vec<(&'static str, Self)> {
        use Endpoint::{
            Activity, Csrf, DeleteAccount, Errors, Export, Health, Jwks, Login, Logout, LogoutAll, Me,
            Metrics, Password, Ready, Refresh, Register, Reset, ResetRequest, Session, Sessions,
            VerificationRequest, VerifyEmail,
        };
        let all = vec![
            ("/auth/register", Register),
            ("/auth/login", Login),
            ("/auth/refresh", Refresh),
            ("/auth/csrf", Csrf),
            ("/auth/logout", Logout),
            ("/auth/logout-all", LogoutAll),
            ("/auth/sessions", Sessions),
            ("/auth/sessions/{session_id}", Session("s".to_owned())),
            ("/auth/me", Me),
            ("/auth/password", Password),
            ("/auth/password/reset-request", ResetRequest),
            ("/auth/password/reset", Reset),
            ("/auth/email/verification-request", VerificationRequest),
            ("/auth/email/verify", VerifyEmail),
            ("/auth/activity", Activity),
            ("/auth/account/export", Export),
            ("/auth/account/delete", DeleteAccount),
            (ERRORS_PATH, Errors),
            (JWKS_PATH, Jwks),
            ("/healthz", Health),
            ("/readyz", Ready),
            ("/metrics", Metrics),
        ];
        for (_, endpoint) in &all {
            match endpoint {
                Activity | Csrf | DeleteAccount | Errors | Export | Health | Jwks | Login | Logout
                | LogoutAll | Me | Metrics | Password | Ready | Refresh | Register | Reset | ResetRequest
                | Session(_) | Sessions | VerificationRequest | VerifyEmail => {}
            }
        }
        all
    }
}

/// Whether the path is ours to answer.
pub(super) fn is_own(admin: &AdminSettings, path: &str) -> bool {
    path == "/auth"
        || path.starts_with("/auth/")
        || matches!(path, JWKS_PATH | "/healthz" | "/readyz" | "/metrics")
        || admin_path(admin, path).is_some()
}

impl<P: Ports> Service<P> {
    /// Whether the path is ours to answer, whatever the route table says.
    pub(super) fn is_own(&self, path: &str) -> bool {
        is_own(&self.isolate.config.admin, path)
    }

    /// Answers a request for one of our own endpoints, its body read whole.
    pub async fn own(&self, request: &impl RequestView, body: &[u8]) -> Reply {
        let url = request.url();
        let parts = UrlParts::parse(&url);
        let admin = parts.as_ref().and_then(|parts| Some((self.admin_path(parts.path)?, parts.query)));
        if let Some((path, query)) = admin {
            let reply = match self.admin(request, path, query, body).await {
                Ok(reply) => reply,
                Err(error) => self.refused(request, &error),
            };
            return headed(request, named(request, reply));
        }
        let endpoint = parts.and_then(|parts| Endpoint::of(parts.path));
        let reply = match &endpoint {
            None => Reply::from(&ApiError::NotFound),
            Some(endpoint) => match self.dispatch(endpoint, request, body).await {
                Ok(reply) => reply,
                Err(error) => self.refused_by(endpoint, request, body, &error),
            },
        };
        let public = endpoint.as_ref().is_some_and(Endpoint::is_public);
        let reply = self.with_cors(request, reply, public);
        headed(request, named(request, reply))
    }

    /// The answer to a body that was not there to be read.
    pub fn body_refused(&self, request: &impl RequestView, cause: BodyFault) -> Reply {
        let error = ApiError::Body(cause.into());
        self.with_cors(request, Reply::from(&error), false)
    }

    async fn dispatch(
        &self,
        endpoint: &Endpoint,
        request: &impl RequestView,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        let method = request.method();
        if !endpoint.takes(&method) {
            return Err(ApiError::MethodNotAllowed { allow: endpoint.allow() });
        }
        if method == "OPTIONS" {
            return Ok(self.preflight_of(endpoint, request));
        }
        match endpoint {
            Endpoint::Register => self.register(request, body).await,
            Endpoint::Login => self.login(request, body).await,
            Endpoint::Refresh => self.refresh(request, body).await,
            Endpoint::Csrf => self.csrf_token(request).await,
            Endpoint::Logout => self.logout(request, body, false).await,
            Endpoint::LogoutAll => self.logout(request, body, true).await,
            Endpoint::Sessions if method == "DELETE" => self.end_other_sessions(request).await,
            Endpoint::Sessions => self.sessions(request).await,
            Endpoint::Session(id) => self.end_session(request, id).await,
            Endpoint::Me => self.me(request).await,
            Endpoint::Password => self.change_password(request, body).await,
            Endpoint::ResetRequest => self.request_reset(request, body).await,
            Endpoint::Reset => self.reset_password(request, body).await,
            Endpoint::VerificationRequest => self.request_verification(request).await,
            Endpoint::VerifyEmail => self.verify_email(request, body).await,
            Endpoint::Activity => self.activity(request).await,
            Endpoint::Export => self.export_account(request).await,
            Endpoint::DeleteAccount => self.delete_account(request, body).await,
            Endpoint::Jwks => self.jwks(request).await,
            Endpoint::Errors => Ok(errors::page()),
            Endpoint::Health => Ok(self.health()),
            Endpoint::Ready => Ok(self.ready(request).await),
            Endpoint::Metrics => self.metrics(request).await,
        }
    }

    fn refused(&self, request: &impl RequestView, error: &ApiError) -> Reply {
        if let ApiError::Fault(fault) = error {
            self.record_fault(fault, &Caller::of(request));
            return unavailable();
        }
        Reply::from(error)
    }

    /// The same for `/auth`. Only a sign-out takes cookies away: the answer to any other call may come
    /// after that to a sign-in, whose cookies it would take. What stays behind serves for
    /// nothing, and is gone when its session would have been.
    fn refused_by(
        &self,
        endpoint: &Endpoint,
        request: &impl RequestView,
        body: &[u8],
        error: &ApiError,
    ) -> Reply {
        let reply = self.refused(request, error);
        let is_over = *error == ApiError::InvalidGrant
            && matches!(endpoint, Endpoint::Logout | Endpoint::LogoutAll)
            && super::credentials::by_cookie(&self.isolate.config, request, body);
        if is_over { with_cookies(reply, &self.cleared(request)) } else { reply }
    }

    fn preflight_of(&self, endpoint: &Endpoint, request: &impl RequestView) -> Reply {
        let reply = Reply::empty(204).with_header("allow", endpoint.allow());
        if self.listed_origin(request).is_none() || request.header("access-control-request-method").is_none()
        {
            return reply;
        }
        reply
            .with_header("access-control-allow-methods", endpoint.allow())
            .with_header("access-control-allow-headers", &allowed_headers(request))
            .with_header("vary", "Access-Control-Request-Headers")
            // Ten minutes: what all browsers keep at least, and soon forgotten after a change.
            .with_header("access-control-max-age", "600")
    }

    fn with_cors(&self, request: &impl RequestView, reply: Reply, public: bool) -> Reply {
        if public {
            return reply
                .with_header("access-control-allow-origin", "*")
                .with_header("cross-origin-resource-policy", "cross-origin");
        }
        let reply = reply.with_header("vary", "Origin");
        match self.listed_origin(request) {
            Some(origin) => reply
                .with_header("access-control-allow-origin", &origin)
                .with_header("access-control-allow-credentials", "true")
                .with_header("access-control-expose-headers", EXPOSED)
                .with_header("cross-origin-resource-policy", "cross-origin"),
            None => reply,
        }
    }

    /// The request's origin if it is in the allow-list.
    fn listed_origin(&self, request: &impl RequestView) -> Option<String> {
        request.header("origin").filter(|origin| self.isolate.config.cors_origins.contains(origin))
    }

    /// Holds a call that a browser may make with its cookies to what a page of ours, or of a
    /// listed origin, would send.
    pub(super) fn check_origin(&self, request: &impl RequestView) -> Result<(), ApiError> {
        if self.listed_origin(request).is_some() {
            return Ok(());
        }
        let origin = request.header("origin");
        let expected = own_origins(&self.isolate.config, request);
        let foreign = origin.as_ref().is_some_and(|origin| !expected.contains(origin));
        let cross_site = request.header("sec-fetch-site").is_some_and(|site| site == "cross-site");
        if !foreign && !cross_site {
            return Ok(());
        }
        self.record_cross_origin(request, None);
        Err(ApiError::CrossOrigin)
    }

    /// Which origin came and which were expected: a proxy that changes `Host` shows here, and so
    /// does a host that was forgotten in the list.
    pub(super) fn record_cross_origin(&self, request: &impl RequestView, route: Option<&str>) {
        let happening = Happening::CrossOrigin {
            origin: request.header("origin").map(|origin| printable(&origin, MAX_ORIGIN)),
            expected: own_origins(&self.isolate.config, request),
            route: route.map(str::to_owned),
        };
        self.record(self.now(), happening, Caller::of(request).setting());
    }
}

/// The headers that a page of a listed origin may set: ours, and whatever it asks for beside.
/// Programs that watch pages add theirs to every call (`baggage`, `sentry-trace`, `traceparent`,
/// `x-datadog-trace-id`, ...), and frameworks too (`x-requested-with`). Nobody here reads them, so
/// none of them decides anything, and without the grant the browser would not send the call at all.
fn allowed_headers(request: &impl RequestView) -> String {
    let mut allowed = ALLOWED_HEADERS.to_owned();
    let asked = request.header("access-control-request-headers").unwrap_or_default();
    if asked.len() > MAX_ASKED {
        return allowed;
    }
    for name in asked.split(',').map(|name| name.trim_matches([' ', '\t']).to_ascii_lowercase()) {
        if name != "*" && is_token(&name) && !allowed.split(", ").any(|known| known == name) {
            allowed.push_str(", ");
            allowed.push_str(&name);
        }
    }
    allowed
}

/// Our own origins: the one under which the request reached us, and that of the issuer.
pub(super) fn own_origins(config: &Config, request: &impl RequestView) -> Vec<String> {
    let url = request.url();
    let mut origins: Vec<String> = Vec::new();
    for url in [&url, &config.issuer] {
        let origin = UrlParts::parse(url).map(|parts| parts.origin());
        origins.extend(origin.filter(|origin| !origins.contains(origin)));
    }
    origins
}

/// A problem with the id that the log calls its request by.
fn named(request: &impl RequestView, reply: Reply) -> Reply {
    reply.naming_request(Caller::of(request).request_id.as_deref())
}

/// RFC 9110 section 9.3.2: to HEAD the head of the answer to GET, and nothing more.
fn headed(request: &impl RequestView, reply: Reply) -> Reply {
    if request.method() == "HEAD" { Reply { body: Vec::new(), ..reply } } else { reply }
}
