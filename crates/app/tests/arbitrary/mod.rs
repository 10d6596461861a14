//! Arbitrary input: never a panic, and nothing accepted that was not signed.

mod unread;

use std::sync::LazyLock;

use super::attacks::Scene;
use pollster::block_on;
use postern_app::{
    encoding::base64url,
    jose::{JwkSet, PublicKey, UnverifiedToken, json, native::NativeVerifier, verify},
};
use proptest::prelude::*;

/// The issuer's keys and a good token: making them costs more than a case does.
static GOOD: LazyLock<(JwkSet, String)> = LazyLock::new(|| {
    let scene = Scene {
        issuer: "https://issuer.example".into(),
        audience: "https://api.example".into(),
        now: 1_800_000_000,
    };
    (JwkSet::parse(Scene::jwks().to_string().as_bytes()).unwrap(), scene.good())
});

fn verifies(token: &str, keys: &JwkSet) -> bool {
    UnverifiedToken::parse(token).is_ok_and(|token| {
        let _ = token.claimed_issuer();
        block_on(verify(&token, keys, &NativeVerifier)).is_ok()
    })
}

/// The members of a JWK that are read. Those of another type of key are among them, as their names
/// are: a test adds none of these.
const READ: [&str; 19] = [
    "kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi", "oth",
    "k", "priv",
];

/// Any value that is JSON, written out: also such that a strict reader of the whole would refuse.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        Just("1e999".to_owned()),
        Just(r#""\ud800""#.to_owned()),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    let grown = leaf.prop_recursive(4, 16, 4, |inner| {
        let items = prop::collection::vec(inner, 0..4);
        prop_oneof![
            items.clone().prop_map(|items| format!("[{}]", items.join(","))),
            // One name for all: a member that stands there twice and more.
            items.prop_map(|items| {
                let members = items.iter().map(|item| format!(r#""kid":{item}"#)).collect::<Vec<_>>();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    prop_oneof![4 => grown, 1 => (17_usize..200).prop_map(|deep| format!("{}{}", "[".repeat(deep), "]".repeat(deep)))]
}

fn any_other_name() -> impl Strategy<Value = String> {
    let known =
        ["x5c", "x5t", "x5t#S256", "x5u", "ext", "iat", "nbf", "exp", "revoked", "created", "keys", "K", "D"];
    let any = prop_oneof![prop::sample::select(known.to_vec()).prop_map(str::to_owned), any::<String>()];
    any.prop_filter("is read", |name| !READ.contains(&name.as_str()))
}

/// An object as text with one more member, at its beginning or its end.
fn with_member(object: &str, name: &str, value: &str, first: bool) -> String {
    let inside = object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap();
    let member = format!("{}:{value}", serde_json::Value::from(name));
    if first { format!("{{{member},{inside}}}") } else { format!("{{{inside},{member}}}") }
}

proptest! {
    // Seeds belong into a named test, not into a file beside it.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_is_never_a_token_and_never_a_panic(text in any::<String>()) {
        prop_assert!(!verifies(&text, &JwkSet::default()));
    }

    #[test]
    fn arbitrary_headers_and_payloads_never_verify(
        header in r#"\{("(alg|kid|typ|crit)":("ES256"|"none"|null|[0-9]|"k[1-5]"),?){0,4}\}"#,
        payload in any::<Vec<u8>>(),
        signature in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let token = format!("{}.{}.{}", base64url(header.as_bytes()), base64url(&payload), base64url(&signature));
        prop_assert!(!verifies(&token, &GOOD.0));
    }

    #[test]
    fn a_good_token_changed_in_one_character_never_verifies(index in any::<prop::sample::Index>(), other in "[ -~]") {
        let (keys, good) = &*GOOD;
        let at = index.index(good.len());
        let changed = format!("{}{other}{}", good.get(..at).unwrap(), good.get(at + 1..).unwrap());
        prop_assert_eq!(verifies(&changed, keys), changed == *good);
    }

    #[test]
    fn arbitrary_bytes_are_read_no_laxer_than_by_serde_json(bytes in any::<Vec<u8>>()) {
        if let Ok(value) = json::parse(&bytes) {
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&bytes).unwrap(), value);
        }
        let _ = JwkSet::parse(&bytes);
    }

    #[test]
    fn arbitrary_keys_are_refused_or_keep_their_thumbprint(
        kty in "EC|OKP|RSA|oct", crv in "P-256|P-384|Ed25519|X25519",
        x in prop::collection::vec(any::<u8>(), 0..50), y in prop::collection::vec(any::<u8>(), 0..50),
        e in prop::collection::vec(any::<u8>(), 0..8), n in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let jwk = serde_json::json!({"kty": kty, "crv": crv, "x": base64url(&x), "y": base64url(&y),
            "e": base64url(&e), "n": base64url(&n)});
        if let Ok(key) = PublicKey::from_jwk(&jwk) {
            let again = PublicKey::from_jwk(&serde_json::to_value(key.to_jwk()).unwrap()).unwrap();
            prop_assert_eq!(again, key);
        }
    }

    /// Liberality is harmless: whatever stands in a member that nobody reads, the set is the same, and
    /// so is every decision by it.
    #[test]
    fn no_value_of_an_unread_jwk_member_changes_a_decision(
        name in any_other_name(), value in any_json(), entry in any::<prop::sample::Index>(), first in any::<bool>(),
    ) {
        let jwks = Scene::jwks();
        let mut entries: Vec<String> =
            jwks["keys"].as_array().unwrap().iter().map(serde_json::Value::to_string).collect();
        let plain = JwkSet::parse(format!(r#"{{"keys":[{}]}}"#, entries.join(",")).as_bytes()).unwrap();
        let entry = entries.get_mut(entry.index(5)).unwrap();
        *entry = with_member(entry, &name, &value, first);
        let text = format!(r#"{{"keys":[{}]}}"#, entries.join(","));
        prop_assert_eq!(&JwkSet::parse(text.as_bytes()).unwrap(), &plain);
        prop_assert_eq!(JwkSet::usable(text.as_bytes()).unwrap().document, JwkSet::usable(jwks.to_string().as_bytes()).unwrap().document);
        prop_assert!(verifies(&GOOD.1, &JwkSet::parse(text.as_bytes()).unwrap()));
    }

    #[test]
    fn no_member_beside_the_keys_changes_a_decision(
        name in any_other_name(), value in any_json(), first in any::<bool>(), before in "[\u{feff} \t\r\n]{0,3}",
    ) {
        prop_assume!(name != "keys");
        let plain = Scene::jwks().to_string();
        let text = format!("{before}{}", with_member(&plain, &name, &value, first));
        prop_assert_eq!(JwkSet::parse(text.as_bytes()), JwkSet::parse(plain.as_bytes()));
    }

    /// What is wrong with an entry stays with the entry: the others decide as if it were not there.
    #[test]
    fn no_entry_changes_what_the_others_decide(
        values in prop::collection::vec((prop::sample::select(READ.to_vec()), any_json()), 0..4), other in any_json(), at in 0_usize..6,
    ) {
        let members: Vec<String> = values.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        for entry in [format!("{{{}}}", members.join(",")), other] {
            let jwks = Scene::jwks();
            let mut entries: Vec<String> =
                jwks["keys"].as_array().unwrap().iter().map(serde_json::Value::to_string).collect();
            entries.insert(at, entry);
            let set = JwkSet::parse(format!(r#"{{"keys":[{}]}}"#, entries.join(",")).as_bytes()).unwrap();
            prop_assert_eq!(set.keys(), GOOD.0.keys());
            prop_assert_eq!(set.skipped_count(), GOOD.0.skipped_count() + 1);
        }
    }

    /// `null` in an optional member is its absence.
    #[test]
    fn null_is_absent_whatever_the_member(entry in any::<prop::sample::Index>(), name in prop::sample::select(READ.to_vec())) {
        let (mut nulled, mut absent) = (Scene::jwks(), Scene::jwks());
        let index = entry.index(5);
        nulled["keys"][index][name] = serde_json::Value::Null;
        absent["keys"][index].as_object_mut().unwrap().remove(name);
        prop_assert_eq!(JwkSet::parse(nulled.to_string().as_bytes()), JwkSet::parse(absent.to_string().as_bytes()));
    }
}
