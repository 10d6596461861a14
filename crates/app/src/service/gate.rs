//! The gate: which requests pass to an upstream, and with what.

use core::time::Duration;
use std::rc::Rc;

use super::{
    ApiError, BodyFault, Caller, Ports, Service, SocketWatch,
    assertion::ASSERTION_HEADER,
    authenticate::AccessRefused,
    cookies::{self, CSRF_HEADER},
    error::{body as body_problem, unavailable},
    own::{EXPOSED, is_own},
    presented::{CookieRefused, Presented, presented},
};
use crate::{
    config::AdminSettings,
    gateway::{
        Access, CORS_ANSWER, Challenge, Found, Gate, HeaderPlan, Identity, Match, RateKey, Revocation, Route,
        Target, Upstream, Verdict, decide, is_idempotent, is_websocket,
    },
    http::{Problem, Reply, RequestView, UrlParts},
    observe::{
        Happening, Setting,
        metrics::{Family, gate_outcome},
        redact::signature_tail,
    },
    ports::{Fault, Part},
    time::Timestamp,
};

/// What the synchronous entry found.
#[derive(Debug)]
pub enum AtOnce {
    /// The answer.
    Reply(Reply),
    /// Pass it on.
    Forward(Box<Forward>),
    /// One of our own endpoints: read the body and call [`Service::own`].
    Own,
    /// Something must be waited for: call [`Service::gate`].
    Wait,
}

/// What the gate decided in the end.
#[derive(Debug)]
pub enum Outcome {
    /// The answer.
    Reply(Reply),
    /// Pass it on.
    Forward(Box<Forward>),
}

/// All that carrying a request to its upstream needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// Where to.
    pub target: Target,
    /// What changes in the headers.
    pub headers: HeaderPlan,
    /// How long the head of the answer may take.
    pub timeout: Duration,
    /// How long the whole exchange may take, if there is a limit.
    pub total_timeout: Option<Duration>,
    /// Whether it may be sent once more when no answer came and it has no body.
    pub retry: bool,
    /// What an open WebSocket is held to, if to anything.
    pub watch: Option<SocketWatch>,
    /// Whether no shared cache of the platform may answer, or keep the answer. Such a cache goes by
    /// the URL: it would give one caller's answer to the next, for the `Authorization` by which it
    /// knows a private one (RFC 9111 section 3.5) is removed.
    pub uncached: bool,
    /// Headers of the answer that the upstream has no say in (CORS): they are removed.
    pub answer_without: &'static [&'static str],
    /// Cookies that the upstream may not set, for they are ours: they are removed.
    pub answer_without_cookies: Rc<[String]>,
    /// Headers to add to the answer (CORS), or to our own when the upstream gives none.
    pub answer_headers: Vec<(String, String)>,
}

/// What an upstream did instead of answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamFault {
    /// It was not reached, or broke off; the cause is for the log.
    Unreachable(String),
    /// Its head was not there in time.
    Timeout,
    /// Its status is none.
    Status(u16),
    /// The route names a service that is not bound.
    NotBound(String),
}

impl UpstreamFault {
    /// The cause, for the log.
    pub fn cause(&self) -> String {
        match self {
            Self::Unreachable(cause) => format!("unreachable: {cause}"),
            Self::Timeout => "timeout".to_owned(),
            Self::Status(status) => format!("the status {status} is not valid"),
            Self::NotBound(service) => format!("unreachable: no service is bound as {service}"),
        }
    }

    /// What it is called in the metrics: few names, whatever the cause says.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Timeout => "timeout",
            Self::Status(_) => "impossible_status",
            Self::NotBound(_) => "not_bound",
        }
    }
}

impl From<&UpstreamFault> for Reply {
    fn from(fault: &UpstreamFault) -> Self {
        match fault {
            UpstreamFault::Unreachable(_) | UpstreamFault::Status(_) | UpstreamFault::NotBound(_) => {
                Problem::new(502, "upstream_unreachable", "The upstream did not respond").into()
            }
            UpstreamFault::Timeout => {
                Problem::new(504, "upstream_timeout", "The upstream did not respond in time").into()
            }
        }
    }
}

/// What is known of a request without waiting.
enum Step<'g> {
    /// The answer, and the route that gave it.
    Done(Option<&'g Route>, Reply),
    /// It passes as nobody.
    Nobody(Box<Match<'g>>),
    /// An access token is to be looked at.
    Token(Box<Match<'g>>, Bearer),
}

/// An access token as it came.
struct Bearer {
    text: String,
    by_cookie: bool,
    /// Other values of the cookie.
    others: Vec<String>,
}

impl<P: Ports> Service<P> {
    /// Decides what can be decided from memory.
    pub fn at_once(&self, request: &impl RequestView) -> AtOnce {
        let url = request.url();
        let Some(parts) = UrlParts::parse(&url) else { return self.replied(None, bad_url()).into() };
        if self.is_own(parts.path) {
            return AtOnce::Own;
        }
        let Some(gate) = &self.gate else { return AtOnce::Wait };
        let now = self.now();
        self.refresh_routes(now);
        match self.first_step(gate, request, &parts, now) {
            Step::Done(route, reply) => self.replied(route, reply).into(),
            Step::Nobody(found) if found.route.forwarding.rate_limit.is_some() => AtOnce::Wait,
            Step::Nobody(found) => self.forward(gate, request, &parts, &found, None, None).into(),
            Step::Token(found, bearer) => {
                let Route { revocation, stale_feed, forwarding, .. } = found.route;
                if *revocation == Revocation::Strong
                    || forwarding.rate_limit.is_some()
                    || !bearer.others.is_empty()
                {
                    return AtOnce::Wait;
                }
                let Some(known) = self.remembered(&bearer.text, now) else { return AtOnce::Wait };
                if *revocation == Revocation::Feed && !self.feed_clears(*stale_feed, &known.marks, now) {
                    return AtOnce::Wait;
                }
                let identity = known.identity;
                let assertion = match &forwarding.assertion {
                    None => None,
                    Some(audience) => match self.isolate.memory.assertions.find(&identity, audience, now) {
                        None => return AtOnce::Wait,
                        known => known,
                    },
                };
                match self.objection(request, &found, &bearer, &identity, now) {
                    Some(reply) => self.replied(Some(found.route), reply).into(),
                    None => self
                        .forward(gate, request, &parts, &found, Some(&identity), assertion.as_deref())
                        .into(),
                }
            }
        }
    }

    /// Decides all the rest.
    pub async fn gate(&self, request: &impl RequestView) -> Outcome {
        let url = request.url();
        let Some(parts) = UrlParts::parse(&url) else { return self.replied(None, bad_url()) };
        let now = self.now();
        let Some(gate) = self.gate_in_force(now).await else { return self.replied(None, unavailable()) };
        let (found, bearer) = match self.first_step(&gate, request, &parts, now) {
            Step::Done(route, reply) => return self.replied(route, reply),
            Step::Nobody(found) => (found, None),
            Step::Token(found, bearer) => (found, Some(bearer)),
        };
        let decided = self.decided(&gate, request, &parts, &found, bearer.as_ref(), now).await;
        decided
            .unwrap_or_else(|reply| self.replied(Some(found.route), with_cors(reply, found.route, request)))
    }

    /// An answer of the gate's own: the route's, or that of none. Every one is counted, here.
    fn replied(&self, route: Option<&Route>, reply: Reply) -> Outcome {
        self.count_gate(route, gate_outcome(reply.status));
        Outcome::Reply(reply)
    }

    /// The order matters: what is cheap and keeps floods out comes first, and nothing is signed
    /// for a caller who may not pass.
    async fn decided(
        &self,
        gate: &Gate,
        request: &impl RequestView,
        parts: &UrlParts<'_>,
        found: &Match<'_>,
        bearer: Option<&Bearer>,
        now: Timestamp,
    ) -> Result<Outcome, Reply> {
        let route = found.route;
        if let Some(reply) = self.over_limit(route, RateKey::Ip, request, None).await {
            return Err(reply);
        }
        let Some(bearer) = bearer else {
            if let Some(reply) = self.over_limit(route, RateKey::Subject, request, None).await {
                return Err(reply);
            }
            return Ok(self.forward(gate, request, parts, found, None, None));
        };
        let fault = |fault: Fault| {
            self.record_fault(&fault, &Caller::of(request));
            unavailable()
        };
        let tokens = (bearer.text.as_str(), bearer.others.as_slice());
        let identity = match self.whose(request, route, tokens, now).await {
            Ok(identity) => identity,
            Err(AccessRefused::Fault(cause)) => return Err(fault(cause)),
            Err(refused) => {
                let happening = refused_token(&refused, route, &bearer.text);
                self.record(now, happening, Caller::of(request).setting());
                return Err(bearer.refused(request, refused.code(), Reply::from(&Challenge::InvalidToken)));
            }
        };
        if let Some(reply) = self.objection(request, found, bearer, &identity, now) {
            return Ok(self.replied(Some(route), reply));
        }
        if let Some(reply) = self.over_limit(route, RateKey::Subject, request, Some(&identity)).await {
            return Err(reply);
        }
        let assertion = match &route.forwarding.assertion {
            None => None,
            Some(audience) => Some(self.assertion(&identity, audience, now).await.map_err(fault)?),
        };
        Ok(self.forward(gate, request, parts, found, Some(&identity), assertion.as_deref()))
    }

    /// Route, preflight, credentials.
    fn first_step<'g>(
        &self,
        gate: &'g Gate,
        request: &impl RequestView,
        parts: &UrlParts<'_>,
        now: Timestamp,
    ) -> Step<'g> {
        let method = request.method();
        let admin = &self.isolate.config.admin;
        if let Some((found, reply)) = preflight(gate, admin, request, parts.authority, parts.path) {
            return Step::Done(Some(found.route), reply);
        }
        let found = match gate.find(&method, parts.authority, parts.path) {
            // `/%61uth/me` is another spelling of a path of ours: routes never get those.
            Found::Match(found) if self.is_own(found.path.as_str()) => {
                return Step::Done(None, Found::NotFound.refusal().unwrap_or_else(bad_url));
            }
            Found::Match(found) => Box::new(found),
            Found::NotFound if let Some(page) = self.welcome(gate, request, parts) => {
                return Step::Done(None, page);
            }
            other => return Step::Done(None, other.refusal().unwrap_or_else(bad_url)),
        };
        let refuse = |challenge: &Challenge| {
            Step::Done(Some(found.route), with_cors(challenge.into(), found.route, request))
        };
        if found.route.access == Access::Public {
            return Step::Nobody(found);
        }
        match (&found.route.access, presented(found.route, request)) {
            (Access::Required(_), Presented::None) => match decide(&found, None, now) {
                Verdict::Challenge(challenge) => refuse(&challenge),
                // A requirement is never met by nobody; were it so, refuse all the same.
                Verdict::Forward | Verdict::Forbid(_) => refuse(&Challenge::NoCredentials),
            },
            (_, Presented::None) => Step::Nobody(found),
            (_, Presented::Malformed) => refuse(&Challenge::InvalidRequest),
            (_, Presented::Token { text, by_cookie, others }) => {
                Step::Token(found, Bearer { text, by_cookie, others })
            }
        }
    }

    /// Why a known caller may not pass: the rules of the cookie, then the route's policy.
    fn objection(
        &self,
        request: &impl RequestView,
        found: &Match<'_>,
        bearer: &Bearer,
        identity: &Rc<Identity>,
        now: Timestamp,
    ) -> Option<Reply> {
        let route = found.route;
        if bearer.by_cookie
            && let Err(refused) = self.check_cookie_request(route, request, identity)
        {
            self.record_forbidden(request, route, identity, (refused.code(), None));
            match refused {
                CookieRefused::NewerMaster(newer) => {
                    let _ = self.newer_master(&Caller::of(request), "csrf_token", newer);
                }
                CookieRefused::CrossOrigin => self.record_cross_origin(request, Some(&route.name)),
                CookieRefused::NoSession | CookieRefused::CsrfFailed => {}
            }
            let reply = Reply::from(&ApiError::from(refused));
            let reply = match refused {
                CookieRefused::NoSession => bearer.refused(request, refused.code(), reply),
                _ => reply,
            };
            return Some(with_cors(reply, route, request));
        }
        self.confirm_receipt(identity);
        let verdict = decide(found, Some(identity), now);
        let (code, reply) = match &verdict {
            Verdict::Forward => return None,
            Verdict::Challenge(challenge) => (challenge.code(), Reply::from(challenge)),
            Verdict::Forbid(forbid) => (forbid.code(), Reply::from(forbid)),
        };
        self.record_forbidden(request, route, identity, (code, verdict.objection()));
        Some(with_cors(reply, route, request))
    }

    /// A sound access token that does not suffice for its route.
    fn record_forbidden(
        &self,
        request: &impl RequestView,
        route: &Route,
        identity: &Identity,
        (code, objection): (&'static str, Option<(&str, &'static str)>),
    ) {
        let session =
            self.isolate.session_of(identity).filter(|_| identity.issuer == self.isolate.config.issuer);
        let setting = Setting {
            account: session.as_ref().map(|session| session.account),
            session_id: session.map(|session| session.family),
            client_id: identity.client_id.clone(),
            ..Caller::of(request).setting()
        };
        let happening = Happening::AccessRefused {
            code,
            route: Some(route.name.clone()),
            signature_tail: None,
            about: objection.map(|(claim, _)| ["claim ", &self.claim_behind(identity, claim)].concat()),
            expected: None,
            setting: objection.map(|(_, member)| member),
            issuer: Some(identity.issuer.clone()),
        };
        self.record(self.now(), happening, setting);
    }

    /// The claim of the caller's issuer that routes call by this name.
    fn claim_behind(&self, identity: &Identity, name: &str) -> String {
        let policy = self.isolate.issuers.get(&identity.issuer).map(|issuer| &issuer.policy);
        let source = policy.and_then(|policy| match name {
            "aud" => Some(&policy.audience_claim),
            "sub" => Some(&policy.subject_claim),
            "scope" => Some(&policy.scope_claim),
            "roles" => Some(&policy.roles_claim),
            "tenant_id" => Some(&policy.tenant_claim),
            "client_id" => Some(&policy.client_claim),
            _ => None,
        });
        source.map_or_else(|| name.to_owned(), |source| source.names().into_owned())
    }

    fn forward(
        &self,
        gate: &Gate,
        request: &impl RequestView,
        parts: &UrlParts<'_>,
        found: &Match<'_>,
        identity: Option<&Rc<Identity>>,
        assertion: Option<&str>,
    ) -> Outcome {
        let route = found.route;
        let Some(target) = Target::of(route, &found.path, parts.query, &parts.origin()) else {
            return self
                .replied(Some(route), with_cors(answered(route, identity.map(Rc::as_ref)), route, request));
        };
        let mut headers = match gate.plan(route, request, identity.map(Rc::as_ref)) {
            Ok(headers) => headers,
            Err(cause) => return self.replied(Some(route), with_cors(cause.into(), route, request)),
        };
        if let Some(assertion) = assertion {
            headers.set.push((ASSERTION_HEADER.to_owned(), assertion.to_owned()));
        }
        let rules = &route.forwarding;
        if rules.token_sources.cookie {
            // Half of what a forged request would need is nothing for the origin.
            headers.remove.push(CSRF_HEADER.to_owned());
        }
        let origin = request.header("origin");
        self.count_gate(Some(route), "forwarded");
        Outcome::Forward(Box::new(Forward {
            target,
            headers,
            timeout: route.timeout,
            total_timeout: rules.total_timeout,
            retry: rules.retry && is_idempotent(&request.method()) && !is_websocket(request),
            watch: if is_websocket(request) { self.watch(route, identity) } else { None },
            uncached: route.access != Access::Public,
            answer_without: if route.cors.is_some() { &CORS_ANSWER } else { &[] },
            answer_without_cookies: gate.own_cookies(),
            answer_headers: route
                .cors
                .as_ref()
                .map(|cors| cors.response_headers(origin.as_deref()))
                .unwrap_or_default(),
        }))
    }

    /// The line in the log about a try that is made once more.
    pub fn upstream_retried(&self, request: &impl RequestView, fault: &UpstreamFault) {
        let cause = format!("{}; the request was sent again", fault.cause());
        self.record_upstream_fault(request, cause);
    }

    /// The answer to a request whose body was not there to be sent on, with
    /// [`Forward::answer_headers`], and its line in the log. It is the client's fault: no count of
    /// the upstream's failures rises.
    pub fn body_fault(
        &self,
        request: &impl RequestView,
        answer_headers: &[(String, String)],
        fault: BodyFault,
    ) -> Reply {
        let problem = body_problem(&fault.into());
        let happening = Happening::access_refused(problem.code, self.way_of(request).0);
        self.record(self.now(), happening, Caller::of(request).setting());
        with_headers(problem.into(), answer_headers)
    }

    /// The answer when the upstream gave none, with [`Forward::answer_headers`], and its line in
    /// the log.
    pub fn upstream_fault(
        &self,
        request: &impl RequestView,
        answer_headers: &[(String, String)],
        fault: &UpstreamFault,
    ) -> Reply {
        let route = self.record_upstream_fault(request, fault.cause());
        self.isolate.counters.add(Family::UpstreamFailures, &route, fault.code());
        with_headers(fault.into(), answer_headers)
    }

    /// Writes down which route's upstream failed; gives the route's name.
    fn record_upstream_fault(&self, request: &impl RequestView, cause: String) -> String {
        let (route, upstream) = self.way_of(request);
        let happening = Happening::Fault { part: Part::Upstream, cause };
        let name = route.clone().unwrap_or_default();
        self.record(self.now(), happening, Setting { route, upstream, ..Caller::of(request).setting() });
        name
    }

    /// The route that takes the request, and its upstream's host, or the name of its service. Looked
    /// up once more, since nobody carries them along for the many that are answered; they are not
    /// known when the table was changed meanwhile.
    fn way_of(&self, request: &impl RequestView) -> (Option<String>, Option<String>) {
        let url = request.url();
        let found = UrlParts::parse(&url)
            .zip(self.gate.as_ref())
            .map(|(parts, gate)| gate.find(&request.method(), parts.authority, parts.path));
        let Some(Found::Match(found)) = found else { return (None, None) };
        let upstream = match &found.route.upstream {
            Upstream::Url { base } => UrlParts::parse(base).map(|parts| parts.authority.to_owned()),
            Upstream::Service { binding } => Some(binding.clone()),
            Upstream::Answer => None,
        };
        (Some(found.route.name.clone()), upstream)
    }
}

/// The line in the log about a token that is refused before any rule of the route is asked.
fn refused_token(refused: &AccessRefused, route: &Route, text: &str) -> Happening {
    let signature_tail = signature_tail(text).map(str::to_owned);
    let route = Some(route.name.clone());
    let invalid = match refused {
        AccessRefused::Invalid(invalid) => Some(invalid),
        AccessRefused::Token(_) | AccessRefused::Fault(_) => None,
    };
    Happening::AccessRefused {
        code: refused.code(),
        route,
        signature_tail,
        about: invalid.map(|invalid| invalid.about()),
        expected: invalid.and_then(|invalid| invalid.cause.expected()),
        setting: invalid.and_then(|invalid| invalid.setting()),
        issuer: invalid.and_then(|invalid| Some(invalid.issuer.as_ref()?.0.clone())),
    }
}

/// The answer to a CORS preflight for a route that has CORS. A preflight carries no credentials,
/// so it is answered before they are asked for.
pub(super) fn preflight<'g>(
    gate: &'g Gate,
    admin: &AdminSettings,
    request: &impl RequestView,
    authority: &str,
    path: &str,
) -> Option<(Match<'g>, Reply)> {
    if request.method() != "OPTIONS" {
        return None;
    }
    let origin = request.header("origin")?;
    let wanted = request.header("access-control-request-method")?;
    match gate.find(&wanted, authority, path) {
        Found::Match(found) if !is_own(admin, found.path.as_str()) => {
            let headers = request.header("access-control-request-headers");
            let reply = found.route.cors.as_ref()?.preflight(&origin, &wanted, headers.as_deref());
            Some((found, reply))
        }
        _ => None,
    }
}

impl Bearer {
    /// A refused token in a cookie is taken away when a person opens a page with it: the browser would
    /// send it until it expires, and nobody could read a page that asks for nothing. Not for what the
    /// page loads beside, whose answer may come after a newer cookie; and one that has expired goes
    /// by itself.
    fn refused(&self, request: &impl RequestView, code: &str, reply: Reply) -> Reply {
        let is_opened = request
            .header("sec-fetch-dest")
            .is_none_or(|place| matches!(place.as_str(), "document" | "frame" | "iframe"));
        if self.by_cookie && is_opened && code != "expired" {
            return reply.with_header("set-cookie", &cookies::access_cookie("", 0));
        }
        reply
    }
}

impl From<Outcome> for AtOnce {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Reply(reply) => Self::Reply(reply),
            Outcome::Forward(forward) => Self::Forward(forward),
        }
    }
}

/// CORS for an answer of the gate's own. A page of a listed origin can read why it was refused and
/// when to come again, whatever the rule exposes of the upstream's answers beside.
fn with_cors(mut reply: Reply, route: &Route, request: &impl RequestView) -> Reply {
    let Some(cors) = &route.cors else { return reply };
    let origin = request.header("origin");
    for (name, value) in cors.response_headers(origin.as_deref()) {
        reply = reply.with_header(&name, &value);
    }
    if !origin.is_some_and(|origin| cors.origins.contains(&origin)) {
        return reply;
    }
    let exposed: Vec<&str> =
        cors.expose_headers.iter().map(String::as_str).chain(core::iter::once(EXPOSED)).collect();
    // In place of what the rule alone exposes.
    reply.with_header("access-control-expose-headers", &exposed.join(", "))
}

fn with_headers(reply: Reply, headers: &[(String, String)]) -> Reply {
    headers.iter().fold(reply, |reply, (name, value)| reply.with_header(name, value))
}

/// The gate's own answer for whoever asked: 204 and who is calling.
fn answered(route: &Route, identity: Option<&Identity>) -> Reply {
    let mut reply = Reply::empty(204);
    // Encoded values under checked names, none of them set twice.
    reply.headers.extend(Gate::identity_headers(route, identity));
    reply
}

fn bad_url() -> Reply {
    Problem::new(400, "bad_path", "The path is ambiguous").into()
}
