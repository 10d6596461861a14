//! Key sets of other issuers, from the token to the issuer's document: how old a set may be that a
//! token is judged by, what a token can make the deployment fetch, and what KV is told.

use serde_json::{Value, json};

use super::{
    super::attacks::{es256, p256, p256_jwk},
    browser::html,
    dashboard::administrator,
    issuers::Internet,
    world::{START, World},
};
use pollster::block_on;
use postern_app::{
    encoding::base64url,
    jwks::Snapshot,
    ports::{Clock as _, KvStore as _},
    service::kv_key,
};

const ISSUER: &str = "https://idp.example";
const JWKS: &str = "https://idp.example/jwks";
/// How long bad signatures are sent, in simulated seconds, and how long an unchanged set is watched, in hours: `make test`
/// plays five minutes and a day.
const STORM: u32 = if cfg!(feature = "thorough") { 300 } else { 45 };
const HOURS: usize = if cfg!(feature = "thorough") { 24 } else { 6 };
const OTHER_JWKS: &str = "https://idp.example/other";

fn settings_at(jwks_uri: &str, more: &Value) -> Value {
    let mut issuer = json!({"issuer": ISSUER, "jwks_uri": jwks_uri, "audiences": ["api"]});
    for (name, value) in more.as_object().unwrap() {
        issuer[name] = value.clone();
    }
    json!({
        "POSTERN_ISSUERS": [issuer],
        "POSTERN_ROUTES": [{"path": "/theirs", "service": "ORIGIN", "revocation": "none"}],
    })
}

fn settings() -> Value {
    settings_at(JWKS, &json!({}))
}

/// A key set of P-256 keys: `kid` (none when empty) and seed.
fn set(keys: &[(&str, u8)]) -> String {
    let jwks = keys.iter().map(|(kid, seed)| {
        let mut jwk = p256_jwk(kid, &p256(*seed));
        if kid.is_empty() {
            jwk.as_object_mut().unwrap().remove("kid");
        }
        jwk
    });
    json!({"keys": jwks.collect::<Vec<_>>()}).to_string()
}

impl World {
    fn internet(&self) -> &Internet {
        &self.issuer_keys.internet
    }

    fn fetches(&self) -> usize {
        self.internet().fetched.borrow().len()
    }

    /// A sound token of the issuer, another one each time, by the key of this seed.
    fn theirs(&self, kid: &str, seed: u8) -> String {
        let now = self.platform.now().seconds();
        let mut header = json!({"alg": "ES256", "typ": "at+jwt"});
        if !kid.is_empty() {
            header["kid"] = kid.into();
        }
        let claims = json!({"iss": ISSUER, "sub": "u", "aud": "api", "exp": now + 600, "iat": now,
            "client_id": "c", "jti": format!("{}-{}", self.fetches(), self.log.0.borrow().len())});
        let input = [header, claims].map(|part| base64url(part.to_string().as_bytes())).join(".");
        format!("{input}.{}", base64url(&es256(seed, input.as_bytes())))
    }

    /// What the gate answers to a new token of this key.
    fn asks(&self, kid: &str, seed: u8) -> Option<u16> {
        let status = self.gate("/theirs", Some(&self.theirs(kid, seed)));
        self.settle();
        status
    }

    /// What KV holds of the set.
    fn in_kv(&self, jwks_uri: &str) -> Option<Snapshot> {
        let text = block_on(self.kv.read(&kv_key(&format!("{ISSUER} {jwks_uri}")))).unwrap();
        text.map(|text| serde_json::from_str(&text).unwrap())
    }

    fn events(&self, name: &str) -> Vec<Value> {
        let lines = self.log.0.borrow();
        let events = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["event"] == name).collect()
    }
}

/// An issuer that was installed anew: its key has the name of the former one.
#[test]
fn a_new_key_under_the_same_kid_is_found_by_its_first_token() {
    for kid in ["k", ""] {
        let world = World::with(&settings());
        world.internet().publish(JWKS, set(&[(kid, 1)]));
        assert_eq!(world.asks(kid, 1), None);
        world.pass(60);
        world.internet().publish(JWKS, set(&[(kid, 2)]));
        assert_eq!(world.asks(kid, 2), None, "{kid}: long before the soft age");
        assert_eq!(world.asks(kid, 1), Some(401), "{kid}: the former key");
        assert_eq!(world.fetches(), 2);
    }
}

#[test]
fn a_new_key_of_another_algorithm_is_found_too() {
    let rsa =
        json!({"keys": [{"kty": "RSA", "kid": "k", "n": super::super::attacks::RSA_MODULUS, "e": "AQAB"}]});
    for kid in ["k", ""] {
        let world = World::with(&settings());
        world.internet().publish(JWKS, rsa.to_string());
        // Garbage of the former algorithm fills memory with the former set.
        assert_eq!(world.asks(kid, 1), Some(401));
        world.pass(60);
        world.internet().publish(JWKS, set(&[(kid, 2)]));
        assert_eq!(world.asks(kid, 2), None, "{kid}");
    }
}

#[test]
fn denial_of_service_bad_signatures_cost_one_fetch_a_cooldown() {
    let world = World::with(&settings());
    world.internet().publish(JWKS, set(&[("k", 1)]));
    assert_eq!(world.asks("k", 1), None);
    let isolates: Vec<World> = (0..3).map(|_| world.elsewhere()).collect();
    let asked = world.issuer_keys.asked.get();
    for second in 0..STORM {
        for isolate in &isolates {
            assert_eq!(isolate.asks("k", 9), Some(401), "{second}");
            assert_eq!(isolate.asks("", 9), Some(401), "{second}");
            assert_eq!(isolate.asks("made-up", 9), Some(401), "{second}");
        }
        world.pass(1);
    }
    assert!(u32::try_from(world.fetches()).unwrap() <= 1 + STORM / 30, "{}", world.fetches());
    // An isolate asks the object as often, and for the set's age.
    assert!(
        world.issuer_keys.asked.get() - asked <= 3 * (STORM / 30 + 2),
        "{}",
        world.issuer_keys.asked.get()
    );
    for isolate in &isolates {
        assert_eq!(isolate.asks("k", 1), None, "the good key is not evicted");
    }
}

#[test]
fn a_bad_signature_while_the_issuer_is_down_evicts_nothing() {
    let world = World::with(&settings());
    world.internet().publish(JWKS, set(&[("k", 1)]));
    assert_eq!(world.asks("k", 1), None);
    world.internet().take_down(JWKS);
    for _ in 0..10 {
        world.pass(31);
        assert_eq!(world.asks("k", 9), Some(401), "the token's fault, not ours");
        assert_eq!(world.asks("k", 1), None);
    }
    world.internet().publish(JWKS, r#"{"keys":[]}"#);
    world.pass(600);
    assert_eq!((world.asks("k", 9), world.asks("k", 1)), (Some(401), None));
}

/// An isolate that begins after hours finds in KV what was good then.
#[test]
fn a_cold_isolate_judges_by_no_set_older_than_three_soft_ages() {
    let world = World::with(&settings());
    world.internet().publish(JWKS, set(&[("withdrawn", 1), ("kept", 2)]));
    assert_eq!(world.asks("withdrawn", 1), None);
    world.internet().publish(JWKS, set(&[("kept", 2)]));
    world.pass(20 * 3600);
    let cold = world.elsewhere();
    assert_eq!(cold.asks("withdrawn", 1), Some(401));
    assert_eq!(cold.asks("kept", 2), None);
    // The same for one that is there and had nothing to do.
    assert_eq!(world.asks("withdrawn", 1), Some(401));
}

#[test]
fn a_set_that_cannot_be_had_anew_serves_to_its_hard_age() {
    let world = World::with(&settings());
    world.internet().publish(JWKS, set(&[("k", 1)]));
    assert_eq!(world.asks("k", 1), None);
    world.internet().take_down(JWKS);
    world.issuer_keys.unreachable.set(true);
    world.pass(23 * 3600);
    let cold = world.elsewhere();
    let asked = world.issuer_keys.asked.get();
    for _ in 0..20 {
        assert_eq!(cold.asks("k", 1), None);
    }
    // One waits for the object in vain, one asks it in the background, the others do neither.
    assert_eq!(world.issuer_keys.asked.get() - asked, 2);
    world.pass(3600);
    assert_eq!((cold.asks("k", 1), world.asks("k", 1)), (Some(503), Some(503)));
}

/// While the former keys still serve: a person on call must not read that all is well.
#[test]
fn an_issuer_that_cannot_be_fetched_is_shown_as_failing() {
    let mut settings = settings();
    settings["POSTERN_ADMIN"] = json!({"dashboard": true});
    settings["POSTERN_PAGES"] = json!({});
    let world = World::with(&settings);
    world.internet().publish(JWKS, set(&[("k", 1)]));
    let mut browser = administrator(&world);
    let mut page = || html(&browser.get("/admin/ui/issuers"));
    assert_eq!(world.asks("k", 1), None);
    assert!(page().contains("<span class=\"good\">0 s old</span>"), "{}", page());
    world.internet().take_down(JWKS);
    world.pass(600);
    assert_eq!(world.asks("k", 1), None);
    let shown = page();
    assert!(shown.contains("<span class=\"bad\">600 s old, the last fetch failed</span>"), "{shown}");
    world.internet().publish(JWKS, set(&[("k", 1)]));
    world.pass(600);
    assert_eq!(world.asks("k", 1), None);
    assert!(page().contains("<span class=\"good\">0 s old</span>"), "{}", page());
}

#[test]
fn two_versions_with_different_places_do_not_disturb_each_other() {
    let world = World::with(&settings());
    let next = world.in_version(&settings_at(OTHER_JWKS, &json!({})));
    world.internet().publish(JWKS, set(&[("k", 1)]));
    // The other place has nothing, and then another key.
    for _ in 0..50 {
        assert_eq!((world.asks("k", 1), next.asks("k", 1)), (None, Some(503)));
        world.pass(1);
    }
    let of = |place: &str| world.internet().fetched.borrow().iter().filter(|url| *url == place).count();
    assert_eq!(of(JWKS), 1);
    assert!(of(OTHER_JWKS) <= 6, "the pauses grow: {}", of(OTHER_JWKS));
    world.internet().publish(OTHER_JWKS, set(&[("k", 2)]));
    world.pass(300);
    let before = world.fetches();
    for _ in 0..50 {
        let (old, new) = (world.elsewhere(), next.elsewhere());
        assert_eq!((old.asks("k", 1), new.asks("k", 2)), (None, None));
    }
    assert_eq!(world.fetches() - before, 2, "one for each place");
    assert_eq!((next.asks("k", 1), world.asks("k", 2)), (Some(401), Some(401)));
    assert_ne!(world.in_kv(JWKS).unwrap().document, world.in_kv(OTHER_JWKS).unwrap().document);
}

/// The free plan has 1 000 writes a day; a fetch every five minutes would take 288 of them.
#[test]
fn an_unchanged_set_is_written_to_kv_once_an_hour() {
    let world = World::with(&settings());
    world.internet().publish(JWKS, set(&[("k", 1)]));
    let mut writes = Vec::new();
    for _ in 0..(HOURS * 60) {
        assert_eq!(world.asks("k", 1), None);
        let at = world.in_kv(JWKS).map(|snapshot| snapshot.fetched_at);
        if writes.last() != Some(&at) {
            writes.push(at);
        }
        world.pass(60);
    }
    assert!((HOURS * 70 / 6..=HOURS * 73 / 6).contains(&world.fetches()), "{}", world.fetches());
    assert!((HOURS - HOURS / 6..=HOURS).contains(&writes.len()), "{}", writes.len());
    // A change is written at once, whether it is of keys or of the place where they stand.
    world.pass(300);
    world.internet().publish(JWKS, set(&[("k", 1), ("more", 2)]));
    assert_eq!((world.asks("k", 1), world.asks("more", 2)), (None, None));
    assert_eq!(world.in_kv(JWKS).unwrap().version, 2);
    // What is lost from KV is written with the next fetch.
    block_on(world.kv.write(&kv_key(&format!("{ISSUER} {JWKS}")), "{}")).unwrap();
    world.pass(300);
    assert_eq!(world.asks("k", 1), None);
    assert_eq!(world.in_kv(JWKS).unwrap().version, 2);
}

#[test]
fn what_is_left_out_of_a_set_is_told_once_for_each_change() {
    let world = World::with(&settings());
    let sound = p256_jwk("k", &p256(1));
    let odd = |more: Value| json!({"keys": [{"kty": "RSA", "use": "enc", "kid": "encryption"}, sound, more]});
    world.internet().publish(JWKS, odd(json!(7)).to_string());
    assert_eq!(world.asks("k", 1), None);
    for _ in 0..3 {
        world.pass(300);
        assert_eq!(world.asks("k", 1), None);
    }
    let told = world.events("issuer_keys_changed");
    assert_eq!((told.len(), &told[0]["issuer"], &told[0]["keys"]), (1, &json!(ISSUER), &json!(1)));
    assert_eq!(
        told[0]["left_out"],
        json!([
            r#"keys[0] (kid "encryption"): the key's use does not allow verifying signatures (not_for_verification)"#,
            "keys[2]: the key is not a JSON object (not_json)",
        ])
    );
    world.pass(300);
    world.internet().publish(JWKS, odd(json!({"kty": "oct", "k": "c2VjcmV0"})).to_string());
    assert_eq!(world.asks("k", 1), None);
    assert_eq!(world.events("issuer_keys_changed").len(), 2);
    assert!(!world.log.0.borrow().join("").contains("c2VjcmV0"));
}

#[test]
fn why_an_issuer_has_no_key_stands_in_the_fault() {
    let world = World::with(&settings());
    world.internet().publish(JWKS, r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":1}]}"#);
    assert_eq!(world.asks("k", 1), Some(503));
    let causes: Vec<String> =
        world.events("fault").iter().map(|event| event["cause"].as_str().unwrap().to_owned()).collect();
    let expected = format!(
        "{ISSUER}: no_usable_keys: {JWKS}: keys[0] (kid \"k\"): the key's x is malformed (malformed_member)"
    );
    assert!(causes.contains(&expected), "{causes:?}");
}

#[test]
fn an_issuer_that_names_no_key_may_publish_two_while_it_rotates() {
    let world = World::with(&settings());
    world.internet().publish(JWKS, set(&[("", 1), ("", 2)]));
    assert_eq!((world.asks("", 1), world.asks("", 2), world.asks("", 3)), (None, None, Some(401)));
    // Where keys have names, a token without one cannot say which it is of.
    world.internet().publish(JWKS, set(&[("a", 1), ("b", 2)]));
    world.pass(1000);
    assert_eq!((world.asks("", 1), world.asks("a", 1), world.asks("b", 2)), (Some(401), None, None));
}

/// A key set that a wrong clock dated must not serve for ever, nor keep others out.
#[test]
fn a_set_from_the_far_future_in_kv_is_no_set() {
    let world = World::with(&settings());
    world.internet().publish(JWKS, set(&[("k", 1)]));
    let forged = Snapshot {
        issuer: ISSUER.to_owned(),
        document: set(&[("k", 2)]),
        fetched_at: START.plus(core::time::Duration::from_hours(24 * 365)),
        version: 9,
        left_out: Vec::new(),
    };
    block_on(world.kv.write(&kv_key(&format!("{ISSUER} {JWKS}")), &serde_json::to_string(&forged).unwrap()))
        .unwrap();
    assert_eq!((world.asks("k", 2), world.asks("k", 1)), (Some(401), None));
    assert_eq!(world.in_kv(JWKS).unwrap().version, 1, "and it is overwritten");
}

#[test]
fn a_clock_put_back_keeps_no_set_alive() {
    let world = World::with(&settings());
    world.internet().publish(JWKS, set(&[("k", 1)]));
    world.pass(12 * 3600);
    assert_eq!(world.asks("k", 1), None);
    world.platform.set(START);
    world.internet().publish(JWKS, set(&[("k", 2)]));
    assert_eq!((world.asks("k", 2), world.asks("k", 1)), (None, Some(401)));
}
