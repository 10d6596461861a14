use core::time::Duration;

use super::*;
use crate::{
    ports::memory::MemoryRecords,
    refresh::{
        Binding, Context, DriftPolicy, EndReason, FamilyKind, Grant, Lifetimes, NewFamily, SecretHash,
    },
};

const ID: FamilyId = FamilyId::from_bytes([5; 16]);

fn family() -> Family {
    let opening = NewFamily {
        grant: Grant {
            subject: "alice".to_owned(),
            client_id: "app".to_owned(),
            scope: "read:orders".to_owned(),
            roles: vec!["admin".to_owned()],
            tenant_id: Some("acme".to_owned()),
            amr: vec!["pwd".to_owned()],
            auth_time: Timestamp::from_seconds(1000),
        },
        lifetimes: Lifetimes { idle: Duration::from_mins(1), absolute: Duration::from_mins(2) },
        drift: DriftPolicy::Log,
        kind: FamilyKind::Session,
        binding: Some(Binding([2; 32])),
        device_name: Some("Alice's phone".to_owned()),
        context: Context::new(Some("192.0.2.7"), Some("CH"), "Acme/7.1"),
        secret_hash: SecretHash([1; 32]),
        master: 3,
    };
    Family::open(opening, Timestamp::from_seconds(1000))
}

fn written(family: Family) -> String {
    let records = MemoryRecords::default();
    Store(&records).write_family(ID, &StoredFamily { epoch: 4, family }).unwrap();
    records.read("family", "BQUFBQUFBQUFBQUFBQUFBQ").unwrap().unwrap()
}

#[test]
fn family_record_format_unchanged() {
    assert_eq!(
        written(family()),
        concat!(
            r#"{"v":1,"record":{"epoch":4,"family":{"grant":{"subject":"alice","client_id":"app","#,
            r#""scope":"read:orders","roles":["admin"],"tenant_id":"acme","amr":["pwd"],"auth_time":1000000},"#,
            r#""lifetimes":{"idle":60000,"absolute":120000},"#,
            r#""binding":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI","device_name":"Alice's phone","#,
            r#""created_at":1000000,"seen_at":1000000,"#,
            r#""context":{"ip":"192.0.2.7","country":"CH","user_agent":"Acme/7.1"},"#,
            r#""rotation_count":0,"rotated_at":1000000,"#,
            r#""state":{"alive":{"secret_hash":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","master":3,"#,
            r#""receipt":"unconfirmed","late_retries":0,"late_only_rotations":0}}}}}"#
        )
    );
    let text = written(family().confirm(0, Timestamp::from_seconds(1001)));
    assert!(text.contains(r#""receipt":{"confirmed":{"at":1001000}},"late"#), "{text}");
    let ended = family().ended(EndReason::Reuse { distance: 2 }, Timestamp::from_seconds(1001));
    let text = written(ended);
    assert_eq!(
        text.split_once(r#""state":"#).unwrap().1,
        r#"{"ended":{"reason":{"reuse":{"distance":2}},"at":1001000}}}}}"#
    );
}

#[test]
fn family_record_with_a_pace_format_unchanged() {
    let mut family = family();
    let rate = crate::rate::Rate::new(60, 60);
    family.pace = rate.take(family.pace, Timestamp::from_seconds(1000)).unwrap();
    let text = written(family);
    assert!(text.contains(r#""rotated_at":1000000,"pace":1001000000,"state""#), "{text}");
}

#[test]
fn meta_record_format_unchanged() {
    let records = MemoryRecords::default();
    let mut meta = Meta { subject: "alice".to_owned(), epoch: 0, revoked_all: None, fence: 0 };
    Store(&records).write_meta(&meta).unwrap();
    assert_eq!(
        records.read("account", "meta").unwrap().unwrap(),
        r#"{"v":1,"record":{"subject":"alice","epoch":0}}"#
    );
    meta.epoch = 1;
    meta.revoked_all = Some(RevokedAll { at: Timestamp::from_seconds(9), by: Revocation::PasswordChanged });
    Store(&records).write_meta(&meta).unwrap();
    assert_eq!(
        records.read("account", "meta").unwrap().unwrap(),
        r#"{"v":1,"record":{"subject":"alice","epoch":1,"revoked_all":{"at":9000,"by":"password_changed"}}}"#
    );
    assert_eq!(Store(&records).meta().unwrap(), Some(meta.clone()));
    meta.fence = 3;
    Store(&records).write_meta(&meta).unwrap();
    assert!(records.read("account", "meta").unwrap().unwrap().ends_with(r#","fence":3}}"#));
    assert_eq!(Store(&records).meta().unwrap(), Some(meta));
}

#[test]
fn a_family_survives_its_record() {
    let records = MemoryRecords::default();
    let stored = StoredFamily { epoch: 4, family: family() };
    Store(&records).write_family(ID, &stored).unwrap();
    assert_eq!(Store(&records).family(ID).unwrap(), Some(stored.clone()));
    assert_eq!(Store(&records).families().unwrap(), [(ID, stored)]);
}

#[test]
fn a_newer_or_damaged_record_is_a_fault_and_no_absence() {
    let records = MemoryRecords::default();
    let good = written(family());
    for bad in [good.replace(r#"{"v":1"#, r#"{"v":2"#), good.replace("alive", "zombie"), "{".to_owned()] {
        records.write("family", &ID.to_string(), &bad).unwrap();
        assert_eq!(Store(&records).family(ID).unwrap_err().part, Component::Storage, "{bad}");
    }
}
