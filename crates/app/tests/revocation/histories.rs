//! Random histories: whatever fails on the way, what was taken is confirmed at once and stands in
//! KV in the end, and nothing else does.

use core::time::Duration;
use std::collections::BTreeMap;

use postern_app::{
    ports::memory::FaultMode,
    revocation::{FOREIGN_HORIZON, FeedAnswer, FeedEntry, FeedPolicy, FeedRequest, Kind, Rule},
    time::Timestamp,
};
use proptest::prelude::*;

use super::object::{Bench, bearing, session};

fn entry(number: u8, at: Timestamp) -> FeedEntry {
    match number % 5 {
        0 => FeedEntry::session(session(number), at),
        1 => FeedEntry::subject(&number.to_string(), at),
        2 => FeedEntry::access_token(&number.to_string(), at),
        3 => FeedEntry::foreign(
            Kind::Subject,
            "https://i.example",
            &number.to_string(),
            Rule::NotBefore(at),
            at.plus(FOREIGN_HORIZON),
        ),
        _ => FeedEntry::client(&number.to_string(), at, at),
    }
}

#[derive(Debug, Clone)]
enum Event {
    Add(Vec<u8>),
    Pass(u64),
    Crash,
    BreakKv(bool),
    BreakRecords(u32, bool),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 1..6).prop_map(Event::Add),
        6 => prop_oneof![0..3_000_u64, 0..1_200_000_u64].prop_map(Event::Pass),
        2 => Just(Event::Crash),
        2 => any::<bool>().prop_map(Event::BreakKv),
        2 => (0..12_u32, any::<bool>()).prop_map(|(call, after)| Event::BreakRecords(call, after)),
    ];
    prop::collection::vec(event, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_was_taken_is_confirmed_at_once_and_published_in_the_end(events in events()) {
        let mut bench = Bench::new(FeedPolicy::default());
        // By number: the latest time it was revoked at, and whether that was answered.
        let mut taken: BTreeMap<u8, Timestamp> = BTreeMap::new();
        let mut tried: BTreeMap<u8, Timestamp> = BTreeMap::new();
        for event in events {
            match event {
                Event::Add(numbers) => {
                    let entries: Vec<FeedEntry> = numbers.iter().map(|number| entry(*number, bench.now)).collect();
                    let answer = bench.add(&entries);
                    for number in numbers {
                        tried.insert(number, bench.now);
                        if answer == FeedAnswer::Taken {
                            taken.insert(number, bench.now);
                        }
                    }
                    if answer == FeedAnswer::Taken {
                        bench.records.break_with(FaultMode::None);
                        for entry in &entries {
                            prop_assert!(bench.confirm(entry.mark, bench.now));
                        }
                    }
                }
                Event::Pass(millis) => bench.pass(Duration::from_millis(millis)),
                Event::Crash => bench.crash(),
                Event::BreakKv(broken) => bench.kv.broken.set(broken),
                Event::BreakRecords(call, after) => bench.records.break_with(if after {
                    FaultMode::FailAfterPersisting(call)
                } else {
                    FaultMode::FailCall(call)
                }),
            }
        }
        bench.kv.broken.set(false);
        bench.records.break_with(FaultMode::None);
        bench.crash();
        // An object that crashed without an alarm is woken by whoever asks next.
        bench.ask(&FeedRequest::Snapshot {});
        bench.pass(Duration::from_mins(3));

        let feed = bench.published();
        for (number, at) in &taken {
            let FeedEntry { mark, until, .. } = entry(*number, *at);
            if bench.now < until {
                prop_assert!(feed.look_up(&bearing(*number, mark, *at), bench.now).any(), "{number} is missing");
                prop_assert!(bench.confirm(mark, *at));
            }
        }
        // Nothing is there that nobody revoked; what has expired goes within a minute.
        let expired = |number: u8, at: Timestamp| bench.now > entry(number, at).until.plus(Duration::from_secs(61));
        let alive = tried.iter().filter(|(number, at)| !expired(**number, **at)).count();
        prop_assert!(feed.len() <= alive, "{} entries of {alive}", feed.len());
        for pair in bench.kv.writes.borrow().windows(2) {
            prop_assert!(pair[1].since(pair[0]) >= Duration::from_secs(1), "two writes in a second");
        }
    }
}
