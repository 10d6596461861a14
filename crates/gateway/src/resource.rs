//! Protected resources (RFC 9728): what a route says of the resource that it belongs to, and the metadata documents of
//! all resources of a table.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    matcher::normal_host,
    route::{Access, ProtectedResource, Requirement, Route},
};
use postern_core::{
    http::{Problem, Reply, UrlParts},
    resource::{ResourceId, WELL_KNOWN, default_port},
};

/// How long clients and caches may keep a metadata document. A changed table is visible after this time; clients read the
/// document once before a sign-in.
const MAX_AGE: Duration = Duration::from_mins(5);

/// The methods of a metadata document.
const ALLOW: &str = "GET, HEAD, OPTIONS";

impl Requirement {
    /// Whether an access token for this audience is meant for the route. A route of a resource takes tokens for the
    /// resource, and tokens that name it by one of `audiences`.
    pub fn audience_met(&self, audience: &[String]) -> bool {
        match &self.resource {
            None => self.audiences.is_empty() || audience.iter().any(|one| self.audiences.contains(one)),
            Some(resource) => {
                audience.iter().any(|one| resource.id.is_named_by(one) || self.audiences.contains(one))
            }
        }
    }
}

impl Route {
    /// What the route requires, if it belongs to a protected resource.
    pub fn of_resource(&self) -> Option<&Requirement> {
        match &self.access {
            Access::Required(requirement) if requirement.resource.is_some() => Some(requirement),
            _ => None,
        }
    }

    /// The protected resource that the route belongs to.
    pub fn resource(&self) -> Option<&ProtectedResource> {
        self.of_resource()?.resource.as_deref()
    }
}

/// Gives all routes of one resource the same statement about it: a text that one of them has, and as scopes, if none of
/// them names any, those that all of them require.
pub fn agree(routes: &mut [Route]) {
    let mut whole: BTreeMap<ResourceId, ProtectedResource> = BTreeMap::new();
    let mut common: BTreeMap<ResourceId, BTreeSet<String>> = BTreeMap::new();
    for requirement in routes.iter().filter_map(Route::of_resource) {
        let Some(resource) = &requirement.resource else { continue };
        let known = whole.entry(resource.id.clone()).or_insert_with(|| (**resource).clone());
        known.scopes.extend(resource.scopes.iter().cloned());
        let taken = requirement.scopes_all.iter().chain(&requirement.scopes_any).chain(&resource.scopes);
        let broader = requirement.broader_scopes.values().flatten();
        known.known_scopes.extend(taken.chain(broader).cloned());
        known.name = known.name.take().or_else(|| resource.name.clone());
        known.documentation = known.documentation.take().or_else(|| resource.documentation.clone());
        common
            .entry(resource.id.clone())
            .and_modify(|scopes| scopes.retain(|scope| requirement.scopes_all.contains(scope)))
            .or_insert_with(|| requirement.scopes_all.clone());
    }
    for route in routes {
        let Access::Required(Requirement { resource: Some(resource), .. }) = &mut route.access else {
            continue;
        };
        if let Some(known) = whole.get(&resource.id) {
            **resource = known.clone();
        }
        if resource.scopes.is_empty() {
            resource.scopes = common.get(&resource.id).cloned().unwrap_or_default();
        }
    }
}

/// The metadata documents of a table, ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Documents(Vec<Document>);

#[derive(Debug, Clone)]
struct Document {
    host: String,
    port: Option<u16>,
    /// The path of the resource: empty, or with a slash.
    path: String,
    reply: Reply,
}

impl Documents {
    pub(super) fn of(routes: &[Route]) -> Self {
        let mut documents: BTreeMap<&ResourceId, Document> = BTreeMap::new();
        for resource in routes.iter().filter_map(Route::resource) {
            documents.entry(&resource.id).or_insert_with(|| Document::of(resource));
        }
        Self(documents.into_values().collect())
    }

    /// The answer for a path under the well-known one, if this host has a resource. With one resource, its document is at
    /// the root too, where clients look last; with several, only the one without a path is there.
    pub(super) fn answer(&self, method: &str, parts: &UrlParts<'_>) -> Option<Reply> {
        let rest = parts.path.strip_prefix(WELL_KNOWN)?;
        if !rest.is_empty() && !rest.starts_with(['/', '%']) {
            // Another well-known name.
            return None;
        }
        let mut of_host = self.0.iter().filter(|document| document.is_at(parts)).peekable();
        of_host.peek()?;
        let of_host: Vec<&Document> = of_host.collect();
        let exact = of_host.iter().find(|document| document.path == rest);
        let found = match of_host.as_slice() {
            [only] if rest.is_empty() => Some(only),
            _ => exact,
        };
        // A query is part of the identifier (RFC 9728 section 3), and no resource of ours has one.
        let Some(document) = found.filter(|_| parts.query.is_none()) else {
            return Some(open(
                Problem::new(404, "no_resource", "No protected resource has this metadata URL").into(),
            ));
        };
        Some(open(match method {
            "GET" => document.reply.clone(),
            "HEAD" => Reply { body: Vec::new(), ..document.reply.clone() },
            // Clients send headers of their own, such as mcp-protocol-version, so browsers ask first.
            "OPTIONS" => Reply::empty(204)
                .with_header("allow", ALLOW)
                .with_header("access-control-allow-methods", ALLOW)
                .with_header("access-control-allow-headers", "*")
                .with_header("access-control-max-age", "600"),
            _ => Reply::from(Problem::new(405, "method_not_allowed", "Method not allowed"))
                .with_header("allow", ALLOW),
        }))
    }

    /// Whether a path in normal form is one of the documents' paths on this host.
    pub(super) fn serve(&self, host: &str, path: &str) -> bool {
        path.strip_prefix(WELL_KNOWN).is_some_and(|rest| {
            (rest.is_empty() || rest.starts_with('/')) && self.0.iter().any(|document| document.host == host)
        })
    }
}

impl Document {
    fn of(resource: &ProtectedResource) -> Self {
        Self {
            host: normal_host(resource.id.host()),
            port: resource.id.port(),
            path: resource.id.path().to_owned(),
            reply: Reply::json(200, &metadata(resource)).cacheable(MAX_AGE),
        }
    }

    fn is_at(&self, parts: &UrlParts<'_>) -> bool {
        let port = parts.port.filter(|port| *port != default_port(parts.scheme));
        self.port == port && self.host == normal_host(parts.host)
    }
}

/// The document of RFC 9728 section 2. A member that would be empty is left out (section 2: "claims with zero elements MUST
/// be omitted").
fn metadata(resource: &ProtectedResource) -> Value {
    let mut document = json!({
        "resource": resource.id.as_str(),
        "authorization_servers": resource.authorization_servers,
        "bearer_methods_supported": ["header"],
    });
    let more = [
        ("scopes_supported", (!resource.scopes.is_empty()).then(|| json!(resource.scopes))),
        ("resource_name", resource.name.as_deref().map(Value::from)),
        ("resource_documentation", resource.documentation.as_deref().map(Value::from)),
    ];
    for (name, value) in more {
        if let (Some(value), Some(members)) = (value, document.as_object_mut()) {
            members.insert(name.to_owned(), value);
        }
    }
    document
}

/// Lets pages of every origin read a public answer.
fn open(reply: Reply) -> Reply {
    reply
        .with_header("access-control-allow-origin", "*")
        .with_header("cross-origin-resource-policy", "cross-origin")
}

#[cfg(test)]
mod tests;
