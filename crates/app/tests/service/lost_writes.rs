//! Writes to the database whose answer is lost, and a database that was restored: what was to end
//! has ended, no answer says otherwise, and the right password is let in.

use core::{cell::Cell, time::Duration};
use std::rc::Rc;

use postern_app::{
    events::EventContext,
    http::Reply,
    identity::{IdentityStore as _, User, memory::IdentityMode, seed},
    ids::AccountId,
    ports::{Clock as _, Component},
};
use serde_json::json;

use super::{
    assert_unavailable,
    world::{PASSWORD, World, block_on, code},
};

const LOGIN: &str = "alice@example.com";
const NEW_PASSWORD: &str = "a new and better passphrase";
const ALICE: AccountId = seed::ALICE.account;

fn sign_in(world: &World, password: &str) -> Reply {
    world.call("/auth/login", &json!({"login": LOGIN, "password": password, "delivery": "body"}))
}

fn change(world: &World, access: &str, current: &str, new: &str) -> Reply {
    world.post_as(access, "/auth/password", &json!({"current_password": current, "new_password": new}))
}

fn reset(world: &World, token: &str, new: &str) -> Reply {
    world.call("/auth/password/reset", &json!({"token": token, "new_password": new}))
}

/// A reset token that a thief read in the mailbox.
fn stolen_mail(world: &World) -> String {
    world.call("/auth/password/reset-request", &json!({"login": LOGIN}));
    world.settle();
    world.services.token()
}

fn row(world: &World) -> User {
    block_on(world.identity.find(ALICE)).unwrap().unwrap()
}

#[test]
fn a_changed_password_whose_answer_was_lost_is_changed() {
    let world = World::new();
    let (_, other) = world.sign_in();
    let (access, refresh) = world.sign_in();
    let stolen = stolen_mail(&world);
    world.identity.behave(IdentityMode::FailsAfterWriting);
    assert_eq!(change(&world, &access, PASSWORD, NEW_PASSWORD).status, 204);
    world.identity.behave(IdentityMode::Works);
    assert!(world.log.0.borrow().join("\n").contains(r#""event":"fault","part":"database""#));
    assert_eq!(code(&reset(&world, &stolen, "the thief's own password")), "invalid_one_time_token");
    assert_eq!(code(&world.refresh(&other)), "invalid_grant");
    assert_eq!(world.refresh(&refresh).status, 200);
    assert_eq!(sign_in(&world, NEW_PASSWORD).status, 200);
}

/// Nobody knows then whether it was changed. What a thief may hold serves no more all the same.
#[test]
fn a_password_change_of_unknown_end_leaves_a_thief_nothing() {
    let world = World::new();
    let (_, other) = world.sign_in();
    let (access, _) = world.sign_in();
    let stolen = stolen_mail(&world);
    let old = row(&world);
    world.identity.behave(IdentityMode::FailsFromAWriteOn);
    assert_unavailable(&change(&world, &access, PASSWORD, NEW_PASSWORD));
    world.identity.behave(IdentityMode::Works);
    assert_eq!(code(&reset(&world, &stolen, "the thief's own password")), "invalid_one_time_token");
    assert_eq!(code(&world.refresh(&other)), "invalid_grant");
    // After the answer it is looked for, and what is under way with the old password comes too late.
    world.settle();
    assert!(world.log.0.borrow().join("\n").contains(r#""event":"password_changed""#));
    world.identity.amend(ALICE, |user| *user = old.clone());
    assert_eq!(code(&sign_in(&world, PASSWORD)), "invalid_credentials");
}

/// How often the Account object is told after the answer while each call of it takes so long and fails, and how long that
/// takes.
fn told_after_the_answer(seconds_each: u64) -> (u32, Duration) {
    let world = World::new();
    let (access, _) = world.sign_in();
    let calls = Rc::new(Cell::new(0));
    let (world_then, counted) = (world.clone(), Rc::clone(&calls));
    let hang = move || {
        counted.set(counted.get() + 1);
        world_then.pass(seconds_each);
    };
    let (faults, then) = (world.faults.clone(), world.faults.clone());
    let once_changed = move || faults.fail_each(Component::Account, hang);
    // The user is read, and then changed.
    let once_read = move || then.meanwhile(Component::Database, once_changed);
    world.faults.meanwhile(Component::Database, once_read);
    assert_eq!(change(&world, &access, PASSWORD, NEW_PASSWORD).status, 204);
    let answered_at = world.platform.now();
    calls.set(0);
    world.settle();
    (calls.get(), world.platform.now().since(answered_at))
}

/// The platform ends all work 30 s after the answer, and a call of a part that hangs takes 10 s.
#[test]
fn retries_after_the_answer_end_within_30_s() {
    let (calls, took) = told_after_the_answer(10);
    assert_eq!(calls, 2);
    assert!(took < Duration::from_secs(30), "{took:?}");
    // The first took so long that a second one could not end in time.
    let (calls, took) = told_after_the_answer(19);
    assert_eq!(calls, 1);
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn a_reset_whose_answer_was_lost_is_done_and_its_token_spent() {
    let world = World::new();
    let (_, refresh) = world.sign_in();
    let token = stolen_mail(&world);
    world.identity.behave(IdentityMode::FailsAfterWriting);
    assert_eq!(reset(&world, &token, NEW_PASSWORD).status, 204);
    world.identity.behave(IdentityMode::Works);
    assert_eq!(code(&reset(&world, &token, "the thief's own password")), "invalid_one_time_token");
    assert_eq!(code(&world.refresh(&refresh)), "invalid_grant");
    assert_eq!(sign_in(&world, NEW_PASSWORD).status, 200);
}

#[test]
fn a_reset_of_unknown_end_does_not_give_its_token_back() {
    let world = World::new();
    world.sign_in();
    let token = stolen_mail(&world);
    world.identity.behave(IdentityMode::FailsFromAWriteOn);
    assert_unavailable(&reset(&world, &token, NEW_PASSWORD));
    world.identity.behave(IdentityMode::Works);
    assert_eq!(code(&reset(&world, &token, "the thief's own password")), "invalid_one_time_token");
    world.settle();
    assert_eq!(sign_in(&world, NEW_PASSWORD).status, 200);
}

#[test]
fn an_address_verified_by_a_lost_answer_is_verified() {
    let world = World::new();
    let (access, _) = world.sign_in();
    world.post_as(&access, "/auth/email/verification-request", &json!({}));
    world.settle();
    let token = world.services.token();
    world.identity.behave(IdentityMode::FailsAfterWriting);
    assert_eq!(world.call("/auth/email/verify", &json!({"token": token})).status, 204);
    assert!(row(&world).email_verified);
}

#[test]
fn a_user_disabled_by_a_write_of_unknown_end_has_no_session() {
    let world = World::new();
    let (access, refresh) = world.sign_in();
    let stolen = stolen_mail(&world);
    world.identity.behave(IdentityMode::FailsFromAWriteOn);
    assert!(block_on(world.service().set_disabled(ALICE, true, EventContext::default())).is_err());
    world.identity.behave(IdentityMode::Works);
    assert_eq!(world.gate("/strict", Some(&access)), Some(401));
    assert_eq!(code(&world.refresh(&refresh)), "invalid_grant");
    world.identity.amend(ALICE, |user| user.disabled = false);
    assert_eq!(code(&reset(&world, &stolen, NEW_PASSWORD)), "invalid_one_time_token");
    world.identity.behave(IdentityMode::FailsAfterWriting);
    assert_eq!(block_on(world.service().set_disabled(ALICE, true, EventContext::default())), Ok(true));
}

/// The database says which password is the right one. The Account object knows of the change that
/// was undone, and must not hold it against the user.
#[test]
fn after_a_restored_database_the_restored_password_is_right() {
    let world = World::new();
    let (access, _) = world.sign_in();
    let before = row(&world);
    for (current, new) in [(PASSWORD, NEW_PASSWORD), (NEW_PASSWORD, "one that nobody knows")] {
        assert_eq!(change(&world, &access, current, new).status, 204);
        world.pass(60);
    }
    assert_eq!(block_on(world.service().set_disabled(ALICE, true, EventContext::default())), Ok(true));
    world.identity.amend(ALICE, |user| *user = before.clone());
    // For as long as a sign-in may be under way that began before the last change.
    assert_eq!(code(&sign_in(&world, PASSWORD)), "invalid_credentials");
    world.pass(15 * 60);
    assert_eq!(sign_in(&world, PASSWORD).status, 200);
    // And every change from then on counts as a later one than those that were undone.
    let old = row(&world);
    let access = super::tokens(&sign_in(&world, PASSWORD)).0;
    assert_eq!(change(&world, &access, PASSWORD, NEW_PASSWORD).status, 204);
    assert_eq!(sign_in(&world, NEW_PASSWORD).status, 200);
    world.identity.amend(ALICE, |user| *user = old.clone());
    assert_eq!(code(&sign_in(&world, PASSWORD)), "invalid_credentials", "this one was under way");
}
