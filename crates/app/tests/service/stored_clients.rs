//! Clients in D1: what an administrator does with them, and what the authorization server makes of them.

use postern_app::{
    encoding::base64url,
    http::{PlainRequest, Reply},
};
use postern_oauth::stored::memory::ClientsMode;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    assert_unavailable,
    oauth::{VERIFIER, allowed, decide, parameter, post, signed_in},
    world::{PASSWORD, START, World, block_on, code, tokens},
};

const REDIRECT: &str = "https://shop.example/cb";

fn world() -> World {
    World::with(&json!({
        "POSTERN_OAUTH": {"stored_clients": true},
        "POSTERN_CLIENTS": [{"client_id": "app", "redirect_uris": ["https://app.example/cb"], "scopes": ["read:orders"]}],
    }))
}

fn admin(world: &World) -> String {
    let body = json!({"login": "admin@example.com", "password": PASSWORD, "delivery": "body"});
    tokens(&world.call("/auth/login", &body)).0
}

fn json(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

/// The members of a client with a secret.
fn shop() -> Value {
    json!({"name": "The shop", "redirect_uris": [REDIRECT], "scopes": ["read:orders"], "confidential": true})
}

/// A client that an administrator adds: its id and its secret.
fn added(world: &World, token: &str, members: &Value) -> (String, String) {
    let reply = world.post_as(token, "/admin/clients", members);
    assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
    let text = |name: &str| json(&reply)[name].as_str().unwrap_or_default().to_owned();
    (text("client_id"), text("client_secret"))
}

fn act(world: &World, token: &str, id: &str, what: &str) -> Reply {
    world.post_as(token, &format!("/admin/clients/{id}/{what}"), &json!({}))
}

fn query(client_id: &str) -> String {
    let challenge = base64url(&Sha256::digest(VERIFIER));
    format!(
        "client_id={client_id}&redirect_uri={REDIRECT}&response_type=code&scope=read:orders&code_challenge={challenge}&code_challenge_method=S256"
    )
}

/// The answer to a code that the client gets for a user who consents.
fn signs_in(world: &World, id: &str, secret: &str) -> Reply {
    let user = signed_in(world);
    let location = decide(world, &query(id), Some(&user), &allowed(&user, "read:orders", START));
    let code = parameter(&location, "code");
    post(
        world,
        "/oauth/token",
        &format!(
            "grant_type=authorization_code&client_id={id}&client_secret={secret}&code={code}&code_verifier={VERIFIER}&redirect_uri={REDIRECT}"
        ),
    )
}

fn refresh(world: &World, id: &str, secret: &str, token: &str) -> Reply {
    let form =
        format!("grant_type=refresh_token&client_id={id}&client_secret={secret}&refresh_token={token}");
    post(world, "/oauth/token", &form)
}

/// The status and the `error` of a request for tokens with this secret.
fn proves(world: &World, id: &str, secret: &str) -> (u16, String) {
    let reply = refresh(world, id, secret, "x");
    (reply.status, json(&reply)["error"].as_str().unwrap_or_default().to_owned())
}

/// The client is proved; the refresh token is none.
fn proved() -> (u16, String) {
    (400, "invalid_grant".to_owned())
}

fn refused() -> (u16, String) {
    (401, "invalid_client".to_owned())
}

fn logged(world: &World, text: &str) -> bool {
    world.log.0.borrow().iter().any(|line| line.contains(text))
}

#[test]
fn a_client_that_an_administrator_adds_signs_users_in() {
    let world = world();
    let token = admin(&world);
    let (id, secret) = added(&world, &token, &shop());
    assert!(id.starts_with("pcl_") && secret.starts_with("pcs_"), "{id}");
    let granted = signs_in(&world, &id, &secret);
    assert_eq!(granted.status, 200, "{}", String::from_utf8_lossy(&granted.body));
    let refresh_token = json(&granted)["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(refresh(&world, &id, &secret, &refresh_token).status, 200);
    // The user sees its name.
    let access = world.sign_in().0;
    let grants = json(&world.call_as("GET", "/auth/grants", &access));
    assert_eq!(grants["grants"][0]["client_name"], "The shop");
    // A page of another origin does not read its answers, and neither does its own: it has a secret.
    let request = PlainRequest::new("POST", "http://localhost:8787/oauth/token")
        .with("content-type", "application/x-www-form-urlencoded")
        .with("origin", "https://shop.example");
    let reply = block_on(world.service().own(&request, format!("client_id={id}").as_bytes()));
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

// The attack: a secret that was shown once is read again.
#[test]
fn a_secret_is_shown_once_and_stored_as_a_hash() {
    let world = world();
    let token = admin(&world);
    let (id, secret) = added(&world, &token, &shop());
    let listed = world.call_as("GET", "/admin/clients", &token);
    let shown = world.call_as("GET", &format!("/admin/clients/{id}"), &token);
    let log = world.log.0.borrow().join("\n");
    let hash = postern_app::encoding::hex(&Sha256::digest(&secret));
    for text in [String::from_utf8(listed.body).unwrap(), String::from_utf8(shown.body).unwrap(), log] {
        assert!(!text.contains(&secret) && !text.contains(&hash));
        assert!(text.contains(&id));
    }
    world.clients.amend(&id, |client| {
        assert!(!format!("{client:?}").contains(&hash));
        assert_eq!(client.secrets[0].digest().map(|digest| digest.0), Some(Sha256::digest(&secret).into()));
    });
}

#[test]
fn a_rotation_has_two_secrets_until_the_old_one_is_ended() {
    let world = world();
    let token = admin(&world);
    let (id, old) = added(&world, &token, &shop());
    let rotated = act(&world, &token, &id, "rotate-secret");
    assert_eq!(rotated.status, 201);
    let new = json(&rotated)["client_secret"].as_str().unwrap().to_owned();
    assert_eq!((proves(&world, &id, &old), proves(&world, &id, &new)), (proved(), proved()));
    let third = act(&world, &token, &id, "rotate-secret");
    assert_eq!((third.status, code(&third).as_str()), (409, "two_secrets"));

    let secrets = json(&rotated)["secrets"].as_array().unwrap().clone();
    let end = |secret_id: &str| {
        world.call_as("DELETE", &format!("/admin/clients/{id}/secrets/{secret_id}"), &token)
    };
    let ended = end(secrets[0]["secret_id"].as_str().unwrap());
    assert_eq!(ended.status, 204);
    assert_eq!((proves(&world, &id, &old), proves(&world, &id, &new)), (refused(), proved()));
    let last = end(secrets[1]["secret_id"].as_str().unwrap());
    assert_eq!((last.status, code(&last).as_str()), (409, "last_secret"), "it would be public without one");
    let unknown = end("AAAAAAAA");
    assert_eq!((unknown.status, code(&unknown).as_str()), (404, "secret_not_found"));

    // A leaked secret: at once.
    let path = format!("/admin/clients/{id}/rotate-secret");
    let replaced = world.post_as(&token, &path, &json!({"end_others": true}));
    assert_eq!((replaced.status, json(&replaced)["secrets"].as_array().unwrap().len()), (201, 1));
    assert_eq!(proves(&world, &id, &new), refused());
}

// A change whose answer is lost, and that is made again.
#[test]
fn a_change_that_is_repeated_changes_nothing_more() {
    let world = world();
    let token = admin(&world);
    let (id, secret) = added(&world, &token, &shop());
    for what in ["disable", "enable"] {
        world.clients.behave(ClientsMode::FailsAfterWriting);
        assert_unavailable(&act(&world, &token, &id, what));
        world.clients.behave(ClientsMode::Works);
        assert_eq!(act(&world, &token, &id, what).status, 204);
    }
    world.clients.amend(&id, |client| assert_eq!(client.version, 2));
    // The first new secret was lost with its answer. The operator ends it by its id.
    world.clients.behave(ClientsMode::FailsAfterWriting);
    assert_unavailable(&act(&world, &token, &id, "rotate-secret"));
    world.clients.behave(ClientsMode::Works);
    assert_eq!(code(&act(&world, &token, &id, "rotate-secret")), "two_secrets");
    assert_eq!(proves(&world, &id, &secret), proved());
}

// The attack: a client that was found to be bad goes on.
#[test]
fn a_disabled_client_is_unknown_until_it_is_enabled() {
    let world = world();
    let token = admin(&world);
    let (id, secret) = added(&world, &token, &shop());
    let granted = json(&signs_in(&world, &id, &secret));
    let refresh_token = granted["refresh_token"].as_str().unwrap();
    // Another isolate has just read it.
    let elsewhere = world.elsewhere();
    assert_eq!(proves(&elsewhere, &id, &secret), proved());
    assert_eq!(act(&world, &token, &id, "disable").status, 204);

    let answer = refresh(&world, &id, &secret, refresh_token);
    assert_eq!((answer.status, json(&answer)["error"].as_str()), (401, Some("invalid_client")));
    assert_eq!(answer.body, refresh(&world, "pcl_AAAAAAAAAAAAAAAAAAAAAA", &secret, refresh_token).body);
    assert!(logged(&world, "client_disabled") && logged(&world, "client_unknown"));
    assert_eq!(
        decide(&world, &query(&id), None, &allowed(&signed_in(&world), "", START)),
        "page: client_unknown"
    );
    assert_eq!(proves(&elsewhere, &id, &secret), proved(), "for seconds");
    world.pass(10);
    assert_eq!(proves(&elsewhere, &id, &secret), refused());

    // Its grants are as they were.
    assert_eq!(act(&world, &token, &id, "enable").status, 204);
    assert_eq!(refresh(&world, &id, &secret, refresh_token).status, 200);
}

#[test]
fn a_deleted_clients_tokens_are_refused() {
    let world = world();
    let token = admin(&world);
    let (id, secret) = added(&world, &token, &shop());
    let granted = json(&signs_in(&world, &id, &secret));
    let access = granted["access_token"].as_str().unwrap();
    assert_eq!(world.gate("/orders", Some(access)), None);
    let delete = || world.call_as("DELETE", &format!("/admin/clients/{id}"), &token);
    assert_eq!(delete().status, 204);
    assert_eq!(world.gate("/orders", Some(access)), Some(401));
    assert_eq!(proves(&world, &id, &secret), refused());
    assert_eq!(code(&delete()), "client_not_found");
}

#[test]
fn a_client_is_held_to_the_rules_of_the_settings() {
    let world = world();
    let token = admin(&world);
    let mut members = shop();
    members["redirect_uris"] = json!(["https://shop.example/cb", "http://shop.example/cb#x"]);
    members["scopes"] = json!(["postern:admin"]);
    let refused = world.post_as(&token, "/admin/clients", &members);
    assert_eq!((refused.status, code(&refused).as_str()), (422, "invalid_client_settings"));
    let fields: Vec<String> =
        json(&refused)["errors"].as_array().unwrap().iter().map(|error| error["field"].to_string()).collect();
    assert_eq!(fields, [r#""redirect_uris[1]""#, r#""scopes[0]""#]);
    for missing in ["name", "redirect_uris"] {
        let mut members = shop();
        members.as_object_mut().unwrap().remove(missing);
        assert_eq!(code(&world.post_as(&token, "/admin/clients", &members)), "invalid_client_settings");
    }
    for unknown in ["secret_hashes", "client_id", "disabled"] {
        let mut members = shop();
        members[unknown] = json!("x");
        assert_eq!(code(&world.post_as(&token, "/admin/clients", &members)), "unknown_member", "{unknown}");
    }
    assert_eq!(json(&world.call_as("GET", "/admin/clients", &token))["clients"], json!([]));
}

#[test]
fn a_client_is_replaced_without_its_secrets() {
    let world = world();
    let token = admin(&world);
    let (id, secret) = added(&world, &token, &shop());
    let put = |members: &Value| {
        let request = PlainRequest::new("PUT", &format!("http://localhost:8787/admin/clients/{id}"))
            .with("content-type", "application/json")
            .with("authorization", &format!("Bearer {token}"));
        block_on(world.service().own(&request, members.to_string().as_bytes()))
    };
    let shown = json(&world.call_as("GET", &format!("/admin/clients/{id}"), &token));
    let mut settings = shown["settings"].clone();
    settings["name"] = json!("The new shop");
    assert_eq!(json(&put(&settings))["settings"]["name"], "The new shop");
    assert_eq!(proves(&world, &id, &secret), proved());
    settings["name"] = json!(" ");
    assert_eq!(code(&put(&settings)), "invalid_client_settings");
    assert_eq!(code(&put(&json!({"confidential": false}))), "unknown_member");
}

#[test]
fn a_page_of_clients_says_whether_more_follow() {
    let world = world();
    let token = admin(&world);
    let mut ids: Vec<String> = (0..3).map(|_| added(&world, &token, &shop()).0).collect();
    ids.sort();
    let page = |query: &str| json(&world.call_as("GET", &format!("/admin/clients{query}"), &token));
    let first = page("?limit=2");
    assert_eq!(first["next"].as_str(), Some(&*ids[1]));
    let last = page(&format!("?limit=2&after={}", ids[1]));
    assert_eq!((last["clients"][0]["client_id"].as_str(), last.get("next")), (Some(&*ids[2]), None));
    assert_eq!(code(&world.call_as("GET", "/admin/clients?after=x", &token)), "invalid_parameter");
}

// An upgrade whose migration was forgotten.
#[test]
fn without_the_table_only_its_clients_are_unavailable() {
    let world = world();
    let token = admin(&world);
    let (id, secret) = added(&world, &token, &shop());
    world.pass(10);
    world.clients.behave(ClientsMode::NoTable);
    let of_settings = decide(&world, "client_id=app", None, &allowed(&signed_in(&world), "", START));
    assert!(of_settings.starts_with("https://app.example/cb?error="), "{of_settings}");
    assert_eq!(proves(&world, "unknown", "x"), refused());
    let answer = refresh(&world, &id, &secret, "x");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    assert_ne!(json(&answer)["error"], "invalid_client", "the client would forget its registration");
    assert_eq!(decide(&world, &query(&id), None, &allowed(&signed_in(&world), "", START)), "fault: database");
    let page = block_on(world.service().own(
        &PlainRequest::new("GET", &format!("http://localhost:8787/oauth/authorize?{}", query(&id))),
        b"",
    ));
    assert_eq!((page.status, page.header("content-type")), (503, Some("text/html; charset=utf-8")));
    assert_unavailable(&world.call_as("GET", "/admin/clients", &token));
    assert!(logged(&world, "apply the migrations"));
    let ready = block_on(world.service().own(&PlainRequest::new("GET", "http://localhost:8787/readyz"), b""));
    assert_eq!(ready.status, 503);
    assert_eq!(world.try_sign_in().status, 200);
}

// A record that the rules of this version refuse: the client is not unknown, and keeps what it has.
#[test]
fn a_record_that_cannot_be_read_is_no_unknown_client() {
    let world = world();
    let token = admin(&world);
    let (id, secret) = added(&world, &token, &shop());
    world.clients.amend(&id, |client| {
        client.members.insert("redirect_uris".to_owned(), json!(["ftp://x"]));
    });
    assert_eq!(refresh(&world, &id, &secret, "x").status, 503);
    assert!(logged(&world, "redirect_uris[0]"));
    assert_eq!(world.call_as("GET", &format!("/admin/clients/{id}"), &token).status, 200, "it can be mended");
}

#[test]
fn without_the_setting_no_client_is_looked_up() {
    let world = World::with(&json!({
        "POSTERN_CLIENTS": [{"client_id": "app", "redirect_uris": ["https://app.example/cb"]}],
    }));
    let token = admin(&world);
    assert_eq!(proves(&world, "pcl_AAAAAAAAAAAAAAAAAAAAAA", "x"), refused());
    let list = world.call_as("GET", "/admin/clients", &token);
    assert_eq!((list.status, code(&list).as_str()), (404, "not_offered"));
    assert_eq!(world.clients.asked(), 0);
    let on = World::with(&json!({"POSTERN_OAUTH": {"stored_clients": true}}));
    let metadata = PlainRequest::new("GET", "http://localhost:8787/.well-known/oauth-authorization-server");
    assert_eq!(block_on(on.service().own(&metadata, b"")).status, 200, "clients can come at any time");
    assert_eq!(proves(&on, "app", "x"), refused());
    assert_eq!(on.clients.asked(), 0, "another form of id is no stored client's");
}
