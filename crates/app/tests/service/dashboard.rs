//! The administrators' dashboard, as a browser sees it.

use postern_app::{audit::AuditLog as _, http::Reply, identity::seed};
use serde_json::{Value, json};

use super::{
    browser::{ALICE, Browser, hidden, html},
    consent::location,
    world::{PASSWORD, World, block_on, code},
};
use crate::web::endpoints::{Call, ENDPOINTS};

const ADMIN: &str = "admin@example.com";

fn world() -> World {
    World::with(&json!({
        "POSTERN_ADMIN": {"dashboard": true},
        "POSTERN_LIMITS": "off",
        "POSTERN_OAUTH": {"stored_clients": true},
    }))
}

/// Signs in on the way to a page, and returns where the browser goes then.
fn sign_in_at(browser: &mut Browser<'_>, address: &str, login: &str) -> String {
    let there = location(&browser.get(address)).to_owned();
    assert!(there.starts_with("/auth/sign-in?to="), "{there}");
    let reply = browser.fill(&there, &[("login", login), ("password", PASSWORD)]);
    location(&reply).to_owned()
}

pub(super) fn administrator(world: &World) -> Browser<'_> {
    let mut browser = Browser::new(world);
    assert_eq!(sign_in_at(&mut browser, "/admin/ui/audit", ADMIN), "/admin/ui/audit");
    browser
}

fn entries(world: &World) -> Vec<(String, String, String)> {
    let page = block_on(world.audit_log.page(0, 200)).unwrap();
    let told = |entry: &postern_app::audit::chain::Entry| {
        (entry.action.clone(), entry.target.clone(), entry.result.name().to_owned())
    };
    page.entries.iter().map(|sealed| told(&sealed.entry)).collect()
}

/// How many changes were carried out, besides the client that [`changes`] adds.
fn changed(world: &World) -> usize {
    entries(world).iter().filter(|(action, ..)| action != "client_add").count()
}

/// The pages of the dashboard that need no `{...}`.
fn pages() -> impl Iterator<Item = String> {
    let of_dashboard = ENDPOINTS.iter().filter(|endpoint| matches!(endpoint.call, Call::Dashboard(_)));
    let plain = of_dashboard.filter(|endpoint| endpoint.method == "GET" && !endpoint.path.contains('{'));
    plain.map(|endpoint| format!("/admin{}", endpoint.path))
}

/// Every change of the dashboard: the path of its form, and its fields.
fn changes(world: &World) -> Vec<(String, Vec<(&'static str, String)>)> {
    let access_token = access_token(world);
    let (kid, client_id) = (kid(world), new_client(world, &access_token));
    let value = |name: &'static str| match name {
        "kid" => kid.clone(),
        "client_id" => client_id.clone(),
        "sub" => seed::ALICE.account.to_string(),
        "kind" => "subject".to_owned(),
        "login" => ALICE.to_owned(),
        "ip" => "192.0.2.1".to_owned(),
        "issuer" => "https://idp.example.com/".to_owned(),
        "not_before" | "expires_at" => "1900000000".to_owned(),
        "session_id" | "grant_id" | "jti" | "secret_id" => "AAECAwQFBgcICQoLDA0ODw".to_owned(),
        other => panic!("a change has the field {other}: give it a value here"),
    };
    let changes: Vec<_> = crate::dashboard::change_fields()
        .into_iter()
        .map(|(action, fields)| {
            let fields = fields.into_iter().map(|name| (name, value(name))).collect();
            (format!("/admin/ui/confirm/{action}"), fields)
        })
        .collect();
    assert!(changes.len() > 10);
    changes
}

fn access_token(world: &World) -> String {
    let body = json!({"login": ADMIN, "password": PASSWORD, "delivery": "body"});
    super::world::tokens(&world.call("/auth/login", &body)).0
}

fn kid(world: &World) -> String {
    let reply = world.call_as("GET", "/admin/keys", &access_token(world));
    let keys: Value = serde_json::from_slice(&reply.body).unwrap();
    keys["keys"][0]["kid"].as_str().unwrap().to_owned()
}

fn new_client(world: &World, access_token: &str) -> String {
    let body = json!({"name": "Notes", "redirect_uris": ["https://notes.example/cb"], "confidential": true});
    let reply = world.post_as(access_token, "/admin/clients", &body);
    let client: Value = serde_json::from_slice(&reply.body).unwrap();
    client["client_id"].as_str().unwrap().to_owned()
}

fn query(path: &str, fields: &[(&'static str, String)]) -> String {
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", super::browser::encoded(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

#[test]
fn the_dashboard_is_off_unless_a_setting_opens_it() {
    let off = World::with(&json!({"POSTERN_ADMIN": {"dashboard": false}, "POSTERN_PAGES": {}}));
    for address in pages() {
        let reply = Browser::new(&off).get(&address);
        assert_eq!((reply.status, code(&reply)), (404, "not_found".to_owned()), "{address}");
    }
    let moved = World::with(&json!({"POSTERN_ADMIN": {"dashboard": true, "path": "/ops/postern"}}));
    let mut browser = Browser::new(&moved);
    assert_eq!(sign_in_at(&mut browser, "/ops/postern/ui/audit", ADMIN), "/ops/postern/ui/audit");
    assert_eq!(browser.get("/admin/ui/audit").status, 404);
}

#[test]
fn a_visitor_signs_in_and_comes_back_to_their_page() {
    let world = world();
    let mut browser = Browser::new(&world);
    let address = "/admin/ui/audit?who=a%26b&before=7";
    assert_eq!(sign_in_at(&mut browser, address, ADMIN), address);
    for page in pages() {
        let reply = browser.get(&page);
        assert!(
            reply.status == 200 || (page == "/admin/ui" && reply.status == 303),
            "{page}: {}",
            reply.status
        );
    }
    // The attack: a link to the sign-in page that leads to another site afterwards.
    for to in [
        "//evil.example/admin/ui",
        "/admin/ui/audit%5C..%5C",
        "/admin/keys",
        "/admin/ui/confirm",
        "https://a.example/admin/ui",
    ] {
        let there = format!("/auth/sign-in?to={to}");
        let reply = Browser::new(&world).fill(&there, &[("login", ADMIN), ("password", PASSWORD)]);
        assert_eq!(location(&reply), "/auth/sign-in", "{to}");
    }
}

// The attack: a user opens an administrator's page.
#[test]
fn a_user_without_the_scope_sees_nothing_and_changes_nothing() {
    let world = world();
    let mut browser = Browser::new(&world);
    sign_in_at(&mut browser, "/admin/ui/keys", ALICE);
    for (path, fields) in changes(&world) {
        for reply in [browser.get(&query(&path, &fields)), browser.post(&path, &borrowed(&fields))] {
            let page = html(&reply);
            assert_eq!(reply.status, 403, "{path}");
            assert!(page.contains("insufficient_scope") && !page.contains("<nav"), "{page}");
        }
    }
    for address in pages() {
        assert_eq!(browser.get(&address).status, 403, "{address}");
    }
    assert!(world.log.0.borrow().iter().any(|line| line.contains("missing_scope")));
    assert_eq!(changed(&world), 0);
}

fn borrowed<'f>(fields: &'f [(&'static str, String)]) -> Vec<(&'f str, &'f str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

// The attack: the cookies of an administrator's browser are stolen, after the hour in which the sign-in is recent.
#[test]
fn a_stolen_browser_session_reads_and_changes_nothing() {
    let world = world();
    let mut browser = administrator(&world);
    // What the thief may have seen before: the form of every change, with its token.
    let forms: Vec<_> = changes(&world)
        .into_iter()
        .map(|(path, fields)| {
            let page = html(&browser.get(&query(&path, &fields)));
            assert!(hidden(&page).iter().any(|(name, _)| name == "form_token"), "{path}");
            (path, fields, page)
        })
        .collect();
    let posts = ENDPOINTS.iter().filter(|row| matches!(row.call, Call::Dashboard(_)) && row.method != "GET");
    assert_eq!(posts.count(), 1, "all changes come by one row of the table of endpoints");
    assert!(!forms.is_empty());
    world.pass(3601);
    for (path, fields, page) in forms {
        let asks = query(&path, &fields);
        let back =
            format!("/auth/sign-in?to={}", location(&browser.get(&asks)).split_once("?to=").unwrap().1);
        for reply in [
            browser.get(&asks),
            browser.post_with(&path, hidden(&page), &[]),
            browser.post(&path, &borrowed(&fields)),
        ] {
            assert_eq!((reply.status, location(&reply)), (303, back.as_str()), "{path}");
        }
        // The way back is the page that asks, and no change.
        let reply = browser.fill(&back, &[("login", "x"), ("password", "wrong")]);
        assert_eq!(reply.status, 401);
    }
    assert_eq!(changed(&world), 0, "nothing was carried out");
    assert!(world.log.0.borrow().iter().any(|line| line.contains("sign_in_too_old")));
    for address in pages().filter(|address| address != "/admin/ui") {
        assert_eq!(browser.get(&address).status, 200, "{address}: reading goes on");
    }
}

#[test]
fn a_change_asks_once_and_is_what_the_api_does() {
    let world = world();
    let old = kid(&world);
    // Until the clients can know the next key.
    world.pass(700);
    let mut browser = administrator(&world);
    let page = html(&browser.get("/admin/ui/confirm/key_rotate"));
    assert!(
        page.contains("The next key signs from now on") && page.contains("A rotation is not undone"),
        "{page}"
    );
    assert_eq!(entries(&world), [], "asking changes nothing");
    let reply = browser.post_with("/admin/ui/confirm/key_rotate", hidden(&page), &[]);
    let done = html(&reply);
    assert!(done.contains("The rotation is ordered.") && done.contains(&old), "{done}");
    let told = |result: &str| ("key_rotate".to_owned(), String::new(), result.to_owned());
    assert_eq!(entries(&world), [told("requested"), told("done")]);
    // A refusal of the call is a page with its code.
    let page = html(&browser.get("/admin/ui/confirm/key_rotate"));
    let refused = browser.post_with("/admin/ui/confirm/key_rotate", hidden(&page), &[]);
    assert!(refused.status == 409 && refused.header("retry-after").is_some());
    assert!(html(&refused).contains("key_too_young"));
}

// The attacks: a form of another site, of another browser, of another session, of another target, and without its token.
#[test]
fn a_change_needs_the_form_that_asked_for_it() {
    let world = world();
    let mut browser = administrator(&world);
    for (path, fields) in changes(&world) {
        let page = html(&browser.get(&query(&path, &fields)));
        assert_eq!(browser.post_all("https://evil.example", &path, hidden(&page), &[]).status, 403, "{path}");
        let mut other = administrator(&world);
        let again = other.post_with(&path, hidden(&page), &[]);
        assert!(again.status == 403 && html(&again).contains("csrf_failed"), "{path}: another browser");
        assert_eq!(browser.post(&path, &borrowed(&fields)).status, 403, "{path}: no token");
        if let Some((name, value)) = fields.first() {
            let mut changed = hidden(&page);
            changed.retain(|(own, _)| own != name);
            let reply = browser.post_with(&path, changed, &[(name, &format!("{value}x"))]);
            assert!(reply.status >= 400, "{path}: another target");
        }
    }
    let page = html(&browser.get("/admin/ui/confirm/key_rotate"));
    browser.fill("/auth/sign-in?another=1", &[("login", ADMIN), ("password", PASSWORD)]);
    assert_eq!(
        browser.post_with("/admin/ui/confirm/key_rotate", hidden(&page), &[]).status,
        403,
        "another session"
    );
    assert_eq!(changed(&world), 0);
}

#[test]
fn a_note_about_a_change_cannot_be_made_up() {
    let world = world();
    let mut browser = administrator(&world);
    for done in ["key_revoke", "key_revoke.", "key_revoke.AAAA", "nothing.AAAA"] {
        let page = html(&browser.get(&format!("/admin/ui/keys?done={done}")));
        assert!(!page.contains("role=\"status\""), "{done}");
    }
}

#[test]
fn faults_and_mistakes_are_pages() {
    let world = world();
    let mut browser = administrator(&world);
    world.audit_log.unreachable.set(true);
    let reply = browser.get("/admin/ui/audit");
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("2")));
    assert!(html(&reply).contains("unavailable"));
    world.audit_log.unreachable.set(false);
    for (address, status) in
        [("/admin/ui/audit?x=1", 400), ("/admin/ui/audit?before=x", 400), ("/admin/ui/confirm/nothing", 404)]
    {
        let reply = browser.get(address);
        assert_eq!(reply.status, status, "{address}");
        assert!(html(&reply).contains("<title>Error: "), "{address}");
    }
    world.accounts.set_unreachable(true);
    assert_eq!(browser.get("/admin/ui/audit").status, 503);
}

// Guesses at a login may overload its Throttle object.
#[test]
fn a_user_is_disabled_while_their_limits_cannot_be_read() {
    use super::faults::How;
    use postern_app::ports::Component;
    let world = world();
    let mut browser = administrator(&world);
    let sub = seed::ALICE.account.to_string();
    let mut read_limits = || {
        (0..20).find_map(|nth| {
            world.faults.fail(nth, How::Lost);
            let reply = browser.get(&format!("/admin/ui/users/{sub}"));
            (world.faults.failed() == Some(Component::Throttle)).then_some(reply)
        })
    };
    let reply = read_limits().unwrap();
    assert_eq!(reply.status, 200);
    let page = html(&reply);
    assert!(page.contains("/confirm/user_disable") && page.contains("unavailable"), "{page}");
    assert!(world.log.0.borrow().iter().any(|line| line.contains("\"part\":\"throttle\"")));
}

// The attack: names that administrators look at have markup in them.
#[test]
fn the_log_is_filtered_and_its_chain_is_checked() {
    let world = world();
    let mut browser = administrator(&world);
    assert!(html(&browser.get("/admin/ui/audit")).contains("The log has no entry yet."));
    for number in 0..130 {
        let who = if number % 2 == 0 { "<b>one</b>" } else { "two" };
        let act = postern_app::audit::Act::new(who, "user_disable", &format!("user{number}"), "");
        block_on(world.audit_log.append(act)).unwrap();
    }
    let page = html(&browser.get("/admin/ui/audit"));
    assert!(page.contains("Entries 81 to 130 of 130 were read, and their chain is intact."), "{page}");
    assert!(page.contains("&lt;b&gt;one&lt;/b&gt;") && !page.contains("<b>one"));
    assert!(page.find("user129").unwrap() < page.find("user128").unwrap(), "newest first");
    assert!(page.contains("href=\"/admin/ui/audit?before=81\""));
    let older = html(&browser.get("/admin/ui/audit?before=81&who=TWO"));
    assert!(older.contains("user79") && !older.contains("user78") && !older.contains("user80"), "{older}");
    // The attack: an entry is changed in the storage.
    let records = &world.audit_log.records;
    let id = format!("{:016}", 100);
    let text = postern_app::ports::Records::read(records, "entry", &id).unwrap().unwrap();
    postern_app::ports::Records::write(records, "entry", &id, &text.replace("two", "six")).unwrap();
    let broken = html(&browser.get("/admin/ui/audit"));
    assert!(
        broken.contains("The chain of the audit log is broken") && broken.contains("entry 100 was changed"),
        "{broken}"
    );
}

// The attack: entries are taken out of the storage, the newest or where one reading of the page ends and the next begins.
#[test]
fn a_log_without_some_of_its_entries_is_broken() {
    use postern_app::ports::Records as _;
    let world = world();
    let mut browser = administrator(&world);
    let append = |who: &str, count: u64| {
        for number in 0..count {
            let act = postern_app::audit::Act::new(who, "user_disable", &format!("user{number}"), "");
            block_on(world.audit_log.append(act)).unwrap();
        }
    };
    let records = &world.audit_log.records;
    append("another", 250);
    let other = records.snapshot();
    records.restore(std::collections::BTreeMap::default());
    append("one", 450);
    let whole = records.snapshot();
    let mut read = || html(&browser.get("/admin/ui/audit?who=two"));
    assert!(read().contains("Entries 1 to 450 of 450 were read, and their chain is intact."));
    let attacks =
        [(450..=450, 450), (250..=250, 250), (51..=250, 51), (440..=450, 440), (1..=1, 1), (1..=50, 1)];
    for (missing, first) in attacks {
        records.restore(whole.clone());
        for seq in missing {
            records.remove("entry", &format!("{seq:016}")).unwrap();
        }
        let page = read();
        assert!(
            page.contains(&format!("entry {first} is not the next one: entries are missing")),
            "{first}: {page}"
        );
    }
    // The first entries of a log that Postern wrote at another time.
    let of_other = other.into_iter().filter(|((kind, _), _)| kind == "entry");
    records.restore(whole.into_iter().chain(of_other).collect());
    assert!(read().contains("entry 251 does not follow from the entry before it"));
    let revocations = html(&browser.get("/admin/ui/revocations"));
    assert!(revocations.contains("entry 251 does not follow from the entry before it"), "{revocations}");
}

// A login with a backslash, as Windows writes it, is on the way back from the sign-in too.
#[test]
fn a_sign_in_comes_back_to_a_page_with_any_text() {
    let world = world();
    for address in
        ["/admin/ui/confirm/throttle_clear?login=CORP%5Calice", "/admin/ui/limits?login=CORP%5Calice"]
    {
        let mut browser = Browser::new(&world);
        assert_eq!(sign_in_at(&mut browser, address, ADMIN), address);
    }
}

#[test]
fn every_page_has_the_policy_and_no_script() {
    let world = world();
    let mut browser = administrator(&world);
    for address in pages().filter(|address| address != "/admin/ui") {
        let reply: Reply = browser.get(&address);
        let policy = reply.header("content-security-policy").unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(
            policy.ends_with("; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("referrer-policy"), Some("same-origin"));
        assert!(!html(&reply).contains("<script") || policy.contains("script-src 'sha256-"), "{address}");
    }
}

/// Asks for a change and makes it; the page that the browser ends at.
fn made(browser: &mut Browser<'_>, address: &str) -> String {
    let page = html(&browser.get(address));
    let path = address.split('?').next().unwrap();
    let reply = browser.post_with(path, hidden(&page), &[]);
    match reply.status {
        303 => html(&browser.get(location(&reply))),
        200 => html(&reply),
        other => panic!("{address}: {other}"),
    }
}

#[test]
fn a_user_is_found_by_any_part_and_changed() {
    let world = world();
    let mut browser = administrator(&world);
    let sub = seed::ALICE.account.to_string();
    let of_user = format!("/admin/ui/users/{sub}");
    for part in ["LICE@exam", sub.get(5..15).unwrap()] {
        let page = html(&browser.get(&format!("/admin/ui/users?contains={}", super::browser::encoded(part))));
        assert!(
            page.contains(&format!("href=\"{of_user}\"")) && !page.contains("/admin/ui/users/AAAA"),
            "{part}: {page}"
        );
    }
    assert!(html(&browser.get("/admin/ui/users?contains=nobody")).contains("No user matches."));
    world.sign_in();
    let page = html(&browser.get(&of_user));
    for shown in ["alice@example.com", "Sessions", "No application has access.", "signed_in", "first-party"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let asked = format!("/admin/ui/confirm/user_disable?sub={sub}");
    assert!(html(&browser.get(&asked)).contains("alice@example.com ("), "the page names the user");
    let page = made(&mut browser, &asked);
    assert!(page.contains("The user is disabled.") && page.contains("No session is alive."), "{page}");
    assert_eq!(world.try_sign_in().status, 401);
    let page = made(&mut browser, &format!("/admin/ui/confirm/user_enable?sub={sub}"));
    assert!(page.contains("The user is enabled."));
    assert_eq!(world.try_sign_in().status, 200);
    let page = made(&mut browser, &format!("/admin/ui/confirm/user_reset?sub={sub}"));
    assert!(page.contains("The message is on its way, unless the user is disabled"));
    let told: Vec<_> = entries(&world).into_iter().map(|(action, target, _)| (action, target)).collect();
    for action in ["user_disable", "user_enable", "user_reset"] {
        assert_eq!(
            told.iter().filter(|told| **told == (action.to_owned(), sub.clone())).count(),
            2,
            "{action}"
        );
    }
    // Their own access stays.
    let own = html(&browser.get("/admin/ui/users?contains=admin@"));
    let own = own.split("/admin/ui/users/").nth(1).unwrap().split('"').next().unwrap();
    let page = html(&browser.get(&format!("/admin/ui/confirm/user_disable?sub={own}")));
    let refused = browser.post_with("/admin/ui/confirm/user_disable", hidden(&page), &[]);
    assert!(refused.status == 409 && html(&refused).contains("own_account"));
}

#[test]
fn a_client_shows_no_secret_and_is_changed() {
    let world = world();
    let mut browser = administrator(&world);
    let id = new_client(&world, &access_token(&world));
    let list = html(&browser.get("/admin/ui/clients"));
    assert!(list.contains(&format!("href=\"/admin/ui/clients/{id}\"")) && list.contains("Notes"));
    let page = html(&browser.get(&format!("/admin/ui/clients/{id}")));
    assert!(page.contains("https://notes.example/cb") && page.contains("client_end_secret"));
    assert!(!page.contains("pcs_"), "no secret: {page}");
    let page = made(&mut browser, &format!("/admin/ui/confirm/client_disable?client_id={id}"));
    assert!(page.contains("The client is disabled.") && page.contains("client_enable"), "{page}");
    let page = made(&mut browser, &format!("/admin/ui/confirm/client_delete?client_id={id}"));
    assert!(page.contains("There is no client in the database."), "{page}");
}

#[test]
fn limits_revocations_routes_and_issuers_are_shown() {
    let world = World::with(&json!({"POSTERN_ADMIN": {"dashboard": true}, "POSTERN_PAGES": {}}));
    let mut browser = administrator(&world);
    let body = json!({"login": ALICE, "password": "wrong"});
    assert_eq!(world.call("/auth/login", &body).status, 401);
    let page = html(&browser.get("/admin/ui/limits?login=alice%40example.com&ip="));
    assert!(page.contains("/admin/ui/confirm/throttle_clear?login=alice@example.com"), "{page}");
    let page = made(&mut browser, "/admin/ui/confirm/throttle_clear?login=alice@example.com");
    assert!(
        page.contains("The limits are cleared.") && page.contains("No failure and no used limit"),
        "{page}"
    );
    assert_eq!(browser.get("/admin/ui/limits?ip=nonsense").status, 400);

    let sub = seed::ALICE.account;
    let page = made(&mut browser, &format!("/admin/ui/confirm/revoke?kind=subject&sub={sub}&jti=&issuer="));
    assert!(page.contains("It is revoked.") && page.contains("refused by the feed at"), "{page}");
    let page = html(&browser.get("/admin/ui/revocations"));
    assert!(page.contains(&format!("subject {sub}")) && page.contains("action=\"/admin/ui/confirm/revoke\""));

    let page = html(&browser.get("/admin/ui/routes?method=GET&url=http%3A%2F%2Flocalhost%2Fauth%2Fme"));
    assert!(page.contains("a path of Postern itself"), "{page}");
    assert_eq!(browser.get("/admin/ui/routes?url=nonsense").status, 400);
    let page = html(&browser.get("/admin/ui/issuers"));
    assert!(page.contains("this deployment") && page.contains(" s old"), "{page}");
}
