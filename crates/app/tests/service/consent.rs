//! Authorization requests as a browser sees them: sign-in, consent, and the way back to the client.

use postern_app::http::{PlainRequest, Reply};
use serde_json::json;

use super::{
    browser::{ALICE, Browser, ORIGIN, hidden, html},
    world::{PASSWORD, World, block_on},
};

pub(crate) const REQUEST: &str = "client_id=notes&redirect_uri=https%3A%2F%2Fnotes.example%2Fcallback&response_type=code\
&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&state=s1&scope=read%3Aorders";

pub(crate) fn world() -> World {
    World::with(&json!({
        "POSTERN_LIMITS": "off",
        "POSTERN_PAGES": {
            "name": "Acme Books",
            "scopes": {"read:orders": {"en": "Read your orders", "de": "Ihre Bestellungen lesen"}},
            "clients": {"notes": {"name": "Acme for Notes"}},
        },
        "POSTERN_CLIENTS": [
            {
                "client_id": "notes",
                "name": "Notes for Teams",
                "redirect_uris": ["https://notes.example/callback"],
                "scopes": ["read:orders", "write:orders"],
            },
            {"client_id": "tool", "name": "A tool", "redirect_uris": ["http://127.0.0.1/cb"], "scopes": ["read:orders"]},
        ],
    }))
}

fn authorize(query: &str) -> String {
    format!("/oauth/authorize?{query}")
}

pub(crate) fn location(reply: &Reply) -> &str {
    assert_eq!(reply.status, 303, "{}", String::from_utf8_lossy(&reply.body));
    reply.header("location").unwrap()
}

impl Browser<'_> {
    /// Follows an authorization request through the sign-in page. The answer is what comes after it.
    pub(super) fn through_sign_in(&mut self, query: &str) -> Reply {
        let reply = self.get(&authorize(query));
        let page = location(&reply).to_owned();
        assert!(page.starts_with("/auth/sign-in?request="), "{page}");
        let reply = self.fill(&page, &[("login", ALICE), ("password", PASSWORD)]);
        let back = location(&reply).to_owned();
        self.get(&back)
    }

    /// Posts the form of a page for consent.
    pub(super) fn answer(&mut self, page: &str, entries: &[(&str, &str)]) -> Reply {
        self.post_with("/auth/consent", hidden(page), entries)
    }
}

/// A browser at the page for consent.
pub(crate) fn asked<'w>(world: &'w World, query: &str) -> (Browser<'w>, String) {
    let mut browser = Browser::new(world);
    let reply = browser.through_sign_in(query);
    assert_eq!(reply.status, 200);
    (browser, html(&reply))
}

pub(crate) const ALLOW: [(&str, &str); 2] = [("answer", "allow"), ("scope", "read:orders")];

// Tests MCP Authorization section "Overview": the code flow of OAuth 2.1 for a public client (A1)
// Tests OAuth 2.1 section 4.1: from the request to a code, by way of sign-in and consent
#[test]
fn a_user_signs_in_allows_and_goes_back_with_a_code() {
    let world = world();
    let mut browser = Browser::new(&world);
    let sign_in = location(&browser.get(&authorize(REQUEST))).to_owned();
    let page = browser.get(&sign_in);
    assert!(
        page.header("content-security-policy").unwrap().contains("form-action 'self' https://notes.example;")
    );
    let page = html(&page);
    assert!(
        page.contains("to continue to <bdi>Notes for Teams</bdi>") && page.contains("Acme for Notes"),
        "{page}"
    );
    let consent = browser.through_sign_in(REQUEST);
    assert!(
        consent
            .header("content-security-policy")
            .unwrap()
            .contains("form-action 'self' https://notes.example;")
    );
    let page = html(&consent);
    for shown in ["Notes for Teams", "notes.example", "Read your orders", "alice@example.com", "read:orders"]
    {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let reply = browser.answer(&page, &ALLOW);
    let there = location(&reply);
    assert!(there.starts_with("https://notes.example/callback?code=pac_"), "{there}");
    assert!(there.contains("&state=s1&iss=http%3A%2F%2Flocalhost%3A8787"), "{there}");
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
    // The consent is remembered, and the session is there.
    assert!(location(&browser.get(&authorize(REQUEST))).contains("?code=pac_"));
    assert!(!world.log.0.borrow().join("\n").contains("pac_"));
}

// Tests RFC 6749 section 4.1.2.1: a user who refuses gives the client access_denied
#[test]
fn a_refusal_goes_to_the_client() {
    let world = world();
    let (mut browser, page) = asked(&world, REQUEST);
    let reply = browser.answer(&page, &[("answer", "deny"), ("scope", "read:orders")]);
    assert!(location(&reply).starts_with("https://notes.example/callback?error=access_denied"));
    assert_eq!(browser.get(&authorize(REQUEST)).status, 200, "and is not remembered");
}

// The attacks: a form for consent posted again, from another site, by another browser or session, for another request.
#[test]
fn consent_serves_once_in_its_own_browser() {
    let world = world();
    let (mut browser, page) = asked(&world, REQUEST);
    let (mut other, others_page) = asked(&world, REQUEST);
    assert_eq!(other.answer(&page, &ALLOW).status, 403, "another browser");
    let foreign = browser.post_all("https://evil.example", "/auth/consent", hidden(&page), &ALLOW);
    assert_eq!(foreign.status, 403, "another origin");
    let mut changed = hidden(&page);
    for (name, value) in &mut changed {
        if name == "request" {
            *value = value.replace("read%3Aorders", "write%3Aorders");
        }
    }
    assert_eq!(browser.post_with("/auth/consent", changed, &ALLOW).status, 403, "another request");
    assert_eq!(browser.answer(&page, &[("answer", "yes")]).status, 400);
    assert_eq!(browser.answer(&page, &ALLOW).status, 303);
    let again = browser.answer(&page, &ALLOW);
    assert_eq!(again.status, 403);
    assert!(html(&again).contains("This page was used before"));
    // Another user signs in in the same browser while the page is open.
    other.fill("/auth/sign-in?another=1", &[("login", "admin@example.com"), ("password", PASSWORD)]);
    assert_eq!(other.answer(&others_page, &ALLOW).status, 403, "another session");
    world.pass(3601);
    let (mut late, page) = asked(&world, &format!("{REQUEST}&prompt=consent"));
    world.pass(3600);
    assert_eq!(late.answer(&page, &ALLOW).status, 403, "too late");
}

// A developer tries a program on their machine, whose users are asked each time. The attack: an answered question is
// posted again after the session has forgotten it.
#[test]
fn consents_are_not_counted_and_none_serves_twice() {
    let world = world();
    let request = format!("{REQUEST}&prompt=consent");
    let (mut browser, first) = asked(&world, &request);
    let mut pages = vec![first];
    for _ in 0..40 {
        world.pass(5);
        pages.push(html(&browser.get(&authorize(&request))));
    }
    for page in &pages {
        assert_eq!(browser.answer(page, &ALLOW).status, 303);
    }
    for page in &pages {
        assert_eq!(browser.answer(page, &ALLOW).status, 403);
    }
}

#[test]
fn an_unticked_scope_is_not_granted() {
    let world = world();
    let both = REQUEST.replace("scope=read%3Aorders", "scope=read%3Aorders%20write%3Aorders");
    let (mut browser, page) = asked(&world, &both);
    assert!(page.contains("value=\"write:orders\" checked"));
    assert!(location(&browser.answer(&page, &ALLOW)).contains("code=pac_"));
    assert!(
        location(&browser.get(&authorize(REQUEST))).contains("code=pac_"),
        "what was ticked is remembered"
    );
    assert_eq!(browser.get(&authorize(&both)).status, 200, "and the other is asked for again");
}

/// The answer to the form of a client's site. A browser sends no cookie with it that is `SameSite=Lax`.
fn posted(world: &World, path: &str, media_type: &str, body: &str) -> Reply {
    let request = PlainRequest::new("POST", &format!("{ORIGIN}{path}"))
        .with("content-type", media_type)
        .with("origin", "https://notes.example");
    block_on(world.service().own(&request, body.as_bytes()))
}

// Tests OpenID Connect Core section 3.1.2.1: an authorization request by POST is what it is by GET
#[test]
fn a_posted_request_goes_on_as_a_query() {
    let world = world();
    let (mut browser, page) = asked(&world, REQUEST);
    browser.answer(&page, &ALLOW);
    let reply =
        posted(&world, "/oauth/authorize", "application/x-www-form-urlencoded; charset=utf-8", REQUEST);
    let there = location(&reply).to_owned();
    assert_eq!(there, authorize(REQUEST));
    assert!(location(&browser.get(&there)).starts_with("https://notes.example/callback?code=pac_"));
    let unproved = REQUEST.replace("notes.example", "evil.example");
    let reply = posted(&world, "/oauth/authorize", "application/x-www-form-urlencoded", &unproved);
    assert_eq!(browser.get(location(&reply)).status, 400, "GET judges it");
}

// The attacks: a form of another site that makes the open forms of a browser void, and parameters in two places.
#[test]
fn a_posted_request_sets_no_cookie_and_is_one_form() {
    let world = world();
    let form = "application/x-www-form-urlencoded";
    let long = format!("{REQUEST}&nonce={}", "a".repeat(6 * 1024));
    for (path, media_type, body, status) in [
        ("/oauth/authorize", form, REQUEST, 303),
        ("/oauth/authorize?prompt=none", form, REQUEST, 400),
        ("/oauth/authorize?", form, REQUEST, 303),
        ("/oauth/authorize", "application/json", "{}", 400),
        ("/oauth/authorize", "", REQUEST, 400),
        ("/oauth/authorize", form, "", 400),
        ("/oauth/authorize", form, "client_id=notes&x=%ff", 400),
        ("/oauth/authorize", form, "client_id=notes\r\nset-cookie: a=b", 400),
        ("/oauth/authorize", form, "client_id=notes#x", 400),
        ("/oauth/authorize", form, &long, 400),
    ] {
        let reply = posted(&world, path, media_type, body);
        assert_eq!((reply.status, reply.header("set-cookie")), (status, None), "{path} {media_type} {body}");
    }
}

// Tests MCP Authorization section "Open Redirection": an untrusted URI gets no redirect (A6)
// Tests RFC 6749 section 4.1.2.1: without a proved redirect URI the browser stays here
#[test]
fn a_request_without_proof_is_a_page_and_no_redirect() {
    let world = world();
    for (query, code) in [
        (REQUEST.replace("notes&", "other&"), "client_unknown"),
        (REQUEST.replace("notes.example", "evil.example"), "redirect_uri_unregistered"),
        ("response_type=code".to_owned(), "client_id_missing"),
        (format!("{REQUEST}&x=%ff"), "malformed_authorization_request"),
        (String::new(), "client_id_missing"),
    ] {
        let reply = Browser::new(&world).get(&authorize(&query));
        assert_eq!((reply.status, reply.header("location")), (400, None), "{query}");
        assert!(html(&reply).contains(code), "{query}");
    }
    let refused = Browser::new(&world).get(&authorize(&REQUEST.replace("S256", "plain")));
    assert!(location(&refused).starts_with("https://notes.example/callback?error=invalid_request"));
}

// Tests OpenID Connect Core section 3.1.2.1: max_age=0 and prompt=login ask for a sign-in, and one is enough
#[test]
fn a_request_for_a_new_sign_in_is_met_by_one() {
    let world = world();
    for more in ["&max_age=0", "&prompt=login", "&prompt=select_account", "&prompt=login%20consent"] {
        let mut browser = Browser::new(&world);
        browser.sign_in();
        world.pass(60);
        let query = format!("{REQUEST}{more}");
        let reply = browser.through_sign_in(&query);
        world.pass(5);
        let reply = if reply.status == 200 { browser.answer(&html(&reply), &ALLOW) } else { reply };
        assert!(location(&reply).contains("code=pac_"), "{more}");
        // The proof of the sign-in is of this browser and this request.
        let sign_in = location(&browser.get(&authorize(&query))).to_owned();
        assert!(sign_in.starts_with("/auth/sign-in?"), "{more}: a later request asks again");
    }
}

#[test]
fn an_account_that_is_signed_in_can_be_chosen() {
    let world = world();
    let mut browser = Browser::new(&world);
    browser.sign_in();
    world.pass(60);
    let page = location(&browser.get(&authorize(&format!("{REQUEST}&prompt=select_account")))).to_owned();
    let page = html(&browser.get(&page));
    assert!(page.contains("Continue as <bdi>alice@example.com</bdi>"), "{page}");
    let target = page.split("href=\"/oauth/authorize?").nth(1).unwrap().split('"').next().unwrap();
    let reply = browser.get(&authorize(&target.replace("&amp;", "&")));
    assert_eq!(reply.status, 200, "the page for consent");
    assert!(html(&reply).contains("Notes for Teams"));
}

// Tests MCP Authorization section "Localhost Redirect URI Risks": the page for consent has the redirect host, and a warning for this machine (A9)
#[test]
fn a_program_on_the_device_comes_with_a_warning() {
    let world = world();
    let query = REQUEST
        .replace("notes&", "tool&")
        .replace("https%3A%2F%2Fnotes.example%2Fcallback", "http%3A%2F%2F127.0.0.1%3A4567%2Fcb");
    let (mut browser, page) = asked(&world, &query);
    assert!(page.contains("127.0.0.1:4567") && page.contains("a program on your own device"), "{page}");
    assert!(location(&browser.answer(&page, &ALLOW)).starts_with("http://127.0.0.1:4567/cb?code=pac_"));
    assert_eq!(browser.get(&authorize(&query)).status, 200, "asked each time");
}

#[test]
fn the_page_for_consent_is_in_the_language_of_the_client() {
    let world = world();
    let query = format!("{REQUEST}&ui_locales=de");
    let (_, page) = asked(&world, &query);
    assert!(page.contains("Darf <bdi>Notes for Teams</bdi> Ihr Konto verwenden?"), "{page}");
    assert!(page.contains("Ihre Bestellungen lesen"));
    assert!(page.contains("href=\"/oauth/authorize?client_id=notes"), "the same page in other languages");
}

#[test]
fn a_fault_at_a_request_is_a_page_and_tells_the_client_nothing() {
    let world = world();
    let mut browser = Browser::new(&world);
    browser.sign_in();
    world.accounts.set_unreachable(true);
    let reply = browser.get(&authorize(REQUEST));
    assert_eq!((reply.status, reply.header("retry-after"), reply.header("location")), (503, Some("2"), None));
    world.accounts.set_unreachable(false);
    assert_eq!(browser.get(&authorize(REQUEST)).status, 200);
}
