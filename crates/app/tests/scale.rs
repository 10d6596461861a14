//! docs/reference/scaling.md says what the simulator says, and the simulator counts what the objects do.

#[path = "../../../examples/scale/model.rs"]
mod model;

use std::{fs, path::Path};

use pollster::block_on;
use postern_app::{
    abuse::{Claim, Pardon, Rate, Throttle, ThrottleRequest},
    account::{
        Account, AccountRequest,
        memory::{ORDINARY_SECRET, ordinary_sign_in},
    },
    ids::FamilyId,
    ports::{Records as _, memory::MemoryRecords},
    refresh::{Context, Limits, Presented, Revocation, SecretHash},
    revocation::{FeedCopy, FeedPolicy, OWN_HORIZON, memory::MemoryFeed},
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const FAMILY: FamilyId = FamilyId::from_bytes([1; 16]);

#[test]
fn the_page_on_scaling_quotes_what_the_simulator_prints() {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/scaling.md"))
            .unwrap();
    let quoted = page.split("<!-- cargo run --example scale: begin -->\n").nth(1).unwrap();
    let quoted = quoted.split("<!-- cargo run --example scale: end -->").next().unwrap();
    let printed = model::tables(&model::SIZES, &model::Habits::default());
    assert_eq!(quoted.trim(), printed.trim(), "`make scale` puts it there");
}

fn open() -> AccountRequest {
    ordinary_sign_in(FAMILY, 50, NOW)
}

/// Rows that `work` writes.
fn writes(records: &MemoryRecords, work: impl FnOnce()) -> f64 {
    let before = records.writes();
    work();
    f64::from(u32::try_from(records.writes() - before).unwrap())
}

fn take(records: &MemoryRecords, rows: &[&str]) -> f64 {
    let claims = rows
        .iter()
        .map(|row| Claim {
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
fn a_refresh_writes_as_many_rows_as_the_simulator_counts() {
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
    assert!((rows - model::REFRESH.rows_written).abs() < 0.5, "{rows}");
}

#[test]
fn a_sign_in_writes_as_many_rows_as_the_simulator_counts() {
    let (throttle, records) = (MemoryRecords::default(), MemoryRecords::default());
    let account = Account::new(records.clone());
    // Not the first of the account: that one writes the account's own record too.
    account.serve(&open(), NOW);
    records.remove("family", &FAMILY.to_string()).unwrap();
    let rows = take(&throttle, &["7", "known"])
        + take(&throttle, &["device", "devices"])
        + writes(&throttle, || {
            let pardons = ["device", "devices"].map(|row| Pardon { row: row.into(), ..Pardon::default() });
            let pardons = pardons.to_vec();
            Throttle::new(throttle.clone()).serve(&ThrottleRequest::Forgive { pardons }, NOW);
        })
        + writes(&records, || {
            account.serve(&open(), NOW);
        });
    // The object sets its alarm besides, which is billed as a row.
    assert!((rows + 1.0 - model::SIGN_IN.rows_written).abs() < 0.5, "{rows}");
}

#[test]
fn a_logout_writes_as_many_rows_as_the_simulator_counts() {
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
    let told = f64::from(u32::try_from(feed.records.writes()).unwrap());
    // Two alarms of the account, and the entry that goes again; the feed's own alarms serve many.
    assert!((rows + told + 3.0 - model::LOGOUT.rows_written).abs() < 0.5, "{rows} and {told}");
}

#[test]
fn what_is_stored_is_as_large_as_the_simulator_says() {
    let records = MemoryRecords::default();
    Account::new(records.clone()).serve(&open(), NOW);
    let bytes = |kind: &str| -> usize {
        records.snapshot().iter().filter(|((of, _), _)| of == kind).map(|(_, record)| record.len()).sum()
    };
    let family = f64::from(u32::try_from(bytes("family")).unwrap());
    assert!((0.6..1.0).contains(&(family / model::FAMILY_BYTES)), "{family}");

    let (listed, until) = (10_000_u64, NOW.plus(core::time::Duration::from_mins(10)));
    let feed = FeedCopy::new(NOW, None, (0..listed).map(|mark| (mark, until)), core::iter::empty());
    let entry = f64::from(u32::try_from(feed.encode().len()).unwrap()) / 1e4;
    assert!((entry - model::ENTRY_BYTES).abs() < 0.1, "{entry}");
    assert!((OWN_HORIZON.as_secs_f64() - model::LISTED_SECONDS).abs() < 0.5);
}
