//! The page of applications with access, as a browser sees it.

use postern_app::http::Reply;

use super::{
    browser::{ALICE, Browser, hidden, html},
    consent::{ALLOW, REQUEST, asked, location, world},
    world::{PASSWORD, World},
};

const PAGE: &str = "/auth/applications";

/// A browser whose user has let `notes` in.
fn with_access(world: &World) -> Browser<'_> {
    let (mut browser, page) = asked(world, REQUEST);
    let reply = browser.post_with("/auth/consent", hidden(&page), &ALLOW);
    let code = location(&reply).split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "notes"),
        ("code", code.as_str()),
        ("redirect_uri", "https://notes.example/callback"),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    ];
    assert_eq!(browser.post("/oauth/token", &form).status, 200);
    browser
}

fn end(browser: &mut Browser<'_>, page: &str) -> Reply {
    browser.post_with(PAGE, hidden(page), &[])
}

fn grants(world: &World) -> usize {
    let list = world.call_as("GET", "/auth/grants", &world.sign_in().0);
    serde_json::from_slice::<serde_json::Value>(&list.body).unwrap()["grants"].as_array().unwrap().len()
}

#[test]
fn a_user_sees_an_application_and_ends_its_access() {
    let world = world();
    let mut browser = with_access(&world);
    let page = html(&browser.get(PAGE));
    for shown in [
        "<h2><bdi>Notes for Teams</bdi></h2>",
        "notes.example",
        "Read your orders",
        "<time datetime=\"2027-01-15\" dir=\"ltr\">2027-01-15</time>",
        "Notes for Teams</bdi> loses its access at once",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert_eq!(grants(&world), 1);
    let reply = end(&mut browser, &page);
    assert_eq!(reply.status, 200);
    let ended = html(&reply);
    assert!(ended.contains("<bdi>Notes for Teams</bdi> no longer has access."), "{ended}");
    assert!(ended.contains("No application has access to your account."));
    assert_eq!(grants(&world), 0);
    assert!(world.log.0.borrow().join("\n").contains("\"event\":\"grant_ended\""));
    assert_eq!(browser.get(&format!("/oauth/authorize?{REQUEST}")).status, 200, "the user is asked again");
    // The form of another window.
    let again = end(&mut browser, &page);
    assert!(again.status == 200 && !html(&again).contains("no longer has access"));
}

#[test]
fn a_visitor_signs_in_and_comes_back_to_the_applications() {
    let world = world();
    let mut browser = Browser::new(&world);
    let sign_in = location(&browser.get(PAGE)).to_owned();
    assert_eq!(sign_in, "/auth/sign-in?to=applications");
    let refused = html(&browser.fill(&sign_in, &[("login", ALICE), ("password", "wrong")]));
    assert!(refused.contains("href=\"/auth/sign-in?to=applications&amp;ui_locales=de\""), "{refused}");
    let entries = [("login", ALICE), ("password", PASSWORD)];
    let reply = browser.post_with("/auth/sign-in", hidden(&refused), &entries);
    assert_eq!(location(&reply), PAGE);
    assert!(html(&browser.get(PAGE)).contains("No application has access to your account."));
    // The attack: a link that leads to another site after the sign-in.
    for to in ["https%3A%2F%2Fevil.example", "//evil.example", "applications&to=applications"] {
        let reply = Browser::new(&world).fill(&format!("/auth/sign-in?to={to}"), &entries);
        assert_eq!(location(&reply), "/auth/sign-in", "{to}");
    }
}

// The attacks: a form of another site, of another browser, of another user, and without its token.
#[test]
fn access_ends_by_a_form_of_its_own_user_only() {
    let world = world();
    let mut browser = with_access(&world);
    let page = html(&browser.get(PAGE));
    let foreign = browser.post_all("https://evil.example", PAGE, hidden(&page), &[]);
    assert_eq!(foreign.status, 403);
    let mut other = Browser::new(&world);
    other.sign_in();
    assert_eq!(end(&mut other, &page).status, 403, "another browser");
    let grant = hidden(&page).into_iter().find(|(name, _)| name == "grant").unwrap().1;
    assert_eq!(browser.post(PAGE, &[("grant", &grant)]).status, 403, "no token");
    browser.fill("/auth/sign-in?another=1", &[("login", "admin@example.com"), ("password", PASSWORD)]);
    assert!(!html(&end(&mut browser, &page)).contains("no longer has access"), "another user");
    assert_eq!(grants(&world), 1);
    let mut stranger = Browser::new(&world);
    assert_eq!(location(&stranger.post(PAGE, &[("grant", &grant)])), "/auth/sign-in?to=applications");
    assert_eq!(grants(&world), 1);
}

#[test]
fn a_fault_leaves_the_access_and_is_said() {
    let world = world();
    let mut browser = with_access(&world);
    let page = html(&browser.get(PAGE));
    world.accounts.set_unreachable(true);
    assert_eq!(browser.get(PAGE).status, 503);
    assert_eq!(end(&mut browser, &page).status, 503);
    world.accounts.set_unreachable(false);
    assert_eq!(grants(&world), 1);
}

#[test]
fn other_pages_lead_to_the_applications() {
    let world = world();
    let (mut browser, consent) = asked(&world, REQUEST);
    let link = "<a href=\"/auth/applications\">Applications with access</a>";
    assert!(consent.contains(link));
    for path in ["/auth/sign-out", "/auth/sign-in"] {
        assert!(html(&browser.get(path)).contains(link), "{path}");
    }
    let german = html(&browser.get("/auth/applications?ui_locales=de"));
    assert!(german.contains("Anwendungen mit Zugriff"));
}
