//! Every attack of the list through the library: none accepted, each refused for its own cause.

use core::time::Duration;
use std::collections::BTreeSet;

use super::attacks::Scene;
use pollster::block_on;
use postern_app::{
    jose::{JwkSet, KnownHeaders, UnverifiedToken, VerifyError, native::NativeVerifier, verify},
    jwt::{AccessToken, TokenError, ValidationPolicy, validate},
    time::Timestamp,
};

fn scene() -> Scene {
    Scene {
        issuer: "https://issuer.example".into(),
        audience: "https://api.example".into(),
        now: 1_800_000_000,
    }
}

struct Gate {
    headers: KnownHeaders,
    keys: JwkSet,
    policy: ValidationPolicy,
    now: Timestamp,
}

impl Gate {
    fn before(scene: &Scene) -> Self {
        let mut policy = ValidationPolicy::own(&scene.issuer, vec![scene.audience.clone()]);
        policy.max_lifetime = Some(Duration::from_hours(1));
        Self {
            headers: KnownHeaders::default(),
            keys: JwkSet::parse(Scene::jwks().to_string().as_bytes()).unwrap(),
            policy,
            now: Timestamp::from_seconds(scene.now),
        }
    }

    fn admit(&self, token: &str) -> Result<AccessToken, TokenError> {
        let token = UnverifiedToken::parse_known(token, &self.headers)?;
        let verified =
            block_on(verify(&token, &self.keys, &NativeVerifier)).map_err(|error| match error {
                VerifyError::Refused(cause) => cause,
                VerifyError::Fault(fault) => unreachable!("{fault}"),
            })?;
        validate(verified, &self.policy, self.now)
    }
}

#[test]
fn every_attack_is_refused_for_its_own_cause_and_the_good_token_stays_good() {
    let scene = scene();
    let gate = Gate::before(&scene);
    let attacks = scene.attacks();
    let wrong: Vec<String> = attacks
        .iter()
        .filter_map(|attack| match gate.admit(&attack.token) {
            Err(cause) if cause.code() == attack.code => None,
            Err(cause) => Some(format!("{}: {} instead of {}", attack.name, cause.code(), attack.code)),
            Ok(_) => Some(format!("{}: ACCEPTED", attack.name)),
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} attacks:\n{}", wrong.len(), attacks.len(), wrong.join("\n"));
    assert_eq!(gate.admit(&scene.good()).unwrap().claims().sub, "user-1");
    println!("0 accepted of {}", attacks.len());
}

#[test]
fn a_header_member_passes_where_the_tokens_own_issuer_lets_it_stand_and_nowhere_else() {
    let scene = scene();
    let mut gate = Gate::before(&scene);
    let attack = |name: &str| scene.attacks().into_iter().find(|attack| attack.name == name).unwrap().token;
    let [x5t, foo, jwk] = ["x5t", "unknown header member", "jwk null"].map(attack);
    assert_eq!(gate.admit(&x5t), Err(TokenError::ForbiddenHeader { name: "x5t" }));
    // Another issuer of the same Worker lets both stand: they are read, and refused by this one's policy.
    let both = BTreeSet::from(["x5t", "foo"].map(str::to_owned));
    gate.headers = KnownHeaders::new(both);
    assert_eq!(gate.admit(&x5t), Err(TokenError::ForbiddenHeader { name: "x5t" }));
    assert_eq!(gate.admit(&foo), Err(TokenError::UnknownHeader));
    gate.policy.header_members = BTreeSet::from(["x5t".to_owned()]);
    assert_eq!(gate.admit(&x5t).unwrap().claims().sub, "user-1");
    assert_eq!(gate.admit(&foo), Err(TokenError::UnknownHeader));
    assert_eq!(gate.admit(&jwk), Err(TokenError::ForbiddenHeader { name: "jwk" }));
    assert_eq!(gate.admit(&scene.good()).unwrap().claims().sub, "user-1");
}

#[test]
fn the_list_is_long_and_its_names_are_unique() {
    let attacks = scene().attacks();
    let names: BTreeSet<&str> = attacks.iter().map(|attack| attack.name.as_str()).collect();
    assert_eq!(names.len(), attacks.len());
    assert!(attacks.len() >= 150, "{}", attacks.len());
    // The page says how long it is with every algorithm.
    if !cfg!(feature = "all-algorithms") {
        return;
    }
    let page = include_str!("../../../docs/verification.md");
    let told = format!("`crates/app/tests/verify_attacks.rs`: {} tokens that must be refused", attacks.len());
    assert!(page.contains(&told), "docs/verification.md does not say: {told}");
}

#[test]
fn what_the_leeway_allows_is_accepted_to_the_second() {
    let scene = scene();
    let mut gate = Gate::before(&scene);
    let token = scene.good();
    let expiry = Timestamp::from_seconds(scene.now + 600 + 30);
    assert_eq!(gate.admit(&token).unwrap().expires_at(), expiry);
    for (now, good) in [
        (expiry.minus(Duration::from_millis(1)), true),
        (expiry, false),
        (Timestamp::from_seconds(scene.now - 30), true),
        (Timestamp::from_seconds(scene.now - 31), false),
    ] {
        gate.now = now;
        assert_eq!(gate.admit(&token).is_ok(), good, "{now:?}");
    }
}

#[test]
fn a_key_that_left_the_set_verifies_nothing_more() {
    let scene = scene();
    let mut gate = Gate::before(&scene);
    let token = gate.admit(&scene.good()).unwrap();
    assert!(gate.keys.has_thumbprint(token.key_thumbprint()));
    let mut jwks = Scene::jwks();
    jwks["keys"].as_array_mut().unwrap().remove(0);
    gate.keys = JwkSet::parse(jwks.to_string().as_bytes()).unwrap();
    assert_eq!(gate.admit(&scene.good()), Err(TokenError::UnknownKey));
    assert!(!gate.keys.has_thumbprint(token.key_thumbprint()));
}

#[test]
fn an_algorithm_the_issuer_may_not_use_is_refused_though_its_key_is_published() {
    let scene = scene();
    let mut gate = Gate::before(&scene);
    gate.policy.algorithms = vec![postern_app::jose::SignatureAlgorithm::EdDsa];
    assert_eq!(gate.admit(&scene.good()), Err(TokenError::AlgorithmNotAllowed));
}

#[test]
fn a_token_issued_too_long_ago_is_refused_and_never_cached_beyond_its_age() {
    let scene = scene();
    let mut gate = Gate::before(&scene);
    gate.policy.max_age = Some(Duration::from_mins(1));
    let too_old_at = Timestamp::from_seconds(scene.now + 60 + 30);
    assert_eq!(gate.admit(&scene.good()).unwrap().expires_at(), too_old_at);
    gate.now = too_old_at.plus(Duration::from_millis(1));
    assert_eq!(gate.admit(&scene.good()), Err(TokenError::TooOld));
}

/// Writes the list for the tests of the running Worker: the JWKS to serve, a good token, and
/// the bad ones. `POSTERN_ATTACKS_OUT` names the file; `POSTERN_ATTACKS_ISSUER`, `_AUDIENCE` and
/// `_NOW` (seconds) set the scene.
#[test]
#[ignore = "a generator for the tests over HTTP"]
fn write_the_list() {
    let variable = |name: &str| std::env::var(format!("POSTERN_ATTACKS_{name}")).unwrap();
    let scene = Scene {
        issuer: variable("ISSUER"),
        audience: variable("AUDIENCE"),
        now: variable("NOW").parse().unwrap(),
    };
    let attacks: Vec<_> = scene
        .attacks()
        .into_iter()
        .map(|attack| serde_json::json!({"name": attack.name, "token": attack.token, "code": attack.code}))
        .collect();
    let list = serde_json::json!({"jwks": Scene::jwks(), "good": scene.good(), "attacks": attacks});
    std::fs::write(variable("OUT"), list.to_string()).unwrap();
}
