//! The gate: which route a request takes, whether it may pass, what the upstream is told.
//!
//! Pure functions over a table that was validated before. The trust path of a
//! request: [`Gate::find`] normalises the path and picks the route, [`credentials`] finds the
//! access token, the authentication service turns it into an [`Identity`], [`decide`] applies
//! the route's policy, [`Gate::plan`] cleans the headers, [`UpstreamTarget::of`] says where it goes.

mod cors;
mod credentials;
pub mod explain;
mod forwarding;
mod headers;
mod identity;
mod marks;
mod matcher;
pub mod path;
mod policy;
mod resource;
pub mod review;
mod route;
mod scopes;
mod target;

use std::rc::Rc;

use matcher::UNTAKEN;
use postern_core::http::{Problem, Reply, RequestView, UrlParts};

pub use cors::{CORS_ANSWER, Cors};
pub use credentials::{Credentials, credentials};
pub use forwarding::{Forwarding, RateKey, RateLimit, SocketRule, TokenSources, is_idempotent, is_safe};
pub use headers::{
    HOP_HEADER, HeaderPlan, MAX_HOPS, RESERVED_PREFIXES, Unforwardable, canonical_name, encode_value,
    is_free_for_claims, is_websocket,
};
pub use identity::{Identity, RawClaims, Statement, SupposedIdentity};
pub use matcher::{MAX_STEPS, Params, RouteTable, most_steps, normal_host};
pub use path::{NormalPath, PathError};
pub use policy::{Challenge, Forbid, ForbidCause, Objection, PolicyVerdict, decide, step_up};
pub use resource::agree;
pub use route::{
    Access, Attribute, CallerHeaders, ClaimHeader, Comparison, HostPattern, Methods, Operand, PathPattern,
    PatternError, ProtectedResource, Requirement, RevocationLevel, Route, Segment, StaleFeed, Upstream,
};
pub use scopes::{ScopeCircle, ScopeImplications};
pub use target::UpstreamTarget;

/// The compiled route table and what header hygiene needs to know of the whole configuration.
#[derive(Debug, Clone)]
pub struct Gate {
    table: RouteTable,
    rules: headers::HeaderRules,
    documents: resource::Documents,
}

/// What the table says about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteMatch<'g> {
    /// A route takes it.
    Match(Match<'g>),
    /// No route knows the path: 404, never pass-through.
    NotFound,
    /// Routes know the path, for other methods: 405.
    MethodNotAllowed {
        /// The methods they take, for `Allow`.
        allow: Vec<String>,
    },
    /// The path is ambiguous: 400.
    BadPath(PathError),
}

/// A request's route with what was read from its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match<'g> {
    /// The route.
    pub route: &'g Route,
    /// Its place in the table.
    pub index: usize,
    /// The path as it was matched: forward this and nothing else.
    pub path: NormalPath,
    /// The values of the pattern's parameters, decoded.
    pub params: Params,
    /// The host in lower case, without port.
    pub host: String,
    /// The method, as it came.
    pub method: String,
}

/// A [`Match`] apart from its table, for a request that waits: [`Gate::again`] joins the two.
#[derive(Debug)]
pub struct HeldMatch {
    index: usize,
    path: NormalPath,
    params: Params,
    host: String,
    method: String,
}

impl Match<'_> {
    /// The same apart from the table.
    pub fn held(self) -> HeldMatch {
        let Self { index, path, params, host, method, .. } = self;
        HeldMatch { index, path, params, host, method }
    }

    /// What the `*` of the route's host stands for; `None` when its host has none.
    pub(crate) fn subdomain(&self) -> Option<&str> {
        self.route.host.subdomain(&self.host)
    }
}

impl Gate {
    /// Compiles the routes. `own_cookies` are the names of our cookies, which no upstream sees or sets.
    pub fn new(routes: Vec<Route>, own_cookies: Vec<String>) -> Self {
        let rules = headers::HeaderRules::new(own_cookies, &routes);
        let documents = resource::Documents::of(&routes);
        Self { table: RouteTable::new(routes), rules, documents }
    }

    /// The answer to a request for the metadata of a protected resource (RFC 9728 section 3), if its host has one. No route
    /// gets such a request.
    pub fn resource_metadata(&self, method: &str, parts: &UrlParts<'_>) -> Option<Reply> {
        self.documents.answer(method, parts)
    }

    /// Whether a route was found by another spelling of a path that [`Self::resource_metadata`] answers.
    pub fn is_resource_metadata(&self, found: &Match<'_>) -> bool {
        self.documents.serve(&found.host, found.path.as_str())
    }

    /// Whether this is the audience of a token for a resource of the table.
    pub fn is_resource_audience(&self, audience: &[String]) -> bool {
        self.routes()
            .iter()
            .filter_map(Route::of_resource)
            .any(|requirement| requirement.audience_met(audience))
    }

    /// The protected resources of the table, each once for each of its routes.
    pub fn resources(&self) -> impl Iterator<Item = &ProtectedResource> {
        self.routes().iter().filter_map(Route::resource)
    }

    /// Finds the first route in table order that takes the request. `host` may carry a port;
    /// `raw_path` is the path as it came, without query.
    pub fn find(&self, method: &str, host: &str, raw_path: &str) -> RouteMatch<'_> {
        let path = match NormalPath::parse(raw_path) {
            Ok(path) => path,
            Err(error) => return RouteMatch::BadPath(error),
        };
        let host = normal_host(host);
        let segments = path.segments();
        let taken = if method == UNTAKEN { None } else { self.table.find(method, &host, &segments) };
        if let Some((index, route)) = taken {
            let params = route.path.params(&segments);
            return RouteMatch::Match(Match { route, index, path, params, host, method: method.to_owned() });
        }
        let allow = self.table.allowed(&host, &segments);
        if allow.is_empty() { RouteMatch::NotFound } else { RouteMatch::MethodNotAllowed { allow } }
    }

    /// The match that this table made. `None` when it has no such route, as another table may.
    pub fn again(&self, held: HeldMatch) -> Option<Match<'_>> {
        let HeldMatch { index, path, params, host, method } = held;
        Some(Match { route: self.routes().get(index)?, index, path, params, host, method })
    }

    /// What to remove from and set on the request before it goes to the route's upstream.
    pub fn plan(
        &self,
        route: &Route,
        request: &impl RequestView,
        identity: Option<&Identity>,
    ) -> Result<HeaderPlan, Unforwardable> {
        self.rules.plan(route, request, identity)
    }

    /// What the upstream would be told of the caller, for a route that answers by itself.
    pub fn identity_headers(route: &Route, identity: Option<&Identity>) -> Vec<(String, String)> {
        headers::identity_headers(route, identity)
    }

    /// The routes in table order.
    pub fn routes(&self) -> &[Route] {
        self.table.routes()
    }

    /// The names of our cookies.
    pub fn own_cookies(&self) -> Rc<[String]> {
        self.rules.own_cookies()
    }
}

impl From<Unforwardable> for Reply {
    fn from(cause: Unforwardable) -> Self {
        match cause {
            Unforwardable::Loop => {
                Problem::new(508, "loop_detected", "The request passed through this gate too many times")
                    .into()
            }
            Unforwardable::HeaderName => {
                Problem::new(400, "bad_header_name", "A header name is not valid").into()
            }
            Unforwardable::Body => {
                Problem::new(400, "unexpected_body", "GET and HEAD requests must not have a body").into()
            }
        }
    }
}

impl RouteMatch<'_> {
    /// The answer when no route took the request; `None` for a match.
    pub fn refusal(&self) -> Option<Reply> {
        match self {
            Self::Match(_) => None,
            Self::NotFound => Some(Problem::new(404, "no_route", "No route matches this request").into()),
            Self::MethodNotAllowed { allow } => Some(
                Reply::from(Problem::new(405, "method_not_allowed", "Method not allowed"))
                    .with_header("allow", &allow.join(", ")),
            ),
            Self::BadPath(error) => {
                Some(Problem::new(400, "bad_path", "The path is ambiguous").with_detail(error.code()).into())
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "thorough")]
mod properties;
#[cfg(test)]
mod tests;
