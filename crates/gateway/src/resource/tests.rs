use serde_json::{Value, json};

use super::*;
use crate::{
    Gate, Match, RouteMatch,
    tests::{gate, route},
};

/// A route of a resource, with scopes that it requires, and the resource's own scopes.
fn of_resource(path: &str, id: &str, scopes: &[&str], basic: &[&str]) -> Route {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let resource = ProtectedResource {
        id: ResourceId::parse(id, true).unwrap(),
        authorization_servers: vec!["https://auth.example.com".into()],
        scopes: set(basic),
        known_scopes: [].into(),
        name: None,
        documentation: None,
    };
    let requirement =
        Requirement { resource: Some(Box::new(resource)), scopes_all: set(scopes), ..Requirement::default() };
    Route { access: Access::Required(requirement), ..route(path) }
}

fn ask(gate: &Gate, method: &str, url: &str) -> Option<Reply> {
    gate.resource_metadata(method, &UrlParts::parse(url).unwrap())
}

fn status(gate: &Gate, url: &str) -> Option<u16> {
    ask(gate, "GET", url).map(|reply| reply.status)
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

const ROOT: &str = "https://api.example.com/.well-known/oauth-protected-resource";

// Tests RFC 9728 section 2: the metadata has resource, authorization_servers, scopes_supported, bearer_methods_supported
// Tests RFC 9728 section 3.1: the metadata is at the well-known path before the resource's path
// Tests RFC 9728 section 3.2: the answer is 200 with application/json, without members that have no value
// Tests RFC 9728 section 3.3: resource is the identifier to the letter
// Tests MCP Authorization section "Protocol Requirements": the document names an authorization server (R1)
// Tests MCP Authorization section "Protected Resource Metadata Discovery Requirements": path form and root (R2)
#[test]
fn one_resource_has_its_document_by_path_and_at_the_root() {
    let mut one = of_resource("/mcp", "https://api.example.com/mcp", &[], &["mcp:use"]);
    if let Access::Required(Requirement { resource: Some(resource), .. }) = &mut one.access {
        resource.name = Some("Orders".into());
        resource.documentation = Some("https://docs.example.com".into());
    }
    let full = gate(vec![one]);
    for url in [
        &[ROOT, "/mcp"].concat(),
        ROOT,
        "https://API.example.com:443/.well-known/oauth-protected-resource/mcp",
    ] {
        let reply = ask(&full, "GET", url).unwrap();
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{url}");
        assert_eq!(
            body(&reply),
            json!({
                "resource": "https://api.example.com/mcp",
                "authorization_servers": ["https://auth.example.com"],
                "scopes_supported": ["mcp:use"],
                "bearer_methods_supported": ["header"],
                "resource_name": "Orders",
                "resource_documentation": "https://docs.example.com",
            })
        );
    }
    let bare = gate(vec![of_resource("/mcp", "https://api.example.com/mcp", &[], &[])]);
    let members = body(&ask(&bare, "GET", ROOT).unwrap());
    let names: Vec<&str> = members.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["authorization_servers", "bearer_methods_supported", "resource"]);
}

// Tests Fetch section "CORS protocol": every page can read public metadata, and no cookie comes along
// Tests RFC 9111 section 5.2.2.9: public metadata can be cached
// Tests MCP Authorization section "Protected Resource Metadata Discovery Requirements": pages can read the document (R13)
#[test]
fn pages_of_every_origin_can_read_the_document() {
    let gate = gate(vec![of_resource("/mcp", "https://api.example.com/mcp", &[], &[])]);
    let reply = ask(&gate, "GET", ROOT).unwrap();
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-allow-credentials"), None);
    assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
    let head = ask(&gate, "HEAD", ROOT).unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
    let preflight = ask(&gate, "OPTIONS", ROOT).unwrap();
    assert_eq!((preflight.status, preflight.header("access-control-allow-headers")), (204, Some("*")));
    for method in ["POST", "PUT", "DELETE", "TRACE", "get", ""] {
        let reply = ask(&gate, method, ROOT).unwrap();
        assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD, OPTIONS")), "{method}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    }
}

#[test]
fn with_several_resources_each_has_its_own_path() {
    let several = |first: &str| {
        gate(vec![
            of_resource("/{*rest}", first, &[], &[]),
            of_resource("/b", "https://api.example.com/b", &[], &[]),
        ])
    };
    let gate = several("https://api.example.com/a");
    for path in ["/a", "/b"] {
        let reply = ask(&gate, "GET", &[ROOT, path].concat()).unwrap();
        assert_eq!(body(&reply)["resource"], ["https://api.example.com", path].concat());
    }
    assert_eq!(status(&gate, ROOT), Some(404), "neither of the two is more likely meant");
    // The one without a path has no other place.
    let reply = ask(&several("https://api.example.com"), "GET", ROOT).unwrap();
    assert_eq!(body(&reply)["resource"], "https://api.example.com");
}

#[test]
fn odd_metadata_urls_are_not_found() {
    let gate = gate(vec![of_resource("/{*rest}", "https://api.example.com/mcp", &[], &[])]);
    for rest in [
        "/",
        "//",
        "/mcp/",
        "//mcp",
        "/mcp//",
        "%2fmcp",
        "/%2fmcp",
        "/mc%70",
        "/MCP",
        "/mcp?x=1",
        "/mcp?",
        "?x",
        "/other",
        "/mcp/tools",
        "/../mcp",
        "/\u{0}",
    ] {
        assert_eq!(status(&gate, &[ROOT, rest].concat()), Some(404), "{rest}");
    }
    assert_eq!(status(&gate, &[ROOT, "-other"].concat()), None, "another well-known name");
    assert_eq!(status(&gate, "https://api.example.com/.well-known/other"), None);
    // Another spelling of the path finds a route; the gate recognises the document all the same.
    let RouteMatch::Match(found) =
        gate.find("GET", "api.example.com", "/.well-known/oauth%2Dprotected-resource/mcp")
    else {
        panic!("no route")
    };
    assert!(gate.is_resource_metadata(&found));
    assert!(!gate.is_resource_metadata(&Match { host: "else.example".into(), ..found }));
}

#[test]
fn a_host_serves_the_documents_of_its_own_resources() {
    let gate = gate(vec![
        of_resource("/mcp", "https://a.example.com/mcp", &[], &[]),
        of_resource("/mcp", "https://b.example.com/mcp", &[], &[]),
        of_resource("/mcp", "http://localhost:8787/mcp", &[], &[]),
    ]);
    for host in ["https://a.example.com", "https://b.example.com", "http://localhost:8787"] {
        for path in ["", "/mcp"] {
            let reply = ask(&gate, "GET", &[host, WELL_KNOWN, path].concat()).unwrap();
            assert_eq!(body(&reply)["resource"], [host, "/mcp"].concat());
        }
    }
    for host in ["https://c.example.com", "https://example.com", "http://localhost", "http://localhost:8788"]
    {
        assert_eq!(status(&gate, &[host, WELL_KNOWN, "/mcp"].concat()), None, "{host}");
    }
}

#[test]
fn every_route_knows_all_scopes_of_its_resource() {
    let id = "https://api.example.com/mcp";
    let mut second = of_resource("/mcp/w", id, &["write"], &["use"]);
    if let Access::Required(requirement) = &mut second.access {
        requirement.scopes_any = ["any".to_owned()].into();
        requirement.broader_scopes = [("write".to_owned(), ["admin".to_owned()].into())].into();
    }
    let other = of_resource("/other", "https://api.example.com/other", &["else"], &[]);
    let mut routes = vec![of_resource("/mcp", id, &["read"], &[]), second, other];
    agree(&mut routes);
    let known: Vec<String> = routes
        .iter()
        .map(|route| route.resource().unwrap())
        .map(|one| Vec::from_iter(one.known_scopes.clone()).join(" "))
        .collect();
    assert_eq!(known, ["admin any read use write", "admin any read use write", "else"]);
}

// Tests MCP Authorization section "Scope Selection Strategy": scopes_supported is the minimal set (R12)
#[test]
fn scopes_of_a_resource_are_those_that_every_route_requires() {
    let basic = |mut routes: Vec<Route>| {
        agree(&mut routes);
        let gate = gate(routes);
        body(&ask(&gate, "GET", ROOT).unwrap())["scopes_supported"].clone()
    };
    let id = "https://api.example.com/mcp";
    assert_eq!(
        basic(vec![
            of_resource("/mcp", id, &["use", "read"], &[]),
            of_resource("/mcp/w", id, &["use", "write"], &[])
        ]),
        json!(["use"])
    );
    assert_eq!(
        basic(vec![of_resource("/mcp", id, &["read"], &[]), of_resource("/mcp/w", id, &[], &[])]),
        Value::Null
    );
    assert_eq!(
        basic(vec![of_resource("/mcp", id, &["a"], &[]), of_resource("/mcp/w", id, &["b"], &["c"])]),
        json!(["c"]),
        "what a route of it names counts for all"
    );
}
