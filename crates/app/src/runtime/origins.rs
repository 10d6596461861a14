//! Holds browsers' calls of Postern's own endpoints to its own origins and the listed ones.

use super::{Runtime, events::Events, ports::Ports};
use crate::{
    events::EventKind,
    http::{Reply, RequestView},
    text::printable,
    web::{
        caller::Caller,
        endpoints::CorsAudience,
        error::ApiError,
        origins::{EXPOSED, own_origins},
    },
};

/// The longest origin in an event, in bytes. A host has up to 253.
const MAX_ORIGIN: usize = 256;

/// Restricts calls of browsers to the deployment's own and the listed origins.
pub(crate) struct Origins<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Origins<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Adds the CORS headers to an answer, for the pages that may read it.
    pub(crate) fn with_cors(&self, request: &impl RequestView, reply: Reply, cors: CorsAudience) -> Reply {
        match cors {
            CorsAudience::None => return reply,
            CorsAudience::Public | CorsAudience::Anyone => {
                return reply
                    .with_header("access-control-allow-origin", "*")
                    .with_header("cross-origin-resource-policy", "cross-origin");
            }
            // Of which client, only the form says: `oauth::cors`.
            CorsAudience::Clients | CorsAudience::Listed => {}
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
    pub(crate) fn listed_origin(&self, request: &impl RequestView) -> Option<String> {
        request.header("origin").filter(|origin| self.0.isolate.config.cors_origins.contains(origin))
    }

    /// Checks that a call with cookies comes from a page of the deployment or of a listed origin.
    pub(crate) fn check_origin(&self, request: &impl RequestView) -> Result<(), ApiError> {
        if self.listed_origin(request).is_some() {
            return Ok(());
        }
        let origin = request.header("origin");
        let expected = own_origins(&self.0.isolate.config, request);
        let foreign = origin.as_ref().is_some_and(|origin| !expected.contains(origin));
        let cross_site = request.header("sec-fetch-site").is_some_and(|site| site == "cross-site");
        if !foreign && !cross_site {
            return Ok(());
        }
        self.record_cross_origin(request, None);
        Err(ApiError::CrossOrigin)
    }

    /// Checks that a form comes from a page of the deployment itself. Listed origins have no forms of ours.
    pub(crate) fn check_own_origin(&self, request: &impl RequestView) -> Result<(), ApiError> {
        let expected = own_origins(&self.0.isolate.config, request);
        let foreign = request.header("origin").is_some_and(|origin| !expected.contains(&origin));
        // `none` is the user's own doing: a form that is posted again after a restart of the browser.
        let elsewhere = request
            .header("sec-fetch-site")
            .is_some_and(|site| !matches!(site.as_str(), "same-origin" | "none"));
        if !foreign && !elsewhere {
            return Ok(());
        }
        self.record_cross_origin(request, None);
        Err(ApiError::CrossOrigin)
    }

    /// Records the origin of the request and the expected ones, which shows a proxy that changes `Host` and a host that
    /// is missing in the list.
    pub(crate) fn record_cross_origin(&self, request: &impl RequestView, route: Option<&str>) {
        let happening = EventKind::CrossOrigin {
            origin: request.header("origin").map(|origin| printable(&origin, MAX_ORIGIN)),
            expected: own_origins(&self.0.isolate.config, request),
            route: route.map(str::to_owned),
        };
        Events::of(self.0).record(self.0.now(), happening, Caller::of(request).setting());
    }
}
