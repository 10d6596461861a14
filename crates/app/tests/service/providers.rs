//! Tokens of the shapes that known providers write (`crates/app/tests/issuers.json`), through the gate: with
//! issuer and audience alone, and with the settings that each needs. `docs/reference/issuers.md` has a row for
//! each. The keys are P-256 keys whatever a provider's own are: what `alg` does is tested elsewhere.

use std::collections::BTreeMap;

use super::{
    super::attacks::{es256, p256, p256_jwk},
    world::{START, World},
};
use postern_app::{config::Config, encoding::base64url, http::PlainRequest, service::Outcome};
use serde_json::{Value, json};

const ROWS: &str = include_str!("../issuers.json");
const PAGE: &str = include_str!("../../../../docs/reference/issuers.md");

fn rows() -> Vec<Value> {
    serde_json::from_str(ROWS).unwrap()
}

fn text<'v>(row: &'v Value, name: &str) -> &'v str {
    row[name].as_str().unwrap()
}

/// A place for the keys of a row.
fn place(row: &Value) -> &str {
    row["jwks_uri"].as_str().unwrap_or("https://keys.example/jwks")
}

/// The settings of the row's issuer: its name and audience, and more.
fn settings(row: &Value, more: &Value, route: &Value) -> Value {
    let mut issuer = json!({"issuer": row["issuer"], "audiences": [row["audience"]]});
    for (name, value) in more.as_object().unwrap() {
        issuer[name] = value.clone();
    }
    let mut asks = json!({"path": "/api", "service": "ORIGIN"});
    for (name, value) in route.as_object().unwrap() {
        asks[name] = value.clone();
    }
    json!({"POSTERN_ISSUERS": [issuer], "POSTERN_ROUTES": [asks]})
}

fn world(row: &Value, more: &Value, route: &Value) -> World {
    let world = World::with(&settings(row, more, route));
    let internet = &world.issuer_keys.internet;
    let issuer = text(row, "issuer");
    let metadata = json!({"issuer": issuer, "jwks_uri": place(row)});
    let at = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    internet.publish(&at, metadata.to_string());
    internet.publish(place(row), json!({"keys": [p256_jwk("k", &p256(1))]}).to_string());
    world
}

/// A token of the row, with other claims (`null` takes one away).
fn token(row: &Value, alg: &str, more: &Value) -> String {
    let mut header = row["header"].clone();
    header["alg"] = alg.into();
    header["kid"] = "k".into();
    let mut claims = row["claims"].clone();
    claims["iss"] = row["issuer"].clone();
    claims["iat"] = (START.seconds() - 5).into();
    claims["exp"] = (START.seconds() + 600).into();
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let input = [header, claims].map(|part| base64url(part.to_string().as_bytes())).join(".");
    format!("{input}.{}", base64url(&es256(1, input.as_bytes())))
}

/// What the gate tells the origin, or the status of its refusal.
fn asked(world: &World, token: &str) -> Result<BTreeMap<String, String>, u16> {
    let request = PlainRequest::new("GET", "http://localhost:8787/api")
        .with("authorization", &format!("Bearer {token}"));
    match world.decided(&request) {
        Outcome::Reply(reply) => Err(reply.status),
        Outcome::Forward(forward) => Ok(forward.headers.set.into_iter().collect()),
    }
}

/// The last refusal in the log.
fn refusal(world: &World) -> Value {
    let lines = world.log.0.borrow();
    let mut events = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.rfind(|event| event["event"] == "access_refused").expect("a refusal")
}

/// The settings that a row needs, with the algorithm of the test's key.
fn needed(row: &Value) -> Value {
    let mut more = row["settings"].clone();
    if let Some(uri) = row.get("jwks_uri") {
        more["jwks_uri"] = uri.clone();
    }
    if let Some(algorithms) = more.get_mut("algorithms").and_then(Value::as_array_mut) {
        algorithms.push("ES256".into());
    }
    more
}

#[test]
fn each_providers_token_alone_passes_or_names_the_setting() {
    for row in rows() {
        let name = text(&row, "name");
        if let Some(mistake) = row["alone"]["mistake"].as_str() {
            let mut vars: BTreeMap<String, Value> =
                serde_json::from_value(settings(&row, &json!({}), &json!({}))).unwrap();
            vars.insert("POSTERN_ISSUER".into(), "https://auth.example.com".into());
            vars.insert("POSTERN_MASTER_KEY".into(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8".into());
            let mistakes = Config::from_vars(&vars).expect_err("a mistake");
            let paths: Vec<_> = mistakes.iter().map(|mistake| mistake.path.as_str()).collect();
            assert_eq!(paths, [format!("POSTERN_ISSUERS[0].{mistake}")], "{name}");
            continue;
        }
        let alone = match row.get("jwks_uri") {
            Some(uri) => json!({"jwks_uri": uri}),
            None => json!({}),
        };
        let world = world(&row, &alone, &json!({}));
        // A provider's own algorithm is refused before its key is looked for.
        let own = row["header"]["alg"].as_str().unwrap();
        let alg = if own == "ES384" { own } else { "ES256" };
        let outcome = asked(&world, &token(&row, alg, &json!({})));
        if row["alone"] == "accepted" {
            assert!(outcome.is_ok(), "{name}: {}", refusal(&world));
            continue;
        }
        assert_eq!(outcome, Err(401), "{name}");
        let event = refusal(&world);
        assert_eq!(
            (&event["code"], &event["setting"]),
            (&row["alone"]["code"], &row["alone"]["setting"]),
            "{name}"
        );
        assert_eq!(event["issuer"], row["issuer"], "{name}");
    }
}

#[test]
fn each_providers_token_passes_with_what_it_needs() {
    for row in rows() {
        let name = text(&row, "name");
        let world = world(&row, &needed(&row), &json!({}));
        let token = token(&row, "ES256", &json!({}));
        let told = asked(&world, &token).unwrap_or_else(|_| panic!("{name}: {}", refusal(&world)));
        let decoded =
            |header: &str| told.get(header).map(|value| value.replace("%40", "@").replace("%20", " "));
        assert_eq!(told["x-auth-issuer"], text(&row, "issuer"), "{name}");
        for (member, header) in [
            ("subject", "x-auth-subject"),
            ("scope", "x-auth-scope"),
            ("roles", "x-auth-roles"),
            ("tenant", "x-auth-tenant"),
            ("client", "x-auth-client"),
            ("session", "x-auth-session"),
        ] {
            assert_eq!(decoded(header).as_deref(), row["says"][member].as_str(), "{name}: {header}");
        }
        // Neither for another audience nor with another key.
        let place = needed(&row)["audience_claim"].as_str().unwrap_or("aud").to_owned();
        let elsewhere = self::token(&row, "ES256", &json!({place: "https://other.example"}));
        assert_eq!(asked(&world, &elsewhere), Err(401), "{name}");
        let forged = format!("{}AA", &token[..token.len() - 2]);
        assert_eq!(asked(&world, &forged), Err(401), "{name}");
    }
}

#[test]
fn the_page_has_a_row_for_each_with_its_settings() {
    let lines: Vec<&str> = PAGE.lines().filter(|line| line.starts_with("| ")).collect();
    for row in rows() {
        let name = text(&row, "name");
        let line = lines.iter().find(|line| line.starts_with(&format!("| {name} |")));
        let line = line.unwrap_or_else(|| panic!("docs/reference/issuers.md has no row for {name}"));
        for (setting, value) in row["settings"].as_object().unwrap() {
            let quoted = value.to_string().replace(',', ", ");
            assert!(line.contains(&format!("`{setting} = {quoted}`")), "{name}: {setting} = {quoted}");
        }
        if row.get("jwks_uri").is_some() {
            assert!(line.contains("`jwks_uri`"), "{name}: jwks_uri");
        }
        let alone = row["alone"]["code"].as_str().or(row["alone"].as_str());
        assert!(line.contains(alone.unwrap_or("jwks_uri")), "{name}: alone");
    }
}

fn row(name: &str) -> Value {
    rows().into_iter().find(|row| row["name"] == name).unwrap()
}

// Supabase: `amr` is a list of objects in every token.
#[test]
fn a_claim_of_another_form_is_the_routes_that_asks_for_it() {
    let supabase = row("Supabase");
    let sound = token(&supabase, "ES256", &json!({}));
    for (asks, claim) in [(json!({"amr": ["password"]}), "amr"), (json!({"acr": ["gold"]}), "acr")] {
        let world = world(&supabase, &json!({"typ": "any"}), &asks);
        assert_eq!(asked(&world, &sound), Err(401), "{claim}");
        let event = refusal(&world);
        assert_eq!(event["code"], "insufficient_user_authentication");
        assert_eq!((&event["about"], &event["setting"]), (&json!(format!("claim {claim}")), &json!(claim)));
    }
    for (asks, claim, status) in [
        (json!({"roles_any": ["editor"]}), json!({"roles": [{"owner": "acme", "name": "editor"}]}), 403),
        (json!({"roles_any": ["editor"]}), json!({"roles": {"editor": true}}), 403),
        (json!({"scopes_all": ["read"]}), json!({"scope": {"read": true}}), 403),
        (json!({"scopes_all": ["read"]}), json!({"scope": ["read", 7]}), 403),
        (json!({"attributes": [{"claim": "org", "equals": "=acme"}]}), json!({"org": ["acme"]}), 403),
        (json!({"attributes": [{"claim": "org", "equals": "=acme"}]}), json!({"org": {"acme": 1}}), 403),
        (json!({"attributes": [{"claim": "org", "contains": "=acme"}]}), json!({"org": {"acme": 1}}), 403),
        (json!({"attributes": [{"claim": "org", "contains": "=acme"}]}), json!({"org": "acme"}), 403),
        (
            json!({"attributes": [{"claim": "client_id", "equals": "=web"}]}),
            json!({"client_id": ["web"]}),
            403,
        ),
        (
            json!({"attributes": [{"claim": "tenant_id", "equals": "=acme"}]}),
            json!({"tenant_id": ["acme"]}),
            403,
        ),
    ] {
        let odd = token(&supabase, "ES256", &claim);
        let plain = world(&supabase, &json!({"typ": "any"}), &json!({}));
        assert!(asked(&plain, &odd).is_ok(), "{claim}");
        let world = world(&supabase, &json!({"typ": "any"}), &asks);
        assert_eq!(asked(&world, &odd), Err(status), "{asks} {claim}");
        let about = refusal(&world)["about"].as_str().unwrap().to_owned();
        let name = claim.as_object().unwrap().keys().next().unwrap();
        assert_eq!(about, format!("claim {name}"), "{asks}");
    }
}

#[test]
fn a_refusal_names_what_it_is_about_and_never_a_value() {
    let auth0 = row("Auth0");
    let secret = "s3cr3t-value";
    let cases = [
        (
            json!({"roles_claim": "realm.roles"}),
            json!({"realm": {"roles": {secret: 1}}}),
            "claim realm.roles",
            "roles_claim",
        ),
        (json!({"tenant_claim": "org_id"}), json!({"org_id": [secret]}), "claim org_id", "tenant_claim"),
        (json!({"client_claim": "azp"}), json!({"azp": [secret]}), "claim azp", "client_claim"),
        (json!({"subject_claim": ["oid", "sub"]}), json!({"oid": [secret]}), "claim oid", "subject_claim"),
        (json!({"scope_claim": "scp"}), json!({"scp": {secret: 1}}), "claim scp", "scope_claim"),
        (json!({"audience_claim": "azp"}), json!({"azp": {secret: 1}}), "claim azp", "audience_claim"),
        (json!({}), json!({"aud": secret}), "claim aud", "audiences"),
        (json!({}), json!({"sub": null}), "claim sub", "subject_claim"),
        (json!({}), json!({"exp": secret}), "claim exp", ""),
        (json!({}), json!({"cnf": {"x5t#S256": secret}}), "claim cnf", ""),
        (json!({}), json!({"cnf": {"jkt": secret}}), "claim cnf", ""),
        (
            json!({}),
            json!({"iat": START.seconds() + 600, "exp": START.seconds() + 900}),
            "claim iat",
            "leeway",
        ),
        (json!({"typ": "at+jwt"}), json!({}), "header member typ", "typ"),
        (json!({"algorithms": ["RS256"]}), json!({}), "header member alg", "algorithms"),
        (json!({}), json!({"pad": "x".repeat(9000)}), "token", "max_token_bytes"),
    ];
    for (more, claims, about, setting) in cases {
        let mut all = json!({"typ": "any"});
        for (name, value) in more.as_object().unwrap() {
            all[name] = value.clone();
        }
        let world = world(&auth0, &all, &json!({}));
        assert_eq!(asked(&world, &token(&auth0, "ES256", &claims)), Err(401), "{about}");
        let event = refusal(&world);
        assert_eq!(event["about"], about, "{event}");
        assert_eq!(event["setting"].as_str().unwrap_or_default(), setting, "{event}");
        assert!(!event.to_string().contains(secret), "{event}");
        // The token that is too large is so for every issuer, so that none is chosen.
        if about != "token" {
            assert_eq!(event["issuer"], auth0["issuer"], "{event}");
        }
    }
    let world = world(&auth0, &json!({"typ": "any"}), &json!({}));
    let stranger = format!("https://evil.example/\n{}", "x".repeat(500));
    assert_eq!(asked(&world, &token(&auth0, "ES256", &json!({"iss": stranger}))), Err(401));
    let event = refusal(&world);
    assert_eq!((&event["code"], &event["setting"]), (&json!("untrusted_issuer"), &json!("POSTERN_ISSUERS")));
    let about = event["about"].as_str().unwrap();
    assert!(about.starts_with("issuer https://evil.example/\u{fffd}xxx") && about.len() <= 140, "{about}");
}

// Keycloak with hundreds of groups.
#[test]
fn a_large_token_passes_where_its_issuer_may_and_nowhere_else() {
    let keycloak = row("Keycloak 26");
    let groups: Vec<String> = (0..300).map(|number| format!("/shop/department-{number:04}")).collect();
    let large = token(&keycloak, "ES256", &json!({"groups": groups}));
    assert!((8 * 1024..16 * 1024).contains(&large.len()), "{}", large.len());
    let small = world(&keycloak, &json!({"typ": "any"}), &json!({}));
    assert_eq!(asked(&small, &large), Err(401));
    assert_eq!(refusal(&small)["code"], "too_large");
    let wide = world(&keycloak, &json!({"typ": "any", "max_token_bytes": 16_384}), &json!({}));
    assert!(asked(&wide, &large).is_ok());
    // Once more, from the cache.
    assert!(asked(&wide, &large).is_ok());
    // Another issuer's limit is its own, and the deployment's own tokens keep theirs.
    let mut issuers = settings(&keycloak, &json!({"typ": "any"}), &json!({}));
    let other = json!({"issuer": "https://other.example", "audiences": ["a"], "max_token_bytes": 32_768});
    issuers["POSTERN_ISSUERS"].as_array_mut().unwrap().push(other);
    let both = World::with(&issuers);
    assert_eq!(asked(&both, &large), Err(401));
    let event = refusal(&both);
    assert_eq!((&event["code"], &event["issuer"]), (&json!("too_large"), &keycloak["issuer"]));
    let own = token(&keycloak, "ES256", &json!({"iss": "http://localhost:8787", "groups": groups}));
    assert_eq!(asked(&both, &own), Err(401));
    let event = refusal(&both);
    assert_eq!((&event["code"], &event["issuer"]), (&json!("too_large"), &json!("http://localhost:8787")));
    assert_eq!(event.get("setting"), None);
}

#[test]
fn who_says_at_jwt_follows_rfc_9068() {
    let auth0 = row("Auth0, RFC 9068 profile");
    for (claims, about) in [
        (json!({"jti": null}), "claim jti"),
        (json!({"jti": ""}), "claim jti"),
        (json!({"jti": {"a": 1}}), "claim jti"),
        (json!({"client_id": null}), "claim client_id"),
        (json!({"client_id": ["web"]}), "claim client_id"),
    ] {
        let odd = token(&auth0, "ES256", &claims);
        let strict = world(&auth0, &json!({}), &json!({}));
        assert_eq!(asked(&strict, &odd), Err(401), "{claims}");
        assert_eq!(refusal(&strict)["about"], about);
        let any = world(&auth0, &json!({"typ": "any"}), &json!({}));
        assert!(asked(&any, &odd).is_ok(), "{claims}");
    }
}
