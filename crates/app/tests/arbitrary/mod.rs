//! Arbitrary input: never a panic, and nothing accepted that was not signed.

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
    fn arbitrary_bytes_are_read_as_json_no_more_laxly_than_by_a_reference(bytes in any::<Vec<u8>>()) {
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
}
