//! What each fuzz target asks: never a panic, and never accepted what a strict reference refuses.
//! The references are serde's derived structs, which refuse a member that stands twice and one
//! of another type, and jwt-compact.

use core::convert::Infallible;
use std::{collections::BTreeMap, sync::LazyLock};

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::UntrustedToken;
use pollster::block_on;
use postern_app::{
    jose::{JwkSet, PublicKey, SignatureVerifier, UnverifiedToken, native::NativeVerifier, verify},
    jwt::{ValidationPolicy, validate},
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://api.example";
const NOW: u64 = 1_800_000_000;
const HEADER: &str = r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#;

fn token(header: &[u8], payload: &[u8]) -> String {
    let part = Base64UrlUnpadded::encode_string;
    format!("{}.{}.{}", part(header), part(payload), part(&[1; 64]))
}

/// A compact serialisation: jwt-compact reads it too, unless the header has members that nothing
/// here reads and that it has a type for, and there is no other spelling of it.
pub fn compact(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let Ok(parsed) = UnverifiedToken::parse(text) else { return };
    match UntrustedToken::new(text) {
        Ok(reference) => assert_eq!(reference.algorithm(), parsed.algorithm().name()),
        Err(_) => assert!(parsed.header().objection.is_some(), "jwt-compact refuses it"),
    }
    let spelled_again: Vec<String> = text
        .split('.')
        .map(|part| Base64UrlUnpadded::decode_vec(part).expect("strict base64url"))
        .map(|part| Base64UrlUnpadded::encode_string(&part))
        .collect();
    assert_eq!(spelled_again.join("."), text);
}

/// Serde's derived struct refuses a member that stands twice, and passes over the others.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
}

/// A header under sound claims.
pub fn header(bytes: &[u8]) {
    let text = token(bytes, b"{}");
    let Ok(parsed) = UnverifiedToken::parse(&text) else { return };
    let reference: Header = serde_json::from_slice(bytes).expect("the reference refuses it");
    assert_eq!(reference.alg, parsed.algorithm().name());
    assert_eq!(reference.kid.as_deref(), parsed.kid());
    assert_eq!(reference.typ.as_deref(), parsed.typ());
    let all: BTreeMap<String, Value> = serde_json::from_slice(bytes).expect("an object");
    for forbidden in ["crit", "b64", "enc", "zip"] {
        assert!(!all.contains_key(forbidden), "{forbidden}");
    }
    // What is exact to the letter is what the reference of before took.
    let exact = all.keys().all(|name| ["alg", "kid", "typ"].contains(&name.as_str()));
    assert_eq!(parsed.header().objection.is_none(), exact);
}

/// Says that every signature is good: the claims are under test.
struct Credulous;

impl SignatureVerifier for Credulous {
    type Error = Infallible;

    async fn verify(&self, _: &PublicKey, _: &[u8], _: &[u8]) -> Result<bool, Infallible> {
        Ok(true)
    }
}

static KEYS: LazyLock<JwkSet> = LazyLock::new(|| {
    // The key of RFC 7515 appendix A.3.
    let key = json!({"kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"});
    JwkSet::parse(json!({"keys": [key]}).to_string().as_bytes()).expect("a sound set")
});

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: OneOrMany,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    jti: String,
    client_id: String,
    #[serde(flatten)]
    _others: BTreeMap<String, Value>,
}

/// Claims under a sound header and a signature taken for good.
pub fn claims(bytes: &[u8]) {
    let text = token(HEADER.as_bytes(), bytes);
    let Ok(parsed) = UnverifiedToken::parse(&text) else { return };
    let claimed = parsed.claimed_issuer();
    let Ok(verified) = block_on(verify(&parsed, &KEYS, &Credulous)) else { return };
    let policy = ValidationPolicy::own(ISSUER, vec![AUDIENCE.to_owned()]);
    let Ok(valid) = validate(verified, &policy, Timestamp::from_seconds(NOW)) else { return };
    let reference: Claims = serde_json::from_slice(bytes).expect("the reference refuses it");
    assert_eq!((reference.iss.as_str(), claimed.as_deref()), (ISSUER, Ok(ISSUER)));
    assert!(match &reference.aud {
        OneOrMany::One(one) => one == AUDIENCE,
        OneOrMany::Many(many) => many.iter().any(|one| one == AUDIENCE),
    });
    assert!(reference.sub == valid.claims().sub && !reference.sub.is_empty());
    assert!(!reference.jti.is_empty() && !reference.client_id.is_empty());
    let (now, leeway) = (NOW as f64, 30.0);
    assert!(reference.exp + leeway > now && reference.iat <= now + leeway && reference.exp > reference.iat);
    assert!(reference.nbf.is_none_or(|nbf| nbf <= now + leeway && nbf < reference.exp));
}

/// A key set: its keys survive being written and read again, hold nothing private, and verify
/// nothing that nobody signed. What is kept of it is a key set of the same keys, once more.
pub fn jwk_set(bytes: &[u8]) {
    let Ok(set) = JwkSet::parse(bytes) else { return };
    assert!(set.keys().len() <= JwkSet::MAX_KEYS && set.skipped().len() <= set.skipped_count());
    let usable = JwkSet::usable(bytes).expect("it was read");
    assert_eq!(JwkSet::parse(usable.document.as_bytes()).expect("it was kept").keys(), set.keys());
    assert_eq!(JwkSet::usable(usable.document.as_bytes()).expect("it was kept").document, usable.document);
    // The reference takes the last of two members, no mark before the text and no number that is
    // too large: where it reads the document too, each of its entries is a key, left out, or there twice.
    if let Ok(document) = serde_json::from_slice::<Value>(bytes) {
        let entries = document.get("keys").and_then(Value::as_array).expect("keys");
        assert!(set.keys().len() + set.skipped_count() <= entries.len());
    }
    for key in set.keys() {
        let written = serde_json::to_value(key.to_jwk()).expect("a JWK");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert!(written.get(private).is_none(), "{private}");
        }
        assert_eq!(&PublicKey::from_jwk(&written).expect("read again"), key);
        let nothing = vec![0; key.signature_length()];
        assert_eq!(block_on(NativeVerifier.verify(key, b"", &nothing)), Ok(false));
    }
}
