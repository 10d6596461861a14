//! The gate: which requests pass to an upstream, and with what.

use core::time::Duration;
use std::rc::Rc;

use super::{Caller, Ports, Service, authenticate::AccessRefused, error::unavailable};
use crate::{
    gateway::{
        Access, Challenge, Cors, Credentials, Found, Gate, HeaderPlan, Identity, Match, Revocation, Route,
        Upstream, Verdict, credentials, decide, upstream_url,
    },
    http::{Problem, Reply, RequestView, UrlParts},
    observe::{Happening, Setting, redact::signature_tail},
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The name of the route, for counting.
    pub route: String,
    /// Where to.
    pub upstream: Upstream,
    /// The absolute URL to ask for.
    pub url: String,
    /// What changes in the headers.
    pub headers: HeaderPlan,
    /// How long the head of the answer may take.
    pub timeout: Duration,
    /// Headers to add to the answer (CORS).
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
}

impl UpstreamFault {
    /// The cause, for the log.
    pub fn cause(&self) -> String {
        match self {
            Self::Unreachable(cause) => format!("unreachable: {cause}"),
            Self::Timeout => "timeout".to_owned(),
            Self::Status(status) => format!("impossible status {status}"),
        }
    }
}

impl From<&UpstreamFault> for Reply {
    fn from(fault: &UpstreamFault) -> Self {
        match fault {
            UpstreamFault::Unreachable(_) | UpstreamFault::Status(_) => {
                Problem::new(502, "upstream_unreachable", "The service behind the gate did not answer").into()
            }
            UpstreamFault::Timeout => {
                Problem::new(504, "upstream_timeout", "The service behind the gate did not answer in time")
                    .into()
            }
        }
    }
}

/// Which credentials a route looks at, as far as that is known without waiting.
enum Step<'g> {
    Done(Outcome),
    Needs(Box<Match<'g>>, String),
}

impl<P: Ports> Service<P> {
    /// Decides what can be decided from memory.
    pub fn at_once(&self, request: &impl RequestView) -> AtOnce {
        let decision = self.decide_at_once(request);
        self.count_at_once(request, &decision);
        decision
    }

    /// Decides all the rest.
    pub async fn gate(&self, request: &impl RequestView) -> Outcome {
        let outcome = self.decide_in_time(request).await;
        self.count_outcome(request, &outcome);
        outcome
    }

    fn decide_at_once(&self, request: &impl RequestView) -> AtOnce {
        let url = request.url();
        let Some(parts) = UrlParts::parse(&url) else { return AtOnce::Reply(bad_url()) };
        if self.is_own(parts.path) {
            return AtOnce::Own;
        }
        let Some(gate) = &self.gate else { return AtOnce::Wait };
        let now = self.now();
        self.refresh_routes(now);
        match self.first_step(gate, request, &parts, now) {
            Step::Done(Outcome::Reply(reply)) => AtOnce::Reply(reply),
            Step::Done(Outcome::Forward(forward)) => AtOnce::Forward(forward),
            Step::Needs(found, token) => {
                let route = found.route;
                if route.revocation == Revocation::Strong {
                    return AtOnce::Wait;
                }
                let Some(known) = self.remembered(&token, now) else { return AtOnce::Wait };
                if route.revocation == Revocation::Feed
                    && !self.feed_clears(route.stale_feed, &known.marks, now)
                {
                    return AtOnce::Wait;
                }
                match self.second_step(gate, request, &parts, &found, &known.identity, now) {
                    Outcome::Reply(reply) => AtOnce::Reply(reply),
                    Outcome::Forward(forward) => AtOnce::Forward(forward),
                }
            }
        }
    }

    async fn decide_in_time(&self, request: &impl RequestView) -> Outcome {
        let url = request.url();
        let Some(parts) = UrlParts::parse(&url) else { return Outcome::Reply(bad_url()) };
        let now = self.now();
        let Some(gate) = self.gate_in_force(now).await else { return Outcome::Reply(unavailable()) };
        let (found, token) = match self.first_step(&gate, request, &parts, now) {
            Step::Done(outcome) => return outcome,
            Step::Needs(found, token) => (found, token),
        };
        let (level, stale_feed) = (found.route.revocation, found.route.stale_feed);
        match self.authenticate(&token, now, level, stale_feed).await {
            Ok(identity) => self.second_step(&gate, request, &parts, &found, &identity, now),
            Err(AccessRefused::Fault(fault)) => {
                self.record_fault(&fault, &Caller::of(request));
                Outcome::Reply(with_cors(unavailable(), found.route, request))
            }
            Err(AccessRefused::Token(code)) => {
                let happening = Happening::AccessRefused {
                    code,
                    route: Some(found.route.name.clone()),
                    signature_tail: signature_tail(&token).map(str::to_owned),
                };
                self.record(now, happening, Caller::of(request).setting());
                Outcome::Reply(with_cors(Reply::from(&Challenge::InvalidToken), found.route, request))
            }
        }
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
        if let Some(reply) = preflight(gate, request, parts, &method) {
            return Step::Done(Outcome::Reply(reply));
        }
        let found = match gate.find(&method, parts.authority, parts.path) {
            Found::Match(found) => found,
            other => {
                let reply = other.refusal().unwrap_or_else(bad_url);
                return Step::Done(Outcome::Reply(reply));
            }
        };
        let authorization = request.header("authorization");
        let refuse = |challenge: &Challenge| {
            Step::Done(Outcome::Reply(with_cors(challenge.into(), found.route, request)))
        };
        match (&found.route.access, credentials(authorization.as_deref())) {
            (Access::Public, _) | (Access::Optional, Credentials::None) => {
                Step::Done(self.forward(gate, request, parts, &found, None))
            }
            (Access::Required(_), Credentials::None) => match decide(&found, None, now) {
                Verdict::Challenge(challenge) => refuse(&challenge),
                // A requirement is never met by nobody; were it so, refuse all the same.
                Verdict::Forward | Verdict::Forbid(_) => refuse(&Challenge::NoCredentials),
            },
            (_, Credentials::Malformed) => refuse(&Challenge::InvalidRequest),
            (_, Credentials::Bearer(token)) => Step::Needs(Box::new(found), token.to_owned()),
        }
    }

    /// Policy and headers for a known caller.
    fn second_step(
        &self,
        gate: &Gate,
        request: &impl RequestView,
        parts: &UrlParts<'_>,
        found: &Match<'_>,
        identity: &Rc<Identity>,
        now: Timestamp,
    ) -> Outcome {
        self.confirm_receipt(identity);
        let reply = match decide(found, Some(identity), now) {
            Verdict::Forward => return self.forward(gate, request, parts, found, Some(identity)),
            Verdict::Challenge(challenge) => {
                self.record_forbidden(request, found.route, identity, challenge.code());
                Reply::from(&challenge)
            }
            Verdict::Forbid(forbid) => {
                self.record_forbidden(request, found.route, identity, forbid.code());
                Reply::from(&forbid)
            }
        };
        Outcome::Reply(with_cors(reply, found.route, request))
    }

    /// A sound access token that does not suffice for its route.
    fn record_forbidden(
        &self,
        request: &impl RequestView,
        route: &Route,
        identity: &Identity,
        code: &'static str,
    ) {
        let session =
            self.isolate.session_of(identity).filter(|_| identity.issuer == self.isolate.config.issuer);
        let setting = Setting {
            account: session.as_ref().map(|session| session.account),
            session_id: session.map(|session| session.family),
            client_id: identity.client_id.clone(),
            ..Caller::of(request).setting()
        };
        let happening =
            Happening::AccessRefused { code, route: Some(route.name.clone()), signature_tail: None };
        self.record(self.now(), happening, setting);
    }

    #[expect(clippy::unused_self, reason = "one of the steps")]
    fn forward(
        &self,
        gate: &Gate,
        request: &impl RequestView,
        parts: &UrlParts<'_>,
        found: &Match<'_>,
        identity: Option<&Identity>,
    ) -> Outcome {
        let Ok(headers) = gate.plan(found.route, request, identity) else {
            let reply = Problem::new(508, "loop_detected", "The request passed this gate too often").into();
            return Outcome::Reply(reply);
        };
        let origin = request.header("origin");
        Outcome::Forward(Box::new(Forward {
            route: found.route.name.clone(),
            upstream: found.route.upstream.clone(),
            url: upstream_url(found.route, &found.path, parts.query, &parts.origin()),
            headers,
            timeout: found.route.timeout,
            answer_headers: found
                .route
                .cors
                .as_ref()
                .map(|cors| cors.response_headers(origin.as_deref()))
                .unwrap_or_default(),
        }))
    }

    /// The answer when the upstream gave none, and its line in the log.
    pub fn upstream_fault(&self, request: &impl RequestView, fault: &UpstreamFault) -> Reply {
        self.record_fault(&Fault::new(Part::Upstream, fault.cause()), &Caller::of(request));
        fault.into()
    }
}

/// The answer to a CORS preflight for a route that has CORS. A preflight carries no
/// credentials, so it is answered before they are asked for.
fn preflight(gate: &Gate, request: &impl RequestView, parts: &UrlParts<'_>, method: &str) -> Option<Reply> {
    if method != "OPTIONS" {
        return None;
    }
    let origin = request.header("origin")?;
    let wanted = request.header("access-control-request-method")?;
    match gate.find(&wanted, parts.authority, parts.path) {
        Found::Match(found) => found.route.cors.as_ref().map(|cors: &Cors| cors.preflight(&origin, &wanted)),
        _ => None,
    }
}

fn with_cors(mut reply: Reply, route: &Route, request: &impl RequestView) -> Reply {
    if let Some(cors) = &route.cors {
        for (name, value) in cors.response_headers(request.header("origin").as_deref()) {
            reply = reply.with_header(&name, &value);
        }
    }
    reply
}

fn bad_url() -> Reply {
    Problem::new(400, "bad_path", "The path can be read in more than one way").into()
}
