use core::time::Duration;

use super::*;
use crate::{
    account::{
        Account, AccountAnswer, AccountRequest, OauthAnswer, OauthRequest, authorization_code::CodeChallenge,
        memory::ordinary_sign_in,
    },
    ports::memory::{FaultMode, MemoryRecords},
    refresh::{DriftPolicy, Grant, Lifetimes, Revocation, Secret},
};

const START: Timestamp = Timestamp::from_seconds(1_700_000_000);
/// The browser's session.
const BROWSER: FamilyId = FamilyId::from_bytes([1; 16]);
const SUBJECT: &str = "018f2f6e-9a3c-7c1e-8a55-0f9d3c1b2a77";
const CHALLENGE: CodeChallenge = CodeChallenge([5; 32]);

/// An account whose user is signed in at the pages.
pub(in crate::account) struct Bench {
    pub(in crate::account) records: MemoryRecords,
    pub(in crate::account) account: Account<MemoryRecords>,
}

impl Bench {
    pub(in crate::account) fn new() -> Self {
        let records = MemoryRecords::default();
        let bench = Self { account: Account::new(records.clone()), records };
        bench.ask(&ordinary_sign_in(BROWSER, 50, START), START);
        bench
    }

    pub(in crate::account) fn ask(&self, request: &AccountRequest, now: Timestamp) -> AccountAnswer {
        self.account.serve(request, now).answer
    }

    pub(in crate::account) fn oauth(&self, request: OauthRequest, now: Timestamp) -> OauthAnswer {
        match self.ask(&AccountRequest::Oauth(request), now) {
            AccountAnswer::Oauth(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    pub(in crate::account) fn issue(&self, id: u8, now: Timestamp) -> OauthAnswer {
        let code = pending(id);
        self.oauth(
            OauthRequest::IssueCode { grant_id: grant_id(id), code, session: BROWSER, consent: None },
            now,
        )
    }

    pub(in crate::account) fn redeem(&self, id: u8, presented: PresentedCode, now: Timestamp) -> OauthAnswer {
        let context = Context::default();
        self.oauth(OauthRequest::RedeemCode { grant_id: grant_id(id), presented, context }, now)
    }

    /// A grant that was opened just now.
    pub(in crate::account) fn open(&self, id: u8, now: Timestamp) {
        assert_eq!(self.issue(id, now), OauthAnswer::CodeIssued {});
        let answer = self.redeem(id, presented(id, 1), now);
        assert!(matches!(answer, OauthAnswer::Redeemed(_)), "{answer:?}");
    }

    pub(in crate::account) fn is_alive(&self, id: u8, now: Timestamp) -> bool {
        let check = AccountRequest::Check { family: grant_id(id), issued_at: now, grants: true };
        self.ask(&check, now) == AccountAnswer::Checked { alive: true }
    }

    fn codes(&self) -> usize {
        self.records.scan(CODE_KIND).unwrap().len()
    }
}

pub(in crate::account) fn grant_id(id: u8) -> FamilyId {
    FamilyId::from_bytes([100 + id; 16])
}

pub(in crate::account) fn pending(id: u8) -> PendingCode {
    PendingCode {
        hash: Secret::from_bytes([id; 32]).hash(),
        challenge: CHALLENGE,
        redirect_uri: "https://app.example/cb".to_owned(),
        grant: Grant {
            subject: SUBJECT.to_owned(),
            client_id: "app".to_owned(),
            scope: "read write".to_owned(),
            roles: Vec::new(),
            tenant_id: Some("tenant-7".to_owned()),
            amr: vec!["pwd".to_owned()],
            auth_time: START,
        },
        resource: Some("https://api.example".to_owned()),
        offline: true,
        lifetimes: Lifetimes::WEB,
        drift: DriftPolicy::Log,
    }
}

/// The right presentation of a code, by the `attempt`th request.
pub(in crate::account) fn presented(id: u8, attempt: u8) -> PresentedCode {
    PresentedCode {
        hash: Secret::from_bytes([id; 32]).hash(),
        client_id: "app".to_owned(),
        challenge: CHALLENGE,
        redirect_uri: None,
        resource: None,
        secret_hash: Secret::from_bytes([200 + attempt; 32]).hash(),
        master: 1,
    }
}

fn refused(cause: CodeRefusal) -> OauthAnswer {
    OauthAnswer::CodeRefused { cause, ended: false }
}

fn replayed(ended: bool) -> OauthAnswer {
    OauthAnswer::CodeRefused { cause: CodeRefusal::Replayed, ended }
}

#[test]
fn a_code_opens_a_grant_once() {
    let bench = Bench::new();
    bench.issue(1, START);
    let OauthAnswer::Redeemed(redeemed) = bench.redeem(1, presented(1, 1), START) else { panic!() };
    assert_eq!((redeemed.grant.client_id.as_str(), redeemed.grant.scope.as_str()), ("app", "read write"));
    assert_eq!(redeemed.resource.as_deref(), Some("https://api.example"));
    assert!(redeemed.offline && bench.is_alive(1, START));
    assert_eq!(bench.codes(), 0);
}

// Tests RFC 9700 section 4.5: a code that is redeemed twice ends what it opened
// A thief has the code and the verifier, and is first, or second. The server cannot tell which of the two is the client.
#[test]
fn a_replay_ends_the_grant_also_long_after() {
    for later in [Duration::ZERO, Duration::from_secs(30), Duration::from_hours(24 * 6)] {
        let bench = Bench::new();
        bench.open(1, START);
        let now = START.plus(later);
        assert_eq!(bench.redeem(1, presented(1, 2), now), replayed(true));
        assert!(!bench.is_alive(1, now));
        assert_eq!(bench.redeem(1, presented(1, 3), now), replayed(false), "it has ended");
        assert!(bench.records.scan("outbox").unwrap().len() == 1, "the feed is told");
    }
}

#[test]
fn of_fifty_redemptions_one_gets_tokens_that_end() {
    let bench = Bench::new();
    bench.issue(1, START);
    let answers: Vec<OauthAnswer> =
        (0..50).map(|attempt| bench.redeem(1, presented(1, attempt), START)).collect();
    let redeemed = answers.iter().filter(|answer| matches!(answer, OauthAnswer::Redeemed(_))).count();
    assert_eq!(redeemed, 1);
    assert!(!bench.is_alive(1, START));
}

// The platform repeats a message whose answer was lost: the object had acted on it.
#[test]
fn one_message_that_comes_twice_is_no_replay() {
    let bench = Bench::new();
    bench.issue(1, START);
    let first = bench.redeem(1, presented(1, 1), START);
    assert_eq!(bench.redeem(1, presented(1, 1), START), first);
    assert!(bench.is_alive(1, START));
}

// The attack: someone found a code in a log, and asks for tokens, or wants to sign the user out.
#[test]
fn a_presentation_without_all_of_it_changes_nothing() {
    let sound = presented(1, 1);
    let wrong = |change: fn(&mut PresentedCode)| {
        let mut presented = sound.clone();
        change(&mut presented);
        presented
    };
    let cases = [
        (wrong(|code| code.hash = Secret::from_bytes([9; 32]).hash()), CodeRefusal::Unknown),
        (wrong(|code| code.client_id = "other".to_owned()), CodeRefusal::WrongClient),
        (wrong(|code| code.challenge = CodeChallenge([6; 32])), CodeRefusal::WrongVerifier),
        (
            wrong(|code| code.redirect_uri = Some("https://app.example/cb/".to_owned())),
            CodeRefusal::WrongRedirect,
        ),
        (wrong(|code| code.resource = Some("https://api.example/".to_owned())), CodeRefusal::WrongResource),
    ];
    let bench = Bench::new();
    bench.issue(1, START);
    let before = bench.records.snapshot();
    for (presented, cause) in &cases {
        assert_eq!(bench.redeem(1, presented.clone(), START), refused(*cause));
        assert_eq!(bench.records.snapshot(), before, "{cause:?}");
    }
    let with_both = wrong(|code| {
        code.redirect_uri = Some("https://app.example/cb".to_owned());
        code.resource = Some("https://api.example".to_owned());
    });
    assert!(matches!(bench.redeem(1, with_both, START), OauthAnswer::Redeemed(_)));
    for (presented, cause) in cases {
        assert_eq!(bench.redeem(1, presented, START), refused(cause), "after it was redeemed, too");
    }
    assert!(bench.is_alive(1, START));
}

#[test]
fn a_code_expires_after_a_minute() {
    for (later, expected) in [(59_999, None), (60_000, Some(CodeRefusal::Expired))] {
        let bench = Bench::new();
        bench.issue(1, START);
        let answer = bench.redeem(1, presented(1, 1), START.plus(Duration::from_millis(later)));
        assert_eq!(matches!(answer, OauthAnswer::Redeemed(_)), expected.is_none());
        if let Some(cause) = expected {
            assert_eq!(answer, refused(cause));
        }
    }
    let bench = Bench::new();
    bench.issue(1, START);
    let late = START.plus(Duration::from_mins(1));
    assert_eq!(
        bench.redeem(1, presented(1, 1), late),
        refused(CodeRefusal::Expired),
        "by the object's clock"
    );
    bench.account.sweep(late).unwrap();
    assert_eq!(bench.codes(), 0);
    assert_eq!(bench.redeem(1, presented(1, 1), late), refused(CodeRefusal::Unknown));
}

#[test]
fn the_oldest_code_makes_room() {
    let bench = Bench::new();
    for id in 0..25 {
        bench.issue(id, START.plus(Duration::from_millis(id.into())));
    }
    assert_eq!(bench.codes(), 20);
    let now = START.plus(Duration::from_secs(1));
    assert_eq!(bench.redeem(4, presented(4, 1), now), refused(CodeRefusal::Unknown));
    assert!(matches!(bench.redeem(5, presented(5, 1), now), OauthAnswer::Redeemed(_)));
}

// The attack: a request is under way while the user signs out, or while the password of a stolen session is changed.
#[test]
fn a_session_that_is_over_authorizes_nothing() {
    let end = [
        AccountRequest::Revoke { family: BROWSER, reason: Revocation::Logout },
        AccountRequest::RevokeAll { reason: Revocation::PasswordChanged, keep: None },
        AccountRequest::Erase,
    ];
    for end in end {
        let bench = Bench::new();
        bench.ask(&end, START);
        assert_eq!(bench.issue(1, START), OauthAnswer::SignInOutdated {}, "{end:?}");
    }
    let bench = Bench::new();
    let mut code = pending(1);
    code.grant.subject = "mallory".to_owned();
    let request = OauthRequest::IssueCode { grant_id: grant_id(1), code, session: BROWSER, consent: None };
    assert_eq!(bench.oauth(request, START), OauthAnswer::SignInOutdated {});
}

#[test]
fn codes_are_void_when_all_sessions_end() {
    for reason in [Revocation::LogoutAll, Revocation::PasswordChanged, Revocation::Disabled] {
        let bench = Bench::new();
        bench.issue(1, START);
        bench.ask(&AccountRequest::RevokeAll { reason, keep: None }, START);
        assert_eq!(bench.redeem(1, presented(1, 1), START), refused(CodeRefusal::Unknown), "{reason:?}");
    }
}

#[test]
fn a_storage_fault_leaves_a_code_that_can_be_redeemed() {
    for number in 0..12 {
        let bench = Bench::new();
        bench.issue(1, START);
        bench.records.break_with(FaultMode::FailCall(number));
        let request = OauthRequest::RedeemCode {
            grant_id: grant_id(1),
            presented: presented(1, 1),
            context: Context::default(),
        };
        let answer = bench.ask(&AccountRequest::Oauth(request), START);
        bench.records.break_with(FaultMode::None);
        let is_open = bench.is_alive(1, START);
        match answer {
            AccountAnswer::Oauth(OauthAnswer::Redeemed(_)) => assert!(is_open, "{number}"),
            AccountAnswer::Unavailable { .. } => {
                assert!(!is_open, "{number}");
                assert!(matches!(bench.redeem(1, presented(1, 2), START), OauthAnswer::Redeemed(_)));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn code_record_format_unchanged() {
    let bench = Bench::new();
    bench.issue(1, START);
    let (id, record) = bench.records.scan(CODE_KIND).unwrap().remove(0);
    assert_eq!(id, grant_id(1).to_string());
    assert_eq!(
        record,
        r#"{"v":1,"record":{"code":{"hash":"cs1uhCLEB_ttCYaQ8RMLfe1-wvf14dML2dUh8BU2N5M","challenge":"BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU","redirect_uri":"https://app.example/cb","grant":{"subject":"018f2f6e-9a3c-7c1e-8a55-0f9d3c1b2a77","client_id":"app","scope":"read write","tenant_id":"tenant-7","amr":["pwd"],"auth_time":1700000000000},"resource":"https://api.example","offline":true,"lifetimes":{"idle":604800000,"absolute":2592000000}},"issued_at":1700000000000}}"#
    );
}
