use core::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::*;
use crate::testing;

/// More than two generations hold.
pub(super) const TOKENS: u16 = 2_500;
pub(super) const KEYS: u16 = 3;

/// Alike but for the middle: a cache that looked at a part of it would mix them up.
fn text(token: u16) -> String {
    format!("header.{token:05}.signature")
}

pub(super) fn key_of(token: u16) -> u16 {
    token % KEYS
}

fn thumbprint(key: u16) -> Thumbprint {
    Thumbprint::from_bytes([u8::try_from(key).unwrap(); 32])
}

fn valid_until(token: u16) -> Timestamp {
    Timestamp::from_millis(60_000 + u64::from(token) * 20)
}

fn identity(token: u16) -> Rc<Identity> {
    thread_local! { static MADE: RefCell<BTreeMap<u16, Rc<Identity>>> = RefCell::default(); }
    let made = MADE.with_borrow(|made| made.get(&token).cloned());
    made.unwrap_or_else(|| {
        let identity = testing::identity(&token.to_string());
        MADE.with_borrow_mut(|made| made.insert(token, Rc::clone(&identity)));
        identity
    })
}

/// Full verification: what is answered without a cache.
pub(super) fn verified(token: u16, keys: &BTreeSet<u16>, now: Timestamp) -> Option<Remembered> {
    (keys.contains(&key_of(token)) && now < valid_until(token)).then(|| Remembered {
        known: Rc::new(KnownToken::new(identity(token), false)),
        key_thumbprint: thumbprint(key_of(token)),
        valid_until: valid_until(token),
    })
}

/// The answer with the cache, as `Service::remembered` and `Service::authenticate` find it; and
/// whether it was a hit.
pub(super) fn ask(
    cache: &mut TokenCache,
    (token, racing): (u16, u8),
    keys: &BTreeSet<u16>,
    now: Timestamp,
) -> (Option<String>, bool) {
    let text = text(token);
    if let Some(found) = cache.find(&text, now) {
        let (subject, key) = (found.known.identity.subject.clone(), found.key_thumbprint);
        if keys.iter().any(|known| thumbprint(*known) == key) {
            return (Some(subject), true);
        }
        cache.forget(&text);
    }
    let Some(verified) = verified(token, keys, now) else { return (None, false) };
    for _ in 0..racing {
        cache.remember(&text, verified.clone());
    }
    (Some(verified.known.identity.subject.clone()), false)
}

pub(super) fn assert_bounded(cache: &TokenCache) {
    assert!(cache.young.len() <= MAX_ENTRIES && cache.old.len() <= MAX_ENTRIES);
    assert_eq!(cache.young_bytes, cache.young.values().map(|entry| entry.token.len()).sum::<usize>());
    assert!(cache.young_bytes <= MAX_BYTES);
    assert!(cache.old.values().map(|entry| entry.token.len()).sum::<usize>() <= MAX_BYTES);
}

// One that is not in use goes.
#[test]
fn a_token_in_use_survives_the_turn_of_generations() {
    let mut cache = TokenCache::default();
    let (keys, now) = ((0..KEYS).collect(), Timestamp::from_millis(0));
    for token in 1..TOKENS {
        assert!(!ask(&mut cache, (token, 1), &keys, now).1, "{token} was not seen before");
        assert!(token == 1 || ask(&mut cache, (1, 1), &keys, now).1, "1 is in use at {token}");
    }
    assert!(!ask(&mut cache, (2, 1), &keys, now).1);
    assert_bounded(&cache);
}

#[test]
fn large_tokens_turn_the_generations_by_their_bytes() {
    let mut cache = TokenCache::default();
    let (keys, now) = ((0..KEYS).collect(), Timestamp::from_millis(0));
    let large = |token: u16| format!("{}{token}", "t".repeat(MAX_BYTES / 4));
    for token in 0..10 {
        cache.remember(&large(token), verified(token, &keys, now).unwrap());
        assert_bounded(&cache);
    }
    assert_eq!(cache.find(&large(9), now).unwrap().known.identity.subject, "9");
    assert!(cache.find(&large(0), now).is_none());
}

// Attack: a token that ends as another one, with the same or another length.
#[test]
fn tokens_are_told_apart_by_every_byte() {
    let mut cache = TokenCache::default();
    let (keys, now) = ((0..KEYS).collect(), Timestamp::from_millis(0));
    let good = ["h".repeat(41), "p".repeat(41), "s".repeat(41)].join(".");
    cache.remember(&good, verified(1, &keys, now).unwrap());
    for place in 0..good.len() {
        let mut other = good.clone().into_bytes();
        other[place] = b'x';
        assert!(cache.find(core::str::from_utf8(&other).unwrap(), now).is_none(), "{place}");
    }
    for other in [&good[1..], &["h", &good].concat(), &good[..good.len() - 1]] {
        assert!(cache.find(other, now).is_none(), "{other}");
    }
    assert!(cache.find(&good, now).is_some());
}

#[test]
fn a_second_token_of_one_hash_takes_the_place_of_the_first() {
    let mut cache = TokenCache::default();
    let (keys, now) = ((0..KEYS).collect(), Timestamp::from_millis(0));
    let tail = "t".repeat(TAIL_BYTES);
    let tokens: Vec<String> = (0..3).map(|number| format!("{}.{tail}", "x".repeat(number * 7))).collect();
    for token in &tokens {
        cache.remember(token, verified(1, &keys, now).unwrap());
        assert_bounded(&cache);
        cache.forget(&tokens[0]);
        assert_bounded(&cache);
    }
    let found: Vec<bool> = tokens.iter().map(|token| cache.find(token, now).is_some()).collect();
    assert_eq!(found, [false, false, true]);
}

#[test]
fn an_answers_number_is_of_one_token_table_and_route() {
    let gates = [(); 2].map(|()| Rc::new(Gate::new(Vec::new(), Vec::new())));
    let tokens = [1, 2].map(|token| KnownToken::new(identity(token), false));
    let numbers = AnswerNumbers::default();
    let mut given = HashSet::new();
    for (token, gate, index) in tokens
        .iter()
        .flat_map(|token| gates.iter().map(move |gate| (token, gate, 0)))
        .chain(tokens.iter().flat_map(|token| gates.iter().map(move |gate| (token, gate, 1))))
    {
        assert_eq!(token.answer_number(gate, index, &numbers), None, "the first is not kept");
        let number = token.answer_number(gate, index, &numbers).unwrap();
        assert_eq!(token.answer_number(gate, index, &numbers), Some(number));
        assert!(given.insert(number), "{number} was given before");
    }
    numbers.0.set(u32::MAX);
    assert_eq!(tokens[0].answer_number(&gates[0], 7, &numbers), None);
    assert_eq!(tokens[0].answer_number(&gates[0], 7, &numbers), None, "they have run out");
}
