//! The cache against a model: with it and without it every question has the same answer.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    tests::{KEYS, TOKENS, ask, assert_bounded, verified},
    *,
};

/// What the world can do between two requests.
#[derive(Debug, Clone)]
enum Event {
    /// A request with this token; `racing` requests verify it at the same time.
    Ask { token: u16, racing: u8 },
    /// Milliseconds go by.
    Wait(u64),
    /// A key leaves its issuer's set.
    Remove(u16),
    /// A key is (again) in the set.
    Publish(u16),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        90 => (0..TOKENS, 1..3_u8).prop_map(|(token, racing)| Event::Ask { token, racing }),
        5 => (0..400_u64).prop_map(Event::Wait),
        1 => (0..KEYS).prop_map(Event::Remove),
        3 => (0..KEYS).prop_map(Event::Publish),
    ];
    prop::collection::vec(event, 1..4_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_the_same_with_and_without_the_cache(events in events()) {
        let mut cache = TokenCache::default();
        let (mut keys, mut now) = ((0..KEYS).collect::<BTreeSet<u16>>(), Timestamp::from_millis(0));
        for (count, event) in events.into_iter().enumerate() {
            match event {
                Event::Ask { token, racing } => {
                    let without = verified(token, &keys, now).map(|found| found.known.identity.subject.clone());
                    let (with, _) = ask(&mut cache, (token, racing), &keys, now);
                    prop_assert_eq!(with, without, "token {} at {:?}", token, now);
                }
                Event::Wait(millis) => now = Timestamp::from_millis(now.millis() + millis),
                Event::Remove(key) => drop(keys.remove(&key)),
                Event::Publish(key) => drop(keys.insert(key)),
            }
            if count % 100 == 0 {
                assert_bounded(&cache);
            }
        }
    }
}
