//! What anybody may call asks no part that there is one of for each call.

use serde_json::json;

use super::world::World;

const METRICS_TOKEN: &str = "a-token-for-the-metrics-0123456789abcdef";

fn readyz(world: &World) -> u16 {
    world.call_as("GET", "/readyz", "").status
}

fn jwks(world: &World) -> u16 {
    world.call_as("GET", "/.well-known/jwks.json", "").status
}

#[test]
fn readyz_asks_the_key_ring_once_in_five_seconds() {
    let world = World::with(&json!({"POSTERN_METRICS_TOKEN": METRICS_TOKEN}));
    let asked = world.key_ring.asked.get();
    for _ in 0..60 {
        for _ in 0..200 {
            assert_eq!(readyz(&world), 200);
        }
        world.pass(1);
    }
    assert_eq!(world.key_ring.asked.get() - asked, 12, "12 000 calls in a minute");
    world.key_ring.unreachable.set(true);
    let asked = world.key_ring.asked.get();
    for _ in 0..60 {
        for _ in 0..200 {
            readyz(&world);
        }
        world.pass(1);
    }
    assert_eq!(readyz(&world), 503);
    assert!(world.key_ring.asked.get() - asked <= 13, "no more often while it fails");
    // Who may read the metrics has it asked now.
    world.key_ring.unreachable.set(false);
    assert_eq!(readyz(&world), 503);
    assert_eq!(world.call_as("GET", "/readyz", METRICS_TOKEN).status, 200);
    assert_eq!(readyz(&world), 200, "and everybody has the answer");
}

#[test]
fn the_key_set_by_everybody_asks_the_ring_once_a_minute() {
    let world = World::new();
    let asked = world.key_ring.asked.get();
    for _ in 0..300 {
        for _ in 0..10 {
            assert_eq!(jwks(&world), 200);
        }
        world.pass(1);
    }
    let calls = world.key_ring.asked.get() - asked;
    assert!(calls <= 6, "{calls} of 3 000 in 5 minutes");
    world.key_ring.unreachable.set(true);
    let asked = world.key_ring.asked.get();
    for _ in 0..300 {
        for _ in 0..10 {
            assert_eq!(jwks(&world), 200, "the copy serves");
        }
        world.pass(1);
    }
    let calls = world.key_ring.asked.get() - asked;
    assert!(calls <= 300, "{calls} while it fails: two for each pause at most");
}

#[test]
fn a_cold_isolate_does_not_ask_a_lost_ring_for_each_token() {
    let world = World::new();
    let (token, _) = world.sign_in();
    let cold = world.elsewhere();
    world.kv.broken.set(true);
    world.key_ring.unreachable.set(true);
    let asked = world.key_ring.asked.get();
    for _ in 0..20 {
        for _ in 0..100 {
            assert_eq!(cold.gate("/orders", Some(&token)), Some(503));
            assert_eq!(jwks(&cold), 503);
        }
        world.pass(1);
    }
    let calls = world.key_ring.asked.get() - asked;
    assert!(calls <= 20, "{calls} for 4 000 requests in 20 s");
    world.key_ring.unreachable.set(false);
    assert_eq!(cold.gate("/orders", Some(&token)), None, "and soon it serves again");
}
