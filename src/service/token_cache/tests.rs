//! The cache against a model: with it and without it every question has the same answer.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// As many tokens as overflow a generation twice when each is a tenth of its bytes.
const TOKENS: u8 = 24;
const KEYS: u8 = 3;

/// What the world can do between two requests.
#[derive(Debug, Clone)]
enum Event {
    /// A request with this token; `racing` requests verify it at the same time.
    Ask { token: u8, racing: u8 },
    /// Milliseconds go by.
    Wait(u64),
    /// A key leaves its issuer's set.
    Remove(u8),
    /// A key is (again) in the set.
    Publish(u8),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        8 => (0..TOKENS, 1..3_u8).prop_map(|(token, racing)| Event::Ask { token, racing }),
        2 => (0..400_u64).prop_map(Event::Wait),
        1 => (0..KEYS).prop_map(Event::Remove),
        2 => (0..KEYS).prop_map(Event::Publish),
    ];
    prop::collection::vec(event, 1..120)
}

/// Long, and alike but for the end: a cache that looked at a part of it would mix them up.
fn text(token: u8) -> String {
    format!("{}{token:03}", "t".repeat(MAX_BYTES / 10))
}

fn key_of(token: u8) -> u8 {
    token % KEYS
}

fn valid_until(token: u8) -> Timestamp {
    Timestamp::from_millis(u64::from(token) * 150)
}

fn identity(token: u8) -> Rc<Identity> {
    Rc::new(Identity {
        issuer: "i".into(),
        subject: token.to_string(),
        audience: Vec::new(),
        scopes: BTreeSet::new(),
        roles: BTreeSet::new(),
        tenant_id: None,
        session_id: None,
        rotation_count: None,
        client_id: None,
        issued_at: Timestamp::from_millis(0),
        expires_at: valid_until(token),
        claims: serde_json::Map::new(),
    })
}

/// Full verification: what is answered without a cache.
fn verified(token: u8, keys: &BTreeSet<u8>, now: Timestamp) -> Option<Remembered> {
    (keys.contains(&key_of(token)) && now < valid_until(token)).then(|| Remembered {
        identity: identity(token),
        key_thumbprint: key_of(token).to_string().into(),
        valid_until: valid_until(token),
    })
}

/// The answer with the cache, as `Service::remembered` and `Service::authenticate` find it; and
/// whether it was a hit.
fn ask(
    cache: &mut TokenCache,
    (token, racing): (u8, u8),
    keys: &BTreeSet<u8>,
    now: Timestamp,
) -> (Option<String>, bool) {
    let text = text(token);
    if let Some(found) = cache.find(&text, now) {
        let (subject, key) = (found.identity.subject.clone(), found.key_thumbprint.clone());
        if keys.iter().any(|known| known.to_string() == *key) {
            return (Some(subject), true);
        }
        cache.forget(&text);
    }
    let Some(verified) = verified(token, keys, now) else { return (None, false) };
    for _ in 0..racing {
        cache.remember(&text, verified.clone());
    }
    (Some(verified.identity.subject.to_string()), false)
}

fn assert_bounded(cache: &TokenCache) {
    assert!(cache.young.len() <= MAX_ENTRIES && cache.old.len() <= MAX_ENTRIES);
    assert_eq!(cache.young_bytes, cache.young.keys().map(|token| token.len()).sum::<usize>());
    assert!(cache.young_bytes <= MAX_BYTES);
    assert!(cache.old.keys().map(|token| token.len()).sum::<usize>() <= MAX_BYTES);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_the_same_with_and_without_the_cache(events in events()) {
        let mut cache = TokenCache::default();
        let (mut keys, mut now) = ((0..KEYS).collect::<BTreeSet<u8>>(), Timestamp::from_millis(0));
        for event in events {
            match event {
                Event::Ask { token, racing } => {
                    let without = verified(token, &keys, now).map(|found| found.identity.subject.clone());
                    let (with, _) = ask(&mut cache, (token, racing), &keys, now);
                    prop_assert_eq!(with, without, "token {} at {:?}", token, now);
                }
                Event::Wait(millis) => now = Timestamp::from_millis(now.millis() + millis),
                Event::Remove(key) => drop(keys.remove(&key)),
                Event::Publish(key) => drop(keys.insert(key)),
            }
            assert_bounded(&cache);
        }
    }
}

#[test]
fn a_token_in_use_survives_the_turn_of_generations_and_one_that_is_not_goes() {
    let mut cache = TokenCache::default();
    let (keys, now) = ((0..KEYS).collect(), Timestamp::from_millis(0));
    for token in 1..TOKENS {
        assert!(!ask(&mut cache, (token, 1), &keys, now).1, "{token} was not seen before");
        assert!(token == 1 || ask(&mut cache, (1, 1), &keys, now).1, "1 is in use at {token}");
    }
    assert!(!ask(&mut cache, (2, 1), &keys, now).1);
    assert_bounded(&cache);
}
