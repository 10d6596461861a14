//! A password hash that cannot be verified looks like a wrong password from outside: everything
//! else would tell who has an account.

use postern_app::{
    http::Reply,
    identity::{IdentityStore as _, PasswordHash, seed},
    ids::AccountId,
};
use serde_json::json;

use super::world::{PASSWORD, World, block_on};

const ALICE: AccountId = seed::ALICE.account;

fn guess(world: &World, login: &str) -> Reply {
    world.call("/auth/login", &json!({"login": login, "password": PASSWORD, "delivery": "body"}))
}

fn world() -> World {
    let plenty = json!({"burst": 1000, "per_minute": 1000});
    let names = ["login_ip", "login_network"];
    let limits: serde_json::Map<_, _> =
        names.iter().map(|name| ((*name).to_owned(), plenty.clone())).collect();
    World::with(&json!({ "POSTERN_LIMITS": limits }))
}

#[test]
fn a_user_of_a_removed_master_looks_like_nobody() {
    type Spoil = fn(&str) -> String;
    let spoiled: [(&str, Spoil); 3] = [
        ("hash_of_unknown_master", |text| text.replace("keyid=AQ", "keyid=AA")),
        ("hash_unreadable", |_| "hunter2".to_owned()),
        ("hash_too_costly", |_| "$2b$31$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG".to_owned()),
    ];
    for (cause, spoil) in spoiled {
        let world = world();
        let (access, _) = world.sign_in();
        let hash = block_on(world.identity.find(ALICE)).unwrap().unwrap().password_hash;
        let hash = PasswordHash::from_stored(&spoil(hash.as_str()));
        world.identity.amend(ALICE, |user| user.password_hash = hash);
        // Who is signed in gives the password again: no fault there either.
        let change = json!({"current_password": PASSWORD, "new_password": "another passphrase"});
        assert_eq!(world.post_as(&access, "/auth/password", &change).status, 403);
        world.pass(7200);
        // As often as it takes to see the limits, and the lock, of both.
        for _ in 0..30 {
            assert_eq!(guess(&world, "alice@example.com"), guess(&world, "nobody@example.com"), "{cause}");
            world.settle();
        }
        let log = world.log.0.borrow().join("\n");
        assert!(log.contains(&format!(r#""event":"sign_in_refused","cause":"{cause}""#)), "{log}");
        let told = log.lines().find(|line| line.contains(r#""event":"fault","part":"crypto""#)).unwrap();
        assert!(told.contains(&ALICE.to_string()) && !told.contains("hunter2"), "{told}");
    }
}

/// In a rollout of a new master the other version makes hashes under it. That passes by itself, and
/// must not be held against anybody.
/// That master secret is still being rolled out.
#[test]
fn a_hash_under_a_newer_master_is_no_wrong_password() {
    let world = world();
    world.sign_in();
    let hash = block_on(world.identity.find(ALICE)).unwrap().unwrap().password_hash;
    let newer = PasswordHash::from_stored(&hash.as_str().replace("keyid=AQ", "keyid=Ag"));
    world.identity.amend(ALICE, |user| user.password_hash = newer);
    for _ in 0..30 {
        assert_eq!(guess(&world, "alice@example.com").status, 503);
        world.settle();
        world.pass(60);
    }
    world.identity.amend(ALICE, |user| user.password_hash = hash);
    assert_eq!(guess(&world, "alice@example.com").status, 200, "no failure was counted");
}
