//! The gate: decides which requests pass to an upstream, and with which headers.

use std::rc::Rc;

use crate::{
    access::{
        authenticate::{Authenticator, Judged},
        refused::AccessRefused,
        revocation_cache::RevocationCache,
    },
    gate::{
        assertion::{ASSERTION_HEADER, AssertionSigning, OneRequest},
        cors::with_cors,
        outcome::{Forward, IdentityAnswer, Immediate, Outcome, PendingRequest, identity_reply},
        preflight::preflight,
        rate_limit::RouteRateLimit,
        receipts::ReceiptConfirmation,
        refusal_events::{RefusalEvents, refused_token},
        route_loader::RouteLoader,
        step::{Bearer, GateStep, without_refused_cookie},
        token_source::{CookieRefused, PresentedAccessToken, TokenSource, presented},
        trace_headers,
        websocket::Sockets,
        welcome::welcome,
    },
    gateway::{
        Access, CORS_ANSWER, Challenge, Gate, Identity, Match, PolicyVerdict, RateKey, RevocationLevel,
        Route, RouteMatch, Upstream, UpstreamTarget, decide, is_idempotent, is_websocket,
    },
    http::{Problem, Reply, RequestView, UrlParts},
    isolate::token_cache::KnownToken,
    metrics::gate_outcome,
    ports::Fault,
    runtime::{Runtime, events::Events, metrics_flush::MetricsFlush, origins::Origins, ports::Ports},
    time::Timestamp,
    web::{
        caller::Caller,
        cookies::CSRF_HEADER,
        error::{ApiError, unavailable},
        paths::is_own,
    },
};

/// Decides about the requests to the gate.
///
/// Every request passes here, so this handle is one pointer: fields for all that some request needs would be filled for
/// each of them.
pub(crate) struct GateRequests<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> GateRequests<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Decides requests that can be decided from memory.
    pub(crate) fn try_sync(&self, request: &impl RequestView) -> Immediate {
        let (url, now) = (request.url(), self.0.now());
        let Some(parts) = UrlParts::parse(&url) else { return self.replied(None, bad_url(), now).into() };
        if is_own(&self.0.isolate.config, parts.path) {
            return Immediate::Own;
        }
        let Some(gate) = &self.0.gate else { return Immediate::Wait };
        RouteLoader::of(self.0).refresh_routes(now);
        match self.first_step(gate, request, &parts, now) {
            GateStep::Done(route, reply) => self.replied(route, reply, now).into(),
            GateStep::Nobody(found) if found.route.forwarding.rate_limit.is_some() => Immediate::Wait,
            GateStep::Nobody(found) => self.forward(gate, request, &parts, &found, None, None, now).into(),
            GateStep::Token(found, bearer) => {
                let Route { revocation, forwarding, .. } = found.route;
                if *revocation == RevocationLevel::Strong
                    || forwarding.rate_limit.is_some()
                    || !bearer.others.is_empty()
                {
                    return Immediate::Wait;
                }
                match Authenticator::of(self.0).remembered(&bearer.text, now) {
                    Some(known) => self
                        .known(gate, request, &parts, &found, bearer.by_cookie, known, now)
                        .unwrap_or(Immediate::Wait),
                    None => self
                        .pending(gate, *found, bearer, now)
                        .map_or(Immediate::Wait, |pending| Immediate::Verify(Box::new(pending))),
                }
            }
        }
    }

    /// The first half of a decision about a token that is new to the isolate. `None` if there is more to wait for than a
    /// verdict about its signature.
    fn pending(
        &self,
        gate: &Rc<Gate>,
        found: Match<'_>,
        bearer: Bearer,
        now: Timestamp,
    ) -> Option<PendingRequest> {
        // Before the token is looked at: the feed may know of a key that the copy of the key set still has.
        if found.route.revocation == RevocationLevel::Feed && !RevocationCache::of(self.0).feed_is_there(now)
        {
            return None;
        }
        let token = Authenticator::of(self.0).pending(bearer.text, now)?;
        let found = found.held();
        Some(PendingRequest { gate: Rc::clone(gate), found, by_cookie: bearer.by_cookie, token })
    }

    /// The second half, with the verdict.
    pub(crate) fn judged(
        &self,
        request: &impl RequestView,
        pending: PendingRequest,
        is_good: bool,
    ) -> Immediate {
        let PendingRequest { gate, found, by_cookie, token } = pending;
        let (url, now) = (request.url(), self.0.now());
        let (Some(parts), Some(found)) = (UrlParts::parse(&url), gate.again(found)) else {
            return Immediate::Wait;
        };
        match Authenticator::of(self.0).judged(token, is_good, now) {
            Judged::Known(known) => {
                self.known(&gate, request, &parts, &found, by_cookie, known, now).unwrap_or(Immediate::Wait)
            }
            Judged::Refused(token, refused) => {
                let reply = self.token_refused(request, found.route, (&token, by_cookie), &refused, now);
                self.replied(Some(found.route), with_cors(reply, found.route, request), now).into()
            }
            Judged::AskAgain => Immediate::Wait,
        }
    }

    /// Decides about a verified token from memory. `None` means that the decision must wait.
    #[expect(clippy::too_many_arguments, reason = "what a decision is about")]
    fn known(
        &self,
        gate: &Rc<Gate>,
        request: &impl RequestView,
        parts: &UrlParts<'_>,
        found: &Match<'_>,
        by_cookie: bool,
        known: Rc<KnownToken>,
        now: Timestamp,
    ) -> Option<Immediate> {
        let Route { revocation, stale_feed, forwarding, .. } = found.route;
        if *revocation == RevocationLevel::Feed
            && !RevocationCache::of(self.0).feed_clears(*stale_feed, &known, now)
        {
            return None;
        }
        let identity = &known.identity;
        let assertion = match &forwarding.assertion {
            None => None,
            // It must be signed.
            Some(_) if forwarding.bind_assertion => return None,
            Some(audience) => Some(self.0.isolate.memory.assertions.find(identity, audience, now)?),
        };
        if let Some(reply) = self.objection(request, found, by_cookie, identity, now) {
            return Some(self.replied(Some(found.route), reply, now).into());
        }
        if found.route.upstream == Upstream::Answer && found.route.cors.is_none() {
            MetricsFlush::of(self.0).count_gate(Some(found.route), gate_outcome(204), now);
            let number = known.answer_number(gate, found.index, &self.0.isolate.memory.answer_numbers);
            let gate = Rc::clone(gate);
            return Some(Immediate::Identity(IdentityAnswer { gate, index: found.index, known, number }));
        }
        Some(self.forward(gate, request, parts, found, Some(identity), assertion.as_deref(), now).into())
    }

    /// Decides all other requests.
    pub(crate) async fn gate(&self, request: &impl RequestView) -> Outcome {
        let (url, now) = (request.url(), self.0.now());
        let Some(parts) = UrlParts::parse(&url) else { return self.replied(None, bad_url(), now) };
        let Some(gate) = RouteLoader::of(self.0).gate_in_force(now).await else {
            return self.replied(None, unavailable(), now);
        };
        let (found, bearer) = match self.first_step(&gate, request, &parts, now) {
            GateStep::Done(route, reply) => return self.replied(route, reply, now),
            GateStep::Nobody(found) => (found, None),
            GateStep::Token(found, bearer) => (found, Some(bearer)),
        };
        let decided = self.decided(&gate, request, &parts, &found, bearer.as_ref(), now).await;
        decided.unwrap_or_else(|reply| {
            self.replied(Some(found.route), with_cors(reply, found.route, request), now)
        })
    }

    /// Counts an answer of the gate itself, with the route or without one.
    fn replied(&self, route: Option<&Route>, reply: Reply, now: Timestamp) -> Outcome {
        MetricsFlush::of(self.0).count_gate(route, gate_outcome(reply.status), now);
        Outcome::Reply(reply)
    }

    /// The order matters: cheap checks that stop floods come first, and nothing is signed for a caller who may not
    /// pass.
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
        if let Some(reply) = RouteRateLimit::of(self.0).over_limit(route, RateKey::Ip, request, None).await {
            return Err(reply);
        }
        let Some(bearer) = bearer else {
            if let Some(reply) =
                RouteRateLimit::of(self.0).over_limit(route, RateKey::Subject, request, None).await
            {
                return Err(reply);
            }
            return Ok(self.forward(gate, request, parts, found, None, None, now));
        };
        let fault = |fault: Fault| {
            Events::of(self.0).record_fault(&fault, &Caller::of(request));
            unavailable()
        };
        let tokens = (bearer.text.as_str(), bearer.others.as_slice());
        let identity = match TokenSource::of(self.0).identify(request, route, tokens, now).await {
            Ok(identity) => identity,
            Err(AccessRefused::Fault(cause)) => return Err(fault(cause)),
            Err(refused) => {
                let token = (bearer.text.as_str(), bearer.by_cookie);
                return Err(self.token_refused(request, route, token, &refused, now));
            }
        };
        if let Some(reply) = self.objection(request, found, bearer.by_cookie, &identity, now) {
            return Ok(self.replied(Some(route), reply, now));
        }
        if let Some(reply) =
            RouteRateLimit::of(self.0).over_limit(route, RateKey::Subject, request, Some(&identity)).await
        {
            return Err(reply);
        }
        let signing = AssertionSigning::of(self.0);
        let assertion = match &route.forwarding.assertion {
            None => None,
            Some(audience) if route.forwarding.bind_assertion => {
                // A route that answers by itself has no target, and sends nothing.
                match UpstreamTarget::of(route, &found.path, parts.query, || parts.origin()) {
                    None => None,
                    Some(target) => {
                        let one = OneRequest::new(request.method(), &target);
                        Some(signing.bound(&identity, audience, &one, now).await.map_err(fault)?)
                    }
                }
            }
            Some(audience) => Some(signing.assertion(&identity, audience, now).await.map_err(fault)?),
        };
        Ok(self.forward(gate, request, parts, found, Some(&identity), assertion.as_deref(), now))
    }

    /// Route, preflight, credentials.
    fn first_step<'g>(
        &self,
        gate: &'g Gate,
        request: &impl RequestView,
        parts: &UrlParts<'_>,
        now: Timestamp,
    ) -> GateStep<'g> {
        let method = request.method();
        if let Some(reply) = gate.resource_metadata(&method, parts) {
            return GateStep::Done(None, reply);
        }
        let config = &self.0.isolate.config;
        if let Some((found, reply)) = preflight(gate, config, request, parts.authority, parts.path) {
            return GateStep::Done(Some(found.route), reply);
        }
        let found = match gate.find(&method, parts.authority, parts.path) {
            // `/%61uth/me` is another spelling of a path of ours: routes never get those.
            RouteMatch::Match(found)
                if is_own(&self.0.isolate.config, found.path.as_str())
                    || gate.is_resource_metadata(&found) =>
            {
                return GateStep::Done(None, RouteMatch::NotFound.refusal().unwrap_or_else(bad_url));
            }
            RouteMatch::Match(found) => Box::new(found),
            RouteMatch::NotFound
                if let Some(page) = welcome(&self.0.isolate.config, gate, request, parts) =>
            {
                return GateStep::Done(None, page);
            }
            other => return GateStep::Done(None, other.refusal().unwrap_or_else(bad_url)),
        };
        let refuse = |challenge: &Challenge| {
            GateStep::Done(
                Some(found.route),
                with_cors(challenge.answer_of(found.route), found.route, request),
            )
        };
        if found.route.access == Access::Public {
            return GateStep::Nobody(found);
        }
        match (&found.route.access, presented(found.route, request)) {
            (Access::Required(_), PresentedAccessToken::None) => match decide(&found, None, now) {
                PolicyVerdict::Challenge(challenge) => refuse(&challenge),
                // The policy never lets a caller without a token pass a requirement. If it did, the gate would still refuse.
                PolicyVerdict::Forward | PolicyVerdict::Forbid(_) => refuse(&Challenge::NoCredentials),
            },
            (_, PresentedAccessToken::None) => GateStep::Nobody(found),
            (_, PresentedAccessToken::Malformed) => refuse(&Challenge::InvalidRequest),
            (_, PresentedAccessToken::Token { text, by_cookie, others }) => {
                GateStep::Token(found, Bearer { text, by_cookie, others })
            }
        }
    }

    /// Refuses a token that gives no identity.
    fn token_refused(
        &self,
        request: &impl RequestView,
        route: &Route,
        (token, by_cookie): (&str, bool),
        refused: &AccessRefused,
        now: Timestamp,
    ) -> Reply {
        let happening = refused_token(refused, route, token);
        Events::of(self.0).record(now, happening, Caller::of(request).setting());
        let reply = Challenge::InvalidToken.answer_of(route);
        without_refused_cookie(request, by_cookie, refused.code(), reply)
    }

    /// Why an authenticated caller may not pass: first the rules for cookies, then the policy of the route.
    fn objection(
        &self,
        request: &impl RequestView,
        found: &Match<'_>,
        by_cookie: bool,
        identity: &Rc<Identity>,
        now: Timestamp,
    ) -> Option<Reply> {
        let route = found.route;
        if by_cookie
            && let Err(refused) = TokenSource::of(self.0).check_cookie_request(route, request, identity)
        {
            RefusalEvents::of(self.0).record_forbidden(request, route, identity, (refused.code(), None));
            match refused {
                CookieRefused::NewerMaster(newer) => {
                    let _ = Events::of(self.0).newer_master(&Caller::of(request), "csrf_token", newer);
                }
                CookieRefused::CrossOrigin => {
                    Origins::of(self.0).record_cross_origin(request, Some(&route.name));
                }
                CookieRefused::NoSession | CookieRefused::CsrfFailed => {}
            }
            let reply = Reply::from(&ApiError::from(refused));
            let reply = match refused {
                CookieRefused::NoSession => without_refused_cookie(request, by_cookie, refused.code(), reply),
                _ => reply,
            };
            return Some(with_cors(reply, route, request));
        }
        ReceiptConfirmation::of(self.0).confirm_receipt(identity);
        let verdict = decide(found, Some(identity), now);
        let (code, reply) = match &verdict {
            PolicyVerdict::Forward => return None,
            PolicyVerdict::Challenge(challenge) => (challenge.code(), challenge.answer_of(route)),
            PolicyVerdict::Forbid(forbid) => (forbid.code(), forbid.answer_of(route)),
        };
        RefusalEvents::of(self.0).record_forbidden(request, route, identity, (code, verdict.objection()));
        Some(with_cors(reply, route, request))
    }

    #[expect(clippy::too_many_arguments, reason = "what a decision is about")]
    fn forward(
        &self,
        gate: &Gate,
        request: &impl RequestView,
        parts: &UrlParts<'_>,
        found: &Match<'_>,
        identity: Option<&Rc<Identity>>,
        assertion: Option<&str>,
        now: Timestamp,
    ) -> Outcome {
        let route = found.route;
        let Some(target) = UpstreamTarget::of(route, &found.path, parts.query, || parts.origin()) else {
            return self.replied(
                Some(route),
                with_cors(identity_reply(route, identity.map(Rc::as_ref)), route, request),
                now,
            );
        };
        let mut headers = match gate.plan(route, request, identity.map(Rc::as_ref)) {
            Ok(headers) => headers,
            Err(cause) => return self.replied(Some(route), with_cors(cause.into(), route, request), now),
        };
        if let Some(assertion) = assertion {
            headers.set.push((ASSERTION_HEADER.to_owned(), assertion.to_owned()));
        }
        let rules = &route.forwarding;
        if rules.token_sources.cookie {
            // Half of what a forged request would need is nothing for the origin.
            headers.remove.push(CSRF_HEADER.to_owned());
        }
        trace_headers::add(&mut headers, self.0.isolate.config.traces, request);
        let origin = request.header("origin");
        MetricsFlush::of(self.0).count_gate(Some(route), "forwarded", now);
        Outcome::Forward(Box::new(Forward {
            target,
            headers,
            timeout: route.timeout,
            total_timeout: rules.total_timeout,
            retry: rules.retry && is_idempotent(&request.method()) && !is_websocket(request),
            watch: if is_websocket(request) { Sockets::of(self.0).watch(route, identity) } else { None },
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
}

fn bad_url() -> Reply {
    Problem::new(400, "bad_path", "The path is ambiguous").into()
}
