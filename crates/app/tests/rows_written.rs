//! How many rows each call writes in the objects: the platform bills a row, and docs/reference/scaling.md
//! multiplies these numbers. A change here changes what a deployment costs.

use pollster::block_on;
use postern_app::{
    account::{
        Account, AccountRequest,
        memory::{ORDINARY_SECRET, ordinary_sign_in},
    },
    ids::FamilyId,
    ports::{Records as _, memory::MemoryRecords},
    rate::Rate,
    refresh::{Context, Limits, Presented, Revocation, SecretHash},
    revocation::{FeedCopy, FeedPolicy, OWN_HORIZON, memory::MemoryFeed},
    time::Timestamp,
};
use postern_core::throttle::{Charge, Refund, Throttle, ThrottleRequest};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const FAMILY: FamilyId = FamilyId::from_bytes([1; 16]);

fn open() -> AccountRequest {
    ordinary_sign_in(FAMILY, 50, NOW)
}

/// Rows that `work` writes.
fn writes(records: &MemoryRecords, work: impl FnOnce()) -> u64 {
    let before = records.writes();
    work();
    records.writes() - before
}

fn take(records: &MemoryRecords, rows: &[&str]) -> u64 {
    let claims = rows
        .iter()
        .map(|row| Charge {
            row: (*row).to_owned(),
            bucket: "login".into(),
            rate: Some(Rate::new(60, 60)),
            ladder: None,
            spread: None,
            one: String::new(),
        })
        .collect();
    writes(records, || {
        Throttle::new(records.clone()).serve(&ThrottleRequest::Take { claims }, NOW);
    })
}

#[test]
fn a_refresh_writes_four_rows() {
    let (throttle, records) = (MemoryRecords::default(), MemoryRecords::default());
    let account = Account::new(records.clone());
    account.serve(&open(), NOW);
    let presented = Presented {
        rotation_count: 0,
        secret_hash: ORDINARY_SECRET.hash(),
        successor_hash: SecretHash([8; 32]),
        next_master: 1,
        client_id: None,
        binding: None,
    };
    let later = NOW.plus(core::time::Duration::from_mins(10));
    let rows = take(&throttle, &["203.0.113.7", "network"])
        + writes(&records, || {
            let rotate = AccountRequest::Rotate {
                family: FAMILY,
                presented,
                limits: Limits::default(),
                context: Context::default(),
            };
            account.serve(&rotate, later);
        })
        + writes(&records, || {
            account.serve(&AccountRequest::Confirm { family: FAMILY, rotation_count: 1 }, later);
        });
    assert_eq!(rows, 4);
}

#[test]
fn a_sign_in_writes_nine_rows() {
    let (throttle, records) = (MemoryRecords::default(), MemoryRecords::default());
    let account = Account::new(records.clone());
    // Not the first of the account: that one writes the account's own record too.
    account.serve(&open(), NOW);
    records.remove("family", &FAMILY.to_string()).unwrap();
    let rows = take(&throttle, &["7", "known"])
        + take(&throttle, &["device", "devices"])
        + writes(&throttle, || {
            let pardons = ["device", "devices"].map(|row| Refund { row: row.into(), ..Refund::default() });
            let pardons = pardons.to_vec();
            Throttle::new(throttle.clone()).serve(&ThrottleRequest::Forgive { pardons }, NOW);
        })
        + writes(&records, || {
            account.serve(&open(), NOW);
        });
    // The object sets its alarm besides, which is billed as a row.
    assert_eq!(rows + 1, 9);
}

#[test]
fn a_logout_writes_nine_rows() {
    let records = MemoryRecords::default();
    let feed = MemoryFeed::new(FeedPolicy::default());
    feed.now.set(NOW);
    let account = Account::new(records.clone());
    account.serve(&open(), NOW);
    let rows = writes(&records, || {
        account.serve(&AccountRequest::Revoke { family: FAMILY, reason: Revocation::Logout }, NOW);
    }) + writes(&records, || {
        block_on(account.alarm(NOW, &feed));
    });
    // Two alarms of the account, and the entry that goes again; the feed's own alarms serve many.
    assert_eq!(rows + feed.records.writes() + 3, 9);
}

// The page on scaling reckons with 1 000 bytes, SQLite's own overhead included.
#[test]
fn a_family_is_stored_in_less_than_1000_bytes() {
    let records = MemoryRecords::default();
    Account::new(records.clone()).serve(&open(), NOW);
    let families = records.snapshot().into_iter().filter(|((kind, _), _)| kind == "family");
    let bytes: usize = families.map(|(_, record)| record.len()).sum();
    assert!((600..1000).contains(&bytes), "{bytes}");
}

#[test]
fn an_entry_of_the_revocation_feed_takes_16_bytes() {
    let (listed, until) = (10_000_u64, NOW.plus(core::time::Duration::from_mins(10)));
    let feed = FeedCopy::new(NOW, None, (0..listed).map(|mark| (mark, until)), core::iter::empty());
    assert_eq!(feed.encode().len() / 10_000, 16);
    assert_eq!(OWN_HORIZON, core::time::Duration::from_mins(18));
}
