//! Every attack of the list through the library: none accepted, each refused for its own cause.

use core::time::Duration;
use std::{collections::BTreeSet, rc::Rc};

use super::attacks::Scene;
use pollster::block_on;
use postern_app::{
    jose::{
        JwkSet, KnownHeaders, PendingVerification, SignatureVerifier as _, UnverifiedToken, VerifyError,
        native::NativeVerifier, verify,
    },
    jwt::{AccessToken, Claims, TokenError, TypPolicy, ValidationPolicy, validate},
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
        self.policy.judge_header(token.header())?;
        let verified =
            block_on(verify(&token, &self.keys, &NativeVerifier)).map_err(|error| match error {
                VerifyError::Refused(cause) => cause,
                VerifyError::Fault(fault) => unreachable!("{fault}"),
            })?;
        validate(verified, &self.policy, self.now)
    }

    /// The same in two halves. `None` when there is no second half.
    fn admit_in_halves(&self, token: &str) -> Option<Result<AccessToken, TokenError>> {
        let token = UnverifiedToken::parse_known(token.to_owned(), &self.headers).ok()?;
        self.policy.judge_header(token.header()).ok()?;
        let pending = PendingVerification::begin(token, Rc::new(self.keys.clone()))?;
        let (key, content) = (pending.key().unwrap(), pending.token().signing_input());
        let is_good = block_on(NativeVerifier.verify(key, content, pending.signature())).unwrap();
        let (_, verified) = pending.end(is_good);
        Some(verified.and_then(|verified| validate(verified, &self.policy, self.now)))
    }
}

// The good token stays good.
// Tests RFC 8725 section 3.3: every cryptographic operation is validated, and one failure refuses the token
// Tests RFC 7515 section 5.2: a token that fails one step of the validation is refused
#[test]
fn every_attack_is_refused_for_its_own_cause() {
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
fn two_halves_judge_every_attack_as_one() {
    let scene = scene();
    let gate = Gate::before(&scene);
    let mut second_halves = 0;
    for attack in scene.attacks() {
        if let Some(judged) = gate.admit_in_halves(&attack.token) {
            second_halves += 1;
            assert_eq!(judged, gate.admit(&attack.token), "{}", attack.name);
        } else {
            assert!(gate.admit(&attack.token).is_err(), "{}", attack.name);
        }
    }
    assert!(second_halves > 20, "{second_halves}");
    assert_eq!(gate.admit_in_halves(&scene.good()).unwrap(), gate.admit(&scene.good()));
}

/// The same keys as another issuer's, whose tokens are to follow RFC 9068.
fn of_another_issuer(scene: &Scene) -> Gate {
    let mut gate = Gate::before(scene);
    gate.policy = ValidationPolicy {
        typ: TypPolicy::access_token(),
        rfc9068: true,
        max_lifetime: gate.policy.max_lifetime,
        ..ValidationPolicy::external(&scene.issuer, vec![scene.audience.clone()])
    };
    gate
}

// Tests RFC 8725 section 3.12: rules of our own tokens and of other issuers' are apart
#[test]
fn another_issuers_token_passes_only_with_what_nobody_reads() {
    let scene = scene();
    let gate = of_another_issuer(&scene);
    let said = |token: &AccessToken| token.claims().clone();
    let good = said(&gate.admit(&scene.good()).unwrap());
    let mut passed = 0;
    for attack in scene.attacks() {
        match gate.admit(&attack.token) {
            Err(cause) if attack.only_ours => panic!("{}: {cause}", attack.name),
            // Under the attacker's own key the signature is not good, whatever the header brings.
            Err(TokenError::BadSignature | TokenError::AmbiguousKey) if attack.name.starts_with("jwk") => {}
            Err(cause) if attack.name.ends_with(" null") || attack.name.ends_with(" empty") => {
                let absent = ["missing_claim", "wrong_audience", attack.code];
                assert!(absent.contains(&cause.code()), "{}: {cause}", attack.name);
            }
            Err(cause) => assert_eq!(cause.code(), attack.code, "{}", attack.name),
            Ok(_) if !attack.only_ours => panic!("{}: ACCEPTED", attack.name),
            Ok(token) => {
                // It says what the good token says, or less: never more.
                let said = said(&token);
                let jti = said.jti.clone();
                assert!(jti == good.jti || jti.as_deref() == Some("7"), "{}", attack.name);
                let scope =
                    if attack.name.starts_with("scope") { said.scope.clone() } else { good.scope.clone() };
                let roles = if attack.name.starts_with("roles") { [].into() } else { good.roles.clone() };
                assert_eq!(said, Claims { jti, scope, roles, ..good.clone() }, "{}", attack.name);
                assert!(!said.scope.contains("admin"), "{}", attack.name);
                passed += 1;
            }
        }
    }
    println!("{passed} pass, and mean no more than the good token");
}

// Tests RFC 8725 section 3.10: a key in the header of a token is never used
#[test]
fn a_key_that_a_header_brings_along_is_never_used() {
    let scene = scene();
    let gate = of_another_issuer(&scene);
    let attacks = scene.attacks();
    let brought: Vec<_> = attacks.iter().filter(|attack| attack.name.starts_with("jwk")).collect();
    assert_eq!(brought.len(), 3);
    for attack in brought {
        let token = UnverifiedToken::parse(&attack.token).unwrap();
        let verified = block_on(verify(&token, &gate.keys, &NativeVerifier));
        assert!(matches!(
            verified,
            Err(VerifyError::Refused(TokenError::BadSignature | TokenError::AmbiguousKey))
        ));
    }
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
    let page = include_str!("../../../docs/concepts/verification.md");
    let told = format!("`crates/app/tests/verify_attacks.rs`: {} tokens that must be refused", attacks.len());
    assert!(page.contains(&told), "docs/concepts/verification.md does not say: {told}");
}

// Tests RFC 7519 section 4.1.4: a token is refused from its exp on, with a leeway
// Tests RFC 7519 section 4.1.6: a token from the future is refused beyond the leeway
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

// Though its key is published.
// Tests RFC 8725 section 3.1: only the algorithms that are configured for an issuer are taken
#[test]
fn an_algorithm_that_the_issuer_may_not_use_is_refused() {
    let scene = scene();
    let mut gate = Gate::before(&scene);
    gate.policy.algorithms = vec![postern_app::jose::SignatureAlgorithm::EdDsa];
    assert_eq!(gate.admit(&scene.good()), Err(TokenError::AlgorithmNotAllowed));
}

// It is never cached beyond its age.
#[test]
fn a_token_issued_too_long_ago_is_refused() {
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
        .map(|attack| serde_json::json!({"name": attack.name, "token": attack.token, "code": attack.code, "only_ours": attack.only_ours}))
        .collect();
    let list = serde_json::json!({"jwks": Scene::jwks(), "good": scene.good(), "attacks": attacks});
    std::fs::write(variable("OUT"), list.to_string()).unwrap();
}
