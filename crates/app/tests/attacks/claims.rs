//! Attacks by claims, all under a good signature: a careless or hostile issuer, or a token meant
//! for another place, time or purpose.

use serde_json::{Value, json};

use super::{Attack, GOOD_HEADER, Scene, attack, signed};

pub(super) fn attacks(scene: &Scene) -> Vec<Attack> {
    let mut attacks = missing(scene);
    attacks.extend(dates(scene));
    attacks.extend(parties(scene));
    attacks.extend(wrong_types(scene));
    attacks.extend(shapes(scene));
    attacks
}

fn with(scene: &Scene, what: impl Into<String>, code: &'static str, changes: &Value) -> Attack {
    let mut claims = scene.claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    attack(what, code, Scene::signed_claims(&claims))
}

fn missing(scene: &Scene) -> Vec<Attack> {
    ["iss", "sub", "exp", "iat", "jti", "client_id", "aud"]
        .into_iter()
        .map(|name| {
            let mut claims = scene.claims();
            claims.as_object_mut().unwrap().remove(name);
            let code = if name == "aud" { "wrong_audience" } else { "missing_claim" };
            // Tests RFC 9068 section 2.2: each required claim is required
            attack(format!("no {name}"), code, Scene::signed_claims(&claims))
        })
        .collect()
}

fn dates(scene: &Scene) -> Vec<Attack> {
    let now = scene.now;
    let day = 24 * 60 * 60;
    let mut attacks = vec![
        // Tests RFC 7519 section 4.1.4: a token is refused from its exp on
        with(
            scene,
            "expired at the edge of the leeway",
            "expired",
            &json!({"iat": now - 600, "exp": now - 30}),
        ),
        with(scene, "expired a day ago", "expired", &json!({"iat": now - 2 * day, "exp": now - day})),
        with(
            scene,
            "expired by a fraction",
            "expired",
            &json!({"iat": now - 600, "exp": json!(now - 31).as_f64().unwrap() + 0.5}),
        ),
        with(scene, "exp zero", "impossible_dates", &json!({"exp": 0})),
        with(scene, "exp before iat", "impossible_dates", &json!({"iat": now + 20, "exp": now + 10})),
        with(scene, "exp equal to iat", "impossible_dates", &json!({"exp": now})),
        with(scene, "exp before nbf", "impossible_dates", &json!({"nbf": now + 700})),
        // Tests RFC 7519 section 4.1.6: iat in the future is refused
        with(scene, "issued in the future", "issued_in_future", &json!({"iat": now + 31})),
        // Tests RFC 7519 section 4.1.5: a token is refused before its nbf
        with(scene, "not yet valid", "not_yet_valid", &json!({"nbf": now + 31})),
        with(scene, "lifetime of a year", "lifetime_too_long", &json!({"exp": now + 365 * day})),
        with(scene, "lifetime to the year 9999", "lifetime_too_long", &json!({"exp": 253_402_300_799_u64})),
        with(scene, "issued at the epoch", "lifetime_too_long", &json!({"iat": 0})),
        // Tests RFC 7519 section 2: a date in milliseconds is refused
        with(scene, "exp in milliseconds", "malformed_claim", &json!({"exp": (now + 600) * 1000})),
    ];
    for name in ["exp", "iat", "nbf"] {
        for (what, value) in [
            ("as text", json!((now + 300).to_string())),
            ("negative", json!(-1)),
            ("true", json!(true)),
            ("null", Value::Null),
            ("an array", json!([now + 300])),
            ("an object", json!({"value": now + 300})),
            ("beyond the year 9999", json!(253_402_300_800_u64)),
            ("of 64 bits", json!(u64::MAX)),
            ("of ten to the 300", json!(1e300)),
        ] {
            let changes = json!({name: value});
            // Tests RFC 7519 section 4.1: dates of another type are refused
            attacks.push(with(scene, format!("{name} {what}"), "malformed_claim", &changes));
        }
    }
    attacks
}

fn parties(scene: &Scene) -> Vec<Attack> {
    let (issuer, audience) = (&scene.issuer, &scene.audience);
    let mut attacks = Vec::new();
    for (what, value) in [
        ("another", "https://evil.example".to_owned()),
        ("with a slash more", format!("{issuer}/")),
        ("in capitals", issuer.to_uppercase()),
        ("with a space more", format!("{issuer} ")),
        ("as a prefix of another", format!("{issuer}.evil.example")),
        ("with user information", issuer.replace("://", "://evil@")),
        ("with a NUL", format!("{issuer}\0")),
        ("empty", String::new()),
    ] {
        // Tests RFC 7519 section 4.1.1: iss is compared byte for byte
        // Tests RFC 8725 section 3.8: iss must be the issuer that owns the keys
        attacks.push(with(scene, format!("iss {what}"), "wrong_issuer", &json!({"iss": value})));
    }
    for (what, value) in [
        ("another", json!("https://other.example")),
        ("empty", json!("")),
        ("an empty array", json!([])),
        ("an array of others", json!(["https://other.example", "web"])),
        ("with a slash more", json!(format!("{audience}/"))),
        ("in capitals", json!(audience.to_uppercase())),
        ("a list in one text", json!(format!("{audience} https://other.example"))),
        ("the client", json!("web")),
        ("the issuer", json!(issuer)),
        ("a star", json!("*")),
    ] {
        // Tests RFC 7519 section 4.1.3: a token for another audience is refused
        // Tests RFC 8725 section 3.9: the audience is validated
        attacks.push(with(scene, format!("aud {what}"), "wrong_audience", &json!({"aud": value})));
    }
    for (what, value) in [
        ("null", Value::Null),
        ("a number", json!(1)),
        ("an object", json!({"0": audience})),
        ("an array with a number", json!([audience, 1])),
        ("an array in an array", json!([[audience]])),
    ] {
        attacks.push(with(scene, format!("aud {what}"), "malformed_claim", &json!({"aud": value})));
    }
    for name in ["sub", "jti", "client_id"] {
        // Tests RFC 7519 section 4.1.2: sub may not be empty
        attacks.push(with(scene, format!("{name} empty"), "malformed_claim", &json!({name: ""})));
    }
    attacks
}

fn wrong_types(scene: &Scene) -> Vec<Attack> {
    let mut attacks = Vec::new();
    for name in ["iss", "sub", "jti", "client_id", "sid", "tenant_id", "acr"] {
        for (what, value) in [
            ("null", Value::Null),
            ("a number", json!(7)),
            ("an array", json!(["x"])),
            ("an object", json!({"x": 1})),
        ] {
            let attack = with(scene, format!("{name} {what}"), "malformed_claim", &json!({name: value}));
            let unread = ["sid", "tenant_id", "acr"].contains(&name) || (name, what) == ("jti", "a number");
            attacks.push(if unread { attack.only_ours() } else { attack });
        }
    }
    for (what, changes) in [
        ("scope a number", json!({"scope": 1})),
        ("scope with a line break", json!({"scope": "read\nadmin"})),
        // Tests RFC 6749 section 3.3: scopes are separated by one space
        ("scope with two spaces", json!({"scope": "read  write"})),
        // Tests RFC 6749 section 3.3: a scope has no quotes
        ("scope with a quote", json!({"scope": "read\""})),
        ("scope with a character outside ASCII", json!({"scope": "réad"})),
        ("scope an array with a number", json!({"scope": ["read", 1]})),
        ("scope an array with a space inside", json!({"scope": ["read admin"]})),
        ("scope an object", json!({"scope": {"admin": true}})),
        ("roles a number", json!({"roles": 1})),
        ("roles an object", json!({"roles": {"admin": true}})),
        ("roles with an object inside", json!({"roles": [{"admin": true}]})),
        ("roles null", json!({"roles": null})),
        ("rot negative", json!({"rot": -1})),
        ("rot as text", json!({"rot": "1"})),
        ("rot a fraction", json!({"rot": 1.5})),
        ("rot beyond 32 bits", json!({"rot": 4_294_967_296_u64})),
        ("amr a number", json!({"amr": 1})),
        ("auth_time as text", json!({"auth_time": "1"})),
    ] {
        attacks.push(with(scene, what, "malformed_claim", &changes).only_ours());
    }
    for (what, changes) in [
        // Tests RFC 7800 section 3.1: a token that is bound to a key is no bearer token
        // Tests RFC 8705 section 3.1: a token that is bound to a certificate is no bearer token
        ("bound by a certificate, sent as a bearer token", json!({"cnf": {"x5t#S256": "AAAA"}})),
        ("bound by an empty confirmation", json!({"cnf": {}})),
        ("bound by a key with a number for a thumbprint", json!({"cnf": {"jkt": 1}})),
        // Tests RFC 7800 section 3.1: a confirmation has one method
        ("bound in two ways", json!({"cnf": {"jkt": "AAAA", "x5t#S256": "AAAA"}})),
        ("bound by a text", json!({"cnf": "AAAA"})),
    ] {
        attacks.push(with(scene, what, "malformed_claim", &changes));
    }
    attacks
}

fn shapes(scene: &Scene) -> Vec<Attack> {
    let good = scene.claims().to_string();
    let inner = good.trim_start_matches('{');
    let deep = format!(r#"{{"x":{}{},{inner}"#, "[".repeat(2000), "]".repeat(2000));
    let payloads: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("an array", format!("[{good}]").into_bytes()),
        ("a text", br#""user-1""#.to_vec()),
        ("a number", b"1".to_vec()),
        ("null", b"null".to_vec()),
        ("cut short", good.as_bytes()[..good.len() - 1].to_vec()),
        ("followed by another object", format!("{good}{{}}").into_bytes()),
        ("followed by NUL", format!("{good}\0").into_bytes()),
        ("after a byte order mark", format!("\u{feff}{good}").into_bytes()),
        ("nested two thousand deep", deep.into_bytes()),
        // Tests RFC 8725 section 3.7: claims that are not UTF-8 are refused
        ("not UTF-8", [br#"{"x":""#, &[0xff][..], br#"","#, inner.as_bytes()].concat()),
        ("with half a surrogate pair", format!(r#"{{"x":"\udc00",{inner}"#).into_bytes()),
        ("with a number that is none", format!(r#"{{"x":NaN,{inner}"#).into_bytes()),
        ("with a number beyond a double", format!(r#"{{"x":1e999,{inner}"#).into_bytes()),
        ("with exp beyond a double", good.replace(&(scene.now + 600).to_string(), "1e999").into_bytes()),
        ("with a comment", format!("/**/{good}").into_bytes()),
        // Tests RFC 7519 section 4: sub given twice is refused
        ("with sub twice", format!(r#"{{"sub":"admin",{inner}"#).into_bytes()),
        ("with exp twice", format!(r#"{{"exp":9999999999,{inner}"#).into_bytes()),
        ("with iss twice", format!(r#"{{"iss":"https://evil.example",{inner}"#).into_bytes()),
        ("with aud twice", format!(r#"{{"aud":"https://evil.example",{inner}"#).into_bytes()),
        ("with roles twice, once escaped", format!(r#"{{"r\u006fles":["admin"],{inner}"#).into_bytes()),
        // Tests RFC 8259 section 4: a member that is given twice inside another is refused
        ("with a member twice inside another", format!(r#"{{"x":{{"y":1,"y":2}},{inner}"#).into_bytes()),
        ("with a member twice inside an array", format!(r#"{{"x":[{{"y":1,"y":2}}],{inner}"#).into_bytes()),
    ];
    payloads
        .into_iter()
        .map(|(what, payload)| {
            attack(format!("claims {what}"), "malformed_claims", signed(GOOD_HEADER, payload))
        })
        .collect()
}
