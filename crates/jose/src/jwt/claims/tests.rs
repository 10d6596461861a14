use serde_json::{Value, json};

use super::*;
use crate::jwt::{About, ClaimSource};

fn read(more: &Value, policy: &ValidationPolicy) -> Result<Claims, TokenError> {
    let mut raw = json!({"iss": "https://i.example", "sub": "alice", "aud": "a", "exp": 2, "iat": 1});
    for (name, value) in more.as_object().unwrap() {
        raw[name] = value.clone();
    }
    Claims::read(&raw.as_object().unwrap().into(), policy)
}

fn external() -> ValidationPolicy {
    ValidationPolicy::external("https://i.example", vec!["a".into()])
}

fn own() -> ValidationPolicy {
    ValidationPolicy::own("https://i.example", vec!["a".into()])
}

fn named(names: &[&str]) -> ClaimSource {
    ClaimSource::named(names.iter().copied())
}

/// The claim that is refused, and the setting that says it is read.
fn refused(read: Result<Claims, TokenError>) -> (String, Option<&'static str>) {
    let cause = read.unwrap_err();
    let About::Claim(name) = cause.about() else { panic!("{cause:?}") };
    (name.to_owned(), cause.policy_member())
}

// Tests RFC 7519 section 4: claims that are not understood are ignored
#[test]
fn a_claim_that_nobody_reads_has_any_form_and_counts_as_absent() {
    let plain = read(&json!({}), &external()).unwrap();
    let odd = [
        json!(null),
        json!(7),
        json!(1.5),
        json!(-1),
        json!(true),
        json!({}),
        json!({"a": {"b": [1]}}),
        json!([{"method": "password", "timestamp": 1_790_000_000}]),
        json!([7]),
        json!([null]),
        json!([["a"]]),
    ];
    for name in ["amr", "acr", "sid", "tenant_id", "scope", "roles", "client_id", "rot", "azp", "other"] {
        for value in &odd {
            let read = read(&json!({name: value}), &external()).unwrap();
            assert_eq!(read, plain, "{name} {value}");
        }
    }
    for value in [json!("1790000000"), json!(null), json!(-1), json!({}), json!(u64::MAX)] {
        let read = read(&json!({"auth_time": value}), &external()).unwrap();
        assert_eq!(read, plain, "auth_time {value}");
    }
    // The same forms in a token of our own are none that we write.
    for name in ["amr", "acr", "sid", "tenant_id", "scope", "roles", "client_id", "jti"] {
        assert_eq!(refused(read(&json!({name: {"a": 1}}), &own())), (name.to_owned(), None));
        assert_eq!(refused(read(&json!({name: null}), &own())), (name.to_owned(), None));
    }
}

#[test]
fn rot_is_ours_alone_and_a_fractional_auth_time_is_a_time() {
    assert_eq!(read(&json!({"rot": 7}), &external()).unwrap().rot, None);
    assert_eq!(read(&json!({"rot": 7}), &own()).unwrap().rot, Some(7));
    let at = read(&json!({"auth_time": 1.5}), &external()).unwrap().auth_time;
    assert_eq!(at, Some(Timestamp::from_millis(1500)));
}

// Tests RFC 7519 section 7.2: claims that decide have their form, whoever issued the token
#[test]
fn what_decides_is_refused_by_its_name_whoever_issued_it() {
    for policy in [external(), own()] {
        for (name, value) in [
            ("exp", json!("2")),
            ("exp", json!(null)),
            ("iat", json!("1")),
            ("nbf", json!("1")),
            ("nbf", json!(null)),
            ("nbf", json!(-1)),
            ("iss", json!(7)),
            ("sub", json!(7)),
            ("sub", json!({"id": 7})),
            ("aud", json!({"a": 1})),
            ("aud", json!(["a", 1])),
            ("cnf", json!({"x5t#S256": "AAAA"})),
            ("cnf", json!({})),
            ("cnf", json!("AAAA")),
            ("cnf", json!({"jkt": "AAAA", "x5t#S256": "AAAA"})),
        ] {
            assert_eq!(refused(read(&json!({name: value}), &policy)).0, name, "{value}");
        }
    }
    assert_eq!(read(&json!({"cnf": {"jkt": "AAAA"}}), &external()).unwrap().confirmation.unwrap(), "AAAA");
    assert_eq!(read(&json!({"cnf": null}), &external()).unwrap().confirmation, None);
}

#[test]
fn a_claim_that_the_operator_named_is_refused_by_that_name() {
    let with = |change: fn(&mut ValidationPolicy)| {
        let mut policy = external();
        change(&mut policy);
        policy
    };
    for (policy, claims, expected) in [
        (
            with(|policy| policy.roles_claim = named(&["roles"])),
            json!({"roles": [{"owner": "acme", "name": "editor"}]}),
            ("roles", "roles_claim"),
        ),
        (
            with(|policy| policy.roles_claim = named(&["realm_access.roles"])),
            json!({"realm_access": {"roles": {"editor": true}}}),
            ("realm_access.roles", "roles_claim"),
        ),
        (with(|policy| policy.tenant_claim = named(&["tid"])), json!({"tid": 7}), ("tid", "tenant_claim")),
        (
            with(|policy| policy.client_claim = named(&["azp"])),
            json!({"azp": ["w"]}),
            ("azp", "client_claim"),
        ),
        (with(|policy| policy.subject_claim = named(&["oid"])), json!({"oid": 7}), ("oid", "subject_claim")),
        (
            with(|policy| policy.subject_claim = named(&["oid", "upn"])),
            json!({}),
            ("oid or upn", "subject_claim"),
        ),
        (
            with(|policy| policy.scope_claim = named(&["scp"])),
            json!({"scp": {"a": 1}}),
            ("scp", "scope_claim"),
        ),
        (with(|policy| policy.scope_claim = named(&["scp"])), json!({"scp": "a\nb"}), ("scp", "scope_claim")),
        (
            with(|policy| policy.audience_claim = named(&["azp"])),
            json!({"azp": 7}),
            ("azp", "audience_claim"),
        ),
    ] {
        let (name, setting) = refused(read(&claims, &policy));
        assert_eq!((name.as_str(), setting), (expected.0, Some(expected.1)), "{claims}");
    }
    // Without a value it has none.
    let policy = with(|policy| {
        policy.roles_claim = named(&["groups"]);
        policy.tenant_claim = named(&["tid"]);
        policy.client_claim = named(&["azp"]);
        policy.scope_claim = named(&["scp"]);
    });
    let claims = read(&json!({"groups": null, "tid": null, "azp": null, "scp": null}), &policy).unwrap();
    assert!(claims.roles.is_empty() && claims.scope.is_empty());
    assert_eq!((claims.tenant_id, claims.client_id), (None, None));
}

#[test]
fn the_subject_is_the_first_of_its_claims_that_is_there() {
    let policy = ValidationPolicy { subject_claim: named(&["sub", "oid", "appid"]), ..external() };
    for (claims, subject) in [
        (json!({"oid": "o"}), "alice"),
        (json!({"sub": null, "oid": "o", "appid": "p"}), "o"),
        (json!({"sub": "", "appid": "p"}), "p"),
    ] {
        assert_eq!(read(&claims, &policy).unwrap().sub, subject, "{claims}");
    }
    assert_eq!(refused(read(&json!({"sub": ["alice"], "oid": "o"}), &policy)).0, "sub");
}

#[test]
fn the_audience_is_where_the_issuer_says() {
    let policy = ValidationPolicy { audience_claim: named(&["azp"]), ..external() };
    assert_eq!(read(&json!({"azp": "https://app.example"}), &policy).unwrap().aud, ["https://app.example"]);
    // What `aud` is then, nobody reads.
    assert_eq!(read(&json!({"aud": {"x": 1}}), &policy).unwrap().aud, [""; 0]);
}

// Nothing is guessed.
#[test]
fn the_client_is_what_the_issuers_claims_say() {
    let refused = Err(());
    for (places, token, client) in [
        (&["client_id"][..], json!({"azp": "web"}), Ok(None)),
        (&["azp"], json!({"azp": "web", "client_id": "other"}), Ok(Some("web"))),
        (&["azp"], json!({"client_id": "web"}), Ok(None)),
        (&["azp", "client_id"], json!({"client_id": "web"}), Ok(Some("web"))),
        (&["azp", "client_id"], json!({"azp": "web"}), Ok(Some("web"))),
        (&["azp", "client_id"], json!({"azp": "web", "client_id": "web"}), Ok(Some("web"))),
        (&["azp", "client_id"], json!({"azp": "web", "client_id": "other"}), refused),
        (&["azp", "client_id"], json!({"azp": "", "client_id": "web"}), Ok(Some("web"))),
        (&["azp"], json!({"azp": ["web"]}), refused),
        (&["azp"], json!({"azp": null}), Ok(None)),
        (&["azp"], json!({"azp": "web", "client_id": 7}), Ok(Some("web"))),
    ] {
        let policy = ValidationPolicy { client_claim: named(places), ..external() };
        let read = read(&token, &policy).map(|claims| claims.client_id).map_err(|_| ());
        assert_eq!(read, client.map(|client| client.map(str::to_owned)), "{places:?} {token}");
    }
}

fn roles(token: &Value, policy: &ValidationPolicy) -> Vec<String> {
    read(token, policy).unwrap().roles.into_iter().collect()
}

#[test]
fn roles_of_several_places_are_one_list_without_repetition() {
    let both = ValidationPolicy {
        roles_claim: named(&["realm_access.roles", "/resource_access/my.api/roles"]),
        ..external()
    };
    let token = json!({
        "realm_access": {"roles": ["user", "editor", ""]},
        "resource_access": {"my.api": {"roles": ["editor", "writer"]}, "other": {"roles": ["admin"]}},
        "roles": ["root"],
    });
    assert_eq!(roles(&token, &both), ["editor", "user", "writer"]);
    assert_eq!(roles(&json!({}), &both), [""; 0]);
    let half = json!({"realm_access": {"roles": ["user"]}, "resource_access": {"my.api": {"roles": 1}}});
    assert_eq!(refused(read(&half, &both)).0, "/resource_access/my.api/roles");
}

#[test]
fn roles_as_keys_or_names_are_read_by_setting() {
    let policy = |form| ValidationPolicy { roles_claim: named(&["r"]), roles_form: form, ..external() };
    let keys = policy(RolesForm::Keys);
    let token = json!({"r": {"admin": {"1": "acme.example"}, "reader": true, "writer": false, "gone": null}});
    assert_eq!(roles(&token, &keys), ["admin", "reader"]);
    let names = policy(RolesForm::Names);
    let token = json!({"r": [{"owner": "acme", "name": "editor"}, {"owner": "acme", "name": "reader"}]});
    assert_eq!(roles(&token, &names), ["editor", "reader"]);
    for (policy, odd) in [
        (&keys, json!(["admin"])),
        (&keys, json!("admin")),
        (&names, json!({"name": "editor"})),
        (&names, json!([{"owner": "acme"}])),
        (&names, json!([{"name": 7}])),
        (&names, json!(["editor"])),
    ] {
        assert_eq!(refused(read(&json!({"r": odd}), policy)), ("r".to_owned(), Some("roles_claim")), "{odd}");
    }
}

// Tests RFC 9068 section 2.2.3: the claim scope is a list with single spaces
#[test]
fn scopes_of_other_issuers_are_taken_as_they_write_them() {
    let scope = |value: Value| {
        let read = read(&json!({"scope": value}), &external()).unwrap().scope;
        read.into_iter().collect::<Vec<_>>().join("|")
    };
    assert_eq!(scope(json!("read write")), "read|write");
    assert_eq!(scope(json!(["write", "read", "read"])), "read|write");
    assert_eq!(scope(json!("  read  write ")), "read|write");
    assert_eq!(scope(json!("read größe \"x\"")), "\"x\"|größe|read");
    assert_eq!(scope(json!("")), "");
    // An item that would become two, or a line of its own, makes the whole unreadable.
    assert_eq!(scope(json!(["read admin"])), "");
    assert_eq!(scope(json!("read\nadmin")), "");
    assert_eq!(scope(json!(["read", 7])), "");
    for odd in [json!("read  write"), json!("read größe"), json!(["read admin"])] {
        assert_eq!(refused(read(&json!({"scope": odd}), &own())).0, "scope");
    }
}

// Tests RFC 9068 section 2.2: jti is required where the profile is asked for
#[test]
fn jti_may_be_a_number_and_decides_where_rfc_9068_is_asked_for() {
    let strict = ValidationPolicy { rfc9068: true, ..external() };
    for policy in [external(), strict.clone()] {
        assert_eq!(read(&json!({"jti": 7}), &policy).unwrap().jti.as_deref(), Some("7"));
    }
    assert_eq!(read(&json!({"jti": {"a": 1}}), &external()).unwrap().jti, None);
    assert_eq!(refused(read(&json!({"jti": {"a": 1}}), &strict)), ("jti".to_owned(), Some("typ")));
}
