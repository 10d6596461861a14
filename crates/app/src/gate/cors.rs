//! CORS headers for the gate's own answers.

use crate::{
    gateway::Route,
    http::{Reply, RequestView},
    web::origins::EXPOSED,
};

/// CORS for an answer of the gate's own. A page of a listed origin can read why it was refused and
/// when to come again, whatever the rule exposes of the upstream's answers beside.
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
