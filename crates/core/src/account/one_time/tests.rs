use super::*;
use crate::{
    account::{Account, AccountAnswer, AccountRequest, Ends},
    ids::FamilyId,
    ports::memory::{FaultMode, MemoryRecords},
    refresh::{DriftPolicy, FamilyKind, Grant, Lifetimes, Revocation},
};

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const FAMILY: FamilyId = FamilyId::from_bytes([1; 16]);

fn hash(byte: u8) -> SecretHash {
    SecretHash([byte; 32])
}

struct Bench {
    records: MemoryRecords,
    object: Account<MemoryRecords>,
}

impl Bench {
    fn new() -> Self {
        let records = MemoryRecords::default();
        Self { object: Account::new(records.clone()), records }
    }

    fn ask(&self, request: &AccountRequest, after: Duration) -> AccountAnswer {
        self.object.serve(request, START.plus(after)).answer
    }

    fn open(&self, family: FamilyId, credential_version: u64) -> AccountAnswer {
        self.open_at(family, credential_version, Duration::ZERO)
    }

    fn open_at(&self, family: FamilyId, credential_version: u64, after: Duration) -> AccountAnswer {
        let request = AccountRequest::Open {
            family,
            secret_hash: hash(0),
            master: 1,
            grant: Grant {
                subject: "alice".to_owned(),
                client_id: "app".to_owned(),
                scope: String::new(),
                roles: Vec::new(),
                tenant_id: None,
                amr: Vec::new(),
                auth_time: START,
            },
            lifetimes: Lifetimes::WEB,
            drift: DriftPolicy::Log,
            kind: FamilyKind::Session,
            binding: None,
            device_name: None,
            context: Context::default(),
            max_families: 10,
            credential_version,
        };
        self.ask(&request, after)
    }

    fn issue(&self, byte: u8, purpose: Purpose, after: Duration) -> AccountAnswer {
        let context = Context::default();
        self.ask(&AccountRequest::IssueOneTime { hash: hash(byte), purpose, context }, after)
    }

    fn redeem(&self, byte: u8, purpose: Purpose, after: Duration) -> AccountAnswer {
        let context = Context::default();
        self.ask(&AccountRequest::RedeemOneTime { hash: hash(byte), purpose, context }, after)
    }

    fn is_alive(&self, family: FamilyId) -> bool {
        let check = AccountRequest::Check { family, issued_at: START, grants: false };
        self.ask(&check, Duration::ZERO) == AccountAnswer::Checked { alive: true }
    }
}

/// The version of credentials that were changed at the start.
const VERSION: u64 = START.millis();

const RESET: Purpose = Purpose::ResetPassword;
const NOW: Duration = Duration::ZERO;

#[test]
fn a_token_is_redeemed_once_and_ends_all_sessions_in_that_block() {
    let bench = Bench::new();
    bench.open(FAMILY, 0);
    assert_eq!(bench.issue(1, RESET, NOW), AccountAnswer::OneTimeIssued {});
    let AccountAnswer::Revoked { ended, .. } = bench.redeem(1, RESET, NOW) else { panic!() };
    assert_eq!(ended, [FAMILY]);
    assert!(!bench.is_alive(FAMILY));
    for _ in 0..10 {
        assert_eq!(bench.redeem(1, RESET, NOW), AccountAnswer::OneTimeRefused {});
    }
}

// It is for an address, and ends no session.
#[test]
fn a_verification_token_resets_no_password() {
    let bench = Bench::new();
    bench.open(FAMILY, 0);
    bench.issue(1, Purpose::VerifyEmail, NOW);
    assert_eq!(bench.redeem(1, RESET, NOW), AccountAnswer::OneTimeRefused {});
    assert!(matches!(bench.redeem(1, Purpose::VerifyEmail, NOW), AccountAnswer::Revoked { .. }));
    assert!(bench.is_alive(FAMILY));
}

#[test]
fn a_token_for_a_password_serves_half_an_hour() {
    let bench = Bench::new();
    bench.issue(1, RESET, NOW);
    bench.issue(2, RESET, NOW);
    let end = Duration::from_mins(30);
    assert_eq!(bench.redeem(1, RESET, end), AccountAnswer::OneTimeRefused {});
    let last = Duration::from_millis(30 * 60 * 1000 - 1);
    assert!(matches!(bench.redeem(2, RESET, last), AccountAnswer::Revoked { .. }));
}

// It voids none of the owner's.
#[test]
fn filling_a_mailbox_stops_at_three_open_tokens() {
    let bench = Bench::new();
    for byte in 1..=3 {
        assert_eq!(bench.issue(byte, RESET, NOW), AccountAnswer::OneTimeIssued {});
    }
    for byte in 4..50 {
        assert_eq!(bench.issue(byte, RESET, NOW), AccountAnswer::OneTimeRefused {});
    }
    assert_eq!(bench.issue(50, Purpose::VerifyEmail, NOW), AccountAnswer::OneTimeIssued {});
    assert_eq!(bench.issue(51, RESET, Duration::from_mins(30)), AccountAnswer::OneTimeIssued {});
    assert!(matches!(bench.redeem(1, RESET, NOW), AccountAnswer::OneTimeRefused {}), "it was swept");
    assert!(matches!(bench.redeem(51, RESET, Duration::from_mins(31)), AccountAnswer::Revoked { .. }));
}

#[test]
fn redeeming_one_token_voids_the_others_of_its_purpose() {
    let bench = Bench::new();
    bench.issue(1, RESET, NOW);
    bench.issue(2, RESET, NOW);
    bench.issue(3, Purpose::VerifyEmail, NOW);
    bench.redeem(2, RESET, NOW);
    assert_eq!(bench.redeem(1, RESET, NOW), AccountAnswer::OneTimeRefused {});
    assert!(matches!(bench.redeem(3, Purpose::VerifyEmail, NOW), AccountAnswer::Revoked { .. }));
}

#[test]
fn a_token_given_back_serves_again_and_no_longer_than_before() {
    let bench = Bench::new();
    bench.issue(1, RESET, NOW);
    bench.redeem(1, RESET, NOW);
    bench.ask(&AccountRequest::GiveBackOneTime { hash: hash(1) }, NOW);
    assert_eq!(bench.redeem(1, RESET, Duration::from_mins(30)), AccountAnswer::OneTimeRefused {});
    assert!(matches!(bench.redeem(1, RESET, NOW), AccountAnswer::Revoked { .. }));
    bench.ask(&AccountRequest::GiveBackOneTime { hash: hash(9) }, NOW);
    assert_eq!(bench.redeem(9, RESET, NOW), AccountAnswer::OneTimeRefused {}, "nobody issued that one");
}

#[test]
fn a_storage_fault_at_any_call_redeems_a_token_at_most_once() {
    for call in 0..20 {
        let bench = Bench::new();
        bench.open(FAMILY, 0);
        bench.issue(1, RESET, NOW);
        bench.issue(2, RESET, NOW);
        bench.records.break_with(FaultMode::FailCall(call));
        let first = bench.redeem(1, RESET, NOW);
        bench.records.break_with(FaultMode::None);
        let second = bench.redeem(1, RESET, NOW);
        let redeemed = |answer: &AccountAnswer| matches!(answer, AccountAnswer::Revoked { .. });
        assert!(!(redeemed(&first) && redeemed(&second)), "call {call}");
        if redeemed(&first) || redeemed(&second) {
            assert!(!bench.is_alive(FAMILY), "call {call}");
        }
    }
}

// It comes too late.
#[test]
fn a_sign_in_under_way_with_the_old_password_is_refused() {
    let bench = Bench::new();
    let changed = |ends| AccountRequest::UserChanged {
        subject: "alice".to_owned(),
        kind: ActivityKind::PasswordChanged,
        context: Context::default(),
        fence: VERSION,
        ends,
        reason: Revocation::PasswordChanged,
    };
    // Also when the account had no record before.
    bench.ask(&changed(Ends::All), NOW);
    let AccountAnswer::Refused(refusal) = bench.open(FAMILY, 0) else { panic!() };
    assert_eq!(refusal.cause.code(), "credentials_stale");
    assert!(matches!(bench.open(FAMILY, VERSION), AccountAnswer::Opened { .. }));
    let other = FamilyId::from_bytes([2; 16]);
    bench.open(other, VERSION);
    // Twice is as once, and the session that asks goes on.
    for _ in 0..2 {
        bench.ask(&changed(Ends::Others(other)), NOW);
        assert!(bench.is_alive(other) && !bench.is_alive(FAMILY));
    }
    bench.ask(&changed(Ends::None), NOW);
    assert!(bench.is_alive(other));
}

/// The row of the database was restored to before the change: the object holds it against nobody
/// for longer than a sign-in may be under way.
#[test]
fn credentials_of_before_a_change_are_refused_for_a_while() {
    let bench = Bench::new();
    let changed = AccountRequest::UserChanged {
        subject: "alice".to_owned(),
        kind: ActivityKind::UserDisabled,
        context: Context::default(),
        fence: VERSION,
        ends: Ends::All,
        reason: Revocation::Disabled,
    };
    bench.ask(&changed, NOW);
    assert!(matches!(bench.open_at(FAMILY, 7, Duration::from_mins(14)), AccountAnswer::Refused(_)));
    assert!(matches!(bench.open_at(FAMILY, 7, Duration::from_mins(15)), AccountAnswer::Opened { .. }));
}

// It ends what the change will end.
#[test]
fn an_announced_change_ends_sessions_and_is_no_news() {
    let bench = Bench::new();
    bench.open(FAMILY, VERSION);
    bench.issue(1, RESET, NOW);
    let announced = AccountRequest::UserChanged {
        subject: "alice".to_owned(),
        kind: ActivityKind::PasswordChanged,
        context: Context::default(),
        fence: 0,
        ends: Ends::All,
        reason: Revocation::PasswordChanged,
    };
    bench.ask(&announced, NOW);
    assert!(!bench.is_alive(FAMILY));
    assert_eq!(bench.redeem(1, RESET, NOW), AccountAnswer::OneTimeRefused {});
    let AccountAnswer::Activity { entries } = bench.ask(&AccountRequest::Activity, NOW) else { panic!() };
    assert!(entries.iter().all(|entry| entry.kind != ActivityKind::PasswordChanged));
    // Whoever's change then fails signs in again as before.
    assert!(matches!(bench.open(FamilyId::from_bytes([2; 16]), 0), AccountAnswer::Opened { .. }));
}

#[test]
fn an_erased_account_takes_no_token() {
    let bench = Bench::new();
    bench.issue(1, RESET, NOW);
    bench.ask(&AccountRequest::Erase, NOW);
    assert_eq!(bench.redeem(1, RESET, NOW), AccountAnswer::OneTimeRefused {});
    assert_eq!(bench.issue(2, RESET, NOW), AccountAnswer::OneTimeRefused {});
    assert_eq!(bench.records.snapshot().len(), 1, "the mark alone");
}

#[test]
fn what_is_told_of_an_erased_account_leaves_no_trace_of_it() {
    let bench = Bench::new();
    bench.open(FAMILY, 0);
    bench.ask(&AccountRequest::Erase, NOW);
    let before = bench.records.snapshot();
    let kind = crate::account::ActivityKind::SignInRefused;
    bench.ask(&AccountRequest::Note { kind, family: None, context: Context::default() }, NOW);
    assert_eq!(bench.records.snapshot(), before);
}

#[test]
fn what_is_left_of_tokens_goes_by_alarm() {
    let bench = Bench::new();
    let ask = AccountRequest::IssueOneTime { hash: hash(1), purpose: RESET, context: Context::default() };
    let served = bench.object.serve(&ask, START);
    let end = START.plus(Duration::from_mins(30));
    assert_eq!(served.alarm, crate::account::AlarmAction::Alarm(end));
    let crate::account::AlarmAction::Alarm(next) = bench.object.sweep(end).unwrap() else { panic!() };
    assert_eq!(bench.object.sweep(next), Ok(crate::account::AlarmAction::Empty));
    assert!(bench.records.snapshot().is_empty());
}

#[test]
fn one_time_record_format_unchanged() {
    let records = MemoryRecords::default();
    let store = Store(&records);
    let token = OneTime { purpose: RESET, expires_at: Timestamp::from_seconds(9), used: false };
    write(&store, &hash(1), &token).unwrap();
    assert_eq!(
        records.read("one_time", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap().unwrap(),
        r#"{"v":1,"record":{"purpose":"reset_password","expires_at":9000,"used":false}}"#
    );
    assert_eq!(tokens_of(&store).unwrap(), [(hash(1), token)]);
}
