use core::time::Duration;

use super::*;
use crate::{
    account::{
        AccountRequest, Consent, Ends, Granted, OauthRequest,
        codes::tests::{Bench, grant_id, pending, presented},
    },
    ids::AccountId,
    refresh::{Secret, codec},
    secrets::{Master, Masters},
};

const START: Timestamp = Timestamp::from_seconds(1_700_000_000);
const BROWSER: FamilyId = FamilyId::from_bytes([1; 16]);

fn masters() -> Masters {
    Masters::new(Master::derive(1, &[1; 32]).unwrap(), Vec::new())
}

/// The first refresh token of the grant that [`Bench::open`] opens, as the object sees it.
fn first_token(id: u8) -> Presented {
    let secret = Secret::from_bytes([201; 32]);
    let text = codec::seal(masters().current(), AccountId::from_bytes([0; 16]), grant_id(id), 0, &secret);
    let token = codec::open(&masters(), &text).unwrap();
    Presented { client_id: Some("app".to_owned()), ..token.present(&masters()) }
}

fn rotate(bench: &Bench, presented: Presented, wanted: Wanted, now: Timestamp) -> OauthAnswer {
    let limits = Limits::default();
    let context = Context::default();
    bench.oauth(OauthRequest::RotateGrant { grant_id: grant_id(1), presented, limits, context, wanted }, now)
}

fn end(bench: &Bench, client_id: Option<&str>, reason: Revocation) -> Option<GrantView> {
    let client_id = client_id.map(str::to_owned);
    match bench.oauth(OauthRequest::EndGrant { grant_id: grant_id(1), client_id, reason }, START) {
        OauthAnswer::GrantEnded { grant } => grant,
        other => panic!("{other:?}"),
    }
}

fn grants(bench: &Bench) -> Vec<GrantView> {
    match bench.oauth(OauthRequest::Grants, START) {
        OauthAnswer::Grants { grants } => grants,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_grant_rotates_as_a_session_does() {
    let bench = Bench::new();
    bench.open(1, START);
    let OauthAnswer::GrantRotated(first) = rotate(&bench, first_token(1), Wanted::default(), START) else {
        panic!()
    };
    assert_eq!((first.rotated.rotation_count, first.resource.as_deref()), (1, Some("https://api.example")));
    let OauthAnswer::GrantRotated(again) = rotate(&bench, first_token(1), Wanted::default(), START) else {
        panic!()
    };
    assert_eq!(again.rotated.granted, Granted::Retry);
    let confirm = AccountRequest::Confirm { family: grant_id(1), rotation_count: 1 };
    bench.ask(&confirm, START);
    let late = START.plus(Duration::from_mins(1));
    let OauthAnswer::GrantRefused(refusal) = rotate(&bench, first_token(1), Wanted::default(), late) else {
        panic!()
    };
    assert_eq!(refusal.cause, RefusalCause::Reuse);
    assert!(!bench.is_alive(1, late));
}

// Tests RFC 6749 section 6: a refresh asks for no more than was granted, and by the same client
#[test]
fn a_refresh_for_more_than_was_granted_changes_nothing() {
    let bench = Bench::new();
    bench.open(1, START);
    let before = bench.records.snapshot();
    let scopes = |text: &str| Wanted { scopes: Some(vec![text.to_owned()]), resource: None };
    let resource = Wanted { scopes: None, resource: Some("https://other.example".to_owned()) };
    let not_granted = |what| OauthAnswer::NotGranted { what };
    assert_eq!(rotate(&bench, first_token(1), scopes("admin"), START), not_granted(NotGranted::Scope));
    assert_eq!(rotate(&bench, first_token(1), resource, START), not_granted(NotGranted::Resource));
    let of_another = Presented { client_id: Some("other".to_owned()), ..first_token(1) };
    for wanted in [Wanted::default(), scopes("admin")] {
        let answer = rotate(&bench, of_another.clone(), wanted, START);
        assert!(
            matches!(&answer, OauthAnswer::GrantRefused(refusal) if refusal.cause == RefusalCause::WrongClient),
            "{answer:?}"
        );
    }
    assert_eq!(bench.records.snapshot(), before);
    let own = Wanted { resource: Some("https://api.example".to_owned()), ..scopes("read") };
    assert!(matches!(rotate(&bench, first_token(1), own, START), OauthAnswer::GrantRotated(_)));
}

// The attack: a client uses its tokens where only a session's serve.
#[test]
fn a_grant_is_no_session() {
    let bench = Bench::new();
    bench.open(1, START);
    let family = grant_id(1);
    let check = |grants| AccountRequest::Check { family, issued_at: START, grants };
    assert_eq!(bench.ask(&check(false), START), AccountAnswer::Checked { alive: false });
    assert_eq!(bench.ask(&check(true), START), AccountAnswer::Checked { alive: true });
    let (limits, context) = (Limits::default(), Context::default());
    let rotate = AccountRequest::Rotate { family, presented: first_token(1), limits, context };
    let answer = bench.ask(&rotate, START);
    assert!(
        matches!(&answer, AccountAnswer::Refused(refusal) if refusal.cause == RefusalCause::UnknownFamily),
        "{answer:?}"
    );
    let AccountAnswer::Sessions { sessions } = bench.ask(&AccountRequest::Sessions, START) else { panic!() };
    assert!(sessions.iter().all(|session| session.session_id != family));
    for reason in [Revocation::Logout, Revocation::User] {
        bench.ask(&AccountRequest::Revoke { family, reason }, START);
        assert!(bench.is_alive(1, START), "{reason:?}");
    }
}

#[test]
fn signing_out_ends_no_grant_and_a_new_password_does() {
    let all = |reason| AccountRequest::RevokeAll { reason, keep: None };
    let others = |reason| AccountRequest::RevokeAll { reason, keep: Some(BROWSER) };
    let changed = |ends| AccountRequest::UserChanged {
        subject: pending(1).grant.subject,
        kind: ActivityKind::UserChanged,
        context: Context::default(),
        fence: 1,
        ends,
        reason: Revocation::Operator,
    };
    let beyond = |scopes: &[&str]| Ends::Beyond {
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        roles: vec!["user".to_owned()],
        tenant_id: Some("tenant-7".to_owned()),
    };
    let cases = [
        (all(Revocation::LogoutAll), true),
        (others(Revocation::User), true),
        (AccountRequest::Revoke { family: BROWSER, reason: Revocation::Logout }, true),
        (all(Revocation::PasswordChanged), false),
        (others(Revocation::PasswordChanged), false),
        (all(Revocation::Operator), false),
        (all(Revocation::Disabled), false),
        (AccountRequest::Revoke { family: grant_id(1), reason: Revocation::Operator }, false),
        (changed(beyond(&["read", "read:orders", "write:orders"])), false),
        (AccountRequest::BeginErase, false),
        (AccountRequest::Erase, false),
    ];
    for (request, stays) in cases {
        let bench = Bench::new();
        bench.open(1, START);
        bench.ask(&request, START);
        assert_eq!(bench.is_alive(1, START), stays, "{request:?}");
        assert_eq!(grants(&bench).len(), usize::from(stays));
        // One entry of the feed is about the whole subject, or about this grant alone.
        let told =
            bench.records.scan("outbox").unwrap().into_iter().any(|(id, _)| id == grant_id(1).to_string());
        let of_all = bench.records.scan("outbox").unwrap().into_iter().any(|(id, _)| id == "subject");
        assert!(stays || told || of_all, "{request:?}");
    }
    let bench = Bench::new();
    bench.open(1, START);
    bench.ask(&changed(beyond(&["read", "write", "read:orders", "write:orders"])), START);
    assert!(bench.is_alive(1, START), "the user has all of it");
}

#[test]
fn a_client_ends_its_own_grant_alone() {
    let bench = Bench::new();
    bench.open(1, START);
    assert_eq!(end(&bench, Some("other"), Revocation::Client), None);
    assert!(bench.is_alive(1, START));
    assert_eq!(end(&bench, Some("app"), Revocation::Client).unwrap().client_id, "app");
    assert!(!bench.is_alive(1, START));
    assert_eq!(end(&bench, Some("app"), Revocation::Client), None, "it has ended");
}

#[test]
fn a_user_who_ends_a_grant_is_asked_again() {
    let consented = |bench: &Bench| {
        let request = OauthRequest::Consent {
            client_id: "app".to_owned(),
            redirect_uri: "https://app.example/cb".to_owned(),
            resource: None,
        };
        match bench.oauth(request, START) {
            OauthAnswer::Consented { scopes } => scopes,
            other => panic!("{other:?}"),
        }
    };
    let consent = |scopes: &[&str]| Consent {
        client_id: "app".to_owned(),
        redirect_uri: "https://app.example/cb".to_owned(),
        resource: None,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    for (reason, stays) in
        [(Revocation::Client, true), (Revocation::User, false), (Revocation::Operator, false)]
    {
        let bench = Bench::new();
        for scopes in [&["write"], &["read"]] {
            let issue = OauthRequest::IssueCode {
                grant_id: grant_id(1),
                code: pending(1),
                session: BROWSER,
                consent: Some(consent(scopes)),
            };
            bench.oauth(issue, START);
        }
        assert_eq!(consented(&bench), Some(vec!["read".to_owned(), "write".to_owned()]), "both times");
        bench.redeem(1, presented(1, 1), START);
        end(&bench, None, reason);
        assert_eq!(consented(&bench).is_some(), stays, "{reason:?}");
    }
}

// The attack: a client asks for grant after grant, to push out those of others.
#[test]
fn a_client_makes_room_among_its_own_grants() {
    let bench = Bench::new();
    let of_client = |id: u8, client_id: &str, now| {
        let mut code = pending(id);
        code.grant.client_id = client_id.to_owned();
        let issue = OauthRequest::IssueCode { grant_id: grant_id(id), code, session: BROWSER, consent: None };
        bench.oauth(issue, now);
        let presented = super::super::PresentedCode { client_id: client_id.to_owned(), ..presented(id, 1) };
        match bench.redeem(id, presented, now) {
            OauthAnswer::Redeemed(redeemed) => redeemed.displaced,
            other => panic!("{other:?}"),
        }
    };
    let at = |second: u8| START.plus(Duration::from_secs(second.into()));
    assert!(of_client(0, "other", START).is_empty());
    for id in 1..=20 {
        assert!(of_client(id, "app", at(id)).is_empty(), "{id}");
    }
    assert_eq!(of_client(21, "app", at(21)), [grant_id(1)], "the longest idle of its own");
    assert!(bench.is_alive(0, at(21)) && !bench.is_alive(1, at(21)));
    for id in 22..=100 {
        let client = ["b", "c", "d", "e"][usize::from(id - 22) / 20];
        assert!(of_client(id, client, at(100)).is_empty(), "{id}");
    }
    assert_eq!(of_client(101, "f", at(101)), [grant_id(0)], "the longest idle of all");
}

#[test]
fn a_refresh_token_is_inspected_while_it_is_current() {
    let bench = Bench::new();
    bench.open(1, START);
    let inspect = |count, secret: u8| {
        let secret_hash = Secret::from_bytes([secret; 32]).hash();
        let request =
            OauthRequest::InspectGrant { grant_id: grant_id(1), rotation_count: count, secret_hash };
        match bench.oauth(request, START) {
            OauthAnswer::Inspected { grant } => grant.map(|grant| grant.scope),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(inspect(0, 201).as_deref(), Some("read write"));
    assert_eq!((inspect(1, 201), inspect(0, 202)), (None, None));
    rotate(&bench, first_token(1), Wanted::default(), START);
    assert_eq!(inspect(0, 201), None, "it was replaced");
}

#[test]
fn a_grant_goes_when_its_absolute_lifetime_is_over() {
    let bench = Bench::new();
    bench.open(1, START);
    let AlarmAction::Alarm(_) = bench.account.sweep(START.plus(Duration::from_hours(24 * 8))).unwrap() else {
        panic!("its record is kept, for a replay")
    };
    let over = START.plus(Duration::from_hours(24 * 31));
    assert_eq!(bench.account.sweep(over).unwrap(), AlarmAction::Empty);
    assert_eq!(bench.records.snapshot().len(), 0);
}

#[test]
fn grant_record_format_unchanged() {
    let bench = Bench::new();
    bench.open(1, START);
    let (id, record) = bench.records.scan(GRANT_KIND).unwrap().remove(0);
    assert_eq!(id, grant_id(1).to_string());
    assert_eq!(
        record,
        r#"{"v":1,"record":{"family":{"grant":{"subject":"018f2f6e-9a3c-7c1e-8a55-0f9d3c1b2a77","client_id":"app","scope":"read write","tenant_id":"tenant-7","amr":["pwd"],"auth_time":1700000000000},"lifetimes":{"idle":604800000,"absolute":2592000000},"created_at":1700000000000,"seen_at":1700000000000,"context":{},"rotation_count":0,"rotated_at":1700000000000,"state":{"alive":{"secret_hash":"G5RzPws45JX4OVwmEzcSMPA1L8GrbTuE8Bx7iC0y7_U","master":1,"receipt":"unconfirmed","late_retries":0,"late_only_rotations":0}}},"code_hash":"cs1uhCLEB_ttCYaQ8RMLfe1-wvf14dML2dUh8BU2N5M","challenge":"BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU","redirect_uri":"https://app.example/cb","resource":"https://api.example","offline":true}}"#
    );
}

#[test]
fn consent_record_format_unchanged() {
    let bench = Bench::new();
    let consent = Consent {
        client_id: "app".to_owned(),
        redirect_uri: "https://app.example/cb".to_owned(),
        resource: Some("https://api.example".to_owned()),
        scopes: vec!["read".to_owned()],
    };
    let issue = OauthRequest::IssueCode {
        grant_id: grant_id(1),
        code: pending(1),
        session: BROWSER,
        consent: Some(consent),
    };
    bench.oauth(issue, START);
    let (id, record) = bench.records.scan("consent").unwrap().remove(0);
    assert_eq!(id, "SbhU6HYCZ6w7EpOcCIb_ww");
    assert_eq!(
        record,
        r#"{"v":1,"record":{"consent":{"client_id":"app","redirect_uri":"https://app.example/cb","resource":"https://api.example","scopes":["read"]},"at":1700000000000}}"#
    );
}
