//! The configuration as a user meets it: defaults, limits, and every mistake at once by name.

use std::{collections::BTreeMap, time::Duration};

use postern_app::{
    config::{ClientKind, Config, ContextChange, Profile, Registration, TypRule},
    jose::SignatureAlgorithm,
    jwt::RolesForm,
};
use serde_json::{Value, json};

/// 32 bytes, 0 to 31.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// 32 bytes, 1 to 32.
const OTHER_KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA";

fn vars(more: Value) -> BTreeMap<String, Value> {
    let mut vars = BTreeMap::from([
        ("POSTERN_ISSUER".to_owned(), json!("https://auth.example.com")),
        ("POSTERN_MASTER_KEY".to_owned(), json!(KEY)),
    ]);
    let Value::Object(more) = more else { return vars };
    vars.extend(more.into_iter().map(|(name, value)| (format!("POSTERN_{name}"), value)));
    vars
}

fn read(more: Value) -> Config {
    Config::from_vars(&vars(more)).expect("a sound configuration")
}

/// All mistakes as `path: problem`, without the prefix.
fn mistakes(more: Value) -> Vec<String> {
    let errors = Config::from_vars(&vars(more)).expect_err("mistakes");
    errors.iter().map(|error| error.to_string().replacen("POSTERN_", "", 1)).collect()
}

fn paths(more: Value) -> Vec<String> {
    mistakes(more).iter().map(|text| text.split(": ").next().unwrap().to_owned()).collect()
}

// Tests MCP Authorization section "Token Theft": access tokens live for ten minutes unless the settings say otherwise (A11)
#[test]
fn issuer_and_master_key_are_all_that_must_be_said() {
    let config = read(json!({}));
    assert_eq!(config.profile, Profile::Production);
    assert_eq!(config.audience, "https://auth.example.com");
    assert_eq!(config.access_token_lifetime, Duration::from_mins(10));
    assert_eq!(config.leeway, Duration::from_secs(30));
    assert_eq!(config.refresh.idle_lifetime, Duration::from_hours(7 * 24));
    assert_eq!(config.refresh.absolute_lifetime, Duration::from_hours(30 * 24));
    assert_eq!(config.refresh.reuse_interval, Duration::from_secs(10));
    assert_eq!(config.refresh.lost_response_window, Duration::from_hours(24));
    assert!(config.refresh.receipts);
    assert_eq!((config.refresh.max_late_retries, config.refresh.max_families), (10, 50));
    assert_eq!(config.registration, Registration::Closed);
    assert_eq!(config.cookie.name, "__Secure-postern_refresh");
    assert_eq!((config.cookie.path.as_str(), config.cookie.domain), ("/auth", None));
    assert_eq!(config.clients.len(), 1);
    assert_eq!(config.clients[0].client_id, "first-party");
    assert_eq!(config.password.memory_kib, 19_456);
    assert_eq!(config.jwks.hard_age, Duration::from_hours(24));
    assert!(config.routes.is_empty() && config.issuers.is_empty());
    assert!(config.cors_origins.is_empty() && config.default_scopes.is_empty());
}

#[test]
fn an_empty_configuration_names_what_is_missing() {
    let errors = Config::from_vars(&BTreeMap::new()).unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "POSTERN_ISSUER: is missing: this deployment's URL, such as https://auth.example.com",
            "POSTERN_MASTER_KEY: is missing: the master secret. Generate one with: openssl rand -base64 32 | tr '+/' '-_' | tr -d '='",
        ]
    );
}

#[test]
fn a_mistake_that_many_make_is_told_with_what_to_write_instead() {
    for (more, told) in [
        (json!({"ISUER": "https://auth.example.com"}), "did you mean POSTERN_ISSUER?"),
        (json!({"LEEWAY": "10m"}), "must be a whole number of seconds from 0 to 120"),
        (json!({"REGISTRATION": true}), "must be one of: closed, open"),
        (json!({"DEFAULT_SCOPES": "read:orders write:orders"}), "write several scopes as a list"),
        (json!({"CORS_ORIGINS": ["*"]}), "wildcards and null are not allowed"),
        (json!({"ISSUER": "auth.example.com"}), "such as https://auth.example.com"),
        (json!({"REFRESH": {"absolute_lifetime": 3600}}), "`idle_lifetime`, which is 604800"),
        // [vars.POSTERN_ROUTES] in place of [[vars.POSTERN_ROUTES]].
        (json!({"ROUTES": {"path": "/a", "service": "ORIGIN"}}), "[[name]], with two brackets"),
        (json!({"ISSUERS": {"issuer": "https://id.example.com"}}), "[[name]], with two brackets"),
        (
            json!({"ISSUERS": [{"issuer": "https://id.example.com"}]}),
            "audiences: is missing: the value of `aud`",
        ),
        (
            json!({"ROUTES": [{"path": "/a", "service": "ORIGIN", "roles": "admin"}]}),
            "did you mean `roles_any`?",
        ),
        (
            json!({"ROUTES": [{"path": "/a", "service": "ORIGIN", "scope_all": "a"}]}),
            "did you mean `scopes_all`?",
        ),
        // A variable that was written below the first [[vars.POSTERN_ROUTES]].
        (
            json!({"ROUTES": [{"path": "/a", "service": "ORIGIN", "POSTERN_LEEWAY": 5}]}),
            "move it above the table",
        ),
        (json!({"ROUTES": [{"path": "a", "service": "ORIGIN"}]}), "must begin with a slash"),
        (json!({"ROUTES": [{"path": "/a/*", "service": "ORIGIN"}]}), "{*rest} for all that follow"),
        (json!({"ROUTES": [{"path": "/a/**", "service": "ORIGIN"}]}), "{*rest} for all that follow"),
        (json!({"ROUTES": [{"path": "/a/:id", "service": "ORIGIN"}]}), "{name} for one segment"),
    ] {
        let found = mistakes(more);
        assert!(found.len() == 1 && found[0].contains(told), "{told}: {found:?}");
    }
    // Nothing is guessed where nothing is near, and the characters can be written.
    assert_eq!(mistakes(json!({"TOKEN_LIFETIME": 600})), ["TOKEN_LIFETIME: is not a variable of Postern"]);
    let routes = json!([{"path": "/a/%2A/v1:batch/%3Aid", "service": "ORIGIN"}]);
    assert_eq!(read(json!({"ROUTES": routes})).routes.len(), 1);
}

#[test]
fn every_mistake_is_reported_at_once_with_its_path() {
    assert_eq!(
        paths(json!({
            "ISSUER": "https://auth.example.com/",
            "LEWAY": 3,
            "LEEWAY": 121,
            "ACCESS_TOKEN_LIFETIME": "soon",
            "REFRESH": {"reuse_interval": 61, "max_familys": 3},
            "COOKIE": {"name": "refresh"},
            "ROUTES": [
                {"path": "/a", "upstream": "https://origin.example.com"},
                {"path": "/a/../b", "upstream": "http://origin.example.com", "methods": ["get"]},
                {"path": "/c"},
            ],
            "ISSUERS": [{"issuer": "https://idp.example.com", "audiences": [], "algorithms": ["HS256"]}],
        })),
        [
            "ACCESS_TOKEN_LIFETIME",
            "COOKIE.name",
            "ISSUER",
            "ISSUERS[0].algorithms[0]",
            "ISSUERS[0].audiences",
            "LEEWAY",
            "LEWAY",
            "REFRESH.max_familys",
            "REFRESH.reuse_interval",
            "ROUTES[1].methods[0]",
            "ROUTES[1].path",
            "ROUTES[1].upstream",
            "ROUTES[2].upstream",
        ]
    );
}

#[test]
fn values_may_be_strings_that_hold_json_as_dev_vars_gives_them() {
    let config = read(json!({
        "LEEWAY": "5",
        "REFRESH": r#"{"receipts": "false", "idle_lifetime": "3600"}"#,
        "CORS_ORIGINS": r#"["https://app.example.com"]"#,
        "ROUTES": r#"[{"path": "/a", "access": "public", "service": "ORIGIN"}]"#,
        "AUDIENCE": "\"https://api.example.com\"",
        "DEFAULT_SCOPES": "read:orders",
    }));
    assert_eq!(config.leeway, Duration::from_secs(5));
    assert!(!config.refresh.receipts);
    assert_eq!(config.refresh.lost_response_window, Duration::from_mins(1));
    assert_eq!(config.refresh.idle_lifetime, Duration::from_hours(1));
    assert_eq!(config.audience, "https://api.example.com");
    assert_eq!((config.routes.len(), config.cors_origins.len(), config.default_scopes.len()), (1, 1, 1));
    assert_eq!(mistakes(json!({"ROUTES": "[{"})), ["ROUTES: is not valid JSON (line 1, column 2)"]);
}

#[test]
fn a_master_key_that_is_short_weak_or_repeated_starts_nothing() {
    let short = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg";
    for (key, problem) in [
        (json!(short), "must be at least 32 bytes; it has 31"),
        (json!("A".repeat(43)), "it repeats a single byte"),
        (json!("correct horse battery staple"), "must be base64url"),
        (json!(format!("{KEY}=")), "must be base64url"),
        (json!(""), "must not be empty"),
        (json!([]), "must not be empty"),
        (json!([{"id": 1, "key": KEY}, {"id": 1, "key": OTHER_KEY}]), "is listed twice"),
        (json!([{"id": 1, "key": KEY}, {"id": 2, "key": KEY}]), "must differ from the other secrets"),
        (json!([{"id": 256, "key": KEY}]), "from 0 to 255"),
        (json!([{"key": KEY}]), "is missing"),
    ] {
        let found = mistakes(json!({"MASTER_KEY": key}));
        assert!(found.len() == 1 && found[0].contains(problem), "{problem}: {found:?}");
    }
}

// And no key signs before the clients can know it.
#[test]
fn production_refuses_a_shorter_cache_lifetime_for_keys() {
    let found = mistakes(json!({"KEYS": {"client_cache": 660}}));
    assert_eq!(found, ["KEYS.client_cache: is allowed only with POSTERN_PROFILE = \"local\""]);
    let local = |keys: Value| json!({"PROFILE": "local", "KEYS": keys});
    let turning = json!({"publish_lead": 4, "active_period": 8, "client_cache": 3});
    assert_eq!(read(local(turning)).keys.client_cache, Duration::from_secs(3));
    for keys in [json!({"publish_lead": 4}), json!({"publish_lead": 4, "client_cache": 5})] {
        assert_eq!(mistakes(local(keys)), ["KEYS.publish_lead: must be at least `client_cache`"]);
    }
    assert_eq!(paths(local(json!({"client_cache": 0}))), ["KEYS.client_cache"]);
    assert_eq!(paths(local(json!({"client_cache": 661}))), ["KEYS.client_cache"]);
}

#[test]
fn the_first_master_key_of_a_list_is_current() {
    let list = json!([{"id": 7, "key": OTHER_KEY}, {"id": 1, "key": KEY}]);
    for form in [list.clone(), json!(list.to_string())] {
        let config = read(json!({"MASTER_KEY": form}));
        let ids: Vec<u8> = config.master_keys.as_slice().iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [7, 1]);
        assert_eq!(config.master_keys.as_slice()[0].1.first(), Some(&1));
    }
    assert_eq!(read(json!({})).master_keys.as_slice()[0].0, 1);
}

#[test]
fn no_secret_is_ever_shown() {
    let shown = format!("{:#?}", read(json!({})));
    assert!(shown.contains("redacted"));
    assert!(!shown.contains(KEY));
    // Bytes would be shown as `1, 2, 3`.
    assert!(!shown.replace(char::is_whitespace, "").contains("1,2,3,4"));

    // A secret under a wrong name or in a wrong place is not repeated in the complaint.
    for misplaced in [
        json!({"MASTER_KEY": format!("{KEY}!")}),
        json!({"MASTER_KEYS": KEY}),
        json!({"ISSUER": KEY}),
        json!({"LEEWAY": KEY}),
        json!({"PROFILE": KEY}),
        json!({"REFRESH": KEY}),
        json!({"MASTER_KEY": format!("[{{\"id\":1,\"key\":\"{KEY}\"")}),
    ] {
        let shown = mistakes(misplaced).join("\n");
        assert!(!shown.contains("AAECAwQF"), "{shown}");
    }
}

#[test]
fn development_features_are_refused_in_production_by_name() {
    let all = json!({
        "ISSUER": "http://localhost:8787",
        "ACCESS_TOKEN_LIFETIME": 2,
        "CORS_ORIGINS": ["http://app.example.com"],
        "JWKS": {"soft_age": 1, "hard_age": 1, "unknown_kid_cooldown": 1},
        "ISSUERS": [{"issuer": "http://127.0.0.1:9000", "audiences": ["a"]}],
        "ROUTES": [{"path": "/", "upstream": "http://127.0.0.1:9001"}],
        "PASSWORD": {"memory_kib": 64, "iterations": 1},
    });
    assert_eq!(
        paths(all.clone()),
        [
            "ACCESS_TOKEN_LIFETIME",
            "CORS_ORIGINS[0]",
            "ISSUER",
            "ISSUERS[0].jwks_uri",
            "JWKS.hard_age",
            "JWKS.soft_age",
            "JWKS.unknown_kid_cooldown",
            "PASSWORD",
            "PASSWORD.memory_kib",
            "ROUTES[0].upstream",
        ]
    );
    let mut local = all;
    local["PROFILE"] = json!("local");
    let config = read(local);
    assert_eq!(config.access_token_lifetime, Duration::from_secs(2));
    assert_eq!(config.issuers[0].jwks_uri, None, "to be discovered");
    // Loopback over https is no way around either.
    let loopback = json!({"ROUTES": [{"path": "/", "upstream": "https://[::1]/"}]});
    assert_eq!(paths(loopback), ["ROUTES[0].upstream"]);
}

#[test]
fn a_long_lost_response_window_needs_receipts() {
    assert_eq!(
        paths(json!({"REFRESH": {"receipts": false, "lost_response_window": 61}})),
        ["REFRESH.lost_response_window"]
    );
    assert!(!read(json!({"REFRESH": {"receipts": false, "lost_response_window": 60}})).refresh.receipts);
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    assert_eq!(
        paths(json!({
            "REFRESH": {"idle_lifetime": 86_400, "absolute_lifetime": 3600},
            "CLIENTS": [
                {"client_id": "app", "kind": "mobile", "idle_lifetime": 7_862_400},
                {"client_id": "app"},
            ],
            "JWKS": {"soft_age": 7200, "hard_age": 3600},
            "COOKIE": {"name": "__Host-r"},
            "PASSWORD": {"memory_kib": 8192, "iterations": 2},
        })),
        [
            "CLIENTS[0].absolute_lifetime",
            "CLIENTS[1].absolute_lifetime",
            "CLIENTS[1].client_id",
            "COOKIE.name",
            "JWKS.hard_age",
            "PASSWORD",
            "REFRESH.absolute_lifetime",
        ]
    );
}

#[test]
fn clients_take_what_they_do_not_say_from_refresh() {
    let config = read(json!({
        "REFRESH": {"idle_lifetime": 3600},
        "CLIENTS": [
            {"client_id": "web"},
            {"client_id": "phone", "kind": "mobile", "idle_lifetime": 7200, "on_context_change": "sign_in"},
        ],
    }));
    let client = |id: &str| config.clients.iter().find(|client| client.client_id == id);
    assert_eq!(client("web").unwrap().idle_lifetime, Duration::from_hours(1));
    let phone = client("phone").unwrap();
    assert_eq!((phone.kind, phone.on_context_change), (ClientKind::Mobile, ContextChange::SignIn));
    assert_eq!(phone.absolute_lifetime, Duration::from_hours(90 * 24));
    assert!(client("first-party").is_none());
}

#[test]
fn a_client_with_redirects_is_of_the_authorization_server() {
    let hash = "a".repeat(64);
    let config = read(json!({"CLIENTS": [
        {"client_id": "app", "redirect_uris": "https://app.example/cb", "scopes": ["read"]},
        {"client_id": "own", "redirect_uris": ["http://localhost/cb", "com.example.app:/cb"], "first_party": true,
         "private_use_schemes": true, "secret_hashes": [hash], "grant_types": ["authorization_code"]},
    ]}));
    let app = config.oauth_clients.find("app").unwrap();
    assert!(app.is_public() && !app.first_party && !app.roles && app.resources.is_none());
    assert_eq!((app.name.as_str(), app.grant_types.len()), ("app", 2));
    let own = config.oauth_clients.find("own").unwrap();
    assert!(!own.is_public() && own.roles && own.redirect_uris.len() == 2);
    let sign_ins: Vec<&str> = config.clients.iter().map(|client| client.client_id.as_str()).collect();
    assert_eq!(sign_ins, ["own"], "the others have no password of their users");
    let only = read(json!({"CLIENTS": [{"client_id": "app", "redirect_uris": "https://app.example/cb"}]}));
    assert_eq!(only.clients[0].client_id, "first-party", "somebody must be able to sign in");
    assert!(read(json!({})).oauth_clients.is_empty());
    assert!(!format!("{config:?}").contains(&"170".repeat(2)), "no hash is shown");
}

#[test]
fn mistakes_of_an_oauth_client_are_named() {
    let client = |more: Value| {
        let mut client = json!({"client_id": "app", "redirect_uris": ["https://app.example/cb"]});
        client.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        paths(json!({"CLIENTS": [client]}))
    };
    for (more, path) in [
        (json!({"redirect_uris": []}), "redirect_uris"),
        (json!({"redirect_uris": ["https://a.example", "http://app.example/cb"]}), "redirect_uris[1]"),
        (json!({"redirect_uris": ["com.example.app:/cb"]}), "redirect_uris[0]"),
        (json!({"redirect_uris": ["https://app.example/cb#x"]}), "redirect_uris[0]"),
        (json!({"redirect_uris": ["https://a.example", "https://a.example"]}), "redirect_uris[1]"),
        (json!({"secret_hashes": ["secret"]}), "secret_hashes[0]"),
        (json!({"secret_hashes": []}), "secret_hashes"),
        (json!({"secret_hashes": ["a".repeat(64), "b".repeat(64), "c".repeat(64)]}), "secret_hashes"),
        (json!({"secret_hashes": ["A".repeat(64)]}), "secret_hashes[0]"),
        (json!({"scopes": ["postern:admin"]}), "scopes[0]"),
        (json!({"scopes": ["offline_access"]}), "scopes[0]"),
        (json!({"scopes": ["a b"]}), "scopes[0]"),
        (json!({"resources": ["https://API.example"]}), "resources[0]"),
        (json!({"resources": ["api"]}), "resources[0]"),
        (json!({"resources": []}), "resources"),
        (json!({"grant_types": ["implicit"]}), "grant_types[0]"),
        (json!({"grant_types": ["refresh_token"]}), "grant_types"),
        (json!({"offline_access": "never"}), "offline_access"),
        (json!({"name": " x"}), "name"),
    ] {
        assert_eq!(client(more.clone()), [format!("CLIENTS[0].{path}")], "{more}");
    }
    assert_eq!(paths(json!({"CLIENTS": [{"client_id": "a", "scopes": ["x"]}]})), ["CLIENTS[0].scopes"]);
}

#[test]
fn an_external_issuer_has_safe_defaults() {
    let config = read(json!({
        "ISSUERS": [{"issuer": "https://tenant.auth0.example/", "audiences": "https://api.example.com"}],
    }));
    let issuer = &config.issuers[0];
    assert_eq!(issuer.jwks_uri, None, "to be discovered");
    assert_eq!(issuer.typ, TypRule::AccessToken);
    assert_eq!(
        issuer.algorithms,
        [SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa, SignatureAlgorithm::Rs256].into()
    );
    assert_eq!((&issuer.scope_claim, &issuer.tenant_claim), (&None, &None), "nobody named any");
    assert_eq!((&issuer.roles_claim, &issuer.client_claim), (&None, &None), "`azp` is not guessed at");
    assert_eq!((&issuer.subject_claim, &issuer.audience_claim), (&None, &None));
    assert_eq!((issuer.roles_form, issuer.max_token_bytes), (RolesForm::Text, 8192));
    let lists = read(json!({"ISSUERS": [{"issuer": "https://a.example", "audiences": "a",
        "roles_claim": ["realm_access.roles", "resource_access.api.roles"], "client_claim": "azp",
        "subject_claim": ["sub", "oid", "appid"], "audience_claim": "azp", "roles_form": "keys",
        "max_token_bytes": "32768"}]}));
    let named = &lists.issuers[0];
    assert_eq!(
        named.roles_claim.iter().flatten().collect::<Vec<_>>(),
        ["realm_access.roles", "resource_access.api.roles"]
    );
    assert_eq!(named.client_claim.iter().flatten().collect::<Vec<_>>(), ["azp"]);
    assert_eq!(named.subject_claim.as_deref().unwrap(), ["sub", "oid", "appid"], "in this order");
    assert_eq!(named.audience_claim.as_deref(), Some("azp"));
    assert_eq!((named.roles_form, named.max_token_bytes), (RolesForm::Keys, 32_768));
    for (name, wrong, path) in [
        ("roles_claim", json!([]), "ISSUERS[0].roles_claim"),
        ("roles_claim", json!(["r", "r"]), "ISSUERS[0].roles_claim[1]"),
        ("roles_claim", json!(["r", 1]), "ISSUERS[0].roles_claim[1]"),
        ("client_claim", json!([""]), "ISSUERS[0].client_claim[0]"),
        ("client_claim", json!(true), "ISSUERS[0].client_claim"),
        ("subject_claim", json!([]), "ISSUERS[0].subject_claim"),
        ("subject_claim", json!(["sub", "sub"]), "ISSUERS[0].subject_claim[1]"),
        ("audience_claim", json!(["azp"]), "ISSUERS[0].audience_claim"),
        ("roles_form", json!("objects"), "ISSUERS[0].roles_form"),
        ("max_token_bytes", json!(32_769), "ISSUERS[0].max_token_bytes"),
        ("max_token_bytes", json!(0), "ISSUERS[0].max_token_bytes"),
    ] {
        let list = json!({"ISSUERS": [{"issuer": "https://a.example", "audiences": ["a"], name: wrong}]});
        assert_eq!(paths(list), [path]);
    }
    for names in [json!("Ed25519"), json!(["EdDSA", "Ed25519"])] {
        let list = json!({"ISSUERS": [
            {"issuer": "https://a.example", "audiences": ["a"], "algorithms": names},
        ]});
        assert_eq!(read(list).issuers[0].algorithms, [SignatureAlgorithm::EdDsa].into());
    }
    for algorithm in ["HS256", "none", "es256", "RS512", "Ed448", "ed25519"] {
        let list = json!({"ISSUERS": [
            {"issuer": "https://a.example", "audiences": ["a"], "algorithms": [algorithm]},
        ]});
        assert_eq!(paths(list), ["ISSUERS[0].algorithms[0]"], "{algorithm}");
    }
    assert_eq!(paths(json!({"ISSUERS": [{"issuer": "https://a.example"}]})), ["ISSUERS[0].audiences"]);
}

#[test]
fn an_issuer_is_any_text_when_its_keys_have_a_place() {
    let issuer = |issuer: &str, jwks_uri: Value| json!({"PROFILE": "production", "ISSUERS": [{"issuer": issuer, "audiences": ["a"], "jwks_uri": jwks_uri}]});
    for text in [
        "http://adfs.example.com/adfs/services/trust",
        "stytch.com/project-live-11111111-2222-3333-4444-555555555555",
        "acme",
        "urn:example:issuer",
        "https://idp.example/?tenant=1",
        "https://idp.example/#x",
    ] {
        let config = read(issuer(text, json!("https://idp.example/keys")));
        assert_eq!(config.issuers[0].issuer, text, "compared to the letter");
        assert_eq!(paths(issuer(text, Value::Null)), ["ISSUERS[0].jwks_uri"], "{text} cannot be discovered");
        assert_eq!(paths(issuer(text, json!("http://idp.example/keys"))), ["ISSUERS[0].jwks_uri"], "{text}");
    }
    for text in [" https://a.example", "https://a.example\n", "", "a\0"] {
        assert_eq!(paths(issuer(text, json!("https://idp.example/keys"))), ["ISSUERS[0].issuer"], "{text:?}");
    }
}

#[test]
fn a_setting_no_longer_needed_is_named_and_refuses_nothing() {
    let list = |members: Value| {
        json!({"ISSUERS": [
            {"issuer": "https://a.example", "audiences": ["a"]},
            {"issuer": "https://b.example", "audiences": ["b"], "header_members": members},
        ]})
    };
    for members in [json!(["x5t"]), json!("cat"), json!([])] {
        let config = read(list(members));
        let told: Vec<_> = config.retired.iter().map(|retired| retired.path.as_str()).collect();
        assert_eq!(told, ["POSTERN_ISSUERS[1].header_members"]);
    }
}

// Tests Fetch section "CORS protocol and credentials": no wildcard origin with credentials
#[test]
fn origins_are_exact_and_never_a_wildcard() {
    for origin in [
        "*",
        "null",
        "https://*.example.com",
        "https://app.example.com/",
        "https://app.example.com/x",
        "https://app.example.com:443",
        "https://APP.example.com",
        "app.example.com",
        "https://user@app.example.com",
        "http://app.example.com",
        "HTTPS://app.example.com",
        "capacitor://",
        "capacitor://localhost/",
        "capacitor://localhost?x",
        "capacitor://localhost:",
        "capacitor://localhost:0",
        "capacitor://local host",
        "capacitor:localhost",
        "://localhost",
        "1app://localhost",
        "file://",
        "file://localhost",
        "data://x",
        "chrome-extension://*",
    ] {
        assert_eq!(paths(json!({"CORS_ORIGINS": [origin]})), ["CORS_ORIGINS[0]"], "{origin}");
    }
}

#[test]
fn any_exact_origin_may_be_listed() {
    let origins = [
        "https://app.example.com",
        "https://app.example.com:8443",
        "https://localhost",
        "http://localhost",
        "http://localhost:8100",
        "http://127.0.0.1:5173",
        "http://tauri.localhost",
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
        "app://obsidian.md",
        "capacitor-electron://-",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "moz-extension://0f4c1d6a-5b3e-4f3a-9f6e-1b2c3d4e5f60",
        "safari-web-extension://0F4C1D6A-5B3E-4F3A-9F6E-1B2C3D4E5F60",
    ];
    let routes = json!([{"path": "/a", "service": "ORIGIN", "cors": {"origins": origins}}]);
    let config = read(json!({"CORS_ORIGINS": origins, "ROUTES": routes}));
    assert!(origins.iter().all(|origin| config.cors_origins.contains(*origin)));
}

// Tests RFC 6265bis section 4.1.3: a cookie that its prefix forbids is a mistake in the settings
// Tests RFC 6265bis section 5.1.3: a cookie's domain holds the host that sets it
#[test]
fn a_cookie_that_no_browser_would_keep_is_a_mistake() {
    for domain in [
        "com",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "1.2.3",
        "other.com",
        "xample.com",
        "app.example.com",
        "www.auth.example.com",
        ".example.com",
        "example.com.",
        "Example.com",
        "example.com:443",
        "https://example.com",
    ] {
        assert_eq!(paths(json!({"COOKIE": {"domain": domain}})), ["COOKIE.domain"], "{domain}");
    }
    for path in ["/auth/refresh", "/au", "/Auth", "/auth/x/", "/authority", "auth", "/admin", "/auth;x"] {
        assert_eq!(paths(json!({"COOKIE": {"path": path}})), ["COOKIE.path"], "{path}");
    }
    for name in [
        "__Secure-",
        "__Host-",
        "refresh",
        "__secure-r",
        "__Secure-postern_csrf",
        "__Secure-Postern_Device",
        "__Host-postern_session",
        "__Host-postern_access",
        "__Secure-a b",
    ] {
        let path = if name.starts_with("__Host-") { "/" } else { "/auth" };
        assert_eq!(paths(json!({"COOKIE": {"name": name, "path": path}})), ["COOKIE.name"], "{name}");
    }
    let local =
        json!({"PROFILE": "local", "ISSUER": "http://localhost:8787", "COOKIE": {"domain": "localhost"}});
    assert_eq!(paths(local), ["COOKIE.domain"]);
    for sound in [
        json!({"domain": "example.com"}),
        json!({"domain": "auth.example.com", "path": "/"}),
        json!({"path": "/auth/"}),
        json!({"name": "__Host-r", "path": "/"}),
    ] {
        read(json!({"COOKIE": sound}));
    }
}

#[test]
fn variables_of_others_are_passed_over() {
    let mut vars = vars(json!({}));
    vars.insert("ENVIRONMENT".into(), json!({"any": "thing"}));
    assert!(Config::from_vars(&vars).is_ok());
}

#[test]
fn a_route_table_in_kv_is_named_and_not_read_here() {
    let config = read(json!({"ROUTES": {"kv": "routes:eu"}}));
    let source = config.routes_in_kv.unwrap();
    assert_eq!((source.key.as_str(), source.refresh), ("routes:eu", Duration::from_secs(30)));
    assert!(config.routes.is_empty());
    assert!(read(json!({"ROUTES": []})).routes_in_kv.is_none());
    for (setting, path) in [
        (json!({}), "ROUTES.kv"),
        (json!({"kv": "jwks:x"}), "ROUTES.kv"),
        (json!({"kv": "routes/x"}), "ROUTES.kv"),
        (json!({"kv": "routes", "refresh": 29}), "ROUTES.refresh"),
        (json!({"kv": "routes", "key": "x"}), "ROUTES.key"),
    ] {
        assert_eq!(paths(json!({"ROUTES": setting})), [path]);
    }
}

#[test]
fn wrong_limits_are_all_named_and_off_must_be_said() {
    let found = paths(json!({"LIMITS": {
        "login_account": {"per_minute": 0, "burst": 5},
        "login_ip": "none",
        "login_network": {"per_minute": 5},
        "refresh_ip": 60,
        "account_lock": {"locks": [], "lock_after": 0},
        "ip_lock": {"locks": [0]},
        "accounts_per_network": {"count": 1, "window": 3601},
        "open_without_throttle": ["everything"],
        "hash_queue": 0,
        "coarse_binding": "lower",
        "login_acount": "off",
    }}));
    let expected = [
        "account_lock.lock_after",
        "account_lock.locks",
        "accounts_per_network.count",
        "accounts_per_network.window",
        "coarse_binding",
        "hash_queue",
        "ip_lock.locks[0]",
        "login_account.per_minute",
        "login_acount",
        "login_ip",
        "login_network.burst",
        "open_without_throttle[0]",
        "refresh_ip",
    ];
    assert_eq!(found, expected.map(|name| format!("LIMITS.{name}")));
    assert_eq!(read(json!({"LIMITS": {"login_ip": "off"}})).limits.login_ip, None);
    let defaults = read(json!({})).limits;
    assert_eq!(defaults, read(json!({"LIMITS": {}})).limits);
    assert_eq!((defaults.login_account.unwrap().per_minute, defaults.account_lock.lock_after), (5, 5));
}

#[test]
fn all_limits_are_off_at_one_word_and_only_on_this_machine() {
    let local = read(json!({"PROFILE": "local", "LIMITS": "off"})).limits;
    assert!(local.off && local.refresh_family.is_none());
    assert!(!read(json!({"PROFILE": "local", "LIMITS": {}})).limits.off);
    let refused = mistakes(json!({"LIMITS": "off"}));
    assert_eq!(refused.len(), 1);
    assert!(refused[0].contains("local"), "{refused:?}");
    assert_eq!(paths(json!({"PROFILE": "local", "LIMITS": "none"})), ["LIMITS"]);
}

#[test]
fn one_mistake_neither_hides_others_nor_makes_new_ones() {
    let found = paths(json!({
        "AUDIENCE": "https://api.example.com",
        // Its name is known, whatever else is wrong with it.
        "ISSUERS": [{"issuer": "https://id.example.com", "audiences": []}],
        "COOKIE": {"access": true, "path": "no slash"},
        "ROUTES": [
            {"path": "no slash", "upstream": "https://o.example.com"},
            {"path": "/a", "upstream": "https://o.example.com", "issuers": ["https://id.example.com"]},
            {"path": "/b", "upstream": "https://o.example.com", "token_sources": ["cookie"]},
            {"path": "/c", "upstream": "https://o.example.com", "assertion": {"audience": "https://api.example.com"}},
        ],
    }));
    assert_eq!(found, ["COOKIE.path", "ISSUERS[0].audiences", "ROUTES[0].path", "ROUTES[3].assertion"]);
    // Without the cookie's own mistake the route that needs it is named beside the other.
    let found = paths(json!({"ROUTES": [
        {"path": "no slash", "upstream": "https://o.example.com"},
        {"path": "/b", "upstream": "https://o.example.com", "token_sources": ["cookie"]},
    ]}));
    assert_eq!(found, ["ROUTES[0].path", "ROUTES[1].token_sources"]);
}

#[test]
fn mistakes_about_broader_scopes_are_found() {
    for (table, expected) in [
        (json!({"a": ["b"], "b": ["a"]}), "SCOPE_IMPLIES.a: must not lead back"),
        (json!({"a": "a"}), "SCOPE_IMPLIES.a: must not lead back"),
        (json!({"x": ["a"], "b": ["c"], "a": ["b"], "c": ["a"]}), "SCOPE_IMPLIES.a: must not lead back"),
        (json!({"a": ["b c"]}), "SCOPE_IMPLIES.a[0]: must be visible ASCII"),
        (json!({"a b": ["c"]}), "SCOPE_IMPLIES.a b: the name must be visible ASCII"),
        (json!({"a": []}), "SCOPE_IMPLIES.a: must not be empty"),
        (json!({"a": ["b", "b"]}), "SCOPE_IMPLIES.a[1]: is listed twice"),
        (json!({"a": ["postern:admin"]}), "SCOPE_IMPLIES.a: must not contain the administrators' scope"),
        (json!(["a"]), "SCOPE_IMPLIES: must be an object"),
    ] {
        let found = mistakes(json!({"SCOPE_IMPLIES": table}));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{table}: {found:?}");
    }
    read(json!({"SCOPE_IMPLIES": {"postern:admin": ["a"], "a": ["b", "c"], "b": ["c"]}}));
}

// A path of other calls would take them away.
#[test]
fn the_administrators_path_is_none_of_other_calls() {
    let of_others = ["/auth", "/auth/sessions", "/oauth", "/oauth/token", "/healthz", "/readyz", "/metrics"];
    for path in of_others.into_iter().chain(["/", "admin", "/admin/", "/a/../b", "/A"]) {
        assert_eq!(paths(json!({"ADMIN": {"path": path}})), ["ADMIN.path"], "{path}");
    }
    for path in ["/ops/postern", "/authors"] {
        assert_eq!(read(json!({"ADMIN": {"path": path}})).admin.path, path);
    }
}
