//! The Account object's decisions over records that can fail.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use super::support::*;
use postern_app::{
    account::{AccountAnswer, AccountReply, AccountRequest, ActivityKind, AlarmAction, Purpose},
    ids::FamilyId,
    ports::{Records as _, memory::FaultMode},
    refresh::{Context, EndReason, Lifetimes, RefusalCause, Revocation, SecretHash, SignInReason},
    revocation::{FeedPolicy, memory::MemoryFeed},
    secrets::{Master, Masters},
};

const SECOND: Duration = Duration::from_secs(1);

// Refresh.

#[test]
fn fifty_racers_get_one_distinct_successor() {
    let bench = Bench::new();
    let (_, token) = bench.sign_in();
    let successors: HashSet<_> = (0..50).map(|_| bench.refresh(&token)).collect();
    assert_eq!(successors.len(), 1);
}

#[test]
fn a_replayed_ancestor_ends_the_session_for_thief_and_owner() {
    let bench = Bench::new();
    let (family, first) = bench.sign_in();
    let second = bench.refresh(&first);
    let third = bench.refresh(&second);
    let refusal = bench.refusal(&first);
    assert_eq!(refusal.cause, RefusalCause::Reuse);
    assert_eq!(refusal.evidence.unwrap().distance, 2);
    let reason = EndReason::Reuse { distance: 2 };
    for token in [&first, &second, &third] {
        assert_eq!(bench.cause(token), RefusalCause::Ended { reason });
    }
    assert!(!bench.check(family, bench.now.get()));
    assert!(bench.sessions().is_empty());
}

#[test]
fn the_owners_refresh_finds_a_thief_who_used_the_gate() {
    let bench = Bench::new();
    let (family, token) = bench.sign_in();
    bench.refresh(&token);
    bench.confirm(family, 1);
    bench.pass(11 * SECOND);
    assert_eq!(bench.cause(&token), RefusalCause::Reuse);
}

// A retry gets the identical successor.
#[test]
fn a_new_master_secret_keeps_sessions_and_retries() {
    let mut bench = Bench::new();
    let (_, first) = bench.sign_in();
    let second = bench.refresh(&first);
    let [one, two] = [1, 2].map(|id| Master::derive(id, &[id; 32]).unwrap());
    bench.masters = Masters::new(two.clone(), vec![one]);
    bench.pass(11 * SECOND);
    assert_eq!(bench.refresh(&first), second, "a retry after the change gives the same bytes");
    let third = bench.refresh(&second);
    bench.masters = Masters::new(two, vec![]);
    assert_eq!(bench.refresh(&third), bench.refresh(&third), "the successor is under the new master");
}

#[test]
fn a_token_of_a_family_that_is_not_there_is_refused_as_unknown() {
    let bench = Bench::new();
    bench.sign_in();
    let stranger = bench.first_token(FamilyId::from_bytes([200; 16]));
    assert_eq!(bench.cause(&stranger), RefusalCause::UnknownFamily);
}

// As much as after one.
#[test]
fn a_family_takes_no_more_storage_after_1000_rotations() {
    let bench = Bench::new();
    let (family, mut token) = bench.sign_in();
    let length = |bench: &Bench| bench.records.read("family", &family.to_string()).unwrap().unwrap().len();
    token = bench.refresh(&token);
    let after_one = length(&bench);
    let writes = bench.records.writes();
    for _ in 1..1_000 {
        token = bench.refresh(&token);
    }
    // Three more decimal digits of the count, and no more.
    assert_eq!(length(&bench), after_one + 3);
    assert_eq!(bench.stored().len(), 2);
    assert_eq!(bench.records.writes() - writes, 999, "one write a rotation");
}

#[test]
fn a_race_of_tabs_writes_once() {
    let bench = Bench::new();
    let (_, token) = bench.sign_in();
    let writes = bench.records.writes();
    for _ in 0..20 {
        bench.refresh(&token);
    }
    assert_eq!(bench.records.writes() - writes, 1);
}

#[test]
fn a_restored_backup_is_found_out_by_the_owners_token_and_ends() {
    let bench = Bench::new();
    let (_, first) = bench.sign_in();
    let backup = bench.records.snapshot();
    let third = bench.refresh(&bench.refresh(&first));
    bench.records.restore(backup);
    assert_eq!(bench.cause(&third), RefusalCause::AheadOfState);
    assert_eq!(bench.cause(&first), RefusalCause::Ended { reason: EndReason::AheadOfState { ahead: 2 } });
}

#[test]
fn a_silent_thief_is_stopped_by_the_rule_on_late_retries() {
    let bench = Bench::new();
    let (_, mut token) = bench.sign_in();
    for _ in 0..3 {
        let stolen = bench.refresh(&token);
        bench.pass(600 * SECOND);
        token = bench.refresh(&token);
        assert_eq!(token, stolen);
        bench.pass(600 * SECOND);
    }
    assert_eq!(bench.cause(&token), RefusalCause::SignIn { rule: SignInReason::LateRetries });
}

// Faults.

// At any call.
#[test]
fn a_storage_fault_changes_no_session_and_is_no_theft() {
    let bench = Bench::new();
    let (family, first) = bench.sign_in();
    let second = bench.refresh(&first);
    bench.sign_in();
    bench.pass(11 * SECOND);
    let requests = [
        bench.presenting(&second, PHONE),
        bench.presenting(&first, PHONE),
        bench.presenting(&first, "curl/8"),
        AccountRequest::Confirm { family, rotation_count: 1 },
        AccountRequest::Revoke { family, reason: Revocation::Logout },
        AccountRequest::RevokeAll { reason: Revocation::LogoutAll, keep: Some(family) },
        AccountRequest::Sessions,
        AccountRequest::Check { family, issued_at: bench.now.get(), grants: false },
    ];
    let before = bench.stored();
    for request in &requests {
        let mut calls = 0;
        loop {
            bench.records.break_with(FaultMode::FailCall(calls));
            let answer = bench.ask(request);
            if !matches!(answer, AccountAnswer::Unavailable { .. }) {
                break;
            }
            // A note for the feed about a session that goes on does no harm: it is confirmed first.
            assert_eq!(bench.stored(), before, "{request:?} at call {calls}");
            calls += 1;
        }
        assert!(calls >= 2, "{request:?}");
        bench.records.break_with(FaultMode::None);
        bench.records.restore(before.clone());
    }
}

#[test]
fn a_fault_after_the_rotation_was_stored_is_healed_by_the_retry() {
    for wait in [0, 11, 3600] {
        let bench = Bench::new();
        let (_, token) = bench.sign_in();
        bench.records.break_with(FaultMode::FailAfterPersisting(0));
        let answer = bench.refresh_from(&token, PHONE).unwrap_err();
        assert!(matches!(*answer, AccountAnswer::Unavailable { .. }));
        bench.pass(wait * SECOND);
        let (successor, rotated) = bench.refresh_from(&token, PHONE).unwrap();
        assert_eq!(rotated.rotation_count, 1);
        bench.refresh(&successor);
    }
}

#[test]
fn a_failed_sign_in_opens_nothing_and_delays_no_feed_entry() {
    for call in 0..4 {
        let bench = Bench::new();
        let family = bench.next_family();
        bench.records.break_with(FaultMode::FailCall(call));
        let AccountReply { answer, alarm } = bench.serve(&bench.opening(family, "alice"));
        assert!(matches!(answer, AccountAnswer::Unavailable { .. }), "{call}");
        // In place of the alarm that is set, and so no later than any could be.
        assert_eq!(alarm, AlarmAction::Alarm(START));
        assert!(bench.sessions().is_empty());
        assert_eq!(bench.object.sweep(bench.now.get()), Ok(AlarmAction::Empty));
        assert!(bench.records.snapshot().is_empty());
    }
}

// Also while it holds a record of a newer program.
#[test]
fn an_alarm_comes_back_while_the_storage_fails() {
    let bench = Bench::new();
    let (family, _) = bench.sign_in();
    bench.ask(&AccountRequest::Revoke { family, reason: Revocation::Logout });
    let feed = MemoryFeed::new(FeedPolicy::default());
    feed.now.set(bench.now.get());
    let ring = || pollster::block_on(bench.object.alarm(bench.now.get(), &feed));
    let again = || AlarmAction::Alarm(bench.now.get().plus(300 * SECOND));

    // For longer than the six times that the platform rings by itself.
    bench.records.break_with(FaultMode::Down);
    for _ in 0..2 {
        let (alarm, fault) = ring();
        assert_eq!((alarm, fault.is_some()), (again(), true));
        bench.pass(300 * SECOND);
    }
    bench.records.break_with(FaultMode::None);
    let as_it_was = bench.records.snapshot();
    bench.records.write("family", "AAAAAAAAAAAAAAAAAAAAAA", r#"{"v":2,"record":{}}"#).unwrap();
    let (alarm, fault) = ring();
    assert_eq!((alarm, fault.is_some(), feed.asked()), (again(), true, 1), "and the feed is told already");
    bench.records.restore(as_it_was);
    assert!(matches!(ring(), (AlarmAction::Alarm(_), None)));
}

// In the activity.
#[test]
fn a_session_of_90_days_keeps_no_address_beyond_30_days() {
    let bench = Bench::new();
    let family = bench.next_family();
    let mut opening = bench.opening(family, "alice");
    if let AccountRequest::Open { lifetimes, .. } = &mut opening {
        *lifetimes = Lifetimes::MOBILE;
    }
    bench.serve(&opening);
    bench.pass(20 * DAY);
    // The next sign-in sets the alarm anew, in place of the one that was set.
    if let AccountRequest::Open { family, .. } = &mut opening {
        *family = bench.next_family();
    }
    assert_eq!(bench.serve(&opening).alarm, AlarmAction::Alarm(START.plus(30 * DAY)));
}

#[test]
fn a_sign_in_whose_answer_was_lost_may_be_repeated() {
    let bench = Bench::new();
    let family = bench.next_family();
    let request = bench.opening(family, "alice");
    bench.records.break_with(FaultMode::FailAfterPersisting(1));
    assert!(matches!(bench.ask(&request), AccountAnswer::Unavailable { .. }));
    assert_eq!(bench.ask(&request), AccountAnswer::Opened { displaced: vec![] });
    let token = bench.first_token(family);
    bench.refresh(&token);
    let AccountAnswer::Refused(refusal) = bench.ask(&request) else { unreachable!() };
    assert_eq!(refusal.cause, RefusalCause::FamilyExists, "a used family is not opened anew");
}

#[test]
fn damaged_or_newer_records_are_unavailable_and_not_refused() {
    let bench = Bench::new();
    let (family, token) = bench.sign_in();
    let good = bench.records.read("family", &family.to_string()).unwrap().unwrap();
    bench.records.write("family", &family.to_string(), &good.replace("\"v\":1", "\"v\":2")).unwrap();
    let answer = bench.refresh_from(&token, PHONE).unwrap_err();
    assert!(
        matches!(&*answer, AccountAnswer::Unavailable { cause } if cause.contains("version 2")),
        "{answer:?}"
    );
}

// Sessions.

#[test]
fn the_session_list_shows_what_its_user_wants_to_know() {
    let bench = Bench::new();
    let (family, token) = bench.sign_in();
    bench.pass(60 * SECOND);
    bench.refresh(&token);
    bench.pass(5 * SECOND);
    bench.confirm(family, 1);
    let (other, _) = bench.sign_in();
    let sessions = bench.sessions();
    assert_eq!(sessions.iter().map(|view| view.session_id).collect::<Vec<_>>(), [other, family]);
    let view = &sessions[1];
    assert_eq!(view.device_name.as_deref(), Some("Alice's phone"));
    assert_eq!((view.client_id.as_str(), view.rotation_count), ("app", 1));
    assert_eq!(view.created_at, START);
    assert_eq!(view.refreshed_at, START.plus(60 * SECOND));
    assert_eq!(view.seen_at, START.plus(65 * SECOND));
    assert_eq!(view.expires_at, START.plus(60 * SECOND).plus(7 * DAY));
    assert_eq!(view.context, context(PHONE));
}

#[test]
fn one_session_ends_and_the_others_go_on() {
    let bench = Bench::new();
    let (first, first_token) = bench.sign_in();
    let (second, second_token) = bench.sign_in();
    let request = AccountRequest::Revoke { family: first, reason: Revocation::User };
    assert_eq!(bench.revoked(&request), [first]);
    let reason = EndReason::Revoked { by: Revocation::User };
    assert_eq!(bench.cause(&first_token), RefusalCause::Ended { reason });
    assert!(bench.check(second, START) && !bench.check(first, START));
    bench.refresh(&second_token);
}

#[test]
fn all_other_sessions_end_and_the_kept_one_goes_on() {
    let bench = Bench::new();
    let families: Vec<_> = (0..4).map(|_| bench.sign_in()).collect();
    let request = AccountRequest::RevokeAll { reason: Revocation::User, keep: Some(families[2].0) };
    let ended = bench.revoked(&request);
    assert_eq!(ended, [families[0].0, families[1].0, families[3].0]);
    bench.refresh(&families[2].1);
    assert_eq!(bench.sessions().len(), 1);
}

#[test]
fn the_cap_ends_the_longest_idle_session() {
    let bench = Bench { max_families: 3, ..Bench::new() };
    let signed_in: Vec<_> = (0..3).map(|_| (bench.pass(SECOND), bench.sign_in()).1).collect();
    bench.pass(SECOND);
    bench.refresh(&signed_in[0].1);
    let family = bench.next_family();
    let answer = bench.ask(&bench.opening(family, "alice"));
    assert_eq!(answer, AccountAnswer::Opened { displaced: vec![signed_in[1].0] });
    assert_eq!(bench.cause(&signed_in[1].1), RefusalCause::Ended { reason: EndReason::Displaced });
    assert_eq!(bench.sessions().len(), 3);
}

#[test]
fn a_cap_left_undone_by_a_fault_is_made_up_at_the_next_sign_in() {
    let bench = Bench { max_families: 2, ..Bench::new() };
    bench.sign_in();
    bench.sign_in();
    let family = bench.next_family();
    // Read meta, scan, write the family; then the displaced one fails.
    bench.records.break_with(FaultMode::FailCall(3));
    assert_eq!(bench.ask(&bench.opening(family, "alice")), AccountAnswer::Opened { displaced: vec![] });
    assert_eq!(bench.sessions().len(), 3);
    bench.sign_in();
    assert_eq!(bench.sessions().len(), 2);
}

#[cfg(feature = "thorough")]
#[test]
fn many_sign_ins_and_sign_outs_keep_a_bounded_record_count() {
    let bench = Bench::new();
    for number in 0..210_u16 {
        let mut bytes = [7; 16];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        let family = FamilyId::from_bytes(bytes);
        bench.pass(SECOND);
        bench.ask(&bench.opening(family, "alice"));
        bench.ask(&AccountRequest::Revoke { family, reason: Revocation::Logout });
    }
    assert!(bench.stored().len() <= 202, "{}", bench.stored().len());
}

#[test]
fn an_object_of_another_subject_opens_nothing() {
    let bench = Bench::new();
    bench.sign_in();
    let before = bench.stored();
    let AccountAnswer::Refused(refusal) = bench.ask(&bench.opening(bench.next_family(), "mallory")) else {
        unreachable!()
    };
    assert_eq!(refusal.cause, RefusalCause::WrongSubject);
    assert_eq!(bench.stored(), before);
}

// Logout everywhere.

#[test]
fn logout_everywhere_ends_every_session_with_one_decisive_write() {
    let bench = Bench::new();
    let signed_in: Vec<_> = (0..10).map(|_| bench.sign_in()).collect();
    // Read meta, scan grants and sessions, write the note for the feed and meta; every later call fails.
    bench.records.break_with(FaultMode::FailCall(5));
    let ended = bench.revoke_all(Revocation::PasswordChanged);
    assert_eq!(ended.len(), 10);
    let reason = EndReason::Revoked { by: Revocation::PasswordChanged };
    for (family, token) in &signed_in {
        assert_eq!(bench.cause(token), RefusalCause::Ended { reason });
        assert!(!bench.check(*family, bench.now.get()));
    }
    assert!(bench.sessions().is_empty());
}

#[test]
fn a_failed_logout_everywhere_ends_no_session() {
    let bench = Bench::new();
    let (family, token) = bench.sign_in();
    for call in 0..4 {
        bench.records.break_with(FaultMode::FailCall(call));
        let answer = bench.ask(&AccountRequest::RevokeAll { reason: Revocation::LogoutAll, keep: None });
        assert!(matches!(answer, AccountAnswer::Unavailable { .. }));
        assert!(bench.check(family, bench.now.get()));
    }
    bench.refresh(&token);
}

// Older tokens of that second are refused.
#[test]
fn a_sign_in_in_the_second_of_a_logout_everywhere_lives() {
    let bench = Bench::new();
    let (old, old_token) = bench.sign_in();
    let issued_before = bench.now.get();
    let not_before = bench.now.get();
    bench.revoked(&AccountRequest::RevokeAll { reason: Revocation::LogoutAll, keep: None });
    let (new, new_token) = bench.sign_in();
    let issued_after = bench.now.get();

    assert_eq!(issued_before.seconds(), issued_after.seconds());
    assert!(!bench.check(old, issued_before));
    assert!(bench.check(new, issued_after));
    assert!(matches!(bench.cause(&old_token), RefusalCause::Ended { .. }));
    bench.refresh(&new_token);

    // The feed goes by `iat` alone: it asks about that whole second, and about no later one.
    assert!(postern_core::revocation::may_predate(issued_before, not_before));
    assert!(postern_core::revocation::may_predate(issued_after, not_before));
    assert!(!postern_core::revocation::may_predate(issued_after.plus(SECOND), not_before));
}

#[test]
fn a_sign_in_stamped_by_a_clock_slightly_behind_is_accepted() {
    let bench = Bench::new();
    bench.sign_in();
    bench.revoke_all(Revocation::LogoutAll);
    let (new, _) = bench.sign_in();
    assert!(bench.check(new, bench.now.get().minus(2 * SECOND)));
    assert!(!bench.check(new, bench.now.get().minus(3600 * SECOND)), "older than its own session");
}

#[test]
fn each_logout_everywhere_names_only_the_sessions_it_ended() {
    let bench = Bench::new();
    let (first, first_token) = bench.sign_in();
    assert_eq!(bench.revoke_all(Revocation::PasswordChanged), [first]);
    bench.pass(SECOND);
    let (second, _) = bench.sign_in();
    assert_eq!(bench.revoke_all(Revocation::LogoutAll), [second]);
    let reason = EndReason::Revoked { by: Revocation::PasswordChanged };
    assert_eq!(bench.cause(&first_token), RefusalCause::Ended { reason });
}

#[test]
fn logout_everywhere_of_an_account_never_used_stores_nothing() {
    let bench = Bench::new();
    let answer = bench.revoked(&AccountRequest::RevokeAll { reason: Revocation::Disabled, keep: None });
    assert!(answer.is_empty());
    assert!(bench.records.snapshot().is_empty());
}

// The alarm.

// It is recognised until then, and removed afterwards.
#[test]
fn an_ended_family_is_kept_until_its_absolute_lifetime_ends() {
    let bench = Bench::new();
    let opening = bench.opening(bench.next_family(), "alice");
    assert_eq!(bench.serve(&opening).alarm, AlarmAction::Alarm(START.plus(30 * DAY)));
    let AccountRequest::Open { family, .. } = opening else { unreachable!() };
    let token = bench.first_token(family);
    bench.ask(&AccountRequest::Revoke { family, reason: Revocation::Logout });

    bench.pass((30 * DAY).saturating_sub(SECOND));
    assert_eq!(bench.object.sweep(bench.now.get()), Ok(AlarmAction::Alarm(START.plus(30 * DAY))));
    assert!(matches!(bench.cause(&token), RefusalCause::Ended { .. }));
    bench.pass(SECOND);
    assert_eq!(bench.object.sweep(bench.now.get()), Ok(AlarmAction::Empty));
    assert!(bench.records.snapshot().is_empty());
    assert_eq!(bench.cause(&token), RefusalCause::UnknownFamily);
}

#[test]
fn the_alarm_rings_for_the_first_family_to_go() {
    let mut bench = Bench { lifetimes: Lifetimes::MOBILE, ..Bench::new() };
    bench.sign_in();
    bench.lifetimes = Lifetimes::WEB;
    let opening = bench.opening(bench.next_family(), "alice");
    assert_eq!(bench.serve(&opening).alarm, AlarmAction::Alarm(START.plus(30 * DAY)));
    bench.pass(31 * DAY);
    assert_eq!(bench.object.sweep(bench.now.get()), Ok(AlarmAction::Alarm(START.plus(90 * DAY))));
    assert_eq!(bench.stored().len(), 2);
}

/// Whoever asked for it may be gone: a Worker that died, a call to the object that failed twice.
#[test]
fn an_erasure_that_was_begun_ends_by_itself() {
    let bench = Bench::new();
    let (family, token) = bench.sign_in();
    let served = bench.serve(&AccountRequest::BeginErase);
    assert!(matches!(served.answer, AccountAnswer::Revoked { ended, .. } if ended == [family]));
    assert_eq!(
        bench.cause(&token),
        RefusalCause::Ended { reason: EndReason::Revoked { by: Revocation::Disabled } }
    );
    let feed = MemoryFeed::new(FeedPolicy::default());
    feed.now.set(bench.now.get());
    let (alarm, fault) = pollster::block_on(bench.object.alarm(bench.now.get(), &feed));
    let due = bench.now.get().plus(15 * 60 * SECOND);
    assert_eq!((alarm, fault), (AlarmAction::Alarm(due), None));
    bench.pass(15 * 60 * SECOND);
    assert_eq!(bench.object.sweep(bench.now.get()), Ok(AlarmAction::Empty));
    assert!(bench.records.snapshot().is_empty());
}

#[test]
fn an_erasure_that_failed_is_given_up_at_the_next_sign_in() {
    let bench = Bench::new();
    bench.sign_in();
    bench.ask(&AccountRequest::BeginErase);
    bench.pass(SECOND);
    let (family, _) = bench.sign_in();
    bench.pass(3600 * SECOND);
    bench.object.sweep(bench.now.get()).unwrap();
    assert!(bench.check(family, bench.now.get()));
}

#[test]
fn a_one_time_token_asked_for_twice_is_kept_once() {
    let bench = Bench::new();
    let issue = |byte| AccountRequest::IssueOneTime {
        hash: SecretHash([byte; 32]),
        purpose: Purpose::ResetPassword,
        context: Context::default(),
    };
    for byte in [1, 2, 3, 3, 1] {
        assert_eq!(bench.ask(&issue(byte)), AccountAnswer::OneTimeIssued {});
    }
    assert_eq!(bench.ask(&issue(4)), AccountAnswer::OneTimeRefused {});
    let AccountAnswer::Activity { entries } = bench.ask(&AccountRequest::Activity) else { panic!() };
    assert_eq!(entries[0].times, 4);
}

/// They tell, and decide nothing: nothing waits for the newer program.
#[test]
fn activity_of_a_newer_version_holds_up_nothing() {
    let bench = Bench::new();
    let (family, _) = bench.sign_in();
    let newer = r#"{"v":1,"record":{"at":1,"kind":"of_the_next_version","times":1,"context":{}}}"#;
    bench.records.write("activity", "0000000007", newer).unwrap();
    let note =
        AccountRequest::Note { kind: ActivityKind::SignedOut, family: None, context: Context::default() };
    assert_eq!(bench.ask(&note), AccountAnswer::Confirmed);
    let rows = bench.records.snapshot();
    assert_eq!(rows[&("activity".into(), "0000000007".into())], newer);
    assert!(rows.contains_key(&("activity".into(), "0000000008".into())));
    assert!(
        matches!(bench.ask(&AccountRequest::Revoke { family, reason: Revocation::Logout }), AccountAnswer::Revoked { ended, .. } if ended == [family])
    );
    assert!(bench.object.sweep(bench.now.get()).is_ok());
}

// The first answer was lost.
#[test]
fn an_erasure_that_is_repeated_still_reaches_the_feed() {
    let bench = Bench::new();
    bench.sign_in();
    bench.ask(&AccountRequest::Erase);
    let told = |rows: BTreeMap<(String, String), String>| rows[&("outbox".into(), "subject".into())].clone();
    let first = told(bench.records.snapshot());
    assert!(first.contains(r#""subject":"alice""#), "{first}");
    bench.ask(&AccountRequest::Erase);
    assert_eq!(told(bench.records.snapshot()), first);
}

#[test]
fn an_erased_subject_leaves_nothing_even_after_a_fault() {
    let bench = Bench::new();
    let (family, token) = bench.sign_in();
    bench.sign_in();
    bench.records.write("family", "unreadable", "{").unwrap();
    bench.records.break_with(FaultMode::FailCall(6));
    assert!(matches!(bench.ask(&AccountRequest::Erase), AccountAnswer::Unavailable { .. }));
    let served = bench.serve(&AccountRequest::Erase);
    assert!(matches!(served.answer, AccountAnswer::Revoked { .. }));
    // The feed is told first; then nothing is left but a mark.
    assert_eq!(served.alarm, AlarmAction::Alarm(bench.now.get()));
    let feed = MemoryFeed::new(FeedPolicy::default());
    feed.now.set(bench.now.get());
    let rung = pollster::block_on(bench.object.alarm(bench.now.get(), &feed));
    let end = bench.now.get().plus(3600 * SECOND);
    assert_eq!((rung, feed.asked()), ((AlarmAction::Alarm(end), None), 1));
    let mark = bench.records.snapshot().into_values().collect::<Vec<_>>();
    assert_eq!(mark.len(), 1);
    assert!(
        mark[0].contains(r#""subject":"","epoch":0"#) && mark[0].contains("18446744073709551615"),
        "{mark:?}"
    );
    assert_eq!(bench.cause(&token), RefusalCause::UnknownFamily);
    assert!(!bench.check(family, bench.now.get()));
    // A sign-in that was under way opens nothing, and nothing is noted of it.
    let late = bench.ask(&bench.opening(bench.next_family(), "alice"));
    assert!(matches!(late, AccountAnswer::Refused(refusal) if refusal.cause == RefusalCause::WrongSubject));
    bench.pass(3600 * SECOND);
    assert_eq!(bench.object.sweep(bench.now.get()), Ok(AlarmAction::Empty));
    assert!(bench.records.snapshot().is_empty());
}

// The wire between Worker and object.

#[test]
fn account_messages_format_unchanged() {
    let bench = Bench::new();
    let (family, token) = bench.sign_in();
    let text = |request: &AccountRequest| serde_json::to_string(request).unwrap();
    assert_eq!(
        text(&AccountRequest::Confirm { family, rotation_count: 7 }),
        r#"{"confirm":{"family":"AQEBAQEBAQEBAQEBAQEBAQ","rotation_count":7}}"#
    );
    assert_eq!(
        text(&AccountRequest::RevokeAll { reason: Revocation::PasswordChanged, keep: None }),
        r#"{"revoke_all":{"reason":"password_changed"}}"#
    );
    assert_eq!(text(&AccountRequest::Sessions), r#""sessions""#);
    let AccountRequest::Rotate { family, presented, limits, .. } = bench.presenting(&token, PHONE) else {
        unreachable!()
    };
    let context = Context::default();
    let rotate = text(&AccountRequest::Rotate { family, presented, limits, context });
    let hash = |secret: &postern_app::refresh::Secret| postern_app::encoding::base64url(&secret.hash().0);
    let first = first_secret(family);
    let expected = concat!(
        r#"{"rotate":{"family":"AQEBAQEBAQEBAQEBAQEBAQ","presented":{"rotation_count":0,"#,
        r#""secret_hash":"FIRST","successor_hash":"SECOND","next_master":1},"#,
        r#""limits":{"reuse_interval":10000,"lost_response_window":86400000,"max_late_retries":10,"#,
        r#""late_only_rotations":3,"receipts":true},"context":{}}}"#,
    )
    .replace("FIRST", &hash(&first))
    .replace("SECOND", &hash(&first.successor(bench.masters.current(), family, 1)));
    assert_eq!(rotate, expected);
}

// An unknown message is an error.
#[test]
fn an_unknown_member_is_passed_over_a_message_is_not() {
    let known = r#"{"confirm":{"family":"AQEBAQEBAQEBAQEBAQEBAQ","rotation_count":7}}"#;
    let read = |text: &str| postern_app::message::read::<AccountRequest>(text);
    let newer = known.replace(":7", r#":7,"of_the_next_version":true"#);
    assert_eq!(read(&newer), read(known));
    assert!(read(known).is_ok() && read(&known.replace("confirm", "of_the_next_version")).is_err());
}
