//! The pages as a browser sees them: forms, and what is refused.

use postern_app::{http::PlainRequest, identity::memory::IdentityMode};
use serde_json::json;

use super::{
    browser::{ALICE, Browser, ORIGIN, encoded, hidden, html},
    world::{PASSWORD, World, code},
};

fn world() -> World {
    World::with(&json!({"POSTERN_PAGES": {"name": "Acme Books"}}))
}

/// Without limits, for tests that sign in often.
fn without_limits() -> World {
    World::with(&json!({"POSTERN_PAGES": {}, "POSTERN_LIMITS": "off"}))
}

#[test]
fn a_browser_signs_in_stays_signed_in_and_signs_out() {
    let world = world();
    let mut browser = Browser::new(&world);
    let reply = browser.sign_in();
    assert_eq!((reply.status, reply.header("location")), (303, Some("/auth/sign-in")));
    let cookie = reply.headers.iter().find(|(_, value)| value.starts_with("__Host-postern_sso=")).unwrap();
    assert!(cookie.1.ends_with("; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax"), "{}", cookie.1);
    assert!(browser.is_signed_in());
    let reply = browser.fill("/auth/sign-out", &[]);
    assert_eq!((reply.status, reply.header("clear-site-data")), (200, Some("\"cache\"")));
    assert!(!browser.is_signed_in());
    let log = world.log.0.borrow().join("\n");
    assert!(log.contains("\"event\":\"signed_in\"") && log.contains("\"event\":\"signed_out\""), "{log}");
    assert!(!log.contains(PASSWORD) && !log.contains("pbs_"));
}

// A thief who copied the cookie has nothing either.
#[test]
fn a_copied_cookie_is_worthless_after_the_sign_out() {
    let world = world();
    let mut browser = Browser::new(&world);
    browser.sign_in();
    let mut thief = Browser::new(&world);
    thief.cookies.clone_from(&browser.cookies);
    assert!(thief.is_signed_in());
    browser.fill("/auth/sign-out", &[]);
    assert!(!thief.is_signed_in());
}

#[test]
fn what_ends_sessions_signs_the_browser_out() {
    let world = without_limits();
    for way in ["DELETE /auth/sessions", "POST /auth/logout-all", "POST /auth/password"] {
        let mut browser = Browser::new(&world);
        browser.sign_in();
        let (access_token, _) = world.sign_in();
        let (method, path) = way.split_once(' ').unwrap();
        let reply = if path == "/auth/password" {
            let change = json!({"current_password": PASSWORD, "new_password": "another good password"});
            world.post_as(&access_token, path, &change)
        } else {
            world.call_as(method, path, &access_token)
        };
        assert_eq!(reply.status, 204, "{way}");
        assert!(!browser.is_signed_in(), "{way}");
    }
}

#[test]
fn the_list_of_sessions_has_the_browser() {
    let world = world();
    Browser::new(&world).sign_in();
    let (access_token, _) = world.sign_in();
    let list = world.call_as("GET", "/auth/sessions", &access_token);
    let list: serde_json::Value = serde_json::from_slice(&list.body).unwrap();
    let kinds: Vec<_> = list["sessions"].as_array().unwrap().iter().map(|row| row["kind"].as_str()).collect();
    assert!(kinds.contains(&Some("browser")) && kinds.contains(&None), "{list}");
}

// Without the setting a deployment has the JSON calls alone, as before.
#[test]
fn pages_are_off_without_their_setting() {
    let world = World::new();
    for path in ["sign-in", "sign-up", "forgotten-password", "new-password", "verify-address", "sign-out"] {
        let mut browser = Browser::new(&world);
        let reply = browser.get(&format!("/auth/{path}"));
        assert_eq!((reply.status, code(&reply).as_str()), (404, "not_offered"), "{path}");
        assert_eq!(browser.post(&format!("/auth/{path}"), &[]).status, 404, "{path}");
    }
}

// The attack: login CSRF, a form on another site that signs a visitor in as the attacker.
#[test]
fn a_form_of_another_origin_is_refused() {
    let world = world();
    let page = |browser: &mut Browser<'_>| hidden(&html(&browser.get("/auth/sign-in")));
    let mut attacker = Browser::new(&world);
    let stolen = page(&mut attacker);
    let token = stolen[0].1.as_str();
    let entries = [("form_token", token), ("login", ALICE), ("password", PASSWORD)];
    let mut victim = Browser::new(&world);
    page(&mut victim);
    for (origin, status) in [("https://evil.example", 403), ("null", 403), (ORIGIN, 403)] {
        let reply = victim.post_from(origin, "/auth/sign-in", &entries);
        assert_eq!(reply.status, status, "{origin}");
        assert!(!victim.is_signed_in(), "{origin}");
    }
    let mut cross = Browser::new(&world).with("sec-fetch-site", "same-site");
    assert_eq!(cross.fill("/auth/sign-in", &[("login", ALICE), ("password", PASSWORD)]).status, 403);
    let log = world.log.0.borrow().join("\n");
    assert!(log.contains("\"event\":\"cross_origin\""), "{log}");
    // Without a cookie, and with a token of another form.
    assert_eq!(Browser::new(&world).post("/auth/sign-in", &entries).status, 403);
    let sign_up = hidden(&html(&attacker.get("/auth/sign-up")));
    let crossed = [("form_token", sign_up[0].1.as_str()), ("login", ALICE), ("password", PASSWORD)];
    assert_eq!(attacker.post("/auth/sign-in", &crossed).status, 403);
}

#[test]
fn an_expired_form_is_shown_again_with_what_was_entered() {
    let world = world();
    let mut browser = Browser::new(&world);
    let token = hidden(&html(&browser.get("/auth/sign-in")))[0].1.clone();
    world.pass(86_400);
    let entries = [("form_token", token.as_str()), ("login", ALICE), ("password", PASSWORD)];
    let reply = browser.post("/auth/sign-in", &entries);
    let page = html(&reply);
    assert_eq!(reply.status, 403);
    assert!(page.contains("The page was open for too long") && page.contains(ALICE));
    assert!(!page.contains(PASSWORD), "a page never repeats a password");
}

// Byte for byte, but for the token of the form.
#[test]
fn an_unknown_login_and_a_wrong_password_look_the_same() {
    let world = world();
    let mut pages = Vec::new();
    for (login, password) in [(ALICE, "wrong horse battery staple"), ("mallo@example.com", PASSWORD)] {
        let mut browser = Browser::new(&world);
        let reply = browser.fill("/auth/sign-in", &[("login", login), ("password", password)]);
        assert_eq!(reply.status, 401);
        let page = html(&reply);
        let token = hidden(&page)[0].1.clone();
        pages.push(page.replace(&token, "TOKEN").replace(login, "LOGIN"));
        assert!(!browser.is_signed_in());
    }
    assert_eq!(pages[0], pages[1]);
    assert!(pages[0].contains("The user name or the password is incorrect."));
    assert!(pages[0].contains("<title>Error: "));
}

#[test]
fn sign_ins_at_the_page_share_the_limits_of_the_call() {
    let world = world();
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let mut browser = Browser::new(&world);
        let reply = browser.fill("/auth/sign-in", &[("login", ALICE), ("password", "wrong")]);
        statuses.push(reply.status);
        if reply.status == 429 {
            assert!(reply.header("retry-after").is_some() && reply.header("ratelimit").is_some());
            assert!(html(&reply).contains("Too many attempts. Try again in"));
        }
    }
    assert_eq!(statuses[..5], [401; 5]);
    assert_eq!(statuses[5], 429);
    assert_eq!(world.try_sign_in().status, 429, "the JSON call has the same bucket");
}

// The device cookie of one serves the other.
#[test]
fn a_device_known_by_its_page_is_known_to_the_call() {
    let world = world();
    let mut browser = Browser::new(&world);
    browser.sign_in();
    let device =
        browser.cookies.iter().find(|(name, _)| name == "__Secure-postern_device").unwrap().1.clone();
    for _ in 0..6 {
        world.call("/auth/login", &json!({"login": ALICE, "password": "wrong"}));
    }
    assert_eq!(world.try_sign_in().status, 429, "a stranger");
    let known = json!({"login": ALICE, "password": PASSWORD, "device_token": device, "delivery": "body"});
    assert_eq!(world.call("/auth/login", &known).status, 200);
    assert_eq!(
        browser.fill("/auth/sign-in?another=1", &[("login", ALICE), ("password", PASSWORD)]).status,
        303
    );
}

#[test]
fn registering_signs_in_and_a_taken_login_is_said() {
    let world = world();
    let mut browser = Browser::new(&world);
    let entries = [("login", "bob@example.com"), ("password", "long enough indeed")];
    assert_eq!(browser.fill("/auth/sign-up", &entries).status, 303);
    assert!(html(&browser.get("/auth/sign-in")).contains("bob@example.com"));
    let again = Browser::new(&world).fill("/auth/sign-up", &entries);
    assert_eq!(again.status, 409);
    let page = html(&again);
    assert!(
        page.contains("aria-describedby=\"login-error\"") && page.contains("aria-invalid=\"true\""),
        "{page}"
    );
    let closed = World::with(&json!({"POSTERN_PAGES": {}, "POSTERN_REGISTRATION": "closed"}));
    assert_eq!(Browser::new(&closed).get("/auth/sign-up").status, 403);
    assert!(!html(&Browser::new(&closed).get("/auth/sign-in")).contains("/auth/sign-up"));
}

#[test]
fn a_forgotten_password_is_set_by_the_code_of_the_message() {
    let world = without_limits();
    world.sign_in();
    let mut browser = Browser::new(&world);
    let known = browser.fill("/auth/forgotten-password", &[("login", ALICE)]);
    let unknown = browser.fill("/auth/forgotten-password", &[("login", "alicf@example.com")]);
    assert_eq!((known.status, unknown.status), (200, 200));
    assert_eq!(html(&known), html(&unknown).replace("alicf@", "alice@"), "the same page");
    world.settle();
    let token = world.services.token();
    let entries = [("token", token.as_str()), ("password", "a brand new password")];
    assert_eq!(browser.fill("/auth/new-password", &entries).status, 200);
    assert_eq!(browser.fill("/auth/new-password", &entries).status, 400, "once");
    let mut other = Browser::new(&world);
    let entries = [("login", ALICE), ("password", "a brand new password")];
    assert_eq!(other.fill("/auth/sign-in", &entries).status, 303);
}

// The message leads to the page of this deployment, with the token in the fragment, which reaches no server.
#[test]
fn a_message_leads_to_the_page_if_no_other_is_set() {
    let world = world();
    world.sign_in();
    Browser::new(&world).fill("/auth/forgotten-password", &[("login", ALICE)]);
    world.settle();
    let sent = world.services.sent.borrow().last().unwrap().1.clone();
    let token = sent["token"].as_str().unwrap();
    assert_eq!(sent["link"], format!("{ORIGIN}/auth/new-password#token={token}"));
}

#[test]
fn an_address_is_verified_by_the_code_of_the_message() {
    let world = world();
    let mut browser = Browser::new(&world);
    browser.fill("/auth/sign-up", &[("login", "bob@example.com"), ("password", "long enough indeed")]);
    world.settle();
    let token = world.services.token();
    assert_eq!(browser.fill("/auth/verify-address", &[("token", &token)]).status, 200);
    let reply = browser.fill("/auth/verify-address", &[("token", &token)]);
    assert_eq!(reply.status, 400);
    assert!(html(&reply).contains("This code is no longer valid"));
}

// The attack: an open redirect by way of the sign-in page.
#[test]
fn a_sign_in_goes_back_to_the_pending_request_alone() {
    let world = world();
    for request in ["client_id=notes&redirect_uri=https%3A%2F%2Fevil.example%2F&state=1", "//evil.example/"] {
        let mut browser = Browser::new(&world);
        let address = format!("/auth/sign-in?request={}", encoded(request));
        let reply = browser.fill(&address, &[("login", ALICE), ("password", PASSWORD)]);
        let location = reply.header("location").unwrap();
        assert!(location.starts_with(&format!("/oauth/authorize?{request}&postern_begun=")), "{location}");
    }
    for other in ["https://evil.example\r\n", "a b", ""] {
        let mut browser = Browser::new(&world);
        let address = format!("/auth/sign-in?request={}", encoded(other));
        let reply = browser.fill(&address, &[("login", ALICE), ("password", PASSWORD)]);
        assert_eq!(reply.header("location"), Some("/auth/sign-in"), "{other}");
    }
}

#[test]
fn what_was_entered_cannot_become_markup() {
    let world = world();
    let attack = "\"><script>alert(1)</script>@example.com";
    let mut browser = Browser::new(&world);
    let page = html(&browser.fill("/auth/sign-in", &[("login", attack), ("password", "wrong")]));
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"), "{page}");
    let hint = encoded(&format!("login_hint={}", encoded(attack)));
    let page = html(&browser.get(&format!("/auth/sign-in?request={hint}")));
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"), "{page}");
}

#[test]
fn the_language_is_asked_for_chosen_or_the_browsers() {
    let world = world();
    let lang = |browser: &mut Browser<'_>, address: &str| {
        let page = html(&browser.get(address));
        page.split("<html lang=\"").nth(1).unwrap()[..2].to_owned()
    };
    assert_eq!(lang(&mut Browser::new(&world), "/auth/sign-in"), "en");
    let mut browser = Browser::new(&world).with("accept-language", "fr-CH,fr;q=0.9");
    assert_eq!(lang(&mut browser, "/auth/sign-in"), "fr");
    let asked = format!("/auth/sign-in?request={}", encoded("ui_locales=ja%20en"));
    assert_eq!(lang(&mut browser, &asked), "ja");
    // The user's choice counts from then on, and before that of the client.
    assert_eq!(lang(&mut browser, &format!("{asked}&ui_locales=ar")), "ar");
    assert_eq!(lang(&mut browser, "/auth/sign-up"), "ar");
}

#[test]
fn pages_keep_browsers_from_all_else() {
    let world = world();
    let reply = Browser::new(&world).get("/auth/sign-in");
    let policy = reply.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.ends_with("; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("script-src"), "{policy}");
    let header = |name| reply.header(name);
    assert_eq!((header("cache-control"), header("x-frame-options")), (Some("no-store"), Some("DENY")));
    assert_eq!(
        (header("access-control-allow-origin"), header("referrer-policy")),
        (None, Some("same-origin"))
    );
    let token = Browser::new(&world).get("/auth/new-password");
    assert!(token.header("content-security-policy").unwrap().contains("; script-src 'sha256-"));
}

#[test]
fn a_fault_is_a_page_with_the_form_and_keeps_the_cookie() {
    let world = world();
    let mut browser = Browser::new(&world);
    browser.sign_in();
    world.accounts.set_unreachable(true);
    let reply = browser.get("/auth/sign-in");
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("2")));
    assert!(html(&reply).contains("The service is not available at this moment."));
    let reply = browser.fill("/auth/sign-out", &[]);
    assert_eq!(reply.status, 503);
    world.accounts.set_unreachable(false);
    assert!(browser.is_signed_in());
    world.identity.behave(IdentityMode::Fails);
    let reply = Browser::new(&world).fill("/auth/sign-in", &[("login", ALICE), ("password", PASSWORD)]);
    assert_eq!(reply.status, 503);
    assert!(html(&reply).contains(ALICE), "what was entered is kept");
    assert!(world.log.0.borrow().join("\n").contains("\"event\":\"fault\""));
}

#[test]
fn a_body_that_is_no_form_is_a_page_with_400() {
    let world = world();
    let mut browser = Browser::new(&world);
    for (media_type, body) in [("application/json", "{}"), ("application/x-www-form-urlencoded", "a=%ff")] {
        let request =
            PlainRequest::new("POST", &format!("{ORIGIN}/auth/sign-in")).with("content-type", media_type);
        let reply = browser.send(request, body);
        assert_eq!(reply.status, 400, "{media_type}");
        html(&reply);
    }
    let twice = browser.fill("/auth/sign-in", &[("login", ALICE), ("login", ALICE), ("password", PASSWORD)]);
    assert_eq!(twice.status, 400);
    let empty = browser.fill("/auth/sign-in", &[("login", ALICE), ("password", "")]);
    assert!(html(&empty).contains("Fill in this field."));
}
