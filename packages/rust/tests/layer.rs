//! The layer, its settings, and the life of the key set.
#![cfg(test)]

use core::{
    convert::Infallible,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    task::{Context, Poll, Waker},
};
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use pollster::block_on;
use postern_origin::{
    Caller, FetchError, FetchKeys, Fetched, RequireCaller, SettingsError, Timestamp, Verifier,
};
use serde_json::Value;
use tower_layer::Layer as _;
use tower_service::Service;

const ISSUER: &str = "https://auth.example.com";

fn vectors() -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/origin.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn value_of(vectors: &Value, name: &str) -> String {
    let cases = vectors["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case["name"] == name).unwrap();
    case["values"][0].as_str().unwrap().to_owned()
}

/// Postern's end: what it answers, and how often it was asked.
#[derive(Clone, Default)]
struct Place {
    document: Arc<Mutex<Option<String>>>,
    fetched: Arc<AtomicUsize>,
    cache_control: Option<&'static str>,
}

impl FetchKeys for Place {
    async fn fetch(&self, _: &str) -> Result<Fetched, FetchError> {
        self.fetched.fetch_add(1, SeqCst);
        let document = self.document.lock().unwrap().clone().ok_or("nothing there")?;
        Ok(Fetched {
            body: document.into_bytes(),
            cache_control: self.cache_control.map(Into::into),
            age: None,
        })
    }
}

/// A verifier on a clock of its own.
struct Scene {
    vectors: Value,
    place: Place,
    now: Arc<AtomicU64>,
    verifier: Verifier<Place>,
}

fn scene(cache_control: Option<&'static str>) -> Scene {
    let vectors = vectors();
    let place = Place { cache_control, ..Place::default() };
    *place.document.lock().unwrap() = Some(vectors["key_sets"]["usual"].as_str().unwrap().to_owned());
    let now = Arc::new(AtomicU64::new(vectors["now"].as_u64().unwrap()));
    let clock = Arc::clone(&now);
    let audience = vectors["audiences"]["assertion"].as_str().unwrap().to_owned();
    let verifier = Verifier::assertions(ISSUER, [audience], place.clone())
        .unwrap()
        .with_clock(move || Timestamp::from_seconds(clock.load(SeqCst)));
    Scene { vectors, place, now, verifier }
}

impl Scene {
    fn verdict(&self, case: &str) -> String {
        let mut headers = http::HeaderMap::new();
        headers.insert("x-postern-assertion", value_of(&self.vectors, case).parse().unwrap());
        match block_on(self.verifier.verify(&Method::GET, &"/".parse().unwrap(), &headers)) {
            Ok(_) => "valid".to_owned(),
            Err(refusal) => refusal.reason().name().to_owned(),
        }
    }

    fn fetched(&self) -> usize {
        self.place.fetched.load(SeqCst)
    }
}

const GOOD: &str = "assertion: as Postern writes it";
const UNKNOWN: &str = "assertion: kid is unknown";
/// The same, as a key set's age alone decides: those that are out of date are refused before by their `exp`.
const OUTLIVED: &str = "expired";

#[test]
fn issuer_audience_and_https_are_required() {
    let place = Place::default;
    let none: [&str; 0] = [];
    for (made, wanted) in [
        (Verifier::assertions(ISSUER, none, place()), SettingsError::Audience),
        (Verifier::access_tokens(ISSUER, [""], place()), SettingsError::Audience),
        (Verifier::assertions("", ["a"], place()), SettingsError::Issuer),
        (Verifier::assertions("http://auth.example.com", ["a"], place()), SettingsError::Issuer),
        (
            Verifier::assertions(ISSUER, ["a"], place()).unwrap().keys_at("http://keys.example"),
            SettingsError::Keys,
        ),
    ] {
        assert_eq!(made.err(), Some(wanted));
    }
    assert!(Verifier::assertions("http://localhost:8787", ["a"], place()).is_ok());
    let layer = RequireCaller::new(Verifier::assertions(ISSUER, ["a"], place()).unwrap());
    assert_eq!(layer.health(["/health/*"]).err(), Some(SettingsError::Health));
}

#[test]
fn one_fetch_serves_until_max_age_has_passed() {
    let scene = scene(Some("public, max-age=40"));
    assert_eq!(scene.verdict(GOOD), "valid");
    assert_eq!(scene.verdict(GOOD), "valid");
    assert_eq!(scene.fetched(), 1);
    scene.now.fetch_add(40, SeqCst);
    assert_eq!(scene.verdict(GOOD), "valid");
    assert_eq!(scene.fetched(), 2);
}

#[test]
fn made_up_names_of_keys_cost_one_fetch_in_30_s() {
    let scene = scene(None);
    for _ in 0..50 {
        assert_eq!(scene.verdict(UNKNOWN), "unknown_key");
    }
    assert_eq!(scene.fetched(), 1);
    scene.now.fetch_add(30, SeqCst);
    assert_eq!(scene.verdict(UNKNOWN), "unknown_key");
    assert_eq!(scene.fetched(), 2);
}

#[test]
fn an_old_set_serves_for_a_day_without_a_newer_one() {
    let scene = scene(None);
    assert_eq!(scene.verdict(GOOD), "valid");
    *scene.place.document.lock().unwrap() = None;
    scene.now.fetch_add(86_399, SeqCst);
    assert_eq!(scene.verdict(GOOD), OUTLIVED);
    assert_eq!(scene.verdict(GOOD), OUTLIVED);
    assert_eq!(scene.fetched(), 2, "the next attempt is 30 s later");
    scene.now.fetch_add(1, SeqCst);
    assert_eq!(scene.verdict(GOOD), "keys_unavailable");
}

#[test]
fn without_keys_it_is_503_and_one_attempt_a_second() {
    let scene = scene(None);
    for document in
        [None, Some("<html>"), Some(r#"{"keys":[]}"#), Some(r#"{"keys":[{"kty":"oct","k":"AA"}]}"#)]
    {
        *scene.place.document.lock().unwrap() = document.map(str::to_owned);
        assert_eq!(scene.verdict(GOOD), "keys_unavailable");
        assert_eq!(scene.verdict(GOOD), "keys_unavailable");
        scene.now.fetch_add(1, SeqCst);
    }
    assert_eq!(scene.fetched(), 4);
}

/// Shows the caller.
#[derive(Clone)]
struct Shown;

impl Service<Request<()>> for Shown {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = core::future::Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let caller = request.extensions().get::<Caller>();
        core::future::ready(Ok(Response::new(caller.map_or_else(|| "nobody".to_owned(), Caller::key))))
    }
}

#[test]
fn the_layer_lets_known_callers_and_health_alone_pass() {
    let scene = scene(None);
    let refused = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&refused);
    let layer = RequireCaller::new(scene.verifier.clone())
        .health(["/healthz"])
        .unwrap()
        .on_refused(move |refusal| log.lock().unwrap().push(refusal.to_string()));
    let mut service = layer.layer(Shown);
    assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
    let mut ask = |method: Method, path: &str, values: &[String]| {
        let mut request = Request::builder().method(method).uri(path);
        for value in values {
            request = request.header("X-Postern-Assertion", value);
        }
        let answer = block_on(service.call(request.body(()).unwrap())).unwrap();
        (answer.status(), answer.headers().clone(), answer.into_body())
    };
    let good = value_of(&scene.vectors, GOOD);
    let (status, _, body) = ask(Method::POST, "/orders", core::slice::from_ref(&good));
    assert_eq!((status, body.as_str()), (StatusCode::OK, "https://auth.example.com 5f0c"));

    let (status, headers, body) = ask(Method::GET, "/orders", &[]);
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(headers["www-authenticate"], "Postern-Assertion");
    assert_eq!(body, r#"{"title":"Unauthorized","status":401,"code":"assertion_required"}"#);

    assert_eq!(ask(Method::GET, "/orders", &[good.clone(), good]).0, StatusCode::UNAUTHORIZED);
    let changed = value_of(&scene.vectors, "assertion: sub is empty");
    assert_eq!(ask(Method::GET, "/orders", &[changed]).0, StatusCode::UNAUTHORIZED);
    let seen = ["no_assertion", "several_assertions", "malformed_claim (claim sub)"];
    assert_eq!(*refused.lock().unwrap(), seen);

    assert_eq!(ask(Method::GET, "/healthz?deep", &[]).2, "nobody");
    for (method, path) in [(Method::POST, "/healthz"), (Method::GET, "/healthz/"), (Method::GET, "/Healthz")]
    {
        assert_eq!(ask(method, path, &[]).0, StatusCode::UNAUTHORIZED, "{path}");
    }
}
