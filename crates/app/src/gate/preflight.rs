//! CORS preflights (the Fetch standard, "CORS-preflight request") for routes that have a CORS rule.

use crate::{
    config::Config,
    gateway::{Gate, Match, RouteMatch},
    http::{Reply, RequestView},
    web::paths::is_own,
};

/// The answer to a CORS preflight for a route with a CORS rule. A preflight has no credentials, so it is answered
/// before they are checked.
pub(crate) fn preflight<'g>(
    gate: &'g Gate,
    config: &Config,
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
        RouteMatch::Match(found) if !is_own(config, found.path.as_str()) => {
            let headers = request.header("access-control-request-headers");
            let reply = found.route.cors.as_ref()?.preflight(&origin, &wanted, headers.as_deref());
            Some((found, reply))
        }
        _ => None,
    }
}
