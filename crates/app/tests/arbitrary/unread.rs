//! What nobody reads of another issuer's token may be any JSON: the same decision and the same
//! caller as without it.

use std::sync::LazyLock;

use super::super::attacks::{Scene, es256};
use pollster::block_on;
use postern_app::{
    encoding::base64url,
    gateway::{Identity, RawClaims, Statement},
    jose::{JwkSet, UnverifiedToken, VerifyError, native::NativeVerifier, verify},
    jwt::{ClaimSource, TokenError, ValidationPolicy, validate},
    time::Timestamp,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NOW: u64 = 1_800_000_000;

static KEYS: LazyLock<JwkSet> =
    LazyLock::new(|| JwkSet::parse(Scene::jwks().to_string().as_bytes()).unwrap());

fn policy() -> ValidationPolicy {
    ValidationPolicy::external("https://issuer.example", vec!["https://api.example".into()])
}

fn claims() -> Value {
    json!({"iss": "https://issuer.example", "sub": "user-1", "aud": "https://api.example", "exp": NOW + 600, "iat": NOW})
}

fn token(header: &Value, claims: &Value) -> String {
    let input = [header, claims].map(|part| base64url(part.to_string().as_bytes())).join(".");
    format!("{input}.{}", base64url(&es256(1, input.as_bytes())))
}

/// The way of every token. The claims as they stand are left out of what is compared: they are
/// what differs.
fn admit(token: &str, policy: &ValidationPolicy) -> Result<Statement, TokenError> {
    let token = UnverifiedToken::parse(token)?;
    policy.judge_header(token.header())?;
    let verified = block_on(verify(&token, &KEYS, &NativeVerifier)).map_err(|error| match error {
        VerifyError::Refused(cause) => cause,
        VerifyError::Fault(fault) => unreachable!("{fault}"),
    })?;
    let identity = Identity::of_bearer(validate(verified, policy, Timestamp::from_seconds(NOW))?, policy)?;
    Ok(Statement { claims: RawClaims::default(), ..(*identity).clone() })
}

fn header() -> Value {
    json!({"alg": "ES256", "kid": "k1", "typ": "JWT"})
}

fn with(object: Value, name: &str, value: &Value) -> Value {
    let Value::Object(mut members) = object else { unreachable!() };
    members.insert(name.to_owned(), value.clone());
    Value::Object(members)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_map(|number| serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)),
        any::<String>().prop_map(Value::String),
        "[a-z]{0,8}( [a-z]{0,8}){0,3}".prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Names that somebody writes, and any other.
fn header_name() -> impl Strategy<Value = String> {
    let known = [
        "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "cty", "nonce", "cat", "gty", "pi.atm", "epk", "iv",
        "p2c", "",
    ];
    prop_oneof![prop::sample::select(known.to_vec()).prop_map(str::to_owned), any::<String>()]
        .prop_filter("read, or refused", |name| {
            !["alg", "kid", "typ", "crit", "b64", "enc", "zip"].contains(&name.as_str())
        })
}

/// Claims that a policy reads when nothing is named.
const READ: [&str; 16] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "cnf",
    "jti",
    "client_id",
    "scope",
    "roles",
    "tenant_id",
    "sid",
    "acr",
    "amr",
    "auth_time",
];

fn claim_name() -> impl Strategy<Value = String> {
    let known =
        ["rot", "azp", "groups", "permissions", "realm_access", "act", "__proto__", "email", "scp", ""];
    prop_oneof![prop::sample::select(known.to_vec()).prop_map(str::to_owned), any::<String>()]
        .prop_filter("read", |name| !READ.contains(&name.as_str()))
}

/// A claim of the usual name that nobody named: its field, as it is without it.
fn without(name: &str, said: Statement) -> Statement {
    match name {
        "jti" => Statement { token_id: None, ..said },
        "client_id" => Statement { client_id: None, ..said },
        "scope" => Statement { scopes: [].into(), ..said },
        "roles" => Statement { roles: [].into(), ..said },
        "tenant_id" => Statement { tenant_id: None, ..said },
        "sid" => Statement { session_id: None, ..said },
        "acr" => Statement { acr: None, ..said },
        "amr" => Statement { amr: Vec::new(), ..said },
        _ => Statement { auth_time: None, ..said },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_of_an_ignored_header_member_changes_anything(
        name in header_name(), value in any_json(), wrong in any::<bool>(),
    ) {
        // For a token that passes, and for one that does not.
        let claims = if wrong { with(claims(), "aud", &json!("https://other.example")) } else { claims() };
        let odd = admit(&token(&with(header(), &name, &value), &claims), &policy());
        prop_assert_eq!(odd, admit(&token(&header(), &claims), &policy()));
    }

    #[test]
    fn no_value_of_an_ignored_claim_changes_anything(
        name in claim_name(), value in any_json(), wrong in any::<bool>(),
    ) {
        let claims = if wrong { with(claims(), "exp", &json!(NOW - 600)) } else { claims() };
        let odd = admit(&token(&header(), &with(claims.clone(), &name, &value)), &policy());
        prop_assert_eq!(odd, admit(&token(&header(), &claims), &policy()));
    }

    #[test]
    fn no_value_of_a_claim_that_nobody_named_refuses(
        name in prop::sample::select(READ[7..].to_vec()), value in any_json(),
    ) {
        let odd = admit(&token(&header(), &with(claims(), name, &value)), &policy());
        prop_assert!(odd.is_ok(), "{:?}", odd);
        // It says that one thing, or nothing.
        prop_assert_eq!(without(name, odd.unwrap()), admit(&token(&header(), &claims()), &policy()).unwrap());
    }

    #[test]
    fn a_claim_that_is_named_is_read_or_refused_by_its_name(value in any_json()) {
        let policy = ValidationPolicy { roles_claim: ClaimSource::named(["groups"]), ..policy() };
        match admit(&token(&header(), &with(claims(), "groups", &value)), &policy) {
            Ok(said) => {
                let readable = value.is_null() || value.is_string()
                    || value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
                prop_assert!(readable, "{} was read as {:?}", value, said.roles);
            }
            Err(cause) => {
                prop_assert_eq!(cause.about().to_string(), "claim groups");
                prop_assert_eq!(cause.policy_member(), Some("roles_claim"));
            }
        }
    }
}
