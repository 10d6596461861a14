//! The authorization server over fakes: from an authorization request to tokens, and what its clients may not do.

use postern_app::{
    encoding::base64url,
    http::{PlainRequest, Reply},
    ids::{AccountId, FamilyId},
    ports::memory::FaultMode,
    refresh::Grant,
    time::Timestamp,
};
use postern_oauth::{
    decide::{Interaction, SignInReason},
    scope::Scopes,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::world::{World, block_on, code, tokens};
use crate::{
    oauth::authorization::{Authorization, Outcome, SignedIn, answer_of},
    web::caller::Caller,
};

pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const RESOURCE: &str = "https://api.example/mcp";
const SECRET: &str = "s3cret-of-the-server";

fn world() -> World {
    world_with(&json!({}))
}

fn world_with(more: &Value) -> World {
    let digest = postern_app::encoding::hex(&Sha256::digest(SECRET));
    let mut settings = json!({
        "POSTERN_CLIENTS": [
            {"client_id": "own"},
            {"client_id": "app", "name": "The app", "redirect_uris": ["https://app.example/cb"],
             "scopes": ["read:orders", "write:orders"]},
            {"client_id": "server", "redirect_uris": ["https://server.example/cb"], "secret_hashes": [digest],
             "scopes": ["read:orders"], "resources": [RESOURCE], "first_party": true},
        ],
        "POSTERN_ROUTES": [
            {"path": "/orders", "scopes_all": ["read:orders"], "service": "ORIGIN"},
            {"path": "/strict", "revocation": "strong", "service": "ORIGIN"},
            {"path": "/mcp", "host": "api.example", "resource": RESOURCE, "scopes_all": ["read:orders"],
             "revocation": "strong", "service": "ORIGIN"},
            {"path": "/oauth/{*rest}", "access": "public", "service": "ORIGIN"},
        ],
    });
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    World::with(&settings)
}

fn claims(access_token: &str) -> Value {
    let payload = access_token.split('.').nth(1).unwrap();
    serde_json::from_slice(&postern_app::encoding::from_base64url(payload).unwrap()).unwrap()
}

/// The signed-in user of a browser.
pub(super) fn signed_in(world: &World) -> SignedIn {
    let claims = claims(&world.sign_in().0);
    let text = |name: &str| claims[name].as_str().unwrap().to_owned();
    SignedIn {
        account: text("sub").parse::<AccountId>().unwrap(),
        session: text("sid").parse::<FamilyId>().unwrap(),
        grant: Grant {
            subject: text("sub"),
            client_id: "own".to_owned(),
            scope: text("scope"),
            roles: vec!["user".to_owned()],
            tenant_id: None,
            amr: vec!["pwd".to_owned()],
            auth_time: Timestamp::from_seconds(claims["auth_time"].as_u64().unwrap()),
        },
    }
}

fn query(more: &str) -> String {
    let challenge = base64url(&Sha256::digest(VERIFIER));
    format!(
        "client_id=app&redirect_uri=https://app.example/cb&response_type=code&state=xyz&scope=read:orders&code_challenge={challenge}&code_challenge_method=S256{more}"
    )
}

/// What the request comes to, as a word, or the address at the client.
pub(super) fn decide(
    world: &World,
    query: &str,
    user: Option<&SignedIn>,
    interaction: &Interaction,
) -> String {
    let runtime = world.runtime();
    let authorization = Authorization::of(&runtime);
    match block_on(authorization.decide(&Caller::default(), query, user, interaction)) {
        Ok(Outcome::Redirect(location)) => location.as_str().to_owned(),
        Ok(Outcome::Consent(needed)) => {
            format!("consent {} {}", needed.redirect.host(), needed.scopes.to_text())
        }
        Ok(Outcome::SignIn(reason)) => format!("sign in: {reason:?}"),
        Ok(Outcome::ErrorPage(error)) => format!("page: {}", error.code()),
        Err(fault) => format!("fault: {}", fault.part.name()),
    }
}

pub(super) fn allowed(user: &SignedIn, scopes: &str, now: Timestamp) -> Interaction {
    Interaction { answer: Some(answer_of(user, Some(Scopes::of_granted(scopes)))), ..Interaction::new(now) }
}

/// The value of a parameter of an answer.
pub(super) fn parameter(location: &str, name: &str) -> String {
    let query = location.split_once('?').unwrap().1;
    let found = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    found.unwrap_or_else(|| panic!("{location} has no {name}")).to_owned()
}

/// A code of the client `app`, for these further parameters of the request.
fn code_for(world: &World, user: &SignedIn, more: &str) -> String {
    let now = Timestamp::from_seconds(1_800_000_000);
    parameter(&decide(world, &query(more), Some(user), &allowed(user, "read:orders", now)), "code")
}

pub(super) fn post(world: &World, path: &str, body: &str) -> Reply {
    post_with(world, path, &[], body)
}

pub(super) fn post_with(world: &World, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut request = PlainRequest::new("POST", &format!("http://localhost:8787{path}"))
        .with("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.with(name, value);
    }
    block_on(world.service().own(&request, body.as_bytes()))
}

fn redeem(world: &World, code: &str) -> Reply {
    post(
        world,
        "/oauth/token",
        &format!(
            "grant_type=authorization_code&client_id=app&code={code}&code_verifier={VERIFIER}&redirect_uri=https://app.example/cb"
        ),
    )
}

fn refresh(world: &World, refresh_token: &str, more: &str) -> Reply {
    let body = format!("grant_type=refresh_token&client_id=app&refresh_token={refresh_token}{more}");
    post(world, "/oauth/token", &body)
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

/// The error of an OAuth endpoint. It is not cached.
fn error(reply: &Reply) -> (u16, String) {
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let body = json_of(reply);
    assert!(body["error_description"].is_string(), "{body}");
    (reply.status, body["error"].as_str().unwrap().to_owned())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// An access token and a refresh token of the client `app`.
fn granted(world: &World, more: &str) -> (SignedIn, String, String) {
    let user = signed_in(world);
    let reply = redeem(world, &code_for(world, &user, more));
    assert_eq!(reply.status, 200, "{:?}", String::from_utf8_lossy(&reply.body));
    let body = json_of(&reply);
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (user, text("access_token"), text("refresh_token"))
}

fn passes(world: &World, url: &str, access_token: &str) -> bool {
    let request = PlainRequest::new("GET", url).with("authorization", &format!("Bearer {access_token}"));
    matches!(world.decided(&request), postern_app::service::Outcome::Forward(_))
}

// Tests RFC 9068 section 2.2: the access token names resource, client, and scope
// Tests RFC 8707 section 2: aud is the resource of the request
// Tests RFC 6749 section 5.1: the token answer is not cached
#[test]
fn a_code_becomes_tokens_for_the_resource_alone() {
    let world = world();
    let user = signed_in(&world);
    let reply = redeem(&world, &code_for(&world, &user, &format!("&resource={RESOURCE}")));
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
    let body = json_of(&reply);
    assert_eq!((&body["token_type"], &body["scope"]), (&json!("Bearer"), &json!("read:orders")));
    let access_token = body["access_token"].as_str().unwrap();
    let claims = claims(access_token);
    assert_eq!((&claims["aud"], &claims["client_id"]), (&json!(RESOURCE), &json!("app")));
    assert_eq!((&claims["scope"], &claims["sub"]), (&json!("read:orders"), &json!(user.grant.subject)));
    assert_eq!(
        claims["roles"],
        Value::Null,
        "a client of somebody else's does not act with the user's roles"
    );
    assert!(passes(&world, "https://api.example/mcp", access_token));
    assert!(!passes(&world, "http://localhost:8787/orders", access_token), "no route but the resource's");
}

#[test]
fn without_a_resource_the_audience_is_the_deployments() {
    let world = world();
    let (_, access_token, _) = granted(&world, "");
    assert_eq!(claims(&access_token)["aud"], "http://localhost:8787");
    assert!(passes(&world, "http://localhost:8787/orders", &access_token));
    assert!(!passes(&world, "https://api.example/mcp", &access_token));
}

// The attack: a user authorizes a client to read orders, and it takes over the account.
#[test]
fn a_clients_token_is_no_key_to_the_account() {
    let world = world();
    let (user, access_token, refresh_token) = granted(&world, "");
    let session = user.session.to_string();
    for (method, path) in [
        ("GET", "/auth/me"),
        ("GET", "/auth/sessions"),
        ("DELETE", "/auth/sessions"),
        ("DELETE", &format!("/auth/sessions/{session}")),
        ("POST", "/auth/logout"),
        ("POST", "/auth/logout-all"),
        ("GET", "/auth/account/export"),
        ("GET", "/auth/grants"),
        ("GET", "/auth/activity"),
        ("GET", "/metrics"),
    ] {
        let reply = world.call_as(method, path, &access_token);
        assert_eq!((reply.status, code(&reply).as_str()), (401, "invalid_token"), "{method} {path}");
    }
    assert_eq!(code(&world.refresh(&refresh_token)), "invalid_grant", "nor is its refresh token a session's");
    let (_, of_session) = world.sign_in();
    assert_eq!(error(&refresh(&world, &of_session, "")), is(400, "invalid_grant"));
    assert_eq!(world.refresh(&of_session).status, 200, "and nothing has changed");
    assert_eq!(refresh(&world, &refresh_token, "").status, 200);
}

#[test]
fn a_grant_is_refreshed_within_what_was_granted() {
    let world = world();
    let (_, _, first) = granted(&world, &format!("&resource={RESOURCE}"));
    assert_eq!(error(&refresh(&world, &first, "&scope=write:orders")), is(400, "invalid_scope"));
    assert_eq!(error(&refresh(&world, &first, "&resource=http://localhost:8787")), is(400, "invalid_target"));
    assert_eq!(
        error(&refresh(&world, &first, "&resource=https://unknown.example")),
        is(400, "invalid_target")
    );
    let of_server =
        format!("grant_type=refresh_token&client_id=server&client_secret={SECRET}&refresh_token={first}");
    assert_eq!(error(&post(&world, "/oauth/token", &of_server)), is(400, "invalid_grant"));
    let body = json_of(&refresh(&world, &first, "&scope=read:orders"));
    let second = body["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second, "rotated");
    assert_eq!(claims(body["access_token"].as_str().unwrap())["aud"], RESOURCE);
    let again = json_of(&refresh(&world, &first, ""));
    assert_eq!(again["refresh_token"], second.as_str(), "the answer that was lost");
    assert!(passes(&world, "https://api.example/mcp", body["access_token"].as_str().unwrap()));
    world.settle();
    world.pass(60);
    assert_eq!(error(&refresh(&world, &first, "")), is(400, "invalid_grant"), "a thief");
    assert_eq!(error(&refresh(&world, &second, "")), is(400, "invalid_grant"), "and the grant has ended");
}

// Tests RFC 9700 section 4.5: a replayed code ends its tokens
#[test]
fn a_replay_of_a_code_ends_its_tokens() {
    let world = world();
    let user = signed_in(&world);
    let code = code_for(&world, &user, "");
    let body = json_of(&redeem(&world, &code));
    let access_token = body["access_token"].as_str().unwrap();
    assert!(passes(&world, "http://localhost:8787/strict", access_token));
    assert_eq!(error(&redeem(&world, &code)), is(400, "invalid_grant"));
    assert!(!passes(&world, "http://localhost:8787/strict", access_token));
    assert_eq!(
        error(&refresh(&world, body["refresh_token"].as_str().unwrap(), "")),
        is(400, "invalid_grant")
    );
    assert!(world.log.0.borrow().iter().any(|line| line.contains("\"code_replayed\"")));
}

// Tests RFC 6749 section 5.2: a token request with a mistake has its error, and uses up no code
#[test]
fn a_mistake_of_the_client_uses_up_nothing() {
    let world = world();
    let user = signed_in(&world);
    let code = code_for(&world, &user, &format!("&resource={RESOURCE}"));
    let asked = world.accounts.asked();
    let good = format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}");
    let mistakes = [
        (format!("{good}&client_id=unknown"), is(401, "invalid_client")),
        (good.clone(), is(401, "invalid_client")),
        (format!("{good}&client_id=server"), is(401, "invalid_client")),
        (format!("{good}&client_id=server&client_secret=wrong"), is(401, "invalid_client")),
        (format!("{good}&client_id=app&client_id=app"), is(400, "invalid_request")),
        (format!("{good}&client_id=app&resource=https://unknown.example"), is(400, "invalid_target")),
        (format!("{good}&client_id=app&resource={RESOURCE}&resource={RESOURCE}"), is(400, "invalid_target")),
        (format!("{good}&client_id=app&code={code}"), is(400, "invalid_request")),
        (format!("grant_type=authorization_code&client_id=app&code={code}"), is(400, "invalid_request")),
        (format!("grant_type=password&client_id=app&code={code}"), is(400, "unsupported_grant_type")),
        (
            format!("grant_type=authorization_code&client_id=app&code=pac_x&code_verifier={VERIFIER}"),
            is(400, "invalid_grant"),
        ),
        (format!("{good}&client_id=app&x=%"), is(400, "invalid_request")),
    ];
    for (body, expected) in mistakes {
        let reply = post(&world, "/oauth/token", &body);
        assert_eq!(error(&reply), expected, "{body}");
        assert_eq!(reply.header("www-authenticate").is_some(), reply.status == 401);
    }
    let plain = PlainRequest::new("POST", "http://localhost:8787/oauth/token")
        .with("content-type", "application/json");
    assert_eq!(error(&block_on(world.service().own(&plain, b"{}"))), is(400, "invalid_request"));
    assert_eq!(world.accounts.asked(), asked, "no object was asked");
    for wrong in ["redirect_uri=https://app.example/other", "resource=http://localhost:8787"] {
        let reply = post(&world, "/oauth/token", &format!("{good}&client_id=app&{wrong}"));
        assert_eq!(reply.status, 400, "{wrong}");
    }
    let other = "x".repeat(43);
    let reply = post(
        &world,
        "/oauth/token",
        &good.replace(VERIFIER, &other).replace("grant_type", "client_id=app&grant_type"),
    );
    assert_eq!(error(&reply), is(400, "invalid_grant"), "another's code and no verifier of it");
    assert_eq!(redeem(&world, &code).status, 200);
}

#[test]
fn a_fault_of_ours_uses_up_no_code() {
    let world = world();
    let user = signed_in(&world);
    let code = code_for(&world, &user, "");
    let unavailable = |reply: &Reply| {
        assert_eq!(error(reply), is(503, "temporarily_unavailable"));
        assert_eq!(reply.header("retry-after"), Some("2"));
    };
    world.accounts.set_unreachable(true);
    unavailable(&redeem(&world, &code));
    world.accounts.set_unreachable(false);
    world.later.work_dropped();
    let records = world.accounts.records(user.account);
    records.break_with(FaultMode::Down);
    unavailable(&redeem(&world, &code));
    records.break_with(FaultMode::None);
    world.later.work_dropped();
    let fresh = world.elsewhere();
    fresh.key_ring.unreachable.set(true);
    unavailable(&redeem(&fresh, &code));
    fresh.key_ring.unreachable.set(false);
    let reply = redeem(&world, &code);
    assert_eq!(reply.status, 200);
    let body = json_of(&reply);
    let refresh_token = body["refresh_token"].as_str().unwrap();
    world.accounts.set_unreachable(true);
    unavailable(&refresh(&world, refresh_token, ""));
    world.accounts.set_unreachable(false);
    assert_eq!(refresh(&world, refresh_token, "").status, 200);
}

// The attack: a code from a log, without its verifier, is sent while the user's Account object cannot be reached.
#[test]
fn a_stolen_code_in_an_outage_ends_no_grant() {
    let world = world();
    let user = signed_in(&world);
    let code = code_for(&world, &user, "");
    let body = json_of(&redeem(&world, &code));
    world.accounts.set_unreachable(true);
    let stolen =
        format!("grant_type=authorization_code&client_id=app&code={code}&code_verifier={}", "x".repeat(43));
    assert_eq!(error(&post(&world, "/oauth/token", &stolen)), is(503, "temporarily_unavailable"));
    world.accounts.set_unreachable(false);
    world.settle();
    assert!(passes(&world, "http://localhost:8787/strict", body["access_token"].as_str().unwrap()));
    assert_eq!(refresh(&world, body["refresh_token"].as_str().unwrap(), "").status, 200);
}

#[test]
fn a_repeated_redemption_keeps_its_grant() {
    let world = world();
    let user = signed_in(&world);
    let code = code_for(&world, &user, "");
    world.accounts.set_unreachable(true);
    assert_eq!(error(&redeem(&world, &code)), is(503, "temporarily_unavailable"));
    world.accounts.set_unreachable(false);
    let body = json_of(&redeem(&world, &code));
    // What the first one has left to do comes late.
    world.settle();
    assert_eq!(refresh(&world, body["refresh_token"].as_str().unwrap(), "").status, 200);
}

#[test]
fn a_grant_whose_tokens_were_not_signed_ends() {
    let world = world();
    let user = signed_in(&world);
    let code = code_for(&world, &user, "");
    world.crypto.broken.set(true);
    assert_eq!(error(&redeem(&world, &code)), is(503, "temporarily_unavailable"));
    world.crypto.broken.set(false);
    world.settle();
    let (access_token, _) = world.sign_in();
    assert_eq!(json_of(&world.call_as("GET", "/auth/grants", &access_token))["grants"], json!([]));
}

// Tests RFC 7009 section 2.1: a client revokes its own token
#[test]
fn a_client_revokes_its_own_grant() {
    let world = world();
    for of_access_token in [false, true] {
        let (_, access_token, refresh_token) = granted(&world, &format!("&resource={RESOURCE}"));
        let token = if of_access_token { &access_token } else { &refresh_token };
        let revoke = |client: &str, token: &str| {
            let reply = post(&world, "/oauth/revoke", &format!("{client}&token={token}&token_type_hint=x"));
            assert_eq!((reply.status, reply.body.len()), (200, 0));
        };
        revoke(&format!("client_id=server&client_secret={SECRET}"), token);
        revoke("client_id=app", "unknown");
        revoke("client_id=app", &world.sign_in().1);
        assert!(passes(&world, "https://api.example/mcp", &access_token));
        revoke("client_id=app", token);
        assert!(!passes(&world, "https://api.example/mcp", &access_token));
        assert_eq!(error(&refresh(&world, &refresh_token, "")), is(400, "invalid_grant"));
        revoke("client_id=app", token);
    }
    assert_eq!(error(&post(&world, "/oauth/revoke", "client_id=app")), is(400, "invalid_request"));
    assert_eq!(error(&post(&world, "/oauth/revoke", "client_id=x&token=y")), is(401, "invalid_client"));
}

// Tests RFC 7662 section 2.2: introspection is for authorized clients, and says nothing of other tokens
#[test]
fn a_server_introspects_tokens_for_its_resource() {
    let world = world();
    let ask =
        |client: &str, token: &str| post(&world, "/oauth/introspect", &format!("{client}token={token}"));
    let (user, access_token, refresh_token) = granted(&world, &format!("&resource={RESOURCE}"));
    let server = format!("client_id=server&client_secret={SECRET}&");
    let body = json_of(&ask(&server, &access_token));
    assert_eq!(
        (&body["active"], &body["aud"], &body["client_id"]),
        (&json!(true), &json!(RESOURCE), &json!("app"))
    );
    assert_eq!((&body["sub"], &body["scope"]), (&json!(user.grant.subject), &json!("read:orders")));
    let (_, elsewhere, _) = granted(&world, "");
    let (session, of_session) = world.sign_in();
    for other in ["x", &refresh_token, &elsewhere, &session, &of_session] {
        assert_eq!(json_of(&ask(&server, other)), json!({"active": false}));
    }
    assert_eq!(error(&ask("client_id=app&", &access_token)), is(401, "invalid_client"), "a public client");
    assert_eq!(error(&ask("", &access_token)), is(401, "invalid_client"));
    assert_eq!(error(&ask(&server, "")), is(400, "invalid_request"));
    post(&world, "/oauth/revoke", &format!("client_id=app&token={refresh_token}"));
    assert_eq!(json_of(&ask(&server, &access_token)), json!({"active": false}));
}

#[test]
fn a_user_sees_and_ends_grants_and_signing_out_does_not() {
    let world = world();
    let (user, access_token, refresh_token) = granted(&world, &format!("&resource={RESOURCE}"));
    let (session, _) = world.sign_in();
    assert_eq!(world.call_as("DELETE", "/auth/sessions", &session).status, 204);
    let rows = json_of(&world.call_as("GET", "/auth/grants", &session))["grants"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    let row = &rows[0];
    assert_eq!((&row["client_id"], &row["client_name"]), (&json!("app"), &json!("The app")));
    assert_eq!((&row["scope"], &row["resource"]), (&json!("read:orders"), &json!(RESOURCE)));
    assert_eq!(world.call_as("POST", "/auth/logout-all", &session).status, 204);
    let body = json_of(&refresh(&world, &refresh_token, ""));
    assert!(passes(&world, "https://api.example/mcp", &access_token));
    let (session, _) = world.sign_in();
    let path = format!("/auth/grants/{}", row["grant_id"].as_str().unwrap());
    assert_eq!(world.call_as("DELETE", &path, &session).status, 204);
    let again = world.call_as("DELETE", &path, &session);
    assert_eq!((again.status, code(&again).as_str()), (404, "grant_not_found"));
    assert_eq!(code(&world.call_as("DELETE", "/auth/grants/x", &session)), "grant_not_found");
    assert!(!passes(&world, "https://api.example/mcp", &access_token));
    assert_eq!(
        error(&refresh(&world, body["refresh_token"].as_str().unwrap(), "")),
        is(400, "invalid_grant")
    );
    drop(user);
}

#[test]
fn the_decision_asks_remembers_and_forgets() {
    let world = world();
    let now = Timestamp::from_seconds(1_800_000_000);
    let fresh = Interaction::new(now);
    let ask =
        |user: Option<&SignedIn>, interaction: &Interaction| decide(&world, &query(""), user, interaction);
    assert_eq!(ask(None, &fresh), format!("sign in: {:?}", SignInReason::NotSignedIn));
    let user = signed_in(&world);
    assert_eq!(ask(Some(&user), &fresh), "consent app.example read:orders");
    let answer = ask(Some(&user), &allowed(&user, "read:orders", now));
    assert_eq!(
        (parameter(&answer, "state"), parameter(&answer, "iss")),
        ("xyz".to_owned(), "http%3A%2F%2Flocalhost%3A8787".to_owned())
    );
    assert!(answer.starts_with("https://app.example/cb?code=pac_"));
    assert!(ask(Some(&user), &fresh).contains("?code=pac_"), "remembered");
    let with_resource = query(&format!("&resource={RESOURCE}"));
    assert!(decide(&world, &with_resource, Some(&user), &fresh).starts_with("consent"), "not for a resource");
    let refused = Interaction { answer: Some(answer_of(&user, None)), ..fresh.clone() };
    let with_prompt = query("&prompt=consent");
    assert_eq!(parameter(&decide(&world, &with_prompt, Some(&user), &refused), "error"), "access_denied");
    let grants = json_of(&world.call_as("GET", "/auth/grants", &world.sign_in().0));
    assert_eq!(grants["grants"], json!([]), "a code is no grant yet");
    redeem(&world, &parameter(&answer, "code"));
    let (session, _) = world.sign_in();
    let grants = json_of(&world.call_as("GET", "/auth/grants", &session));
    let path = format!("/auth/grants/{}", grants["grants"][0]["grant_id"].as_str().unwrap());
    world.call_as("DELETE", &path, &session);
    assert!(ask(Some(&user), &fresh).starts_with("consent"), "a user who ended the grant is asked again");
}

#[test]
fn an_authorization_request_fails_on_a_page_or_at_the_client() {
    let world = world();
    let fresh = Interaction::new(Timestamp::from_seconds(1_800_000_000));
    let user = signed_in(&world);
    let ask = |query: &str| decide(&world, query, Some(&user), &fresh);
    assert_eq!(ask("client_id=unknown"), "page: client_unknown");
    assert_eq!(ask(&query("").replace("app.example", "evil.example")), "page: redirect_uri_unregistered");
    assert_eq!(parameter(&ask(&query("&resource=https://unknown.example")), "error"), "invalid_target");
    assert_eq!(parameter(&ask(&query("").replace("S256", "plain")), "error"), "invalid_request");
    world.accounts.set_unreachable(true);
    assert_eq!(ask(&query("")), "fault: account");
    world.accounts.set_unreachable(false);
    world.call_as("POST", "/auth/logout-all", &world.sign_in().0);
    let now = Timestamp::from_seconds(1_800_000_000);
    let late = decide(&world, &query(""), Some(&user), &allowed(&user, "read:orders", now));
    assert_eq!(late, "sign in: NotSignedIn", "signed out while the request was under way");
}

// Tests MCP Authorization section "Authorization Server Metadata Discovery": all three paths, with the issuer to the letter (A2)
// Tests RFC 8414 section 3: the metadata is at the well-known path of the issuer
#[test]
fn metadata_is_at_the_paths_of_the_issuer_alone() {
    let get = |world: &World, path: &str| {
        let request = PlainRequest::new("GET", &format!("http://localhost:8787{path}"));
        block_on(world.service().own(&request, b""))
    };
    let world = world();
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        let reply = get(&world, path);
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some("*")), "{path}");
        assert_eq!(json_of(&reply)["issuer"], "http://localhost:8787");
        assert_eq!(get(&world, &format!("{path}/t")).status, 404);
    }
    let below = world_with(&json!({"POSTERN_ISSUER": "http://localhost:8787/t"}));
    for path in [
        "/.well-known/oauth-authorization-server/t",
        "/.well-known/openid-configuration/t",
        "/t/.well-known/openid-configuration",
    ] {
        let reply = get(&below, path);
        assert_eq!(json_of(&reply)["issuer"], "http://localhost:8787/t", "{path}");
        assert_eq!(json_of(&reply)["token_endpoint"], "http://localhost:8787/oauth/token");
    }
    assert_eq!(below.gate("/.well-known/oauth-authorization-server", None), Some(404), "another issuer's");
}

#[test]
fn without_clients_there_is_no_authorization_server() {
    let world = world_with(&json!({"POSTERN_CLIENTS": [{"client_id": "own"}]}));
    assert_eq!(world.gate("/oauth/token", None), None, "a route's");
    assert_eq!(world.gate("/.well-known/oauth-authorization-server", None), Some(404));
    let reply = post(&self::world(), "/oauth/anything", "");
    assert_eq!(
        (reply.status, code(&reply).as_str()),
        (404, "not_found"),
        "with clients, the paths are its own"
    );
}

#[test]
fn pages_of_public_clients_may_call_the_token_endpoint() {
    let world = world();
    let preflight = |path: &str, origin: &str| {
        let request = PlainRequest::new("OPTIONS", &format!("http://localhost:8787{path}"))
            .with("origin", origin)
            .with("access-control-request-method", "POST");
        let reply = block_on(world.service().own(&request, b""));
        reply.header("access-control-allow-methods").is_some()
    };
    assert!(preflight("/oauth/token", "https://app.example"));
    assert!(preflight("/oauth/token", "https://any.example"), "it names no client yet");
    for (path, origin) in
        [("/oauth/introspect", "https://app.example"), ("/auth/login", "https://app.example")]
    {
        assert!(!preflight(path, origin), "{path} {origin}");
    }
    let reader = |origin: &str, form: &str| {
        let reply = post_with(&world, "/oauth/token", &[("origin", origin)], form);
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        reply.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(reader("https://app.example", "client_id=app").as_deref(), Some("https://app.example"));
    for (origin, form) in [
        ("https://evil.example", "client_id=app"),
        ("https://app.example", "client_id=unknown"),
        ("https://app.example", ""),
        ("https://server.example", "client_id=server"),
    ] {
        assert_eq!(reader(origin, form), None, "{origin} {form}");
    }
}

#[test]
fn a_clients_sign_in_is_not_another_clients() {
    let world = world();
    let login = |client: &str| {
        let body = json!({"login": "alice@example.com", "password": super::PASSWORD, "delivery": "body", "client_id": client});
        code(&world.call("/auth/login", &body))
    };
    assert_eq!(login("app"), "invalid_member", "it has no password of its users");
    let (_, refresh_token) = tokens(&world.try_sign_in());
    assert_eq!(world.refresh(&refresh_token).status, 200);
}
