//! What a stranger can learn of which logins exist: what is done before the answer, part by part.

use core::time::Duration;

use postern_app::{http::Reply, identity::seed};
use serde_json::{Value, json};

use super::world::{PASSWORD, World};

const ALICE: &str = "alice@example.com";
const NOBODY: &str = "nobody@example.com";
const WRONG: &str = "a wrong guess";

/// What a call has cost when its answer is given: calls of the identity store, of Account
/// objects, of Throttle objects, what was begun meanwhile, and the whole answer.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    identity: u64,
    accounts: u64,
    throttles: u64,
    begun: usize,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn seen(world: &World, call: impl FnOnce(&World) -> Reply) -> Seen {
    world.later.delays();
    let counts = || [world.identity.asked(), world.accounts.asked(), world.throttles.asked()];
    let before = counts();
    let Reply { status, headers, body } = call(world);
    let after = counts();
    let [identity, accounts, throttles] = [0, 1, 2].map(|part: usize| after[part] - before[part]);
    let begun = world.later.delays().into_iter().filter(Duration::is_zero).count();
    Seen { identity, accounts, throttles, begun, status, headers, body }
}

fn sign_in(login: &str, password: &str) -> impl FnOnce(&World) -> Reply {
    let body = json!({"login": login, "password": password, "delivery": "body"});
    move |world| world.call("/auth/login", &body)
}

/// Users are there, and the flush of the metrics has been arranged.
fn ready(settings: &Value) -> World {
    let world = World::with(settings);
    world.sign_in();
    world.settle();
    world.call("/auth/login", &json!({"login": NOBODY, "password": WRONG}));
    world.pass(3600);
    world.settle();
    world
}

// By what is asked before it.
#[test]
fn timing_of_a_refusal_does_not_tell_which_logins_exist() {
    let world = ready(&json!({}));
    let unknown = seen(&world, sign_in(NOBODY, WRONG));
    assert_eq!((unknown.status, unknown.identity, unknown.accounts), (401, 1, 0));
    assert_eq!(seen(&world, sign_in(ALICE, WRONG)), unknown, "a wrong password");
    world.identity.amend(seed::ALICE.account, |user| user.disabled = true);
    assert_eq!(seen(&world, sign_in(ALICE, PASSWORD)), unknown, "a disabled user");
    world.identity.amend(seed::ALICE.account, |user| user.disabled = false);
    // The account is locked from the fifth attempt on, the other login too.
    let locked = json!({"POSTERN_LIMITS": {"account_lock": {"delay_after": 9, "lock_after": 1}}});
    let world = ready(&locked);
    for login in [ALICE, NOBODY] {
        world.call("/auth/login", &json!({"login": login, "password": WRONG}));
    }
    world.settle();
    let unknown = seen(&world, sign_in(NOBODY, WRONG));
    assert_eq!(seen(&world, sign_in(ALICE, WRONG)), unknown, "locked");
    assert_eq!(seen(&world, sign_in(ALICE, PASSWORD)), unknown, "locked, and the right password");
}

#[test]
fn the_owner_sees_the_refusal_in_the_activity_all_the_same() {
    let world = ready(&json!({}));
    let asked = world.accounts.asked();
    world.call("/auth/login", &json!({"login": ALICE, "password": WRONG}));
    let put_off = world.later.delays();
    assert!(put_off.iter().any(|delay| (200..=1220).contains(&delay.as_millis())), "{put_off:?}");
    world.settle();
    assert_eq!(world.accounts.asked(), asked + 1);
}

#[test]
fn a_reset_is_answered_before_the_login_is_looked_up() {
    let world = ready(&json!({}));
    let reset = |login: &'static str| {
        move |world: &World| world.call("/auth/password/reset-request", &json!({"login": login}))
    };
    let unknown = seen(&world, reset(NOBODY));
    assert_eq!((unknown.status, unknown.identity, unknown.accounts, unknown.begun), (202, 0, 0, 0));
    assert_eq!(seen(&world, reset(ALICE)), unknown);
    world.settle();
    assert_eq!(world.services.sent.borrow().len(), 1);
}

// Its answer tells whether it is taken.
#[test]
fn a_registration_asks_the_same_for_a_taken_login() {
    let world = ready(&json!({}));
    let register = |login: &'static str| {
        move |world: &World| world.call("/auth/register", &json!({"login": login, "password": PASSWORD}))
    };
    let free = seen(&world, register(NOBODY));
    let taken = seen(&world, register(ALICE));
    assert_eq!((free.status, taken.status), (201, 409));
    assert_eq!((free.identity, free.throttles), (taken.identity, taken.throttles));
}
