//! Revocation at the gate, from the act to the refusal, while parts fail.

use pollster::block_on;
use postern_app::{
    account::AlarmAction,
    admin::revoking::RevocationRefused,
    events::EventContext,
    ids::AccountId,
    keys::{KeyRingAnswer, KeyRingObject as _, KeyRingRequest},
    ports::{Clock as _, KvStore as _},
    revocation::{FeedCopy, Kind, RevocationKey, Target},
    service::{kv_key, own_snapshot},
};
use serde_json::{Value, json};

use super::world::{World, code, tokens};

/// Everything that happens by itself: receipts, the accounts' alarms, the feed's.
fn settle(world: &World) {
    world.settle();
    for account in world.accounts.all() {
        block_on(world.accounts.alarm(account, &world.feed));
    }
    world.ring_feed();
}

/// A copy of the feed is due: the next request reads it in the background.
fn reread(world: &World, access_token: &str) {
    world.pass(31);
    world.gate("/orders", Some(access_token));
    settle(world);
}

fn careful() -> World {
    World::with(&json!({"POSTERN_ROUTES": [
        {"path": "/orders", "service": "ORIGIN"},
        {"path": "/careful", "stale_feed": "refuse", "service": "ORIGIN"},
    ]}))
}

fn claim(access_token: &str, name: &str) -> String {
    let payload = access_token.split('.').nth(1).unwrap();
    let claims: Value =
        serde_json::from_slice(&postern_app::encoding::from_base64url(payload).unwrap()).unwrap();
    claims[name].as_str().unwrap().to_owned()
}

fn revoke(world: &World, target: &Target) -> Result<usize, RevocationRefused> {
    block_on(world.service().revoke_target(target, EventContext::default())).map(|done| done.sessions.len())
}

// KV's copy is a minute old when it is read, and the next request comes 80 s later.
#[test]
fn seldom_requests_do_not_stretch_the_bound() {
    let world = World::new();
    let (access_token, _) = world.sign_in();
    let (_, refresh_token) = world.sign_in();
    world.ring_feed();
    world.kv.serve_old(true);
    assert_eq!(world.call("/auth/logout", &json!({"refresh_token": refresh_token})).status, 204);
    let (revoked, refresh_token) = world.sign_in();
    assert_eq!(world.call("/auth/logout", &json!({"refresh_token": refresh_token})).status, 204);
    settle(&world);
    world.pass(55);
    assert_eq!(world.gate("/orders", Some(&revoked)), None, "the copy is trusted");
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    world.kv.serve_old(false);
    world.pass(80);
    assert_eq!(world.gate("/orders", Some(&revoked)), Some(401), "135 s after the revocation");
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
}

// Once the feed is read again.
#[test]
fn every_end_of_a_session_reaches_the_gate_by_the_feed() {
    for way in 0..6 {
        let world = World::new();
        let (access_token, refresh_token) = world.sign_in();
        let (other, _) = world.sign_in();
        assert_eq!(world.gate("/orders", Some(&access_token)), None);
        world.settle();
        match way {
            0 => drop(world.call("/auth/logout", &json!({"refresh_token": refresh_token}))),
            1 => drop(world.call("/auth/logout-all", &json!({"refresh_token": refresh_token}))),
            2 => drop(world.call_as("DELETE", "/auth/sessions", &other)),
            3 => {
                let path = format!("/auth/sessions/{}", claim(&access_token, "sid"));
                assert_eq!(world.call_as("DELETE", &path, &other).status, 204);
            }
            4 => {
                // A thief replays what was replaced.
                let (_, second) = tokens(&world.refresh(&refresh_token));
                world.pass(20);
                tokens(&world.refresh(&second));
                assert_eq!(code(&world.refresh(&refresh_token)), "invalid_grant");
            }
            _ => {
                let account: AccountId = claim(&access_token, "sub").parse().unwrap();
                let session = claim(&access_token, "sid").parse().unwrap();
                assert_eq!(revoke(&world, &Target::Session { account, session }), Ok(1));
            }
        }
        settle(&world);
        reread(&world, &access_token);
        assert_eq!(world.gate("/orders", Some(&access_token)), Some(401), "way {way}");
        assert_eq!(world.elsewhere().gate("/orders", Some(&access_token)), Some(401), "way {way}, elsewhere");
        let expected = if way == 1 { Some(401) } else { None };
        assert_eq!(world.gate("/orders", Some(&other)), expected, "way {way}, the other session");
    }
}

#[test]
fn a_sign_in_in_the_second_of_a_logout_everywhere_passes() {
    let world = World::new();
    let (old, refresh_token) = world.sign_in();
    assert_eq!(world.gate("/orders", Some(&old)), None);
    world.call("/auth/logout-all", &json!({"refresh_token": refresh_token}));
    let (new, _) = world.sign_in();
    settle(&world);
    reread(&world, &old);
    assert_eq!(world.gate("/orders", Some(&old)), Some(401));
    let asked = world.accounts.asked();
    for _ in 0..5 {
        assert_eq!(world.gate("/orders", Some(&new)), None);
    }
    assert_eq!(world.accounts.asked(), asked + 1, "confirmed once, and remembered");
}

#[test]
fn single_tokens_and_clients_are_refused_at_strong_too() {
    let world = World::new();
    let (access_token, _) = world.sign_in();
    let (other, refresh_token) = world.sign_in();
    for token in [&access_token, &other] {
        assert_eq!((world.gate("/orders", Some(token)), world.gate("/strict", Some(token))), (None, None));
    }
    let jti = claim(&access_token, "jti");
    assert_eq!(revoke(&world, &Target::AccessToken { issuer: None, jti, expires_at: None }), Ok(0));
    settle(&world);
    reread(&world, &access_token);
    for path in ["/orders", "/strict"] {
        assert_eq!(world.gate(path, Some(&access_token)), Some(401), "{path}");
        assert_eq!(world.gate(path, Some(&other)), None, "{path}");
    }
    revoke(&world, &Target::Client { client_id: "first-party".to_owned(), not_before: None }).unwrap();
    settle(&world);
    reread(&world, &other);
    assert_eq!(world.gate("/orders", Some(&other)), Some(401));
    assert_eq!(code(&world.refresh(&refresh_token)), "invalid_grant", "its sessions end when they refresh");
    world.pass(1);
    let (new, refresh_token) = world.sign_in();
    assert_eq!(world.gate("/orders", Some(&new)), None);
    assert_eq!(world.refresh(&refresh_token).status, 200);
}

// An unknown issuer is refused.
#[test]
fn an_entry_that_the_feed_cannot_store_is_a_fault() {
    let world = World::new();
    world.feed.unreachable.set(true);
    let token = Target::AccessToken { issuer: None, jti: "x".to_owned(), expires_at: None };
    assert!(matches!(revoke(&world, &token), Err(RevocationRefused::Fault(_))));
    let foreign = Target::ForeignSubject {
        issuer: "https://unknown.example".into(),
        subject: "s".into(),
        not_before: None,
        expires_at: None,
    };
    assert_eq!(revoke(&world, &foreign), Err(RevocationRefused::UntrustedIssuer));
}

// The feed gets it later.
#[test]
fn logout_answers_as_ever_while_the_feed_is_away() {
    let world = World::new();
    let (access_token, refresh_token) = world.sign_in();
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    settle(&world);
    world.feed.unreachable.set(true);
    let reply = world.call("/auth/logout", &json!({"refresh_token": refresh_token}));
    assert_eq!(reply.status, 204);
    let account: AccountId = claim(&access_token, "sub").parse().unwrap();
    for _ in 0..3 {
        let (alarm, fault) = block_on(world.accounts.alarm(account, &world.feed));
        assert!(fault.is_some() && matches!(alarm, AlarmAction::Alarm(_)));
        world.pass(10);
    }
    world.feed.unreachable.set(false);
    settle(&world);
    reread(&world, &access_token);
    assert_eq!(world.gate("/orders", Some(&access_token)), Some(401));
    let (_, fault) = block_on(world.accounts.alarm(account, &world.feed));
    assert_eq!(fault, None);
}

#[test]
fn without_kv_the_feeds_object_is_read() {
    let world = World::new();
    let (access_token, refresh_token) = world.sign_in();
    world.kv.broken.set(true);
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    world.call("/auth/logout", &json!({"refresh_token": refresh_token}));
    settle(&world);
    reread(&world, &access_token);
    assert_eq!(world.gate("/orders", Some(&access_token)), Some(401));
}

#[test]
fn garbage_in_kv_is_refused_whole_and_the_copy_stays() {
    let world = World::new();
    let (access_token, refresh_token) = world.sign_in();
    let (other, _) = world.sign_in();
    world.call("/auth/logout", &json!({"refresh_token": refresh_token}));
    settle(&world);
    assert_eq!(world.gate("/orders", Some(&access_token)), Some(401));
    world.feed.unreachable.set(true);
    for garbage in ["", "<html>", "postern-feed.1.AAAA", "postern-feed.2."] {
        block_on(world.kv.write(world.feed_key(), garbage)).unwrap();
        reread(&world, &other);
        assert_eq!(world.gate("/orders", Some(&access_token)), Some(401), "{garbage:?}");
        assert_eq!(world.gate("/orders", Some(&other)), None, "{garbage:?}");
    }
}

// A route with `refuse` refuses after a while.
#[test]
fn without_kv_and_object_the_last_copy_decides() {
    let world = careful();
    let (access_token, refresh_token) = world.sign_in();
    let (ended, _) = world.sign_in();
    assert_eq!(world.gate("/careful", Some(&access_token)), None);
    let path = format!("/auth/sessions/{}", claim(&ended, "sid"));
    assert_eq!(world.call_as("DELETE", &path, &access_token).status, 204);
    settle(&world);
    reread(&world, &access_token);
    world.kv.broken.set(true);
    world.feed.unreachable.set(true);
    for _ in 0..8 {
        reread(&world, &access_token);
        assert_eq!(world.gate("/careful", Some(&access_token)), None);
        assert_eq!(world.gate("/careful", Some(&ended)), Some(401));
    }
    reread(&world, &access_token);
    assert_eq!(world.gate("/careful", Some(&access_token)), Some(503), "older than five minutes");
    assert_eq!(world.gate("/orders", Some(&access_token)), None, "here nobody asked for that");
    assert_eq!(world.gate("/orders", Some(&ended)), Some(401), "and the copy is still good for this");
    // An isolate that starts now has no copy.
    let cold = world.elsewhere();
    world.kv.broken.set(false);
    let (fresh, _) = tokens(&world.refresh(&refresh_token));
    world.kv.broken.set(true);
    let _ = cold.gate("/careful", Some(&fresh));
    assert_eq!(world.call_as("GET", "/readyz", "").status, 503);
    world.kv.broken.set(false);
    world.feed.unreachable.set(false);
    reread(&world, &access_token);
    assert_eq!(world.gate("/careful", Some(&fresh)), None);
}

// Though KV answers.
#[test]
fn a_careful_route_notices_a_feed_that_is_not_written() {
    let world = careful();
    let (access_token, _) = world.sign_in();
    assert_eq!(world.gate("/careful", Some(&access_token)), None);
    settle(&world);
    world.feed.unreachable.set(true);
    for _ in 0..10 {
        reread_without_alarms(&world, &access_token);
    }
    assert_eq!(world.gate("/careful", Some(&access_token)), Some(503));
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
}

fn reread_without_alarms(world: &World, access_token: &str) {
    world.pass(31);
    world.gate("/orders", Some(access_token));
    world.settle();
}

#[test]
fn an_unconfirmed_hit_is_our_fault_and_not_the_callers() {
    let world = World::new();
    let (access_token, refresh_token) = world.sign_in();
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    world.call("/auth/logout", &json!({"refresh_token": refresh_token}));
    settle(&world);
    reread(&world, "");
    world.accounts.set_unreachable(true);
    let cold = world.elsewhere();
    assert_eq!(cold.gate("/orders", Some(&access_token)), Some(503));
    world.accounts.set_unreachable(false);
    assert_eq!(cold.gate("/orders", Some(&access_token)), Some(401));
    world.accounts.set_unreachable(true);
    assert_eq!(cold.gate("/orders", Some(&access_token)), Some(401), "the answer is remembered");
}

#[test]
fn an_idle_isolate_reads_the_feed_before_it_judges() {
    let world = World::new();
    let (access_token, refresh_token) = world.sign_in();
    assert_eq!(world.gate("/orders", Some(&access_token)), None);
    world.call("/auth/logout", &json!({"refresh_token": refresh_token}));
    settle(&world);
    assert_eq!(world.gate("/orders", Some(&access_token)), None, "the copy is fresh, and does not know");
    world.pass(91);
    assert_eq!(world.gate("/orders", Some(&access_token)), Some(401));
}

#[test]
fn readyz_shows_the_age_of_the_feed() {
    let world = World::new();
    let reply = world.call_as("GET", "/readyz", "");
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["revocation_feed"], json!({"age": 0, "entries": 0, "kv_age": null, "failed_writes": 0}));
    assert_eq!(reply.status, 200);
}

/// The `kid` of a token's header.
fn kid(access_token: &str) -> String {
    let header = access_token.split('.').next().unwrap();
    let header: Value =
        serde_json::from_slice(&postern_app::encoding::from_base64url(header).unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// The ring revokes the key, and nobody is told.
fn withdraw(world: &World, kid: &str) {
    let ask = KeyRingRequest::RevokeKey { kid: kid.parse().unwrap() };
    assert!(matches!(block_on(world.key_ring.ask(&ask)), Ok(KeyRingAnswer::KeyRevoked { .. })));
}

fn free() -> World {
    World::with(&json!({"POSTERN_ROUTES": [
        {"path": "/orders", "service": "ORIGIN"},
        {"path": "/free", "revocation": "none", "service": "ORIGIN"},
    ]}))
}

/// KV keeps the key set of before: the ring's write of the new one was lost.
fn keep_in_kv(world: &World) {
    let KeyRingAnswer::PublicSet { set } =
        block_on(world.key_ring.ask(&KeyRingRequest::PublicSet {})).unwrap()
    else {
        panic!("the ring has no set")
    };
    let issuer = "http://localhost:8787";
    let snapshot = own_snapshot(issuer, &set, world.platform.now()).unwrap();
    block_on(world.kv.write(&kv_key(issuer), &serde_json::to_string(&snapshot).unwrap())).unwrap();
}

// It was stolen.
#[test]
fn a_revoked_signing_key_verifies_nothing_after_a_reading() {
    let here = free();
    let (access_token, _) = here.sign_in();
    keep_in_kv(&here);
    let (reads, idle) = (here.elsewhere(), here.elsewhere());
    for isolate in [&here, &reads, &idle] {
        for path in ["/orders", "/free"] {
            assert_eq!(isolate.gate(path, Some(&access_token)), None, "{path}");
        }
    }
    let kid = kid(&access_token);
    withdraw(&here, &kid);
    revoke(&here, &Target::Key { kid }).unwrap();
    // Where the order came in, at once, and at every level: also a token that was verified before.
    for path in ["/free", "/orders"] {
        assert_eq!(here.gate(path, Some(&access_token)), Some(401), "{path}");
    }
    assert_eq!(reads.gate("/free", Some(&access_token)), None, "nobody told this one yet");
    settle(&here);
    reread(&reads, &access_token);
    for path in ["/free", "/orders"] {
        assert_eq!(reads.gate(path, Some(&access_token)), Some(401), "{path}, elsewhere");
    }
    // One that slept through it waits for the feed before it believes what it remembers.
    here.pass(70);
    assert_eq!(idle.gate("/orders", Some(&access_token)), Some(401), "after a sleep");
    // One that starts finds the key in KV still.
    assert_eq!(here.elsewhere().gate("/orders", Some(&access_token)), Some(401), "at its start");
    let (new, _) = here.sign_in();
    assert_eq!(reads.gate("/orders", Some(&new)), None, "the next key signs, and verifies");
}

// Also for tokens that were verified before.
#[test]
fn a_withdrawn_key_is_refused_after_the_caches_age() {
    let world = free();
    let (access_token, _) = world.sign_in();
    assert_eq!(world.gate("/free", Some(&access_token)), None);
    withdraw(&world, &kid(&access_token));
    world.pass(299);
    world.gate("/free", Some(&access_token));
    settle(&world);
    assert_eq!(world.gate("/free", Some(&access_token)), None, "the copy is young enough");
    world.pass(1);
    world.gate("/free", Some(&access_token));
    settle(&world);
    assert_eq!(world.gate("/free", Some(&access_token)), Some(401));
}

#[test]
fn a_revoked_key_is_listed_while_an_old_key_set_may_serve() {
    let world = World::new();
    let listed = |kid: &str| {
        let text = block_on(world.kv.read(world.feed_key())).unwrap().unwrap();
        let copy = FeedCopy::parse(&text).unwrap();
        copy.lists(RevocationKey::own(Kind::Key, kid).short(), world.platform.now())
    };
    revoke(&world, &Target::Key { kid: "stolen".to_owned() }).unwrap();
    for _ in 0..24 {
        world.pass(60 * 60);
        settle(&world);
        assert!(listed("stolen"));
    }
    world.pass(60 * 60);
    settle(&world);
    assert!(!listed("stolen"), "and not for ever");
}

#[test]
fn a_refuted_hit_does_not_cover_a_later_other_cause() {
    let world = World::new();
    let (_, refresh_token) = world.sign_in();
    world.call("/auth/logout-all", &json!({"refresh_token": refresh_token}));
    // In the same second: a hit by its subject, and refuted.
    let (new, _) = world.sign_in();
    settle(&world);
    reread(&world, &new);
    assert_eq!(world.gate("/orders", Some(&new)), None);
    let jti = claim(&new, "jti");
    revoke(&world, &Target::AccessToken { issuer: None, jti, expires_at: None }).unwrap();
    assert_eq!(world.gate("/orders", Some(&new)), Some(401));
}
