//! The flows of an account, with faults at each port.

use pollster::block_on;
use postern_app::{
    account::{AccountRequest, Accounts as _},
    events::EventContext,
    http::{PlainRequest, Reply},
    identity::{Grants, GrantsOrder, IdentityStore as _, UserQuery, memory::IdentityMode, seed},
    ids::AccountId,
};
use serde_json::{Value, json};

use super::{
    browser::Browser,
    world::{PASSWORD, World, code, tokens},
};

const LOGIN: &str = "alice@example.com";
const NEW_PASSWORD: &str = "a new and better passphrase";
const ALICE: AccountId = seed::ALICE.account;

/// These stories are not about limits: no address asks too often.
fn world(vars: &[(&str, Value)]) -> World {
    let plenty = json!({"burst": 1000, "per_minute": 1000});
    let names = ["login_account", "login_ip", "login_network", "reset_account", "reset_ip", "reset_network"];
    let limits = Value::Object(names.iter().map(|name| ((*name).to_owned(), plenty.clone())).collect());
    let more = vars.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    World::with(&Value::Object(more.chain([("POSTERN_LIMITS".to_owned(), limits)]).collect()))
}

fn sign_in_with(world: &World, password: &str) -> Reply {
    world.call("/auth/login", &json!({"login": LOGIN, "password": password, "delivery": "body"}))
}

fn ask_for_reset(world: &World) -> String {
    let reply = world.call("/auth/password/reset-request", &json!({"login": LOGIN}));
    assert_eq!(reply.status, 202);
    world.settle();
    world.services.token()
}

fn reset(world: &World, token: &str) -> Reply {
    world.call("/auth/password/reset", &json!({"token": token, "new_password": NEW_PASSWORD}))
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

fn activity(world: &World, access_token: &str) -> Vec<String> {
    let reply = world.call_as("GET", "/auth/activity", access_token);
    assert_eq!(reply.status, 200);
    let body = body(&reply);
    let entries = body["activity"].as_array().unwrap();
    entries.iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect()
}

fn change(world: &World, access_token: &str, current: &str) -> Reply {
    let body = json!({"current_password": current, "new_password": NEW_PASSWORD});
    world.post_as(access_token, "/auth/password", &body)
}

// This session goes on.
// Tests RFC 9700 section 4.14.2: a change of the password revokes the other refresh tokens
#[test]
fn a_changed_password_ends_the_other_sessions() {
    let world = world(&[]);
    let (_, stolen) = world.sign_in();
    let (access, refresh) = world.sign_in();
    assert_eq!(change(&world, &access, PASSWORD).status, 204);
    assert_eq!(code(&world.refresh(&stolen)), "invalid_grant");
    assert_eq!(world.refresh(&refresh).status, 200);
    assert_eq!(code(&sign_in_with(&world, PASSWORD)), "invalid_credentials");
    assert_eq!(sign_in_with(&world, NEW_PASSWORD).status, 200);
    world.settle();
    let told = activity(&world, &access);
    assert!(
        ["sign_in_refused", "password_changed"].iter().all(|kind| told.iter().any(|told| told == kind)),
        "{told:?}"
    );
}

// It needs the password too.
#[test]
fn a_stolen_access_token_alone_takes_no_account_over() {
    let world = world(&[]);
    let (access, _) = world.sign_in();
    let guess = change(&world, &access, "guess number one");
    assert_eq!((guess.status, code(&guess).as_str()), (403, "wrong_password"), "the session goes on");
    let delete = world.post_as(&access, "/auth/account/delete", &json!({"password": "guess number two"}));
    assert_eq!(code(&delete), "wrong_password");
    assert_eq!(sign_in_with(&world, PASSWORD).status, 200);
    world.settle();
    let told = world.call_as("GET", "/auth/activity", &access);
    let entries = body(&told);
    let entries = entries["activity"].as_array().unwrap();
    let refused = entries.iter().find(|entry| entry["kind"] == "password_refused").unwrap();
    assert_eq!(refused["times"], 2);
}

#[test]
fn a_password_change_refused_by_the_database_changes_nothing() {
    let world = world(&[]);
    let (access, refresh) = world.sign_in();
    world.identity.behave(IdentityMode::FailsToWrite);
    assert_eq!(change(&world, &access, PASSWORD).status, 503);
    world.identity.behave(IdentityMode::Works);
    assert_eq!(world.refresh(&refresh).status, 200, "this session goes on");
    assert_eq!(sign_in_with(&world, PASSWORD).status, 200);
}

// By its answer.
#[test]
fn user_enumeration_by_a_reset_request_learns_nothing() {
    let world = world(&[]);
    world.sign_in();
    let asked = world.accounts.asked();
    let known = world.call("/auth/password/reset-request", &json!({"login": LOGIN}));
    let unknown = world.call("/auth/password/reset-request", &json!({"login": "nobody@example.com"}));
    assert_eq!(known, unknown);
    // Nothing that depends on the login has happened before the answer, so its time cannot tell.
    assert_eq!(world.accounts.asked(), asked);
    assert!(world.services.sent.borrow().is_empty());
    // Nor does a broken part.
    world.identity.behave(IdentityMode::Fails);
    world.accounts.set_unreachable(true);
    world.services.unreachable.set(true);
    assert_eq!(world.call("/auth/password/reset-request", &json!({"login": LOGIN})), known);
    world.settle();
    world.identity.behave(IdentityMode::Works);
    world.accounts.set_unreachable(false);
    world.services.unreachable.set(false);
    assert_eq!(world.call("/auth/password/reset-request", &json!({"login": LOGIN})), known);
    world.settle();
    assert_eq!(world.services.sent.borrow().len(), 1);
}

#[test]
fn a_reset_ends_all_sessions_and_its_token_serves_once() {
    let world = world(&[]);
    let (access, refresh) = world.sign_in();
    let token = ask_for_reset(&world);
    assert_eq!(reset(&world, &token).status, 204);
    assert_eq!(code(&world.refresh(&refresh)), "invalid_grant");
    assert_eq!(world.gate("/strict", Some(&access)), Some(401));
    assert_eq!(code(&reset(&world, &token)), "invalid_one_time_token");
    assert_eq!(code(&sign_in_with(&world, PASSWORD)), "invalid_credentials");
    let (access, _) = tokens(&sign_in_with(&world, NEW_PASSWORD));
    assert!(activity(&world, &access).contains(&"password_reset".to_owned()));
}

#[test]
fn the_token_of_an_hour_ago_resets_nothing() {
    let world = world(&[]);
    world.sign_in();
    let token = ask_for_reset(&world);
    world.pass(30 * 60);
    assert_eq!(code(&reset(&world, &token)), "invalid_one_time_token");
    assert_eq!(sign_in_with(&world, PASSWORD).status, 200);
}

// With the same token.
#[test]
fn a_reset_that_fails_half_way_may_be_repeated() {
    let world = world(&[]);
    world.sign_in();
    let token = ask_for_reset(&world);
    world.identity.behave(IdentityMode::FailsToWrite);
    assert_eq!(reset(&world, &token).status, 503);
    world.identity.behave(IdentityMode::Works);
    world.accounts.set_unreachable(true);
    assert_eq!(reset(&world, &token).status, 503);
    world.accounts.set_unreachable(false);
    assert_eq!(reset(&world, &token).status, 204);
    assert_eq!(code(&reset(&world, &token)), "invalid_one_time_token");
    assert_eq!(sign_in_with(&world, NEW_PASSWORD).status, 200);
}

#[test]
fn garbage_for_a_one_time_token_wakes_no_object() {
    let world = world(&[]);
    world.sign_in();
    let token = ask_for_reset(&world);
    let asked = world.accounts.asked();
    let tampered = format!("{}A", &token[..token.len() - 1]);
    let other = if tampered == token { format!("{}B", &token[..token.len() - 1]) } else { tampered };
    for garbage in ["", "pot_", "x", &"A".repeat(94), &other] {
        assert_eq!(code(&reset(&world, garbage)), "invalid_one_time_token", "{garbage}");
    }
    assert_eq!(world.accounts.asked(), asked);
}

// Its loss is reported without the token.
#[test]
fn a_notification_is_tried_three_times() {
    let notifier = json!({"service": "MAIL", "reset_page": "https://app.example.com/reset?x=1"});
    let world = world(&[("POSTERN_NOTIFIER", notifier)]);
    world.sign_in();
    world.services.answers.borrow_mut().extend([(500, String::new()), (503, String::new())]);
    let token = ask_for_reset(&world);
    let sent = world.services.sent.borrow().clone();
    assert_eq!(sent.len(), 3, "the third try succeeded");
    assert_eq!(sent[0], sent[2]);
    assert_eq!(sent[2].0, "/notify");
    assert_eq!(
        sent[2].1,
        json!({
            "kind": "reset_password",
            "login": LOGIN,
            "token": token,
            "link": format!("https://app.example.com/reset?x=1#token={token}"),
            "expires_in": 1800,
        })
    );
    let log = || world.log.0.borrow().join("\n");
    assert!(!log().contains("notifier"));
    world.services.unreachable.set(true);
    let token = ask_for_reset(&world);
    assert_eq!(world.services.sent.borrow().len(), 6);
    assert!(log().contains(r#""event":"fault","part":"notifier""#), "{}", log());
    assert!(!log().contains(&token) && !log().contains("pot_") && !log().contains(LOGIN));
}

#[test]
fn a_message_says_in_which_language_its_user_reads() {
    let world = world(&[("POSTERN_NOTIFIER", json!({"service": "MAIL"})), ("POSTERN_PAGES", json!({}))]);
    world.sign_in();
    let entries = [("login", LOGIN)];
    Browser::new(&world).fill("/auth/forgotten-password?ui_locales=ja", &entries);
    for accepted in ["fr-CA", "pt"] {
        let request = PlainRequest::new("POST", "http://localhost:8787/auth/password/reset-request")
            .with("content-type", "application/json")
            .with("accept-language", accepted);
        block_on(world.service().own(&request, json!({ "login": LOGIN }).to_string().as_bytes()));
    }
    world.settle();
    let sent = world.services.sent.borrow();
    let languages: Vec<_> = sent.iter().map(|(_, message)| message["language"].as_str()).collect();
    assert_eq!(languages, [Some("ja"), Some("fr"), None]);
}

#[test]
fn a_queue_carries_the_message_and_retries_it_by_itself() {
    let world = world(&[("POSTERN_NOTIFIER", json!({"queue": "MAIL_QUEUE"}))]);
    world.sign_in();
    let token = ask_for_reset(&world);
    assert_eq!(world.services.sent.borrow()[0].0, "queue");
    assert_eq!(reset(&world, &token).status, 204);
    world.services.unreachable.set(true);
    ask_for_reset(&world);
    assert_eq!(world.services.sent.borrow().len(), 2);
    assert!(world.log.0.borrow().join("\n").contains(r#""part":"notifier""#));
}

#[test]
fn a_disabled_user_gets_no_reset_token() {
    let world = world(&[]);
    world.sign_in();
    world.identity.amend(ALICE, |user| user.disabled = true);
    assert_eq!(world.call("/auth/password/reset-request", &json!({"login": LOGIN})).status, 202);
    world.settle();
    assert!(world.services.sent.borrow().is_empty());
}

#[test]
fn an_address_is_verified_by_the_token_that_was_sent_there() {
    let world = world(&[]);
    let (access, refresh) = world.sign_in();
    assert_eq!(world.post_as(&access, "/auth/email/verification-request", &json!({})).status, 202);
    world.settle();
    let token = world.services.token();
    assert_eq!(world.services.sent.borrow()[0].1["kind"], "verify_email");
    assert_eq!(code(&reset(&world, &token)), "invalid_one_time_token", "it is for something else");
    assert_eq!(world.call("/auth/email/verify", &json!({"token": token})).status, 204);
    assert_eq!(code(&world.call("/auth/email/verify", &json!({"token": token}))), "invalid_one_time_token");
    assert!(block_on(world.identity.find(ALICE)).unwrap().unwrap().email_verified);
    assert_eq!(world.refresh(&refresh).status, 200, "no session ends");
    // Verified already: nothing is sent.
    assert_eq!(world.post_as(&access, "/auth/email/verification-request", &json!({})).status, 202);
    world.settle();
    assert_eq!(world.services.sent.borrow().len(), 1);
}

#[test]
fn a_deleted_account_leaves_nothing_but_a_pseudonym_in_the_log() {
    let world = world(&[]);
    let (access, refresh) = world.sign_in();
    let reply = world.post_as(&access, "/auth/account/delete", &json!({"password": PASSWORD}));
    assert_eq!(reply.status, 204);
    world.settle();
    assert_eq!(code(&world.refresh(&refresh)), "invalid_grant");
    assert_eq!(world.gate("/strict", Some(&access)), Some(401));
    assert_eq!(block_on(world.identity.find(ALICE)), Ok(None));
    let records = world.accounts.records(ALICE).snapshot();
    let left: Vec<_> =
        records.into_values().filter(|record| record.contains("alice") || record.contains("192.")).collect();
    assert!(left.is_empty(), "{left:?}");
    world.pass(3600);
    world.accounts.sweep(ALICE).unwrap();
    assert!(world.accounts.records(ALICE).snapshot().is_empty());
    let log = world.log.0.borrow().join("\n");
    let erased = log.lines().find(|line| line.contains("account_erased")).unwrap();
    assert!(erased.contains(r#""login":""#) && !log.contains(LOGIN), "{erased}");
}

// It fails at the database.
#[test]
fn a_deletion_that_fails_signs_out_and_may_be_repeated() {
    let world = world(&[]);
    let (access, refresh) = world.sign_in();
    world.identity.behave(IdentityMode::FailsToWrite);
    assert_eq!(world.post_as(&access, "/auth/account/delete", &json!({"password": PASSWORD})).status, 503);
    assert_eq!(code(&world.refresh(&refresh)), "invalid_grant");
    world.identity.behave(IdentityMode::Works);
    let (access, _) = tokens(&sign_in_with(&world, PASSWORD));
    assert_eq!(world.post_as(&access, "/auth/account/delete", &json!({"password": PASSWORD})).status, 204);
    assert_eq!(block_on(world.identity.find(ALICE)), Ok(None));
}

#[test]
fn an_erasure_may_be_repeated_until_nothing_is_left() {
    let world = world(&[]);
    world.sign_in();
    let service = world.service();
    world.accounts.set_lose_answers(true);
    assert!(block_on(service.erase(ALICE, EventContext::default())).is_err());
    world.accounts.set_lose_answers(false);
    assert_eq!(block_on(service.erase(ALICE, EventContext::default())), Ok(true));
    assert_eq!(block_on(service.erase(ALICE, EventContext::default())), Ok(false));
    let mut left = world.accounts.records(ALICE).snapshot();
    left.retain(|(kind, _), _| kind != "outbox");
    assert_eq!(left.len(), 1, "the mark for sign-ins under way");
}

#[test]
fn a_disabled_user_is_signed_out_until_enabled_again() {
    let world = world(&[]);
    let (access, refresh) = world.sign_in();
    let service = world.service();
    assert_eq!(block_on(service.set_disabled(ALICE, true, EventContext::default())), Ok(true));
    assert_eq!(world.gate("/strict", Some(&access)), Some(401));
    assert_eq!(code(&world.refresh(&refresh)), "invalid_grant");
    assert_eq!(code(&sign_in_with(&world, PASSWORD)), "invalid_credentials");
    assert_eq!(block_on(service.set_disabled(ALICE, false, EventContext::default())), Ok(true));
    let (access, _) = tokens(&sign_in_with(&world, PASSWORD));
    let told = activity(&world, &access);
    assert!(told.contains(&"user_disabled".to_owned()) && told.contains(&"user_enabled".to_owned()));
    let nobody = AccountId::from_bytes([9; 16]);
    assert_eq!(block_on(service.set_disabled(nobody, true, EventContext::default())), Ok(false));
}

#[test]
fn taking_a_scope_away_ends_sessions_and_adding_one_does_not() {
    let world = world(&[]);
    let (_, refresh) = world.sign_in();
    let service = world.service();
    let set = |list: &[&str]| {
        let grants = Grants {
            scopes: list.iter().map(|&scope| scope.to_owned()).collect(),
            roles: Vec::new(),
            tenant_id: Some("acme".to_owned()),
        };
        let order = GrantsOrder::Set(grants);
        let set = block_on(service.set_grants(ALICE, &order, EventContext::default()));
        assert!(set.unwrap().is_some());
    };
    set(&["read:orders", "write:orders", "refund"]);
    let (_, refresh) = tokens(&world.refresh(&refresh));
    set(&["read:orders"]);
    assert_eq!(code(&world.refresh(&refresh)), "invalid_grant");
    assert_eq!(body(&world.try_sign_in())["scope"], "read:orders");
}

#[test]
fn users_are_listed_by_pages_in_the_order_of_their_logins() {
    let world = world(&[]);
    world.sign_in();
    for name in ["alan", "alfred", "zoe"] {
        let reply = world.call("/auth/register", &json!({"login": name, "password": PASSWORD}));
        assert_eq!(reply.status, 201);
    }
    let logins = |query: &UserQuery| {
        let users = block_on(world.service().list_users(query)).unwrap();
        users.into_iter().map(|user| user.login.as_str().to_owned()).collect::<Vec<_>>()
    };
    let first = UserQuery { prefix: "al".to_owned(), limit: 2, ..UserQuery::default() };
    assert_eq!(logins(&first), ["alan", "alfred"]);
    let last = block_on(world.service().list_users(&first)).unwrap().pop().unwrap().login;
    assert_eq!(logins(&UserQuery { after: Some(last), ..first }), [LOGIN]);
    assert_eq!(logins(&UserQuery { limit: 100, ..UserQuery::default() }).len(), 5);
}

#[test]
fn copies_are_limited_and_told_in_one_line() {
    let world = world(&[]);
    let (access, _) = world.sign_in();
    let copies = || (0..101).map(|_| world.call_as("GET", "/auth/account/export", &access).status);
    assert_eq!(copies().filter(|status| *status == 200).count(), 5);
    assert_eq!(copies().filter(|status| *status == 429).count(), 101);
    assert_eq!(activity(&world, &access), ["account_exported", "signed_in"]);
}

#[test]
fn an_export_holds_profile_sessions_and_activity_and_no_hash() {
    let world = world(&[]);
    let (access, _) = world.sign_in();
    let reply = world.call_as("GET", "/auth/account/export", &access);
    let export = body(&reply);
    assert_eq!(export["profile"]["login"], LOGIN);
    assert_eq!(export["profile"]["tenant_id"], "acme");
    assert_eq!(export["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(export["activity"][0]["kind"], "account_exported");
    let text = String::from_utf8_lossy(&reply.body);
    assert!(!text.contains("argon2") && !text.contains("secret"), "{text}");
}

const ELSEWHERE: &str = r#"{"subject":"42","scopes":["read:orders"],"roles":["clerk"],"tenant_id":"acme"}"#;

fn with_own_users() -> World {
    let identity = json!({"service": "USERS", "issuer": "https://users.example.com"});
    world(&[("POSTERN_IDENTITY", identity), ("POSTERN_REGISTRATION", json!("closed"))])
}

#[test]
fn users_of_another_service_sign_in_and_keep_their_subject() {
    let world = with_own_users();
    world.services.answers.borrow_mut().push((200, ELSEWHERE.to_owned()));
    let (access, refresh) = tokens(&sign_in_with(&world, PASSWORD));
    let sent = world.services.sent.borrow()[0].clone();
    assert_eq!(
        (sent.0.as_str(), &sent.1["login"], &sent.1["password"]),
        ("/verify", &json!(LOGIN), &json!(PASSWORD))
    );
    let me = body(&world.call_as("GET", "/auth/me", &access));
    assert_eq!(
        (&me["sub"], &me["scope"], &me["roles"][0]),
        (&json!("42"), &json!("read:orders"), &json!("clerk"))
    );
    assert_eq!(world.gate("/strict", Some(&access)), None);
    assert_eq!(world.refresh(&refresh).status, 200);
    let account = AccountId::of_subject("https://users.example.com", "42");
    assert!(!world.accounts.records(account).snapshot().is_empty());
    world.services.answers.borrow_mut().push((200, ELSEWHERE.to_owned()));
    let export = body(&world.call_as("GET", "/auth/account/export", &access));
    assert_eq!(export["profile"]["subject"], "42");
}

// Another service keeps the users.
#[test]
fn calls_for_own_users_are_not_offered_with_another_service() {
    let world = with_own_users();
    world.services.answers.borrow_mut().push((200, ELSEWHERE.to_owned()));
    let (access, _) = tokens(&sign_in_with(&world, PASSWORD));
    for path in [
        "/auth/register",
        "/auth/password",
        "/auth/password/reset-request",
        "/auth/password/reset",
        "/auth/email/verification-request",
        "/auth/email/verify",
        "/auth/account/delete",
    ] {
        assert_eq!(code(&world.post_as(&access, path, &json!({}))), "not_offered", "{path}");
    }
}

#[test]
fn a_broken_identity_service_is_our_fault_and_a_no_is_a_no() {
    let world = with_own_users();
    let answers =
        |status: u16, body: &str| world.services.answers.borrow_mut().push((status, body.to_owned()));
    answers(401, "");
    assert_eq!(code(&sign_in_with(&world, PASSWORD)), "invalid_credentials");
    for (status, body) in [
        (500, ""),
        (302, ""),
        (200, ""),
        (200, "[]"),
        (200, r#"{"subject":""}"#),
        (200, r#"{"subject":"4\n2"}"#),
        (200, r#"{"subject":"42","scopes":["read:orders admin"]}"#),
        (200, r#"{"subject":42}"#),
    ] {
        answers(status, body);
        assert_eq!(sign_in_with(&world, PASSWORD).status, 503, "{status} {body}");
    }
    world.services.unreachable.set(true);
    assert_eq!(sign_in_with(&world, PASSWORD).status, 503);
    let log = world.log.0.borrow().join("\n");
    assert!(log.contains(r#""part":"identity""#) && !log.contains(PASSWORD));
}

#[test]
fn without_a_way_to_reach_users_nothing_is_asked_for() {
    let world = world(&[
        ("POSTERN_PROFILE", json!("production")),
        ("POSTERN_ISSUER", json!("https://auth.example.com")),
        ("POSTERN_PASSWORD", json!({"memory_kib": 7168, "iterations": 5})),
    ]);
    let reply = world.call("/auth/password/reset-request", &json!({"login": LOGIN}));
    assert_eq!((reply.status, code(&reply).as_str()), (404, "not_offered"));
    world.settle();
    assert!(world.services.sent.borrow().is_empty());
}

#[test]
fn a_retried_refresh_and_a_theft_are_in_the_activity() {
    let world = world(&[]);
    let (_, first) = world.sign_in();
    let (_, second) = tokens(&world.refresh(&first));
    world.pass(60);
    assert_eq!(world.refresh(&first).status, 200);
    world.refresh(&second);
    assert_eq!(code(&world.refresh(&first)), "invalid_grant");
    let (access, _) = world.sign_in();
    assert_eq!(activity(&world, &access), ["signed_in", "reuse_detected", "retried", "signed_in"]);
    let ask = AccountRequest::Activity;
    assert!(block_on(world.accounts.ask(ALICE, &ask)).is_ok());
}

#[test]
fn with_limits_off_nobody_is_limited_or_locked_out() {
    let world = World::with(&json!({"POSTERN_LIMITS": "off"}));
    for _ in 0..30 {
        assert_eq!(sign_in_with(&world, "wrong horse battery staple").status, 401);
        assert_eq!(world.call("/auth/password/reset-request", &json!({"login": LOGIN})).status, 202);
    }
    let reply = sign_in_with(&world, PASSWORD);
    assert_eq!(reply.status, 200);
    let (_, mut refresh_token) = tokens(&reply);
    for _ in 0..30 {
        (_, refresh_token) = tokens(&world.refresh(&refresh_token));
    }
}

#[test]
fn me_has_login_and_verified_address_of_this_moment() {
    let world = world(&[]);
    let (access, _) = world.sign_in();
    let me = body(&world.call_as("GET", "/auth/me", &access));
    assert_eq!(
        (&me["login"], &me["email"], &me["email_verified"]),
        (&json!(LOGIN), &json!(LOGIN), &json!(false))
    );
    world.identity.amend(ALICE, |user| user.email_verified = true);
    assert_eq!(body(&world.call_as("GET", "/auth/me", &access))["email_verified"], true);
    // The token says the rest, whatever the database does.
    world.identity.behave(IdentityMode::Fails);
    let me = world.call_as("GET", "/auth/me", &access);
    assert_eq!(
        (me.status, &body(&me)["sub"], &body(&me)["login"]),
        (200, &json!(ALICE.to_string()), &Value::Null)
    );
    assert!(world.log.0.borrow().join("\n").contains(r#""event":"fault","part":"database""#));
}

#[test]
fn me_has_what_an_identity_service_says_of_its_user() {
    let world = with_own_users();
    world.services.answers.borrow_mut().push((200, ELSEWHERE.to_owned()));
    let (access, _) = tokens(&sign_in_with(&world, PASSWORD));
    let me = |answer: (u16, &str)| {
        world.services.answers.borrow_mut().push((answer.0, answer.1.to_owned()));
        let reply = world.call_as("GET", "/auth/me", &access);
        assert_eq!(reply.status, 200);
        let me = body(&reply);
        ["login", "email", "email_verified", "name"].map(|member| me[member].clone())
    };
    let whole =
        r#"{"subject":"42","login":"carol","email":"c@example.com","email_verified":true,"name":"Carol"}"#;
    assert_eq!(me((200, whole)), [json!("carol"), json!("c@example.com"), json!(true), json!("Carol")]);
    let none = [Value::Null, Value::Null, Value::Null, Value::Null];
    // One that says no address verifies none.
    assert_eq!(me((200, r#"{"subject":"42","email_verified":true}"#)), none);
    for answer in [(404, ""), (500, ""), (200, r#"{"subject":"another"}"#)] {
        assert_eq!(me(answer), none);
    }
}
