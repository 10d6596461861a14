use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn explainer(routes: &Value) -> Explainer {
    let vars = [
        ("POSTERN_ISSUER", json!("https://auth.example.com")),
        ("POSTERN_AUDIENCE", json!("https://api.example.com")),
        ("POSTERN_MASTER_KEY", json!("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")),
        (
            "POSTERN_ISSUERS",
            json!([{
                "issuer": "https://idp.example.com", "jwks_uri": "https://idp.example.com/jwks",
                "audiences": ["https://api.example.com"], "roles_claim": "realm_access.roles",
            }]),
        ),
        ("POSTERN_COOKIE", json!({ "access": true })),
        ("POSTERN_ROUTES", routes.clone()),
    ];
    let vars = vars.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Explainer::new(Config::from_vars(&vars).unwrap())
}

fn table() -> Explainer {
    explainer(&json!([
        {"name": "site", "path": "/", "access": "public", "methods": ["GET"], "service": "SITE"},
        {"name": "other", "host": "*.other.example", "path": "/{*all}", "service": "SITE"},
        {"name": "docs", "path": "/t/{tenant}/docs", "service": "DOCS", "scopes_all": ["read:docs"],
         "roles_any": ["reader"], "attributes": [{"claim": "tenant_id", "equals": "{tenant}"}]},
        {"name": "new", "path": "/new", "access": "optional", "upstream": "https://new.example.com/v1"},
        {"name": "catch", "path": "/{*all}", "methods": ["POST"], "service": "SITE"},
    ]))
}

fn explain(explainer: &Explainer, request: &str, claims: Option<&Value>) -> Explanation {
    let (method, path) = request.split_once(' ').unwrap();
    let supposed = claims.map_or(Supposed::Nobody, |claims| Supposed::Claims(claims.as_object().unwrap()));
    let request = PlainRequest::new(method, &format!("https://api.example.com{path}"));
    explainer.explain(&request, supposed, Place::Header, NOW).unwrap()
}

fn status(explanation: &Explanation) -> u16 {
    match &explanation.answer {
        Answer::Refused { reply, .. } | Answer::Preflight { reply, .. } => reply.status,
        Answer::Own | Answer::Forwarded { .. } => 200,
    }
}

// Why it does not take the request.
#[test]
fn every_route_before_the_deciding_one_says_why_not() {
    let found = explain(&table(), "GET /t/%61cme/docs", None);
    assert_eq!(found.path.as_ref().unwrap().as_str(), "/t/acme/docs");
    let why: Vec<(&str, &str)> =
        found.passed_over.iter().map(|over| (over.name.as_str(), over.why.as_str())).collect();
    assert_eq!(
        why,
        [
            ("site", "its path is /: the request's path continues at segment 1"),
            ("other", "its host is *.other.example"),
        ]
    );
    assert_eq!(found.route.as_ref().unwrap().params, [("tenant".to_owned(), "acme".to_owned())]);
    let none = explain(&table(), "GET /T/acme/docs", None);
    assert_eq!((none.passed_over.len(), status(&none)), (5, 405));
    assert_eq!(
        none.passed_over[2].why,
        "its path is /t/{tenant}/docs: segment 1 must be t, with the same letter case"
    );
    assert_eq!(none.passed_over[4].why, "it matches only POST");
}

#[test]
fn what_is_asked_for_is_held_against_the_claims_one_by_one() {
    let met = |claims: &Value| -> Vec<(&'static str, bool)> {
        let found = explain(&table(), "GET /t/acme/docs", Some(claims));
        found.route.unwrap().asks.iter().map(|ask| (ask.member, ask.met.unwrap())).collect()
    };
    let alice = json!({"scope": "read:docs", "roles": ["writer"], "tenant_id": "acme"});
    assert_eq!(met(&alice), [("scopes_all", true), ("roles_any", false), ("attributes", true)]);
    assert_eq!(met(&json!({})), [("scopes_all", false), ("roles_any", false), ("attributes", false)]);
    let nobody = explain(&table(), "GET /t/acme/docs", None);
    assert!(nobody.route.as_ref().unwrap().asks.iter().all(|ask| ask.met.is_none()));
    assert_eq!(status(&nobody), 401);
}

#[test]
fn what_is_asked_of_the_token_itself_is_held_against_it_too() {
    let asks = explainer(&json!([{
        "path": "/a", "service": "A", "issuers": ["https://idp.example.com"], "audiences": ["https://other.example"],
        "max_token_age": 60, "acr": ["gold"], "amr": ["otp"],
    }]));
    let found = explain(&asks, "GET /a", Some(&json!({"iat": 1_799_999_000, "exp": 1_800_000_900})));
    let met: Vec<_> = found.route.unwrap().asks.iter().map(|ask| (ask.member, ask.met)).collect();
    let unmet = ["issuers", "audiences", "max_token_age", "acr", "amr"].map(|member| (member, Some(false)));
    assert_eq!(met, unmet);
}

#[test]
fn answers_are_the_gates_own() {
    let reader = json!({"scope": "read:docs", "roles": ["reader"], "tenant_id": "acme"});
    let theirs = json!({"iss": "https://idp.example.com", "scope": "read:docs", "tenant_id": "acme",
                        "realm_access": {"roles": ["reader"]}, "roles": ["nothing"]});
    for (request, claims, expected) in [
        ("GET /", None, 200),
        ("GET /t/acme/docs", Some(&reader), 200),
        ("GET /t/acme/docs", Some(&theirs), 200),
        ("GET /t/other/docs", Some(&reader), 403),
        ("GET /t/acme/docs", Some(&json!({"scope": "x"})), 403),
        ("GET /t/acme/docs", Some(&json!({"iss": "https://nobody.example"})), 401),
        ("GET /t/acme/docs", Some(&json!({"aud": "another"})), 401),
        ("GET /t/acme/docs", Some(&json!({"exp": 5, "iat": 1})), 401),
        ("GET /t/acme/docs", Some(&json!({"tenant_id": 7})), 401),
        ("GET /new", None, 200),
        ("GET /new", Some(&json!({"iss": "https://nobody.example"})), 401),
        ("DELETE /", None, 405),
        ("POST /x", Some(&json!({})), 200),
        ("GET /a//b", None, 400),
        // Resolved before the gate sees them.
        ("GET /t/other/../acme/docs", Some(&reader), 200),
        ("GET /t/acme/%2E%2e/other/docs", Some(&reader), 403),
        ("GET /t\\acme\\docs", Some(&reader), 200),
        ("GET /t/../", None, 200),
        ("GET /x/..", None, 200),
        ("GET /auth/me", None, 200),
        ("POST /%61uth/me", None, 404),
        ("GET /admin/users", None, 200),
    ] {
        assert_eq!(status(&explain(&table(), request, claims)), expected, "{request} {claims:?}");
    }
    let Answer::Forwarded { url } = explain(&table(), "GET /new?a=1", None).answer else { panic!() };
    assert_eq!(url, "https://new.example.com/v1/new?a=1");
}

/// Routes for the cookie, for the header, and for pages of another origin.
fn cookies() -> Explainer {
    let cors = json!({"origins": ["https://app.example.com"], "credentials": true, "allow_headers": ["authorization"]});
    explainer(&json!([
        {"name": "page", "path": "/page", "service": "A", "token_sources": ["cookie"], "cors": cors},
        {"name": "both", "path": "/both", "service": "A", "token_sources": ["header", "cookie"], "revocation": "strong"},
        {"name": "api", "path": "/api", "service": "A", "cors": {"origins": ["https://app.example.com"]},
         "rate_limit": {"binding": "SHIELD"}},
    ]))
}

fn asked(request: &str, headers: &[(&str, &str)], supposed: Supposed<'_>, place: Place) -> Explanation {
    let (method, path) = request.split_once(' ').unwrap();
    let request = PlainRequest::new(method, &format!("https://api.example.com{path}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.with(name, value));
    cookies().explain(&request, supposed, place, NOW).unwrap()
}

// The rules of the cookie apply to the request too.
#[test]
fn a_token_counts_where_the_route_looks_for_it() {
    let ours = json!({});
    let theirs = json!({"iss": "https://idp.example.com"});
    let (own, other) = (("origin", "https://app.example.com"), ("origin", "https://evil.example"));
    let csrf = ("x-csrf-token", "any");
    for (request, headers, claims, place, expected) in [
        ("GET /page", vec![], &ours, Place::Cookie, 200),
        ("GET /page", vec![], &ours, Place::Header, 401),
        ("GET /api", vec![], &ours, Place::Cookie, 401),
        ("GET /api", vec![], &ours, Place::Header, 200),
        ("GET /both", vec![], &ours, Place::Header, 200),
        ("GET /both", vec![], &ours, Place::Cookie, 200),
        // Nothing could be bound to a session of another issuer's.
        ("GET /page", vec![], &theirs, Place::Cookie, 401),
        ("POST /page", vec![], &ours, Place::Cookie, 403),
        ("POST /page", vec![csrf], &ours, Place::Cookie, 200),
        ("POST /page", vec![csrf, own], &ours, Place::Cookie, 200),
        ("POST /page", vec![csrf, other], &ours, Place::Cookie, 403),
        ("POST /page", vec![csrf, ("sec-fetch-site", "cross-site")], &ours, Place::Cookie, 403),
        ("POST /both", vec![other], &ours, Place::Header, 200),
        ("GET /page", vec![("upgrade", "websocket")], &ours, Place::Cookie, 403),
        ("GET /page", vec![("upgrade", "websocket"), own], &ours, Place::Cookie, 200),
    ] {
        let supposed = Supposed::Claims(claims.as_object().unwrap());
        let found = asked(request, &headers, supposed, place);
        assert_eq!(status(&found), expected, "{request} {headers:?} {claims} {place:?}: {:?}", found.answer);
    }
}

// It needs no credentials.
#[test]
fn a_preflight_is_answered_for_its_own_method() {
    let page = |method, origin| {
        let headers = [("origin", origin), ("access-control-request-method", method)];
        asked("OPTIONS /api", &headers, Supposed::Nobody, Place::Header)
    };
    let found = page("PUT", "https://app.example.com");
    assert!(matches!(found.answer, Answer::Preflight { permitted: true, .. }), "{found:?}");
    assert_eq!(
        (found.route.unwrap().name, status(&page("PUT", "https://a.example"))),
        ("api".to_owned(), 204)
    );
    let denied = page("PUT", "https://evil.example").answer;
    assert!(matches!(denied, Answer::Preflight { permitted: false, .. }), "{denied:?}");
    // Without CORS, or without what makes a preflight, it is any request.
    let headers = [("origin", "https://app.example.com"), ("access-control-request-method", "PUT")];
    assert_eq!(status(&asked("OPTIONS /both", &headers, Supposed::Nobody, Place::Header)), 401);
    assert_eq!(status(&asked("OPTIONS /api", &headers[..1], Supposed::Nobody, Place::Header)), 401);
}

#[test]
fn what_only_the_running_worker_knows_is_said_to_be_supposed() {
    let claims = json!({});
    let told = |request, place| {
        asked(request, &[("x-csrf-token", "any")], Supposed::Claims(claims.as_object().unwrap()), place)
            .supposed
    };
    let all = told("POST /both", Place::Cookie).join("; ");
    assert!(
        all.contains("signature") && all.contains("session's object") && all.contains("x-csrf-token"),
        "{all}"
    );
    let api = told("POST /api", Place::Header).join("; ");
    assert!(api.contains("revocation feed") && api.contains("SHIELD") && !api.contains("csrf"), "{api}");
    let nobody = asked("GET /page", &[], Supposed::Nobody, Place::Header);
    assert_eq!(nobody.supposed, Vec::<String>::new());
}

#[test]
fn a_table_that_is_sound_and_strange_is_remarked_upon() {
    let codes = |routes: Value| -> Vec<(usize, &'static str)> {
        explainer(&routes).review().into_iter().map(|remark| (remark.index, remark.code)).collect()
    };
    let get = json!(["GET"]);
    for (routes, expected) in [
        (json!([{"path": "/a", "service": "A"}, {"path": "/b/{x}", "service": "A"}]), vec![]),
        (
            json!([{"path": "/{*all}", "service": "A"}, {"path": "/a", "service": "A"}]),
            vec![(1, "unreachable")],
        ),
        (
            json!([{"path": "/a/{x}", "service": "A"}, {"path": "/a/b", "service": "A"}, {"path": "/a/", "service": "A"},
                {"path": "/a/{*rest}", "service": "A"}]),
            vec![(1, "unreachable")],
        ),
        // The audience of both issuers: their tokens pass at the route beside it, unless that lists another issuer or resource.
        (
            json!([{"path": "/mcp", "resource": "https://api.example.com", "issuers": ["https://idp.example.com"], "service": "A"},
                {"path": "/a", "service": "A"}]),
            vec![(0, "resource_elsewhere")],
        ),
        (
            json!([{"path": "/mcp", "resource": "https://api.example.com/mcp", "audiences": ["x"], "service": "A"},
                {"path": "/a", "access": "optional", "methods": ["GET"], "service": "A"}]),
            vec![],
        ),
        (
            json!([{"path": "/mcp", "resource": "https://api.example.com", "issuers": ["https://idp.example.com"], "service": "A"},
                {"path": "/a", "issuers": ["https://auth.example.com"], "service": "A"},
                {"path": "/b", "access": "public", "methods": ["GET"], "service": "A"}]),
            vec![],
        ),
        // Two routes together take what the third is for.
        (
            json!([{"path": "/a", "methods": ["GET"], "service": "A"}, {"path": "/{x}", "methods": ["POST"], "service": "A"},
                {"path": "/a", "methods": ["GET", "POST"], "service": "A"}]),
            vec![(2, "unreachable")],
        ),
        (
            json!([{"path": "/{*all}", "methods": get, "access": "public", "service": "A"},
                {"path": "/a", "methods": ["GET", "POST"], "service": "A"}]),
            vec![(1, "partly_unreachable")],
        ),
        (
            json!([{"path": "/{*all}", "methods": get, "access": "public", "service": "A"},
                {"path": "/a", "service": "A"}]),
            vec![(1, "partly_unreachable")],
        ),
        (
            json!([{"path": "/a", "host": "*.x.example", "service": "A"}, {"path": "/a", "host": "b.x.example", "service": "A"},
                {"path": "/a", "host": "x.example", "service": "A"}, {"path": "/a", "host": "*.b.x.example", "service": "A"}]),
            vec![(1, "unreachable"), (3, "unreachable")],
        ),
        (
            json!([{"path": "/auth/{*rest}", "service": "A"}, {"path": "/admin/x", "service": "A"}]),
            vec![(0, "unreachable"), (1, "unreachable")],
        ),
        (
            json!([{"path": "/a", "access": "public", "keep_token": true, "service": "A"}]),
            vec![(0, "public_writes"), (0, "unchecked_token")],
        ),
        (json!([{"path": "/a", "roles_any": ["admin"], "service": "A"}]), vec![(0, "any_issuer")]),
        (
            json!([{"path": "/a", "roles_any": ["admin"], "issuers": ["https://auth.example.com"], "service": "A"}]),
            vec![],
        ),
        (json!([{"path": "/t/{tenant}/a", "service": "A"}]), vec![(0, "tenant_not_compared")]),
        (
            json!([{"path": "/a", "service": "A", "cors": {"origins": ["https://app.example.com"], "credentials": true}}]),
            vec![(0, "cors_without_authorization"), (0, "cors_credentials")],
        ),
        (
            json!([{"path": "/a", "host": "api.example.com", "upstream": "https://api.example.com"}]),
            vec![(0, "loop")],
        ),
        (
            json!([{"path": "/a", "methods": ["POST"], "websocket": {"close_on_expiry": true}, "retry": true, "service": "A"}]),
            vec![
                (0, "websocket_without_flow_control"),
                (0, "websocket_without_get"),
                (0, "retry_without_use"),
            ],
        ),
    ] {
        assert_eq!(codes(routes.clone()), expected, "{routes}");
    }
}

#[test]
fn a_resource_is_explained_with_its_verdict() {
    let routes = explainer(&json!([
        {"name": "mcp", "host": "api.example.com", "path": "/mcp", "resource": "https://api.example.com/mcp",
         "audiences": ["api://mcp"], "issuers": ["https://auth.example.com"], "scopes_all": ["use"], "service": "M"},
        {"name": "plain", "path": "/plain", "service": "M"},
        {"name": "maybe", "path": "/maybe", "methods": ["GET"], "access": "optional", "service": "M"},
    ]));
    let verdict = |request: &str, claims: &Value| {
        let found = explain(&routes, request, Some(claims));
        let asks = &found.route.as_ref().unwrap().asks;
        let resource = asks.iter().find(|ask| ask.member == "resource");
        (status(&found), resource.map(|ask| (ask.what.clone(), ask.met == Some(true))))
    };
    let what = "for the resource https://api.example.com/mcp, or by another name of it: api://mcp".to_owned();
    // A caller whose token says nothing of its audience is supposed to have one for the route.
    assert_eq!(verdict("GET /mcp", &json!({"scope": "use"})), (200, Some((what.clone(), true))));
    for (audience, expected) in
        [("https://API.example.com/mcp", 200), ("api://mcp", 200), ("https://api.example.com", 401)]
    {
        let claims = json!({"scope": "use", "aud": audience});
        assert_eq!(
            verdict("GET /mcp", &claims),
            (expected, Some((what.clone(), expected == 200))),
            "{audience}"
        );
    }
    let elsewhere = json!({"aud": "https://api.example.com/mcp"});
    for request in ["GET /plain", "GET /maybe"] {
        let (status, resource) = verdict(request, &elsewhere);
        assert_eq!((status, resource.map(|(_, met)| met)), (401, Some(false)), "{request}");
        assert_eq!(verdict(request, &json!({})), (200, None), "{request}");
    }
    let nobody = explain(&routes, "GET /mcp", None);
    let Answer::Refused { reply, .. } = &nobody.answer else { panic!("{nobody:?}") };
    assert!(
        reply
            .header("www-authenticate")
            .unwrap()
            .contains("resource_metadata=\"https://api.example.com/.well-known/")
    );
    let document = explain(&routes, "GET /.well-known/oauth-protected-resource/mcp", None);
    assert_eq!((document.answer, document.route), (Answer::Own, None));
}

#[test]
fn broader_scopes_are_named_and_count() {
    let vars = json!({
        "POSTERN_ISSUER": "https://auth.example.com",
        "POSTERN_MASTER_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "POSTERN_SCOPE_IMPLIES": {"admin": ["write"], "write": ["read"]},
        "POSTERN_ROUTES": [{"path": "/a", "scopes_all": ["read"], "scopes_any": ["write", "x"], "service": "A"}],
    });
    let explainer = Explainer::new(Config::from_vars(&serde_json::from_value(vars).unwrap()).unwrap());
    let found = explain(&explainer, "GET /a", Some(&json!({"scope": "admin"})));
    let asks =
        found.route.as_ref().unwrap().asks.iter().map(|ask| (ask.what.as_str(), ask.met)).collect::<Vec<_>>();
    assert_eq!(
        asks,
        [
            ("all of the scopes read (or admin, write)", Some(true)),
            ("one of the scopes write (or admin), x", Some(true))
        ]
    );
    assert_eq!(status(&found), 200);
    assert_eq!(status(&explain(&explainer, "GET /a", Some(&json!({"scope": "read x"})))), 200);
    assert_eq!(status(&explain(&explainer, "GET /a", Some(&json!({"scope": "write"})))), 200);
    assert_eq!(status(&explain(&explainer, "GET /a", Some(&json!({"scope": "read"})))), 403);
}
