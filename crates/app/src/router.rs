//! Routes requests for Postern's own paths to their handlers, and turns refusals into answers.

use crate::{
    admin::{access::AdminAccess, api::AdminApi},
    auth::{
        account::OwnAccount,
        activity::ActivityList,
        csrf_token::CsrfTokens,
        errors_page,
        health::{HealthChecks, health},
        jwks::KeySetPage,
        login::SignIn,
        logout::Logout,
        me::WhoAmI,
        metrics::MetricsPage,
        password::Passwords,
        refresh::Refresh,
        register::Register,
        sessions::OwnSessions,
    },
    dashboard::DashboardPages,
    http::{Reply, RequestView, UrlParts, is_token},
    metrics::MetricFamily,
    oauth::{
        cors::ClientCors, grants::OwnGrants, introspection::Introspection, metadata,
        registration::ClientRegistration, revocation::TokenRevocation, tokens::Tokens,
    },
    pages::Pages,
    runtime::{Runtime, events::Events, origins::Origins, ports::Ports},
    web::{
        body::{BodyFault, MAX_BODY_BYTES},
        caller::Caller,
        endpoint_match::{EndpointMatch, Found, find},
        endpoints::{Call, CorsAudience, Endpoint},
        error::{ApiError, unavailable},
        paths::{admin_path, metadata_path},
    },
};

/// The headers that every preflight allows: those that Postern's calls read.
const ALLOWED_HEADERS: &str = "authorization, content-type, x-csrf-token";

/// The longest list of further header names that a preflight allows, in bytes. Tracing adds about a hundred.
const MAX_ASKED: usize = 1024;

/// Finds the endpoint of a request for one of Postern's paths, and answers it.
pub(crate) struct Router<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Router<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The limit for the body of this request, in bytes. Only administrators may send large bodies, after their access
    /// token is verified.
    pub(crate) async fn body_limit(&self, request: &impl RequestView) -> usize {
        let length = request.header("content-length").and_then(|length| length.parse().ok());
        if length.is_none_or(|length: usize| length <= MAX_BODY_BYTES) {
            return MAX_BODY_BYTES;
        }
        let url = request.url();
        let Some(parts) = UrlParts::parse(&url) else { return MAX_BODY_BYTES };
        match self.find(&request.method(), parts.path).found {
            Found::Endpoint(endpoint, _)
                if endpoint.max_body > MAX_BODY_BYTES
                    && AdminAccess::of(self.0).admitted(request).await.is_ok() =>
            {
                endpoint.max_body
            }
            _ => MAX_BODY_BYTES,
        }
    }

    /// Answers a request for one of Postern's own endpoints, with its whole body.
    pub(crate) async fn own(&self, request: &impl RequestView, body: &[u8]) -> Reply {
        let url = request.url();
        let parts = UrlParts::parse(&url);
        let (path, query) = parts.as_ref().map_or(("", None), |parts| (parts.path, parts.query));
        let EndpointMatch { cors, found } = self.find(&request.method(), path);
        self.0.isolate.counters.add(MetricFamily::Usage, "own_requests", "");
        let reply = match found {
            Found::Endpoint(endpoint, parameters) => {
                let answer = self.call(endpoint, parameters, request, query, body).await;
                answer.unwrap_or_else(|error| self.refused(request, &error))
            }
            Found::Options { allow } => self.preflight(&allow, cors, request),
            Found::OtherMethods { allow } => Reply::from(&ApiError::MethodNotAllowed { allow }),
            Found::Nothing => Reply::from(&ApiError::NotFound),
        };
        let reply = match cors {
            // A preflight has no form that names a client. It opens nothing: the answer itself is for the client's pages.
            CorsAudience::Clients if request.method() == "OPTIONS" => {
                reply.with_header("access-control-allow-origin", "*")
            }
            CorsAudience::Clients => ClientCors::of(self.0).with_cors(request, body, reply).await,
            cors => Origins::of(self.0).with_cors(request, reply, cors),
        };
        headed(request, named(request, reply))
    }

    /// The answer to a body that could not be read.
    pub(crate) fn body_refused(&self, request: &impl RequestView, cause: BodyFault) -> Reply {
        let error = ApiError::Body(cause.into());
        Origins::of(self.0).with_cors(request, Reply::from(&error), CorsAudience::Listed)
    }

    fn find<'p>(&self, method: &str, path: &'p str) -> EndpointMatch<'p> {
        let config = &self.0.isolate.config;
        match admin_path(&config.admin, path) {
            Some(below) => find(method, below, true),
            None => find(method, metadata_path(config, path).unwrap_or(path), false),
        }
    }

    async fn call(
        &self,
        endpoint: &'static Endpoint,
        parameters: Vec<&str>,
        request: &impl RequestView,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Reply, ApiError> {
        match endpoint.call {
            Call::Register => Register::of(self.0).register(request, body).await,
            Call::Login => SignIn::of(self.0).login(request, body).await,
            Call::Refresh => Refresh::of(self.0).refresh(request, body).await,
            Call::Csrf => CsrfTokens::of(self.0).csrf_token(request).await,
            Call::Logout => Logout::of(self.0).logout(request, body, false).await,
            Call::LogoutAll => Logout::of(self.0).logout(request, body, true).await,
            Call::Sessions => OwnSessions::of(self.0).sessions(request).await,
            Call::EndOtherSessions => OwnSessions::of(self.0).end_other_sessions(request).await,
            Call::EndSession => {
                let id = parameters.first().copied().unwrap_or_default();
                OwnSessions::of(self.0).end_session(request, id).await
            }
            Call::Me => WhoAmI::of(self.0).me(request).await,
            Call::ChangePassword => Passwords::of(self.0).change_password(request, body).await,
            Call::RequestReset => Passwords::of(self.0).request_reset(request, body).await,
            Call::ResetPassword => Passwords::of(self.0).reset_password(request, body).await,
            Call::RequestVerification => OwnAccount::of(self.0).request_verification(request).await,
            Call::VerifyEmail => OwnAccount::of(self.0).verify_email(request, body).await,
            Call::Activity => ActivityList::of(self.0).activity(request).await,
            Call::ExportAccount => OwnAccount::of(self.0).export_account(request).await,
            Call::DeleteAccount => OwnAccount::of(self.0).delete_account(request, body).await,
            Call::Grants => OwnGrants::of(self.0).grants(request).await,
            Call::EndGrant => {
                let id = parameters.first().copied().unwrap_or_default();
                OwnGrants::of(self.0).end_grant(request, id).await
            }
            Call::Token => Ok(Tokens::of(self.0).answer(request, body).await),
            Call::RevokeToken => Ok(TokenRevocation::of(self.0).answer(request, body).await),
            Call::Introspect => Ok(Introspection::of(self.0).answer(request, body).await),
            Call::RegisterClient => ClientRegistration::of(self.0).answer(request, body).await,
            Call::Metadata => metadata::document(&self.0.isolate.config),
            Call::Jwks => KeySetPage::of(self.0).jwks(request).await,
            Call::Errors => Ok(errors_page::page()),
            Call::Page(call) => Pages::of(self.0).answer((call, endpoint.path), request, query, body).await,
            Call::Health => Ok(health()),
            Call::Ready => Ok(HealthChecks::of(self.0).ready(request).await),
            Call::Metrics => MetricsPage::of(self.0).metrics(request).await,
            Call::Dashboard(call) => {
                let asked = (endpoint, call, parameters);
                DashboardPages::of(self.0).answer(asked, request, query, body).await
            }
            Call::Admin(call) => {
                AdminApi::of(self.0).answer((endpoint, call), parameters, request, query, body).await
            }
        }
    }

    /// Turns refusals into answers, and logs faults.
    fn refused(&self, request: &impl RequestView, error: &ApiError) -> Reply {
        if let ApiError::Fault(fault) = error {
            Events::of(self.0).record_fault(fault, &Caller::of(request));
            return unavailable();
        }
        Reply::from(error)
    }

    fn preflight(&self, allow: &str, cors: CorsAudience, request: &impl RequestView) -> Reply {
        let reply = Reply::empty(204).with_header("allow", allow);
        let origins = Origins::of(self.0);
        let is_allowed = match cors {
            CorsAudience::None => false,
            CorsAudience::Clients | CorsAudience::Anyone => true,
            CorsAudience::Public | CorsAudience::Listed => origins.listed_origin(request).is_some(),
        };
        if !is_allowed || request.header("access-control-request-method").is_none() {
            return reply;
        }
        reply
            .with_header("access-control-allow-methods", allow)
            .with_header("access-control-allow-headers", &allowed_headers(request))
            .with_header("vary", "Access-Control-Request-Headers")
            // Ten minutes: what all browsers keep at least, and soon forgotten after a change.
            .with_header("access-control-max-age", "600")
    }
}

/// The headers that a page of a listed origin may set: those of Postern, and any others that it asks for. Monitoring adds
/// headers to every call (`baggage`, `sentry-trace`, `traceparent`, `x-datadog-trace-id`), and so do frameworks
/// (`x-requested-with`). Postern reads none of them, and without the permission the browser would not send the call.
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

/// Adds the request id of the log to a problem.
fn named(request: &impl RequestView, reply: Reply) -> Reply {
    reply.naming_request(Caller::of(request).request_id.as_deref())
}

/// Removes the body from the answer to HEAD (RFC 9110 section 9.3.2).
fn headed(request: &impl RequestView, reply: Reply) -> Reply {
    if request.method() == "HEAD" { Reply { body: Vec::new(), ..reply } } else { reply }
}
