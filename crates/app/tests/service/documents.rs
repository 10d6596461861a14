//! Clients with a metadata document: from the first request of a client that is not known to its tokens, and what becomes of
//! them when the document changes or goes.

use core::time::Duration;

use postern_app::{
    http::{PlainRequest, Reply},
    ports::Clock as _,
};
use serde_json::{Value, json};

use super::{
    browser::{Browser, ORIGIN, hidden, html},
    world::{START, World, block_on},
};

const ID: &str = "https://notes.example/client.json";
const MCP: &str = "http://localhost:8787/mcp";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn document(id: &str, name: &str) -> Value {
    json!({
        "client_id": id,
        "client_name": name,
        "redirect_uris": ["https://notes.example/callback", "http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    })
}

fn world_with(oauth: &Value) -> World {
    let world = World::with(&json!({
        "POSTERN_LIMITS": "off",
        "POSTERN_OAUTH": oauth,
        "POSTERN_ROUTES": [
            {"name": "mcp", "path": "/mcp", "resource": MCP, "scopes_all": ["read:orders"], "service": "ORIGIN"},
            {"name": "api", "path": "/api", "service": "ORIGIN"},
        ],
    }));
    publish(&world, &document(ID, "Notes"));
    world
}

fn world() -> World {
    world_with(&json!({"client_documents": true, "open_scopes": ["read:orders"]}))
}

fn publish(world: &World, document: &Value) {
    let url = document["client_id"].as_str().unwrap();
    world.client_documents.internet.publish(url, document.to_string());
}

fn fetches(world: &World) -> usize {
    world.client_documents.internet.fetched.borrow().len()
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |text, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => text + &char::from(byte).to_string(),
        _ => text + &format!("%{byte:02X}"),
    })
}

fn query(id: &str, redirect: &str, resource: Option<&str>) -> String {
    let resource = resource.map_or_else(String::new, |resource| format!("&resource={}", encoded(resource)));
    format!(
        "client_id={}&redirect_uri={}&response_type=code&code_challenge={CHALLENGE}\
&code_challenge_method=S256&state=s1&scope=read%3Aorders%20write%3Aorders{resource}",
        encoded(id),
        encoded(redirect)
    )
}

fn request() -> String {
    query(ID, "https://notes.example/callback", Some(MCP))
}

fn authorize(world: &World, query: &str) -> Reply {
    Browser::new(world).get(&format!("/oauth/authorize?{query}"))
}

/// Whether a page with this status has this code.
fn is_page(reply: &Reply, status: u16, code: &str) -> bool {
    reply.status == status && html(reply).contains(&format!("<code dir=\"ltr\">{code}</code>"))
}

/// A code that Alice gives the client.
fn code(world: &World) -> String {
    let mut browser = Browser::new(world);
    let reply = browser.through_sign_in(&request());
    let reply = browser.answer(&html(&reply), &[("answer", "allow"), ("scope", "read:orders")]);
    let location = reply.header("location").unwrap();
    location.split_once("?code=").unwrap().1.split('&').next().unwrap().to_owned()
}

fn post(world: &World, path: &str, body: &str) -> (u16, Value) {
    let request = PlainRequest::new("POST", &format!("{ORIGIN}{path}"))
        .with("content-type", "application/x-www-form-urlencoded");
    let reply = block_on(world.service().own(&request, body.as_bytes()));
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
}

fn redeem(world: &World, code: &str) -> (u16, Value) {
    let id = encoded(ID);
    let body = format!("grant_type=authorization_code&client_id={id}&code={code}&code_verifier={VERIFIER}");
    post(world, "/oauth/token", &body)
}

fn refresh(world: &World, token: &Value) -> (u16, Value) {
    let (id, token) = (encoded(ID), token.as_str().unwrap());
    post(world, "/oauth/token", &format!("grant_type=refresh_token&client_id={id}&refresh_token={token}"))
}

/// All clocks, this long after the story began.
fn later(world: &World, after: Duration) {
    let passed = world.platform.now().since(START);
    world.pass(after.saturating_sub(passed).as_secs());
}

fn logged(world: &World, text: &str) -> bool {
    world.log.0.borrow().iter().any(|line| line.contains(text))
}

// Tests Client ID Metadata Document section 5: the document at the client_id says what the client is
// Tests MCP Authorization section "Client ID Metadata Documents": the redirect's host is shown (A9)
#[test]
fn a_client_with_a_document_gets_tokens_without_registration() {
    let world = world();
    let mut browser = Browser::new(&world);
    let page = html(&browser.through_sign_in(&request()));
    for shown in ["Notes", "Verified domain: <bdi>notes.example</bdi>", "read:orders", MCP] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    // It asked for more than such a client may have.
    assert!(!page.contains("write:orders"), "{page}");
    assert_eq!(fetches(&world), 1);
    let (status, tokens) = redeem(&world, &code(&world));
    assert_eq!((status, &tokens["scope"]), (200, &json!("read:orders")));
    let (status, renewed) = refresh(&world, &tokens["refresh_token"]);
    assert_eq!(status, 200, "{renewed}");
    assert_eq!(fetches(&world), 1, "one fetch for all of it");
    let token = renewed["refresh_token"].as_str().unwrap();
    assert_eq!(post(&world, "/oauth/revoke", &format!("client_id={}&token={token}", encoded(ID))).0, 200);
    assert_eq!(refresh(&world, &renewed["refresh_token"]).1["error"], "invalid_grant");
    // RFC 7662 section 2.1: not for clients that prove nothing.
    let asked = post(&world, "/oauth/introspect", &format!("client_id={}&token={token}", encoded(ID)));
    assert_eq!((asked.0, &asked.1["error"]), (401, &json!("invalid_client")));
}

#[test]
fn a_program_on_the_device_is_asked_with_a_warning() {
    let world = world();
    let query = query(ID, "http://127.0.0.1:4711/callback", Some(MCP));
    let page = html(&Browser::new(&world).through_sign_in(&query));
    for shown in ["notes.example", "127.0.0.1:4711", "a program on your own device"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
}

#[test]
fn an_id_that_must_not_be_fetched_is_a_page_and_no_fetch() {
    let world = world();
    for (id, code) in [
        ("https://localhost/c", "client_id_private_address"),
        ("https://127.0.0.1/c", "client_id_private_address"),
        ("https://10.1.2.3/c", "client_id_private_address"),
        ("https://[::1]/c", "client_id_private_address"),
        ("https://93.184.216.34/c", "client_id_no_public_name"),
        ("https://notes.example/", "client_id_no_path"),
        ("https://notes.example/client.json#x", "client_id_malformed"),
        ("https://me@notes.example/client.json", "client_id_malformed"),
        ("https://notes.example/x/../client.json", "client_id_dot_segment"),
        ("https://Notes.example/client.json", "client_id_upper_case_host"),
        (&format!("https://notes.example/{}", "x".repeat(300)), "client_id_too_long"),
        ("HTTPS://notes.example/client.json", "client_unknown"),
        ("http://notes.example/client.json", "client_unknown"),
    ] {
        let query = query(id, "https://notes.example/callback", Some(MCP));
        let reply = authorize(&world, &query);
        assert!(is_page(&reply, 400, code), "{id}: {} {}", reply.status, html(&reply));
        assert!(logged(&world, code), "{code}");
        let body = format!("grant_type=refresh_token&client_id={}&refresh_token=x", encoded(id));
        assert_eq!(post(&world, "/oauth/token", &body).1["error"], "invalid_client", "{id}");
    }
    assert_eq!(fetches(&world), 0);
}

#[test]
fn an_unusable_document_is_a_page_and_a_line_in_the_log() {
    let without_redirects = json!({"client_id": ID, "client_name": "Notes", "redirect_uris": []});
    let with_secret = json!({"client_id": ID, "client_name": "N", "client_secret": "s", "redirect_uris": []});
    for (status, body, code, why) in [
        (302, document(ID, "Notes").to_string(), "client_document_redirected", "302"),
        (404, String::new(), "client_document_status", "client.json"),
        (500, String::new(), "client_document_status", "client.json"),
        (200, "x".repeat(5 << 20), "client_document_too_large", "over 5120 bytes"),
        (200, "<html>".to_owned(), "client_document_malformed", "not JSON"),
        (200, "{\"client_id\":1,\"client_id\":1}".to_owned(), "client_document_malformed", "occurs twice"),
        (200, document("https://notes.example/", "N").to_string(), "client_document_malformed", "another"),
        (200, without_redirects.to_string(), "client_document_malformed", "redirect_uris must contain"),
        (200, with_secret.to_string(), "client_document_malformed", "client_secret must not be"),
    ] {
        let world = world();
        world.client_documents.internet.publish(ID, body);
        world.client_documents.internet.statuses.borrow_mut().insert(ID.to_owned(), status);
        let reply = authorize(&world, &request());
        assert!(is_page(&reply, 400, code), "{code}: {} {}", reply.status, html(&reply));
        assert_eq!(fetches(&world), 1);
        assert!(logged(&world, "\"event\":\"client_document_refused\"") && logged(&world, why), "{why}");
    }
    let world = world();
    world.client_documents.internet.take_down(ID);
    assert!(is_page(&authorize(&world, &request()), 400, "client_document_network"));
    // An object that fails is a fault of ours.
    world.client_documents.unreachable.set(true);
    assert_eq!(authorize(&world, &request()).status, 503);
}

// The attack: ids that no one has, so that this deployment floods other hosts, or is slow for its own users.
#[test]
fn a_flood_of_ids_ends_in_429_and_few_fetches() {
    let world = world();
    let statuses: Vec<u16> = (0..50)
        .map(|number| {
            let id = format!("https://victim.example/{number}");
            authorize(&world, &query(&id, "https://victim.example/", None)).status
        })
        .collect();
    assert!(statuses.iter().all(|status| matches!(status, 400 | 429)), "{statuses:?}");
    assert_eq!(fetches(&world), 10);
    // Without a code or a token of ours, the token endpoint fetches nothing.
    for number in 100..150 {
        let id = encoded(&format!("https://other.example/{number}"));
        for secret in ["code=pac_x&code_verifier=x", "refresh_token=prt_x", "token=x"] {
            let body = format!("grant_type=authorization_code&client_id={id}&{secret}");
            let (status, answer) = post(&world, "/oauth/token", &body);
            assert_eq!((status, &answer["error"]), (401, &json!("invalid_client")));
            assert_eq!(post(&world, "/oauth/revoke", &body).0, 401);
        }
    }
    assert_eq!(fetches(&world), 10);
    assert_eq!(authorize(&world, &request()).status, 303, "another host's client is not held up");
}

#[test]
fn documents_are_off_until_a_setting_allows_them() {
    let world = world_with(&json!({"client_documents": false}));
    assert_eq!(authorize(&world, &request()).status, 404, "there is no authorization server");
    let metadata = |world: &World| {
        let reply = Browser::new(world).get("/.well-known/oauth-authorization-server");
        (reply.status, serde_json::from_slice::<Value>(&reply.body).unwrap_or_default())
    };
    assert_eq!(metadata(&world).0, 404);
    let listed = world_with(&json!({"client_documents": ["notes.example"], "open_scopes": ["read:orders"]}));
    assert_eq!(authorize(&listed, &request()).status, 303);
    let other = query("https://other.example/client.json", "https://other.example/", None);
    assert!(is_page(&authorize(&listed, &other), 400, "client_host_not_allowed"));
    assert_eq!(fetches(&listed), 1);
    let (status, metadata) = metadata(&listed);
    assert_eq!((status, &metadata["client_id_metadata_document_supported"]), (200, &json!(true)));
    assert_eq!(metadata["scopes_supported"], json!(["offline_access", "read:orders"]));
}

// The attack: a program that the operator does not know asks for a token for the operator's own interface.
#[test]
fn tokens_of_such_clients_are_for_protected_resources_alone() {
    let world = world();
    for resource in [None, Some("http://localhost:8787"), Some("https://elsewhere.example/")] {
        let query = query(ID, "https://notes.example/callback", resource);
        let reply = authorize(&world, &query);
        let location = reply.header("location").unwrap();
        assert!(
            location.starts_with("https://notes.example/callback?error=invalid_target"),
            "{resource:?}: {location}"
        );
    }
}

// Tests Client ID Metadata Document section 8.4: a document that changes
#[test]
fn a_redirect_uri_that_a_document_loses_is_refused() {
    let world = world();
    assert_eq!(authorize(&world, &request()).status, 303);
    let mut changed = document(ID, "Notes and more");
    changed["redirect_uris"] = json!(["https://notes.example/new"]);
    publish(&world, &changed);
    later(&world, Duration::from_hours(1));
    assert!(is_page(&authorize(&world, &request()), 400, "redirect_uri_unregistered"));
    let query = query(ID, "https://notes.example/new", Some(MCP));
    let page = html(&Browser::new(&world).through_sign_in(&query));
    assert!(page.contains("Notes and more"), "{page}");
}

#[test]
fn a_grant_outlives_a_host_that_fails() {
    let world = world();
    let (_, tokens) = redeem(&world, &code(&world));
    world.client_documents.internet.take_down(ID);
    // Within a day after the document was fresh, the copy serves.
    later(&world, Duration::from_hours(24));
    let (status, renewed) = refresh(&world, &tokens["refresh_token"]);
    assert_eq!(status, 200, "{renewed}");
    assert!(logged(&world, "client_document_network"));
    // Then it is a fault, which leaves the grant as it is.
    later(&world, Duration::from_hours(26));
    let (status, answer) = refresh(&world, &renewed["refresh_token"]);
    assert_eq!((status, &answer["error"]), (503, &json!("temporarily_unavailable")));
    publish(&world, &document(ID, "Notes"));
    later(&world, Duration::from_hours(26) + Duration::from_secs(61));
    let (status, last) = refresh(&world, &renewed["refresh_token"]);
    assert_eq!(status, 200, "{last}");
    // A session that is over is that, and no unknown client.
    later(&world, Duration::from_hours(24 * 400));
    let (status, answer) = refresh(&world, &last["refresh_token"]);
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")), "{answer}");
}

#[test]
fn the_users_list_names_the_client_by_its_document() {
    let world = world();
    redeem(&world, &code(&world));
    let (access, _) = world.sign_in();
    let request = PlainRequest::new("GET", &format!("{ORIGIN}/auth/grants"))
        .with("authorization", &format!("Bearer {access}"));
    let reply = block_on(world.service().own(&request, b""));
    let grants: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(grants["grants"][0]["client_id"], ID);
    assert_eq!(grants["grants"][0]["client_name"], "Notes");
}

/// The hidden fields are those of the page, so a consent of one client answers no other.
#[test]
fn a_consent_for_one_document_answers_no_other() {
    let world = world();
    let other = "https://evil.example/client.json";
    publish(&world, &document(other, "Notes"));
    let mut browser = Browser::new(&world);
    let page = html(&browser.through_sign_in(&request()));
    let mut fields = hidden(&page);
    let swapped = query(other, "https://notes.example/callback", Some(MCP));
    for (name, value) in &mut fields {
        if name == "request" {
            value.clone_from(&swapped);
        }
    }
    let reply = browser.post_with("/auth/consent", fields, &[("answer", "allow"), ("scope", "read:orders")]);
    assert!(is_page(&reply, 403, "consent_spent"), "{}", html(&reply));
}

#[test]
fn settings_of_documents_are_checked() {
    use postern_app::config::Config;
    let mistakes = |oauth: Value| {
        let vars = serde_json::from_value(json!({
            "POSTERN_PROFILE": "local",
            "POSTERN_ISSUER": "http://localhost:8787",
            "POSTERN_MASTER_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            "POSTERN_OAUTH": oauth,
        }));
        let mistakes = Config::from_vars(&vars.unwrap()).err().unwrap_or_default();
        mistakes.into_iter().map(|mistake| mistake.path).collect::<Vec<_>>()
    };
    assert!(mistakes(json!({"client_documents": ["claude.ai", "chatgpt.com"]})).is_empty());
    for host in ["localhost", "Claude.ai", "claude.ai:443", "claude.ai/x", "10.0.0.1", "*.example", ""] {
        assert_eq!(mistakes(json!({"client_documents": [host]})), ["POSTERN_OAUTH.client_documents[0]"]);
    }
    assert_eq!(mistakes(json!({"client_documents": []})), ["POSTERN_OAUTH.client_documents"]);
    assert_eq!(mistakes(json!({"client_documents": "yes"})), ["POSTERN_OAUTH.client_documents"]);
    for scope in ["offline_access", "postern:admin", "a b"] {
        assert_eq!(mistakes(json!({"open_scopes": [scope]})), ["POSTERN_OAUTH.open_scopes[0]"], "{scope}");
    }
}
