use core::time::Duration;

use super::*;

/// A public route for every method of any host.
pub(super) fn route(path: &str) -> Route {
    Route {
        name: path.to_owned(),
        host: HostPattern::Any,
        path: PathPattern::parse(path).unwrap(),
        methods: Methods::Any,
        access: Access::Public,
        revocation: RevocationLevel::None,
        stale_feed: StaleFeed::Pass,
        upstream: Upstream::Url { base: "https://origin.example".into() },
        strip_segments: 0,
        keep_token: false,
        headers: CallerHeaders::default(),
        timeout: Some(Duration::from_secs(30)),
        cors: None,
        forwarding: Forwarding::default(),
    }
}

/// A caller with nothing but a subject.
pub(super) fn identity() -> Identity {
    Identity::verified(Statement {
        rotation_count: None,
        issuer: "https://auth.example.com".into(),
        subject: "alice".into(),
        audience: vec!["https://api.example.com".into()],
        is_general: true,
        scopes: [].into(),
        roles: [].into(),
        tenant_id: None,
        session_id: None,
        client_id: None,
        issued_at: postern_jose::time::Timestamp::from_seconds(1000),
        expires_at: postern_jose::time::Timestamp::from_seconds(1600),
        token_id: None,
        acr: None,
        amr: Vec::new(),
        auth_time: None,
        claims: crate::RawClaims::default(),
    })
}

pub(super) fn gate(routes: Vec<Route>) -> Gate {
    Gate::new(routes, vec!["__Secure-postern_refresh".into()])
}

#[test]
fn no_route_is_not_found_and_never_a_pass_through() {
    let gate = gate(vec![route("/api/orders")]);
    for path in ["/", "/api", "/api/orders/", "/API/orders", "/api/orders/1"] {
        assert_eq!(gate.find("GET", "a", path), RouteMatch::NotFound, "{path}");
    }
    assert_eq!(Gate::new(vec![], vec![]).find("GET", "a", "/").refusal().unwrap().status, 404);
}

// Tests RFC 9110 section 15.5.6: 405 has an Allow header with the methods of the path
#[test]
fn a_known_path_with_another_method_is_405_with_allow() {
    let mut read = route("/api/orders");
    read.methods = Methods::only(["GET".to_owned()]);
    let mut write = route("/api/{any}");
    write.methods = Methods::only(["POST".to_owned()]);
    let gate = gate(vec![read, write]);
    let reply = gate.find("DELETE", "a", "/api/orders").refusal().unwrap();
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD, POST")));
    assert!(matches!(gate.find("HEAD", "a", "/api/orders"), RouteMatch::Match(_)));
    // Methods have case: `get` is another method than `GET`.
    assert_eq!(gate.find("get", "a", "/api/orders").refusal().unwrap().status, 405);
}

// TRACE would show the caller the headers that the upstream gets.
// Tests RFC 9110 section 9.3.8: TRACE does not return headers that hold credentials
#[test]
fn no_route_takes_trace() {
    let mut read = route("/read");
    read.methods = Methods::only(["GET".to_owned()]);
    let gate = gate(vec![read, route("/{*all}")]);
    for path in ["/read", "/any"] {
        let reply = gate.find("TRACE", "a", path).refusal().unwrap();
        let allow = reply.header("allow").unwrap();
        assert_eq!(reply.status, 405, "{path}");
        assert!(allow.contains("GET") && allow.contains("POST") && !allow.contains("TRACE"), "{allow}");
    }
    assert_eq!(
        super::Gate::new(vec![route("/known")], Vec::new()).find("TRACE", "a", "/other"),
        RouteMatch::NotFound
    );
}

#[test]
fn an_ambiguous_path_is_400_before_any_route_is_asked() {
    let gate = gate(vec![route("/{*all}")]);
    let reply = gate.find("GET", "a", "/public/%2e%2e/admin").refusal().unwrap();
    assert_eq!(reply.status, 400);
}

#[test]
fn an_escaped_spelling_can_not_slip_past_a_route_to_a_laxer_one() {
    let mut admin = route("/admin!/{*rest}");
    admin.access = Access::Required(Requirement::default());
    let gate = gate(vec![admin, route("/{*all}")]);
    for path in ["/admin!/x", "/admin%21/x", "/%61dmin!/x"] {
        let RouteMatch::Match(found) = gate.find("GET", "a", path) else { panic!("{path}") };
        assert!(matches!(found.route.access, Access::Required(_)), "{path}");
    }
}

// The query is untouched.
#[test]
fn the_upstream_gets_the_path_that_was_matched() {
    let mut stripped = route("/api/v1/{*rest}");
    stripped.strip_segments = 2;
    stripped.upstream = Upstream::Url { base: "https://origin.example/base".into() };
    let path = NormalPath::parse("/%61pi/v1/a%2Bb/").unwrap();
    let url = |route: &Route, path: &NormalPath, query: Option<&str>, own_origin: &str| {
        UpstreamTarget::of(route, path, query, || own_origin.to_owned()).unwrap().url
    };
    assert_eq!(
        url(&stripped, &path, Some("q=%2e%2e/&?"), "https://own"),
        "https://origin.example/base/a%2Bb/?q=%2e%2e/&?"
    );
    let mut service = route("/api");
    service.upstream = Upstream::Service { binding: "ORIGIN".into() };
    let path = NormalPath::parse("/api").unwrap();
    assert_eq!(url(&service, &path, None, "https://own:8443"), "https://own:8443/api");
    service.strip_segments = 1;
    assert_eq!(url(&service, &path, Some(""), "https://own"), "https://own/?");
}
