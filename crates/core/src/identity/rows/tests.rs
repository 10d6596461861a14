use super::{super::Grants, *};

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1,keyid=AQ$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_456);

fn row() -> UserRow {
    UserRow {
        account_id: "bG9jYWwtdXNlci1hbGljZQ".into(),
        login: "alice@example.com".into(),
        password_hash: HASH.into(),
        scopes: r#"["read:orders","write:orders"]"#.into(),
        roles: "[]".into(),
        tenant_id: Some("acme".into()),
        disabled: 0,
        email_verified: 1,
        created_at: 1_700_000_000_123,
        credential_version: 4,
    }
}

#[test]
fn user_row_format_unchanged() {
    let stored = r#"{"account_id":"bG9jYWwtdXNlci1hbGljZQ","login":"alice@example.com","password_hash":"HASH","scopes":"[\"read:orders\",\"write:orders\"]","roles":"[]","tenant_id":"acme","disabled":0,"email_verified":1,"created_at":1700000000123,"credential_version":4}"#
        .replace("HASH", HASH);
    assert_eq!(serde_json::to_string(&row()).unwrap(), stored);
    let user = serde_json::from_str::<UserRow>(&stored).unwrap().into_user().unwrap();
    assert_eq!(user.grants.scopes, ["read:orders", "write:orders"]);
    assert_eq!(user.grants.tenant_id.as_deref(), Some("acme"));
    assert!(user.email_verified && !user.disabled);
    assert!(UserRow::from(&user) == row());
}

#[test]
fn a_broken_column_is_a_fault_that_shows_no_value() {
    type Spoil = fn(&mut UserRow);
    let breaks: [(&str, Spoil); 5] = [
        ("account_id", |row| row.account_id = "x".into()),
        ("login", |row| row.login = "Alice@example.com".into()),
        ("scopes", |row| row.scopes = "read".into()),
        ("scopes", |row| row.scopes = "[1]".into()),
        ("roles", |row| row.roles = "{}".into()),
    ];
    for (column, spoil) in breaks {
        let mut row = row();
        spoil(&mut row);
        let fault = row.into_user().unwrap_err();
        assert_eq!(fault.part, Component::Database);
        assert!(fault.cause.contains(column), "{fault}");
        assert!(!fault.cause.contains("lice@"), "{fault}");
    }
}

#[test]
fn every_placeholder_of_a_statement_has_its_value() {
    let user = row().into_user().unwrap();
    let roles = vec!["quote\"d".into()];
    let new = User {
        grants: Grants { scopes: user.grants.scopes.clone(), roles, tenant_id: None },
        disabled: true,
        email_verified: false,
        ..user.clone()
    };
    let grants = Grants { scopes: vec!["a".into()], roles: Vec::new(), tenant_id: None };
    let hash = user.password_hash.clone();
    for statement in [
        find_by_login(&user.login),
        find(user.account),
        insert(&new),
        replace_password_hash(user.account, &user.password_hash, &user.password_hash),
        insert_all(&[new.clone(), new.clone()]),
        holders(&[new.clone(), new.clone()]),
        change(user.account, &UserChange::Password { credential_version: 3, hash }, NOW),
        change(user.account, &UserChange::Disabled(true), NOW),
        change(user.account, &UserChange::Grants { credential_version: 3, grants }, NOW),
        change(user.account, &UserChange::EmailVerified, NOW),
        remove(user.account),
        list(&UserQuery::default()),
        list(&UserQuery { contains: "ali".into(), ..UserQuery::default() }),
    ] {
        let count = statement.values.len();
        assert!(statement.sql.contains(&format!("?{count}")), "{statement:?}");
        assert!(!statement.sql.contains(&format!("?{}", count + 1)), "{statement:?}");
    }
    let values = insert(&new).values;
    assert_eq!(values[4], SqlValue::Text(r#"["quote\"d"]"#.into()));
    assert_eq!(values[5], SqlValue::Null);
    assert_eq!(values[6..8], [SqlValue::Integer(1), SqlValue::Integer(0)]);
    assert_eq!(values[8], SqlValue::Integer(1_700_000_000_123));
}

#[test]
fn ids_are_read_only_for_what_can_be_a_part_of_one() {
    for (contains, login, id) in
        [("Ali@E", "ali@e", ""), ("alice", "alice", "alice"), ("abc", "abc", ""), ("É-_A9x", "é-_a9x", "")]
    {
        let values = list(&UserQuery { contains: contains.into(), ..UserQuery::default() }).values;
        assert_eq!(values[3..], [SqlValue::Text(login.into()), SqlValue::Text(id.into())], "{contains}");
    }
}

// It stays within the prefix.
#[test]
fn a_page_of_users_begins_after_the_last_one() {
    let bounds = |prefix: &str, after: Option<&str>| {
        let after = after.map(|login| Login::from_stored(login).unwrap());
        let statement = list(&UserQuery { prefix: prefix.into(), after, limit: 10, ..UserQuery::default() });
        let [SqlValue::Text(from), SqlValue::Text(to), SqlValue::Integer(10)] = &statement.values[..] else {
            panic!("{statement:?}")
        };
        (from.clone(), to.clone())
    };
    assert_eq!(bounds("", None), (String::new(), "\u{10ffff}".into()));
    assert_eq!(bounds("al", None), ("al".into(), "al\u{10ffff}".into()));
    assert_eq!(bounds("al", Some("alice")), ("alice\u{1}".into(), "al\u{10ffff}".into()));
}

#[test]
fn every_column_of_the_migration_is_read() {
    let migration = include_str!("../../../../../migrations/0001_users.sql");
    let columns: Vec<&str> = migration
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(columns.len(), 10);
    let row = serde_json::to_value(row()).unwrap();
    for column in columns {
        assert!(
            [FIND, FIND_BY_LOGIN, LIST, LIST_CONTAINING].iter().all(|sql| sql.contains(column)),
            "{column}"
        );
        assert!(row.get(column).is_some(), "{column}");
    }
}
