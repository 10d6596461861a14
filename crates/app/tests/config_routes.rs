//! The route table's JSON form, and the gate made from it.

use std::{collections::BTreeMap, time::Duration};

use postern_app::{
    config::Config,
    gateway::{
        Access, CallerHeaders, Comparison, Forwarding, Gate, HostPattern, Operand, RateKey, Requirement,
        RevocationLevel, RouteMatch, Upstream,
    },
};
use serde_json::{Value, json};

fn config(routes: &Value) -> Result<Config, Vec<String>> {
    let vars = BTreeMap::from([
        ("POSTERN_ISSUER".to_owned(), json!("https://auth.example.com")),
        ("POSTERN_MASTER_KEY".to_owned(), json!("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")),
        ("POSTERN_ROUTES".to_owned(), routes.clone()),
    ]);
    Config::from_vars(&vars).map_err(|errors| errors.into_iter().map(|error| error.path).collect())
}

/// The paths of all mistakes of one route that has a path and a service besides `more`.
fn mistakes(more: &Value) -> Vec<String> {
    let mut route = json!({"path": "/t/{tenant}/{*rest}", "service": "ORIGIN"});
    for (name, value) in more.as_object().unwrap() {
        route[name] = value.clone();
    }
    let paths = config(&json!([route])).map(|_| ()).unwrap_err();
    paths.iter().map(|path| path.replacen("POSTERN_ROUTES[0].", "", 1)).collect()
}

#[test]
fn a_route_asks_for_an_access_token_unless_it_says_otherwise() {
    let config = config(&json!([{"path": "/api", "upstream": "https://origin.example.com/base/"}])).unwrap();
    let route = &config.routes[0];
    assert!(matches!(&route.access, Access::Required(requirement) if *requirement == Requirement::default()));
    assert_eq!((route.revocation, route.keep_token), (RevocationLevel::Feed, false));
    assert_eq!((&route.host, route.name.as_str()), (&HostPattern::Any, "route-0"));
    assert_eq!(route.upstream, Upstream::Url { base: "https://origin.example.com/base".into() });
    assert_eq!((route.timeout, route.cors.clone()), (Some(Duration::from_secs(30)), None));
}

#[test]
fn a_whole_route_is_read() {
    let config = config(&json!([{
        "name": "docs",
        "host": "*.example.com",
        "path": "/api/t/{tenant}/docs",
        "methods": ["GET"],
        "issuers": ["https://auth.example.com"],
        "audiences": "https://api.example.com",
        "scopes_all": ["read:docs"],
        "scopes_any": ["a", "b"],
        "roles_any": ["reader"],
        "attributes": [
            {"claim": "tenant_id", "equals": "{tenant}"},
            {"claim": "h", "equals": "{host}"},
            {"claim": "plan", "equals": "gold"},
            {"claim": "sites", "contains": "{subdomain}"},
            {"claim": "may", "contains": "{method}"},
        ],
        "max_token_age": 60,
        "acr": ["gold"],
        "amr": ["otp"],
        "revocation": "strong",
        "service": "ORIGIN",
        "strip_prefix": "/api/t",
        "keep_token": true,
        "headers": {"email": "X-User-Email"},
        "timeout_ms": 500,
        "cors": {"origins": ["https://app.example.com"], "credentials": true},
    }]))
    .unwrap();
    let route = &config.routes[0];
    assert_eq!((route.strip_segments, route.revocation), (2, RevocationLevel::Strong));
    assert_eq!(route.headers.claims()[0].header, "x-user-email");
    let Access::Required(requirement) = &route.access else { panic!("required") };
    let rules: Vec<(Comparison, &Operand)> =
        requirement.attributes.iter().map(|rule| (rule.comparison, &rule.operand)).collect();
    assert_eq!(
        rules,
        [
            (Comparison::Equals, &Operand::Param("tenant".into())),
            (Comparison::Equals, &Operand::Host),
            (Comparison::Equals, &Operand::Literal("gold".into())),
            (Comparison::Contains, &Operand::Subdomain),
            (Comparison::Contains, &Operand::Method),
        ]
    );
    let gate = Gate::new(config.routes.clone(), vec![]);
    let RouteMatch::Match(found) = gate.find("HEAD", "A.Example.com:443", "/api/t/acme/docs") else {
        panic!("a match")
    };
    assert_eq!(found.params, [("tenant".to_owned(), "acme".to_owned())]);
    assert_eq!(gate.find("GET", "example.com", "/api/t/acme/docs"), RouteMatch::NotFound);
}

// The route asks for no token.
#[test]
fn a_policy_on_a_public_route_is_a_contradiction() {
    for access in ["public", "optional"] {
        for (name, value) in [
            ("scopes_all", json!(["a"])),
            ("roles_any", json!(["a"])),
            ("attributes", json!([{"claim": "t", "equals": "a"}])),
            ("max_token_age", json!(60)),
            ("audiences", json!(["a"])),
            ("scopes_any", json!(["a"])),
            ("acr", json!(["a"])),
            ("amr", json!(["a"])),
            ("issuers", json!(["https://auth.example.com"])),
        ] {
            assert_eq!(mistakes(&json!({"access": access, name: value})), [name], "{access}");
        }
    }
}

#[test]
fn empty_lists_that_would_open_a_route_are_refused() {
    for name in [
        "issuers",
        "audiences",
        "scopes_all",
        "scopes_any",
        "roles_any",
        "attributes",
        "acr",
        "amr",
        "methods",
    ] {
        assert_eq!(mistakes(&json!({name: []})), [name]);
    }
}

#[test]
fn mistakes_in_a_route_are_named() {
    for (more, path) in [
        (json!({"acess": "public"}), "acess"),
        (json!({"access": "none"}), "access"),
        (json!({"host": "https://a"}), "host"),
        (json!({"host": "a.*"}), "host"),
        (json!({"host": "*.A.com"}), "host"),
        (json!({"methods": ["get"]}), "methods[0]"),
        (json!({"methods": ["CONNECT"]}), "methods[0]"),
        (json!({"issuers": ["https://unknown.example"]}), "issuers[0]"),
        (json!({"scopes_all": ["a b"]}), "scopes_all[0]"),
        (json!({"scopes_all": ["a\"b"]}), "scopes_all[0]"),
        (json!({"attributes": [{"claim": "t", "equals": "{tenent}"}]}), "attributes[0].equals"),
        (json!({"attributes": [{"claim": "t", "equals": "{rest}"}]}), "attributes[0].equals"),
        (json!({"attributes": [{"claim": "t", "equals": "x{tenant}"}]}), "attributes[0].equals"),
        (json!({"attributes": [{"claim": "t"}]}), "attributes[0].equals"),
        (json!({"attributes": [{"claim": "t", "contains": "{rest}"}]}), "attributes[0].contains"),
        (json!({"attributes": [{"claim": "t", "contains": ["a"]}]}), "attributes[0].contains"),
        (json!({"attributes": [{"claim": "t", "equals": "a", "contains": "a"}]}), "attributes[0].contains"),
        // Without a wildcard there is nothing that it could stand for.
        (json!({"attributes": [{"claim": "t", "equals": "{subdomain}"}]}), "attributes[0].equals"),
        (json!({"path": "/{method}"}), "path"),
        (json!({"path": "/{subdomain}"}), "path"),
        (json!({"upstream": "https://origin.example.com"}), "service"),
        (json!({"service": "origin"}), "service"),
        (json!({"answer": "identity"}), "answer"),
        (json!({"strip_prefix": "/t/"}), "strip_prefix"),
        (json!({"strip_prefix": "/t/x"}), "strip_prefix"),
        (json!({"strip_prefix": "/"}), "strip_prefix"),
        (json!({"headers": {"email": "X-Auth-Subject"}}), "headers.email"),
        (json!({"headers": {"email": "x_user"}}), "headers.email"),
        (json!({"headers": {"email": "Host"}}), "headers.email"),
        (json!({"timeout_ms": 0}), "timeout_ms"),
        (json!({"timeout_ms": "never"}), "timeout_ms"),
        (json!({"headers": "none", "assertion": true}), "headers"),
        // The upstream would learn nothing about the caller.
        (json!({"headers": "assertion"}), "headers"),
        (json!({"revocation": "weak"}), "revocation"),
        (json!({"cors": {"origins": ["*"]}}), "cors.origins[0]"),
        (json!({"cors": {"origins": []}}), "cors.origins"),
    ] {
        assert_eq!(mistakes(&more), [path], "{more}");
    }
}

#[test]
fn a_route_that_answers_by_itself_has_no_way_to_an_upstream() {
    let read = |route: Value| config(&json!([route])).map(|config| config.routes[0].upstream.clone());
    assert_eq!(read(json!({"path": "/who", "answer": "identity"})).unwrap(), Upstream::Answer);
    for (member, value) in [
        ("timeout_ms", json!(500)),
        ("retry", json!(true)),
        ("assertion", json!("https://orders.example")),
        ("websocket", json!({"close_on_expiry": true})),
    ] {
        let mut route = json!({"path": "/who", "answer": "identity"});
        route[member] = value;
        assert_eq!(read(route).unwrap_err(), [format!("POSTERN_ROUTES[0].{member}")]);
    }
    assert_eq!(
        read(json!({"path": "/who", "answer": "anything"})).unwrap_err(),
        ["POSTERN_ROUTES[0].answer"]
    );
}

#[test]
fn a_table_whose_patterns_overlap_without_end_is_refused() {
    let pattern = |way: usize| {
        (0..9).fold(String::new(), |path, at| match way >> at & 1 {
            0 => path + "/a",
            _ => path + &format!("/{{p{at}}}"),
        })
    };
    let routes: Vec<Value> = (0..512).map(|way| json!({"path": pattern(way), "service": "ORIGIN"})).collect();
    assert_eq!(config(&json!(routes)).map(|_| ()).unwrap_err(), ["POSTERN_ROUTES"]);
    let routes: Vec<Value> =
        (0..2000).map(|n| json!({"path": format!("/api/{{a}}/{{b}}/r{n}"), "service": "ORIGIN"})).collect();
    assert_eq!(config(&json!(routes)).unwrap().routes.len(), 2000);
}

#[test]
fn upstreams_that_hide_where_they_lead_are_refused() {
    for upstream in [
        "http://origin.example.com",
        "https://localhost",
        "https://127.0.0.1",
        "https://user:secret@origin.example.com",
        "https://origin.example.com/?x=1",
        "https://origin.example.com/#x",
        "https://origin.example.com/a/../b",
        "https://origin.example.com//a",
        "ftp://origin.example.com",
        "origin.example.com",
    ] {
        let found = config(&json!([{"path": "/", "upstream": upstream}])).map(|_| ()).unwrap_err();
        assert_eq!(found, ["POSTERN_ROUTES[0].upstream"], "{upstream}");
    }
}

#[test]
fn two_routes_of_one_name_are_refused() {
    let twice = json!([
        {"name": "a", "path": "/a", "service": "ORIGIN"},
        {"name": "a", "path": "/b", "service": "ORIGIN"},
    ]);
    assert_eq!(config(&twice).map(|_| ()).unwrap_err(), ["POSTERN_ROUTES[1].name"]);
}

#[test]
fn the_rules_of_forwarding_are_read() {
    let routes = json!([{
        "path": "/a", "upstream": "https://origin.example.com/base",
        "token_sources": "header", "assertion": true, "retry": true, "total_timeout_ms": 500,
        "rate_limit": {"binding": "LIMIT", "by": "subject", "retry_after": 10},
        "websocket": {"close_on_expiry": true, "close_on_revocation": true, "check_interval": 60},
    }, {
        "path": "/b", "service": "ORIGIN", "assertion": "https://orders.example", "headers": "assertion",
        "bind_assertion": true, "timeout_ms": "none",
    }, {"path": "/c", "service": "X"}]);
    let config = config(&routes).unwrap();
    let [a, b, c] = [0, 1, 2].map(|index| config.routes[index].forwarding.clone());
    assert_eq!(a.assertion.as_deref(), Some("https://origin.example.com/base"));
    assert_eq!((a.bind_assertion, b.bind_assertion), (false, true));
    assert_eq!((a.retry, a.total_timeout), (true, Some(Duration::from_millis(500))));
    let limit = a.rate_limit.unwrap();
    assert_eq!(
        (limit.binding.as_str(), limit.by, limit.retry_after.as_secs()),
        ("LIMIT", RateKey::Subject, 10)
    );
    let socket = a.websocket.unwrap();
    assert_eq!((socket.close_on_expiry, socket.check_session_every), (true, Some(Duration::from_mins(1))));
    assert_eq!(b.assertion.as_deref(), Some("https://orders.example"));
    let b = &config.routes[1];
    assert_eq!((&b.headers, b.timeout), (&CallerHeaders::AssertionAlone, None));
    assert_eq!(c, Forwarding::default());
}

#[test]
fn rules_of_forwarding_that_make_no_sense_are_mistakes() {
    for (more, path) in [
        (json!({"token_sources": []}), "token_sources"),
        (json!({"token_sources": ["query"]}), "token_sources"),
        // What nobody looked at would be passed on as if somebody had.
        (json!({"token_sources": ["cookie"], "keep_token": true}), "keep_token"),
        // Nobody gets the cookie unless POSTERN_COOKIE.access is true.
        (json!({"token_sources": ["cookie"]}), "token_sources"),
        (json!({"access": "public", "assertion": true}), "assertion"),
        (json!({"bind_assertion": true}), "bind_assertion"),
        (json!({"access": "public", "websocket": {"close_on_expiry": true}}), "websocket"),
        // The audience of access tokens, which is the issuer when nothing else is said.
        (json!({"assertion": "https://auth.example.com"}), "assertion"),
        (json!({"rate_limit": {}}), "rate_limit.binding"),
        (json!({"rate_limit": {"binding": "L", "by": "header"}}), "rate_limit.by"),
        (json!({"access": "public", "rate_limit": {"binding": "L", "by": "subject"}}), "rate_limit.by"),
        (json!({"websocket": {"check_interval": 30}}), "websocket.check_interval"),
        (
            json!({"websocket": {"close_on_revocation": true, "check_interval": 1}}),
            "websocket.check_interval",
        ),
        (json!({"total_timeout_ms": 0}), "total_timeout_ms"),
        (json!({"retry": "often"}), "retry"),
    ] {
        let found = mistakes(&more);
        assert!(found.iter().any(|found| found.starts_with(path)), "{more}: {found:?}");
    }
}

/// The problems of a table, each with its path below `POSTERN_ROUTES`.
fn problems(routes: &Value, more: &Value) -> Vec<String> {
    let mut vars: BTreeMap<String, Value> = serde_json::from_value(more.clone()).unwrap();
    vars.insert("POSTERN_ISSUER".to_owned(), json!("https://auth.example.com"));
    vars.insert("POSTERN_MASTER_KEY".to_owned(), json!("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"));
    vars.insert("POSTERN_ROUTES".to_owned(), routes.clone());
    let mistakes = Config::from_vars(&vars).map(|_| ()).err().unwrap_or_default();
    mistakes.iter().map(|mistake| mistake.to_string().replacen("POSTERN_ROUTES", "", 1)).collect()
}

/// A route of the resource `https://api.example.com/mcp` with other members.
fn mcp(more: &Value) -> Value {
    let mut route = json!({
        "host": "api.example.com", "path": "/mcp", "service": "ORIGIN", "resource": "https://api.example.com/mcp",
    });
    for (name, value) in more.as_object().unwrap() {
        route[name] = value.clone();
    }
    route
}

// Tests RFC 9728 section 1.2: a resource identifier is an https URL without query or fragment
// Tests RFC 9728 section 3.3: the resource is a prefix of the URL that clients call
// Tests MCP Authorization section "Token Handling": the access token is not passed on (R5)
// Tests MCP Authorization section "Refresh Tokens": no offline_access in challenges or metadata (R10)
#[test]
fn mistakes_about_a_resource_are_found() {
    let issuers = json!({"POSTERN_ISSUERS": [
        {"issuer": "https://idp.example", "audiences": ["a"]},
        {"issuer": "urn:idp", "audiences": ["a"], "jwks_uri": "https://idp.example/jwks"},
    ]});
    for (more, member, about) in [
        (json!({"resource": "https://api.example.com/mcp/"}), "resource", "slash"),
        (json!({"resource": "https://api.example.com/mcp#a"}), "resource", "fragment"),
        (json!({"resource": "https://api.example.com/mcp?a"}), "resource", "query"),
        (json!({"resource": "http://api.example.com/mcp"}), "resource", "https"),
        (json!({"resource": "https://localhost/mcp", "host": "localhost"}), "resource", "loopback"),
        (json!({"resource": "https://API.example.com/mcp"}), "resource", "lower-case"),
        (json!({"resource": "https://api.example.com/m%63p"}), "resource", "normal form"),
        (json!({"resource": "mcp"}), "resource", "absolute URL"),
        (json!({"resource": "https://other.example.com/mcp"}), "resource", "host"),
        (json!({"host": "*.example.com", "resource": "https://example.com/mcp"}), "resource", "host"),
        (json!({"resource": "https://api.example.com/mcp/tools"}), "resource", "literal segments"),
        (json!({"resource": "https://api.example.com/mc"}), "resource", "literal segments"),
        (json!({"path": "/{*rest}"}), "resource", "literal segments"),
        (json!({"path": "/{name}"}), "resource", "literal segments"),
        (json!({"keep_token": true}), "keep_token", "must not reach"),
        (json!({"scopes_all": ["offline_access"]}), "scopes_all", "offline_access"),
        (json!({"scopes_any": "offline_access"}), "scopes_any", "offline_access"),
        (json!({"resource_scopes": ["a", "offline_access"]}), "resource_scopes", "offline_access"),
        (json!({"issuers": ["urn:idp"]}), "issuers", "https URL"),
        (json!({"audiences": ["https://auth.example.com"]}), "audiences", "POSTERN_AUDIENCE"),
        (json!({"access": "optional"}), "resource", "`access`"),
        (json!({"resource": null, "resource_name": "Orders"}), "resource_name", "without `resource`"),
        (json!({"resource_documentation": "docs"}), "resource_documentation", "absolute URL"),
    ] {
        let found = problems(&json!([mcp(&more)]), &issuers);
        let [one] = found.as_slice() else { panic!("{more}: {found:?}") };
        assert!(one.starts_with(&format!("[0].{member}: ")) && one.contains(about), "{more}: {one}");
    }
    let sound = [
        json!({}),
        json!({"host": null}),
        json!({"host": "*.example.com"}),
        json!({"path": "/mcp/{*rest}", "scopes_all": ["a"], "resource_name": "Orders"}),
        json!({"resource": "https://api.example.com", "path": "/{*rest}"}),
        json!({"resource": "https://api.example.com:8443/mcp"}),
        json!({"issuers": ["urn:idp", "https://idp.example"], "audiences": ["api://mcp"]}),
    ];
    for more in sound {
        assert_eq!(problems(&json!([mcp(&more)]), &issuers), [""; 0], "{more}");
    }
    // On a route without a resource it is a scope like any other.
    let plain = json!([{"path": "/a", "service": "O", "scopes_all": ["offline_access"]}]);
    assert_eq!(problems(&plain, &issuers), [""; 0]);
}

#[test]
fn routes_of_one_resource_agree_and_of_two_are_apart() {
    let issuers = json!({"POSTERN_ISSUERS": [{"issuer": "https://idp.example", "audiences": ["a"]}]});
    let tools = |more: Value| {
        let mut route = mcp(&more);
        route["path"] = "/mcp/tools".into();
        route
    };
    let two = |one: Value, other: Value| problems(&json!([mcp(&one), tools(other)]), &issuers);
    for member in ["issuers", "audiences", "resource_scopes", "resource_name", "resource_documentation"] {
        let value = |text: &str| {
            if member == "resource_name" { json!({member: text}) } else { json!({member: [text]}) }
        };
        let (one, other) = match member {
            "issuers" => (json!({}), value("https://idp.example")),
            "audiences" => (value("x"), json!({})),
            "resource_documentation" => {
                (json!({member: "https://a.example"}), json!({member: "https://b.example"}))
            }
            _ => (value("x"), value("y")),
        };
        let found = two(one, other);
        let [problem] = found.as_slice() else { panic!("{member}: {found:?}") };
        assert!(problem.starts_with(&format!("[1].{member}: must be the same")), "{problem}");
    }
    // One of them can say it for both.
    let said = json!({"resource_scopes": ["a"], "resource_name": "N", "resource_documentation": "https://a.example"});
    assert_eq!(two(said.clone(), json!({})), [""; 0]);
    assert_eq!(two(json!({}), said), [""; 0]);

    let other = |more: Value| {
        let mut route =
            json!({"path": "/other", "service": "O", "resource": "https://api.example.com/other"});
        for (name, value) in more.as_object().unwrap() {
            route[name] = value.clone();
        }
        route
    };
    for (one, more, place) in [
        (json!({"audiences": ["x"]}), json!({"audiences": ["x"]}), "[1].audiences: "),
        (json!({}), json!({"audiences": ["HTTPS://api.example.com/mcp"]}), "[1].audiences: "),
        (json!({"audiences": ["https://api.example.com/other"]}), json!({}), "[1].resource: "),
    ] {
        let found = problems(&json!([mcp(&one), other(more)]), &issuers);
        assert!(found.len() == 1 && found[0].starts_with(place), "{found:?}");
    }
}

#[test]
fn authorization_servers_are_the_issuers_in_order() {
    let vars = |issuers: Value| {
        BTreeMap::from([
            ("POSTERN_ISSUER".to_owned(), json!("https://auth.example.com")),
            ("POSTERN_MASTER_KEY".to_owned(), json!("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")),
            (
                "POSTERN_ISSUERS".to_owned(),
                json!([
                    {"issuer": "https://z.example/", "audiences": ["a"]},
                    {"issuer": "urn:idp", "audiences": ["a"], "jwks_uri": "https://idp.example/jwks"},
                    {"issuer": "https://a.example", "audiences": ["a"]},
                ]),
            ),
            ("POSTERN_ROUTES".to_owned(), json!([mcp(&json!({"issuers": issuers}))])),
        ])
    };
    for (issuers, expected) in [
        (json!(null), vec!["https://auth.example.com", "https://z.example/", "https://a.example"]),
        (
            json!(["https://z.example/", "urn:idp", "https://auth.example.com"]),
            vec!["https://z.example/", "https://auth.example.com"],
        ),
        (json!("https://a.example"), vec!["https://a.example"]),
    ] {
        let config = Config::from_vars(&vars(issuers)).unwrap();
        assert_eq!(config.routes[0].resource().unwrap().authorization_servers, expected);
    }
}
