use serde_json::json;

use super::*;
use crate::{About, encoding::base64url};

fn token(header: &str, payload: &str) -> String {
    format!("{}.{}.{}", base64url(header.as_bytes()), base64url(payload.as_bytes()), base64url(&[7; 64]))
}

#[test]
fn a_parsed_token_reveals_what_chooses_a_key() {
    let text = token(r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#, r#"{"sub":"s","iss":"https://i"}"#);
    let parsed = UnverifiedToken::parse(&text).unwrap();
    assert_eq!(parsed.algorithm(), SignatureAlgorithm::Es256);
    assert_eq!(parsed.kid(), Some("k"));
    assert_eq!(parsed.claimed_issuer().unwrap(), "https://i");
    assert!(!format!("{parsed:?}").contains("https"));
}

// Tests RFC 9864 section 2.2: a token may name Ed25519; Ed448 is refused
#[test]
fn ed25519_in_a_header_is_eddsa() {
    let text = token(r#"{"alg":"Ed25519"}"#, "{}");
    assert_eq!(UnverifiedToken::parse(&text).unwrap().algorithm(), SignatureAlgorithm::EdDsa);
    for alg in ["Ed448", "ed25519", "ESP256"] {
        let text = token(&format!(r#"{{"alg":"{alg}"}}"#), "{}");
        assert_eq!(UnverifiedToken::parse(&text).unwrap_err(), TokenError::UnsupportedAlgorithm, "{alg}");
    }
}

// No other text is taken for it.
#[test]
fn a_known_header_says_what_it_said() {
    let known = KnownHeaders::default();
    let text = token(r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#, "{}");
    known.remember(&UnverifiedToken::parse(&text).unwrap());
    let again = token(r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#, r#"{"sub":"s"}"#);
    let (fresh, found) =
        (UnverifiedToken::parse(&again).unwrap(), UnverifiedToken::parse_known(&again, &known).unwrap());
    assert_eq!((fresh.header, fresh.payload), (found.header, found.payload));
    for (header, cause) in [
        (r#"{"alg":"none","kid":"k","typ":"at+jwt"}"#, TokenError::AlgorithmNone),
        (r#"{"alg":"ES256","kid":"k","crit":["b64"]}"#, TokenError::ForbiddenHeader { name: "crit" }),
    ] {
        let text = token(header, "{}");
        assert_eq!(UnverifiedToken::parse_known(&text, &known).unwrap_err(), cause);
    }
    // A known header in front of parts that are no parts.
    let (header, _) = again.split_once('.').unwrap();
    for rest in ["e30", "e30.", "e30.AA=", "e30.AA.AA", "!.AA"] {
        assert!(UnverifiedToken::parse_known(format!("{header}.{rest}"), &known).is_err(), "{rest}");
    }
}

#[test]
fn only_so_many_headers_are_remembered() {
    let known = KnownHeaders::default();
    for number in 0..3 * MAX_KNOWN_HEADERS {
        let text = token(&format!(r#"{{"alg":"ES256","kid":"{number}"}}"#), "{}");
        known.remember(&UnverifiedToken::parse(&text).unwrap());
        known.remember(&UnverifiedToken::parse(&text).unwrap());
    }
    assert_eq!(known.known.borrow().len(), MAX_KNOWN_HEADERS);
}

// Tests RFC 7515 section 4: unknown header members are ignored in tokens of other issuers
// Tests RFC 7515 section 4.1.11: crit is refused in tokens of other issuers too
#[test]
fn header_members_that_nobody_reads_change_nothing() {
    let read = |more: &[(&str, Value)]| {
        let mut header = json!({"alg": "ES256", "kid": "k", "typ": "JWT"});
        for (name, value) in more {
            header[*name] = value.clone();
        }
        let parsed = UnverifiedToken::parse(token(&header.to_string(), "{}")).map(|parsed| parsed.header)?;
        Ok::<_, TokenError>((parsed.algorithm, parsed.kid.clone(), parsed.typ.clone()))
    };
    let plain = read(&[]).unwrap();
    for name in NEVER_OURS.into_iter().chain(["pi.atm", "nonce", "cat", "foo", "KID", "", "__proto__"]) {
        for value in
            [json!("a/b+c=="), json!(1e300), Value::Null, json!([[{"a": [1]}]]), json!({"kty": "oct"})]
        {
            assert_eq!(read(&[(name, value.clone())]).unwrap(), plain, "{name} {value}");
        }
    }
    for name in FORBIDDEN_MEMBERS {
        for value in [json!(["exp"]), json!(true), Value::Null] {
            assert_eq!(
                read(&[("x5t", json!("a")), (name, value)]),
                Err(TokenError::ForbiddenHeader { name })
            );
        }
    }
}

#[test]
fn an_exact_issuer_is_told_which_member_is_too_much() {
    let objection = |header: &str| {
        let text = token(header, "{}");
        UnverifiedToken::parse(&text).unwrap().header.objection.clone()
    };
    assert_eq!(objection(r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#), None);
    let unknown = TokenError::UnknownHeader { name: "fo\u{fffd}o".into() };
    assert_eq!(objection(r#"{"alg":"ES256","fo\no":1}"#), Some(unknown));
    let attack = TokenError::ForbiddenHeader { name: "x5t" };
    assert_eq!(objection(r#"{"alg":"ES256","foo":1,"x5t":1}"#), Some(attack));
    let long = format!(r#"{{"alg":"ES256","{}":1}}"#, "é".repeat(500));
    assert_eq!(objection(&long).unwrap().about(), About::HeaderMember(&"é".repeat(NAME_BYTES / 2)));
}

// Tests RFC 7519 section 4: iss given twice is refused
#[test]
fn an_issuer_claimed_twice_or_not_as_text_chooses_no_key_set() {
    for payload in [r#"{"iss":"a","iss":"b"}"#, r#"{"iss":1}"#, r#"["iss"]"#, "foo", r#"{"iss":null}"#] {
        let text = token(r#"{"alg":"ES256"}"#, payload);
        let claimed = UnverifiedToken::parse(&text).unwrap().claimed_issuer();
        assert!(matches!(claimed, Err(TokenError::MalformedClaims(_))), "{payload}");
    }
    let text = token(r#"{"alg":"ES256"}"#, "{}");
    let claimed = UnverifiedToken::parse(&text).unwrap().claimed_issuer();
    assert_eq!(claimed.unwrap_err().about(), About::Claim("iss"));
}

#[test]
fn the_size_is_judged_before_anything_else() {
    let huge = "a".repeat(MAX_TOKEN_BYTES + 1);
    assert_eq!(
        UnverifiedToken::parse(&huge).unwrap_err(),
        TokenError::TooLarge { bytes: MAX_TOKEN_BYTES + 1, limit: MAX_TOKEN_BYTES }
    );
    let full = "a".repeat(MAX_TOKEN_BYTES);
    assert_eq!(UnverifiedToken::parse(&full).unwrap_err(), TokenError::NotThreeParts { parts: 1 });
}
