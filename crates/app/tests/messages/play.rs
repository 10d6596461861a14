//! Every message once, and what the objects answer.

use core::{cell::RefCell, time::Duration};
use std::collections::BTreeMap;

use pollster::block_on;
use postern_app::{
    account::{
        Account, AccountAnswer, AccountRequest, ActivityKind, Ends, OauthRequest, Purpose,
        memory::{ORDINARY_SECRET, ordinary_sign_in},
    },
    audit::{AuditAnswer, AuditChain, AuditRequest, chain::Act},
    ids::{FamilyId, QuestionId},
    issuer_keys::{IssuerKeysAnswer, IssuerKeysRequest, Unavailable},
    jwks::{CachePolicy, FetchFailure, IssuerSource, KeyLocation, Snapshot},
    keys::{KeyRingAnswer, KeyRingRequest, RingPolicy},
    metrics::{Batch, MetricsAnswer, MetricsRequest, Shard},
    ports::memory::{FaultMode, MemoryRecords},
    rate::Rate,
    refresh::{Context, FamilyKind, Limits, Presented, Revocation, SecretHash},
    revocation::{Feed, FeedAnswer, FeedEntry, FeedPolicy, FeedRequest, Kind, RevocationKey, Rule},
};
use postern_core::throttle::{
    Charge, DistinctLimit, LockoutPolicy, Refund, Throttle, ThrottleAnswer, ThrottleRequest,
};

use super::oauth;
use crate::tests::keys_support::{START, empty_ring, masters};

type Played<Q, A> = (Vec<Q>, Vec<A>);

pub(super) struct Play {
    pub(super) account: Played<AccountRequest, AccountAnswer>,
    pub(super) throttle: Played<ThrottleRequest, ThrottleAnswer>,
    pub(super) feed: Played<FeedRequest, FeedAnswer>,
    pub(super) key_ring: Played<KeyRingRequest, KeyRingAnswer>,
    pub(super) issuer_keys: Played<IssuerKeysRequest, IssuerKeysAnswer>,
    pub(super) audit: Played<AuditRequest, AuditAnswer>,
    pub(super) metrics: Played<MetricsRequest, MetricsAnswer>,
}

pub(super) fn all() -> Play {
    Play {
        account: account(),
        throttle: throttle(),
        feed: feed(),
        key_ring: key_ring(),
        issuer_keys: issuer_keys(),
        audit: audit(),
        metrics: metrics(),
    }
}

/// The rows of an object as a call left them.
pub(super) struct Stored {
    pub(super) object: &'static str,
    pub(super) rows: BTreeMap<(String, String), String>,
}

thread_local! {
    static STORED: RefCell<Vec<Stored>> = const { RefCell::new(Vec::new()) };
}

fn note(object: &'static str, records: &MemoryRecords) {
    STORED.with_borrow_mut(|stored| stored.push(Stored { object, rows: records.snapshot() }));
}

/// What all objects stored while every message was played.
pub(super) fn stored() -> Vec<Stored> {
    STORED.take();
    all();
    STORED.take()
}

fn played<Q, A>(requests: Vec<Q>, mut serve: impl FnMut(&Q) -> A) -> Played<Q, A> {
    let answers = requests.iter().map(&mut serve).collect();
    (requests, answers)
}

fn account() -> Played<AccountRequest, AccountAnswer> {
    let family = FamilyId::from_bytes([1; 16]);
    let (hash, purpose) = (SecretHash([3; 32]), Purpose::ResetPassword);
    let context = Context::new(Some("203.0.113.7"), Some("AT"), "Firefox/140.0");
    let masters = masters();
    let rotate = |family| AccountRequest::Rotate {
        family,
        presented: Presented {
            rotation_count: 0,
            secret_hash: ORDINARY_SECRET.hash(),
            successor_hash: ORDINARY_SECRET.successor(masters.current(), family, 1).hash(),
            next_master: 1,
            client_id: None,
            binding: None,
        },
        limits: Limits { pace: Some(Rate::new(5, 20)), ..Limits::default() },
        context: context.clone(),
    };
    let changed = |ends| AccountRequest::UserChanged {
        subject: "018f2f6e-9a3c-7c1e-8a55-0f9d3c1b2a77".to_owned(),
        kind: ActivityKind::UserChanged,
        context: context.clone(),
        fence: 2,
        ends,
        reason: Revocation::Operator,
    };
    let beyond = Ends::Beyond { scopes: vec!["a".to_owned()], roles: vec![], tenant_id: None };
    let browser = FamilyId::from_bytes([3; 16]);
    let mut browser_sign_in = ordinary_sign_in(browser, 10, START);
    if let AccountRequest::Open { kind, .. } = &mut browser_sign_in {
        *kind = FamilyKind::Browser;
    }
    let browse = AccountRequest::Browse {
        family: browser,
        secret_hash: ORDINARY_SECRET.hash(),
        context: context.clone(),
    };
    let mut requests = vec![
        ordinary_sign_in(family, 10, START),
        browser_sign_in,
        browse,
        AccountRequest::Answer {
            family: browser,
            question: QuestionId::from_bytes([4; 16]),
            until: START.plus(Duration::from_hours(1)),
        },
        rotate(family),
        rotate(FamilyId::from_bytes([2; 16])),
        AccountRequest::Confirm { family, rotation_count: 1 },
        AccountRequest::Sessions,
        AccountRequest::Check { family, issued_at: START, grants: false },
        AccountRequest::Note { kind: ActivityKind::SignedOut, family: None, context: context.clone() },
        AccountRequest::Note {
            kind: ActivityKind::AccountExported,
            family: Some(family),
            context: Context::default(),
        },
        AccountRequest::Activity,
    ];
    // Before the new password, which ends the browser's session.
    requests.extend(oauth::requests(browser, &context));
    requests.extend([
        AccountRequest::IssueOneTime { hash, purpose, context: context.clone() },
        AccountRequest::RedeemOneTime { hash, purpose, context: context.clone() },
        AccountRequest::RedeemOneTime { hash, purpose, context: context.clone() },
        AccountRequest::GiveBackOneTime { hash },
        AccountRequest::Revoke { family, reason: Revocation::Logout },
        AccountRequest::RevokeAll { reason: Revocation::LogoutAll, keep: Some(family) },
        AccountRequest::RevokeAll { reason: Revocation::LogoutAll, keep: None },
        changed(Ends::All),
        changed(Ends::None),
        changed(Ends::Others(family)),
        changed(beyond),
        AccountRequest::BeginErase,
        AccountRequest::Erase,
        AccountRequest::Sessions,
    ]);
    let records = MemoryRecords::default();
    let last = requests.len() - 1;
    let mut number = 0;
    played(requests, |request| {
        records.break_with(if number == last { FaultMode::Down } else { FaultMode::None });
        number += 1;
        let answer = Account::new(records.clone()).serve(request, START).answer;
        note("account", &records);
        answer
    })
}

fn throttle() -> Played<ThrottleRequest, ThrottleAnswer> {
    let claim = |burst| Charge {
        row: "strangers".to_owned(),
        bucket: "login".to_owned(),
        rate: Some(Rate::new(1, burst)),
        ladder: Some(LockoutPolicy {
            delay_after: 0,
            lock_after: 1,
            locks: vec![60],
            forget: 60,
            refuses: false,
        }),
        spread: Some(DistinctLimit { count: 2, window: 60 }),
        one: "one".to_owned(),
    };
    let plain = Charge {
        rate: None,
        ladder: None,
        spread: None,
        one: String::new(),
        row: "7".to_owned(),
        ..claim(1)
    };
    let pardon = Refund { row: "7".to_owned(), ..Refund::default() };
    let whole = Refund {
        row: "strangers".to_owned(),
        all: true,
        forget: 60,
        lock: Some(START),
        one: "one".to_owned(),
        alarm: true,
    };
    let requests = vec![
        ThrottleRequest::Take { claims: vec![claim(1), plain] },
        ThrottleRequest::Take { claims: vec![claim(1)] },
        ThrottleRequest::Read { rows: vec![] },
        ThrottleRequest::Forgive { pardons: vec![whole, pardon] },
        ThrottleRequest::Clear { rows: vec!["strangers".to_owned()] },
    ];
    let records = MemoryRecords::default();
    let object = Throttle::new(records.clone());
    let (requests, mut answers) = played(requests, |request| {
        let answer = object.serve(request, START);
        note("throttle", &records);
        answer
    });
    answers.push(ThrottleAnswer::Unavailable { cause: "storage".to_owned() });
    (requests, answers)
}

fn feed() -> Played<FeedRequest, FeedAnswer> {
    let session = FeedEntry::session(FamilyId::from_bytes([1; 16]), START);
    let mark = RevocationKey::own(Kind::Session, "session");
    let entry = |rule| FeedEntry { mark, rule, until: START.plus(Duration::from_mins(1)) };
    let all = vec![
        session.clone(),
        FeedEntry::subject("alice", START),
        entry(Rule::Listed),
        entry(Rule::NotBefore(START)),
    ];
    let requests = vec![
        FeedRequest::Add { entries: all },
        FeedRequest::Confirm { marks: vec![session.mark], issued_at: START },
        FeedRequest::Snapshot {},
    ];
    let records = MemoryRecords::default();
    let object = Feed::new(records.clone());
    let policy = FeedPolicy::default();
    let (requests, mut answers) = played(requests, |request| {
        let answer = object.serve(request, START, &policy).answer;
        note("feed", &records);
        answer
    });
    answers.extend([FeedAnswer::Full, FeedAnswer::Unavailable { cause: "storage".to_owned() }]);
    (requests, answers)
}

fn key_ring() -> Played<KeyRingRequest, KeyRingAnswer> {
    let (ring, _, _) = empty_ring(21, RingPolicy::default());
    let kid = |answer: &KeyRingAnswer| match answer {
        KeyRingAnswer::Signing { key, .. } => key.kid(),
        other => panic!("{other:?}"),
    };
    let ask = |request: &KeyRingRequest| {
        let answer = block_on(ring.serve(request)).answer;
        note("key_ring", ring.records());
        answer
    };
    let kid = kid(&ask(&KeyRingRequest::Signing {}));
    let requests = vec![
        KeyRingRequest::Signing {},
        KeyRingRequest::PublicSet {},
        KeyRingRequest::Overview {},
        KeyRingRequest::Rotate { force: false, algorithm: None },
        KeyRingRequest::Rotate { force: true, algorithm: None },
        KeyRingRequest::RevokeKey { kid },
        KeyRingRequest::Overview {},
    ];
    let (requests, mut answers) = played(requests, ask);
    answers.extend([
        KeyRingAnswer::RotationScheduled { kid, at: START },
        KeyRingAnswer::UnknownKey { kid },
        KeyRingAnswer::Unavailable { part: postern_app::ports::Component::Storage },
    ]);
    (requests, answers)
}

fn issuer_keys() -> Played<IssuerKeysRequest, IssuerKeysAnswer> {
    let source = |location| IssuerSource { issuer: "https://i.example".to_owned(), location, local: false };
    let uri = KeyLocation::JwksUri("https://i.example/keys".to_owned());
    let requests = vec![
        IssuerKeysRequest::Read { source: source(KeyLocation::Discovery), policy: CachePolicy::default() },
        IssuerKeysRequest::Refresh { source: source(uri), policy: CachePolicy::default(), unknown_kid: true },
    ];
    let snapshot = Snapshot {
        issuer: "https://i.example".to_owned(),
        document: r#"{"keys":[]}"#.to_owned(),
        fetched_at: START,
        version: 3,
        left_out: vec!["the second: use".to_owned()],
    };
    let why = || "network".to_owned();
    let keys = |failure| IssuerKeysAnswer::Keys {
        snapshot: snapshot.clone(),
        fetched_now: true,
        changed: true,
        failure,
        why: why(),
    };
    let none = |cause| IssuerKeysAnswer::Unavailable { cause, why: why(), retry_after: 2 };
    let answers = vec![
        keys(None),
        keys(Some(FetchFailure::Network)),
        none(Unavailable::Storage),
        none(Unavailable::Failed(FetchFailure::Status(500))),
    ];
    (requests, answers)
}

fn audit() -> Played<AuditRequest, AuditAnswer> {
    let requests = vec![
        AuditRequest::Append { act: Act::new("root", "key_rotate", "", "force") },
        AuditRequest::Page { after: 0, limit: 10 },
    ];
    let records = MemoryRecords::default();
    let chain = AuditChain::new(records.clone());
    let masters = masters();
    let (requests, mut answers) = played(requests, |request| {
        let answer = chain.serve(request.clone(), START, &masters);
        note("audit", &records);
        answer
    });
    answers.push(AuditAnswer::Unavailable { cause: "storage".to_owned() });
    (requests, answers)
}

fn metrics() -> Played<MetricsRequest, MetricsAnswer> {
    let batch = Batch {
        isolate: "isolate".to_owned(),
        number: 1,
        counts: vec![("postern_reuse_detected".to_owned(), vec![3])],
    };
    let records = MemoryRecords::default();
    let shard = Shard::new(records.clone());
    let requests = vec![MetricsRequest::Add { batch }, MetricsRequest::Read];
    let (mut requests, mut answers) = played(requests, |request| {
        let answer = shard.serve(request.clone(), START);
        note("metrics", &records);
        answer
    });
    // Its answer has the form of the one to `Read`, and other series.
    requests.push(MetricsRequest::History { step: 60, until: START });
    answers.push(MetricsAnswer::Unavailable { cause: "storage".to_owned() });
    (requests, answers)
}

/// Fails for a request that nobody plays. A new variant does not compile before it is named here.
pub(super) fn assert_complete(play: &Play) {
    fn complete<Q>(requests: &[Q], names: &[&str], name: impl Fn(&Q) -> &'static str) {
        for wanted in names {
            assert!(requests.iter().any(|request| name(request) == *wanted), "{wanted} is not played");
        }
    }
    macro_rules! variants {
        ($requests:expr, $type:ident: $($variant:ident),+) => {
            complete($requests, &[$(stringify!($variant)),+], |request| match request {
                $($type::$variant { .. } => stringify!($variant),)+
            });
        };
    }
    variants!(&play.account.0, AccountRequest:
        Open, Rotate, Confirm, Browse, Answer, Revoke, RevokeAll, Sessions, Check, Oauth, UserChanged, IssueOneTime,
        RedeemOneTime, GiveBackOneTime, Note, Activity, BeginErase, Erase);
    let of_oauth = |request: &AccountRequest| match request {
        AccountRequest::Oauth(request) => Some(request.clone()),
        _ => None,
    };
    let oauth: Vec<OauthRequest> = play.account.0.iter().filter_map(of_oauth).collect();
    variants!(&oauth, OauthRequest:
        IssueCode, RedeemCode, RotateGrant, EndGrant, TakeBack, InspectGrant, Grants, Consent);
    variants!(&play.throttle.0, ThrottleRequest: Take, Forgive, Read, Clear);
    variants!(&play.feed.0, FeedRequest: Add, Confirm, Snapshot);
    variants!(&play.key_ring.0, KeyRingRequest: Signing, PublicSet, Overview, Rotate, RevokeKey);
    variants!(&play.issuer_keys.0, IssuerKeysRequest: Read, Refresh);
    variants!(&play.audit.0, AuditRequest: Append, Page);
    variants!(&play.metrics.0, MetricsRequest: Add, Read, History);
}
