use clap::Parser;
use serde_json::json;

use super::{super::options::renamed, *};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    import: Import,
}

fn row(arguments: &[&str], record: &Value) -> Value {
    let line = Line::parse_from(["import", "users.csv"].iter().chain(arguments));
    of(&line.import, record.as_object().unwrap().clone())
}

#[test]
fn fields_of_text_become_what_the_api_takes() {
    let record = json!({
        "login": "a@example.com", "password_hash": "$2b$x", "scopes": "a  b", "roles": "[\"head clerk\"]",
        "email_verified": "TRUE", "disabled": "0", "created_at": "2020-09-13T12:26:40Z",
    });
    let expected = json!({
        "login": "a@example.com", "password_hash": "$2b$x", "scopes": ["a", "b"], "roles": ["head clerk"],
        "email_verified": true, "disabled": false, "created_at": 1_600_000_000,
    });
    assert_eq!(row(&[], &record), expected);
    for (time, seconds) in [
        (json!("1600000000"), json!(1_600_000_000)),
        (json!(1_600_000_000_123_u64), json!(1_600_000_000)),
        (json!(1_600_000_000.25), json!(1_600_000_000)),
        (json!("2020-09-13 14:26:40+02:00"), json!(1_600_000_000)),
        // What is no time goes as it is, and is refused by its name.
        (json!("last year"), json!("last year")),
        (json!(-1), json!(-1)),
    ] {
        assert_eq!(row(&[], &json!({ "created_at": time }))["created_at"], seconds, "{time}");
    }
}

// Defaults too.
#[test]
fn members_are_renamed_or_left_out_only_on_request() {
    let record = json!({ "mail": "a@example.com", "hash": "$2b$x", "shoe_size": 44, "scopes": "own" });
    assert_eq!(row(&[], &record)["shoe_size"], 44);
    let arguments = [
        "--field",
        "login=mail",
        "--field",
        "password_hash=hash",
        "--ignore-other",
        "--scope",
        "s",
        "--role",
        "r",
        "--tenant",
        "t",
    ];
    assert_eq!(
        row(&arguments, &record),
        json!({ "login": "a@example.com", "password_hash": "$2b$x", "scopes": ["own"], "roles": ["r"], "tenant_id": "t" })
    );
    assert!(renamed("shoes=size").is_err() && renamed("login").is_err());
}

#[test]
fn an_unusable_hash_is_dropped_only_on_request() {
    let record = json!({ "login": "a", "password_hash": "md5" });
    assert_eq!(row(&[], &record)["password_hash"], "md5");
    assert_eq!(row(&["--without-password"], &record)["password_hash"], Value::Null);
    assert_eq!(
        row(&["--without-password"], &json!({ "login": "a" })),
        json!({ "login": "a", "password_hash": null })
    );
}

#[test]
fn exports_of_other_products_are_read() {
    let auth0 = json!({
        "_id": { "$oid": "60425dc43519d90068f82973" }, "email_verified": false, "email": "test2@example.com",
        "passwordHash": "$2b$10$Z6hUTEEeoJXN5/AmSm/4.eZ75RYgFVriQM9LPhNEC7kbAbS/VAaJ2", "password_set_date": { "$date": "2021-03-05T16:35:16.775Z" },
        "tenant": "dev-rwsbs6ym", "connection": "Username-Password-Authentication", "_tmp_is_unique": true,
    });
    assert_eq!(
        row(&["--from", "auth0"], &auth0),
        json!({ "login": "test2@example.com", "email_verified": false, "password_hash": auth0["passwordHash"] })
    );
    let keycloak = json!({
        "id": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "createdTimestamp": 1_600_000_000_123_u64, "username": "ann", "enabled": false,
        "emailVerified": true, "email": "ann@example.com", "realmRoles": ["clerk"], "totp": false,
        "credentials": [{
            "type": "password",
            "secretData": "{\"value\":\"R1pQc3RnUGtzUDRua2N1Qy9PRzQ5UQ==\",\"salt\":\"MDEyMzQ1Njc4OWFiY2RlZg==\",\"additionalParameters\":{}}",
            "credentialData": "{\"hashIterations\":5,\"algorithm\":\"argon2\",\"additionalParameters\":{\"hashLength\":[\"32\"],\"memory\":[\"7168\"],\"type\":[\"id\"],\"version\":[\"1.3\"],\"parallelism\":[\"1\"]}}",
        }],
    });
    let read = row(&["--from", "keycloak"], &keycloak);
    let hash = "$argon2id$v=19$m=7168,t=5,p=1$MDEyMzQ1Njc4OWFiY2RlZg$R1pQc3RnUGtzUDRua2N1Qy9PRzQ5UQ";
    assert_eq!(
        read,
        json!({
            "login": "ann@example.com", "sub": keycloak["id"], "password_hash": hash, "roles": ["clerk"],
            "email_verified": true, "disabled": true, "created_at": 1_600_000_000,
        })
    );
    let now = Timestamp::from_seconds(1_700_000_000);
    assert!(
        postern_app::identity::import::ImportRow::parse(&read, &postern_app::identity::UnicodeTables, now)
            .is_ok()
    );
    let mut older = keycloak;
    older["credentials"][0]["credentialData"] =
        json!("{\"hashIterations\":210000,\"algorithm\":\"pbkdf2-sha512\"}");
    assert_eq!(row(&["--from", "keycloak"], &older)["password_hash"], "pbkdf2-sha512");

    let firebase = json!({
        "localId": "x", "email": "bob@example.com", "emailVerified": true, "passwordHash": "bG9uZw==", "salt": "c2FsdA==",
        "createdAt": "1600000000123", "disabled": false,
    });
    assert_eq!(
        row(&["--from", "firebase", "--without-password"], &firebase),
        json!({ "login": "bob@example.com", "password_hash": null, "email_verified": true, "disabled": false, "created_at": 1_600_000_000 })
    );
    let cognito = json!({
        "Username": "carol", "Enabled": true, "UserStatus": "CONFIRMED", "UserCreateDate": "2020-09-13T12:26:40.123000+00:00",
        "Attributes": [{ "Name": "sub", "Value": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6" }, { "Name": "email_verified", "Value": "true" }],
    });
    assert_eq!(
        row(&["--from", "cognito", "--without-password"], &cognito),
        json!({
            "login": "carol", "password_hash": null, "sub": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "email_verified": true,
            "disabled": false, "created_at": 1_600_000_000,
        })
    );
}
