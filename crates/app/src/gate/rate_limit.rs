//! The rate limit of a route, with the platform's rate limiting binding.

use crate::{
    events::EventKind,
    gateway::{Identity, RateKey, RateLimit, Route},
    http::{Problem, Reply, RequestView},
    ports::RateLimiter as _,
    runtime::{Runtime, events::Events, ports::Ports},
    web::caller::Caller,
};

/// The key for requests without an IP address, which come only on a developer's machine.
const NO_ADDRESS: &str = "-";

/// Enforces the rate limits of routes.
pub(crate) struct RouteRateLimit<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> RouteRateLimit<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Answers 429 if the route's limit for this caller is used up.
    ///
    /// If the binding fails, the request passes and an event records it. A failing limiter must not take its route
    /// down, and it protects no secret.
    pub(crate) async fn over_limit(
        &self,
        route: &Route,
        by: RateKey,
        request: &impl RequestView,
        identity: Option<&Identity>,
    ) -> Option<Reply> {
        let limit = route.forwarding.rate_limit.as_ref().filter(|limit| limit.by == by)?;
        if self.0.isolate.config.limits.off {
            return None;
        }
        let caller = Caller::of(request);
        let key = key(route, limit, &caller, identity);
        match self.0.ports.rate_limiter().admits(&limit.binding, &key).await {
            Ok(true) => None,
            Ok(false) => {
                let happening = EventKind::access_refused("rate_limited", Some(route.name.clone()));
                Events::of(self.0).record(self.0.now(), happening, caller.setting());
                let seconds = u32::try_from(limit.retry_after.as_secs()).unwrap_or(u32::MAX);
                let problem = Problem::new(429, "rate_limited", "Too many requests; wait and try again");
                Some(problem.with_retry_after(seconds).into())
            }
            Err(fault) => {
                Events::of(self.0).record_fault(&fault, &caller);
                None
            }
        }
    }
}

/// Each route counts separately, even if two share a binding. A subject is unique only together with its issuer.
fn key(route: &Route, limit: &RateLimit, caller: &Caller, identity: Option<&Identity>) -> String {
    let mut key = route.name.clone();
    if let Some(identity) = identity.filter(|_| limit.by == RateKey::Subject) {
        for part in [" sub ", &identity.issuer, " ", &identity.subject] {
            key.push_str(part);
        }
    } else {
        key.push_str(" ip ");
        key.push_str(caller.ip.as_deref().unwrap_or(NO_ADDRESS));
    }
    key
}
