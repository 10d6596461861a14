//! The tables of `docs/concepts/revocation.md`, row by row: what each level promises while one part fails, and
//! how long what was revoked passes at most. The clock is simulated, the service is the whole one.

use pollster::block_on;
use postern_app::{
    account::Accounts as _,
    events::EventContext,
    ids::AccountId,
    ports::{Clock as _, Component, KvStore as _},
    revocation::{
        FORMER_KV_KEY, FeedCopy, FeedEntry, FeedObject as _, FeedRequest, Kind, MOVED, RevocationKey, Target,
        kv_key,
    },
    time::Timestamp,
};
use serde_json::{Value, json};

use super::world::{World, code, tokens};

/// The bound that the page states: KV's copy is gone by for a minute, and read every half.
const PROMISED: u64 = 90;
/// How long KV takes no writes, and how long a revoked client refreshes, in simulated seconds: `make test` plays an hour and
/// ten minutes.
const OUTAGE: u64 = if cfg!(feature = "thorough") { 3600 } else { 450 };
const REFRESHING: u64 = if cfg!(feature = "thorough") { 600 } else { 150 };

const LEVELS: [&str; 5] = ["/none", "/feed", "/feed-refuse", "/strong", "/strong-refuse"];
const PASSES: [Option<u16>; 5] = [None; 5];

fn routes() -> Value {
    json!([
        {"path": "/none", "revocation": "none", "service": "ORIGIN"},
        {"path": "/feed", "service": "ORIGIN"},
        {"path": "/feed-refuse", "stale_feed": "refuse", "service": "ORIGIN"},
        {"path": "/strong", "revocation": "strong", "service": "ORIGIN"},
        {"path": "/strong-refuse", "revocation": "strong", "stale_feed": "refuse", "service": "ORIGIN"},
    ])
}

fn levels() -> World {
    World::with(&json!({"POSTERN_ROUTES": routes()}))
}

fn answers(world: &World, token: &str) -> [Option<u16>; 5] {
    LEVELS.map(|path| world.gate(path, Some(token)))
}

/// Passes, but for these levels.
fn but(status: u16, levels: &[&str]) -> [Option<u16>; 5] {
    LEVELS.map(|level| levels.contains(&&level[1..]).then_some(status))
}

/// A second goes by, and all that happens by itself does.
fn second(world: &World) {
    world.pass(1);
    world.settle();
    for account in world.accounts.all() {
        block_on(world.accounts.alarm(account, &world.feed));
    }
    if world.feed.is_alarm_due() {
        world.ring_feed();
    }
}

/// Seconds go by with a request each, at every level.
fn traffic(world: &World, token: &str, seconds: u64) -> [Option<u16>; 5] {
    for _ in 0..seconds {
        second(world);
        answers(world, token);
    }
    answers(world, token)
}

/// How long the isolate lets the token pass, in seconds from now.
fn passes_for(world: &World, path: &str, token: &str) -> u64 {
    for waited in 0..=600 {
        if world.gate(path, Some(token)).is_some() {
            return waited;
        }
        second(world);
    }
    panic!("{path} never refuses")
}

fn log_out(world: &World, refresh_token: &str) {
    assert_eq!(world.call("/auth/logout", &json!({"refresh_token": refresh_token})).status, 204);
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&postern_app::encoding::from_base64url(payload).unwrap()).unwrap()
}

fn readyz(world: &World) -> (u16, Value) {
    let reply = world.call_as("GET", "/readyz", "");
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

fn is_ok(report: &Value, part: &str) -> bool {
    let parts = report["parts"].as_array().unwrap();
    parts.iter().find(|state| state["part"] == part).unwrap()["ok"].as_bool().unwrap()
}

/// A feed as somebody may leave it in KV.
fn feed_of(version: Timestamp) -> String {
    FeedCopy::new(version, None, [].into_iter(), [].into_iter()).encode()
}

fn revoke(world: &World, target: &Target) {
    block_on(world.service().revoke_target(target, EventContext::default())).unwrap();
}

fn revoke_client(world: &World) {
    revoke(world, &Target::Client { client_id: "first-party".to_owned(), not_before: None });
}

#[test]
fn row_nothing_fails() {
    let world = levels();
    let (token, refresh_token) = world.sign_in();
    assert_eq!(traffic(&world, &token, 120), PASSES);
    log_out(&world, &refresh_token);
    assert_eq!(world.gate("/strong", Some(&token)), Some(401));
    assert!(passes_for(&world, "/feed", &token) <= 32);
    assert_eq!(readyz(&world).0, 200);
}

#[test]
fn row_kv_does_not_answer() {
    let world = levels();
    let (token, refresh_token) = world.sign_in();
    world.kv.broken.set(true);
    assert_eq!(traffic(&world, &token, 400), PASSES);
    log_out(&world, &refresh_token);
    assert_eq!(world.gate("/strong", Some(&token)), Some(401));
    assert!(passes_for(&world, "/feed", &token) <= 32);
    let asked = world.feed.asked();
    traffic(&world, &world.sign_in().0, 300);
    assert!(world.feed.asked() - asked <= 11, "once in `reread`, however many requests there are");
}

#[test]
fn row_kv_has_garbage() {
    let world = levels();
    let (token, refresh_token) = world.sign_in();
    let (other, _) = world.sign_in();
    traffic(&world, &other, 40);
    log_out(&world, &refresh_token);
    for garbage in ["", "<html>", "postern-feed.1.AAAA", MOVED] {
        block_on(world.kv.write(world.feed_key(), garbage)).unwrap();
        world.kv.read_only.set(true);
        assert_eq!(traffic(&world, &other, 40), PASSES, "{garbage:?}");
        assert_eq!(answers(&world, &token), but(401, &LEVELS.map(|level| &level[1..])[1..]), "{garbage:?}");
        world.kv.read_only.set(false);
    }
    assert!(
        world.log.0.borrow().iter().any(|line| line.contains("the feed has an unknown format or version"))
    );
}

#[test]
fn row_kv_takes_no_writes() {
    let world = World::with(&json!({"POSTERN_ROUTES": routes().as_array().unwrap()[..2]}));
    let isolates = [world.clone(), world.elsewhere(), world.elsewhere()];
    let (mut witness, mut refresh_token) = world.sign_in();
    for _ in 0..120 {
        second(&world);
        assert!(isolates.iter().all(|isolate| isolate.gate("/feed", Some(&witness)).is_none()));
    }
    assert_eq!(readyz(&world).0, 200);
    // It fails right after a write: so its copy is gone by for as long as any.
    log_out(&world, &world.sign_in().1);
    second(&world);
    second(&world);
    for isolate in &isolates {
        isolate.gate("/feed", Some(&witness));
    }
    world.kv.read_only.set(true);
    let asked = world.feed.asked();
    let (mut longest, mut revoked, mut worst_ready) = (0, 0, 200);
    // Token, when it was revoked, and in which isolates it passes still.
    let mut open: Vec<(String, u64, [bool; 3])> = Vec::new();
    for now in 0..OUTAGE {
        second(&world);
        if now % 97 == 0 {
            let (token, session) = world.sign_in();
            assert!(isolates.iter().all(|isolate| isolate.gate("/feed", Some(&token)).is_none()));
            log_out(&world, &session);
            open.push((token, now, [true; 3]));
            revoked += 1;
        }
        if now % 300 == 299 {
            (witness, refresh_token) = tokens(&world.refresh(&refresh_token));
        }
        for isolate in &isolates {
            assert_eq!(isolate.gate("/feed", Some(&witness)), None, "who was not revoked passes");
        }
        for (token, since, passes) in &mut open {
            for (isolate, passes) in isolates.iter().zip(passes) {
                if *passes && isolate.gate("/feed", Some(token)).is_some() {
                    *passes = false;
                    longest = longest.max(now - *since);
                }
            }
        }
        open.retain(|(_, since, passes)| {
            let passed = now - since;
            assert!(passed <= PROMISED || !passes.contains(&true), "it passes for {passed} s");
            passes.contains(&true)
        });
        if now == OUTAGE / 2 {
            let (status, report) = readyz(&world);
            worst_ready = status;
            assert!(!is_ok(&report, "kv") && is_ok(&report, "revocation_feed"), "{report}");
            assert!(report["revocation_feed"]["failed_writes"].as_u64().unwrap() > OUTAGE / 180, "{report}");
            assert!(report["revocation_feed"]["kv_age"].as_u64().unwrap() >= OUTAGE / 2, "{report}");
            assert!(report["revocation_feed"]["age"].as_u64().unwrap() <= 30, "{report}");
        }
    }
    let asked = world.feed.asked() - asked;
    println!(
        "KV read-only for {OUTAGE} s: {revoked} tokens revoked in 3 isolates, the longest passed {longest} s of {PROMISED} s; the object was asked {asked} times; /readyz said {worst_ready}"
    );
    assert_eq!(worst_ready, 503);
    // One answer in `reread` for each isolate, and what the accounts bring.
    assert!(asked <= 3 * OUTAGE / 30 + 2 * revoked + 20, "{asked}");
    world.kv.read_only.set(false);
    for _ in 0..130 {
        second(&world);
        world.gate("/feed", Some(&witness));
    }
    assert_eq!(readyz(&world).0, 200);
}

#[test]
fn row_kv_gives_an_old_value() {
    let world = levels();
    let (token, refresh_token) = world.sign_in();
    let (other, _) = world.sign_in();
    traffic(&world, &other, 40);
    world.kv.serve_old(true);
    log_out(&world, &refresh_token);
    assert!(passes_for(&world, "/feed", &token) <= PROMISED);
    assert_eq!(traffic(&world, &other, 400), PASSES, "and nobody refuses for the age of what KV has");
    let (status, report) = readyz(&world);
    assert!(status == 503 && !is_ok(&report, "kv"), "{report}");
}

#[test]
fn row_kv_has_a_feed_of_the_future() {
    let world = levels();
    let (token, refresh_token) = world.sign_in();
    traffic(&world, &token, 40);
    let year = Timestamp::from_seconds(365 * 86_400);
    let future = Timestamp::from_millis(world.platform.now().millis() + year.millis());
    block_on(world.kv.write(world.feed_key(), &feed_of(future))).unwrap();
    world.kv.read_only.set(true);
    assert_eq!(traffic(&world, &token, 40), PASSES);
    log_out(&world, &refresh_token);
    assert!(passes_for(&world, "/feed", &token) <= 32, "the object is asked");
    assert!(world.log.0.borrow().iter().any(|line| line.contains("the feed in KV has a time in the future")));
    // An order that comes here is in force here with the next request.
    let (other, _) = world.sign_in();
    assert_eq!(answers(&world, &other), PASSES);
    let jti = claims(&other)["jti"].as_str().unwrap().to_owned();
    revoke(&world, &Target::AccessToken { issuer: None, jti, expires_at: None });
    assert_eq!(world.gate("/feed", Some(&other)), Some(401));
}

#[test]
fn row_kv_writes_are_given_up_and_arrive_late() {
    // How the object replaces them is in `crates/app/tests/revocation/object.rs`; here one has arrived.
    let world = levels();
    let (token, refresh_token) = world.sign_in();
    traffic(&world, &token, 40);
    let late = block_on(world.kv.read(world.feed_key())).unwrap().unwrap();
    log_out(&world, &refresh_token);
    second(&world);
    second(&world);
    block_on(world.kv.write(world.feed_key(), &late)).unwrap();
    assert!(passes_for(&world.elsewhere(), "/feed", &token) <= PROMISED);
    assert!(passes_for(&world, "/feed", &token) <= PROMISED);
}

#[test]
fn row_the_feeds_object_does_not_answer() {
    let world = levels();
    let (token, refresh_token) = world.sign_in();
    let (other, _) = world.sign_in();
    traffic(&world, &other, 40);
    world.feed.unreachable.set(true);
    assert_eq!(traffic(&world, &other, 290), PASSES, "its alarms go on, and KV has the feed");
    log_out(&world, &refresh_token);
    assert_eq!(world.gate("/strong", Some(&token)), Some(401));
    assert_eq!(world.gate("/feed", Some(&token)), None, "nobody can tell the feed");
    let client = Target::Client { client_id: "first-party".to_owned(), not_before: None };
    assert!(
        block_on(world.service().revoke_target(&client, EventContext::default())).is_err(),
        "nothing was stored"
    );
    world.feed.unreachable.set(false);
    assert!(
        passes_for(&world, "/feed", &token) <= PROMISED + 60,
        "the account tells it again within a minute"
    );
}

#[test]
fn row_the_feeds_object_starts_again() {
    let world = levels();
    let (token, refresh_token) = world.sign_in();
    traffic(&world, &token, 40);
    world.kv.read_only.set(true);
    log_out(&world, &refresh_token);
    for _ in 0..40 {
        world.feed.restart();
        second(&world);
    }
    assert_eq!(
        world.gate("/feed", Some(&token)).or_else(|| {
            world.settle();
            world.gate("/feed", Some(&token))
        }),
        Some(401)
    );
}

#[test]
fn row_kv_and_the_feeds_object_a_copy_is_there() {
    let world = levels();
    let (good, _) = world.sign_in();
    let (before, ended) = world.sign_in();
    let (during, later) = world.sign_in();
    assert_eq!(traffic(&world, &good, 40), PASSES);
    log_out(&world, &ended);
    traffic(&world, &good, 100);
    world.kv.broken.set(true);
    world.feed.unreachable.set(true);
    assert_eq!(traffic(&world, &good, 240), PASSES);
    assert_eq!(answers(&world, &before), but(401, &["feed", "feed-refuse", "strong", "strong-refuse"]));
    assert_eq!(traffic(&world, &good, 70), but(503, &["feed-refuse", "strong-refuse"]), "5 minutes");
    log_out(&world, &later);
    let [none, feed, feed_refuse, strong, strong_refuse] = answers(&world, &during);
    assert_eq!((none, feed, strong), (None, None, Some(401)));
    assert_eq!((feed_refuse, strong_refuse), (Some(503), Some(503)));
    world.kv.broken.set(false);
    world.feed.unreachable.set(false);
    assert_eq!(traffic(&world, &good, 10), PASSES, "what failed is tried again soon");
    assert!(passes_for(&world, "/feed", &during) <= PROMISED);
}

#[test]
fn row_kv_and_the_feeds_object_an_isolate_starts() {
    let world = levels();
    let (token, refresh_token) = world.sign_in();
    traffic(&world, &token, 40);
    log_out(&world, &refresh_token);
    traffic(&world, &token, 3);
    let (good, _) = world.sign_in();
    let cold = world.elsewhere();
    world.kv.broken.set(true);
    world.feed.unreachable.set(true);
    let refusing = ["feed-refuse", "strong-refuse"];
    assert_eq!(answers(&cold, &good), but(503, &refusing));
    assert_eq!(cold.gate("/feed", Some(&token)), None, "nothing is known as revoked");
    assert_eq!(cold.gate("/strong", Some(&token)), Some(401), "but to the Account object");
}

#[test]
fn row_the_account_object_does_not_answer() {
    let world = levels();
    let (good, refresh_token) = world.sign_in();
    let (ended, session) = world.sign_in();
    traffic(&world, &good, 40);
    log_out(&world, &session);
    second(&world);
    world.accounts.set_unreachable(true);
    let unconfirmed = but(503, &["feed", "feed-refuse", "strong", "strong-refuse"]);
    for _ in 0..60 {
        world.pass(1);
        world.settle();
        if world.feed.is_alarm_due() {
            world.ring_feed();
        }
        assert_eq!(answers(&world, &good), but(503, &["strong", "strong-refuse"]));
        answers(&world, &ended);
    }
    assert_eq!(answers(&world, &ended), unconfirmed, "listed, and confirmed by nobody yet");
    assert_eq!(world.refresh(&refresh_token).status, 503);
    world.accounts.set_unreachable(false);
    assert_eq!(world.gate("/feed", Some(&ended)), Some(401));
    world.accounts.set_unreachable(true);
    assert_eq!(world.gate("/feed", Some(&ended)), Some(401), "the answer is remembered");
}

#[test]
fn row_d1_does_not_answer() {
    let world = levels();
    let (token, refresh_token) = world.sign_in();
    world.identity.behave(postern_app::identity::memory::IdentityMode::Fails);
    assert_eq!(traffic(&world, &token, 100), PASSES);
    assert_eq!(world.try_sign_in().status, 503);
    let (token, refresh_token) = tokens(&world.refresh(&refresh_token));
    log_out(&world, &refresh_token);
    assert!(passes_for(&world, "/feed", &token) <= PROMISED);
}

#[test]
fn row_kv_and_the_key_ring_an_isolate_starts() {
    let world = levels();
    let (token, _) = world.sign_in();
    let cold = world.elsewhere();
    world.kv.broken.set(true);
    world.key_ring.unreachable.set(true);
    assert_eq!(answers(&cold, &token), [Some(503); 5], "no key to verify with");
}

#[test]
fn row_the_clock_is_put_back() {
    for back in [20, 3600, 86_400] {
        let world = levels();
        let (token, refresh_token) = world.sign_in();
        assert_eq!(traffic(&world, &token, 40), PASSES);
        // The isolate's clock had been ahead for a while.
        world.step(back);
        assert_eq!(world.gate("/none", Some(&token)), if back > 600 { Some(401) } else { None });
        world.gate("/feed", Some(&world.refresh(&refresh_token).status.to_string()));
        let (other, session) = tokens(&world.refresh(&refresh_token));
        traffic(&world, &other, 5);
        world.step(-back);
        traffic(&world, &other, 2);
        log_out(&world, &session);
        assert!(passes_for(&world, "/feed", &token) <= PROMISED, "{back} s");
    }
}

#[test]
fn row_two_versions_in_a_rollout() {
    // The version before reads and writes at one key for all.
    let world = levels();
    let (token, refresh_token) = world.sign_in();
    block_on(world.kv.write(FORMER_KV_KEY, &feed_of(world.platform.now()))).unwrap();
    // Its object answers, and has written nothing at the new key.
    world.kv.read_only.set(true);
    log_out(&world, &refresh_token);
    assert!(passes_for(&world, "/feed", &token) <= 32, "an isolate of this version asks the object");
    world.kv.read_only.set(false);
    for _ in 0..300 {
        second(&world);
    }
    // An isolate of the version before finds what is no feed to it, and asks the object.
    let former = block_on(world.kv.read(FORMER_KV_KEY)).unwrap().unwrap();
    assert!(FeedCopy::parse(&former).is_err(), "{former}");
}

#[test]
fn row_two_deployments_share_a_namespace() {
    let world = levels();
    let (token, refresh_token) = world.sign_in();
    traffic(&world, &token, 40);
    log_out(&world, &refresh_token);
    traffic(&world, &token, 3);
    // The other one writes where its issuer is.
    block_on(world.kv.write(&kv_key("https://other.example"), &feed_of(world.platform.now()))).unwrap();
    block_on(world.kv.write(FORMER_KV_KEY, &feed_of(world.platform.now()))).unwrap();
    world.feed.unreachable.set(true);
    assert_eq!(world.elsewhere().gate("/feed", Some(&token)), Some(401));
}

#[test]
fn row_a_client_is_refreshed_after_its_revocation() {
    let world = levels();
    let isolates = [world.elsewhere(), world.elsewhere(), world.elsewhere()];
    let mut sessions = Vec::new();
    // Two sessions each. One goes on refreshing, and is ended by that; the other stops, and only
    // its token's `auth_time` tells.
    for isolate in isolates.iter().chain(&isolates) {
        // Slowly enough for the limit on sign-ins.
        for _ in 0..15 {
            second(&world);
        }
        let (token, refresh_token) = isolate.sign_in();
        assert_eq!(answers(isolate, &token), PASSES);
        sessions.push(refresh_token);
    }
    second(&world);
    revoke_client(&world);
    let (mut issued, mut accepted_late, mut refused) = (Vec::new(), 0, 0);
    for now in 0..REFRESHING {
        second(&world);
        for (number, session) in sessions.iter_mut().enumerate() {
            let isolate = &isolates[number % 3];
            if now % 10 == 5 && (number < 3 || now < 20) {
                let reply = isolate.refresh(session);
                if reply.status == 200 {
                    let (token, next) = tokens(&reply);
                    *session = next;
                    issued.push(token);
                } else {
                    assert_eq!(code(&reply), "invalid_grant");
                }
            }
        }
        for isolate in &isolates {
            for token in &issued {
                for path in ["/feed", "/strong"] {
                    if isolate.gate(path, Some(token)).is_some() {
                        refused += 1;
                    } else if now > PROMISED {
                        accepted_late += 1;
                    }
                }
            }
        }
    }
    println!(
        "a revoked client: {} tokens issued late in 3 isolates, {accepted_late} accepted after {PROMISED} s, {refused} refusals at feed and strong",
        issued.len()
    );
    assert!(issued.len() >= 9 && refused > REFRESHING * 3 / 2);
    assert_eq!(accepted_late, 0);
    let (token, _) = world.sign_in();
    assert_eq!(answers(&world, &token), PASSES, "who signs in anew is let in");
}

#[test]
fn row_an_issuers_clock_is_ahead() {
    let issuer = "https://issuer.example";
    let world = World::with(
        &json!({"POSTERN_ISSUERS": [{"issuer": issuer, "audiences": ["a"], "leeway": 45, "algorithms": ["ES256"]}]}),
    );
    let until = world.platform.now().seconds() + 45;
    let subject = |not_before| Target::ForeignSubject {
        issuer: issuer.into(),
        subject: "s".into(),
        not_before,
        expires_at: None,
    };
    let client = Target::ForeignClient {
        issuer: issuer.into(),
        client_id: "c".into(),
        not_before: None,
        expires_at: None,
    };
    revoke(&world, &subject(None));
    revoke(&world, &client);
    world.pass(1);
    world.ring_feed();
    let feed = FeedCopy::parse(&block_on(world.kv.read(world.feed_key())).unwrap().unwrap()).unwrap();
    for (kind, value) in [(Kind::Subject, "s"), (Kind::Client, "c")] {
        let not_before = feed.not_before(RevocationKey::of(kind, issuer, value).short()).unwrap();
        assert_eq!(not_before.seconds(), until, "{kind:?}");
    }
}

/// A hit by one cause is refuted while a copy arrives that lists the token for another.
#[test]
fn row_an_answer_is_overtaken_by_a_newer_copy() {
    let world = levels();
    let (first, refresh_token) = world.sign_in();
    traffic(&world, &first, 40);
    world.call("/auth/logout-all", &json!({"refresh_token": refresh_token}));
    // In the same second: a hit by its subject, which the Account object refutes.
    let (token, _) = world.sign_in();
    traffic(&world, &first, 35);
    let isolate = world.elsewhere();
    isolate.gate("/feed", Some(&first));
    let (there, jti) = (isolate.clone(), claims(&token)["jti"].as_str().unwrap().to_owned());
    world.faults.meanwhile(Component::Account, move || {
        let entry = FeedEntry::access_token(&jti, there.platform.now());
        block_on(there.feed.ask(&FeedRequest::Add { entries: vec![entry] })).unwrap();
        there.pass(31);
        there.ring_feed();
        // Another request reads the feed.
        there.gate("/feed", Some(&first));
        there.settle();
    });
    isolate.gate("/feed", Some(&token));
    assert_eq!(isolate.gate("/feed", Some(&token)), Some(401));
}

#[test]
fn the_account_of_a_revoked_session_is_asked_once_a_copy() {
    let world = levels();
    let (first, refresh_token) = world.sign_in();
    traffic(&world, &first, 40);
    world.call("/auth/logout-all", &json!({"refresh_token": refresh_token}));
    let (token, _) = world.sign_in();
    traffic(&world, &first, 35);
    let account: AccountId = claims(&token)["sub"].as_str().unwrap().parse().unwrap();
    let asked = world.accounts.asked();
    for _ in 0..400 {
        // Beats that change nothing bring no new question.
        second(&world);
        assert_eq!(world.gate("/feed", Some(&token)), None);
    }
    let own = world.accounts.asked() - asked;
    assert!(own <= 3, "{own} questions");
    block_on(world.accounts.ask(account, &postern_app::account::AccountRequest::Sessions)).unwrap();
}

#[test]
fn every_row_of_the_page_is_a_test_and_every_test_a_row() {
    let named = |text: &str, before: &str| -> std::collections::BTreeSet<String> {
        let rows = text.split(before).skip(1).filter_map(|rest| rest.split(['`', '(']).next());
        rows.filter(|name| name.starts_with("row_")).map(str::to_owned).collect()
    };
    let page = include_str!("../../../../docs/concepts/revocation.md");
    let tests = named(include_str!("revocation_table.rs"), "\nfn ");
    assert_eq!(named(page, "| `"), tests);
    let table =
        page.split("| state | effect on new requests |").nth(1).unwrap().split("\n\n").next().unwrap();
    assert_eq!(table.lines().skip(2).count(), tests.len(), "each row has one");
}
