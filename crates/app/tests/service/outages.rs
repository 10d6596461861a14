//! Outages that last: what clients do meanwhile (they try again, as they were told) must not
//! cost them anything once the part is back.

use postern_app::{
    account::{AccountRequest, Accounts as _},
    events::EventContext,
    identity::{Grants, GrantsOrder, seed},
    ports::Component,
    refresh::Revocation,
};

use super::world::{World, block_on, code, tokens};

/// A client that repeats its call every few seconds for so long, as `Retry-After` says.
fn keep_trying(world: &World, seconds: u64, mut call: impl FnMut()) {
    for _ in 0..seconds / 5 {
        call();
        world.pass(5);
    }
}

// Of a session.
#[test]
fn an_outage_of_the_key_ring_uses_up_no_retries() {
    let world = World::new();
    let (_, refresh_token) = world.sign_in();
    world.settle();
    world.pass(61);
    world.key_ring.unreachable.set(true);
    keep_trying(&world, 600, || assert_eq!(world.refresh(&refresh_token).status, 503));
    world.key_ring.unreachable.set(false);
    let (_, successor) = tokens(&world.refresh(&refresh_token));
    world.pass(60);
    assert_eq!(world.refresh(&successor).status, 200);
}

// They would push the real ones out.
#[test]
fn an_outage_of_the_key_ring_opens_no_sessions() {
    let world = World::new();
    let (_, phone) = world.sign_in();
    world.settle();
    world.pass(61);
    world.key_ring.unreachable.set(true);
    keep_trying(&world, 1800, || {
        let reply = world.try_sign_in();
        assert!([429, 503].contains(&reply.status), "{}", code(&reply));
        world.settle();
    });
    world.key_ring.unreachable.set(false);
    world.pass(3600);
    let (access_token, _) = world.sign_in();
    let body = world.call_as("GET", "/auth/sessions", &access_token).body;
    let sessions: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(world.refresh(&phone).status, 200);
}

// The Account object was away at the first order.
#[test]
fn a_removed_privilege_is_gone_after_a_repeated_order() {
    let world = World::new();
    let (_, refresh_token) = world.sign_in();
    let grants = GrantsOrder::Set(Grants {
        scopes: vec!["read:orders".to_owned()],
        tenant_id: Some("acme".to_owned()),
        ..Grants::default()
    });
    let order = || {
        let order =
            block_on(world.service().set_grants(seed::ALICE.account, &grants, EventContext::default()));
        order.map(|regranted| regranted.is_some())
    };
    world.accounts.set_unreachable(true);
    assert!(order().is_err());
    world.accounts.set_unreachable(false);
    assert_eq!(order(), Ok(true));
    assert_eq!(code(&world.refresh(&refresh_token)), "invalid_grant", "it had write:orders");
    // Who has no more than that stays.
    let (_, refresh_token) = world.sign_in();
    assert_eq!(order(), Ok(true));
    assert_eq!(world.refresh(&refresh_token).status, 200);
}

// By the feed too.
#[test]
fn a_token_signed_during_a_logout_everywhere_is_refused() {
    let world = World::new();
    let (_, refresh_token) = world.sign_in();
    // The object has rotated; its answer is on the way, and the next second begins.
    let elsewhere = world.elsewhere();
    world.faults.meanwhile(Component::Account, move || {
        let all = AccountRequest::RevokeAll { reason: Revocation::LogoutAll, keep: None };
        block_on(elsewhere.accounts.ask(seed::ALICE.account, &all)).unwrap();
        elsewhere.pass(2);
    });
    let (access_token, _) = tokens(&world.refresh(&refresh_token));
    block_on(world.accounts.alarm(seed::ALICE.account, &world.feed));
    world.ring_feed();
    world.pass(1);
    assert_eq!(world.elsewhere().gate("/orders", Some(&access_token)), Some(401));
    // Who signs in after that is let in.
    let (access_token, _) = world.sign_in();
    assert_eq!(world.elsewhere().gate("/orders", Some(&access_token)), None);
}
