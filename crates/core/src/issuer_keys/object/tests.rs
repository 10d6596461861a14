use core::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};
use std::{collections::BTreeMap, rc::Rc};

use pollster::block_on;

use super::*;
use crate::ports::{
    CacheHeaders, Component, Document,
    memory::{FaultMode, MemoryRecords},
};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const KEYS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// An issuer whose answers are set by the test, which counts, and which can hang.
#[derive(Default)]
struct Issuer {
    answers: RefCell<BTreeMap<String, Document>>,
    fetched: RefCell<Vec<String>>,
    hangs: Cell<bool>,
}

impl Issuer {
    fn serves(&self, url: &str, status: u16, body: &str) {
        let document = Document {
            status,
            content_type: None,
            body: body.as_bytes().to_vec(),
            cache: CacheHeaders::default(),
        };
        self.answers.borrow_mut().insert(url.to_owned(), document);
    }
}

impl DocumentSource for Rc<Issuer> {
    async fn fetch(&self, url: &str, _: &'static str, max_bytes: usize, _: u32) -> Result<Document, Fault> {
        self.fetched.borrow_mut().push(url.to_owned());
        poll_fn(|_| if self.hangs.get() { Poll::Pending } else { Poll::Ready(()) }).await;
        let mut document = self
            .answers
            .borrow()
            .get(url)
            .cloned()
            .ok_or_else(|| Fault::new(Component::Issuer, "no route"))?;
        document.body.truncate(max_bytes + 1);
        Ok(document)
    }
}

const PLACE: &str = "https://i.example/keys";

type Object = IssuerKeys<MemoryRecords, Rc<Issuer>>;

fn object() -> (Object, MemoryRecords, Rc<Issuer>) {
    let (records, issuer) = (MemoryRecords::default(), Rc::<Issuer>::default());
    issuer.serves(PLACE, 200, KEYS);
    (IssuerKeys::new(records.clone(), Rc::clone(&issuer)), records, issuer)
}

fn source(location: KeyLocation) -> IssuerSource {
    IssuerSource { issuer: "https://i.example".into(), location, local: false }
}

fn read() -> IssuerKeysRequest {
    IssuerKeysRequest::Read {
        source: source(KeyLocation::JwksUri(PLACE.into())),
        policy: CachePolicy::default(),
    }
}

fn unknown_kid() -> IssuerKeysRequest {
    IssuerKeysRequest::Refresh {
        source: source(KeyLocation::JwksUri(PLACE.into())),
        policy: CachePolicy::default(),
        unknown_kid: true,
    }
}

fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

/// What the answer says of the failure.
fn why(answer: &IssuerKeysAnswer) -> &str {
    match answer {
        IssuerKeysAnswer::Keys { why, .. } | IssuerKeysAnswer::Unavailable { why, .. } => why,
    }
}

/// How the answer is none, and after how long to come back.
fn refused(answer: &IssuerKeysAnswer) -> (Unavailable, u32) {
    match answer {
        IssuerKeysAnswer::Unavailable { cause, retry_after, .. } => (*cause, *retry_after),
        IssuerKeysAnswer::Keys { .. } => panic!("{answer:?}"),
    }
}

fn keys(answer: &IssuerKeysAnswer) -> (bool, Option<FetchFailure>) {
    match answer {
        IssuerKeysAnswer::Keys { fetched_now, failure, .. } => (*fetched_now, *failure),
        IssuerKeysAnswer::Unavailable { .. } => panic!("{answer:?}"),
    }
}

#[test]
fn the_first_read_fetches_and_the_next_uses_the_record() {
    let (object, records, issuer) = object();
    assert_eq!(keys(&block_on(object.serve(&read(), NOW, 0))), (true, None));
    let reborn = IssuerKeys::new(records, Rc::clone(&issuer));
    assert_eq!(keys(&block_on(reborn.serve(&read(), later(299), 0))), (false, None));
    assert_eq!(issuer.fetched.borrow().len(), 1);
}

#[test]
fn an_issuer_gone_bad_in_any_way_leaves_the_known_keys_working() {
    let big = " ".repeat(CachePolicy::default().max_bytes + 1);
    for (status, body, cause) in [
        (500, "", FetchFailure::Status(500)),
        (404, "", FetchFailure::Status(404)),
        (204, "", FetchFailure::Status(204)),
        (302, "", FetchFailure::Redirected),
        (308, KEYS, FetchFailure::Redirected),
        (200, "<html></html>", FetchFailure::Malformed),
        (200, "", FetchFailure::Malformed),
        (200, big.as_str(), FetchFailure::TooLarge),
        (200, r#"{"keys":[]}"#, FetchFailure::NoUsableKeys),
        (200, r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#, FetchFailure::NoUsableKeys),
        (200, r#"{"keys":[],"keys":[]}"#, FetchFailure::Malformed),
    ] {
        let (object, _, issuer) = object();
        block_on(object.serve(&read(), NOW, 0));
        issuer.serves(PLACE, status, body);
        let answer = block_on(object.serve(&read(), later(300), 0));
        assert_eq!(keys(&answer), (false, Some(cause)), "{status} {cause}");
        let answer = block_on(object.serve(&read(), later(86_399), 0));
        assert_eq!(keys(&answer).1, Some(cause), "{status} {cause}");
        let answer = block_on(object.serve(&read(), later(86_400), 0));
        assert!(matches!(answer, IssuerKeysAnswer::Unavailable { .. }), "{answer:?}");
    }
}

/// On call at three in the morning: the log says which place, which entry, which member.
#[test]
fn why_there_is_no_key_is_told_by_place_entry_and_member() {
    let many = vec![r#"{"kty":"EC"}"#; 100].join(",");
    for (status, body, expected) in [
        (503, "", "https://i.example/keys"),
        (302, "", "https://i.example/keys: 302"),
        (200, "<html>", "https://i.example/keys: the key set is not JSON"),
        (200, "{}", "https://i.example/keys: the key set has no keys array"),
        (200, r#"{"keys":[]}"#, "https://i.example/keys: the set is empty"),
        (
            200,
            r#"{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"s"},{"kty":"EC","crv":"P-256"}]}"#,
            "https://i.example/keys: keys[0] (kid \"s\"): the key contains the private member k (private_member); keys[1]: the key has no x (missing_member)",
        ),
        (
            200,
            &format!(r#"{{"keys":[{many}]}}"#),
            "keys[15]: the key has no crv (missing_member); and 84 more",
        ),
    ] {
        let (object, _, issuer) = object();
        issuer.serves(PLACE, status, body);
        let answer = block_on(object.serve(&read(), NOW, 0));
        assert!(why(&answer).ends_with(expected) && why(&answer).len() < 1500, "{answer:?}");
        // Known also to who asks while the breaker is open.
        assert_eq!(why(&block_on(object.serve(&read(), NOW, 0))), why(&answer));
        issuer.serves(PLACE, 200, KEYS);
        assert_eq!(why(&block_on(object.serve(&read(), later(5), 0))), "");
    }
}

#[test]
fn a_changed_set_says_so_and_names_what_it_leaves_out() {
    let (object, _, issuer) = object();
    let told = |now| match block_on(object.serve(&read(), now, 0)) {
        IssuerKeysAnswer::Keys { snapshot, fetched_now, changed, .. } => {
            (fetched_now, changed, snapshot.left_out, snapshot.version)
        }
        answer @ IssuerKeysAnswer::Unavailable { .. } => panic!("{answer:?}"),
    };
    assert_eq!(told(NOW), (true, true, vec![], 1));
    assert_eq!(told(NOW), (false, false, vec![], 1));
    // Members that nobody reads, and the order of members, are no change.
    issuer.serves(PLACE, 200, &KEYS.replace("\"kid\"", "\"x5c\":[\"AA\"],\"kid\""));
    assert_eq!(told(later(300)), (true, false, vec![], 1));
    issuer.serves(PLACE, 200, &KEYS.replace("[{", r#"[{"kty":"EC","kid":"e"},{"#));
    let left_out = vec![r#"keys[0] (kid "e"): the key has no crv (missing_member)"#.to_owned()];
    assert_eq!(told(later(600)), (true, true, left_out.clone(), 1));
    assert_eq!(told(later(900)), (true, false, left_out, 1));
    issuer.serves(PLACE, 200, &KEYS.replace("\"a\"", "\"b\""));
    assert_eq!(told(later(1200)), (true, true, vec![], 2));
}

/// A set that may be used unasked is served while a fetch runs; an older one is waited for.
#[test]
fn a_set_older_than_three_soft_ages_waits_for_the_fetch() {
    let (object, _, issuer) = object();
    block_on(object.serve(&read(), NOW, 0));
    issuer.serves(PLACE, 200, &KEYS.replace("\"a\"", "\"b\""));
    issuer.hangs.set(true);
    let (read, waker) = (read(), Waker::noop());
    let mut context = Context::from_waker(waker);
    let mut first = pin!(object.serve(&read, later(900), 0));
    let mut second = pin!(object.serve(&read, later(900), 0));
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    issuer.hangs.set(false);
    for request in [first, second] {
        let Poll::Ready(IssuerKeysAnswer::Keys { snapshot, .. }) = { request }.as_mut().poll(&mut context)
        else {
            panic!("still hanging")
        };
        assert_eq!(snapshot.version, 2);
    }
}

#[test]
fn one_bad_entry_does_not_spoil_a_set() {
    let (object, _, issuer) = object();
    issuer.serves(PLACE, 200, &KEYS.replace("[{", r#"[{"kty":"EC"},{"#));
    assert_eq!(keys(&block_on(object.serve(&read(), NOW, 0))), (true, None));
}

#[test]
fn without_any_set_the_answer_says_when_to_come_back() {
    let (object, _, issuer) = object();
    issuer.answers.borrow_mut().clear();
    let answer = block_on(object.serve(&read(), NOW, u16::MAX));
    let cause = Unavailable::Failed(FetchFailure::Network);
    assert_eq!(refused(&answer), (cause, 2));
    assert_eq!(why(&answer), "https://i.example/keys: no route");
    let answer = block_on(object.serve(&read(), later(1), 0));
    assert_eq!(refused(&answer), (cause, 1));
    assert_eq!(issuer.fetched.borrow().len(), 1);
}

#[test]
fn ten_thousand_random_kids_cost_one_fetch_a_cooldown() {
    let (object, _, issuer) = object();
    block_on(object.serve(&read(), NOW, 0));
    for number in 0..10_000 {
        block_on(object.serve(&unknown_kid(), NOW.plus(Duration::from_millis(number * 6)), 0));
    }
    // The first read, then 30 s and 60 s (not reached).
    assert_eq!(issuer.fetched.borrow().len(), 2);
}

#[test]
fn who_comes_during_a_fetch_shares_its_result() {
    let (object, _, issuer) = object();
    issuer.hangs.set(true);
    let (read, waker) = (read(), Waker::noop());
    let mut context = Context::from_waker(waker);
    let mut first = pin!(object.serve(&read, NOW, 0));
    let mut second = pin!(object.serve(&read, NOW, 0));
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    issuer.hangs.set(false);
    let Poll::Ready(answer) = first.as_mut().poll(&mut context) else { panic!("still hanging") };
    assert_eq!(keys(&answer), (true, None));
    let Poll::Ready(answer) = second.as_mut().poll(&mut context) else { panic!("not woken") };
    assert_eq!(keys(&answer), (false, None));
    assert_eq!(issuer.fetched.borrow().len(), 1);
}

#[test]
fn a_caller_cut_off_during_a_fetch_blocks_no_other() {
    let (object, _, issuer) = object();
    issuer.hangs.set(true);
    let (read, waker) = (read(), Waker::noop());
    let mut context = Context::from_waker(waker);
    let mut first = Box::pin(object.serve(&read, NOW, 0));
    assert!(first.as_mut().poll(&mut context).is_pending());
    drop(first);
    issuer.hangs.set(false);
    assert_eq!(keys(&block_on(object.serve(&read, NOW, 0))), (true, None));
}

#[test]
fn with_a_usable_set_nobody_waits_for_a_slow_issuer() {
    let (object, _, issuer) = object();
    block_on(object.serve(&read(), NOW, 0));
    issuer.hangs.set(true);
    let (read, waker) = (read(), Waker::noop());
    let mut context = Context::from_waker(waker);
    let mut first = pin!(object.serve(&read, later(300), 0));
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert_eq!(keys(&block_on(object.serve(&read, later(300), 0))), (false, None));
}

// When the configuration changes.
#[test]
fn keys_of_a_former_jwks_uri_are_not_kept() {
    let (object, _, issuer) = object();
    block_on(object.serve(&read(), NOW, 0));
    let moved = IssuerKeysRequest::Read {
        source: source(KeyLocation::JwksUri("https://i.example/new".into())),
        policy: CachePolicy::default(),
    };
    let answer = block_on(object.serve(&moved, NOW, 0));
    assert!(matches!(answer, IssuerKeysAnswer::Unavailable { .. }), "{answer:?}");
    assert_eq!(issuer.fetched.borrow().last().unwrap(), "https://i.example/new");
}

// It finds the keys.
// Tests RFC 8414 section 2: jwks_uri leads to the keys
#[test]
fn discovery_is_not_repeated_for_every_refresh() {
    let (object, _, issuer) = object();
    issuer.serves("https://i.example/.well-known/openid-configuration", 404, "");
    issuer.serves(
        "https://i.example/.well-known/oauth-authorization-server",
        200,
        r#"{"issuer":"https://i.example","jwks_uri":"https://i.example/keys"}"#,
    );
    let read =
        IssuerKeysRequest::Read { source: source(KeyLocation::Discovery), policy: CachePolicy::default() };
    assert_eq!(keys(&block_on(object.serve(&read, NOW, 0))), (true, None));
    assert_eq!(issuer.fetched.borrow().len(), 3);
    assert_eq!(keys(&block_on(object.serve(&read, later(300), 0))), (true, None));
    assert_eq!(issuer.fetched.borrow().len(), 4);
}

#[test]
fn an_unsafe_place_is_never_fetched() {
    for place in ["http://i.example/keys", "https://169.254.169.254/latest", "https://localhost/keys"] {
        let (object, _, issuer) = object();
        let read = IssuerKeysRequest::Read {
            source: source(KeyLocation::JwksUri(place.into())),
            policy: CachePolicy::default(),
        };
        let answer = block_on(object.serve(&read, NOW, 0));
        let cause = Unavailable::Failed(FetchFailure::UnsafeUrl);
        assert_eq!(refused(&answer), (cause, 1));
        assert!(issuer.fetched.borrow().is_empty());
    }
}

#[test]
fn a_failing_record_store_is_said_and_nothing_is_fetched() {
    let (object, records, issuer) = object();
    records.break_with(FaultMode::Down);
    let answer = block_on(object.serve(&read(), NOW, 0));
    assert_eq!(refused(&answer), (Unavailable::Storage, 1));
    assert!(issuer.fetched.borrow().is_empty());
}
