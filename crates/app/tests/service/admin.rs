//! The administrators' API where time passes and parts fail.

use pollster::block_on;
use postern_app::{audit::AuditLog as _, http::Reply, identity::memory::IdentityMode};
use serde_json::{Value, json};

use super::world::{PASSWORD, World, code, tokens};

/// Signs the local administrator in; both tokens.
fn sign_in(world: &World) -> (String, String) {
    let body = json!({"login": "admin@example.com", "password": PASSWORD, "delivery": "body"});
    tokens(&world.call("/auth/login", &body))
}

fn challenge(reply: &Reply) -> &str {
    reply.header("www-authenticate").unwrap()
}

// It can still read.
#[test]
fn an_administrators_session_changes_nothing_after_an_hour() {
    let world = World::new();
    let (access_token, refresh_token) = sign_in(&world);
    assert_eq!(code(&world.call_as("POST", "/admin/keys/rotate", &access_token)), "key_too_young");

    // A refresh gives a new access token, and no new sign-in.
    world.pass(3601);
    let (access_token, _) = tokens(&world.refresh(&refresh_token));
    assert_eq!(world.call_as("GET", "/admin/keys", &access_token).status, 200);
    let refused = world.call_as("POST", "/admin/keys/rotate", &access_token);
    assert_eq!((refused.status, code(&refused)), (401, "insufficient_user_authentication".to_owned()));
    assert!(challenge(&refused).contains(r#"max_age="3600""#), "{}", challenge(&refused));
    assert!(world.log.0.borrow().iter().any(|line| line.contains("sign_in_too_old")));

    let (access_token, _) = sign_in(&world);
    assert_eq!(world.call_as("POST", "/admin/keys/rotate", &access_token).status, 200);
}

// Everything is still shown.
#[test]
fn without_the_audit_log_nothing_changes() {
    let world = World::new();
    sign_in(&world);
    // Until the clients can know the next key.
    world.pass(700);
    let (access_token, _) = sign_in(&world);
    let before = world.call_as("GET", "/admin/keys", &access_token).body;
    world.audit_log.unreachable.set(true);
    let refused = world.call_as("POST", "/admin/keys/rotate", &access_token);
    assert_eq!((refused.status, code(&refused)), (503, "unavailable".to_owned()));
    assert_eq!(world.call_as("GET", "/admin/keys", &access_token).body, before);
    world.audit_log.unreachable.set(false);
    assert_eq!(world.call_as("POST", "/admin/keys/rotate", &access_token).status, 200);
}

#[test]
fn an_act_whose_part_failed_stands_in_the_log_as_failed() {
    let world = World::new();
    let (access_token, _) = sign_in(&world);
    // The session is asked about first; then the ring is not there.
    assert_eq!(world.call_as("GET", "/admin/keys", &access_token).status, 200);
    world.key_ring.unreachable.set(true);
    assert_eq!(world.call_as("POST", "/admin/keys/rotate", &access_token).status, 503);
    let page = block_on(world.audit_log.page(0, 10)).unwrap();
    let told: Vec<&str> = page.entries.iter().map(|sealed| sealed.entry.result.name()).collect();
    assert_eq!(told, ["requested", "failed"]);
}

// Its answer was lost.
#[test]
fn an_import_sent_again_makes_no_user_twice() {
    let world = World::new();
    let (access_token, _) = sign_in(&world);
    let hash = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
    let row = |login: &str| json!({"login": login, "password_hash": hash});
    let send = |rows: Value| world.post_as(&access_token, "/admin/users/import", &json!({ "rows": rows }));
    let counts = |reply: &Reply| {
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        ["created", "existing", "refused"].map(|name| body[name].as_u64().unwrap())
    };
    let batch = json!([row("ann@example.com"), row("bob@example.com"), row("ann@example.com"), {}]);
    for mode in [IdentityMode::FailsToWrite, IdentityMode::FailsAfterWriting] {
        world.identity.behave(mode);
        let failed = send(batch.clone());
        assert_eq!((failed.status, code(&failed)), (503, "unavailable".to_owned()), "{mode:?}");
    }
    world.identity.behave(IdentityMode::Works);
    assert_eq!(counts(&send(batch)), [0, 3, 1]);
    // With new rows among them.
    assert_eq!(counts(&send(json!([row("bob@example.com"), row("eve@example.com")]))), [1, 1, 0]);
    // Nothing but refusals asks the store for nothing.
    world.identity.behave(IdentityMode::Fails);
    assert_eq!(counts(&send(json!([{}]))), [0, 0, 1]);
}

fn answer(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", code(reply));
    serde_json::from_slice(&reply.body).unwrap()
}

#[test]
fn a_revoked_client_that_nobody_knows_is_said_to_be_unknown() {
    let world = World::new();
    let (access_token, _) = sign_in(&world);
    let revoke = |body: Value| world.post_as(&access_token, "/admin/revocations", &body);
    let client = |id: &str| answer(&revoke(json!({"kind": "client", "client_id": id})))["known"].clone();
    assert_eq!(client("first-partyy"), json!(false));
    // An id that no access token of ours can have lists nothing.
    for jti in ["zzz", "a".repeat(23).as_str(), "a".repeat(400).as_str()] {
        let refused = revoke(json!({"kind": "access_token", "jti": jti}));
        assert_eq!((refused.status, code(&refused)), (400, "invalid_member".to_owned()), "{jti}");
    }
    let sound = answer(&revoke(json!({"kind": "access_token", "jti": "AAECAwQFBgcICQoLDA0ODw"})));
    assert!(sound.get("known").is_none());
    assert_eq!(client("first-party"), json!(true));
}

#[test]
fn a_page_of_users_says_exactly_whether_more_follow() {
    let world = World::new();
    let (access_token, _) = sign_in(&world);
    // Alice and the administrator.
    let page = |query: &str| answer(&world.call_as("GET", &format!("/admin/users{query}"), &access_token));
    let first = page("?limit=1");
    assert_eq!(first["users"].as_array().unwrap().len(), 1);
    let next = first["next"].as_str().unwrap();
    let last = page(&format!("?limit=1&after={next}"));
    assert_eq!((last["users"].as_array().unwrap().len(), last.get("next")), (1, None));
    assert!(page("?limit=2").get("next").is_none());
    let many: Vec<Value> = (0..201)
        .map(|number| json!({"login": format!("u{number:03}@example.com"), "password_hash": null}))
        .collect();
    let import =
        |rows: &[Value]| world.post_as(&access_token, "/admin/users/import", &json!({ "rows": rows }));
    assert_eq!(import(&many).status, 200);
    assert!(page("?limit=200&search=u")["next"].is_string());
    assert_eq!(page("?limit=200&search=u0").get("next"), None);
}
