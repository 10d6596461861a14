//! Two versions of one deployment that answer in turn while a new master secret is rolled out.

use postern_app::{
    http::{PlainRequest, Reply},
    identity::memory::IdentityMode,
};
use serde_json::{Value, json};

use super::{
    assert_unavailable,
    world::{PASSWORD, World, block_on, code, tokens},
};

const ORIGIN: &str = "http://localhost:8787";
const OLD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NEW: &str = "IiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4_QEE";

/// The settings of a version with these masters, the current one first.
fn version(masters: &[(u8, &str)]) -> Value {
    let masters: Vec<Value> = masters.iter().map(|(id, key)| json!({"id": id, "key": key})).collect();
    json!({"POSTERN_MASTER_KEY": masters})
}

/// One deployment in two versions: the new master is current in the second, and not in the first
/// at all, as when a step was left out.
fn two_versions() -> (World, World) {
    let old = World::with(&version(&[(1, OLD)]));
    let new = old.in_version(&version(&[(2, NEW), (1, OLD)]));
    (old, new)
}

fn cookie_refresh(world: &World, cookie: &str, csrf: &str) -> Reply {
    let request = PlainRequest::new("POST", &format!("{ORIGIN}/auth/refresh"))
        .with("cookie", &format!("__Secure-postern_refresh={cookie}"))
        .with("origin", ORIGIN)
        .with("x-csrf-token", csrf);
    block_on(world.service().own(&request, b""))
}

/// The cookie and the CSRF token of a sign-in or a refresh by cookie.
fn cookie_and_csrf(reply: &Reply) -> (String, String) {
    let cookie = reply
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .find_map(|(_, value)| value.strip_prefix("__Secure-postern_refresh="))
        .unwrap();
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    (cookie.split(';').next().unwrap().to_owned(), body["csrf_token"].as_str().unwrap().to_owned())
}

fn sign_in_by_cookie(world: &World) -> (String, String) {
    let request = PlainRequest::new("POST", &format!("{ORIGIN}/auth/login"))
        .with("content-type", "application/json")
        .with("origin", ORIGIN);
    let body = json!({"login": "alice@example.com", "password": PASSWORD}).to_string();
    cookie_and_csrf(&block_on(world.service().own(&request, body.as_bytes())))
}

#[test]
fn a_session_goes_on_whichever_version_answers() {
    let (_, new) = two_versions();
    let first = new.in_version(&version(&[(1, OLD), (2, NEW)]));
    let (mut cookie, mut csrf) = sign_in_by_cookie(&first);
    for round in 0..20 {
        let world = if round % 2 == 0 { &new } else { &first };
        let reply = cookie_refresh(world, &cookie, &csrf);
        assert_eq!(reply.status, 200, "round {round}: {}", code(&reply));
        (cookie, csrf) = cookie_and_csrf(&reply);
        world.pass(60);
    }
}

#[test]
fn a_token_of_a_newer_master_is_503_and_the_cookie_stays() {
    let (old, new) = two_versions();
    let (cookie, csrf) = sign_in_by_cookie(&new);
    let reply = cookie_refresh(&old, &cookie, &csrf);
    assert_unavailable(&reply);
    assert_eq!(reply.header("set-cookie"), None);
    let told = old.log.0.borrow().last().unwrap().clone();
    assert!(told.contains(r#""event":"newer_master","what":"refresh_token","master":2"#), "{told}");
    // In a body, at a logout and at the call for a CSRF token alike.
    assert_unavailable(&old.refresh(&cookie));
    assert_unavailable(&old.call("/auth/logout", &json!({"refresh_token": cookie})));
    let csrf_call = PlainRequest::new("GET", &format!("{ORIGIN}/auth/csrf"))
        .with("cookie", &format!("__Secure-postern_refresh={cookie}"));
    assert_unavailable(&block_on(old.service().own(&csrf_call, b"")));
    // And nothing has happened to the session.
    assert_eq!(cookie_refresh(&new, &cookie, &csrf).status, 200);
}

#[test]
fn a_wrong_mac_under_a_known_master_is_401() {
    let (old, new) = two_versions();
    let other = new.in_version(&version(&[(1, NEW)]));
    let (_, refresh_token) = new.in_version(&version(&[(1, OLD)])).sign_in();
    assert_eq!(code(&other.refresh(&refresh_token)), "invalid_grant");
    assert_eq!(old.refresh(&refresh_token).status, 200);
}

#[test]
fn a_token_of_a_master_that_was_taken_out_is_401() {
    let (old, new) = two_versions();
    let (_, refresh_token) = old.sign_in();
    let last = new.in_version(&version(&[(2, NEW)]));
    assert_eq!(code(&last.refresh(&refresh_token)), "invalid_grant");
}

#[test]
fn a_csrf_token_of_a_newer_master_is_503_and_no_forgery() {
    let (old, new) = two_versions();
    let (cookie, _) = sign_in_by_cookie(&old);
    let csrf_call = PlainRequest::new("GET", &format!("{ORIGIN}/auth/csrf"))
        .with("cookie", &format!("__Secure-postern_refresh={cookie}"));
    let reply = block_on(new.service().own(&csrf_call, b""));
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    let newer = body["csrf_token"].as_str().unwrap();
    assert_unavailable(&cookie_refresh(&old, &cookie, newer));
    assert_eq!(cookie_refresh(&new, &cookie, newer).status, 200);
}

#[test]
fn a_one_time_token_of_a_newer_master_is_503_and_serves_on() {
    let (old, new) = two_versions();
    new.call("/auth/password/reset-request", &json!({"login": "alice@example.com"}));
    new.settle();
    let token = new.services.token();
    let body = json!({"token": token, "new_password": "an entirely new one, 2027"});
    assert_unavailable(&old.call("/auth/password/reset", &body));
    assert_eq!(new.call("/auth/password/reset", &body).status, 204);
}

#[test]
fn a_device_of_a_newer_master_is_a_stranger_and_may_sign_in() {
    let (old, new) = two_versions();
    // The password's hash stays under the old master: what is asked here is about the device.
    old.sign_in();
    new.call("/auth/login", &json!({"login": "nobody", "password": PASSWORD}));
    new.identity.behave(IdentityMode::FailsToWrite);
    let reply = new.try_sign_in();
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    let again = json!({
        "login": "alice@example.com", "password": PASSWORD, "delivery": "body",
        "device_token": body["device_token"],
    });
    assert_eq!(old.call("/auth/login", &again).status, 200);
    assert!(old.log.0.borrow().iter().any(|line| line.contains(r#""what":"device_token","master":2"#)));
}

#[test]
fn a_retry_gets_the_identical_successor_or_503() {
    let (old, new) = two_versions();
    let (_, refresh_token) = old.sign_in();
    let (_, successor) = tokens(&new.refresh(&refresh_token));
    // The answer was lost. The old version cannot make the same bytes, and must not make others.
    assert_unavailable(&old.refresh(&refresh_token));
    assert_eq!(tokens(&new.refresh(&refresh_token)).1, successor);
    let first = new.in_version(&version(&[(1, OLD), (2, NEW)]));
    assert_eq!(tokens(&first.refresh(&refresh_token)).1, successor);
    assert_eq!(new.refresh(&successor).status, 200);
}

/// Guesses are counted in one place, whichever version is asked, and from the first step of a change
/// of master to the last.
#[test]
fn guesses_at_an_account_are_counted_once_in_a_rollout() {
    let (old, new) = two_versions();
    let last = new.in_version(&version(&[(2, NEW)]));
    let guess = json!({"login": "nobody@example.com", "password": "guess"});
    let statuses: Vec<u16> = [&old, &new, &last]
        .iter()
        .cycle()
        .take(15)
        .map(|world| world.call("/auth/login", &guess).status)
        .collect();
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5, "{statuses:?}");
    assert!(statuses[5..].iter().all(|status| *status == 429), "{statuses:?}");
}

#[test]
fn no_throttle_object_is_told_a_login() {
    let (old, _) = two_versions();
    old.try_sign_in();
    old.call("/auth/login", &json!({"login": "alice@example.com", "password": "guess"}));
    old.settle();
    for name in old.throttles.names() {
        let rows = format!("{name} {:?}", old.throttles.records(&name).snapshot());
        assert!(!rows.contains("alice"), "{rows}");
    }
}
