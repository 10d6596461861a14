//! The service when its parts fail: 503 with `Retry-After`, never `invalid_grant`, never a
//! revocation, and after the part is back everything goes on where it was.

mod account_flows;
mod admin;
mod applications;
mod attacks;
mod audit;
mod browser;
mod carriage;
mod consent;
mod cookies;
mod dashboard;
mod dashboard_overview;
mod documents;
mod every_call;
mod faults;
mod feed;
mod grants;
mod history;
mod issuers;
mod key_sets;
mod lost_writes;
mod masters;
mod oauth;
mod old_generations;
mod outages;
mod pages;
mod providers;
mod registration;
mod resources;
mod revocation_table;
mod rollout;
mod singletons;
mod stored_clients;
mod tables;
mod traces;
mod unseen;
mod verdicts;
mod world;

use self::world::{PASSWORD, World, code, tokens};
use postern_app::{
    http::Reply,
    identity::memory::IdentityMode,
    ports::memory::{FaultMode, MemoryRecords},
};
use serde_json::json;

fn assert_unavailable(reply: &Reply) {
    assert_eq!((reply.status, code(reply).as_str()), (503, "unavailable"));
    assert!(!String::from_utf8_lossy(&reply.body).contains("nothing"), "what was changed is not known");
    assert_eq!(reply.header("retry-after"), Some("2"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

fn account(world: &World, refresh_token: &str) -> MemoryRecords {
    let bytes = postern_app::encoding::from_base64url(refresh_token.strip_prefix("prt_").unwrap()).unwrap();
    let id: [u8; 16] = bytes[2..18].try_into().unwrap();
    world.accounts.records(postern_app::ids::AccountId::from_bytes(id))
}

#[test]
fn the_main_job_works_without_any_platform() {
    let world = World::new();
    let (access_token, refresh_token) = world.sign_in();
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    assert_eq!(world.gate("/orders", None), Some(401));
    assert_eq!(world.gate("/open", None), None);
    assert_eq!(world.gate("/elsewhere", None), Some(404));
    world.settle();
    let (access_token, successor) = tokens(&world.refresh(&refresh_token));
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    world.settle();
    world.pass(60);
    assert_eq!(code(&world.refresh(&refresh_token)), "invalid_grant", "a thief replays the old one");
    assert_eq!(code(&world.refresh(&successor)), "invalid_grant", "and the family is dead");
    assert_eq!(world.gate("/strict", Some(&access_token)), Some(401), "at once where that is asked for");
}

#[test]
fn an_unreachable_account_object_never_looks_like_theft() {
    let world = World::new();
    let (access_token, refresh_token) = world.sign_in();
    world.accounts.set_unreachable(true);
    for _ in 0..3 {
        assert_unavailable(&world.refresh(&refresh_token));
        assert_unavailable(&world.call_as("GET", "/auth/sessions", &access_token));
        assert_unavailable(&world.try_sign_in());
    }
    assert_eq!(world.gate("/orders", Some(&access_token)), None, "the gate does not need it");
    assert_eq!(world.gate("/strict", Some(&access_token)), Some(503), "but where it is asked for");
    world.accounts.set_unreachable(false);
    assert_eq!(world.refresh(&refresh_token).status, 200);
}

#[test]
fn an_answer_lost_after_the_commit_is_owed_again_byte_for_byte() {
    let world = World::new();
    let (_, refresh_token) = world.sign_in();
    world.accounts.set_lose_answers(true);
    assert_unavailable(&world.refresh(&refresh_token));
    world.accounts.set_lose_answers(false);
    let (_, first) = tokens(&world.refresh(&refresh_token));
    let (_, second) = tokens(&world.refresh(&refresh_token));
    assert_eq!(first, second);
    world.pass(3600);
    let (_, late) = tokens(&world.refresh(&refresh_token));
    assert_eq!(late, first, "also an hour later, as nothing proved that it arrived");
}

#[test]
fn a_failing_object_storage_leaves_the_family_as_it_was() {
    for mode in [FaultMode::FailCall(0), FaultMode::FailCall(1), FaultMode::FailCall(2), FaultMode::Down] {
        let world = World::new();
        let (_, refresh_token) = world.sign_in();
        let records = account(&world, &refresh_token);
        let before = records.snapshot();
        records.break_with(mode);
        let reply = world.refresh(&refresh_token);
        if reply.status != 200 {
            assert_unavailable(&reply);
            assert_eq!(records.snapshot(), before, "{mode:?}");
        }
        records.break_with(FaultMode::None);
        assert_eq!(world.refresh(&refresh_token).status, 200, "{mode:?}");
    }
}

#[test]
fn a_failing_database_stops_sign_ins_and_nothing_else() {
    let world = World::new();
    let (access_token, refresh_token) = world.sign_in();
    world.identity.behave(IdentityMode::Fails);
    assert_unavailable(&world.try_sign_in());
    let registration = json!({"login": "bob@example.com", "password": "long enough"});
    assert_unavailable(&world.call("/auth/register", &registration));
    assert_eq!(world.refresh(&refresh_token).status, 200);
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    let ready = world.call_as("GET", "/readyz", "");
    assert_eq!(ready.status, 503);
    assert!(String::from_utf8_lossy(&ready.body).contains(r#"{"part":"database","ok":false}"#));
    world.identity.behave(IdentityMode::Works);
    assert_eq!(world.call("/auth/register", &registration).status, 201);
    assert_eq!(world.call("/auth/register", &registration).status, 409);
}

#[test]
fn a_registration_whose_answer_was_lost_is_there_all_the_same() {
    let world = World::new();
    world.sign_in();
    world.identity.behave(IdentityMode::FailsAfterWriting);
    let registration = json!({"login": "bob@example.com", "password": "long enough"});
    assert_eq!(world.call("/auth/register", &registration).status, 201);
    world.identity.behave(IdentityMode::Works);
    assert_eq!(code(&world.call("/auth/register", &registration)), "login_taken");
    let login = json!({"login": "bob@example.com", "password": "long enough", "delivery": "body"});
    assert_eq!(world.call("/auth/login", &login).status, 200);
}

#[test]
fn without_the_key_ring_known_keys_go_on_and_sign_ins_wait() {
    let world = World::new();
    let (access_token, refresh_token) = world.sign_in();
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    world.key_ring.unreachable.set(true);
    world.pass(61);
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    assert_unavailable(&world.refresh(&refresh_token));
    // Where the set is not in memory, not in KV and not to be had, it is our fault.
    assert_eq!(world.elsewhere().gate("/orders", Some(&access_token)), Some(503));
    world.key_ring.unreachable.set(false);
    assert_eq!(world.refresh(&refresh_token).status, 200, "the rotation that got no answer is owed again");
    assert_eq!(world.elsewhere().gate("/orders", Some(&access_token)), None);
}

#[test]
fn a_failing_kv_costs_nothing_but_a_step() {
    let world = World::new();
    world.kv.broken.set(true);
    let (access_token, _) = world.sign_in();
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    let ready = world.call_as("GET", "/readyz", "");
    assert!(String::from_utf8_lossy(&ready.body).contains(r#"{"part":"kv","ok":false}"#));
}

#[test]
fn failing_cryptography_is_our_fault_and_not_the_tokens() {
    let world = World::new();
    let (access_token, refresh_token) = world.sign_in();
    world.crypto.broken.set(true);
    assert_eq!(world.gate("/orders", Some(&access_token)), Some(503));
    assert_unavailable(&world.refresh(&refresh_token));
    world.crypto.broken.set(false);
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    assert_eq!(world.refresh(&refresh_token).status, 200);
}

#[test]
fn an_undelivered_receipt_is_tried_again_without_harm() {
    let world = World::new();
    let (_, refresh_token) = world.sign_in();
    let (access_token, successor) = tokens(&world.refresh(&refresh_token));
    world.accounts.set_unreachable(true);
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    world.settle();
    world.accounts.set_unreachable(false);
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    world.settle();
    world.pass(120);
    assert_eq!(code(&world.refresh(&refresh_token)), "invalid_grant", "the receipt closed the window");
    assert_eq!(code(&world.refresh(&successor)), "invalid_grant");
}

#[test]
fn garbage_wakes_no_object() {
    let world = World::new();
    let (_, refresh_token) = world.sign_in();
    let before = world.accounts.asked();
    let mut tampered = refresh_token.clone();
    let last = tampered.pop().unwrap();
    tampered.push(if last == 'A' { 'Q' } else { 'A' });
    for garbage in ["", "prt_", "x", &"A".repeat(119), &format!("prt_{}", "A".repeat(115)), &tampered] {
        assert_eq!(code(&world.refresh(garbage)), "invalid_grant", "{garbage}");
    }
    assert_eq!(world.accounts.asked(), before);
}

#[test]
fn no_token_and_no_password_stands_in_the_log() {
    let world = World::new();
    let (access_token, refresh_token) = world.sign_in();
    world.gate("/orders", Some(&access_token));
    world.gate("/orders", Some(&format!("{access_token}x")));
    world.refresh(&refresh_token);
    world.accounts.set_unreachable(true);
    world.refresh(&refresh_token);
    world.settle();
    let log = world.log.0.borrow().join("\n");
    assert!(log.contains(r#""event":"signed_in""#) && log.contains(r#""event":"fault""#));
    let signature = access_token.rsplit('.').next().unwrap();
    for secret in [PASSWORD, "alice@example.com", signature, &refresh_token[4..60]] {
        assert!(!log.contains(secret), "{secret} stands in {log}");
    }
}
