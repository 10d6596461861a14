use serde_json::json;

use super::*;

fn ed25519() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

fn p256() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
}

fn rsa() -> Value {
    let mut modulus = [0xa5; 256];
    modulus[255] = 0xa7;
    json!({"kty": "RSA", "n": base64url(&modulus), "e": "AQAB"})
}

fn with(mut jwk: Value, name: &str, value: impl Into<Value>) -> Result<PublicKey, JwkError> {
    jwk.as_object_mut().unwrap().insert(name.to_owned(), value.into());
    PublicKey::from_jwk(&jwk)
}

fn without(mut jwk: Value, name: &str) -> Result<PublicKey, JwkError> {
    jwk.as_object_mut().unwrap().remove(name);
    PublicKey::from_jwk(&jwk)
}

// Tests RFC 7517 section 4.4: alg of a key limits what it verifies
// Tests RFC 8725 section 3.1: a key serves one algorithm
#[test]
fn the_algorithm_follows_from_the_key_and_alg_may_only_agree() {
    assert_eq!(PublicKey::from_jwk(&ed25519()).unwrap().algorithm(), SignatureAlgorithm::EdDsa);
    assert_eq!(PublicKey::from_jwk(&p256()).unwrap().algorithm(), SignatureAlgorithm::Es256);
    assert_eq!(PublicKey::from_jwk(&rsa()).unwrap().algorithm(), SignatureAlgorithm::Rs256);
    assert_eq!(with(rsa(), "alg", "PS256").unwrap().algorithm(), SignatureAlgorithm::Ps256);
    for (key, alg) in [
        (ed25519(), "ES256"),
        (ed25519(), "PS256"),
        (p256(), "ES384"),
        (p256(), "RS256"),
        (rsa(), "ES256"),
        (rsa(), "RS512"),
        (rsa(), "HS256"),
        (rsa(), "none"),
        (rsa(), ""),
    ] {
        assert_eq!(with(key, "alg", alg), Err(JwkError::WrongAlgorithm), "{alg}");
    }
    assert_eq!(with(rsa(), "alg", 7), Err(JwkError::MalformedMember("alg")));
}

// Tests RFC 7517 section 9.2: a published key that shows private parts is not used
#[test]
fn a_key_that_shows_a_private_member_is_refused() {
    for member in PRIVATE_MEMBERS {
        assert_eq!(with(p256(), member, "AA"), Err(JwkError::PrivateMember(member)));
        assert_eq!(with(rsa(), member, json!([])), Err(JwkError::PrivateMember(member)));
        assert_eq!(with(rsa(), member, Value::Null), PublicKey::from_jwk(&rsa()));
    }
}

// Tests RFC 7517 section 4.2: a key with use enc verifies nothing
// Tests RFC 7517 section 4.3: key_ops must contain verify
#[test]
fn a_key_for_another_purpose_is_refused() {
    assert_eq!(with(rsa(), "use", "enc"), Err(JwkError::NotForVerification("use")));
    assert_eq!(with(rsa(), "key_ops", json!(["encrypt"])), Err(JwkError::NotForVerification("key_ops")));
    assert_eq!(with(rsa(), "key_ops", json!([])), Err(JwkError::NotForVerification("key_ops")));
    assert_eq!(with(rsa(), "key_ops", "verify"), Err(JwkError::MalformedMember("key_ops")));
    assert!(with(rsa(), "key_ops", json!(["verify"])).is_ok());
    assert!(with(rsa(), "use", "sig").is_ok());
    assert!(with(rsa(), "x5c", json!(["MII"])).is_ok());
}

// Tests RFC 8725 section 3.4: a point that is off its curve or of small order is refused
#[test]
fn a_point_off_the_curve_or_of_small_order_is_refused() {
    assert_eq!(with(p256(), "y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4"), Err(JwkError::NotOnCurve));
    for y in SMALL_ORDER {
        assert_eq!(with(ed25519(), "x", base64url(&y)), Err(JwkError::SmallOrder));
        let mut signed = y;
        signed[31] |= 0x80;
        assert_eq!(with(ed25519(), "x", base64url(&signed)), Err(JwkError::SmallOrder));
    }
    let mut beyond = [0xff; 32];
    beyond[0] = 0xee;
    assert_eq!(with(ed25519(), "x", base64url(&beyond)), Err(JwkError::SmallOrder));
}

// Tests RFC 7518 section 6.2.1.2: a coordinate has the full length of its field
#[test]
fn another_spelling_of_a_number_is_refused() {
    let mut long = vec![0];
    long.extend(from_base64url("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU").unwrap());
    assert_eq!(with(p256(), "x", base64url(&long)), Err(JwkError::MalformedMember("x")));
    for lax in ["AQAB=", "AQAB ", "AQ", "AQA+", ""] {
        assert!(with(rsa(), "e", lax).is_err(), "{lax}");
    }
}

/// Java's `BigInteger.toByteArray` puts a zero octet before a modulus whose first bit is set.
// Tests RFC 7518 section 6.3.1.1: a zero octet before the modulus, as some write it, does not change the key
#[test]
fn an_rsa_number_with_leading_zeros_is_the_same_number() {
    let plain = PublicKey::from_jwk(&rsa()).unwrap();
    let mut modulus = vec![0, 0];
    modulus.extend(from_base64url(rsa()["n"].as_str().unwrap()).unwrap());
    assert_eq!(with(rsa(), "n", base64url(&modulus)), Ok(plain.clone()));
    assert_eq!(with(rsa(), "e", "AAEAAQ"), Ok(plain));
    assert_eq!(with(rsa(), "n", base64url(&[0; 300])), Err(JwkError::WeakModulus));
    assert_eq!(with(rsa(), "e", "AAAA"), Err(JwkError::WeakExponent));
    // 255 bytes behind a zero are 255 bytes.
    assert_eq!(with(rsa(), "n", base64url(&[&[0][..], &[0xa7; 255]].concat())), Err(JwkError::WeakModulus));
}

/// Serializers of some languages write every member there is.
#[test]
fn a_member_that_is_null_is_absent() {
    for key in [rsa(), p256(), ed25519()] {
        let plain = PublicKey::from_jwk(&key).unwrap();
        for member in ["use", "key_ops", "alg", "kid", "x5c", "x5t", "x5u", "d", "k", "oth", "ext"] {
            assert_eq!(with(key.clone(), member, Value::Null), Ok(plain.clone()), "{member}");
        }
    }
    for member in ["kty", "crv", "x", "y"] {
        assert_eq!(with(p256(), member, Value::Null), Err(JwkError::MissingMember(member)));
    }
}

// Tests RFC 9864 section 2.2: a key may name Ed25519 or EdDSA
#[test]
fn both_names_of_ed25519_are_one_alg() {
    let plain = PublicKey::from_jwk(&ed25519());
    assert_eq!(with(ed25519(), "alg", "Ed25519"), plain);
    assert_eq!(with(ed25519(), "alg", "EdDSA"), plain);
    for other in ["Ed448", "ed25519", "ESP256"] {
        assert_eq!(with(ed25519(), "alg", other), Err(JwkError::WrongAlgorithm), "{other}");
    }
    assert_eq!(with(p256(), "alg", "Ed25519"), Err(JwkError::WrongAlgorithm));
}

// Tests RFC 7517 section 4.1: a key has a kty
// Tests RFC 8037 section 2: an OKP key has crv and x, and X25519 verifies nothing
#[test]
fn missing_and_malformed_members_are_named() {
    for member in ["kty", "crv", "x", "y"] {
        assert_eq!(without(p256(), member), Err(JwkError::MissingMember(member)));
    }
    for member in ["n", "e"] {
        assert_eq!(without(rsa(), member), Err(JwkError::MissingMember(member)));
    }
    assert_eq!(with(rsa(), "kid", 1), Err(JwkError::MalformedMember("kid")));
    assert_eq!(with(rsa(), "kid", "k".repeat(257)), Err(JwkError::MalformedMember("kid")));
    assert_eq!(with(rsa(), "kid", "").unwrap().kid(), None);
    assert_eq!(with(p256(), "crv", "secp256k1"), Err(JwkError::UnsupportedCurve));
    assert_eq!(with(ed25519(), "crv", "X25519"), Err(JwkError::UnsupportedCurve));
    assert_eq!(with(ed25519(), "kty", "oct"), Err(JwkError::UnsupportedKeyType));
    assert_eq!(PublicKey::from_jwk(&json!([])), Err(JwkError::NotJson(JsonError::NotAnObject)));
    assert_eq!(
        PublicKey::from_jwk_text(r#"{"kty":"OKP","kty":"OKP"}"#),
        Err(JwkError::NotJson(JsonError::DuplicateMember))
    );
}

// Tests RFC 7638 section 3.1: the thumbprint of the example
#[test]
fn the_thumbprint_of_the_rfc_7638_example_is_met() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let key = PublicKey::from_jwk(&json!({"kty": "RSA", "n": n, "e": "AQAB"})).unwrap();
    assert_eq!(key.thumbprint().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

// Whatever the kid.
// Tests RFC 8037 appendix A.3: the thumbprint of the example
// Tests RFC 7638 section 3.2: the thumbprint has the required members alone
#[test]
fn the_thumbprint_of_rfc_8037_appendix_a3_is_met() {
    let key = PublicKey::from_jwk(&ed25519()).unwrap();
    assert_eq!(key.thumbprint().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(key.clone().with_kid("other").thumbprint(), key.thumbprint());
}

// Tests RFC 7517 section 4: a published key has kty, kid, use and alg, and the public members
#[test]
fn the_published_form_is_unchanged() {
    let key = PublicKey::from_jwk(&ed25519()).unwrap().with_kid("one");
    assert_eq!(
        serde_json::to_string(&key.to_jwk()).unwrap(),
        r#"{"kty":"OKP","kid":"one","use":"sig","alg":"EdDSA","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
    );
}

// As versions before this one wrote it: the order of the members says nothing.
#[test]
fn a_key_is_read_from_the_stored_form() {
    let stored = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":"oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U","use":"sig","alg":"ES256"}"#;
    let key: PublicKey = json::read(stored).unwrap();
    assert_eq!(key, PublicKey::from_jwk(&p256()).unwrap().named_by_thumbprint());
    assert_eq!(json::read::<PublicKey>(&json::write(&key).unwrap()), Ok(key));
}

// So it is never published.
// Tests RFC 7517 section 9.2: no private member is published
#[test]
fn a_stored_key_with_a_private_member_is_not_read() {
    let mut stored = serde_json::to_value(PublicKey::from_jwk(&p256()).unwrap()).unwrap();
    stored["d"] = "AA".into();
    assert!(json::read::<PublicKey>(&stored.to_string()).is_err());
}

#[test]
fn a_stored_key_is_checked_again() {
    let stored = r#"{"kty":"OKP","kid":"k","use":"sig","alg":"EdDSA","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
    assert_eq!(json::read::<PublicKey>(stored), Err(json::ReadError::WrongValue));
}
