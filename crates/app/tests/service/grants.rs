//! What users are granted: no more than an access token can carry, and by words that do what
//! they say.

use postern_app::{
    config::Config,
    http::{PlainRequest, Reply},
    identity::{IdentityStore as _, seed},
    ids::AccountId,
};
use serde_json::{Value, json};

use super::world::{PASSWORD, World, block_on, code, tokens};

const ALICE: AccountId = seed::ALICE.account;

fn admin(world: &World) -> String {
    let login = json!({"login": "admin@example.com", "password": PASSWORD, "delivery": "body"});
    tokens(&world.call("/auth/login", &login)).0
}

fn send(world: &World, admin: &str, method: &str, path: &str, body: &Value) -> Reply {
    let request = PlainRequest::new(method, &format!("http://localhost:8787{path}"))
        .with("content-type", "application/json")
        .with("authorization", &format!("Bearer {admin}"));
    block_on(world.service().own(&request, body.to_string().as_bytes()))
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

/// Different names of 64 bytes each.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:064}")).collect()
}

fn path() -> String {
    format!("/admin/users/{ALICE}/grants")
}

#[test]
fn grants_that_no_access_token_can_carry_are_refused() {
    let world = World::new();
    world.sign_in();
    let admin = admin(&world);
    let much = json!({"scopes": names(60), "roles": names(60)});
    let new =
        json!({"login": "new@example.com", "password": PASSWORD, "scopes": names(60), "roles": names(60)});
    let row =
        json!({"login": "a@example.com", "password_hash": null, "scopes": names(60), "roles": names(60)});
    for reply in [
        send(&world, &admin, "PUT", &path(), &much),
        send(&world, &admin, "PATCH", &path(), &json!({ "add": much })),
        send(&world, &admin, "POST", "/admin/users", &new),
    ] {
        assert_eq!((reply.status, code(&reply).as_str()), (422, "grants_too_large"));
    }
    let imported = body(&send(&world, &admin, "POST", "/admin/users/import", &json!({ "rows": [row] })));
    assert_eq!(imported["rows"][0]["code"], "grants_too_large");
    assert_eq!(block_on(world.identity.find(ALICE)).unwrap().unwrap().grants.scopes.len(), 2);
}

/// Written by hand, or granted before a setting was changed: refused at the sign-in, before there
/// is a session whose tokens are refused everywhere.
#[test]
fn a_sign_in_whose_tokens_would_be_refused_is_refused_itself() {
    let world = World::new();
    world.sign_in();
    world.identity.amend(ALICE, |user| {
        user.grants.scopes = names(64);
        user.grants.roles = names(64);
    });
    assert_eq!(code(&world.try_sign_in()), "grants_too_large");
    assert!(world.log.0.borrow().join("\n").contains(r#""cause":"grants_too_large""#));
}

#[test]
fn whatever_may_be_granted_signs_in_and_passes_the_gate() {
    // A cookie for pages has less room than a header.
    for cookie in [json!({}), json!({"access": true})] {
        let world = World::with(&json!({
            "POSTERN_COOKIE": cookie,
            "POSTERN_ROUTES": [{"path": "/orders", "service": "ORIGIN"}],
        }));
        world.sign_in();
        let admin = admin(&world);
        let mut most = 0;
        for count in 1..=64 {
            let set = json!({"scopes": names(count), "roles": names(count)});
            if send(&world, &admin, "PUT", &path(), &set).status != 200 {
                break;
            }
            most = count;
        }
        let (access, _) = world.sign_in();
        assert_eq!(world.gate("/orders", Some(&access)), None, "{most} with {} bytes", access.len());
        assert!(access.len() < if cookie["access"] == true { 4_000 } else { 7_680 }, "{}", access.len());
        assert!(most > 10, "{most}");
    }
}

#[test]
fn default_scopes_that_no_access_token_can_carry_are_a_mistake() {
    let vars = |scopes: Vec<String>| {
        let vars = json!({
            "POSTERN_ISSUER": "https://auth.example.com",
            "POSTERN_MASTER_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            "POSTERN_DEFAULT_SCOPES": scopes,
        });
        serde_json::from_value(vars).unwrap()
    };
    assert!(Config::from_vars(&vars(names(64))).is_ok());
    let mistakes = Config::from_vars(&vars(names(100))).unwrap_err();
    assert!(
        mistakes[0].to_string().starts_with("POSTERN_DEFAULT_SCOPES: must be shorter"),
        "{}",
        mistakes[0]
    );
}

#[test]
fn adding_a_scope_takes_nothing_away_and_ends_no_session() {
    let world = World::new();
    let (_, refresh) = world.sign_in();
    let admin = admin(&world);
    let order = json!({"add": {"scopes": ["refund", "read:orders"], "roles": ["clerk"]}});
    let reply = body(&send(&world, &admin, "PATCH", &path(), &order));
    assert_eq!(reply["scopes"], json!(["read:orders", "write:orders", "refund"]));
    assert_eq!(reply["tenant_id"], "acme");
    assert_eq!(reply["added"], json!({"scopes": ["refund"], "roles": ["clerk"]}));
    assert_eq!(reply["removed"], json!({"scopes": [], "roles": []}));
    let (_, refresh) = tokens(&world.refresh(&refresh));
    let order = json!({"remove": {"scopes": ["write:orders"], "tenant_id": "acme"}});
    let reply = body(&send(&world, &admin, "PATCH", &path(), &order));
    assert_eq!(reply["removed"], json!({"scopes": ["write:orders"], "roles": [], "tenant_id": "acme"}));
    assert_eq!(code(&world.refresh(&refresh)), "invalid_grant");
    let reply = body(&send(&world, &admin, "PUT", &path(), &json!({"scopes": ["refund"]})));
    assert_eq!(reply["removed"], json!({"scopes": ["read:orders"], "roles": ["clerk"]}), "what a set took");
}

#[test]
fn an_order_that_says_nothing_sound_changes_nothing() {
    let world = World::new();
    world.sign_in();
    let admin = admin(&world);
    for order in [
        json!({}),
        json!({"add": {}}),
        json!({"add": ["refund"]}),
        json!({"add": {"scope": ["refund"]}}),
        json!({"add": {"scopes": ["two words"]}}),
        json!({"remove": {"roles": "clerk"}}),
    ] {
        assert_eq!(send(&world, &admin, "PATCH", &path(), &order).status, 400, "{order}");
    }
    let own = format!("/admin/users/{}/grants", seed::ADMIN.account);
    let order = json!({"remove": {"scopes": ["postern:admin"]}});
    assert_eq!(code(&send(&world, &admin, "PATCH", &own, &order)), "own_account");
    let nobody = format!("/admin/users/{}/grants", AccountId::from_bytes([9; 16]));
    assert_eq!(
        code(&send(&world, &admin, "PATCH", &nobody, &json!({"add": {"roles": ["x"]}}))),
        "user_not_found"
    );
}
