//! A decision in two halves: a token that is new to the isolate waits for nothing but the verdict about its signature.

use postern_app::{
    events::EventContext,
    http::PlainRequest,
    ports::KvStore as _,
    revocation::Target,
    service::{Immediate, PendingRequest},
};
use serde_json::json;

use super::world::{World, block_on, tokens};

fn request(path: &str, access_token: &str) -> PlainRequest {
    PlainRequest::new("GET", &format!("http://localhost:8787{path}"))
        .with("authorization", &format!("Bearer {access_token}"))
}

/// A world that knows its keys, and a token that is new to it.
fn world_and_token(settings: &serde_json::Value) -> (World, String, String) {
    let world = World::with(settings);
    let (access_token, refresh_token) = world.sign_in();
    world.gate("/orders", Some(&access_token));
    world.settle();
    let (fresh, refresh_token) = tokens(&world.refresh(&refresh_token));
    (world, fresh, refresh_token)
}

fn pending(world: &World, request: &PlainRequest) -> PendingRequest {
    match world.service().try_sync(request) {
        Immediate::Verify(pending) => *pending,
        other => panic!("{other:?}"),
    }
}

fn status(decided: Immediate) -> Option<u16> {
    match decided {
        Immediate::Reply(reply) => Some(reply.status),
        Immediate::Forward(_) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_token_waits_for_its_verdict_alone_and_once() {
    let (world, token, _) = world_and_token(&json!({}));
    let request = request("/orders", &token);
    let pending = pending(&world, &request);
    assert_eq!(status(world.service().judged(&request, pending, true)), None);
    assert!(matches!(world.service().try_sync(&request), Immediate::Forward(_)), "it is remembered");
}

// Attack: a signature that is not the key's.
#[test]
fn a_bad_verdict_refuses_and_nothing_is_remembered() {
    let (world, token, _) = world_and_token(&json!({}));
    let request = request("/orders", &token);
    let first = pending(&world, &request);
    assert_eq!(status(world.service().judged(&request, first, false)), Some(401));
    assert!(world.log.0.borrow().last().unwrap().contains("\"bad_signature\""));
    // The very same token with a good signature: the verdict was about one request.
    let second = pending(&world, &request);
    assert_eq!(status(world.service().judged(&request, second, true)), None);
}

#[test]
fn what_happens_before_the_verdict_counts() {
    let (world, token, refresh_token) = world_and_token(&json!({}));
    let orders = request("/orders", &token);
    let early = pending(&world, &orders);
    let claims = postern_app::encoding::from_base64url(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    let target = Target::AccessToken {
        issuer: None,
        jti: claims["jti"].as_str().unwrap().to_owned(),
        expires_at: None,
    };
    block_on(world.service().revoke_target(&target, EventContext::default())).unwrap();
    let decided = world.service().judged(&orders, early, true);
    assert!(matches!(decided, Immediate::Wait), "the hit must be confirmed");
    assert_eq!(world.gate("/orders", Some(&token)), Some(401));

    let (fresh, _) = tokens(&world.refresh(&refresh_token));
    let orders = request("/orders", &fresh);
    let early = pending(&world, &orders);
    world.pass(3600);
    assert_eq!(status(world.service().judged(&orders, early, true)), Some(401), "it has expired");
}

#[test]
fn one_table_decides_before_and_after_the_verdict() {
    let world = World::with(&json!({"POSTERN_ROUTES": {"kv": "routes"}}));
    let publish = |version: u64, route: serde_json::Value| {
        let table = json!({"version": version, "routes": [route]});
        block_on(world.kv.write("routes", &table.to_string())).unwrap();
    };
    publish(1, json!({"path": "/orders", "service": "ORIGIN"}));
    let (access_token, refresh_token) = world.sign_in();
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    world.settle();
    let (token, _) = tokens(&world.refresh(&refresh_token));
    let orders = request("/orders", &token);
    let early = pending(&world, &orders);
    publish(2, json!({"path": "/orders", "scopes_all": ["nobody:has-this"], "service": "ORIGIN"}));
    world.pass(31);
    world.gate("/orders", None);
    world.settle();
    assert_eq!(world.gate("/orders", Some(&access_token)), Some(403), "the new table is in force");
    assert_eq!(status(world.service().judged(&orders, early, true)), None);
}

// Each of these has more to wait for than a verdict.
#[test]
fn other_routes_wait_as_a_whole() {
    let limit = json!({"binding": "LIMITER", "by": "ip"});
    let (world, token, _) = world_and_token(&json!({"POSTERN_ROUTES": [
        {"path": "/orders", "service": "ORIGIN"},
        {"path": "/strong", "revocation": "strong", "service": "ORIGIN"},
        {"path": "/limited", "rate_limit": limit, "service": "ORIGIN"},
    ]}));
    for path in ["/strong", "/limited"] {
        let decided = world.service().try_sync(&request(path, &token));
        assert!(matches!(decided, Immediate::Wait), "{path}");
    }
    assert!(matches!(world.service().try_sync(&request("/orders", &token)), Immediate::Verify(_)));
    // The key set is past its soft age: it is asked for first, or in the background.
    world.pass(301);
    assert!(matches!(world.service().try_sync(&request("/orders", &token)), Immediate::Wait));
}
