//! What goes with a request that passes, and with its answer.

use core::time::Duration;

use pollster::block_on;
use postern_app::{
    http::PlainRequest,
    keys::{KeyRingAnswer, KeyRingObject as _, KeyRingRequest},
    ports::{Clock as _, KvStore as _},
    service::{
        BodyFault, Forward, Immediate, OpenSocket, Outcome, SocketVerdict, UpstreamFault, kv_key,
        own_snapshot,
    },
};
use serde_json::json;

use super::world::World;

const PAGE: &str = "https://app.example.com";

fn asked(world: &World, path: &str) -> Immediate {
    let request = PlainRequest::new("GET", &format!("http://localhost:8787{path}")).with("origin", PAGE);
    world.service().try_sync(&request)
}

fn forward(world: &World, path: &str) -> Forward {
    match asked(world, path) {
        Immediate::Forward(forward) => *forward,
        other => panic!("{other:?}"),
    }
}

// Tests RFC 9111 section 3.5: an answer to a request with credentials is for no shared cache
#[test]
fn only_what_nobodys_token_decides_is_for_a_shared_cache() {
    let world = World::with(&json!({"POSTERN_ROUTES": [
        {"path": "/public", "access": "public", "upstream": "https://origin.example.com"},
        {"path": "/optional", "access": "optional", "upstream": "https://origin.example.com"},
    ]}));
    assert!(!forward(&world, "/public").uncached);
    assert!(forward(&world, "/optional").uncached);
}

// Whatever it is called.
// Tests RFC 6265bis section 8.6: an origin behind the gate cannot overwrite our cookies
#[test]
fn session_fixation_no_origin_sets_a_cookie_of_ours() {
    let world = World::with(&json!({"POSTERN_COOKIE": {"name": "__Host-own", "path": "/"}}));
    let cookies = forward(&world, "/open").answer_without_cookies;
    for name in ["__Host-own", "__Secure-postern_csrf", "__Secure-postern_device", "__Host-postern_access"] {
        assert!(cookies.iter().any(|own| own == name), "{name}");
    }
}

#[test]
fn the_gates_own_answer_follows_the_routes_cors_rule() {
    let world = World::with(&json!({"POSTERN_ROUTES": [
        {"path": "/who", "access": "optional", "answer": "identity", "cors": {"origins": [PAGE]}},
    ]}));
    let Immediate::Reply(reply) = asked(&world, "/who") else { panic!("no answer") };
    assert_eq!((reply.status, reply.header("cache-control")), (204, Some("no-store")));
    assert_eq!(reply.header("access-control-allow-origin"), Some(PAGE));
    assert_eq!(reply.header("vary"), Some("Origin"));
}

#[test]
fn a_socket_closes_with_its_token_by_the_issuers_leeway() {
    // One deployment's tokens are another issuer's for the next one.
    let issuer = "http://localhost:8787";
    let theirs = World::new();
    let (access_token, _) = theirs.sign_in();
    let ours = World::with(&json!({
        "POSTERN_ISSUER": "http://localhost:9797",
        "POSTERN_LEEWAY": 30,
        "POSTERN_ISSUERS": [{"issuer": issuer, "audiences": [issuer], "leeway": 5}],
        "POSTERN_ROUTES": [{"path": "/live", "service": "CHAT", "websocket": {"close_on_expiry": true}}],
    }));
    let KeyRingAnswer::PublicSet { set } =
        block_on(theirs.key_ring.ask(&KeyRingRequest::PublicSet {})).unwrap()
    else {
        panic!("no set")
    };
    let snapshot = own_snapshot(issuer, &set, ours.platform.now()).unwrap();
    block_on(ours.kv.write(&kv_key(issuer), &serde_json::to_string(&snapshot).unwrap())).unwrap();

    let request = PlainRequest::new("GET", "http://localhost:9797/live")
        .with("upgrade", "websocket")
        .with("authorization", &format!("Bearer {access_token}"));
    let service = ours.service();
    let Outcome::Forward(forward) = block_on(service.gate(&request)) else { panic!("refused") };
    let claims = access_token.split('.').nth(1).and_then(postern_app::encoding::from_base64url).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    let left = claims["exp"].as_u64().unwrap() - ours.platform.now().seconds();
    let verdict = service.first_look(&service.opened(&forward.watch.unwrap()));
    assert_eq!(verdict, SocketVerdict::Keep(Duration::from_secs(left + 5)));
}

#[test]
fn the_local_profile_has_a_page_at_its_root() {
    let world = World::with(&json!({"POSTERN_ROUTES": [
        {"name": "<b>app", "path": "/app/{*rest}", "access": "public", "service": "ORIGIN"},
        {"path": "/orders", "service": "ORIGIN"},
    ]}));
    let reply = |world: &World, method: &str, path: &str| match world
        .service()
        .try_sync(&PlainRequest::new(method, &format!("http://localhost:8787{path}")))
    {
        Immediate::Reply(reply) => reply,
        other => panic!("{other:?}"),
    };
    let root = reply(&world, "GET", "/");
    let page = String::from_utf8(root.body).unwrap();
    assert_eq!(root.status, 200);
    assert!(page.contains(r#"<a href="/app/">"#) && page.contains("/orders"), "{page}");
    assert!(page.contains("&lt;b&gt;app") && !page.contains("<b>"), "{page}");
    assert_eq!(reply(&world, "HEAD", "/").body.len(), 0);
    assert_eq!(reply(&world, "POST", "/").status, 404);
    assert_eq!(reply(&world, "GET", "/elsewhere").status, 404);
    // A route of one's own comes first, and without the example nothing leads to it.
    let own =
        World::with(&json!({"POSTERN_ROUTES": [{"path": "/", "access": "optional", "answer": "identity"}]}));
    assert_eq!(reply(&own, "GET", "/").status, 204);
    let bare = World::with(&json!({"POSTERN_ROUTES": []}));
    assert!(!String::from_utf8(reply(&bare, "GET", "/").body).unwrap().contains("/app/"));
    let production = World::with(&json!({
        "POSTERN_PROFILE": "production",
        "POSTERN_ISSUER": "https://auth.example.com",
        "POSTERN_PASSWORD": null,
    }));
    let reply = reply(&production, "GET", "/");
    assert_eq!((reply.status, reply.header("content-type")), (404, Some("application/problem+json")));
}

/// A socket of one who is signed in, under a rule that looks every 30 s.
fn socket(world: &World) -> OpenSocket {
    socket_of(world, &world.sign_in().0)
}

fn socket_of(world: &World, access_token: &str) -> OpenSocket {
    let request = PlainRequest::new("GET", "http://localhost:8787/live")
        .with("upgrade", "websocket")
        .with("authorization", &format!("Bearer {access_token}"));
    let service = world.service();
    let Outcome::Forward(forward) = block_on(service.gate(&request)) else { panic!("refused") };
    service.opened(&forward.watch.unwrap())
}

fn watching() -> World {
    World::with(&json!({"POSTERN_ROUTES": [
        {"name": "live", "path": "/live", "service": "CHAT", "websocket": {"close_on_revocation": true}},
    ]}))
}

fn look(world: &World, socket: &OpenSocket) -> SocketVerdict {
    world.pass(30);
    let verdict = block_on(world.service().look_at_socket(socket));
    world.settle();
    verdict
}

const KEEP: SocketVerdict = SocketVerdict::Keep(Duration::from_secs(30));
const UNCHECKED: SocketVerdict = SocketVerdict::Close(1013, "session not checked");

#[test]
fn a_socket_that_nobody_can_look_at_closes_after_ten_looks() {
    let world = watching();
    let socket = socket(&world);
    assert_eq!(look(&world, &socket), KEEP);
    world.accounts.set_unreachable(true);
    for _ in 0..9 {
        assert_eq!(look(&world, &socket), KEEP);
    }
    // One look that goes well: our own outage has cut nobody off.
    world.accounts.set_unreachable(false);
    assert_eq!(look(&world, &socket), KEEP);
    world.accounts.set_unreachable(true);
    for _ in 0..9 {
        assert_eq!(look(&world, &socket), KEEP);
    }
    assert_eq!(look(&world, &socket), UNCHECKED);
    let log = world.log.0.borrow();
    assert!(
        log.iter().any(|line| line.contains(r#""code":"session_not_checked","route":"live""#)),
        "{log:?}"
    );
    assert!(
        log.iter().any(|line| line.contains(r#""part":"account""#) && line.contains(r#""route":"live""#))
    );
}

#[test]
fn a_feed_that_is_out_of_date_is_a_look_that_failed() {
    let world = watching();
    let socket = socket(&world);
    world.kv.broken.set(true);
    world.feed.unreachable.set(true);
    let verdicts: Vec<_> = (0..40).map(|_| look(&world, &socket)).collect();
    let kept = verdicts.iter().take_while(|verdict| **verdict == KEEP).count();
    assert!((9..40).contains(&kept), "{kept}");
    assert_eq!(verdicts[kept], UNCHECKED);
}

/// The Account object knows it, and answers although the feed does not.
#[test]
fn an_ended_session_closes_its_socket_without_the_feed() {
    let world = watching();
    let (access_token, refresh_token) = world.sign_in();
    let socket = socket_of(&world, &access_token);
    world.kv.broken.set(true);
    world.feed.unreachable.set(true);
    world.pass(3600);
    assert_eq!(look(&world, &socket), KEEP);
    assert_eq!(world.call("/auth/logout", &json!({"refresh_token": refresh_token})).status, 204);
    assert_eq!(look(&world, &socket), SocketVerdict::Close(1008, "session ended"));
}

#[test]
fn no_socket_is_watched_longer_than_a_day() {
    let world = watching();
    let socket = socket(&world);
    world.pass(24 * 3600 - 60);
    assert_eq!(look(&world, &socket), KEEP);
    assert_eq!(look(&world, &socket), UNCHECKED);
}

#[test]
fn a_request_that_is_no_upgrade_is_not_watched() {
    let world = watching();
    let (access_token, _) = world.sign_in();
    let request = PlainRequest::new("GET", "http://localhost:8787/live")
        .with("authorization", &format!("Bearer {access_token}"));
    let Outcome::Forward(forward) = block_on(world.service().gate(&request)) else { panic!("refused") };
    assert_eq!(forward.watch, None);
}

#[test]
fn an_upstream_fault_names_route_and_host() {
    let world = World::with(&json!({"POSTERN_ROUTES": [
        {"name": "by-url", "path": "/by-url", "access": "public", "upstream": "https://origin.example.com:8443/base"},
        {"name": "by-service", "path": "/by-service", "access": "public", "service": "CHAT"},
    ]}));
    for (path, route, upstream) in
        [("/by-url", "by-url", "origin.example.com:8443"), ("/by-service", "by-service", "CHAT")]
    {
        let request = PlainRequest::new("GET", &format!("http://localhost:8787{path}?secret=1"));
        world.log.0.borrow_mut().clear();
        let reply = world.service().upstream_fault(&request, &[], &UpstreamFault::Timeout);
        assert_eq!(reply.status, 504);
        let log = world.log.0.borrow();
        assert!(log[0].contains(&format!(r#""route":"{route}","upstream":"{upstream}""#)), "{log:?}");
        assert!(!log[0].contains("secret"));
    }
}

#[test]
fn a_body_that_does_not_arrive_is_the_clients_fault() {
    let world = World::with(&json!({"POSTERN_ROUTES": [
        {"name": "upload", "path": "/upload", "access": "public", "upstream": "https://origin.example.com"},
    ]}));
    let request = PlainRequest::new("POST", "http://localhost:8787/upload");
    let added = [("x-added".to_owned(), "1".to_owned())];
    for (fault, status, code) in
        [(BodyFault::BrokeOff, 400, "body_incomplete"), (BodyFault::TooSlow, 408, "body_timeout")]
    {
        let reply = world.service().body_fault(&request, &added, fault);
        assert_eq!((reply.status, reply.header("x-added")), (status, Some("1")));
        let log = world.log.0.borrow();
        assert!(log.iter().any(|line| line.contains(&format!(r#""code":"{code}","route":"upload""#))));
        assert!(log.iter().all(|line| !line.contains(r#""event":"fault""#)), "{log:?}");
    }
}
