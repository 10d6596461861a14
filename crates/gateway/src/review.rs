//! What is likely wrong with a table that is sound: for `postern routes check`. Nothing in here
//! decides anything at the gate.

use std::collections::BTreeSet;

use super::{
    forwarding::{is_idempotent, is_safe},
    route::{Access, HostPattern, Methods, PathPattern, Requirement, Route, Segment, Upstream},
};
use postern_core::http::UrlParts;

/// Something about one route that its author should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The route's place in the table.
    pub index: usize,
    /// Stable name of the kind.
    pub code: &'static str,
    /// What is noticed, and why it matters.
    pub text: String,
}

/// Looks at every route. `issuers` is how many issuers are trusted, `is_own` tells paths that
/// Postern answers itself, and `general` finds among these issuers, or among all if there are none, one in whose own
/// audiences one of these names is.
pub fn review(
    routes: &[Route],
    issuers: usize,
    is_own: impl Fn(&str) -> bool,
    general: impl Fn(&BTreeSet<String>, &[String]) -> Option<String>,
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        let mut remark = |code, text: String| remarks.push(Remark { index, code, text });
        if is_own(&route.path.to_string()) {
            remark("unreachable", "Postern itself serves these paths".to_owned());
        } else {
            shadows(routes.get(..index).unwrap_or_default(), route, &mut remark);
        }
        who_may(route, issuers, &mut remark);
        elsewhere(route, routes, &general, &mut remark);
        pages(route, &mut remark);
        carrying(route, &mut remark);
    }
    remarks
}

/// Routes before this one that take what it is for.
fn shadows(before: &[Route], route: &Route, remark: &mut impl FnMut(&'static str, String)) {
    let covering = || {
        before
            .iter()
            .filter(|other| covers_host(&other.host, &route.host) && covers_path(&other.path, &route.path))
    };
    let named = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join("`, `");
    match &route.methods {
        Methods::Any => {
            if let Some(other) = covering().find(|other| other.methods == Methods::Any) {
                return remark(
                    "unreachable",
                    format!("the earlier route `{}` matches all of its requests", other.name),
                );
            }
        }
        Methods::Only(methods) => {
            let taken: BTreeSet<&str> = methods
                .iter()
                .map(String::as_str)
                .filter(|method| covering().any(|other| other.methods.admits(method)))
                .collect();
            let takers: BTreeSet<&str> = covering()
                .filter(|other| methods.iter().any(|method| other.methods.admits(method)))
                .map(|other| other.name.as_str())
                .collect();
            if taken.len() == methods.len() {
                return remark(
                    "unreachable",
                    format!("the earlier route `{}` matches all of its requests", named(&takers)),
                );
            }
            if !taken.is_empty() {
                let methods: Vec<&str> = taken.into_iter().collect();
                remark(
                    "partly_unreachable",
                    format!("the earlier route `{}` matches its {}", named(&takers), methods.join(", ")),
                );
            }
            return;
        }
    }
    for other in covering() {
        if let Methods::Only(methods) = &other.methods
            && other.access != route.access
        {
            let methods: Vec<&str> = methods.iter().map(String::as_str).collect();
            remark(
                "partly_unreachable",
                format!(
                    "the earlier route `{}` matches {} and has another access rule",
                    other.name,
                    methods.join(", ")
                ),
            );
        }
    }
}

fn covers_host(wide: &HostPattern, narrow: &HostPattern) -> bool {
    match (wide, narrow) {
        (HostPattern::Any, _) => true,
        (HostPattern::Exact(wide), HostPattern::Exact(narrow)) => wide == narrow,
        (HostPattern::Wildcard(_), HostPattern::Exact(host)) => wide.subdomain(host).is_some(),
        (HostPattern::Wildcard(suffix), HostPattern::Wildcard(narrow)) => {
            suffix == narrow || wide.subdomain(narrow).is_some()
        }
        _ => false,
    }
}

/// Whether every path that fits `narrow` fits `wide`.
fn covers_path(wide: &PathPattern, narrow: &PathPattern) -> bool {
    let mut narrow = narrow.segments().iter();
    for wide in wide.segments() {
        match (wide, narrow.next()) {
            (Segment::Rest(_), Some(_)) => return true,
            (Segment::Param(_), Some(Segment::Param(_))) => {}
            (Segment::Param(_), Some(Segment::Literal(text))) if !text.is_empty() => {}
            (Segment::Literal(wide), Some(Segment::Literal(narrow))) if wide == narrow => {}
            _ => return false,
        }
    }
    narrow.next().is_none()
}

/// Who gets through.
fn who_may(route: &Route, issuers: usize, remark: &mut impl FnMut(&'static str, String)) {
    match &route.access {
        Access::Public | Access::Optional => {
            let writes = match &route.methods {
                Methods::Any => true,
                Methods::Only(methods) => methods.iter().any(|method| !is_safe(method)),
            };
            if writes {
                remark(
                    "public_writes",
                    "anyone may send every method, including those that change something: list `methods`"
                        .to_owned(),
                );
            }
            if route.access == Access::Public && route.keep_token {
                remark(
                    "unchecked_token",
                    "the upstream gets an access token that was not verified (`keep_token`)".to_owned(),
                );
            }
        }
        Access::Required(requirement) => {
            let Requirement { issuers: named, scopes_all, scopes_any, roles_any, attributes, .. } =
                requirement;
            let asks = [scopes_all, scopes_any, roles_any].iter().any(|set| !set.is_empty())
                || !attributes.is_empty();
            if issuers > 1 && named.is_empty() && asks {
                remark(
                    "any_issuer",
                    format!(
                        "accepts scopes, roles and claims from all {issuers} trusted issuers: list `issuers`"
                    ),
                );
            }
            let tenant = route.path.segments().iter().find_map(|segment| match segment {
                Segment::Param(name) if name.starts_with("tenant") || name.starts_with("org") => Some(name),
                _ => None,
            });
            if let Some(name) = tenant
                && !attributes.iter().any(|rule| rule.operand == super::Operand::Param(name.clone()))
            {
                remark(
                    "tenant_not_compared",
                    format!(
                        "no attribute rule compares {{{name}}} with a claim: every tenant can reach every other tenant's paths"
                    ),
                );
            }
        }
    }
}

/// Tokens for a resource that serve at other routes, too: the settings of their issuer say so.
fn elsewhere(
    route: &Route,
    routes: &[Route],
    general: &impl Fn(&BTreeSet<String>, &[String]) -> Option<String>,
    remark: &mut impl FnMut(&'static str, String),
) {
    let (Some(requirement), Some(resource)) = (route.of_resource(), route.resource()) else { return };
    let names: Vec<String> =
        core::iter::once(resource.id.to_string()).chain(requirement.audiences.iter().cloned()).collect();
    let Some(issuer) = general(&requirement.issuers, &names) else { return };
    let takes = |other: &&Route| match &other.access {
        Access::Public => false,
        Access::Optional => true,
        Access::Required(Requirement { resource, issuers, audiences, .. }) => {
            resource.is_none()
                && (issuers.is_empty() || issuers.contains(&issuer))
                && (audiences.is_empty() || names.iter().any(|name| audiences.contains(name)))
        }
    };
    if let Some(other) = routes.iter().find(takes) {
        remark(
            "resource_elsewhere",
            format!(
                "the resource is among the audiences of {issuer}: its tokens for the resource also pass at the route `{}`",
                other.name
            ),
        );
    }
}

/// Pages of other origins.
fn pages(route: &Route, remark: &mut impl FnMut(&'static str, String)) {
    let Some(cors) = &route.cors else { return };
    let sources = route.forwarding.token_sources;
    let takes_token = route.access != Access::Public;
    let sends_header = cors.allow_headers.iter().any(|name| name == "authorization");
    if takes_token && sources.header && !sends_header && !(sources.cookie && cors.credentials) {
        remark(
            "cors_without_authorization",
            "pages cannot send an access token: `cors.allow_headers` lacks authorization".to_owned(),
        );
    }
    if takes_token && cors.credentials && !sources.cookie {
        remark(
            "cors_credentials",
            "`cors.credentials` is for cookies, and this route does not accept any".to_owned(),
        );
    }
}

/// The way to the upstream.
fn carrying(route: &Route, remark: &mut impl FnMut(&'static str, String)) {
    if let (Upstream::Url { base }, HostPattern::Exact(host)) = (&route.upstream, &route.host)
        && UrlParts::parse(base).is_some_and(|parts| parts.host == host)
    {
        remark(
            "loop",
            "the upstream is the route's own host: forwarded requests come back to the gate".to_owned(),
        );
    }
    if route.forwarding.websocket.is_some() {
        remark(
            "websocket_without_flow_control",
            "with a `websocket` rule there is no flow control: Postern closes the socket with 1013 when 8 MiB wait for one end"
                .to_owned(),
        );
    }
    if route.forwarding.websocket.is_some() && !route.methods.admits("GET") {
        remark(
            "websocket_without_get",
            "a WebSocket begins with GET, which this route does not match".to_owned(),
        );
    }
    if let Methods::Only(methods) = &route.methods
        && route.forwarding.retry
        && !methods.iter().any(|method| is_idempotent(method))
    {
        remark("retry_without_use", "`retry` has no effect: none of its methods is idempotent".to_owned());
    }
}
