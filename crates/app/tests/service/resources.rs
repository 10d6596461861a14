//! Protected resources at the gate: which token serves where, also from memory, and what the answer and the log say.

use super::{
    super::attacks::{es256, p256, p256_jwk},
    world::{START, World, code},
};
use pollster::block_on;
use postern_app::{
    encoding::base64url,
    http::{PlainRequest, Reply},
    service::Outcome,
};
use serde_json::{Value, json};

const HOST: &str = "http://localhost:8787";
const IDP: &str = "https://idp.example";
const A: &str = "http://localhost:8787/a/mcp";
const B: &str = "http://localhost:8787/b/mcp";
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

fn routes() -> Value {
    json!([
        {"path": "/a/mcp", "resource": A, "scopes_all": ["read:orders"], "service": "ORIGIN",
         "cors": {"origins": ["https://app.example.com"], "allow_headers": ["authorization"]}},
        {"path": "/b/mcp", "resource": B, "audiences": ["b-app"], "service": "ORIGIN"},
        {"path": "/plain", "service": "ORIGIN"},
        {"path": "/maybe", "access": "optional", "methods": ["GET"], "service": "ORIGIN"},
        {"path": "/{*rest}", "access": "public", "methods": ["GET"], "service": "ORIGIN"},
    ])
}

fn settings() -> Value {
    json!({
        "POSTERN_ISSUERS": [{
            "issuer": IDP, "audiences": ["the-rest"], "typ": "any", "jwks_uri": "https://idp.example/jwks",
        }],
        "POSTERN_ROUTES": routes(),
    })
}

fn with(settings: &Value) -> World {
    let world = World::with(settings);
    let keys = json!({"keys": [p256_jwk("k", &p256(1))]}).to_string();
    world.issuer_keys.internet.publish("https://idp.example/jwks", keys);
    world
}

fn world() -> World {
    with(&settings())
}

/// A token of the other issuer for this audience.
fn foreign(audience: &Value) -> String {
    let header = json!({"alg": "ES256", "kid": "k"});
    let claims = json!({
        "iss": IDP, "sub": "bob", "aud": audience, "scope": "read:orders",
        "iat": START.seconds() - 5, "exp": START.seconds() + 600,
    });
    let input = [header, claims].map(|part| base64url(part.to_string().as_bytes())).join(".");
    format!("{input}.{}", base64url(&es256(1, input.as_bytes())))
}

/// A token of our own for this resource: from a version of the deployment that writes this audience.
fn own(world: &World, resource: &str) -> String {
    let mut settings = settings();
    settings["POSTERN_AUDIENCE"] = resource.into();
    settings["POSTERN_ROUTES"] = json!([]);
    world.in_version(&settings).sign_in().0
}

fn ask(world: &World, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request = PlainRequest::new(method, &[HOST, path].concat());
    let request = headers.iter().fold(request, |request, (name, value)| request.with(name, value));
    match world.decided(&request) {
        Outcome::Reply(reply) => reply,
        Outcome::Forward(_) => Reply::empty(299),
    }
}

/// The last refusal in the log: code, claim, setting and route.
fn refusal(world: &World) -> [String; 4] {
    let lines = world.log.0.borrow();
    let mut events = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let event = events.rfind(|event| event["event"] == "access_refused").expect("a refusal");
    ["code", "about", "setting", "route"].map(|name| event[name].as_str().unwrap_or_default().to_owned())
}

// Attack: a client of resource A, or the server behind it, presents its token elsewhere.
// Tests RFC 8707 section 2: a token that names one resource is refused at every other one
// Tests RFC 9700 section 2.3: a token for one resource serves at no other server
// Tests MCP Authorization section "Token Handling": a server accepts tokens for its own resources alone (R4, R5)
#[test]
fn a_token_for_resource_a_never_passes_at_b_even_cached() {
    let first = world();
    let tokens = [
        (own(&first, A), ["/a/mcp", "/b/mcp"]),
        (own(&first, B), ["/b/mcp", "/a/mcp"]),
        (foreign(&json!(A)), ["/a/mcp", "/b/mcp"]),
        (foreign(&json!(["x", "HTTP://LOCALHOST:8787/a/mcp"])), ["/a/mcp", "/b/mcp"]),
        (foreign(&json!("b-app")), ["/b/mcp", "/a/mcp"]),
    ];
    for (token, [at, elsewhere]) in &tokens {
        for first_path in [at, elsewhere, "/plain", "/maybe"] {
            let world = first.elsewhere();
            let _ = world.gate(first_path, Some(token));
            // Twice: before and after it is in memory by its own resource.
            for _ in 0..2 {
                for path in [*elsewhere, "/plain", "/maybe"] {
                    assert_eq!(world.gate(path, Some(token)), Some(401), "{at}: {first_path}, {path}");
                }
                assert_eq!(world.gate(at, Some(token)), None, "{at}: {first_path}");
            }
        }
        // Postern's own calls are no resource.
        let reply = first.call_as("GET", "/auth/me", token);
        assert_eq!((reply.status, code(&reply).as_str()), (401, "invalid_token"));
    }
}

// Tests MCP Authorization section "Token Handling": a session's own token is not for the resource (R4)
#[test]
fn a_token_for_no_resource_passes_at_none() {
    let world = world();
    for token in [world.sign_in().0, foreign(&json!("the-rest"))] {
        for _ in 0..2 {
            assert_eq!(world.gate("/plain", Some(&token)), None);
            assert_eq!(world.gate("/maybe", Some(&token)), None);
            assert_eq!(world.gate("/a/mcp", Some(&token)), Some(401));
            assert_eq!(refusal(&world), ["invalid_token", "claim aud", "resource", "route-0"]);
            assert_eq!(world.gate("/b/mcp", Some(&token)), Some(401));
        }
    }
    assert_eq!(world.gate("/a/mcp", Some(&foreign(&json!("else")))), Some(401));
    assert_eq!(refusal(&world), ["wrong_audience", "claim aud", "resource", "route-0"]);
    assert_eq!(world.gate("/plain", Some(&foreign(&json!("else")))), Some(401));
    assert_eq!(refusal(&world), ["wrong_audience", "claim aud", "audiences", "route-2"]);
    assert_eq!(world.gate("/plain", Some(&foreign(&json!(A)))), Some(401));
    assert_eq!(refusal(&world), ["invalid_token", "claim aud", "resource", "route-2"]);
}

// Tests RFC 9728 section 5.1: a 401 leads to the metadata, and pages of a listed origin can read that
// Tests MCP Authorization section "Protected Resource Metadata Discovery Requirements": the 401 has resource_metadata (R2)
// Tests MCP Authorization section "Error Handling": 401 without a sound token, 400 for a malformed request (R6)
// Tests MCP Authorization section "Token Requirements": a token in the query is none (R7)
#[test]
fn a_bare_401_leads_to_the_metadata() {
    let world = world();
    let origin = ("origin", "https://app.example.com");
    let bearer = format!("Bearer {}", foreign(&json!(B)));
    let parameters = format!("resource_metadata=\"{HOST}{WELL_KNOWN}/a/mcp\", scope=\"read:orders\"");
    for (path, headers, error) in [
        ("/a/mcp", vec![origin], ""),
        ("/a/mcp?access_token=x", vec![origin], ""),
        ("/a/mcp", vec![origin, ("authorization", bearer.as_str())], "error=\"invalid_token\", "),
        ("/a/mcp", vec![origin, ("authorization", "Bearer x")], "error=\"invalid_token\", "),
    ] {
        let reply = ask(&world, "GET", path, &headers);
        assert_eq!(reply.status, 401);
        let expected = format!("Bearer realm=\"postern\", {error}{parameters}");
        assert_eq!(reply.header("www-authenticate"), Some(expected.as_str()));
        let exposed = reply.header("access-control-expose-headers").unwrap_or_default();
        assert!(exposed.contains("www-authenticate"), "{exposed}");
    }
    let two = ask(&world, "GET", "/a/mcp", &[("authorization", "Bearer x, Bearer y")]);
    assert_eq!((two.status, code(&two).as_str()), (400, "invalid_request"));
}

// Tests RFC 9728 section 3: the metadata is public, and no route stands before it
#[test]
fn metadata_is_served_before_any_route() {
    let world = world();
    let get = |path: &str| ask(&world, "GET", &[WELL_KNOWN, path].concat(), &[]);
    for (path, resource) in [("/a/mcp", A), ("/b/mcp", B)] {
        let reply = get(path);
        let document: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((reply.status, &document["resource"]), (200, &json!(resource)));
        assert_eq!(document["authorization_servers"], json!([HOST, IDP]));
    }
    for path in ["", "/", "//a/mcp", "/a/mcp/", "/a%2fmcp", "%2fa", "/a/mcp?x", "/c", "/a/mcp/b"] {
        let reply = get(path);
        assert_eq!((reply.status, code(&reply).as_str()), (404, "no_resource"), "{path}");
    }
    // `/{*rest}` gets no other spelling of it.
    assert_eq!(ask(&world, "GET", "/.well-known/oauth-protected%2dresource/a/mcp", &[]).status, 404);
    assert_eq!(ask(&world, "GET", "/.well-known/security.txt", &[]).status, 299);
    let head = ask(&world, "HEAD", &[WELL_KNOWN, "/a/mcp"].concat(), &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(ask(&world, "POST", &[WELL_KNOWN, "/a/mcp"].concat(), &[]).status, 405);
    let preflight = [("origin", "https://any.example"), ("access-control-request-method", "GET")];
    let reply = ask(&world, "OPTIONS", &[WELL_KNOWN, "/a/mcp"].concat(), &preflight);
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (204, Some("*")));
    // Without a resource the paths are like any others.
    let without = with(
        &json!({"POSTERN_ROUTES": [{"path": "/{*rest}", "access": "public", "methods": ["GET"], "service": "O"}]}),
    );
    assert_eq!(ask(&without, "GET", &[WELL_KNOWN, "/a/mcp"].concat(), &[]).status, 299);
}

#[test]
fn metadata_follows_a_table_in_kv() {
    let mut settings = settings();
    settings["POSTERN_ROUTES"] = json!({"kv": "routes"});
    let world = with(&settings);
    let path = [WELL_KNOWN, "/a/mcp"].concat();
    assert_eq!(ask(&world, "GET", &path, &[]).status, 503, "there is no table yet");
    let publish = |version: u64, routes: Value| {
        let document = json!({"version": version, "routes": routes}).to_string();
        block_on(postern_app::ports::KvStore::write(&world.kv, "routes", &document)).unwrap();
        world.pass(60);
    };
    publish(1, routes());
    assert_eq!(ask(&world, "GET", &path, &[]).status, 200);
    let token = foreign(&json!(A));
    assert_eq!(world.gate("/a/mcp", Some(&token)), None);
    publish(2, json!([{"path": "/a/mcp", "resource": A, "service": "ORIGIN"}]));
    let _ = world.gate("/a/mcp", None);
    world.settle();
    assert_eq!(world.gate("/a/mcp", Some(&token)), None);
    publish(3, json!([{"path": "/a/mcp", "service": "O"}]));
    let _ = world.gate("/a/mcp", None);
    world.settle();
    // The token is in memory, and what it was for is gone.
    assert_eq!(world.gate("/a/mcp", Some(&token)), Some(401));
    assert_eq!(ask(&world, "GET", &path, &[]).status, 404);
}

// Tests MCP Authorization section "Step-Up Authorization Flow": a broader scope is sufficient (R8)
// Tests MCP Authorization section "Runtime Insufficient Scope Errors": all scopes of the request at once (R9)
#[test]
fn a_broader_scope_passes_where_the_settings_say_so() {
    let mut settings = settings();
    settings["POSTERN_ROUTES"][1]["scopes_all"] = json!(["list:orders", "see:orders"]);
    settings["POSTERN_ROUTES"][1]["resource_scopes"] = json!(["list:orders"]);
    // The token's scope is none that this resource knows.
    let token = foreign(&json!("b-app"));
    let bearer = format!("Bearer {token}");
    let reply = ask(&with(&settings), "GET", "/b/mcp", &[("authorization", &bearer)]);
    assert_eq!(reply.status, 403);
    assert_eq!(
        reply.header("www-authenticate"),
        Some(&*format!(
            "Bearer realm=\"postern\", error=\"insufficient_scope\", resource_metadata=\"{HOST}{WELL_KNOWN}/b/mcp\", scope=\"list:orders see:orders\""
        ))
    );
    settings["POSTERN_SCOPE_IMPLIES"] =
        json!({"read:orders": ["list:orders"], "list:orders": ["see:orders"]});
    assert_eq!(with(&settings).gate("/b/mcp", Some(&token)), None);
}
