//! Every call of the API that changes something, and in each every single call to a part failing
//! once, with and without effect. What must hold however that went:
//!
//! - an answer of success is true;
//! - a client that repeats the call, as 503 asks it to, gets what it wanted in the end: no half
//!   state stays;
//! - what was ended does not live again.

use postern_app::{
    http::{PlainRequest, Reply},
    identity::{IdentityStore as _, Login, UnicodeTables, seed},
    ids::AccountId,
};
use serde_json::{Value, json};

use super::{
    faults::How,
    world::{PASSWORD, World, block_on, tokens},
};

const LOGIN: &str = "alice@example.com";
const NEW_PASSWORD: &str = "a new and better passphrase";
const ALICE: AccountId = seed::ALICE.account;

/// How often a client repeats a call.
const TRIES: u32 = 4;

/// More calls to parts than any of these makes.
const MOST_CALLS: u32 = 60;

/// All of them in the thorough round, some in the short one.
const STEP: usize = if cfg!(feature = "thorough") { 1 } else { 12 };

/// What a client holds when the call begins.
struct Held {
    /// Of the session that calls.
    access: String,
    refresh: String,
    /// Of another session of the same user.
    other_access: String,
    other_refresh: String,
    /// An administrator's.
    admin: String,
    /// A one-time token, where the story needs one.
    one_time: String,
    kid: String,
}

struct Story {
    name: &'static str,
    begin: fn(&World, &mut Held),
    call: fn(&World, &Held) -> Reply,
    /// The answers to a repeated call that mean that it was carried out before.
    done_before: &'static [(u16, &'static str)],
    /// The answers to which a user begins anew: what was half done serves no more.
    begins_anew: &'static [(u16, &'static str)],
    /// What must hold once it was carried out.
    carried_out: fn(&World, &Held),
}

fn sign_in(world: &World, login: &str, password: &str) -> Reply {
    world.call("/auth/login", &json!({"login": login, "password": password, "delivery": "body"}))
}

fn put_as(world: &World, access_token: &str, path: &str, body: &Value) -> Reply {
    let request = PlainRequest::new("PUT", &format!("http://localhost:8787{path}"))
        .with("content-type", "application/json")
        .with("authorization", &format!("Bearer {access_token}"));
    block_on(world.service().own(&request, body.to_string().as_bytes()))
}

fn world() -> (World, Held) {
    let plenty = json!({"burst": 1000, "per_minute": 1000});
    let names = [
        "login_account",
        "login_ip",
        "login_network",
        "reset_account",
        "export_account",
        "reset_ip",
        "reset_network",
        "register_ip",
        "register_network",
    ];
    let limits = Value::Object(names.iter().map(|name| ((*name).to_owned(), plenty.clone())).collect());
    let world = World::with(&json!({ "POSTERN_LIMITS": limits }));
    let (access, refresh) = world.sign_in();
    let (other_access, other_refresh) = world.sign_in();
    let (admin, _) = tokens(&sign_in(&world, "admin@example.com", PASSWORD));
    let keys: Value = serde_json::from_slice(&world.call_as("GET", "/admin/keys", &admin).body).unwrap();
    let kid = keys["keys"][0]["kid"].as_str().unwrap().to_owned();
    world.settle();
    let held = Held { access, refresh, other_access, other_refresh, admin, one_time: String::new(), kid };
    (world, held)
}

/// Alarms ring, and whatever was left for later is done.
fn settle(world: &World) {
    world.settle();
    for account in world.accounts.all() {
        let (_, fault) = block_on(world.accounts.alarm(account, &world.feed));
        assert_eq!(fault, None);
    }
    world.pass(1);
    world.ring_feed();
}

/// A session and its access token are over wherever they could be used.
fn is_over(world: &World, access: &str, refresh: &str) {
    settle(world);
    let elsewhere = world.elsewhere();
    assert_eq!(elsewhere.gate("/strict", Some(access)), Some(401));
    assert_eq!(elsewhere.gate("/orders", Some(access)), Some(401), "the feed");
    assert_eq!(elsewhere.refresh(refresh).status, 401);
}

fn goes_on(world: &World, access: &str, refresh: &str) {
    settle(world);
    assert_eq!(world.elsewhere().gate("/strict", Some(access)), None);
    assert_eq!(world.elsewhere().refresh(refresh).status, 200);
}

fn all_over(world: &World, held: &Held) {
    is_over(world, &held.access, &held.refresh);
    is_over(world, &held.other_access, &held.other_refresh);
}

fn code(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    body["code"].as_str().unwrap_or_default().to_owned()
}

fn is_one_of(reply: &Reply, answers: &[(u16, &str)]) -> bool {
    answers.iter().any(|(status, name)| reply.status == *status && code(reply) == *name)
}

fn nothing(_: &World, _: &mut Held) {}

fn a_reset_was_asked_for(world: &World, held: &mut Held) {
    assert_eq!(world.call("/auth/password/reset-request", &json!({"login": LOGIN})).status, 202);
    world.settle();
    held.one_time = world.services.token();
}

fn signed_in_if_possible(world: &World, held: &mut Held) {
    let reply = world.try_sign_in();
    if reply.status == 200 {
        (held.access, held.refresh) = tokens(&reply);
    }
}

const STORIES: &[Story] = &[
    Story {
        name: "register",
        begin: nothing,
        call: |world, _| {
            world.call("/auth/register", &json!({"login": "new@example.com", "password": NEW_PASSWORD}))
        },
        done_before: &[(409, "login_taken")],
        begins_anew: &[],
        carried_out: |world, _| assert_eq!(sign_in(world, "new@example.com", NEW_PASSWORD).status, 200),
    },
    Story {
        name: "login",
        begin: nothing,
        call: |world, _| world.try_sign_in(),
        done_before: &[],
        begins_anew: &[],
        carried_out: |world, held| {
            // Whatever was lost on the way: no session that nobody has, and none pushed out.
            settle(world);
            let reply = world.call_as("GET", "/auth/sessions", &held.access);
            let sessions: Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(sessions["sessions"].as_array().unwrap().len(), 3);
        },
    },
    Story {
        name: "refresh",
        begin: nothing,
        call: |world, held| world.refresh(&held.refresh),
        done_before: &[],
        begins_anew: &[],
        carried_out: |world, held| {
            let (access, refresh) = tokens(&world.refresh(&held.refresh));
            goes_on(world, &access, &refresh);
        },
    },
    Story {
        name: "logout",
        begin: nothing,
        call: |world, held| world.call("/auth/logout", &json!({"refresh_token": held.refresh})),
        done_before: &[],
        begins_anew: &[],
        carried_out: |world, held| {
            is_over(world, &held.access, &held.refresh);
            goes_on(world, &held.other_access, &held.other_refresh);
        },
    },
    Story {
        name: "logout everywhere",
        begin: nothing,
        call: |world, held| world.call("/auth/logout-all", &json!({"refresh_token": held.refresh})),
        done_before: &[(401, "invalid_grant")],
        begins_anew: &[],
        carried_out: all_over,
    },
    Story {
        name: "end the other sessions",
        begin: nothing,
        call: |world, held| world.call_as("DELETE", "/auth/sessions", &held.access),
        done_before: &[],
        begins_anew: &[],
        carried_out: |world, held| {
            is_over(world, &held.other_access, &held.other_refresh);
            goes_on(world, &held.access, &held.refresh);
        },
    },
    Story {
        name: "change the password",
        begin: nothing,
        call: |world, held| {
            let body = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
            world.post_as(&held.access, "/auth/password", &body)
        },
        done_before: &[(403, "wrong_password")],
        begins_anew: &[],
        carried_out: |world, held| {
            is_over(world, &held.other_access, &held.other_refresh);
            assert_eq!(sign_in(world, LOGIN, PASSWORD).status, 401);
            assert_eq!(sign_in(world, LOGIN, NEW_PASSWORD).status, 200);
            goes_on(world, &held.access, &held.refresh);
        },
    },
    Story {
        name: "reset the password",
        begin: a_reset_was_asked_for,
        call: |world, held| {
            world.call("/auth/password/reset", &json!({"token": held.one_time, "new_password": NEW_PASSWORD}))
        },
        done_before: &[],
        begins_anew: &[(400, "invalid_one_time_token")],
        carried_out: |world, held| {
            all_over(world, held);
            assert_eq!(sign_in(world, LOGIN, PASSWORD).status, 401);
            assert_eq!(sign_in(world, LOGIN, NEW_PASSWORD).status, 200);
            let again = json!({"token": held.one_time, "new_password": "the thief's own password"});
            assert_eq!(world.call("/auth/password/reset", &again).status, 400);
        },
    },
    Story {
        name: "delete the account",
        begin: signed_in_if_possible,
        call: |world, held| {
            world.post_as(&held.access, "/auth/account/delete", &json!({"password": PASSWORD}))
        },
        done_before: &[(401, "invalid_token")],
        begins_anew: &[(401, "invalid_token")],
        carried_out: is_erased,
    },
    Story {
        name: "admin: add a user",
        begin: nothing,
        call: |world, held| {
            let body = json!({"login": "new@example.com", "password": NEW_PASSWORD});
            world.post_as(&held.admin, "/admin/users", &body)
        },
        done_before: &[(409, "login_taken")],
        begins_anew: &[],
        carried_out: |world, _| assert_eq!(sign_in(world, "new@example.com", NEW_PASSWORD).status, 200),
    },
    Story {
        name: "admin: take a scope away",
        begin: nothing,
        call: |world, held| {
            let body = json!({"scopes": ["read:orders"], "tenant_id": "acme"});
            put_as(world, &held.admin, &format!("/admin/users/{ALICE}/grants"), &body)
        },
        done_before: &[],
        begins_anew: &[],
        carried_out: all_over,
    },
    Story {
        name: "admin: disable a user",
        begin: nothing,
        call: |world, held| world.call_as("POST", &format!("/admin/users/{ALICE}/disable"), &held.admin),
        done_before: &[],
        begins_anew: &[],
        carried_out: |world, held| {
            all_over(world, held);
            assert_eq!(world.try_sign_in().status, 401);
        },
    },
    Story {
        name: "admin: end a user's sessions",
        begin: nothing,
        call: |world, held| world.call_as("DELETE", &format!("/admin/users/{ALICE}/sessions"), &held.admin),
        done_before: &[],
        begins_anew: &[],
        carried_out: all_over,
    },
    Story {
        name: "admin: erase a user",
        begin: nothing,
        call: |world, held| world.call_as("DELETE", &format!("/admin/users/{ALICE}"), &held.admin),
        done_before: &[(404, "user_not_found")],
        begins_anew: &[],
        carried_out: is_erased,
    },
    Story {
        name: "admin: revoke a subject",
        begin: nothing,
        call: |world, held| {
            let body = json!({"kind": "subject", "sub": ALICE.to_string()});
            world.post_as(&held.admin, "/admin/revocations", &body)
        },
        done_before: &[],
        begins_anew: &[],
        carried_out: all_over,
    },
    Story {
        name: "admin: revoke a client",
        begin: nothing,
        call: |world, held| {
            let body = json!({"kind": "client", "client_id": "first-party"});
            world.post_as(&held.admin, "/admin/revocations", &body)
        },
        done_before: &[],
        begins_anew: &[],
        carried_out: |world, held| {
            settle(world);
            assert_eq!(world.elsewhere().gate("/orders", Some(&held.access)), Some(401));
            assert_eq!(world.elsewhere().refresh(&held.refresh).status, 401);
            world.pass(2);
            let (access, refresh) = world.sign_in();
            goes_on(world, &access, &refresh);
        },
    },
    Story {
        name: "admin: revoke a key",
        begin: nothing,
        call: |world, held| world.call_as("POST", &format!("/admin/keys/{}/revoke", held.kid), &held.admin),
        done_before: &[],
        begins_anew: &[],
        carried_out: |world, held| {
            settle(world);
            // An isolate that has nothing in memory: the ring itself.
            assert_eq!(world.elsewhere().gate("/orders", Some(&held.access)), Some(401));
            let (access, _) = tokens(&world.elsewhere().refresh(&held.refresh));
            assert_eq!(world.elsewhere().gate("/orders", Some(&access)), None);
        },
    },
];

fn is_erased(world: &World, held: &Held) {
    all_over(world, held);
    assert_eq!(world.try_sign_in().status, 401);
    let login = Login::parse(LOGIN, &UnicodeTables).unwrap();
    assert_eq!(block_on(world.identity.find_by_login(&login)), Ok(None));
    // An hour later nothing is left of it.
    world.pass(3601);
    settle(world);
    block_on(world.accounts.alarm(ALICE, &world.feed));
    assert!(world.accounts.records(ALICE).snapshot().is_empty());
}

/// Plays a story to its end with something broken by `breaks`; whether it broke.
fn play(story: &Story, told: &str, breaks: impl FnOnce(&World), broke: impl FnOnce(&World) -> bool) -> bool {
    let (world, mut held) = world();
    (story.begin)(&world, &mut held);
    breaks(&world);
    let mut reply = (story.call)(&world, &held);
    world.settle();
    let broke = broke(&world);
    for _ in 0..TRIES {
        if broke && is_one_of(&reply, story.begins_anew) {
            (story.begin)(&world, &mut held);
        } else if reply.status != 503 {
            break;
        }
        world.pass(2);
        reply = (story.call)(&world, &held);
        world.settle();
    }
    let before =
        story.done_before.iter().any(|(status, name)| reply.status == *status && code(&reply) == *name);
    assert!(
        reply.status < 300 || (broke && before),
        "{}, {told}: {} {}",
        story.name,
        reply.status,
        String::from_utf8_lossy(&reply.body)
    );
    let carried_out =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (story.carried_out)(&world, &held)));
    assert!(carried_out.is_ok(), "{}, {told}: answered {} and was not carried out", story.name, reply.status);
    broke
}

// No success that was answered is a lie.
#[test]
fn any_single_failure_is_mended_by_a_repeated_call() {
    for story in STORIES {
        for how in [How::Lost, How::Unanswered] {
            for nth in (0..=MOST_CALLS).step_by(STEP) {
                assert!(nth < MOST_CALLS, "{}", story.name);
                let told = format!("call {nth} {how:?}");
                if !play(
                    story,
                    &told,
                    |world| world.faults.fail(nth, how),
                    |world| world.faults.failed().is_some(),
                ) {
                    assert!(nth > 0, "{} asks no part", story.name);
                    break;
                }
            }
        }
    }
}
