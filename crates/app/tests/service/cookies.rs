//! Cookies of one name in several scopes: what a changed setting leaves behind, and what a sibling
//! host plants. The browser here keeps them as RFC 6265bis section 5 says.

use core::cell::RefCell;

use postern_app::{
    http::{PlainRequest, Reply},
    service::Outcome,
};
use serde_json::{Value, json};

use super::world::{PASSWORD, World, block_on, code};

const AUTH: &str = "https://auth.acme.test";
const ADMIN: &str = "admin@example.com";
const ALICE: &str = "alice@example.com";

struct Kept {
    name: String,
    value: String,
    /// Without a leading dot; and whether it goes to that very host alone.
    domain: String,
    host_only: bool,
    path: String,
}

/// Cookies of a browser, in the order in which they were made.
#[derive(Default)]
struct Jar(RefCell<Vec<Kept>>);

impl Jar {
    fn keep(&self, host: &str, line: &str) {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attribute = |wanted: &str| {
            line.split("; ").skip(1).find_map(|part| part.strip_prefix(wanted)?.strip_prefix('='))
        };
        let domain = attribute("Domain");
        let (path, host_only) = (attribute("Path").unwrap(), domain.is_none());
        let domain = domain.unwrap_or(host);
        assert!(line.contains("; Secure"), "{line}");
        // What browsers drop in silence.
        if !(host == domain || host.ends_with(&format!(".{domain}"))) || !domain.contains('.') {
            return;
        }
        if name.starts_with("__Host-") && (!host_only || path != "/") {
            return;
        }
        let new = Kept {
            name: name.into(),
            value: value.into(),
            domain: domain.into(),
            host_only,
            path: path.into(),
        };
        let mut kept = self.0.borrow_mut();
        let slot = |one: &Kept| (one.name.clone(), one.domain.clone(), one.host_only, one.path.clone());
        let place = kept.iter().position(|one| slot(one) == slot(&new));
        match (place, attribute("Max-Age") == Some("0")) {
            (Some(place), true) => drop(kept.remove(place)),
            (Some(place), false) => kept[place] = new,
            (None, true) => {}
            (None, false) => kept.push(new),
        }
    }

    /// The header for a URL: longer paths first, then what is older.
    fn header(&self, url: &str) -> String {
        let rest = url.strip_prefix("https://").unwrap();
        let (host, path) = rest.split_at(rest.find('/').unwrap());
        let kept = self.0.borrow();
        let goes = |one: &&Kept| {
            let to_host = host == one.domain || !one.host_only && host.ends_with(&format!(".{}", one.domain));
            let below = path.strip_prefix(one.path.as_str());
            to_host
                && below
                    .is_some_and(|rest| rest.is_empty() || one.path.ends_with('/') || rest.starts_with('/'))
        };
        let mut sent: Vec<&Kept> = kept.iter().filter(goes).collect();
        sent.sort_by_key(|one| core::cmp::Reverse(one.path.len()));
        sent.iter().map(|one| format!("{}={}", one.name, one.value)).collect::<Vec<_>>().join("; ")
    }

    fn scopes(&self, name: &str) -> usize {
        self.0.borrow().iter().filter(|one| one.name == name).count()
    }

    /// A script of another host of the same site.
    fn plant(&self, line: &str) {
        self.keep("blog.acme.test", line);
    }

    fn value(&self, name: &str) -> String {
        self.0.borrow().iter().rfind(|one| one.name == name).unwrap().value.clone()
    }
}

/// A world whose isolates differ in `POSTERN_COOKIE`.
struct Site {
    world: World,
    jar: Jar,
}

fn settings(cookie: &Value) -> Value {
    json!({"POSTERN_ISSUER": AUTH, "POSTERN_COOKIE": cookie})
}

impl Site {
    fn new(cookie: &Value) -> Self {
        Self { world: World::with(&settings(cookie)), jar: Jar::default() }
    }

    /// The same deployment after a change of the setting.
    fn change(&mut self, cookie: &Value) {
        self.world = self.world.in_version(&settings(cookie));
    }

    fn call(&self, method: &str, path: &str, csrf: &str, body: &Value) -> Reply {
        let url = format!("{AUTH}{path}");
        let mut request = PlainRequest::new(method, &url).with("origin", AUTH);
        let cookies = self.jar.header(&url);
        if !cookies.is_empty() {
            request = request.with("cookie", &cookies);
        }
        if !csrf.is_empty() {
            request = request.with("x-csrf-token", csrf);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.with("content-type", "application/json");
        let reply = block_on(self.world.service().own(&request, body.as_bytes()));
        for (_, line) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
            self.jar.keep("auth.acme.test", line);
        }
        reply
    }

    /// The session's id and its CSRF token.
    fn sign_in(&self, login: &str) -> (String, String) {
        read(&self.call("POST", "/auth/login", "", &json!({"login": login, "password": PASSWORD})))
    }

    fn refresh(&self, csrf: &str) -> Reply {
        self.call("POST", "/auth/refresh", csrf, &Value::Null)
    }

    /// As a page that was loaded anew: asks for its CSRF token, and refreshes.
    fn reload(&self) -> Result<(String, String), String> {
        let reply = self.call("GET", "/auth/csrf", "", &Value::Null);
        if reply.status != 200 {
            return Err(code(&reply));
        }
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        let reply = self.refresh(body["csrf_token"].as_str().unwrap());
        if reply.status == 200 { Ok(read(&reply)) } else { Err(code(&reply)) }
    }
}

fn read(reply: &Reply) -> (String, String) {
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("session_id"), text("csrf_token"))
}

const REFRESH: &str = "__Secure-postern_refresh";
const CSRF: &str = "__Secure-postern_csrf";

/// The settings that a deployment may have had before, and the one that it has now.
fn changes() -> Vec<(Value, Value)> {
    let all = [
        json!({}),
        json!({"domain": "acme.test"}),
        json!({"domain": "auth.acme.test"}),
        json!({"path": "/"}),
        json!({"path": "/", "domain": "acme.test"}),
    ];
    let pairs = |before: &Value| all.clone().map(|after| (before.clone(), after));
    all.iter().flat_map(pairs).filter(|(before, after)| before != after).collect()
}

#[test]
fn a_session_lives_on_when_the_cookies_scope_is_changed() {
    for (before, after) in changes() {
        let mut site = Site::new(&before);
        let (session, csrf) = site.sign_in(ALICE);
        site.change(&after);
        let (same, csrf) = read(&site.refresh(&csrf));
        assert_eq!(session, same, "{before} to {after}");
        // The page goes on, and so does one that is loaded anew, long after the retry's time.
        for round in 0..3 {
            site.world.pass(600);
            assert_eq!(read(&site.refresh(&csrf)).0, session, "{before} to {after}, {round}");
            assert_eq!(site.reload().unwrap().0, session, "{before} to {after}, {round}");
        }
        assert_eq!((site.jar.scopes(REFRESH), site.jar.scopes(CSRF)), (1, 1), "{before} to {after}");
        let reply = site.call("POST", "/auth/logout", &site.reload().unwrap().1, &Value::Null);
        assert_eq!((reply.status, site.jar.scopes(REFRESH), site.jar.scopes(CSRF)), (204, 0, 0));
        assert!(!site.world.log.0.borrow().join("\n").contains("reuse_detected"));
    }
}

#[test]
fn signing_in_again_ends_what_an_old_scope_left() {
    for (before, after) in changes() {
        let mut site = Site::new(&before);
        site.sign_in(ADMIN);
        site.change(&after);
        let (session, csrf) = site.sign_in(ALICE);
        assert_eq!((site.jar.scopes(REFRESH), site.jar.scopes(CSRF)), (1, 1), "{before} to {after}");
        assert_eq!(read(&site.refresh(&csrf)).0, session);
        assert_eq!(site.reload().unwrap().0, session);
    }
}

#[test]
fn of_two_sessions_in_two_scopes_the_pages_own_is_refreshed() {
    // Made by a version that took nothing away.
    let mut site = Site::new(&json!({}));
    site.sign_in(ADMIN);
    let old = site.jar.0.borrow_mut().drain(..).filter(|one| one.name == REFRESH).collect::<Vec<_>>();
    site.change(&json!({"domain": "acme.test"}));
    site.world.pass(5);
    let (session, csrf) = site.sign_in(ALICE);
    site.jar.0.borrow_mut().retain(|one| one.name != "__Host-postern_session");
    site.jar.0.borrow_mut().extend(old);
    assert_eq!(site.jar.scopes(REFRESH), 2);
    let (loaded, _) = site.reload().unwrap();
    assert_eq!(loaded, session, "the session that began last");
    assert_eq!(read(&site.refresh(&csrf)).0, session);
    assert_eq!(site.jar.scopes(REFRESH), 1);
}

#[test]
fn a_planted_refresh_cookie_neither_wins_nor_locks_out() {
    let site = Site::new(&json!({}));
    let (_, planted_csrf) = site.sign_in(ADMIN);
    let planted = site.jar.value(REFRESH);
    site.jar.0.borrow_mut().clear();
    let (session, csrf) = site.sign_in(ALICE);
    // The attacker's session is younger, its cookie comes first, and its CSRF token is there too.
    for path in ["/", "/auth", "/auth/csrf", "/auth/refresh", "/auth/logout"] {
        site.jar.plant(&format!("{REFRESH}={planted}; Domain=acme.test; Path={path}; Secure"));
    }
    site.jar.plant(&format!("{CSRF}={planted_csrf}; Domain=acme.test; Path=/; Secure"));
    site.jar.plant(&format!("__Host-postern_session={session}x; Domain=acme.test; Path=/; Secure"));
    for _ in 0..3 {
        site.world.pass(600);
        assert_eq!(site.reload().unwrap().0, session);
        assert_eq!(read(&site.refresh(&csrf)).0, session);
        // A page that takes the CSRF token from the cookie is not led into the other session either.
        assert_eq!(code(&site.refresh(&planted_csrf)), "csrf_failed");
        site.jar.plant(&format!("{REFRESH}={planted}; Domain=acme.test; Path=/auth; Secure"));
        site.jar.plant(&format!("{REFRESH}={planted}; Domain=acme.test; Path=/auth/csrf; Secure"));
    }
    let reply = site.call("POST", "/auth/logout", &csrf, &Value::Null);
    assert_eq!(reply.status, 204);
    let ended: Vec<String> =
        site.world.log.0.borrow().iter().filter(|line| line.contains("signed_out")).cloned().collect();
    assert!(ended.len() == 1 && ended[0].contains(&session), "{ended:?}");
}

#[test]
fn planted_garbage_of_any_number_locks_nobody_out() {
    let site = Site::new(&json!({}));
    let (session, csrf) = site.sign_in(ALICE);
    let real = site.jar.value(REFRESH);
    let foreign = format!("prt_{}", real[4..].chars().rev().collect::<String>());
    for (at, value) in ["", "x", "prt_", &foreign, &real[..60], "\"quoted\""].iter().enumerate() {
        site.jar.plant(&format!(
            "{REFRESH}={value}; Domain=acme.test; Path=/auth{}; Secure",
            ["", "/csrf"][at % 2]
        ));
    }
    assert_eq!(read(&site.refresh(&csrf)).0, session);
    assert_eq!(site.reload().unwrap().0, session);
    // Another deployment's cookies on the parent domain are not ours to take away.
    let set = site.call("POST", "/auth/login", "", &json!({"login": ADMIN, "password": "wrong wrong wrong"}));
    assert_eq!(set.headers.iter().filter(|(name, _)| name == "set-cookie").count(), 0);
}

#[test]
fn a_marked_session_that_has_ended_gives_way_to_one_that_lives() {
    let site = Site::new(&json!({}));
    site.sign_in(ADMIN);
    let lives = site.jar.value(REFRESH);
    let (ended, csrf) = site.sign_in(ALICE);
    let body = site.call("POST", "/auth/logout", &csrf, &Value::Null);
    assert_eq!(body.status, 204);
    // A browser that got the answer to a refresh after that to the sign-out.
    let (again, _) = site.sign_in(ADMIN);
    let real = site.jar.value(REFRESH);
    assert_ne!(ended, again);
    site.jar.keep("auth.acme.test", &format!("{REFRESH}={lives}; Domain=acme.test; Path=/auth; Secure"));
    site.jar.keep("auth.acme.test", &format!("__Host-postern_session={ended}; Path=/; Secure"));
    assert!(site.reload().is_ok());
    assert_ne!(real, site.jar.value(REFRESH));
}

#[test]
fn a_refused_refresh_takes_no_cookies_away() {
    let site = Site::new(&json!({"access": true}));
    let (_, csrf) = site.sign_in(ALICE);
    let kept = site.jar.0.borrow().len();
    let stale = site.jar.header(&format!("{AUTH}/auth/refresh"));
    let ended = site.call("POST", "/auth/logout", &csrf, &Value::Null);
    assert_eq!((ended.status, site.jar.0.borrow().len()), (204, 1), "the device stays");
    // The new session's cookies are there when the answers to these come.
    let (session, new) = site.sign_in(ALICE);
    for (method, path) in [("POST", "/auth/refresh"), ("GET", "/auth/csrf")] {
        for cookie in [stale.as_str(), &format!("{REFRESH}=prt_forged"), &format!("{REFRESH}=")] {
            let request = PlainRequest::new(method, &format!("{AUTH}{path}"))
                .with("cookie", cookie)
                .with("x-csrf-token", &csrf);
            let reply = block_on(site.world.service().own(&request, b""));
            assert_eq!(reply.header("set-cookie"), None, "{path} {}", reply.status);
        }
    }
    assert_eq!(site.jar.0.borrow().len(), kept);
    assert_eq!(read(&site.refresh(&new)).0, session);
}

#[test]
fn a_sign_out_takes_the_cookies_away_though_the_session_is_over() {
    for path in ["/auth/logout", "/auth/logout-all"] {
        let site = Site::new(&json!({}));
        let (_, csrf) = site.sign_in(ALICE);
        site.world.pass(8 * 86_400);
        let reply = site.call("POST", path, &csrf, &Value::Null);
        assert!([204, 401].contains(&reply.status), "{path} {}", reply.status);
        assert_eq!(site.jar.scopes(REFRESH), 0, "{path}");
    }
}

#[test]
fn of_several_device_cookies_the_one_of_the_login_counts() {
    let site = Site::new(&json!({}));
    site.sign_in(ADMIN);
    let planted = site.jar.value("__Secure-postern_device");
    site.jar.0.borrow_mut().clear();
    site.sign_in(ALICE);
    site.jar.plant(&format!("__Secure-postern_device={planted}; Domain=acme.test; Path=/auth/login; Secure"));
    let url = format!("{AUTH}/auth/login");
    assert!(site.jar.header(&url).starts_with(&format!("__Secure-postern_device={planted}")));
    // A stranger waits after failures; a known device is judged by itself.
    for _ in 0..10 {
        site.world.call("/auth/login", &json!({"login": ALICE, "password": "wrong wrong wrong"}));
    }
    let reply = site.call("POST", "/auth/login", "", &json!({"login": ALICE, "password": PASSWORD}));
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    assert_eq!(site.jar.scopes("__Secure-postern_device"), 1);
}

#[test]
fn of_several_access_cookies_those_that_verify_count() {
    let routes = json!([{"path": "/page", "service": "ORIGIN", "token_sources": ["cookie"]}]);
    let cookie = json!({"access": true});
    let world =
        World::with(&json!({"POSTERN_ISSUER": AUTH, "POSTERN_COOKIE": cookie, "POSTERN_ROUTES": routes}));
    let site = Site { world, jar: Jar::default() };
    site.sign_in(ADMIN);
    let admin = site.jar.value("__Host-postern_access");
    let (session, csrf) = site.sign_in(ALICE);
    let alice = site.jar.value("__Host-postern_access");
    site.refresh(&csrf);
    let renewed = site.jar.value("__Host-postern_access");
    let asked = |cookies: &str| {
        let request = PlainRequest::new("GET", &format!("{AUTH}/page")).with("cookie", cookies);
        match site.world.decided(&request) {
            Outcome::Forward(forward) => {
                let set = &forward.headers.set;
                Ok(set.iter().find(|(name, _)| name == "x-auth-session").unwrap().1.clone())
            }
            Outcome::Reply(reply) => Err(code(&reply)),
        }
    };
    let access = |value: &str| format!("__Host-postern_access={value}");
    for others in ["a.b.c", "", "x", &alice] {
        for pair in [[others, &renewed], [&renewed, others]] {
            assert_eq!(asked(&pair.map(access).join("; ")), Ok(session.clone()), "{others}");
        }
    }
    let both = [&admin, &renewed].map(|value| access(value)).join("; ");
    assert_eq!(asked(&both), Err("invalid_token".to_owned()), "nobody can say whose request it is");
    assert_eq!(asked(&format!("{both}; __Host-postern_session={session}")), Ok(session));
}

// Tests RFC 9700 section 4.7: a page of another origin cannot refresh
#[test]
fn a_page_that_cannot_read_the_answer_spends_no_token() {
    let world = World::new();
    let (_, refresh_token) = world.sign_in();
    let call = |path: &str, origin: &[(&str, &str)]| {
        let request = PlainRequest::new("POST", &format!("http://localhost:8787{path}"))
            .with("content-type", "application/json");
        let request = origin.iter().fold(request, |request, (name, value)| request.with(name, value));
        let body = json!({"refresh_token": refresh_token}).to_string();
        block_on(world.service().own(&request, body.as_bytes()))
    };
    for origin in [
        [("origin", "capacitor://localhost")],
        [("origin", "null")],
        [("origin", "https://app.example.com")],
        [("sec-fetch-site", "cross-site")],
    ] {
        for path in ["/auth/refresh", "/auth/logout", "/auth/logout-all"] {
            assert_eq!(code(&call(path, &origin)), "cross_origin", "{origin:?} {path}");
        }
    }
    let line = world.log.0.borrow().iter().find(|line| line.contains("cross_origin")).cloned().unwrap();
    assert!(
        line.contains(r#""origin":"capacitor://localhost","expected":["http://localhost:8787"]"#),
        "{line}"
    );
    // An app without a browser says no origin, and its token is as good as before.
    let reply = call("/auth/refresh", &[]);
    assert_eq!(reply.status, 200);
    assert!(world.log.0.borrow().iter().any(|line| line.contains(r#""rotation_count":1"#)));
}

#[test]
fn apps_and_extensions_are_let_in_by_their_exact_origin() {
    let listed = [
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
        "http://tauri.localhost",
        "https://localhost",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "moz-extension://0f4c1d6a-5b3e-4f3a-9f6e-1b2c3d4e5f60",
    ];
    let world = World::with(&json!({"POSTERN_CORS_ORIGINS": listed}));
    for origin in listed {
        let body = json!({"login": ALICE, "password": PASSWORD, "delivery": "body"}).to_string();
        let post = |path: &str, body: &str| {
            let request = PlainRequest::new("POST", &format!("http://localhost:8787{path}"))
                .with("content-type", "application/json")
                .with("sec-fetch-site", "cross-site")
                .with("origin", origin);
            block_on(world.service().own(&request, body.as_bytes()))
        };
        let reply = post("/auth/login", &body);
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some(origin)));
        let (_, refresh_token) = super::world::tokens(&reply);
        let reply = post("/auth/refresh", &json!({"refresh_token": refresh_token}).to_string());
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some(origin)));
        world.settle();
        world.pass(300);
    }
}

#[test]
fn a_preflight_grants_what_tracing_adds() {
    let world = World::with(&json!({"POSTERN_CORS_ORIGINS": ["https://app.example.com"]}));
    let granted = |origin: &str, asked: &str| {
        let request = PlainRequest::new("OPTIONS", "http://localhost:8787/auth/refresh")
            .with("origin", origin)
            .with("access-control-request-method", "POST")
            .with("access-control-request-headers", asked);
        let reply = block_on(world.service().own(&request, b""));
        reply.header("access-control-allow-headers").map(str::to_owned)
    };
    let ours = "authorization, content-type, x-csrf-token";
    let asked = "baggage,content-type,sentry-trace, traceparent,Tracestate,x-datadog-trace-id";
    assert_eq!(
        granted("https://app.example.com", asked).unwrap(),
        format!("{ours}, baggage, sentry-trace, traceparent, tracestate, x-datadog-trace-id")
    );
    assert_eq!(granted("https://evil.example.com", asked), None);
    for odd in ["", "*", ",,", "a b", "x\r\ny: z", &"x,".repeat(2000)] {
        assert_eq!(granted("https://app.example.com", odd).as_deref(), Some(ours), "{odd}");
    }
}
