//! The members of a route about the protected resource that it belongs to (RFC 9728), and what routes of one resource must
//! have in common.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Profile,
    reader::{Fields, Node},
    route_context::RouteContext,
    values::{self, UrlRule},
};
use crate::{
    gateway::{HostPattern, PathPattern, ProtectedResource},
    http::UrlParts,
    resource::ResourceId,
};

/// The members that say more about a resource.
const MORE: [&str; 3] = ["resource_scopes", "resource_name", "resource_documentation"];

/// The scope that asks for a refresh token (`OpenID` Connect Core section 11). A resource has nothing to do with it.
const OFFLINE_ACCESS: &str = "offline_access";

/// The problem of a member that differs between the routes of one resource.
const DISAGREE: &str = "must be the same in all routes of one `resource`";

/// What was read of the resources so far.
#[derive(Debug, Default)]
pub(super) struct Resources {
    known: BTreeMap<ResourceId, Known>,
    /// Other names of resources, from `audiences`.
    names: BTreeMap<String, ResourceId>,
}

/// What the routes of one resource have in common.
#[derive(Debug)]
struct Known {
    issuers: BTreeSet<String>,
    audiences: BTreeSet<String>,
    scopes: BTreeSet<String>,
    name: Option<String>,
    documentation: Option<String>,
}

/// What else of the route decides about the resource.
pub(super) struct OfRoute<'a> {
    pub(super) host: &'a HostPattern,
    pub(super) path: Option<&'a PathPattern>,
    /// `issuers` in order; empty for every trusted one.
    pub(super) issuers: &'a [String],
    pub(super) audiences: &'a BTreeSet<String>,
}

impl Resources {
    /// Reads `resource` and what belongs to it.
    pub(super) fn read(
        &mut self,
        fields: &Fields<'_>,
        route: &OfRoute<'_>,
        context: &RouteContext,
    ) -> Option<Box<ProtectedResource>> {
        let local = context.profile == Profile::Local;
        let scopes = fields.or("resource_scopes", BTreeSet::new(), |node| node.filled_set(values::scope));
        let name = fields.optional("resource_name").and_then(|node| node.parsed(values::name));
        let documentation = fields
            .optional("resource_documentation")
            .and_then(|node| node.parsed(|text| values::url(text, UrlRule::Document, local)));
        let Some(node) = fields.optional("resource") else {
            for name in MORE {
                if fields.optional(name).is_some() {
                    fields.wrong(name, "has no effect without `resource`");
                }
            }
            return None;
        };
        for name in ["scopes_all", "scopes_any", "resource_scopes"] {
            if fields.optional(name).is_some_and(|node| node.any_texts().contains(&OFFLINE_ACCESS)) {
                fields.wrong(
                    name,
                    "must not contain offline_access on a resource: whether there is a refresh token is between the client and its authorization server",
                );
            }
        }
        if fields.or("keep_token", false, Node::flag) {
            fields.wrong(
                "keep_token",
                "must not be set with `resource`: an access token for this resource must not reach another server",
            );
        }
        let authorization_servers: Vec<String> = if route.issuers.is_empty() {
            context.authorization_servers.clone()
        } else {
            let is_server = |issuer: &&String| context.authorization_servers.contains(issuer);
            let servers: Vec<String> = route.issuers.iter().filter(is_server).cloned().collect();
            if servers.is_empty() {
                fields.wrong(
                    "issuers",
                    "must contain an https URL: clients of a resource find the authorization server by it",
                );
            }
            servers
        };
        let id = node.parsed(|text| values::resource(text, local))?;
        check_address(node, &id, route);
        self.check_names(fields, &id, route.audiences, context);
        let known = Known {
            issuers: route.issuers.iter().cloned().collect(),
            audiences: route.audiences.clone(),
            scopes: scopes.clone(),
            name: name.clone(),
            documentation: documentation.clone(),
        };
        match self.known.get_mut(&id) {
            None => {
                self.known.insert(id.clone(), known);
            }
            Some(before) => before.compare(fields, known),
        }
        // Filled when all routes are known.
        let known_scopes = BTreeSet::new();
        Some(Box::new(ProtectedResource {
            id,
            authorization_servers,
            scopes,
            known_scopes,
            name,
            documentation,
        }))
    }

    /// A token for one resource must not serve at another one, and no token for the rest of the gate at a resource.
    fn check_names(
        &mut self,
        fields: &Fields<'_>,
        id: &ResourceId,
        audiences: &BTreeSet<String>,
        context: &RouteContext,
    ) {
        if self.names.get(id.as_str()).is_some_and(|other| other != id) {
            fields.wrong("resource", "must not be in `audiences` of another resource");
        }
        for name in audiences {
            let is_other_id = self.known.keys().any(|other| other != id && other.is_named_by(name));
            let other = self.names.entry(name.clone()).or_insert_with(|| id.clone());
            if is_other_id || other != id {
                fields.wrong("audiences", "must not contain a name of another resource");
            }
            if *name == context.audience {
                fields.wrong(
                    "audiences",
                    "must not contain POSTERN_AUDIENCE on a resource: every session's access token would be for it",
                );
            }
        }
    }
}

impl Known {
    /// Compares what two routes say. A text that only one of them has is said by that one for both.
    fn compare(&mut self, fields: &Fields<'_>, other: Self) {
        let differs = |ours: &Option<String>, theirs: &Option<String>| matches!((ours, theirs), (Some(ours), Some(theirs)) if ours != theirs);
        let found = [
            ("issuers", self.issuers != other.issuers),
            ("audiences", self.audiences != other.audiences),
            (
                "resource_scopes",
                !self.scopes.is_empty() && !other.scopes.is_empty() && self.scopes != other.scopes,
            ),
            ("resource_name", differs(&self.name, &other.name)),
            ("resource_documentation", differs(&self.documentation, &other.documentation)),
        ];
        for (member, _) in found.into_iter().filter(|(_, is_wrong)| *is_wrong) {
            fields.wrong(member, DISAGREE);
        }
        if self.scopes.is_empty() {
            self.scopes = other.scopes;
        }
        self.name = self.name.take().or(other.name);
        self.documentation = self.documentation.take().or(other.documentation);
    }
}

/// A client compares the resource with the URL that it calls (RFC 9728 section 3.3).
fn check_address(node: &Node<'_>, id: &ResourceId, route: &OfRoute<'_>) {
    let is_host = match route.host {
        HostPattern::Any => true,
        HostPattern::Exact(host) => host == id.host(),
        HostPattern::Wildcard(_) => route.host.subdomain(id.host()).is_some(),
    };
    if !is_host {
        let _: Option<()> =
            node.wrong("must have the host of the route: clients compare it with the URL that they call");
    }
    let is_prefix =
        id.path().is_empty() || route.path.is_none_or(|path| path.literal_prefix(id.path()).is_some());
    if !is_prefix {
        let _: Option<()> = node.wrong(
            "must have a path of whole literal segments with which `path` begins: clients compare it with the URL that they call",
        );
    }
}

/// Those of these issuers by which clients can find an authorization server: they are https URLs (RFC 8414 section 2).
pub(super) fn authorization_servers(issuers: impl Iterator<Item = String>, local: bool) -> Vec<String> {
    let is_place = |issuer: &String| {
        values::url(issuer, UrlRule::Issuer, local).is_ok()
            && UrlParts::parse(issuer).is_some_and(|parts| parts.query.is_none())
    };
    issuers.filter(is_place).collect()
}
