use core::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

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
        known: Known { identity: identity(token), marks: RevocationKeys::default() },
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
    assert_eq!(cache.young_bytes, cache.young.keys().map(|token| token.len()).sum::<usize>());
    assert!(cache.young_bytes <= MAX_BYTES);
    assert!(cache.old.keys().map(|token| token.len()).sum::<usize>() <= MAX_BYTES);
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
