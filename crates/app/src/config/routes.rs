//! Reads the JSON form of a route table into validated [`Route`]s.

use core::time::Duration;
use std::collections::BTreeSet;

use super::{
    Profile, forwarding,
    reader::{Fields, Node},
    resources::{OfRoute, Resources},
    route_context::RouteContext,
    values::{self, UrlRule},
};
use crate::{
    encoding::text_set,
    gateway::{
        Access, Attribute, CallerHeaders, ClaimHeader, Comparison, Cors, HostPattern, MAX_STEPS, Methods,
        Operand, PathPattern, Requirement, RevocationLevel, Route, StaleFeed, Upstream, agree,
        is_free_for_claims, most_steps,
    },
};

/// The highest number of routes in one table. Larger tables should be split among several Workers.
const MAX_ROUTES: usize = 2000;

/// The default time limit for an upstream's response headers: as long as most clients wait.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

const KNOWN: [&str; 35] = [
    "name",
    "host",
    "path",
    "methods",
    "access",
    "issuers",
    "resource",
    "resource_scopes",
    "resource_name",
    "resource_documentation",
    "audiences",
    "scopes_all",
    "scopes_any",
    "roles_any",
    "attributes",
    "max_token_age",
    "acr",
    "amr",
    "revocation",
    "stale_feed",
    "upstream",
    "service",
    "answer",
    "strip_prefix",
    "keep_token",
    "headers",
    "timeout_ms",
    "cors",
    "token_sources",
    "assertion",
    "bind_assertion",
    "rate_limit",
    "retry",
    "total_timeout_ms",
    "websocket",
];

/// The members with requirements for the access token, from `issuers` to `amr`. Only routes with `access = "required"` may
/// have them.
fn requirements() -> impl Iterator<Item = &'static str> {
    KNOWN.into_iter().skip_while(|name| *name != "issuers").take_while(|name| *name != "revocation")
}

/// The members about forwarding, which routes with `answer` must not have.
const CARRIAGE: [&str; 8] = [
    "strip_prefix",
    "keep_token",
    "timeout_ms",
    "assertion",
    "bind_assertion",
    "retry",
    "total_timeout_ms",
    "websocket",
];

#[derive(Clone, Copy, PartialEq)]
enum Level {
    Public,
    Optional,
    Required,
}

pub(super) fn read(node: &Node<'_>, context: &RouteContext) -> Option<Vec<Route>> {
    let mut names = BTreeSet::new();
    let mut resources = Resources::default();
    let mut index = 0;
    let mut routes = node.each(|item| {
        let position = index;
        index += 1;
        let fields = item.object(&KNOWN)?;
        let name = match fields.optional("name") {
            Some(node) => node.parsed(values::name).and_then(|name| {
                if names.insert(name.clone()) {
                    Some(name)
                } else {
                    node.wrong("is already the name of another route")
                }
            }),
            None => Some(format!("route-{position}")),
        };
        route(&fields, name, context, &mut resources)
    })?;
    agree(&mut routes);
    if routes.len() > MAX_ROUTES {
        return node.wrong(format!("must contain at most {MAX_ROUTES} routes"));
    }
    if most_steps(&routes) > MAX_STEPS {
        return node.wrong(format!(
            "must have fewer overlapping patterns: a look-up could take more than {MAX_STEPS} steps"
        ));
    }
    Some(routes)
}

/// Reads every part before it returns, so that all mistakes are found.
fn route(
    fields: &Fields<'_>,
    name: Option<String>,
    context: &RouteContext,
    resources: &mut Resources,
) -> Option<Route> {
    let local = context.profile == Profile::Local;
    let host = fields.or("host", HostPattern::Any, host_pattern);
    let path = fields.required("path").and_then(|node| node.parsed(PathPattern::parse));
    let methods =
        fields.or("methods", Methods::Any, |node| Some(Methods::only(node.filled_set(values::method)?)));
    let requirement = requirement(fields, path.as_ref(), &host, context, resources);
    let access = match level(fields) {
        Level::Public => Access::Public,
        Level::Optional => Access::Optional,
        Level::Required => Access::Required(requirement),
    };
    let revocation = fields.or("revocation", RevocationLevel::default(), |node| {
        node.choice(&[
            ("none", RevocationLevel::None),
            ("feed", RevocationLevel::Feed),
            ("strong", RevocationLevel::Strong),
        ])
    });
    let stale_feed = fields.or("stale_feed", StaleFeed::default(), |node| {
        node.choice(&[("pass", StaleFeed::Pass), ("refuse", StaleFeed::Refuse)])
    });
    if revocation == RevocationLevel::None && stale_feed == StaleFeed::Refuse {
        fields.wrong(
            "stale_feed",
            "must not be set with `revocation` = \"none\", which does not read the feed",
        );
    }
    let upstream = upstream(fields, local);
    let strip_segments = fields.or("strip_prefix", 0, |node| {
        let prefix = node.text()?;
        path.as_ref()?.literal_prefix(prefix).or_else(|| {
            node.wrong("must be the first literal segments of `path`, without a slash at the end")
        })
    });
    let keep_token = fields.or("keep_token", false, Node::flag);
    let headers = fields.or("headers", CallerHeaders::default(), caller_headers);
    let timeout = fields.or("timeout_ms", Some(DEFAULT_TIMEOUT), |node| match node.any_text().as_deref() {
        Some("none") => Some(None),
        _ => node.number(100..=300_000).map(Duration::from_millis).map(Some),
    });
    let cors = fields.or("cors", None, |node| cors(node, local).map(Some));
    let forwarding = forwarding::read(fields, &access, upstream.as_ref(), local);
    forwarding::check(fields, &forwarding, context);
    if headers == CallerHeaders::AssertionAlone && forwarding.assertion.is_none() {
        fields.wrong(
            "headers",
            "must not be \"assertion\" without `assertion`: the upstream would learn nothing about the caller",
        );
    }
    if keep_token && !forwarding.token_sources.header {
        fields.wrong(
            "keep_token",
            "must not be set with these `token_sources`: this route does not read `Authorization`",
        );
    }
    Some(Route {
        name: name?,
        host,
        path: path?,
        methods,
        access,
        revocation,
        stale_feed,
        upstream: upstream?,
        strip_segments,
        keep_token,
        headers,
        timeout,
        cors,
        forwarding,
    })
}

fn level(fields: &Fields<'_>) -> Level {
    let level = fields.or("access", Level::Required, |node| {
        node.choice(&[
            ("public", Level::Public),
            ("optional", Level::Optional),
            ("required", Level::Required),
        ])
    });
    if level != Level::Required {
        for name in requirements() {
            if let Some(node) = fields.optional(name) {
                let _: Option<()> = node.wrong("must not be set unless `access` is \"required\"");
            }
        }
    }
    level
}

fn host_pattern(node: &Node<'_>) -> Option<HostPattern> {
    let text = node.text()?;
    if text == "*" {
        return Some(HostPattern::Any);
    }
    match text.strip_prefix("*.") {
        Some(suffix) => {
            let suffix = values::host(suffix).map_err(|problem| node.wrong::<()>(problem)).ok()?;
            Some(HostPattern::Wildcard(suffix))
        }
        None => node.parsed(values::host).map(HostPattern::Exact),
    }
}

fn requirement(
    fields: &Fields<'_>,
    path: Option<&PathPattern>,
    host: &HostPattern,
    context: &RouteContext,
    resources: &mut Resources,
) -> Requirement {
    let none = BTreeSet::new;
    let issuers = fields.or("issuers", Vec::new(), |node| {
        node.filled_list(|text| {
            if context.issuers.contains(text) {
                Ok(text.to_owned())
            } else {
                Err("must be POSTERN_ISSUER or an issuer in POSTERN_ISSUERS")
            }
        })
    });
    let audiences = fields.or("audiences", none(), |node| node.filled_set(values::name));
    let scopes_all = fields.or("scopes_all", none(), |node| node.filled_set(values::scope));
    let scopes_any = fields.or("scopes_any", none(), |node| node.filled_set(values::scope));
    let of_route = OfRoute { host, path, issuers: &issuers, audiences: &audiences };
    Requirement {
        resource: resources.read(fields, &of_route, context),
        issuers: text_set(issuers),
        audiences,
        broader_scopes: context.scope_implies.broader_than(scopes_all.iter().chain(&scopes_any)),
        scopes_all,
        scopes_any,
        roles_any: fields.or("roles_any", none(), |node| node.filled_set(values::name)),
        attributes: fields.or("attributes", Vec::new(), |node| {
            let rules = node.each(|item| attribute(item, path, host))?;
            if rules.is_empty() { node.wrong("must not be empty") } else { Some(rules) }
        }),
        max_token_age: fields.optional("max_token_age").and_then(|node| node.seconds(1..=86_400)),
        acr: fields.or("acr", Vec::new(), |node| {
            node.each(|item| item.parsed(values::name)).filter(|list| {
                !list.is_empty() || {
                    let _: Option<()> = node.wrong("must not be empty");
                    false
                }
            })
        }),
        amr: fields.or("amr", none(), |node| node.filled_set(values::name)),
    }
}

fn attribute(item: &Node<'_>, path: Option<&PathPattern>, host: &HostPattern) -> Option<Attribute> {
    let fields = item.object(&["claim", "equals", "contains"])?;
    let claim = fields.required("claim").and_then(|node| node.parsed(values::claim));
    let (comparison, node) = match (fields.optional("equals"), fields.optional("contains")) {
        (Some(node), None) => (Comparison::Equals, node),
        (None, Some(node)) => (Comparison::Contains, node),
        (None, None) => {
            fields.wrong("equals", "is missing; set `equals` or `contains`");
            return None;
        }
        (Some(_), Some(_)) => {
            fields.wrong("contains", "must not be set together with `equals`");
            return None;
        }
    };
    let operand = operand(node, path, host);
    Some(Attribute { claim: claim?, comparison, operand: operand? })
}

fn operand(node: &Node<'_>, path: Option<&PathPattern>, host: &HostPattern) -> Option<Operand> {
    let text = node.text()?;
    match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some("host") => Some(Operand::Host),
        Some("method") => Some(Operand::Method),
        Some("subdomain") if matches!(host, HostPattern::Wildcard(_)) => Some(Operand::Subdomain),
        Some("subdomain") => node.wrong("requires a `host` that begins with `*.`"),
        Some(name) if path.is_none_or(|path| path.has_param(name)) => Some(Operand::Param(name.to_owned())),
        Some(_) => node.wrong("must name a single-segment parameter of `path`"),
        None if text.contains(['{', '}']) => node.wrong(
            "must be \"{parameter}\", \"{host}\", \"{subdomain}\", \"{method}\" or a string without braces",
        ),
        None => Some(Operand::Literal(text.to_owned())),
    }
}

fn upstream(fields: &Fields<'_>, local: bool) -> Option<Upstream> {
    let url = fields.optional("upstream").map(|node| {
        node.parsed(|text| values::url(text, UrlRule::Base, local)).map(|base| Upstream::Url { base })
    });
    let service = fields
        .optional("service")
        .map(|node| node.parsed(values::binding).map(|binding| Upstream::Service { binding }));
    let answer = fields.optional("answer").map(|node| {
        for name in CARRIAGE {
            if let Some(node) = fields.optional(name) {
                let _: Option<()> =
                    node.wrong("must not be set with `answer`: the route does not forward requests");
            }
        }
        node.choice(&[("identity", ())]).map(|()| Upstream::Answer)
    });
    match (url, service, answer) {
        (Some(upstream), None, None) | (None, Some(upstream), None) | (None, None, Some(upstream)) => {
            upstream
        }
        (None, None, None) => {
            fields.wrong("upstream", "is missing; set `upstream`, `service` or `answer`");
            None
        }
        (url, ..) => {
            let (member, problem) = if url.is_some() && fields.optional("service").is_some() {
                ("service", "must not be set together with `upstream`")
            } else {
                ("answer", "must not be set together with `upstream` or `service`")
            };
            fields.wrong(member, problem);
            None
        }
    }
}

/// Claims and their headers, or the text for the assertion alone.
fn caller_headers(node: &Node<'_>) -> Option<CallerHeaders> {
    if node.is_text() {
        return node.choice(&[("assertion", ())]).map(|()| CallerHeaders::AssertionAlone);
    }
    claim_headers(node).map(CallerHeaders::Plain)
}

fn claim_headers(node: &Node<'_>) -> Option<Vec<ClaimHeader>> {
    let mut used = BTreeSet::new();
    let read: Vec<Option<ClaimHeader>> = node
        .members()?
        .iter()
        .map(|(claim, header)| {
            let name = header.parsed(values::header)?;
            if !is_free_for_claims(&name) {
                return header.wrong("is reserved: claims cannot be sent in this header");
            }
            if !used.insert(name.clone()) {
                return header.wrong("is already the header of another claim");
            }
            let claim = values::claim(claim).map_err(|problem| header.wrong::<()>(problem)).ok()?;
            Some(ClaimHeader { claim, header: name })
        })
        .collect();
    read.into_iter().collect()
}

fn cors(node: &Node<'_>, local: bool) -> Option<Cors> {
    let fields = node.object(&["origins", "credentials", "allow_headers", "expose_headers", "max_age"])?;
    let origins = fields
        .required("origins")
        .and_then(|node| node.filled_set(|text| super::origins::origin(text, local)));
    let names = |name| {
        fields.or(name, Vec::new(), |node: &Node<'_>| Some(node.set(values::header)?.into_iter().collect()))
    };
    let allow_headers: Vec<String> = names("allow_headers");
    let expose_headers: Vec<String> = names("expose_headers");
    Some(Cors {
        origins: origins?,
        credentials: fields.or("credentials", false, Node::flag),
        allow_headers,
        expose_headers,
        // Ten minutes. Browsers cap the value at two hours (Chromium) or a day (Firefox).
        max_age: fields.or("max_age", Duration::from_mins(10), |node| node.seconds(0..=86_400)),
    })
}
