//! Clients that register themselves (RFC 7591): what they get, how often, and for how long.

use postern_app::{
    encoding::base64url,
    http::{PlainRequest, Reply},
};
use postern_oauth::stored::{Source, memory::ClientsMode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    oauth::{VERIFIER, allowed, decide, parameter, post, signed_in},
    world::{START, World, block_on},
};

const REDIRECT: &str = "https://tool.example/cb";
const RESOURCE: &str = "https://api.example/mcp";
const DAY: u64 = 86_400;

fn world_with(registration: &Value) -> World {
    World::with(&json!({
        "POSTERN_OAUTH": {
            "stored_clients": true, "registration": registration, "open_scopes": ["read:orders", "mcp:use"],
        },
        "POSTERN_ROUTES": [
            {"path": "/mcp", "host": "api.example", "resource": RESOURCE, "scopes_all": ["read:orders"], "service": "ORIGIN"},
        ],
    }))
}

fn world() -> World {
    world_with(&json!(true))
}

fn metadata() -> Value {
    json!({
        "client_name": "A tool", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
    })
}

fn register_from(world: &World, ip: &str, metadata: &Value) -> Reply {
    let request = PlainRequest::new("POST", "http://localhost:8787/oauth/register")
        .with("content-type", "application/json")
        .with("origin", "https://any.example")
        .with("cf-connecting-ip", ip);
    let reply = block_on(world.service().own(&request, metadata.to_string().as_bytes()));
    world.settle();
    reply
}

fn json(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

/// A client that registers itself: its id.
fn registered(world: &World, metadata: &Value) -> String {
    let reply = register_from(world, "192.0.2.1", metadata);
    assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
    json(&reply)["client_id"].as_str().unwrap().to_owned()
}

fn query(id: &str, scope: &str) -> String {
    let challenge = base64url(&Sha256::digest(VERIFIER));
    format!(
        "client_id={id}&redirect_uri={REDIRECT}&response_type=code&scope={scope}&resource={RESOURCE}&code_challenge={challenge}&code_challenge_method=S256"
    )
}

/// The refresh token of a user who consents.
fn authorized(world: &World, id: &str) -> String {
    let user = signed_in(world);
    let location =
        decide(world, &query(id, "read:orders"), Some(&user), &allowed(&user, "read:orders", START));
    world.settle();
    let code = parameter(&location, "code");
    let form = format!("grant_type=authorization_code&client_id={id}&code={code}&code_verifier={VERIFIER}");
    let granted = post(world, "/oauth/token", &form);
    world.settle();
    json(&granted)["refresh_token"].as_str().unwrap_or_else(|| panic!("{}", json(&granted))).to_owned()
}

fn refresh(world: &World, id: &str, token: &str) -> (u16, Value) {
    let form = format!("grant_type=refresh_token&client_id={id}&refresh_token={token}");
    let reply = post(world, "/oauth/token", &form);
    world.settle();
    (reply.status, json(&reply))
}

fn expires_at(world: &World, id: &str) -> u64 {
    let mut found = 0;
    world.clients.amend(id, |client| match client.source {
        Source::Registered { expires_at, .. } => found = expires_at.seconds(),
        Source::Operator => panic!("{id} registered itself"),
    });
    found
}

// Tests MCP Authorization section "Dynamic Client Registration": a client registers itself where the operator allows it (A10)
#[test]
fn a_client_that_registers_itself_signs_users_in() {
    let world = world();
    let reply = register_from(&world, "192.0.2.1", &metadata());
    assert_eq!((reply.status, reply.header("cache-control")), (201, Some("no-store")));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"), "tools are pages, too");
    let client = json(&reply);
    assert_eq!(client["scope"], "mcp:use offline_access read:orders");
    assert!(client.get("client_secret").is_none());
    let id = client["client_id"].as_str().unwrap();
    authorized(&world, id);
    assert!(world.log.0.borrow().iter().any(|line| line.contains("client_registered") && line.contains(id)));
    // A client with a secret proves itself with it.
    let confidential = json(&register_from(&world, "192.0.2.1", &json!({"redirect_uris": [REDIRECT]})));
    let (id, secret) =
        (confidential["client_id"].as_str().unwrap(), confidential["client_secret"].as_str().unwrap());
    let form = |secret: &str| {
        format!(
            "grant_type=authorization_code&client_id={id}&client_secret={secret}&code=x&code_verifier={VERIFIER}"
        )
    };
    assert_eq!(json(&post(&world, "/oauth/token", &form(secret)))["error"], "invalid_grant");
    assert_eq!(json(&post(&world, "/oauth/token", &form("pcs_x")))["error"], "invalid_client");
}

// The attack: a client registers itself as one of the operator's own.
#[test]
fn what_a_stranger_registers_gives_no_more_than_strangers_get() {
    let world = world();
    let mut greedy = metadata();
    for (name, value) in [
        ("first_party", json!(true)),
        ("roles", json!(true)),
        ("scope", json!("read:orders postern:admin write:orders")),
        ("resources", json!(["http://localhost:8787"])),
    ] {
        greedy[name] = value;
    }
    let reply = json(&register_from(&world, "192.0.2.1", &greedy));
    assert_eq!(reply["scope"], "offline_access read:orders");
    let id = reply["client_id"].as_str().unwrap();
    world.clients.amend(id, |client| {
        client.members.insert("first_party".to_owned(), true.into());
        client.members.insert("roles".to_owned(), true.into());
    });
    let user = signed_in(&world);
    let asked = decide(
        &world,
        &query(id, "read:orders"),
        Some(&user),
        &postern_oauth::decide::Interaction::new(START),
    );
    assert_eq!(asked, "consent tool.example read:orders", "it is always asked");
    let elsewhere = query(id, "read:orders").replace(RESOURCE, "http://localhost:8787");
    assert!(
        decide(&world, &elsewhere, Some(&user), &allowed(&user, "read:orders", START))
            .contains("invalid_target")
    );
}

#[test]
fn the_page_for_consent_says_that_the_client_registered_itself() {
    let world = world();
    let id = registered(&world, &metadata());
    let query = query(&id, "read:orders").replace("://", "%3A%2F%2F").replace("/cb", "%2Fcb");
    let (_, page) = super::consent::asked(&world, &query);
    assert!(page.contains("This application registered itself. Its name was not checked."), "{page}");
}

// The attack: a program fills the table.
#[test]
fn registrations_are_limited_by_address() {
    let world = world();
    let mut last = 201;
    for number in 0..10 {
        last = register_from(&world, "192.0.2.1", &metadata()).status;
        if last != 201 {
            assert!(number >= 3);
            break;
        }
    }
    assert_eq!(last, 429);
    let refused = register_from(&world, "192.0.2.1", &metadata());
    assert!(refused.header("retry-after").is_some());
    assert_eq!(json(&refused)["error"], "temporarily_unavailable");
    assert_eq!(register_from(&world, "198.51.100.1", &metadata()).status, 201, "others go on");
}

// The attack: many addresses fill it.
#[test]
fn unused_registrations_are_few_and_go_after_a_day() {
    let plenty = json!({"burst": 60_000, "per_minute": 60_000});
    let world = World::with(&json!({
        "POSTERN_OAUTH": {"stored_clients": true, "registration": true, "open_scopes": ["read:orders"]},
        "POSTERN_LIMITS": {"register_ip": plenty, "register_network": plenty},
    }));
    let first = registered(&world, &metadata());
    for _ in 1..1000 {
        registered(&world, &metadata());
    }
    let full = register_from(&world, "192.0.2.1", &metadata());
    assert_eq!((full.status, full.header("retry-after")), (503, Some("2")));
    assert!(world.log.0.borrow().iter().any(|line| line.contains("never used")));
    world.pass(DAY);
    assert_eq!(
        decide(&world, &query(&first, "read:orders"), None, &allowed(&signed_in(&world), "", START)),
        "page: client_unknown"
    );
    assert_eq!(register_from(&world, "192.0.2.1", &metadata()).status, 503, "what expired goes first");
    assert_eq!(register_from(&world, "192.0.2.1", &metadata()).status, 201);
}

// Kilo-Org/cloud#6227: a client whose registration is gone before its grant stalls.
#[test]
fn a_registration_outlives_the_grants_of_its_client() {
    let world = world();
    let id = registered(&world, &metadata());
    assert_eq!(expires_at(&world, &id), START.seconds() + DAY);
    let token = authorized(&world, &id);
    assert_eq!(expires_at(&world, &id), START.seconds() + 90 * DAY, "a use renews it");
    // Once a day, not at each refresh.
    world.pass(3600);
    let (_, second) = refresh(&world, &id, &token);
    assert_eq!(expires_at(&world, &id), START.seconds() + 90 * DAY);
    world.pass(DAY);
    let (status, third) = refresh(&world, &id, second["refresh_token"].as_str().unwrap());
    assert_eq!((status, expires_at(&world, &id)), (200, START.seconds() + 91 * DAY + 3600));
    // The grant expires, and the client gets `invalid_grant`.
    world.pass(60 * DAY);
    let (status, refused) = refresh(&world, &id, third["refresh_token"].as_str().unwrap());
    assert_eq!((status, refused["error"].as_str()), (400, Some("invalid_grant")));
    // An unsuccessful call renews nothing.
    assert_eq!(expires_at(&world, &id), START.seconds() + 91 * DAY + 3600);
}

#[test]
fn without_the_database_no_client_is_to_blame() {
    let world = world();
    for mode in [ClientsMode::NoTable, ClientsMode::FailsAfterWriting] {
        world.clients.behave(mode);
        let reply = register_from(&world, "192.0.2.1", &metadata());
        assert_eq!(
            (reply.status, json(&reply)["error"].as_str()),
            (503, Some("temporarily_unavailable")),
            "{mode:?}"
        );
    }
}

#[test]
fn a_bad_registration_is_said_in_the_words_of_the_standard() {
    let world = world();
    for (body, error) in [
        ("{", "invalid_client_metadata"),
        ("[]", "invalid_client_metadata"),
        ("{\"redirect_uris\":[],\"redirect_uris\":[]}", "invalid_client_metadata"),
        ("{}", "invalid_redirect_uri"),
        ("{\"redirect_uris\":[\"https://a.example/#\"]}", "invalid_redirect_uri"),
    ] {
        let request = PlainRequest::new("POST", "http://localhost:8787/oauth/register")
            .with("content-type", "application/json");
        let reply = block_on(world.service().own(&request, body.as_bytes()));
        assert_eq!((reply.status, json(&reply)["error"].as_str()), (400, Some(error)), "{body}");
    }
    let form = post(&world, "/oauth/register", "redirect_uris=x");
    assert_eq!(json(&form)["error"], "invalid_client_metadata");
}

#[test]
fn registration_is_off_and_unadvertised_by_default() {
    let advertised = |world: &World| {
        let request =
            PlainRequest::new("GET", "http://localhost:8787/.well-known/oauth-authorization-server");
        json(&block_on(world.service().own(&request, b"")))
    };
    let off = world_with(&json!(false));
    let reply = register_from(&off, "192.0.2.1", &metadata());
    assert_eq!((reply.status, super::world::code(&reply).as_str()), (404, "not_offered"));
    assert!(advertised(&off).get("registration_endpoint").is_none());
    let on = advertised(&world());
    assert_eq!(on["registration_endpoint"], "http://localhost:8787/oauth/register");
    assert_eq!(on["scopes_supported"], json!(["mcp:use", "offline_access", "read:orders"]));
    let preflight = PlainRequest::new("OPTIONS", "http://localhost:8787/oauth/register")
        .with("origin", "https://any.example")
        .with("access-control-request-method", "POST");
    let reply = block_on(world().service().own(&preflight, b""));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert!(reply.header("access-control-allow-headers").is_some_and(|names| names.contains("content-type")));
}
