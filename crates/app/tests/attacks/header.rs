//! Attacks by header, under a good signature unless the attack is about the signature.

use hmac::{Hmac, KeyInit as _, Mac as _};
use postern_app::encoding::{base64url, from_base64url};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Attack, GOOD_HEADER, RSA_MODULUS, Scene, attack, es256, input, p256, p256_jwk, signed};

pub(super) fn attacks(scene: &Scene) -> Vec<Attack> {
    let payload = serde_json::to_vec(&scene.claims()).unwrap();
    let mut attacks = Vec::new();
    attacks.extend(extra_members(&payload));
    attacks.extend(algorithms(&payload));
    attacks.extend(key_ids(&payload));
    attacks.extend(types(&payload));
    attacks.extend(shapes(&payload));
    attacks.extend(embedded_keys(&payload));
    attacks
}

fn good_with(name: &str, value: impl Into<Value>) -> String {
    let mut header: Value = serde_json::from_str(GOOD_HEADER).unwrap();
    header[name] = value.into();
    header.to_string()
}

fn good_without(name: &str) -> String {
    let mut header: Value = serde_json::from_str(GOOD_HEADER).unwrap();
    header.as_object_mut().unwrap().remove(name);
    header.to_string()
}

fn extra_members(payload: &[u8]) -> Vec<Attack> {
    let forbidden = [
        // Tests RFC 7515 section 4.1.11: an unknown critical extension refuses the token
        ("crit naming an unknown extension", "crit", json!(["https://evil.example/ext"])),
        // Tests RFC 7515 section 4.1.11: crit may not name a registered parameter or a claim
        ("crit naming exp", "crit", json!(["exp"])),
        // Tests RFC 7515 section 4.1.11: crit may not be empty
        ("crit empty", "crit", json!([])),
        ("crit null", "crit", Value::Null),
        // Tests RFC 7797 section 7: an unencoded payload is refused
        ("b64 false without crit", "b64", json!(false)),
        ("b64 true", "b64", json!(true)),
        // Tests RFC 8725 section 3.6: compressed content is refused
        ("zip bomb announced", "zip", json!("DEF")),
        // Tests RFC 7516 section 9: a header with enc is a JWE, and is refused
        ("enc beside alg", "enc", json!("A128GCM")),
    ];
    let never_used = [
        // Tests RFC 7515 section 4.1.2: jku is never followed
        // Tests RFC 8725 section 3.10: a jku in a token is never followed
        ("jku of the attacker", "jku", json!("https://evil.example/jwks.json")),
        ("jku of an internal service", "jku", json!("http://169.254.169.254/latest/meta-data")),
        // Tests RFC 7515 section 4.1.5: x5u is never followed
        ("x5u of the attacker", "x5u", json!("https://evil.example/cert.pem")),
        // Tests RFC 7515 section 4.1.6: x5c is never used
        ("x5c of the attacker", "x5c", json!(["MIIB"])),
        // Tests RFC 7515 section 4.1.7: x5t chooses no key in our own tokens
        ("x5t", "x5t", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        // Tests RFC 7515 section 4.1.8: x5t#S256 chooses no key in our own tokens
        ("x5t#S256", "x5t#S256", json!("AAAA")),
        // Tests RFC 7519 section 5.2: a nested token is refused
        ("nested token by cty", "cty", json!("JWT")),
        ("work factor p2c", "p2c", json!(2_000_000_000)),
        ("salt p2s", "p2s", json!("AAAA")),
        ("ephemeral key epk", "epk", json!({"kty": "EC"})),
        ("iv", "iv", json!("AAAA")),
        ("tag", "tag", json!("AAAA")),
    ];
    let unknown = [
        // Tests RFC 7515 section 4: our own tokens have no unknown header member
        ("unknown header member", "foo", json!(1)),
        ("kid in capitals beside kid", "KID", json!("k2")),
        ("alg in capitals beside alg", "Alg", json!("none")),
        // Tests RFC 7519 section 5.3: claims in the header are not taken
        ("claims replicated in the header", "iss", json!("https://evil.example")),
        ("prototype pollution", "__proto__", json!({"alg": "none"})),
        ("nonce of another protocol", "nonce", json!("n")),
        ("empty member name", "", json!(1)),
    ];
    let signed_with = |name: &str, value: &Value| signed(good_with(name, value.clone()), payload);
    let mut attacks: Vec<Attack> = forbidden
        .iter()
        .map(|(what, name, value)| attack(*what, "forbidden_header", signed_with(name, value)))
        .collect();
    for (list, code) in [(&never_used[..], "forbidden_header"), (&unknown[..], "unknown_header")] {
        let ours = |(what, name, value): &(&str, &str, Value)| {
            attack(*what, code, signed_with(name, value)).only_ours()
        };
        attacks.extend(list.iter().map(ours));
    }
    let unencoded = r#"{"alg":"ES256","kid":"k1","typ":"at+jwt","b64":false,"crit":["b64"]}"#;
    attacks.push(attack("unencoded payload by b64 and crit", "forbidden_header", signed(unencoded, payload)));
    attacks
}

fn algorithms(payload: &[u8]) -> Vec<Attack> {
    let mut attacks = Vec::new();
    for none in ["none", "None", "NONE", "nOnE"] {
        let header = good_with("alg", none);
        // Tests RFC 8725 section 3.2: none is refused without a signature
        attacks.push(attack(
            format!("alg {none} without a signature"),
            "missing_signature",
            format!("{}.", input(&header, payload)),
        ));
        // Tests RFC 8725 section 3.2: none is refused with a signature too
        attacks.push(attack(format!("alg {none} with a signature"), "alg_none", signed(&header, payload)));
    }
    // The public key as the shared secret: the classic confusion, in the forms it has been seen.
    let rsa = from_base64url(RSA_MODULUS).unwrap();
    let jwks = Scene::jwks().to_string();
    let point = p256(1).verifying_key().to_encoded_point(false).as_bytes().to_vec();
    let secrets: [(&str, &str, &[u8]); 5] = [
        ("the RSA modulus", "k4", &rsa),
        ("the EC point", "k1", &point),
        ("the published key set", "k1", jwks.as_bytes()),
        ("an empty secret", "k1", b""),
        ("the word secret", "k1", b"secret"),
    ];
    for (what, kid, secret) in secrets {
        let input = input(json!({"alg": "HS256", "kid": kid, "typ": "at+jwt"}).to_string(), payload);
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(input.as_bytes());
        let token = format!("{input}.{}", base64url(&mac.finalize().into_bytes()));
        // Tests RFC 7518 section 3.2: HMAC verifies nothing here, whatever the secret
        // Tests RFC 8725 section 3.5: a word or an empty text as the secret verifies nothing
        attacks.push(attack(format!("HS256 with {what} as the secret"), "alg_symmetric", token));
    }
    for (alg, code) in [
        ("HS256", "alg_symmetric"),
        ("HS384", "alg_symmetric"),
        ("HS512", "alg_symmetric"),
        ("hs256", "alg_symmetric"),
        ("RS1", "alg_unsupported"),
        ("RS384", "alg_unsupported"),
        ("RS512", "alg_unsupported"),
        ("PS384", "alg_unsupported"),
        ("ES512", "alg_unsupported"),
        ("ES256K", "alg_unsupported"),
        ("es256", "alg_unsupported"),
        ("ES256 ", "alg_unsupported"),
        ("ES256\u{0}", "alg_unsupported"),
        ("", "alg_unsupported"),
        ("RSA-OAEP", "alg_unsupported"),
        ("dir", "alg_unsupported"),
        ("RS256", "alg_mismatch"),
        ("PS256", "alg_mismatch"),
        ("EdDSA", "alg_mismatch"),
        ("ES384", "alg_mismatch"),
    ] {
        let token = signed(good_with("alg", alg), payload);
        // Tests RFC 7518 section 3.1: unsupported and mismatched algorithms are refused
        attacks.push(attack(format!("alg {alg:?} under an ES256 signature"), code, token));
    }
    for (what, value) in [
        ("null", Value::Null),
        ("a number", json!(256)),
        ("an array", json!(["ES256"])),
        ("true", json!(true)),
    ] {
        let token = signed(good_with("alg", value), payload);
        attacks.push(attack(format!("alg {what}"), "malformed_header_member", token));
    }
    // Tests RFC 7515 section 4.1.1: alg is required
    attacks.push(attack("no alg", "missing_alg", signed(good_without("alg"), payload)));
    let rs_as_ps = good_with("alg", "PS256").replace("k1", "k4");
    // Tests RFC 7518 section 3.5: PS256 does not verify with a key for RS256
    attacks.push(attack("PS256 for an RS256 key", "alg_mismatch", signed(rs_as_ps, payload)));
    attacks
}

fn key_ids(payload: &[u8]) -> Vec<Attack> {
    let mut attacks = vec![
        // Tests RFC 8725 section 3.1: without kid two keys that fit refuse the token
        attack("no kid while two keys fit", "ambiguous_key", signed(good_without("kid"), payload)),
        attack("kid of another key", "bad_signature", signed(good_with("kid", "k2"), payload)),
        attack("kid of a key of another type", "alg_mismatch", signed(good_with("kid", "k3"), payload)),
        // Tests RFC 7517 section 4.2: an encryption key verifies nothing
        attack("kid of an encryption key", "unknown_key", {
            let input = input(good_with("kid", "k5"), payload);
            format!("{input}.{}", base64url(&es256(5, input.as_bytes())))
        }),
        attack(
            "kid of 257 characters",
            "malformed_header_member",
            signed(good_with("kid", "k".repeat(257)), payload),
        ),
        attack("kid empty", "malformed_header_member", signed(good_with("kid", ""), payload)),
    ];
    for kid in [
        "unknown",
        "K1",
        "k1 ",
        " k1",
        "k1\u{0}",
        "k1\u{0}k2",
        "../../../../dev/null",
        "/proc/self/environ",
        "' OR '1'='1",
        "k1' UNION SELECT 'secret' --",
        "$(id)",
        "{{7*7}}",
        "https://evil.example/key",
        "__proto__",
        "constructor",
        "0",
        "*",
        "к1",
    ] {
        let token = signed(good_with("kid", kid), payload);
        // Tests RFC 8725 section 3.10: a hostile kid looks up nothing
        attacks.push(attack(format!("kid {kid:?}"), "unknown_key", token));
    }
    for (what, value) in [
        ("null", Value::Null),
        ("a number", json!(1)),
        ("an array", json!(["k1"])),
        ("an object", json!({"k1": 1})),
    ] {
        let token = signed(good_with("kid", value), payload);
        attacks.push(attack(format!("kid {what}"), "malformed_header_member", token));
    }
    attacks
}

fn types(payload: &[u8]) -> Vec<Attack> {
    // Tests RFC 9068 section 4: typ is required
    let mut attacks = vec![attack("no typ", "wrong_typ", signed(good_without("typ"), payload))];
    for typ in [
        "JWT",
        "id+jwt",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "token-introspection+jwt",
        "at+jwt ",
        "",
        "at",
        "at+jwt;x=1",
        "application/jwt",
        "text/at+jwt",
    ] {
        let token = signed(good_with("typ", typ), payload);
        // Tests RFC 8725 section 3.11: another typ is refused
        attacks.push(attack(format!("typ {typ:?} passed off as an access token"), "wrong_typ", token));
    }
    for (what, value) in [("null", Value::Null), ("a number", json!(1)), ("an array", json!(["at+jwt"]))] {
        let token = signed(good_with("typ", value), payload);
        attacks.push(attack(format!("typ {what}"), "malformed_header_member", token));
    }
    attacks
}

fn shapes(payload: &[u8]) -> Vec<Attack> {
    let deep = format!(r#"{{"alg":{}{}}}"#, "[".repeat(2000), "]".repeat(2000));
    let utf16: Vec<u8> = GOOD_HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let headers: Vec<(&str, Vec<u8>)> = vec![
        ("an array", b"[]".to_vec()),
        ("a string", br#""ES256""#.to_vec()),
        ("a number", b"1".to_vec()),
        ("null", b"null".to_vec()),
        ("nothing", Vec::new()),
        ("white space", b"  ".to_vec()),
        ("cut short", GOOD_HEADER.as_bytes()[..20].to_vec()),
        ("followed by another object", format!("{GOOD_HEADER}{{}}").into_bytes()),
        ("followed by NUL", format!("{GOOD_HEADER}\0").into_bytes()),
        // Tests RFC 8259 section 8.1: a byte order mark before a header is refused
        ("after a byte order mark", format!("\u{feff}{GOOD_HEADER}").into_bytes()),
        ("with a trailing comma", GOOD_HEADER.replace('}', ",}").into_bytes()),
        ("in single quotes", GOOD_HEADER.replace('"', "'").into_bytes()),
        ("with a comment", GOOD_HEADER.replace('{', "{/**/").into_bytes()),
        // Tests RFC 8725 section 3.7: a header that is not UTF-8 is refused
        ("not UTF-8", [&b"{\"alg\":\"ES256\",\"kid\":\"k1\xff\"}"[..]].concat()),
        ("with an overlong UTF-8 form", [&b"{\"alg\":\"ES256\",\"kid\":\"k\xc0\xb1\"}"[..]].concat()),
        ("with half a surrogate pair", br#"{"alg":"ES256","kid":"\ud800","typ":"at+jwt"}"#.to_vec()),
        ("in UTF-16", utf16),
        ("nested two thousand deep", deep.into_bytes()),
        // Tests RFC 7515 section 4: a header member that is given twice is refused
        ("with alg twice", br#"{"alg":"none","alg":"ES256","kid":"k1","typ":"at+jwt"}"#.to_vec()),
        ("with alg twice, the same", br#"{"alg":"ES256","alg":"ES256","kid":"k1","typ":"at+jwt"}"#.to_vec()),
        (
            "with alg twice, once escaped",
            br#"{"\u0061lg":"none","alg":"ES256","kid":"k1","typ":"at+jwt"}"#.to_vec(),
        ),
        ("with kid twice", br#"{"alg":"ES256","kid":"k2","kid":"k1","typ":"at+jwt"}"#.to_vec()),
        ("with typ twice", br#"{"alg":"ES256","kid":"k1","typ":"JWT","typ":"at+jwt"}"#.to_vec()),
    ];
    let mut attacks: Vec<Attack> = headers
        .into_iter()
        .map(|(what, header)| attack(format!("header {what}"), "malformed_header", signed(header, payload)))
        .collect();
    attacks.push(attack("header an empty object", "missing_alg", signed("{}", payload)));
    attacks
}

/// The attacker brings his own key and signs with it.
fn embedded_keys(payload: &[u8]) -> Vec<Attack> {
    let own = |header: String| {
        let input = input(header, payload);
        format!("{input}.{}", base64url(&es256(66, input.as_bytes())))
    };
    let jwk = p256_jwk("k1", &p256(66));
    vec![
        // Tests RFC 7515 section 4.1.3: a key in the header is never used
        attack("jwk embedded under a known kid", "forbidden_header", own(good_with("jwk", jwk.clone()))),
        attack(
            "jwk embedded without kid",
            "forbidden_header",
            own(json!({"alg": "ES256", "typ": "at+jwt", "jwk": jwk}).to_string()),
        ),
        attack("jwk null", "forbidden_header", own(good_with("jwk", Value::Null))),
        attack("own key under a known kid", "bad_signature", own(GOOD_HEADER.to_owned())),
        attack("own key under its own kid", "unknown_key", own(good_with("kid", "evil"))),
    ]
}
