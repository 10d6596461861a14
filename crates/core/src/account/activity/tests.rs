use super::*;
use crate::{
    account::{Account, AccountAnswer, AccountRequest, AlarmAction},
    ports::memory::MemoryRecords,
};

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn object() -> Account<MemoryRecords> {
    Account::new(MemoryRecords::default())
}

fn note(object: &Account<MemoryRecords>, kind: ActivityKind, at: Timestamp) {
    let ask = AccountRequest::Note { kind, family: None, context: Context::default() };
    assert_eq!(object.serve(&ask, at).answer, AccountAnswer::Confirmed);
}

fn entries(object: &Account<MemoryRecords>, now: Timestamp) -> Vec<ActivityEntry> {
    list(&Store(object.records()), now).unwrap()
}

fn kinds(object: &Account<MemoryRecords>, now: Timestamp) -> Vec<(ActivityKind, u32)> {
    let entries = entries(object, now);
    entries.iter().map(|entry| (entry.kind, entry.times)).collect()
}

#[test]
fn the_newest_hundred_entries_are_kept_newest_first() {
    let object = object();
    for second in 0..110 {
        note(&object, ActivityKind::SignedOut, START.plus(Duration::from_secs(second)));
    }
    let now = START.plus(Duration::from_secs(110));
    let entries = entries(&object, now);
    assert_eq!(entries.len(), 100);
    assert_eq!(entries[0].at, START.plus(Duration::from_secs(109)));
    assert!(entries.is_sorted_by_key(|entry| core::cmp::Reverse(entry.at)));
    assert_eq!(object.records().snapshot().len(), 100);
}

#[test]
fn guessing_passwords_does_not_push_the_owners_entries_out() {
    let object = object();
    note(&object, ActivityKind::PasswordChanged, START);
    for second in 0..2_000 {
        note(&object, ActivityKind::SignInRefused, START.plus(Duration::from_secs(second)));
    }
    let now = START.plus(Duration::from_secs(2_000));
    assert_eq!(
        kinds(&object, now),
        [(ActivityKind::SignInRefused, 2_000), (ActivityKind::PasswordChanged, 1)]
    );
    // Two days later it is news again.
    let later = now.plus(Duration::from_hours(48));
    note(&object, ActivityKind::SignInRefused, later);
    assert_eq!(
        kinds(&object, later)[..2],
        [(ActivityKind::SignInRefused, 1), (ActivityKind::SignInRefused, 2_000)]
    );
}

fn note_from(object: &Account<MemoryRecords>, kind: ActivityKind, ip: &str, second: u64) {
    let context = Context::new(Some(ip), None, "");
    let ask = AccountRequest::Note { kind, family: None, context };
    let at = START.plus(Duration::from_secs(second));
    assert_eq!(object.serve(&ask, at).answer, AccountAnswer::Confirmed);
}

/// How many entries flood an account, one a second: more than it keeps.
const FLOOD: u64 = if cfg!(feature = "thorough") { 1_000 } else { 150 };

#[test]
fn a_flood_of_any_one_kind_leaves_all_others_there() {
    use ActivityKind as Kind;
    let owners = [Kind::PasswordChanged, Kind::ReuseDetected, Kind::SignedOutEverywhere, Kind::UserChanged];
    for flood in [Kind::AccountExported, Kind::SignedIn, Kind::SignedOut, Kind::SessionRevoked] {
        let object = object();
        for (second, kind) in (0..).zip(owners) {
            note_from(&object, kind, "192.0.2.7", second);
        }
        for second in 10..FLOOD {
            note_from(&object, flood, "203.0.113.9", second);
        }
        let left = kinds(&object, START.plus(Duration::from_secs(FLOOD)));
        assert!(left.len() <= CAPACITY);
        for kind in owners {
            assert!(left.contains(&(kind, 1)), "{flood:?} pushed out {kind:?}");
        }
    }
}

#[test]
fn many_sign_ins_from_one_address_leave_those_from_others() {
    let object = object();
    for second in 0..5 {
        note_from(&object, ActivityKind::SignedIn, "192.0.2.7", second);
    }
    for second in 10..FLOOD {
        note_from(&object, ActivityKind::SignedIn, "203.0.113.9", second);
    }
    let entries = entries(&object, START.plus(Duration::from_secs(FLOOD)));
    let owners = entries.iter().filter(|entry| entry.context.ip == Some([192, 0, 2, 7].into())).count();
    assert_eq!((entries.len(), owners), (CAPACITY, 5));
}

// The last one empties the account.
#[test]
fn entries_go_after_thirty_days() {
    let object = object();
    note(&object, ActivityKind::SignedOut, START);
    let second = START.plus(Duration::from_hours(24));
    let ask =
        AccountRequest::Note { kind: ActivityKind::SignedOut, family: None, context: Context::default() };
    assert_eq!(object.serve(&ask, second).alarm, AlarmAction::Alarm(START.plus(ACTIVITY_LIFETIME)));
    let first_gone = START.plus(ACTIVITY_LIFETIME);
    assert_eq!(entries(&object, first_gone).len(), 1);
    assert_eq!(object.sweep(first_gone), Ok(AlarmAction::Alarm(second.plus(ACTIVITY_LIFETIME))));
    assert_eq!(object.sweep(second.plus(ACTIVITY_LIFETIME)), Ok(AlarmAction::Empty));
    assert!(object.records().snapshot().is_empty());
}

#[test]
fn activity_record_format_unchanged() {
    let records = MemoryRecords::default();
    let store = Store(&records);
    let session = FamilyId::from_bytes([5; 16]);
    let entry = ActivityEntry {
        at: Timestamp::from_seconds(9),
        kind: ActivityKind::SignInRefused,
        times: 2,
        session_id: Some(session),
        context: Context::new(Some("192.0.2.7"), Some("CH"), "Acme/7.1"),
    };
    write(&store, 7, &entry).unwrap();
    assert_eq!(
        records.read("activity", "0000000007").unwrap().unwrap(),
        r#"{"v":1,"record":{"at":9000,"kind":"sign_in_refused","times":2,"session_id":"ID","context":{"ip":"192.0.2.7","country":"CH","user_agent":"Acme/7.1"}}}"#
            .replace("ID", &session.to_string())
    );
    assert_eq!(entries_of(&store).unwrap(), [(7, entry)]);
}
