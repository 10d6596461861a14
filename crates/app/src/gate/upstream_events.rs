//! Answers and events for upstreams that did not respond.

use crate::{
    events::{EventContext, EventKind},
    gate::outcome::UpstreamFault,
    gateway::{RouteMatch, Upstream},
    http::{Reply, RequestView, UrlParts},
    metrics::MetricFamily,
    ports::Component,
    runtime::{Runtime, events::Events, ports::Ports},
    web::{body::BodyFault, caller::Caller, error::body as body_problem},
};

/// Answers for upstreams that did not respond, and writes the events.
pub(crate) struct UpstreamEvents<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> UpstreamEvents<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Records a request that is sent again.
    pub(crate) fn upstream_retried(&self, request: &impl RequestView, fault: &UpstreamFault) {
        let cause = format!("{}; the request was sent again", fault.cause());
        self.record_upstream_fault(request, cause);
    }

    /// The answer to a request whose body was not there to be sent on, with
    /// [`Forward::answer_headers`](super::outcome::Forward::answer_headers), and its line in the log. It is the client's fault: no count of
    /// the upstream's failures rises.
    pub(crate) fn body_fault(
        &self,
        request: &impl RequestView,
        answer_headers: &[(String, String)],
        fault: BodyFault,
    ) -> Reply {
        let problem = body_problem(&fault.into());
        let happening = EventKind::access_refused(problem.code, self.way_of(request).0);
        Events::of(self.0).record(self.0.now(), happening, Caller::of(request).setting());
        with_headers(problem.into(), answer_headers)
    }

    /// The answer when the upstream gave none, with [`Forward::answer_headers`](super::outcome::Forward::answer_headers), and its line in
    /// the log.
    pub(crate) fn upstream_fault(
        &self,
        request: &impl RequestView,
        answer_headers: &[(String, String)],
        fault: &UpstreamFault,
    ) -> Reply {
        let route = self.record_upstream_fault(request, fault.cause());
        self.0.isolate.counters.add(MetricFamily::UpstreamFailures, &route, fault.code());
        with_headers(fault.into(), answer_headers)
    }

    /// Counts the failure of a route's upstream, and returns the name of the route.
    fn record_upstream_fault(&self, request: &impl RequestView, cause: String) -> String {
        let (route, upstream) = self.way_of(request);
        let happening = EventKind::Fault { part: Component::Upstream, cause };
        let name = route.clone().unwrap_or_default();
        Events::of(self.0).record(
            self.0.now(),
            happening,
            EventContext { route, upstream, ..Caller::of(request).setting() },
        );
        name
    }

    /// The route of the request, and its upstream's host or the name of its service. Both are looked up again, because
    /// most requests get an answer and do not need them. They are absent if the table has changed meanwhile.
    fn way_of(&self, request: &impl RequestView) -> (Option<String>, Option<String>) {
        let url = request.url();
        let found = UrlParts::parse(&url)
            .zip(self.0.gate.as_ref())
            .map(|(parts, gate)| gate.find(&request.method(), parts.authority, parts.path));
        let Some(RouteMatch::Match(found)) = found else { return (None, None) };
        let upstream = match &found.route.upstream {
            Upstream::Url { base } => UrlParts::parse(base).map(|parts| parts.authority.to_owned()),
            Upstream::Service { binding } => Some(binding.clone()),
            Upstream::Answer => None,
        };
        (Some(found.route.name.clone()), upstream)
    }
}

fn with_headers(reply: Reply, headers: &[(String, String)]) -> Reply {
    headers.iter().fold(reply, |reply, (name, value)| reply.with_header(name, value))
}
