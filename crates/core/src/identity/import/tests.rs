use serde_json::json;

use super::{super::UnicodeTables, *};

const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuuzXFhI8CCMZFFp9yCLKzsmzGDY5JHJnG";
const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn parse(row: &Value) -> Result<ImportRow, RowError> {
    ImportRow::parse(row, &UnicodeTables, NOW)
}

fn masters(secret: u8) -> Masters {
    Masters::new(Master::derive(secret, &[secret; 32]).unwrap(), Vec::new())
}

struct Zeros;

impl Randomness for Zeros {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        buffer.fill(0);
        Ok(())
    }
}

fn user(row: &Value) -> User {
    parse(row).unwrap().user(NOW, HashParameters::default(), &masters(7), &Zeros).unwrap().unwrap()
}

#[test]
fn a_row_becomes_the_user_that_it_says() {
    let made = user(&json!({
        "login": " Ann@Example.com", "password_hash": BCRYPT, "sub": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "scopes": ["read:orders", "read:orders"], "roles": ["head clerk"], "tenant_id": "acme",
        "email_verified": true, "disabled": true, "created_at": 1_600_000_000,
    }));
    assert_eq!(made.login.as_str(), "ann@example.com");
    assert_eq!(made.account.to_string(), "-B1Prn3sEdCnZQCgyR5r9g");
    assert_eq!(made.password_hash.as_str(), BCRYPT);
    assert_eq!(
        (made.grants.scopes, made.grants.roles),
        (vec!["read:orders".to_owned()], vec!["head clerk".to_owned()])
    );
    assert_eq!((made.email_verified, made.disabled), (true, true));
    assert_eq!(made.created_at.seconds(), 1_600_000_000);
    assert_eq!(user(&json!({ "login": "a", "password_hash": BCRYPT })).created_at, NOW);
}

// No value of the row.
#[test]
fn each_mistake_has_code_and_member_but_no_value() {
    let sound = json!({ "login": "ann@example.com", "password_hash": BCRYPT });
    let with = |name: &str, value: Value| {
        let mut row = sound.clone();
        row[name] = value;
        row
    };
    let costly = BCRYPT.replace("$04$", "$15$");
    for (row, code, field) in [
        (json!("ann"), "not_an_object", None),
        (with("pasword_hash", json!(1)), "unknown_member", Some("pasword_hash")),
        (json!({ "password_hash": BCRYPT }), "missing_member", Some("login")),
        (json!({ "login": "ann@example.com" }), "missing_member", Some("password_hash")),
        (with("login", json!(7)), "invalid_member", Some("login")),
        (with("login", json!("a b")), "invalid_login", Some("login")),
        (with("password_hash", json!("")), "invalid_hash", Some("password_hash")),
        (with("password_hash", json!("hunter2 in clear")), "invalid_hash", Some("password_hash")),
        (
            with("password_hash", json!("5f4dcc3b5aa765d61d8327deb882cf99")),
            "invalid_hash",
            Some("password_hash"),
        ),
        (with("password_hash", json!(costly)), "hash_too_costly", Some("password_hash")),
        (with("sub", json!("auth0|507f1f77bcf86cd799439011")), "invalid_member", Some("sub")),
        (with("scopes", json!("read:orders")), "invalid_member", Some("scopes")),
        (with("scopes", json!(["postern:admin"])), "admin_scope", Some("scopes")),
        (with("roles", json!([""])), "invalid_member", Some("roles")),
        (with("tenant_id", json!(7)), "invalid_member", Some("tenant_id")),
        (with("email_verified", json!("true")), "invalid_member", Some("email_verified")),
        (with("disabled", json!(0)), "invalid_member", Some("disabled")),
        (with("created_at", json!(1_700_000_001)), "invalid_member", Some("created_at")),
        (with("created_at", json!(-1)), "invalid_member", Some("created_at")),
    ] {
        let error = parse(&row).unwrap_err();
        assert_eq!((error.code(), error.field()), (code, field), "{row}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[test]
fn the_same_row_is_recognised_and_another_users_is_not() {
    let row = parse(&json!({ "login": "ann@example.com", "password_hash": BCRYPT })).unwrap();
    let own = row.user(NOW, HashParameters::default(), &masters(7), &Zeros).unwrap().unwrap().account;
    let holder = |account| vec![(account, "ann@example.com".to_owned())];
    assert_eq!(row.found(&holder(own), &masters(7)), Ok(own));
    // After a change of the master secret too, as long as the former one is in force.
    let both = Masters::new(Master::derive(8, &[8; 32]).unwrap(), vec![Master::derive(7, &[7; 32]).unwrap()]);
    assert_eq!(row.found(&holder(own), &both), Ok(own));
    assert_eq!(row.found(&holder(AccountId::from_bytes([1; 16])), &masters(7)), Err(RowError::LoginTaken));
    // The same login with another password is another row: one of the two must not vanish unseen.
    let other = BCRYPT.replace("$2b$", "$2y$");
    let other = parse(&json!({ "login": "ann@example.com", "password_hash": other })).unwrap();
    assert_eq!(other.found(&holder(own), &masters(7)), Err(RowError::LoginTaken));
    let given = json!({ "login": "bob@example.com", "password_hash": BCRYPT, "sub": own.to_string() });
    assert_eq!(
        parse(&given).unwrap().found(&[(own, "ann@example.com".into())], &masters(7)),
        Err(RowError::UserIdTaken)
    );
}

#[test]
fn an_import_cannot_plant_a_hash_that_would_stop_every_sign_in() {
    let hash = "$argon2id$v=19$m=8,t=1,p=1,keyid=CQ$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA";
    let row = parse(&json!({ "login": "ann@example.com", "password_hash": hash })).unwrap();
    let made = |masters| row.user(NOW, HashParameters::default(), &masters, &Zeros).unwrap();
    assert_eq!(made(masters(7)).unwrap_err(), RowError::UnknownMaster);
    assert!(made(masters(9)).is_ok());
}

#[test]
fn a_user_without_a_password_gets_a_hash_that_reads_back() {
    let made = user(&json!({ "login": "ann@example.com", "password_hash": null }));
    assert_eq!(PasswordHash::parse(made.password_hash.as_str()), Ok(made.password_hash.clone()));
    assert_eq!(made.password_hash.master(), None);
}

#[test]
fn derived_ids_format_unchanged() {
    let made = user(&json!({ "login": "ann@example.com", "password_hash": BCRYPT }));
    assert_eq!(made.account.to_string(), "1bAKifjhXyr3TWbK4XckiA");
}
