//! CORS headers for the gate's own answers.

use crate::{
    gateway::Route,
    http::{Reply, RequestView},
    web::origins::EXPOSED,
};

/// Adds CORS headers to an answer of the gate. Pages of listed origins can read why a request was refused and when to
/// retry, regardless of the headers that the rule exposes.
pub(crate) fn with_cors(mut reply: Reply, route: &Route, request: &impl RequestView) -> Reply {
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
