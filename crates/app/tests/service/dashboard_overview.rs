//! The dashboard's pages about how the deployment is, and what it costs.

use postern_app::{http::Reply, ports::Clock as _};
use serde_json::{Value, json};

use super::{
    browser::{Browser, html},
    consent::location,
    world::{PASSWORD, World, tokens},
};

const ADMIN: &str = "admin@example.com";

fn administrator(world: &World) -> Browser<'_> {
    let mut browser = Browser::new(world);
    let there = location(&browser.get("/admin/ui/overview")).to_owned();
    let reply = browser.fill(&there, &[("login", ADMIN), ("password", PASSWORD)]);
    assert_eq!(location(&reply), "/admin/ui/overview");
    browser
}

fn world() -> World {
    let world = World::with(&json!({"POSTERN_ADMIN": {"dashboard": true}, "POSTERN_LIMITS": "off"}));
    for password in [PASSWORD, "a wrong one", "another wrong one"] {
        world.call("/auth/login", &json!({"login": "alice@example.com", "password": password}));
    }
    world
}

fn page(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", html(reply));
    html(reply).clone()
}

#[test]
fn the_overview_shows_counts_health_and_keys() {
    let world = world();
    let mut browser = administrator(&world);
    for span in ["", "?span=hour", "?span=day", "?span=month"] {
        let page = page(&browser.get(&format!("/admin/ui/overview{span}")));
        // Alice and the administrator signed in, and two failed.
        assert!(page.contains("<strong>Sign-ins</strong>: <span class=\"good\">2 as they should be</span>, <span class=\"bad\">2 refused or failed</span>."), "{page}");
        assert!(page.contains("<code>wrong_password</code></th><td data-name=\"Number\">2</td>"), "{page}");
        assert!(page.contains("All components answer.") && page.contains("key_ring"), "{page}");
        assert!(page.contains("Signing key signs since (UTC)"), "{page}");
        assert!(page.contains("<svg") && page.contains("<details>"), "{page}");
    }
    let wrong = browser.get("/admin/ui/overview?span=year");
    assert_eq!(wrong.status, 400);
}

// At 3 in the morning the page has to show which component it is.
#[test]
fn the_overview_stays_while_components_fail() {
    let world = world();
    let mut browser = administrator(&world);
    world.metrics.unreachable.set(true);
    world.key_ring.unreachable.set(true);
    world.pass(6);
    let page = page(&browser.get("/admin/ui/overview"));
    for line in
        ["Not every component answers", "The counters cannot be read", "The signing keys cannot be read"]
    {
        assert!(page.contains(line), "{line}");
    }
    assert!(page.contains("<span class=\"bad\">fails</span>"), "{page}");
    let cost = browser.get("/admin/ui/cost");
    assert_eq!(
        (cost.status, cost.header("retry-after").is_some()),
        (503, true),
        "figures without a part would be wrong"
    );
}

#[test]
fn one_script_is_allowed_and_only_on_its_page() {
    let world = world();
    let mut browser = administrator(&world);
    let overview = browser.get("/admin/ui/overview");
    let policy = overview.header("content-security-policy").unwrap().to_owned();
    assert!(policy.contains("script-src 'sha256-") && policy.contains("connect-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(html(&overview).matches("<script").count(), 1);
    let cost = browser.get("/admin/ui/cost");
    assert!(!cost.header("content-security-policy").unwrap().contains("script-src"));
    assert!(!html(&cost).contains("<script"));
}

#[test]
fn the_page_of_cost_counts_what_the_api_counts() {
    let world = world();
    let mut browser = administrator(&world);
    // The first counts are sent.
    page(&browser.get("/admin/ui/overview"));
    world.pass(3600);
    let signed_in =
        world.call("/auth/login", &json!({"login": ADMIN, "password": PASSWORD, "delivery": "body"}));
    let (access_token, _) = tokens(&signed_in);
    let page = page(&browser.get("/admin/ui/cost?span=day"));
    let reply = world.call_as("GET", "/admin/history?span=day", &access_token);
    let history: Value = serde_json::from_slice(&reply.body).unwrap();
    let own: u64 =
        history["counts"]["usage"]["own_requests"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
    let since = history["counted_since"].as_u64().unwrap();
    let row = page.split("<tr>").find(|row| row.contains(">Worker requests</th>")).unwrap();
    let a_day: u64 =
        row.split("data-name=\"A day\">").nth(1).unwrap().split('<').next().unwrap().parse().unwrap();
    // The reading of the history is one more request than the page saw.
    let elapsed = world.platform.now().seconds() - since;
    assert_eq!(a_day, (own - 1) * 86_400 / elapsed);
    assert!(page.contains("<dt>A month in all</dt><dd>$5.00</dd>"), "{page}");
}
