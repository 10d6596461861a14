use super::*;
use crate::{
    ports::memory::{FaultMode, MemoryRecords},
    rate::Rate,
    throttle::{DistinctLimit, LockoutPolicy},
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn claim(row: &str, rate: Rate) -> Charge {
    Charge {
        row: row.to_owned(),
        bucket: "login".to_owned(),
        rate: Some(rate),
        ladder: None,
        spread: None,
        one: String::new(),
    }
}

fn take(throttle: &Throttle<MemoryRecords>, claims: &[Charge], now: Timestamp) -> ThrottleAnswer {
    throttle.serve(&ThrottleRequest::Take { claims: claims.to_vec() }, now)
}

fn granted(answer: &ThrottleAnswer) -> bool {
    matches!(answer, ThrottleAnswer::Taken { .. })
}

fn ladder(refuses: bool) -> LockoutPolicy {
    LockoutPolicy { delay_after: 1, lock_after: 2, locks: vec![60], forget: 3600, refuses }
}

#[test]
fn all_claims_are_charged_or_none() {
    let throttle = Throttle::new(MemoryRecords::default());
    let claims = [claim("7", Rate::new(60, 60)), claim("*", Rate::new(60, 1))];
    assert!(granted(&take(&throttle, &claims, at(0))));
    let before = throttle.records.snapshot();
    let ThrottleAnswer::Refused(refused) = take(&throttle, &claims, at(0)) else { panic!("refused") };
    assert_eq!((refused.claim, refused.until, refused.locked), (1, at(1), false));
    assert_eq!(throttle.records.snapshot(), before, "the first claim was not charged for the second");
}

// Let through to fail.
#[test]
fn a_locked_row_is_refused_or_let_through_by_rule() {
    for refuses in [true, false] {
        let throttle = Throttle::new(MemoryRecords::default());
        let claims = [Charge { rate: None, ladder: Some(ladder(refuses)), ..claim("a", Rate::new(1, 1)) }];
        let ThrottleAnswer::Taken { grants } = take(&throttle, &claims, at(0)) else { panic!("taken") };
        assert_eq!(grants, [Allowance::default()]);
        let ThrottleAnswer::Taken { grants } = take(&throttle, &claims, at(0)) else { panic!("taken") };
        assert_eq!(grants, [Allowance { delay: 1000, lock: Some(at(60)), ..Allowance::default() }]);
        match take(&throttle, &claims, at(59)) {
            ThrottleAnswer::Refused(refused) => {
                assert!(refuses && refused.locked && refused.until == at(60));
            }
            ThrottleAnswer::Taken { grants } => assert!(!refuses && grants[0].locked),
            other => panic!("{other:?}"),
        }
    }
}

// After the one that locks it.
#[test]
fn a_locked_attempt_charges_no_further_row() {
    let throttle = Throttle::new(MemoryRecords::default());
    let one = Charge { rate: None, ladder: Some(ladder(false)), ..claim("one", Rate::new(1, 1)) };
    let all = Charge { row: "all".to_owned(), ..one.clone() };
    let claims = [one, Charge { ladder: Some(LockoutPolicy { lock_after: 9, ..ladder(true) }), ..all }];
    for _ in 0..2 {
        let ThrottleAnswer::Taken { grants } = take(&throttle, &claims, at(0)) else { panic!("taken") };
        assert_eq!(grants.len(), 2);
    }
    let before = throttle.records.snapshot();
    for _ in 0..100 {
        let ThrottleAnswer::Taken { grants } = take(&throttle, &claims, at(0)) else { panic!("taken") };
        assert_eq!(grants, [Allowance { locked: true, ..Allowance::default() }]);
    }
    assert_eq!(throttle.records.snapshot(), before);
}

#[test]
fn a_success_takes_back_its_charge_and_an_owner_clears_the_row() {
    let throttle = Throttle::new(MemoryRecords::default());
    let spread = Some(DistinctLimit { count: 5, window: 600 });
    let claims =
        [Charge { ladder: Some(ladder(false)), spread, one: "n".into(), ..claim("a", Rate::new(60, 60)) }];
    take(&throttle, &claims, at(0));
    let ThrottleAnswer::Taken { grants } = take(&throttle, &claims, at(0)) else { panic!("taken") };
    let lock = grants[0].lock;
    assert!(lock.is_some());
    let pardon = Refund { row: "a".into(), forget: 3600, lock, one: "n".into(), ..Refund::default() };
    assert_eq!(
        throttle.serve(&ThrottleRequest::Forgive { pardons: vec![pardon.clone()] }, at(1)),
        ThrottleAnswer::Forgiven
    );
    let ThrottleAnswer::Taken { grants } = take(&throttle, &claims, at(1)) else { panic!("taken") };
    assert!(!grants[0].locked && grants[0].lock.is_some(), "one failure is still remembered");
    let all = Refund { all: true, ..pardon };
    throttle.serve(&ThrottleRequest::Forgive { pardons: vec![all] }, at(2));
    let ThrottleAnswer::Taken { grants } = take(&throttle, &claims, at(2)) else { panic!("taken") };
    assert_eq!(grants, [Allowance::default()], "none is");
}

#[test]
fn stuffing_raises_the_alarm_once_and_tightens_the_rate() {
    let throttle = Throttle::new(MemoryRecords::default());
    let try_one = |one: &str, now| {
        let spread = Some(DistinctLimit { count: 4, window: 600 });
        take(&throttle, &[Charge { spread, one: one.to_owned(), ..claim("*", Rate::new(60, 60)) }], now)
    };
    let alarms: Vec<bool> = ["a", "b", "b", "c", "d", "e"]
        .iter()
        .map(|one| match try_one(one, at(0)) {
            ThrottleAnswer::Taken { grants } => grants[0].alarm,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(alarms, [false, false, false, false, true, false]);
    let passed = (0..60).filter(|_| granted(&try_one("a", at(1)))).count();
    // 15 at once, one in 4 s; 5 s are still owed of the six that were taken and the second that passed.
    assert_eq!(passed, 13);
}

// They are noticed until then.
#[test]
fn refused_guesses_cost_no_write_after_the_alarm() {
    let throttle = Throttle::new(MemoryRecords::default());
    let try_one = |one: &str| {
        let spread = Some(DistinctLimit { count: 3, window: 600 });
        take(&throttle, &[Charge { spread, one: one.to_owned(), ..claim("*", Rate::new(1, 1)) }], at(0))
    };
    assert!(granted(&try_one("a")));
    let refused: Vec<(bool, bool)> = ["a", "b", "c", "d", "e"]
        .iter()
        .map(|one| match try_one(one) {
            ThrottleAnswer::Refused(refused) => (refused.alarm, refused.settled),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(refused, [(false, false), (false, false), (true, false), (false, true), (false, true)]);
    let writes = throttle.records.writes();
    try_one("f");
    assert_eq!(throttle.records.writes(), writes);
}

#[test]
fn what_says_nothing_any_more_is_swept() {
    let throttle = Throttle::new(MemoryRecords::default());
    let spread = Some(DistinctLimit { count: 3, window: 600 });
    take(&throttle, &[Charge { spread, one: "x".into(), ..claim("7", Rate::new(1, 1)) }], at(0));
    assert_eq!(throttle.sweep(at(3599)), Ok(true));
    assert_eq!(throttle.sweep(at(3600)), Ok(false));
    assert!(throttle.records.snapshot().is_empty());
}

#[test]
fn an_operator_sees_and_clears_rows_by_name_or_all() {
    let throttle = Throttle::new(MemoryRecords::default());
    for row in ["7", "8", "*"] {
        take(&throttle, &[Charge { ladder: Some(ladder(true)), ..claim(row, Rate::new(1, 1)) }], at(0));
    }
    let read = |rows: &[&str], now| {
        let rows = rows.iter().map(|row| (*row).to_owned()).collect();
        match throttle.serve(&ThrottleRequest::Read { rows }, now) {
            ThrottleAnswer::Standings { rows } => rows.into_iter().map(|(row, _)| row).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read(&[], at(0)), ["*", "7", "8"]);
    assert_eq!(read(&["7", "*", "9"], at(0)), ["*", "7"]);
    assert_eq!(read(&[], at(3600)), [""; 0], "what is forgotten is not shown");
    let clear = |rows: Vec<String>| throttle.serve(&ThrottleRequest::Clear { rows }, at(0));
    assert_eq!(clear(vec!["7".into(), "*".into()]), ThrottleAnswer::Forgiven);
    assert_eq!(read(&[], at(0)), ["8"]);
    throttle.records.write(KIND, "broken", "{").unwrap();
    assert_eq!(clear(Vec::new()), ThrottleAnswer::Forgiven);
    assert!(throttle.records.snapshot().is_empty());
}

#[test]
fn a_failing_storage_is_no_verdict() {
    let throttle = Throttle::new(MemoryRecords::default());
    throttle.records.break_with(FaultMode::Down);
    let answer = take(&throttle, &[claim("7", Rate::new(1, 1))], at(0));
    assert!(matches!(answer, ThrottleAnswer::Unavailable { .. }));
    throttle.records.break_with(FaultMode::None);
    throttle.records.write(KIND, "7", "{").unwrap();
    assert!(matches!(
        take(&throttle, &[claim("7", Rate::new(1, 1))], at(0)),
        ThrottleAnswer::Unavailable { .. }
    ));
}

#[test]
fn standing_record_format_unchanged() {
    let throttle = Throttle::new(MemoryRecords::default());
    let spread = Some(DistinctLimit { count: 3, window: 600 });
    let full =
        Charge { ladder: Some(ladder(true)), spread, one: "n".into(), ..claim("7", Rate::new(60, 60)) };
    take(&throttle, &[full, claim("*", Rate::new(60, 60))], at(0));
    let rows: Vec<_> = throttle.records.snapshot().into_iter().collect();
    let key = |row: &str| ("throttle".to_owned(), row.to_owned());
    assert_eq!(
        rows,
        [
            (key("*"), r#"{"buckets":{"login":1800000001000000}}"#.to_owned()),
            (
                key("7"),
                concat!(
                    r#"{"buckets":{"login":1800000001000000},"#,
                    r#""rung":{"clean_at":1800003600000,"locked_until":0},"#,
                    r#""seen":{"ones":{"n":1800000000000},"alarmed_until":0}}"#
                )
                .to_owned()
            ),
        ]
    );
}
