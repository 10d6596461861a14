//! Browser sessions at the pages: alive by their cookie, and ended by whatever ends a user's sessions.

use std::time::Duration;

use super::support::*;
use postern_app::{
    account::{AccountAnswer, AccountRequest, ActivityKind, Ends},
    ids::{FamilyId, QuestionId},
    refresh::{FamilyKind, RefusalCause, Revocation, SecretHash},
};

const HOUR: Duration = Duration::from_hours(1);

fn opening(bench: &Bench, family: FamilyId) -> AccountRequest {
    let mut opening = bench.opening(family, "alice");
    if let AccountRequest::Open { kind, .. } = &mut opening {
        *kind = FamilyKind::Browser;
    }
    opening
}

fn sign_in(bench: &Bench) -> FamilyId {
    let family = bench.next_family();
    let answer = bench.ask(&opening(bench, family));
    assert!(matches!(answer, AccountAnswer::Opened { .. }), "{answer:?}");
    family
}

fn browse(bench: &Bench, family: FamilyId, secret_hash: SecretHash) -> bool {
    let context = context(PHONE);
    match bench.ask(&AccountRequest::Browse { family, secret_hash, context }) {
        AccountAnswer::Browsing(browsing) => {
            assert_eq!(browsing.grant, grant("alice"));
            true
        }
        AccountAnswer::Refused(refusal) => {
            assert_eq!(refusal.cause, RefusalCause::UnknownFamily);
            false
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_browser_session_is_alive_by_its_own_secret_only() {
    let bench = Bench::new();
    let family = sign_in(&bench);
    assert!(browse(&bench, family, first_secret(family).hash()));
    assert!(!browse(&bench, family, SecretHash([0; 32])), "another secret");
    assert!(!browse(&bench, bench.next_family(), first_secret(family).hash()), "another family");
}

// The attack: a stolen cookie's secret in a refresh token would be a session for 30 days; the reverse would be a browser
// that is signed in.
#[test]
fn neither_kind_of_session_serves_as_the_other() {
    let bench = Bench::new();
    let family = sign_in(&bench);
    assert_eq!(bench.cause(&bench.first_token(family)), RefusalCause::UnknownFamily);
    let (session, _) = bench.sign_in();
    assert!(!browse(&bench, session, first_secret(session).hash()));
}

#[test]
fn whatever_ends_sessions_ends_a_browser_session() {
    let changed = |ends, reason| AccountRequest::UserChanged {
        subject: "alice".to_owned(),
        kind: ActivityKind::PasswordChanged,
        context: context(PHONE),
        fence: 0,
        ends,
        reason,
    };
    let other = FamilyId::from_bytes([200; 16]);
    let all = || AccountRequest::RevokeAll { reason: Revocation::LogoutAll, keep: None };
    for (name, end) in [
        ("a sign-out", None),
        ("a sign-out everywhere", Some(all())),
        ("a new password", Some(changed(Ends::Others(other), Revocation::PasswordChanged))),
        ("a disabled user", Some(changed(Ends::All, Revocation::Disabled))),
        (
            "fewer grants",
            Some(changed(
                Ends::Beyond { scopes: Vec::new(), roles: Vec::new(), tenant_id: None },
                Revocation::Operator,
            )),
        ),
        ("an erasure", Some(AccountRequest::Erase)),
    ] {
        let bench = Bench::new();
        let family = sign_in(&bench);
        let end = end.unwrap_or(AccountRequest::Revoke { family, reason: Revocation::Logout });
        bench.ask(&end);
        assert!(!browse(&bench, family, first_secret(family).hash()), "{name}");
    }
}

#[test]
fn use_puts_off_the_idle_end_and_not_the_absolute_one() {
    let bench = Bench::new();
    let family = sign_in(&bench);
    let hash = first_secret(family).hash();
    let hours = bench.lifetimes.absolute.as_secs() / 3600;
    // Each time just before the session is idle for too long.
    let step = bench.lifetimes.idle.saturating_sub(HOUR);
    let mut passed = 0;
    while passed + step.as_secs() / 3600 < hours {
        bench.pass(step);
        passed += step.as_secs() / 3600;
        assert!(browse(&bench, family, hash), "after {passed} h");
    }
    bench.pass(step);
    assert!(!browse(&bench, family, hash), "after its absolute lifetime");
    let idle = sign_in(&bench);
    bench.pass(bench.lifetimes.idle);
    assert!(!browse(&bench, idle, first_secret(idle).hash()), "unused for too long");
}

// A page that is reloaded costs no write each time.
#[test]
fn use_is_written_every_five_minutes() {
    let bench = Bench::new();
    let family = sign_in(&bench);
    let before = bench.records.snapshot();
    bench.pass(Duration::from_secs(299));
    assert!(browse(&bench, family, first_secret(family).hash()));
    assert_eq!(bench.records.snapshot(), before);
    bench.pass(Duration::from_secs(1));
    assert!(browse(&bench, family, first_secret(family).hash()));
    assert_ne!(bench.records.snapshot(), before);
}

// The attack: a form for consent that is posted again, by a reload or from a copy of the page.
#[test]
fn a_question_is_answered_once() {
    let bench = Bench::new();
    let family = sign_in(&bench);
    let until = bench.now.get().plus(HOUR);
    let answer = |number: u8| {
        let question = QuestionId::from_bytes([number; 16]);
        bench.ask(&AccountRequest::Answer { family, question, until }) == AccountAnswer::Confirmed
    };
    assert_eq!([answer(1), answer(1), answer(2)], [true, false, true]);
    // Its record stays small.
    assert_eq!((3..30).filter(|number| answer(*number)).count(), 14);
    bench.pass(HOUR);
    assert!(!answer(40), "too late");
    let question = QuestionId::from_bytes([1; 16]);
    let until = bench.now.get().plus(HOUR);
    let answer = |family| bench.ask(&AccountRequest::Answer { family, question, until });
    let (session, _) = bench.sign_in();
    assert!(matches!(answer(session), AccountAnswer::Refused(_)), "an app's session has no questions");
    bench.ask(&AccountRequest::Revoke { family, reason: Revocation::Logout });
    assert!(matches!(answer(family), AccountAnswer::Refused(_)), "nor one that has ended");
}

#[test]
fn the_list_of_sessions_says_which_is_a_browsers() {
    let bench = Bench::new();
    let family = sign_in(&bench);
    let (session, _) = bench.sign_in();
    let kinds: Vec<_> = bench.sessions().into_iter().map(|view| (view.session_id, view.kind)).collect();
    assert!(
        kinds.contains(&(family, FamilyKind::Browser)) && kinds.contains(&(session, FamilyKind::Session))
    );
}
