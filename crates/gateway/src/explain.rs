//! Why a route takes a request or not, and what it asks of the caller, in words: for
//! `postern routes explain`. Every verdict in here comes from the functions that the gate itself
//! decides with.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    Match,
    identity::{Statement, SupposedIdentity},
    matcher::normal_host,
    path::NormalPath,
    policy::{PolicyVerdict, attribute_met, grant_objection, judge, token_objection},
    route::{
        Access, Attribute, Comparison, HostPattern, Operand, PathPattern, ProtectedResource, Requirement,
        Route, Segment,
    },
};
use postern_jose::time::Timestamp;

/// One thing that a route asks of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The members of the route that say it: `scopes_all`.
    pub member: &'static str,
    /// What it asks for.
    pub what: String,
    /// Whether this caller meets it; `None` without a caller.
    pub met: Option<bool>,
}

/// Why this route does not take the request; `None` when it does.
pub fn mismatch(route: &Route, method: &str, host: &str, path: &NormalPath) -> Option<String> {
    let host = normal_host(host);
    match &route.host {
        HostPattern::Exact(own) if *own != host => return Some(format!("its host is {own}")),
        HostPattern::Wildcard(suffix) if route.host.subdomain(&host).is_none() => {
            return Some(format!("its host is *.{suffix}"));
        }
        _ => {}
    }
    let segments = path.segments();
    if !route.path.matches(&segments) {
        return Some(format!("its path is {}: {}", route.path, path_mismatch(&route.path, &segments)));
    }
    match &route.methods {
        super::Methods::Only(methods) if !methods.contains(method) => {
            let methods: Vec<&str> = methods.iter().map(String::as_str).collect();
            Some(format!("it matches only {}", methods.join(", ")))
        }
        _ => None,
    }
}

/// Where a path leaves the pattern.
fn path_mismatch(pattern: &PathPattern, path: &[Cow<'_, str>]) -> String {
    let mut segments = path.iter();
    for (index, wanted) in pattern.segments().iter().enumerate() {
        let number = index + 1;
        match (wanted, segments.next()) {
            (_, None) => return format!("the request's path ends before segment {number}"),
            (Segment::Literal(text), Some(own)) if text != own => {
                return match (text.as_str(), own.as_ref()) {
                    ("", _) => format!("the request's path continues at segment {number}"),
                    (_, "") => format!("the request's path has an empty segment {number}"),
                    (_, own) if own.eq_ignore_ascii_case(text) => {
                        format!("segment {number} must be {text}, with the same letter case")
                    }
                    _ => format!("segment {number} is not {text}"),
                };
            }
            (Segment::Param(name), Some(own)) if own.is_empty() => {
                return format!("the request's path has nothing for {{{name}}}");
            }
            _ => {}
        }
    }
    "the request's path is longer".to_owned()
}

/// What [`super::decide`] would say if an access token with these claims were sound.
pub fn suppose(found: &Match<'_>, identity: Option<&SupposedIdentity>, now: Timestamp) -> PolicyVerdict {
    judge(found, identity.map(|identity| &**identity), now)
}

/// What the route asks for, each with whether this caller meets it.
pub fn asks(found: &Match<'_>, identity: Option<&SupposedIdentity>, now: Timestamp) -> Vec<Ask> {
    let identity: Option<&Statement> = identity.map(|identity| &**identity);
    let elsewhere = for_elsewhere(found, identity);
    let Access::Required(requirement) = &found.route.access else {
        return elsewhere.into_iter().collect();
    };
    let none = Requirement::default;
    let Requirement {
        issuers,
        resource,
        audiences,
        scopes_all,
        scopes_any,
        broader_scopes,
        roles_any,
        attributes,
        max_token_age,
        acr,
        amr,
    } = requirement.clone();
    let scopes = |names: &BTreeSet<String>| with_broader(names, &broader_scopes);
    let mut parts: Vec<(&'static str, String, Requirement)> = Vec::new();
    let mut part = |asked: bool, member, what: String, alone: Requirement| {
        if asked {
            parts.push((member, what, alone));
        }
    };
    part(
        !issuers.is_empty(),
        "issuers",
        format!("issued by {}", set(&issuers)),
        Requirement { issuers: issuers.clone(), ..none() },
    );
    let (member, what) = audience(resource.as_deref(), &audiences);
    part(
        resource.is_some() || !audiences.is_empty(),
        member,
        what,
        Requirement { resource: resource.clone(), audiences: audiences.clone(), ..none() },
    );
    if let Some(limit) = max_token_age {
        let what = format!("issued at most {} s ago", limit.as_secs());
        part(true, "max_token_age", what, Requirement { max_token_age, ..none() });
    }
    part(
        !acr.is_empty(),
        "acr",
        format!("acr is one of {}", acr.join(", ")),
        Requirement { acr: acr.clone(), ..none() },
    );
    part(
        !amr.is_empty(),
        "amr",
        format!("amr contains all of {}", set(&amr)),
        Requirement { amr: amr.clone(), ..none() },
    );
    part(
        !scopes_all.is_empty(),
        "scopes_all",
        format!("all of the scopes {}", scopes(&scopes_all)),
        Requirement { scopes_all: scopes_all.clone(), broader_scopes: broader_scopes.clone(), ..none() },
    );
    part(
        !scopes_any.is_empty(),
        "scopes_any",
        format!("one of the scopes {}", scopes(&scopes_any)),
        Requirement { scopes_any: scopes_any.clone(), broader_scopes: broader_scopes.clone(), ..none() },
    );
    part(
        !roles_any.is_empty(),
        "roles_any",
        format!("one of the roles {}", set(&roles_any)),
        Requirement { roles_any: roles_any.clone(), ..none() },
    );
    let alone = |(member, what, alone): (&'static str, String, Requirement)| {
        let met = identity.map(|identity| {
            token_objection(&alone, identity, now).is_none()
                && grant_objection(&alone, found, identity).is_none()
        });
        Ask { member, what, met }
    };
    let rules = attributes.iter().map(|attribute| Ask {
        member: "attributes",
        what: rule(attribute),
        met: identity.map(|identity| attribute_met(attribute, found, identity)),
    });
    elsewhere.into_iter().chain(parts.into_iter().map(alone)).chain(rules).collect()
}

/// For a token that serves at a resource, and at no route without one.
fn for_elsewhere(found: &Match<'_>, identity: Option<&Statement>) -> Option<Ask> {
    let is_refused = found.route.access != Access::Public && found.route.resource().is_none();
    identity.filter(|identity| is_refused && !identity.is_general).map(|_| Ask {
        member: "resource",
        what: "for this route, which belongs to no resource".to_owned(),
        met: Some(false),
    })
}

/// What the audience must be, and the member that says it.
fn audience(resource: Option<&ProtectedResource>, audiences: &BTreeSet<String>) -> (&'static str, String) {
    match resource {
        None => ("audiences", format!("for the audience {}", set(audiences))),
        Some(resource) if audiences.is_empty() => ("resource", format!("for the resource {}", resource.id)),
        Some(resource) => (
            "resource",
            format!("for the resource {}, or by another name of it: {}", resource.id, set(audiences)),
        ),
    }
}

fn set(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// `read (or admin, write)`: each scope with those that contain it.
fn with_broader(names: &BTreeSet<String>, broader: &BTreeMap<String, BTreeSet<String>>) -> String {
    let one = |name: &String| match broader.get(name) {
        Some(broader) => format!("{name} (or {})", set(broader)),
        None => name.clone(),
    };
    names.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn rule(attribute: &Attribute) -> String {
    let comparison = match attribute.comparison {
        Comparison::Equals => "equals",
        Comparison::Contains => "contains",
    };
    let operand = match &attribute.operand {
        Operand::Param(name) => format!("{{{name}}} of the path"),
        Operand::Host => "the host".to_owned(),
        Operand::Subdomain => "the subdomain".to_owned(),
        Operand::Method => "the method".to_owned(),
        Operand::Literal(text) => format!("\"{text}\""),
    };
    format!("the claim {} {comparison} {operand}", attribute.claim)
}
