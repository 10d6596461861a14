//! The feed's object through faults and crashes.

use core::{
    cell::{Cell, RefCell},
    future::Future as _,
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};
use std::{collections::BTreeMap, rc::Rc};

use pollster::block_on;
use postern_app::{
    ids::FamilyId,
    ports::{
        Component, Fault, KvStore, Records as _,
        memory::{FaultMode, MemoryRecords},
    },
    revocation::{
        Alarmed, FORMER_KV_KEY, Feed, FeedAnswer, FeedCopy, FeedEntry, FeedPolicy, FeedRequest, Kind, MOVED,
        RevocationKey, RevocationKeys, Rule,
    },
    time::Timestamp,
};
const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const KEY: &str = "revocations:of-this-issuer";

/// KV that takes one write a second and notes when they came.
#[derive(Default)]
pub(super) struct Kv {
    rows: RefCell<BTreeMap<String, String>>,
    pub(super) writes: RefCell<Vec<Timestamp>>,
    pub(super) now: Cell<Timestamp>,
    pub(super) broken: Cell<bool>,
    /// Writes are given up, and arrive when they are let.
    slow: Cell<bool>,
    on_the_way: RefCell<Vec<(String, String)>>,
    /// Writes get no answer.
    hangs: Cell<bool>,
}

impl Kv {
    fn value(&self, key: &str) -> Option<String> {
        self.rows.borrow().get(key).cloned()
    }

    fn put(&self, key: &str, value: &str) {
        self.rows.borrow_mut().insert(key.to_owned(), value.to_owned());
    }

    /// What was given up arrives.
    fn arrive(&self) {
        for (key, value) in self.on_the_way.take() {
            self.put(&key, &value);
        }
    }
}

impl KvStore for Kv {
    async fn read(&self, key: &str) -> Result<Option<String>, Fault> {
        Ok(self.value(key))
    }

    async fn write(&self, key: &str, value: &str) -> Result<(), Fault> {
        if key == KEY {
            self.writes.borrow_mut().push(self.now.get());
        }
        if self.hangs.get() {
            return core::future::pending().await;
        }
        if self.broken.get() {
            return Err(Fault::new(Component::Kv, "told to fail"));
        }
        if self.slow.get() {
            self.on_the_way.borrow_mut().push((key.to_owned(), value.to_owned()));
            return Err(Fault::new(Component::Kv, "no answer in time"));
        }
        self.put(key, value);
        Ok(())
    }
}

/// The object, its alarm and its crashes.
pub(super) struct Bench {
    pub(super) records: MemoryRecords,
    feed: Feed<MemoryRecords>,
    pub(super) kv: Rc<Kv>,
    policy: FeedPolicy,
    pub(super) now: Timestamp,
    alarm: Option<Timestamp>,
}

impl Bench {
    pub(super) fn new(policy: FeedPolicy) -> Self {
        let records = MemoryRecords::default();
        Self { feed: Feed::new(records.clone()), records, kv: Rc::default(), policy, now: START, alarm: None }
    }

    pub(super) fn ask(&mut self, request: &FeedRequest) -> FeedAnswer {
        // The way over the wire is part of what is tested.
        let request = serde_json::from_str(&serde_json::to_string(request).unwrap()).unwrap();
        let served = self.feed.serve(&request, self.now, &self.policy);
        self.alarm = served.alarm.or(self.alarm);
        let text = serde_json::to_string(&served.answer).unwrap();
        assert_eq!(serde_json::from_str::<FeedAnswer>(&text).unwrap(), served.answer);
        served.answer
    }

    pub(super) fn add(&mut self, entries: &[FeedEntry]) -> FeedAnswer {
        self.ask(&FeedRequest::Add { entries: entries.to_vec() })
    }

    pub(super) fn confirm(&mut self, mark: RevocationKey, issued_at: Timestamp) -> bool {
        match self.ask(&FeedRequest::Confirm { marks: vec![mark], issued_at }) {
            FeedAnswer::Confirmed { revoked } => revoked,
            other => panic!("{other:?}"),
        }
    }

    fn ring(&mut self) -> Alarmed {
        self.kv.now.set(self.now);
        let alarmed = block_on(self.feed.alarm(self.now, &*self.kv, KEY, &self.policy));
        self.alarm = Some(alarmed.next);
        alarmed
    }

    /// Time goes by; alarms ring when they are due.
    pub(super) fn pass(&mut self, duration: Duration) {
        let end = self.now.plus(duration);
        while let Some(at) = self.alarm.filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.ring();
        }
        self.now = end;
    }

    pub(super) fn crash(&mut self) {
        self.feed = Feed::new(self.records.clone());
    }

    /// The alarm rings, and the object is reset while it writes to KV.
    fn reset_at_a_write(&mut self, meanwhile: impl FnOnce(&Feed<MemoryRecords>)) {
        self.kv.hangs.set(true);
        {
            let alarm = pin!(self.feed.alarm(self.now, &*self.kv, KEY, &self.policy));
            assert!(alarm.poll(&mut Context::from_waker(Waker::noop())).is_pending(), "it writes");
            meanwhile(&self.feed);
        }
        self.kv.hangs.set(false);
        self.crash();
    }

    pub(super) fn published(&self) -> FeedCopy {
        FeedCopy::parse(&self.kv.value(KEY).unwrap()).unwrap()
    }
}

pub(super) fn session(number: u8) -> FamilyId {
    FamilyId::from_bytes([number; 16])
}

/// What a token that bears this mark alone looks like.
pub(super) fn bearing(number: u8, mark: RevocationKey, issued_at: Timestamp) -> RevocationKeys {
    let short = Some(mark.short());
    let none = RevocationKeys { issued_at, signed_in_at: issued_at, own: true, ..RevocationKeys::default() };
    match number % 5 {
        0 => RevocationKeys { session: short, ..none },
        1 | 3 => RevocationKeys { subject: mark.short(), ..none },
        2 => RevocationKeys { access_token: short, ..none },
        _ => RevocationKeys { client: short, ..none },
    }
}

#[test]
fn a_burst_becomes_one_write_and_a_quiet_feed_its_beats() {
    let mut bench = Bench::new(FeedPolicy { heartbeat: Duration::from_hours(1), ..FeedPolicy::default() });
    for number in 0..100 {
        assert_eq!(bench.add(&[FeedEntry::session(session(number), bench.now)]), FeedAnswer::Taken);
    }
    bench.pass(Duration::from_secs(10));
    assert_eq!(bench.published().len(), 100);
    assert_eq!(bench.kv.writes.borrow().len(), 1);
    // The same again is no change.
    let at = START;
    for number in 0..100 {
        bench.add(&[FeedEntry::session(session(number), at)]);
    }
    bench.pass(Duration::from_mins(10));
    assert_eq!(bench.kv.writes.borrow().len(), 1);
    // When all have expired they are removed, with one more.
    bench.pass(Duration::from_mins(10));
    assert_eq!((bench.published().len(), bench.kv.writes.borrow().len()), (0, 2));
    assert_eq!(bench.records.snapshot().len(), 1, "its own state is all that stays");
    assert_eq!(
        bench.alarm,
        Some(bench.now.plus(Duration::from_hours(1) - Duration::from_secs(130))),
        "the next beat"
    );
    bench.pass(Duration::from_hours(24));
    assert_eq!(bench.kv.writes.borrow().len(), 26);
}

#[test]
fn a_day_of_beats_leaves_most_of_the_free_plans_writes() {
    let mut bench = Bench::new(FeedPolicy::default());
    bench.ask(&FeedRequest::Snapshot {});
    bench.pass(Duration::from_hours(24));
    assert!((287..=289).contains(&bench.kv.writes.borrow().len()));
}

#[test]
fn a_write_given_up_that_arrives_late_is_replaced() {
    let mut bench = Bench::new(FeedPolicy { heartbeat: Duration::from_hours(1), ..FeedPolicy::default() });
    bench.kv.slow.set(true);
    bench.add(&[FeedEntry::access_token("first", START)]);
    bench.pass(Duration::from_secs(1));
    bench.kv.slow.set(false);
    bench.add(&[FeedEntry::access_token("second", START)]);
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.published().len(), 2);
    bench.kv.arrive();
    assert_eq!(bench.published().len(), 1, "it is older, and KV has it");
    bench.pass(Duration::from_mins(1));
    assert_eq!(bench.published().len(), 2);
    let writes = bench.kv.writes.borrow().len();
    bench.pass(Duration::from_mins(10));
    assert_eq!(bench.kv.writes.borrow().len(), writes, "once more, and no more");
}

#[test]
fn a_change_does_not_stand_in_for_the_write_once_more() {
    let mut bench = Bench::new(FeedPolicy { heartbeat: Duration::from_hours(1), ..FeedPolicy::default() });
    bench.kv.slow.set(true);
    bench.add(&[FeedEntry::access_token("first", START)]);
    bench.pass(Duration::from_secs(1));
    bench.kv.slow.set(false);
    for change in ["second", "third"] {
        bench.add(&[FeedEntry::access_token(change, START)]);
        bench.pass(Duration::from_secs(5));
    }
    assert_eq!(bench.published().len(), 3);
    bench.kv.arrive();
    assert_eq!(bench.published().len(), 1, "it is older, and KV has it");
    bench.pass(Duration::from_mins(1));
    assert_eq!(bench.published().len(), 3);
}

#[test]
fn a_beat_that_fails_is_tried_again_as_a_change_is() {
    let mut bench = Bench::new(FeedPolicy::default());
    bench.ask(&FeedRequest::Snapshot {});
    bench.pass(Duration::from_mins(4));
    bench.kv.broken.set(true);
    bench.pass(Duration::from_mins(2));
    let FeedAnswer::Snapshot { failed_writes, .. } = bench.ask(&FeedRequest::Snapshot {}) else {
        panic!("a snapshot")
    };
    assert!(failed_writes >= 4, "{failed_writes} within a minute");
    bench.kv.broken.set(false);
    let failed = bench.now;
    bench.pass(Duration::from_mins(1));
    assert!(bench.published().version() > failed);
    let FeedAnswer::Snapshot { failed_writes, .. } = bench.ask(&FeedRequest::Snapshot {}) else {
        panic!("a snapshot")
    };
    assert_eq!(failed_writes, 0);
}

// The platform rings a handler's alarm again after 2 s when it was cut off.
#[test]
fn a_beat_that_a_reset_cuts_off_is_made_again() {
    let mut bench = Bench::new(FeedPolicy::default());
    bench.ask(&FeedRequest::Snapshot {});
    bench.pass(Duration::from_mins(4));
    bench.now = bench.alarm.unwrap();
    let due = bench.now;
    bench.reset_at_a_write(|_| {});
    bench.alarm = Some(due.plus(Duration::from_secs(2)));
    bench.pass(Duration::from_secs(3));
    assert!(bench.published().version() > due);
    // The one that was cut off may come late: one more is written after a minute.
    let version = bench.published().version();
    bench.pass(Duration::from_secs(65));
    assert!(bench.published().version() > version);
    let FeedAnswer::Snapshot { failed_writes, .. } = bench.ask(&FeedRequest::Snapshot {}) else {
        panic!("a snapshot")
    };
    assert_eq!(failed_writes, 0);
}

/// The write that was cut off comes late, after the one that follows the reset, and has less.
#[test]
fn a_change_during_a_write_that_a_reset_cuts_off_is_not_lost() {
    let mut bench = Bench::new(FeedPolicy::default());
    bench.add(&[FeedEntry::access_token("a", bench.now)]);
    bench.now = bench.alarm.unwrap();
    let (now, policy) = (bench.now, bench.policy);
    bench.reset_at_a_write(|feed| {
        let entries = vec![FeedEntry::access_token("b", now)];
        assert_eq!(feed.serve(&FeedRequest::Add { entries }, now, &policy).answer, FeedAnswer::Taken);
    });
    bench.alarm = Some(now.plus(Duration::from_secs(2)));
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.published().len(), 2);
    let late = FeedCopy::default().encode();
    bench.kv.put(KEY, &late);
    bench.pass(Duration::from_secs(70));
    assert_eq!(bench.published().len(), 2);
}

#[test]
fn the_place_of_the_version_before_says_ask_the_object() {
    let mut bench = Bench::new(FeedPolicy::default());
    bench.ask(&FeedRequest::Snapshot {});
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.kv.value(FORMER_KV_KEY), None, "who finds none asks the object: nothing is to be said");
    // An object of the version before wrote, in a gradual rollout or after a rollback.
    bench.kv.put(FORMER_KV_KEY, &FeedCopy::default().encode());
    bench.add(&[FeedEntry::access_token("a", bench.now)]);
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.kv.value(FORMER_KV_KEY).unwrap(), MOVED);
    assert!(FeedCopy::parse(MOVED).is_err(), "no feed to any version");
    assert_eq!(bench.published().len(), 1);
}

// Until it succeeds.
#[test]
fn a_failed_write_is_repeated_with_growing_pauses() {
    let mut bench = Bench::new(FeedPolicy::default());
    bench.kv.broken.set(true);
    bench.add(&[FeedEntry::access_token("jti", START)]);
    bench.pass(Duration::from_mins(5));
    let pauses: Vec<u64> =
        bench.kv.writes.borrow().windows(2).map(|pair| pair[1].since(pair[0]).as_secs()).collect();
    assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
    bench.kv.broken.set(false);
    bench.pass(Duration::from_mins(1));
    assert_eq!(bench.published().len(), 1);
}

// It was a day ahead before.
#[test]
fn a_clock_put_back_by_a_day_does_not_delay_a_revocation() {
    let mut bench = Bench::new(FeedPolicy::default());
    let day = Duration::from_hours(24);
    bench.now = START.plus(day);
    bench.add(&[FeedEntry::session(session(1), bench.now)]);
    bench.pass(Duration::from_secs(2));
    bench.now = START;
    bench.add(&[FeedEntry::session(session(2), bench.now)]);
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.published().len(), 2);
}

// The gate asks the Account objects about all sessions of that time.
#[test]
fn sessions_over_the_limit_are_asked_about_by_their_time() {
    let mut bench = Bench::new(FeedPolicy { max_own: 3, max_others: 2, ..FeedPolicy::default() });
    for number in 0..5 {
        bench.pass(Duration::from_secs(10));
        assert_eq!(bench.add(&[FeedEntry::session(session(number), bench.now)]), FeedAnswer::Taken);
    }
    bench.pass(Duration::from_secs(10));
    let feed = bench.published();
    assert_eq!(feed.len(), 3, "as many as fit are listed");
    let issued_at = |seconds| RevocationKeys {
        session: Some(0),
        issued_at: START.plus(Duration::from_secs(seconds)),
        own: true,
        ..RevocationKeys::default()
    };
    assert!(feed.look_up(&issued_at(0), bench.now).session, "any session of that time");
    assert!(feed.look_up(&issued_at(110), bench.now).session, "nor one that was signed while it ended");
    assert!(!feed.look_up(&issued_at(111), bench.now).session, "none that began after the last of them");
    assert!(
        !feed.look_up(&RevocationKeys { own: false, ..issued_at(0) }, bench.now).session,
        "nor another's"
    );
    // When the last of them has expired, it is over.
    bench.pass(Duration::from_mins(20));
    assert_eq!((bench.published().overflow(), bench.published().len()), (None, 0));
}

#[test]
fn a_subject_over_the_limit_is_no_less_revoked() {
    let mut bench = Bench::new(FeedPolicy { max_own: 1, max_others: 0, ..FeedPolicy::default() });
    let entries = [FeedEntry::subject("alice", START), FeedEntry::subject("bob", START)];
    assert_eq!(bench.add(&entries), FeedAnswer::Taken);
    bench.pass(Duration::from_secs(5));
    let bob = RevocationKeys {
        subject: RevocationKey::own(Kind::Subject, "bob").short(),
        issued_at: START,
        own: true,
        ..RevocationKeys::default()
    };
    assert!(bench.published().look_up(&bob, bench.now).any());
}

// Until some expire; no order is taken by half.
#[test]
fn other_entries_over_the_limit_are_refused_as_a_whole() {
    let mut bench = Bench::new(FeedPolicy { max_own: 3, max_others: 2, ..FeedPolicy::default() });
    let token = |jti: &str, at| FeedEntry::access_token(jti, at);
    assert_eq!(bench.add(&[token("a", START), token("b", START)]), FeedAnswer::Taken);
    let before = bench.records.snapshot();
    assert_eq!(bench.add(&[token("c", START), FeedEntry::session(session(1), START)]), FeedAnswer::Full);
    assert_eq!(bench.records.snapshot(), before);
    assert_eq!(bench.add(&[token("a", START)]), FeedAnswer::Taken, "what is there is there");
    assert_eq!(
        bench.add(&[FeedEntry::session(session(1), START)]),
        FeedAnswer::Taken,
        "sessions have their own room"
    );
    bench.now = START.plus(Duration::from_mins(19));
    assert_eq!(bench.add(&[token("c", bench.now)]), FeedAnswer::Taken);
}

#[test]
fn a_collision_in_the_feed_is_told_apart_by_the_object() {
    let mut bench = Bench::new(FeedPolicy::default());
    let mut bytes = *RevocationKey::own(Kind::AccessToken, "revoked").as_bytes();
    let revoked = RevocationKey::from_bytes(bytes);
    bytes[31] ^= 1;
    let innocent = RevocationKey::from_bytes(bytes);
    bench.add(&[FeedEntry { mark: revoked, rule: Rule::Listed, until: START.plus(Duration::from_mins(10)) }]);
    bench.pass(Duration::from_secs(1));
    let feed = bench.published();
    assert!(feed.look_up(&bearing(2, innocent, START), bench.now).any(), "the first 64 bits are the same");
    assert!(!bench.confirm(innocent, START));
    assert!(bench.confirm(revoked, START));
}

// A later token is none.
#[test]
fn a_token_of_the_second_of_a_not_before_is_a_hit() {
    let mut bench = Bench::new(FeedPolicy::default());
    let entry = FeedEntry::client(
        "app",
        START.plus(Duration::from_millis(300)),
        START.plus(Duration::from_millis(300)),
    );
    bench.add(std::slice::from_ref(&entry));
    assert!(bench.confirm(entry.mark, START));
    assert!(!bench.confirm(entry.mark, START.plus(Duration::from_secs(1))));
    bench.pass(Duration::from_hours(24 * 365));
    assert!(bench.confirm(entry.mark, START), "as long as a session may last");
    bench.pass(Duration::from_hours(48));
    assert!(!bench.confirm(entry.mark, START));
}

// A heartbeat keeps it young.
#[test]
fn the_first_request_writes_an_empty_feed() {
    let mut bench = Bench::new(FeedPolicy { heartbeat: Duration::from_hours(2), ..FeedPolicy::default() });
    let FeedAnswer::Snapshot { feed, .. } = bench.ask(&FeedRequest::Snapshot {}) else {
        panic!("a snapshot")
    };
    assert!(FeedCopy::parse(&feed).unwrap().is_empty());
    bench.pass(Duration::from_hours(1));
    assert_eq!(bench.kv.writes.borrow().len(), 1);
    assert!(bench.published().version() >= FeedCopy::parse(&feed).unwrap().version());

    let heartbeat = Duration::from_secs(100);
    let mut bench = Bench::new(FeedPolicy { heartbeat, ..FeedPolicy::default() });
    bench.ask(&FeedRequest::Snapshot {});
    bench.pass(Duration::from_hours(1));
    assert_eq!(bench.kv.writes.borrow().len(), 37);
}

#[test]
fn a_snapshot_is_never_newer_than_what_is_written_after_it() {
    let mut bench = Bench::new(FeedPolicy::default());
    bench.add(&[FeedEntry::access_token("a", START)]);
    let FeedAnswer::Snapshot { feed, .. } = bench.ask(&FeedRequest::Snapshot {}) else {
        panic!("a snapshot")
    };
    let snapshot = FeedCopy::parse(&feed).unwrap();
    assert_eq!(snapshot.len(), 1);
    bench.add(&[FeedEntry::access_token("b", START)]);
    bench.ring();
    assert!(bench.published().version() >= snapshot.version());
    assert_eq!(bench.published().len(), 2);
}

// It may still come, and isolates keep the newest version that they saw.
#[test]
fn a_write_that_was_given_up_is_older_than_what_follows() {
    let mut bench = Bench::new(FeedPolicy::default());
    bench.kv.slow.set(true);
    bench.add(&[FeedEntry::access_token("a", START)]);
    bench.ring();
    bench.kv.arrive();
    let late = bench.published().version();
    bench.now = bench.now.minus(Duration::from_mins(10));
    bench.crash();
    let FeedAnswer::Snapshot { feed, .. } = bench.ask(&FeedRequest::Snapshot {}) else {
        panic!("a snapshot")
    };
    assert!(FeedCopy::parse(&feed).unwrap().version() > late);
}

/// A snapshot of what KV does not have yet was given away under a version that nobody kept.
#[test]
fn a_later_snapshot_is_newer_even_when_the_clock_was_put_back() {
    let mut bench = Bench::new(FeedPolicy::default());
    let mut versions = Vec::new();
    for name in ["a", "b", "c"] {
        bench.add(&[FeedEntry::access_token(name, START)]);
        let answer = bench.ask(&FeedRequest::Snapshot {});
        let FeedAnswer::Snapshot { feed, .. } = answer else { panic!("a snapshot") };
        versions.push(FeedCopy::parse(&feed).unwrap().version());
        bench.now = bench.now.minus(Duration::from_mins(10));
        bench.crash();
    }
    assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
    bench.ring();
    assert!(bench.published().version() > versions[2]);
}

#[test]
fn a_storage_that_fails_is_no_answer_and_no_forgetting() {
    let mut bench = Bench::new(FeedPolicy::default());
    let entry = FeedEntry::access_token("a", START);
    bench.add(std::slice::from_ref(&entry));
    bench.crash();
    bench.records.break_with(FaultMode::Down);
    let asked = bench.ask(&FeedRequest::Confirm { marks: vec![entry.mark], issued_at: START });
    assert!(matches!(asked, FeedAnswer::Unavailable { .. }), "not `revoked: false`");
    bench.records.break_with(FaultMode::None);
    assert!(bench.confirm(entry.mark, START));
    bench.records.write("entry", "no mark", "{}").unwrap();
    bench.crash();
    assert!(matches!(bench.add(&[]), FeedAnswer::Unavailable { .. }));
}

#[test]
fn feed_messages_format_unchanged() {
    let text = |request: &FeedRequest| serde_json::to_string(request).unwrap();
    let mark = serde_json::to_string(&RevocationKey::own(Kind::Subject, "alice")).unwrap();
    let entry = FeedEntry::subject("alice", Timestamp::from_seconds(1));
    assert_eq!(
        text(&FeedRequest::Add { entries: vec![entry] }),
        format!(
            r#"{{"add":{{"entries":[{{"mark":{mark},"rule":{{"own_subject":61000}},"until":1081000}}]}}}}"#
        )
    );
    let marks = vec![RevocationKey::own(Kind::Subject, "alice")];
    assert_eq!(
        text(&FeedRequest::Confirm { marks, issued_at: Timestamp::from_millis(5) }),
        format!(r#"{{"confirm":{{"marks":[{mark}],"issued_at":5}}}}"#)
    );
    assert_eq!(text(&FeedRequest::Snapshot {}), r#"{"snapshot":{}}"#);
    let answer = |failed_writes| {
        serde_json::to_string(&FeedAnswer::Snapshot { feed: "f".to_owned(), failed_writes }).unwrap()
    };
    assert_eq!(answer(0), r#"{"snapshot":{"feed":"f"}}"#);
    assert_eq!(answer(2), r#"{"snapshot":{"feed":"f","failed_writes":2}}"#);
}
