//! The route table from KV: read when it is first needed and then behind the requests, the last
//! good one kept, one table for one request.

use postern_app::{
    http::PlainRequest,
    ports::KvStore as _,
    service::{Immediate, Outcome},
};
use serde_json::{Value, json};

use super::world::{World, block_on, code};

fn world() -> World {
    World::with(&json!({"POSTERN_ROUTES": {"kv": "routes"}}))
}

fn publish(world: &World, document: &Value) {
    block_on(world.kv.write("routes", &document.to_string())).unwrap();
}

fn public(path: &str, version: u64) -> Value {
    json!({"version": version, "routes": [{"path": path, "access": "public", "service": "ORIGIN"}]})
}

fn ready(world: &World) -> (u16, Value) {
    let reply = world.call_as("GET", "/readyz", "");
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

/// How many log lines are of this event.
fn told(world: &World, event: &str) -> usize {
    let wanted = format!("\"event\":\"{event}\"");
    world.log.0.borrow().iter().filter(|line| line.contains(&wanted)).count()
}

#[test]
fn the_first_request_waits_for_the_table_and_later_ones_do_not() {
    let world = world();
    publish(&world, &public("/a", 1));
    let request = PlainRequest::new("GET", "http://localhost:8787/a");
    assert!(matches!(world.service().try_sync(&request), Immediate::Wait));
    assert_eq!(world.gate("/a", None), None);
    assert!(matches!(world.service().try_sync(&request), Immediate::Forward(_)));
    assert_eq!(told(&world, "routes_loaded"), 1);
}

#[test]
fn a_new_table_is_read_behind_a_request_after_30_seconds() {
    let world = world();
    publish(&world, &public("/a", 1));
    assert_eq!(world.gate("/a", None), None);
    publish(&world, &public("/b", 2));
    world.pass(29);
    assert_eq!(world.gate("/b", None), Some(404));
    world.settle();
    assert_eq!(world.gate("/b", None), Some(404));
    world.pass(1);
    // This one starts the reading and is judged by the old table all the same.
    assert_eq!(world.gate("/b", None), Some(404));
    world.settle();
    assert_eq!((world.gate("/b", None), world.gate("/a", None)), (None, Some(404)));
    assert_eq!(ready(&world).1["routes"], json!({"source": "kv", "routes": 1, "version": 2, "age": 0}));
}

#[test]
fn a_request_is_judged_by_the_table_that_it_began_with() {
    let world = world();
    publish(
        &world,
        &json!({"version": 1, "routes": [{"path": "/a", "service": "ORIGIN", "roles_any": ["r"]}]}),
    );
    let (access_token, _) = world.sign_in();
    world.gate("/a", None);
    let request = PlainRequest::new("GET", "http://localhost:8787/a")
        .with("authorization", &format!("Bearer {access_token}"));
    let begun = world.service();
    assert!(matches!(begun.try_sync(&request), Immediate::Wait));
    // Meanwhile the route becomes public.
    publish(&world, &public("/a", 2));
    world.pass(30);
    world.gate("/a", None);
    world.settle();
    assert_eq!(world.gate("/a", None), None);
    let Outcome::Reply(reply) = block_on(begun.gate(&request)) else { panic!("judged by two tables") };
    assert_eq!(reply.status, 403);
}

// With its mistakes.
#[test]
fn an_unsound_table_changes_nothing_and_is_logged_once() {
    let world = world();
    publish(&world, &public("/a", 1));
    assert_eq!(world.gate("/a", None), None);
    let unsound = json!({"version": 2, "routes": [{"path": "a", "upstream": "x"}, {"paht": "/b"}]});
    publish(&world, &unsound);
    for _ in 0..3 {
        world.pass(30);
        assert_eq!(world.gate("/a", None), None);
        world.settle();
    }
    assert_eq!(told(&world, "routes_refused"), 1);
    let line = world.log.0.borrow().iter().find(|line| line.contains("routes_refused")).unwrap().clone();
    let event: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["count"], 5, "{line}");
    assert!(line.contains("routes[0].upstream: must be"), "{line}");
    let (status, body) = ready(&world);
    assert_eq!(status, 200);
    assert_eq!(
        body["routes"],
        json!({"source": "kv", "routes": 1, "version": 1, "age": 90, "refused_mistakes": 5})
    );
    // Mended, it is taken, and nothing is held against it.
    publish(&world, &public("/b", 3));
    world.pass(30);
    world.gate("/a", None);
    world.settle();
    assert_eq!(world.gate("/b", None), None);
    assert_eq!(ready(&world).1["routes"]["refused_mistakes"], Value::Null);
}

#[test]
fn an_old_copy_of_the_table_does_not_come_back() {
    let world = world();
    publish(&world, &public("/b", 2));
    assert_eq!(world.gate("/b", None), None);
    for stale in [public("/a", 1), public("/a", 2)] {
        publish(&world, &stale);
        world.pass(30);
        world.gate("/b", None);
        world.settle();
        assert_eq!((world.gate("/b", None), world.gate("/a", None)), (None, Some(404)));
    }
    assert_eq!(told(&world, "routes_refused"), 2);
}

#[test]
fn while_kv_fails_or_is_empty_the_last_table_stays() {
    let world = world();
    publish(&world, &public("/a", 1));
    assert_eq!(world.gate("/a", None), None);
    world.kv.broken.set(true);
    world.pass(3600);
    assert_eq!(world.gate("/a", None), None);
    world.settle();
    assert_eq!(world.gate("/a", None), None);
    assert_eq!(told(&world, "fault"), 1);
}

#[test]
fn without_any_table_the_gate_is_closed_and_the_rest_works() {
    let world = world();
    for broken in [true, false] {
        world.kv.broken.set(broken);
        assert_eq!(world.gate("/a", None), Some(503), "broken: {broken}");
        assert_eq!(ready(&world).0, 503);
    }
    world.kv.broken.set(false);
    let reply = world.call_as("GET", "/nothing", "");
    assert_eq!(code(&reply), "not_found");
    assert_eq!(world.call_as("GET", "/healthz", "").status, 200);
    // A table that comes is found within seconds, not after the 30 of a table in force.
    publish(&world, &public("/a", 1));
    assert_eq!(world.gate("/a", None), Some(503));
    world.pass(2);
    assert_eq!(world.gate("/a", None), None);
}

#[test]
fn a_flood_before_the_first_table_reads_kv_once() {
    let world = world();
    world.kv.broken.set(true);
    for _ in 0..100 {
        assert_eq!(world.gate("/a", None), Some(503));
    }
    assert_eq!(told(&world, "fault"), 1);
}

#[test]
fn a_path_of_ours_in_another_spelling_is_no_routes_either() {
    let world = world();
    publish(&world, &public("/{*all}", 1));
    assert_eq!(world.gate("/anything", None), None);
    for path in ["/%61uth/me", "/auth%2Fme", "/ready%7A"] {
        assert!(matches!(world.gate(path, None), Some(400 | 404)), "{path}");
    }
}
