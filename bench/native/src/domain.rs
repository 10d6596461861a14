//! One case for each thing that a request costs in the domain.

use core::hint::black_box;

use postern_app::{
    account::{AccountAnswer, AccountRequest},
    gateway::{Gate, Identity, RouteMatch},
    http::PlainRequest,
    ids::{AccountId, FamilyId},
    jose::{JwkSet, KnownHeaders, UnverifiedToken, json, verify},
    jwks::{CachePolicy, CachedSet, Snapshot, Tried, cache, resolve},
    jwks::{IssuerSource, KeyLocation},
    jwt::{ValidationPolicy, validate},
    refresh::{Secret, codec},
    revocation::{FeedCopy, RevocationKeys},
    secrets::{Master, Masters},
};

use crate::{
    Case,
    parts::{AUDIENCE, Agreeable, ISSUER, NOW, Numbers, claims, key_set, routes, token, verified},
};

/// Of a token that went the way of every token, but for the signature.
pub(crate) fn identity() -> Identity {
    let keys = JwkSet::parse(key_set(1).as_bytes()).expect("a set");
    let jws = verified(&token("k0", &claims()), &keys);
    let token = validate(jws, &policy(), NOW).expect("valid");
    Identity::of_bearer(token, &policy()).expect("bound to no key")
}

pub(crate) fn policy() -> ValidationPolicy {
    ValidationPolicy::own(ISSUER, vec![AUDIENCE.into()])
}

/// What a browser sends.
pub(crate) fn request() -> PlainRequest {
    PlainRequest::new("GET", "https://api.example.com/api/service-0/7?page=2")
        .with("host", "api.example.com")
        .with("accept", "application/json")
        .with("accept-encoding", "gzip, br")
        .with("accept-language", "en")
        .with("authorization", "Bearer abc")
        .with("cookie", "theme=dark; __Secure-postern_refresh=prt_x")
        .with("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .with("x-forwarded-for", "203.0.113.7")
        .with("x-auth-user", "root")
}

/// A feed of this many revoked sessions, and marks of a token that is not among them.
pub(crate) fn feed(entries: u64) -> (FeedCopy, RevocationKeys) {
    let numbers = Numbers::default();
    let mut marks: Vec<u64> = (0..entries).map(|_| numbers.next()).collect();
    marks.sort_unstable();
    let until = NOW.plus(core::time::Duration::from_mins(10));
    let feed = FeedCopy::new(NOW, None, marks.into_iter().map(|mark| (mark, until)), core::iter::empty());
    (feed, identity().marks(true))
}

fn state_machine() -> Case {
    let source = IssuerSource { issuer: ISSUER.into(), location: KeyLocation::Discovery, local: false };
    let snapshot = Snapshot {
        issuer: ISSUER.into(),
        document: key_set(2),
        fetched_at: NOW,
        version: 1,
        left_out: Vec::new(),
    };
    let set = CachedSet::from_snapshot(&snapshot, ISSUER, &[]).expect("sound");
    let policy = CachePolicy::default();
    let mut state = Some(cache::State { snapshot: Some(snapshot), ..cache::State::new(source) });
    Case::new("key set: what to do, in the isolate and in the object", 2, move || {
        black_box(resolve(Some(&set), |keys| keys.has_kid("k1"), Tried::Memory, None, &policy, NOW));
        if let Some(before) = state.take() {
            let (after, action) = cache::step(before, cache::Event::Asked(cache::Want::Fresh), &policy, NOW);
            black_box(action);
            state = Some(after);
        }
    })
}

fn refresh_tokens() -> [Case; 2] {
    let masters = Masters::new(Master::derive(1, &[7; 32]).expect("long enough"), Vec::new());
    let (account, family) = (AccountId::from_bytes([1; 16]), FamilyId::from_bytes([2; 16]));
    let secret = Secret::from_bytes([3; 32]);
    let text = codec::seal(masters.current(), account, family, 9, &secret);
    let again = masters.clone();
    [
        Case::new("refresh token: open and present", 119, move || {
            let token = codec::open(&masters, black_box(&text)).expect("ours");
            black_box(token.present(&masters));
        }),
        Case::new("refresh token: seal", 119, move || {
            black_box(codec::seal(again.current(), account, family, 9, &secret));
        }),
    ]
}

/// Messages to and from an Account object for one refresh, as they are written.
fn messages() -> [Case; 2] {
    const REQUEST: &str = r#"{"rotate":{"family":"AQEBAQEBAQEBAQEBAQEBAQ","presented":{"rotation_count":0,"secret_hash":"S7Bvjk46dxXSAdVz0KpCN2LlXavWGiwCJ4-lbMbSlOA","successor_hash":"ZVEQbmb310qVwAj7EMi12Q_ejm4rPZD3AX4t0ztkJEw","next_master":1},"limits":{"reuse_interval":10000,"lost_response_window":86400000,"max_late_retries":10,"late_only_rotations":3,"receipts":true,"pace":{"per_minute":5,"burst":20}},"context":{"ip":"203.0.113.7","country":"AT","user_agent":"Firefox/140.0"}}}"#;
    const ANSWER: &str = r#"{"rotated":{"rotation_count":1,"master":1,"granted":"rotate","grant":{"subject":"018f2f6e-9a3c-7c1e-8a55-0f9d3c1b2a77","client_id":"postern","scope":"read:orders write:orders","roles":["user"],"tenant_id":"tenant-7","amr":["pwd"],"auth_time":1800000000000},"created_at":1800000000000,"expires_at":1800604800000,"evidence":{"presented_count":0,"stored_count":0,"distance":0,"age_ms":0,"late_retries":0,"drift":{"score":40,"reasons":["platform"]},"last_context":{}}}}"#;
    json::read::<AccountRequest>(REQUEST).expect("exact");
    json::read_known::<AccountAnswer>(ANSWER).expect("known");
    [
        Case::new("message: read as a stored record is", REQUEST.len() as u64, || {
            black_box(json::read::<AccountRequest>(black_box(REQUEST)).is_ok());
        }),
        Case::new("message: read", ANSWER.len() as u64, || {
            black_box(json::read_known::<AccountAnswer>(black_box(ANSWER)).is_ok());
        }),
    ]
}

/// A new token of a known issuer and a known key, but for the look-up of the key set and the signature.
fn miss() -> Case {
    let keys = JwkSet::parse(key_set(2).as_bytes()).expect("sound");
    let text = token("k1", &claims());
    let headers = KnownHeaders::default();
    headers.remember(&UnverifiedToken::parse(&text).expect("a token"));
    let policy = policy();
    Case::new("access token: all but the signature", text.len() as u64, move || {
        let token = UnverifiedToken::parse_known(black_box(&text), &headers).expect("a token");
        assert!(token.claimed_issuer().is_ok_and(|issuer| issuer == ISSUER));
        assert!(policy.judge_header(token.header()).is_ok());
        let jws = pollster::block_on(verify(&token, &keys, &Agreeable)).expect("agreeable");
        headers.remember(&token);
        let identity =
            Identity::of_bearer(validate(jws, &policy, NOW).expect("valid"), &policy).expect("unbound");
        black_box(identity);
    })
}

/// The cases of `make bench PART=native`.
pub fn cases() -> Vec<Case> {
    let keys = JwkSet::parse(key_set(2).as_bytes()).expect("sound");
    let text = token("k1", &claims());
    let size = text.len() as u64;
    let jws = verified(&text, &keys);
    let again = jws.clone();
    let gate = Gate::new(routes(100), vec!["__Secure-postern_refresh".into()]);
    let planning = Gate::new(routes(100), vec!["__Secure-postern_refresh".into()]);
    let (request, identity, policy) = (request(), identity(), policy());
    let (feed, marks) = feed(10_000);
    let header = r#"{"alg":"ES256","kid":"k1","typ":"at+jwt"}"#;
    let [open, seal] = refresh_tokens();
    let [record, message] = messages();
    vec![
        Case::new("compact token: parse", size, move || {
            black_box(UnverifiedToken::parse(black_box(&text)).is_ok());
        }),
        Case::new("header: parse as strict JSON", header.len() as u64, move || {
            black_box(json::parse_object(black_box(header.as_bytes())).is_ok());
        }),
        Case::new("claims: validate", size, move || {
            black_box(validate(jws.clone(), &policy, NOW).is_ok());
        }),
        Case::new("claims: the copy that validating takes", size, move || {
            black_box(again.clone());
        }),
        Case::new("routes: find one of 100", 100, move || {
            black_box(matches!(
                gate.find("GET", "api.example.com", black_box("/api/service-99/7")),
                RouteMatch::Match(_)
            ));
        }),
        Case::new("headers: plan for nine", 9, move || {
            let route = planning.routes().first().expect("there is one");
            black_box(planning.plan(route, &request, Some(&identity)).is_ok());
        }),
        miss(),
        state_machine(),
        open,
        seal,
        record,
        message,
        Case::new("revocation feed: look up among 10 000", 10_000, move || {
            black_box(feed.look_up(black_box(&marks), NOW));
        }),
    ]
}
