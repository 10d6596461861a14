use serde_json::json;

use super::{
    super::{
        Gate, Requirement,
        route::ClaimHeader,
        tests::{identity, route},
    },
    *,
};
use postern_core::http::{PlainRequest, Reply};

fn required() -> Route {
    let mut route = route("/x");
    route.access = Access::Required(Requirement::default());
    route
}

fn plan_for(route: &Route, request: &PlainRequest) -> HeaderPlan {
    let gate = Gate::new(vec![route.clone()], vec!["__Secure-postern_refresh".into()]);
    gate.plan(route, request, Some(&identity())).unwrap()
}

/// What the upstream gets: the request's headers after the plan.
fn applied(plan: &HeaderPlan, request: &PlainRequest) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = request
        .header_names()
        .into_iter()
        .filter(|name| !plan.remove.contains(name) && !plan.set.iter().any(|(set, _)| set == name))
        .map(|name| (name.clone(), request.header(&name).unwrap()))
        .collect();
    headers.extend(plan.set.iter().cloned());
    headers
}

// In any spelling.
// Tests RFC 9700 section 4.13: a proxy removes identity headers that a client sends
#[test]
fn forged_identity_headers_never_reach_the_upstream() {
    for name in [
        "X-Auth-Subject",
        "x_auth_subject",
        "X-AUTH_SUBJECT",
        "x.auth.subject",
        "x-auth.subject",
        "x--auth--subject",
        "x~auth~subject",
        "_x_auth_subject",
        "X-Auth-Anything-New",
        "X-Auth",
        "X-Postern-Assertion",
        "X_Postern_Hops",
        "x-postern",
        "-x-auth-subject-",
        "_X_Forwarded_For",
        "X-Original-URL_",
        "X-Forwarded-For",
        "x_forwarded_for",
        "X-Forwarded-Host",
        "Forwarded",
        "X-Real-IP",
        "X-HTTP-Method-Override",
        "X-Original-URL",
        "X-Rewrite-Url",
        "X-Forwarded-User",
        "x_forwarded_email",
        "X-Forwarded-Anything-New",
        "X-Forwarded",
        "X-Original-URI",
        "X-Host",
        "True-Client-IP",
    ] {
        for access in [Access::Public, Access::Optional, Access::Required(Requirement::default())] {
            let mut route = route("/x");
            route.access = access;
            let request = PlainRequest::new("GET", "https://api.example.com/x").with(name, "root");
            let headers = applied(&plan_for(&route, &request), &request);
            assert!(!headers.iter().any(|(_, value)| value == "root"), "{name}: {headers:?}");
        }
    }
}

#[test]
fn with_the_assertion_alone_nothing_else_is_set_or_let_through() {
    let mut route = required();
    route.headers = CallerHeaders::AssertionAlone;
    let request = PlainRequest::new("GET", "https://a/x")
        .with("cf-connecting-ip", "2001:db8::1")
        .with("x-auth-subject", "root")
        .with("x-postern-assertion", "forged")
        .with("x-forwarded-for", "10.0.0.1")
        .with("accept", "*/*");
    let plan = plan_for(&route, &request);
    assert_eq!(plan.set, [(HOP_HEADER.to_owned(), "1".to_owned())]);
    let names: Vec<String> = applied(&plan, &request).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["accept", "cf-connecting-ip", HOP_HEADER]);
}

#[test]
fn headers_that_only_look_similar_pass() {
    let request = PlainRequest::new("GET", "https://a/x")
        .with("x-author", "1")
        .with("x-authentic", "2")
        .with("x-posterns", "3")
        .with("x-forwardedness", "4")
        .with("x-original-filename", "5")
        .with("accept", "*/*");
    let plan = plan_for(&required(), &request);
    assert_eq!(plan.remove, Vec::<String>::new());
}

#[test]
fn a_header_mapped_by_one_route_can_not_be_forged_on_another() {
    let mut mapping = required();
    mapping.headers =
        CallerHeaders::Plain(vec![ClaimHeader { claim: "email".into(), header: "x-user-email".into() }]);
    let public = route("/y");
    let gate = Gate::new(vec![mapping, public.clone()], vec![]);
    let request = PlainRequest::new("GET", "https://a/y").with("X_User_Email", "root@example.com");
    assert_eq!(gate.plan(&public, &request, None).unwrap().remove, ["x_user_email"]);
}

// Tests RFC 9110 section 7.6.1: headers that Connection names end at the gate, and ours do not
#[test]
fn connection_can_neither_smuggle_nor_strike_out_our_headers() {
    // An older runtime takes `Connection` away from a request of the network.
    let request = PlainRequest::new("GET", "https://a/x")
        .with("Connection", "close, X-Auth-Subject, x-secret-hop")
        .with("x-secret-hop", "1")
        .with("HTTP2-Settings", "AAMAAABk")
        .with("Keep-Alive", "5")
        .with("TE", "trailers")
        .with("Transfer_Encoding", "chunked")
        .with("Proxy-Authorization", "Basic x");
    let headers = applied(&plan_for(&required(), &request), &request);
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    for gone in [
        "connection",
        "x-secret-hop",
        "http2-settings",
        "keep-alive",
        "te",
        "transfer_encoding",
        "proxy-authorization",
    ] {
        assert!(!names.contains(&gone), "{gone}");
    }
    assert!(headers.contains(&("x-auth-subject".into(), "alice".into())));
}

// Tests RFC 9110 section 7.8: only an upgrade to WebSocket passes
#[test]
fn a_websocket_upgrade_survives_and_no_other() {
    let upgrade = |value| {
        let request =
            PlainRequest::new("GET", "https://a/x").with("Connection", "Upgrade").with("Upgrade", value);
        plan_for(&required(), &request).remove
    };
    for method in ["POST", "HEAD", "DELETE", "OPTIONS"] {
        // The platform asks for a WebSocket with GET, whatever the policy was asked about.
        let request = PlainRequest::new(method, "https://a/x").with("Upgrade", "websocket");
        assert_eq!(plan_for(&required(), &request).remove, ["upgrade"], "{method}");
    }
    assert_eq!(upgrade("WebSocket"), ["connection"]);
    assert_eq!(upgrade("h2c"), ["connection", "upgrade"]);
}

// Tests RFC 9700 section 4.9: an access token does not reach an origin that does not need it
#[test]
fn the_access_token_is_removed_unless_the_route_keeps_it() {
    let request = PlainRequest::new("GET", "https://a/x").with("Authorization", "Bearer a.b.c");
    assert_eq!(plan_for(&required(), &request).remove, ["authorization"]);
    assert_eq!(plan_for(&route("/public"), &request).remove, ["authorization"]);
    let mut keeping = required();
    keeping.keep_token = true;
    assert!(plan_for(&keeping, &request).remove.is_empty());
}

#[test]
fn our_cookies_are_removed_and_others_stay() {
    let request = |cookie| PlainRequest::new("GET", "https://a/x").with("Cookie", cookie);
    let plan = plan_for(&required(), &request("a=1; __Secure-postern_refresh=prt_x; b=2"));
    assert!(plan.set.contains(&("cookie".into(), "a=1; b=2".into())));
    let plan = plan_for(&required(), &request("__Secure-postern_refresh=prt_x"));
    assert_eq!(plan.remove, ["cookie"]);
}

#[test]
fn where_the_request_came_from_is_said_by_the_gate() {
    let request = PlainRequest::new("GET", "https://api.example.com:8443/x")
        .with("cf-connecting-ip", "2001:db8::1")
        .with("x-forwarded-for", "10.0.0.1");
    let plan = plan_for(&required(), &request);
    for (name, value) in [
        ("x-forwarded-for", "2001:db8::1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "api.example.com:8443"),
        (HOP_HEADER, "1"),
    ] {
        assert!(plan.set.contains(&(name.into(), value.into())), "{name}");
    }
}

// Tests RFC 9110 section 5.5: an identity value cannot split a header
#[test]
fn identity_values_that_could_split_a_header_are_encoded() {
    let mut caller = identity();
    caller.subject = "jürgen\r\nx-auth-roles: root 100%".into();
    caller.roles = ["a,b".to_owned(), "c".to_owned()].into();
    caller.scopes = ["r".to_owned(), "w".to_owned()].into();
    caller.tenant_id = Some("acme".into());
    caller.claims.insert("groups".into(), json!(["x y", "z"]));
    caller.claims.insert("age".into(), json!(7));
    caller.claims.insert("deep".into(), json!({"a": 1}));
    let mapped = ["groups", "age", "deep", "absent"]
        .map(|claim| ClaimHeader { claim: claim.into(), header: format!("x-{claim}") });
    let headers = values::identity_headers(&caller, &mapped);
    let expected = [
        ("x-auth-subject", "j%C3%BCrgen%0D%0Ax-auth-roles:%20root%20100%25"),
        ("x-auth-issuer", "https://auth.example.com"),
        ("x-auth-scope", "r w"),
        ("x-auth-roles", "a%2Cb,c"),
        ("x-auth-tenant", "acme"),
        ("x-groups", "x%20y,z"),
        ("x-age", "7"),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_public_route_never_speaks_of_an_identity() {
    let request = PlainRequest::new("GET", "https://a/x");
    let plan = plan_for(&route("/x"), &request);
    assert!(!plan.set.iter().any(|(name, _)| name.starts_with("x-auth-")));
}

#[test]
fn a_request_that_goes_in_a_circle_is_stopped() {
    let gate = Gate::new(vec![required()], vec![]);
    let hops = |value: &str| {
        let request = PlainRequest::new("GET", "https://a/x").with(HOP_HEADER, value);
        gate.plan(&required(), &request, None).map(|plan| plan.set.first().cloned())
    };
    assert_eq!(hops("3"), Ok(Some((HOP_HEADER.into(), "4".into()))));
    for value in ["4", "255", "256", "-1", "x", "1, 1"] {
        assert_eq!(hops(value), Err(Unforwardable::Loop), "{value}");
    }
}

#[test]
fn a_name_that_others_may_spell_otherwise_stops_the_request() {
    let gate = Gate::new(vec![route("/x")], vec![]);
    for name in [
        "ｘ-auth-subject",
        "x\u{2010}auth\u{2010}subject",
        "х-auth-subject",
        "x-auth\u{ad}-subject",
        "é",
        "a b",
    ] {
        let request = PlainRequest::new("GET", "https://a/x").with(name, "root");
        assert_eq!(gate.plan(&route("/x"), &request, None), Err(Unforwardable::HeaderName), "{name}");
        assert_eq!(Reply::from(Unforwardable::HeaderName).status, 400);
    }
}

// Tests RFC 9110 section 9.3.1: a GET with content is refused
#[test]
fn a_get_with_a_body_stops_and_an_empty_one_is_none() {
    let gate = Gate::new(vec![route("/x")], vec![]);
    let plan = |method, name, value| {
        let request = PlainRequest::new(method, "https://a/x").with(name, value);
        gate.plan(&route("/x"), &request, None).map(|_| ())
    };
    for method in ["GET", "HEAD"] {
        for (name, value) in [
            ("content-length", "1"),
            ("content-length", "0, 0"),
            ("content-length", "-0"),
            ("transfer-encoding", "chunked"),
        ] {
            assert_eq!(plan(method, name, value), Err(Unforwardable::Body), "{method} {name}: {value}");
        }
        assert_eq!(plan(method, "content-length", "0"), Ok(()));
    }
    assert_eq!(plan("DELETE", "content-length", "1"), Ok(()));
    assert_eq!(Reply::from(Unforwardable::Body).status, 400);
}

#[test]
fn a_mapped_tenant_is_the_one_that_policy_reads_or_none() {
    let mut caller = identity();
    caller.tenant_id = None;
    caller.claims.insert("tenant_id".into(), json!(["victim"]));
    let mapped = [ClaimHeader { claim: "tenant_id".into(), header: "x-tenant".into() }];
    let headers = values::identity_headers(&caller, &mapped);
    assert!(!headers.iter().any(|(name, _)| name == "x-tenant"), "{headers:?}");
}

#[test]
fn claims_go_out_only_under_names_without_a_meaning() {
    // For origins that expect the caller where another gate puts him.
    for name in ["x-user-email", "x-plan", "tenant", "x-forwarded-user"] {
        assert!(is_free_for_claims(name), "{name}");
    }
    for name in [
        "x-auth-subject",
        "x-postern-a",
        "authorization",
        "host",
        "cookie",
        "connection",
        "x-forwarded-for",
        "x_user",
        "cf-ray",
        "sec-fetch-site",
        "content-length",
        "a b",
    ] {
        assert!(!is_free_for_claims(name), "{name}");
    }
}
