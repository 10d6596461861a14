use super::*;

const ED: &str =
    r#"{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const EC: &str = r#"{"kty":"EC","crv":"P-256","kid":"ec","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
/// Another key on the same curve: the same point with the other y.
const EC2: &str = r#"{"kty":"EC","crv":"P-256","kid":"ec","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"OA67MeRCZIJ40yASRhFGC0yWopJW9NtSdbnc13p3GlI"}"#;

/// A sound modulus of 2048 bits, one of many.
fn rsa(kid: &str, number: u16, more: &str) -> String {
    let mut modulus = [0xa5; 256];
    modulus[255] = 0xa7;
    modulus[100..102].copy_from_slice(&number.to_be_bytes());
    let n = crate::encoding::base64url(&modulus);
    format!(r#"{{"kty":"RSA","kid":"{kid}","n":"{n}","e":"AQAB"{more}}}"#)
}

fn document(keys: &[&str]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn parse(keys: &[&str]) -> Result<JwkSet, JwkSetError> {
    JwkSet::parse(document(keys).as_bytes())
}

fn kids(set: &JwkSet) -> Vec<&str> {
    set.keys().iter().filter_map(PublicKey::kid).collect()
}

// Tests RFC 7517 section 5: keys of an unknown type or without required members are passed over
#[test]
fn broken_and_unknown_entries_are_skipped_with_their_reason() {
    let set = parse(&[
        ED,
        r#"{"kty":"oct","kid":"secret","k":"AAAA"}"#,
        r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}"#,
        "7",
        r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
        r#"{"kty":"RSA","use":"enc","kid":"a \"quoted\"\nkid"}"#,
        EC,
    ])
    .unwrap();
    assert_eq!(kids(&set), ["ed", "ec"]);
    assert_eq!(
        set.left_out(),
        [
            r#"keys[1] (kid "secret"): the key contains the private member k (private_member)"#,
            "keys[2]: the key's type (kty) is not supported (unsupported_kty)",
            "keys[3]: the key is not a JSON object (not_json)",
            "keys[4]: the key's x is malformed (malformed_member)",
            r#"keys[5] (kid "a__quoted__kid"): the key's use does not allow verifying signatures (not_for_verification)"#,
        ]
    );
    assert_eq!(set.skipped_count(), 5);
}

/// The kind: whatever stands beside a usable key, the key serves.
// Tests RFC 7517 section 5: a key that cannot be used does not spoil the set
#[test]
fn no_entry_that_cannot_be_used_spoils_another() {
    let long = format!(r#"{{"kty":"EC","kid":"{}"}}"#, "k".repeat(100_000));
    let deep = format!(r#"{{"kty":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
    let certificate = format!(r#"{{"kty":"RSA","use":"enc","x5c":["{}"]}}"#, "A".repeat(60_000));
    for other in [
        "null",
        "true",
        "7",
        "1e999",
        "\"text\"",
        "[]",
        "{}",
        r#"{"kty":null}"#,
        r#"{"kty":7}"#,
        r#"{"kty":["EC"]}"#,
        r#"{"kty":"ec"}"#,
        r#"{"kty":"oct","k":"AAAA","kid":"ec"}"#,
        r#"{"kty":"RSA","kid":"ec","use":"enc","n":"AQAB","e":"AQAB"}"#,
        r#"{"kty":"RSA","kid":"ec"}"#,
        r#"{"kty":"RSA","n":65537,"e":3}"#,
        r#"{"kty":"EC","crv":"secp256k1","kid":"ec"}"#,
        r#"{"kty":"EC","crv":"P-521","kid":"ec"}"#,
        r#"{"kty":"OKP","crv":"Ed448","alg":"Ed448","kid":"ec"}"#,
        r#"{"kty":"OKP","crv":"X25519","kid":"ec"}"#,
        r#"{"kty":"EC","kty":"EC"}"#,
        r#"{"kty":"EC","kid":"\ud800"}"#,
        r#"{"\ud800":1}"#,
        r#"{"kty":"EC","kid":1}"#,
        r#"{"kty":"EC","key_ops":["verify","verify",{"a":1,"a":2}]}"#,
        &EC.replace("\"kid\"", "\"d\":\"AA\",\"kid\""),
        &EC.replace("\"kid\"", "\"key_ops\":[\"deriveKey\"],\"kid\""),
        &EC.replace("\"kid\"", "\"alg\":\"ECDH-ES\",\"kid\""),
        &long,
        &deep,
        &certificate,
    ] {
        for keys in [[EC, other], [other, EC]] {
            let set = parse(&keys).unwrap_or_else(|error| panic!("{other}: {error}"));
            let found = set.matching(Some("ec"), SignatureAlgorithm::Es256).map(PublicKey::kid);
            assert_eq!((found, set.skipped_count()), (Ok(Some("ec")), 1), "{other}");
            assert!(set.left_out()[0].len() < 250, "{other}");
        }
    }
}

#[test]
fn an_exact_duplicate_is_one_key() {
    for again in [
        ED.to_owned(),
        ED.replace("\"kid\"", "\"x5c\":[\"?\"],\"x5t\":1,\"created\":{\"a\":1,\"a\":2},\"kid\""),
        ED.replace("\"kid\"", "\"use\":\"sig\",\"alg\":\"Ed25519\",\"key_ops\":[\"verify\"],\"kid\""),
        ED.replace("\"kid\"", "\"use\":null,\"alg\":null,\"d\":null,\"kid\""),
    ] {
        let set = parse(&[ED, &again, EC, &again]).unwrap();
        assert_eq!((kids(&set), set.skipped_count()), (vec!["ed", "ec"], 0), "{again}");
    }
    // The same key under two names is two names of one key: without a name it is not ambiguous.
    let renamed = ED.replace("\"ed\"", "\"other\"");
    let set = parse(&[ED, &renamed]).unwrap();
    assert_eq!(kids(&set), ["ed", "other"]);
    assert!(set.matching(None, SignatureAlgorithm::EdDsa).is_ok());
}

// Tests RFC 7517 section 4.5: keys of one set have different kids, or that kid is refused
#[test]
fn two_keys_of_one_kid_are_ambiguous_for_that_kid_alone() {
    let set = parse(&[EC, EC2, ED]).unwrap();
    assert_eq!(set.keys().len(), 3);
    assert_eq!(set.matching(Some("ec"), SignatureAlgorithm::Es256), Err(KeyMismatch::Ambiguous));
    assert_eq!(Vec::from_iter(set.ambiguous_kids()), ["ec"]);
    assert_eq!(set.matching(Some("ed"), SignatureAlgorithm::EdDsa).unwrap().kid(), Some("ed"));
    // Of two algorithms, the token's says which.
    let other = ED.replace("\"ed\"", "\"ec\"");
    let set = parse(&[EC, &other]).unwrap();
    for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa] {
        assert_eq!(set.matching(Some("ec"), algorithm).unwrap().algorithm(), algorithm);
    }
    assert_eq!(set.matching(Some("ec"), SignatureAlgorithm::Rs256), Err(KeyMismatch::WrongAlgorithm));
}

#[test]
fn an_rsa_key_without_alg_is_for_the_rsa_algorithms_named() {
    use SignatureAlgorithm::{EdDsa, Es256, Ps256, Rs256};
    let (open, said) = (rsa("r", 1, ""), rsa("r", 1, r#","alg":"RS256""#));
    let serves = |key: &str, algorithms: &[SignatureAlgorithm]| {
        let set = JwkSet::parse_for(document(&[key]).as_bytes(), algorithms).unwrap();
        [Rs256, Ps256].map(|algorithm| set.matching(Some("r"), algorithm).is_ok())
    };
    assert_eq!(serves(&open, &[]), [true, false]);
    assert_eq!(serves(&open, &[Es256, EdDsa]), [true, false]);
    assert_eq!(serves(&open, &[Rs256]), [true, false]);
    assert_eq!(serves(&open, &[Ps256]), [false, true]);
    assert_eq!(serves(&open, &[Ps256, Rs256]), [true, true]);
    // A key that says its algorithm keeps to it, whatever the setting.
    assert_eq!(serves(&said, &[Ps256]), [true, false]);
    assert_eq!(serves(&rsa("r", 1, r#","alg":null"#), &[Ps256]), [false, true]);
    let both = JwkSet::parse_for(document(&[&open, &said]).as_bytes(), &[Rs256]).unwrap();
    assert_eq!(both.keys().len(), 1);
}

// Tests RFC 7517 section 5: unknown members of the set are ignored
#[test]
fn what_stands_around_the_keys_decides_nothing() {
    let plain = parse(&[ED]).unwrap();
    for text in [
        format!("\u{feff}{}", document(&[ED])),
        format!(" \r\n\t{}\n", document(&[ED])),
        format!("\u{feff}\n \u{feff}{}", document(&[ED])),
        format!(r#"{{"issuer":1e999,"a":{{"b":1,"b":[]}},"keys":[{ED}],"x":"\ud800","next":null}}"#),
        format!(r#"{{"a":{}{},"keys":[{ED}]}}"#, "[".repeat(300), "]".repeat(300)),
    ] {
        assert_eq!(JwkSet::parse(text.as_bytes()), Ok(plain.clone()), "{text}");
    }
}

// Tests RFC 7517 section 5.1: a key set has the member keys with an array
#[test]
fn documents_that_are_no_key_set_are_refused_whole() {
    let not_json = |cause| Err(JwkSetError::NotJson(cause));
    assert_eq!(JwkSet::parse(&vec![b' '; JwkSet::MAX_BYTES + 1]), Err(JwkSetError::TooLarge));
    for (text, refused) in [
        ("", not_json(JsonError::Malformed)),
        ("\u{feff}", not_json(JsonError::Malformed)),
        ("<html>", not_json(JsonError::Malformed)),
        (r#"{"keys":[]} {}"#, not_json(JsonError::Malformed)),
        (r#"{"keys":[{]}"#, not_json(JsonError::Malformed)),
        (r#"{"keys":[],}"#, not_json(JsonError::Malformed)),
        (r#"{"keys":[1,]}"#, not_json(JsonError::Malformed)),
        (r#"[{"keys":[]}]"#, not_json(JsonError::NotAnObject)),
        ("\"keys\"", not_json(JsonError::NotAnObject)),
        (r#"{"keys":[],"keys":[]}"#, not_json(JsonError::DuplicateMember)),
        (r#"{"keys":[],"\u006beys":[]}"#, not_json(JsonError::DuplicateMember)),
        ("{}", Err(JwkSetError::NoKeys)),
        (ED, Err(JwkSetError::NoKeys)),
        (r#"{"Keys":[]}"#, Err(JwkSetError::NoKeys)),
        (r#"{"keys":{}}"#, Err(JwkSetError::NoKeys)),
        (r#"{"keys":null}"#, Err(JwkSetError::NoKeys)),
        (r#"{"keys":"[]"}"#, Err(JwkSetError::NoKeys)),
        (r#"{"keys":[]}"#, Ok(JwkSet::default())),
    ] {
        assert_eq!(JwkSet::parse(text.as_bytes()), refused, "{text}");
    }
    assert_eq!(JwkSet::parse(b"{\"keys\":[\"\xff\"]}"), not_json(JsonError::NotUtf8));
}

#[test]
fn a_set_may_be_long_and_what_is_kept_is_bounded() {
    let many: Vec<String> = (0..300).map(|number| rsa(&number.to_string(), number, "")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(parse(&many[..200]).unwrap().keys().len(), 200);
    let set = parse(&many).unwrap();
    assert_eq!((set.keys().len(), set.skipped_count()), (256, 44));
    assert!(set.matching(Some("255"), SignatureAlgorithm::Rs256).is_ok());
    assert_eq!(set.skipped()[0].cause, JwkError::BeyondWhatIsKept);
    // Of long keys fewer are kept, and a short one behind them still is.
    let long: Vec<String> = (0..200).map(|number: u16| rsa(&format!("{number:0>250}"), number, "")).collect();
    let mut long: Vec<&str> = long.iter().map(String::as_str).collect();
    long.push(ED);
    let usable = JwkSet::usable(document(&long).as_bytes()).unwrap();
    assert!((150..200).contains(&usable.count), "{}", usable.count);
    assert!(usable.document.len() <= JwkSet::MAX_KEPT_BYTES, "{}", usable.document.len());
    assert!(usable.document.contains("Ed25519"));
    // So many named, and the rest counted.
    let set = parse(&vec!["{}"; 60_000]).unwrap();
    assert_eq!((set.skipped().len(), set.skipped_count()), (16, 60_000));
    assert_eq!(set.left_out().last().unwrap(), "and 59984 more");
}

#[test]
fn what_is_kept_holds_usable_keys_and_read_members_alone() {
    let with_chain = EC.replace("\"kid\"", &format!("\"x5c\":[\"{}\"],\"kid\"", "A".repeat(100_000)));
    let open = rsa("open", 1, r#","x5t":"a/b""#);
    let read = document(&[&with_chain, r#"{"kty":"oct","k":"c2VjcmV0"}"#, &open, ED, ED]);
    let usable = JwkSet::usable(read.as_bytes()).unwrap();
    assert_eq!((usable.count, usable.left_out.len()), (3, 1));
    assert!(usable.document.len() < 1_000 && !usable.document.contains("x5"), "{}", usable.document);
    assert!(!usable.document.contains("c2VjcmV0"));
    for algorithms in [&[][..], &[SignatureAlgorithm::Ps256], &SignatureAlgorithm::ALL] {
        let kept = JwkSet::parse_for(usable.document.as_bytes(), algorithms).unwrap();
        assert_eq!(kept.keys(), JwkSet::parse_for(read.as_bytes(), algorithms).unwrap().keys());
    }
    assert_eq!(JwkSet::usable(usable.document.as_bytes()).unwrap().document, usable.document);
}

// Tests RFC 7515 section 4.1.4: kid chooses the key
// Tests RFC 8725 section 3.1: exactly one key may match
#[test]
fn exactly_one_key_matches_or_none_does() {
    let unnamed = ED.replace(r#""kid":"ed","#, "").replace("11qY", "22qY");
    let set = parse(&[ED, EC, &unnamed]).unwrap();
    assert_eq!(set.keys().len(), 3, "{:?}", set.left_out());
    assert_eq!(set.matching(Some("ed"), SignatureAlgorithm::EdDsa).unwrap().kid(), Some("ed"));
    assert_eq!(set.matching(Some("ed"), SignatureAlgorithm::Es256), Err(KeyMismatch::WrongAlgorithm));
    assert_eq!(set.matching(Some("other"), SignatureAlgorithm::EdDsa), Err(KeyMismatch::NoKey));
    assert_eq!(set.matching(None, SignatureAlgorithm::EdDsa), Err(KeyMismatch::Ambiguous));
    assert_eq!(set.matching(None, SignatureAlgorithm::Es256).unwrap().kid(), Some("ec"));
    assert_eq!(set.matching(None, SignatureAlgorithm::Rs256), Err(KeyMismatch::NoKey));
    assert_eq!(set.unnamed(SignatureAlgorithm::EdDsa).count(), 0, "one of them has a name");
}

#[test]
fn keys_are_asked_in_turn_only_where_none_has_a_name() {
    let unnamed: Vec<String> = (0..5).map(|number| rsa("", number, "")).collect();
    let unnamed: Vec<&str> = unnamed.iter().map(String::as_str).collect();
    for (count, asked) in [(1, 1), (2, 2), (4, 4), (5, 0)] {
        // A named key of another algorithm is not concerned.
        let set = parse(&[&unnamed[..count], &[EC]].concat()).unwrap();
        assert_eq!(set.unnamed(SignatureAlgorithm::Rs256).count(), asked, "{count}");
    }
}

#[test]
fn a_published_set_reads_back_as_itself() {
    let set = parse(&[ED, EC]).unwrap();
    let document = serde_json::to_vec(&PublicJwkSet::from(&set)).unwrap();
    assert_eq!(JwkSet::parse(&document).unwrap(), set);
}
