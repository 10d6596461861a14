//! Our own endpoints: routing, cross-origin rules, and the one place where refusals become
//! answers.

use crate::{
    admin::api::AdminApi,
    auth::{
        account::OwnAccount,
        activity::ActivityList,
        csrf_token::CsrfTokens,
        errors_page as errors,
        health::{HealthChecks, health},
        jwks::KeySetPage,
        login::SignIn,
        logout::Logout,
        me::WhoAmI,
        metrics::MetricsPage,
        password::Passwords,
        refresh::Refresh,
        register::Register,
        session_auth::by_cookie,
        session_cookies::cleared_session_cookies,
        sessions::OwnSessions,
    },
    endpoints::Endpoint,
    http::{Reply, RequestView, UrlParts, is_token},
    runtime::{Runtime, events::Events, ports::Ports},
    web::{
        body::BodyFault,
        caller::Caller,
        cookies::with_cookies,
        error::{ApiError, unavailable},
        origins::Origins,
        paths::admin_path,
    },
};

/// What a preflight grants at least: what our own calls take.
const ALLOWED_HEADERS: &str = "authorization, content-type, x-csrf-token";

/// The longest list of further header names that a preflight grants, in bytes. Tracing adds about a
/// hundred.
const MAX_ASKED: usize = 1024;

/// Finds the endpoint of a request for a path of ours, and answers.
pub(crate) struct Router<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Router<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Answers a request for one of our own endpoints, its body read whole.
    pub(crate) async fn own(&self, request: &impl RequestView, body: &[u8]) -> Reply {
        let url = request.url();
        let parts = UrlParts::parse(&url);
        let admin = parts
            .as_ref()
            .and_then(|parts| Some((admin_path(&self.0.isolate.config.admin, parts.path)?, parts.query)));
        if let Some((path, query)) = admin {
            let reply = match AdminApi::of(self.0).admin(request, path, query, body).await {
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
        let reply = Origins::of(self.0).with_cors(request, reply, public);
        headed(request, named(request, reply))
    }

    /// The answer to a body that was not there to be read.
    pub(crate) fn body_refused(&self, request: &impl RequestView, cause: BodyFault) -> Reply {
        let error = ApiError::Body(cause.into());
        Origins::of(self.0).with_cors(request, Reply::from(&error), false)
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
            Endpoint::Register => Register::of(self.0).register(request, body).await,
            Endpoint::Login => SignIn::of(self.0).login(request, body).await,
            Endpoint::Refresh => Refresh::of(self.0).refresh(request, body).await,
            Endpoint::Csrf => CsrfTokens::of(self.0).csrf_token(request).await,
            Endpoint::Logout => Logout::of(self.0).logout(request, body, false).await,
            Endpoint::LogoutAll => Logout::of(self.0).logout(request, body, true).await,
            Endpoint::Sessions if method == "DELETE" => {
                OwnSessions::of(self.0).end_other_sessions(request).await
            }
            Endpoint::Sessions => OwnSessions::of(self.0).sessions(request).await,
            Endpoint::Session(id) => OwnSessions::of(self.0).end_session(request, id).await,
            Endpoint::Me => WhoAmI::of(self.0).me(request).await,
            Endpoint::Password => Passwords::of(self.0).change_password(request, body).await,
            Endpoint::ResetRequest => Passwords::of(self.0).request_reset(request, body).await,
            Endpoint::Reset => Passwords::of(self.0).reset_password(request, body).await,
            Endpoint::VerificationRequest => OwnAccount::of(self.0).request_verification(request).await,
            Endpoint::VerifyEmail => OwnAccount::of(self.0).verify_email(request, body).await,
            Endpoint::Activity => ActivityList::of(self.0).activity(request).await,
            Endpoint::Export => OwnAccount::of(self.0).export_account(request).await,
            Endpoint::DeleteAccount => OwnAccount::of(self.0).delete_account(request, body).await,
            Endpoint::Jwks => KeySetPage::of(self.0).jwks(request).await,
            Endpoint::Errors => Ok(errors::page()),
            Endpoint::Health => Ok(health()),
            Endpoint::Ready => Ok(HealthChecks::of(self.0).ready(request).await),
            Endpoint::Metrics => MetricsPage::of(self.0).metrics(request).await,
        }
    }

    fn refused(&self, request: &impl RequestView, error: &ApiError) -> Reply {
        if let ApiError::Fault(fault) = error {
            Events::of(self.0).record_fault(fault, &Caller::of(request));
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
            && by_cookie(&self.0.isolate.config, request, body);
        if is_over { with_cookies(reply, &cleared_session_cookies(&self.0.isolate, request)) } else { reply }
    }

    fn preflight_of(&self, endpoint: &Endpoint, request: &impl RequestView) -> Reply {
        let reply = Reply::empty(204).with_header("allow", endpoint.allow());
        if Origins::of(self.0).listed_origin(request).is_none()
            || request.header("access-control-request-method").is_none()
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

/// A problem with the id that the log calls its request by.
fn named(request: &impl RequestView, reply: Reply) -> Reply {
    reply.naming_request(Caller::of(request).request_id.as_deref())
}

/// RFC 9110 section 9.3.2: to HEAD the head of the answer to GET, and nothing more.
fn headed(request: &impl RequestView, reply: Reply) -> Reply {
    if request.method() == "HEAD" { Reply { body: Vec::new(), ..reply } } else { reply }
}
