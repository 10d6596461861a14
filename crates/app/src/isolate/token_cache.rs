//! The verified-token cache of an isolate: a verified and validated token is not checked again while its key and the
//! configuration stay the same.
//!
//! The key is the whole token: with a part of the token or a short hash as the key, a user could get the identity of
//! another (CVE-2026-35039). An entry is used until its token expires, its key leaves the issuer's set, or the
//! configuration changes, which starts a new isolate.

use core::cell::{Cell, OnceCell, RefCell};
use core::hash::{BuildHasher, Hasher};
use std::{
    collections::HashMap,
    hash::RandomState,
    rc::{Rc, Weak},
};

use crate::{
    gateway::{Gate, Identity},
    jose::Thumbprint,
    revocation::RevocationKeys,
    time::Timestamp,
};

/// The number of entries in one generation. At about 1 KB for each token, two generations take about 4 MB.
const MAX_ENTRIES: usize = 1_000;

/// The total size of the tokens in one generation, in bytes.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// The identity of a verified token, and what was made of it.
#[derive(Debug)]
pub(crate) struct KnownToken {
    pub(crate) identity: Rc<Identity>,
    /// Whether this deployment issued the token.
    pub(crate) own: bool,
    /// Four hashes, made when the feed has an entry that could be about the token.
    revocation_keys: OnceCell<RevocationKeys>,
    answer: RefCell<Option<Numbered>>,
}

/// The number of what a route answers to a token.
#[derive(Debug)]
struct Numbered {
    /// The table of the route. While this lives, its address names no other table.
    gate: Weak<Gate>,
    /// The place of the route in the table.
    index: usize,
    number: u32,
}

impl KnownToken {
    pub(crate) fn new(identity: Rc<Identity>, own: bool) -> Self {
        Self { identity, own, revocation_keys: OnceCell::new(), answer: RefCell::default() }
    }

    /// What of the token can be revoked.
    pub(crate) fn revocation_keys(&self) -> &RevocationKeys {
        self.revocation_keys.get_or_init(|| self.identity.marks(self.own))
    }

    /// The number under which the answer of this route to this token is kept. `None` for the first answer, since most
    /// tokens come once or many times.
    pub(crate) fn answer_number(
        &self,
        gate: &Rc<Gate>,
        index: usize,
        numbers: &AnswerNumbers,
    ) -> Option<u32> {
        let mut answer = self.answer.borrow_mut();
        let is_same = |known: &&Numbered| known.gate.as_ptr() == Rc::as_ptr(gate) && known.index == index;
        if let Some(known) = answer.as_ref().filter(is_same) {
            return Some(known.number);
        }
        let number = numbers.next()?;
        *answer = Some(Numbered { gate: Rc::downgrade(gate), index, number });
        None
    }
}

/// Numbers of answers. None is given out twice.
#[derive(Debug, Default)]
pub(crate) struct AnswerNumbers(Cell<u32>);

impl AnswerNumbers {
    fn next(&self) -> Option<u32> {
        let next = self.0.get().checked_add(1)?;
        self.0.set(next);
        Some(next)
    }
}

/// The cached result for a verified token.
#[derive(Debug, Clone)]
pub(crate) struct Remembered {
    /// The identity, with what was made of it.
    pub(crate) known: Rc<KnownToken>,
    /// The RFC 7638 thumbprint of the key that verified the token.
    pub(crate) key_thumbprint: Thumbprint,
    /// When the token expires, including the leeway.
    pub(crate) valid_until: Timestamp,
}

/// How many bytes of a token are hashed: the end of the signature, which differs in each token. Hashing a kilobyte would
/// cost more than the rest of a look-up. Equality compares all bytes.
const TAIL_BYTES: usize = 32;

/// For keys that are hashes already.
#[derive(Debug, Clone, Copy, Default)]
struct AsItIs;

#[derive(Default)]
struct GivenHash(u64);

impl BuildHasher for AsItIs {
    type Hasher = GivenHash;

    fn build_hasher(&self) -> GivenHash {
        GivenHash::default()
    }
}

impl Hasher for GivenHash {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A token with its result.
#[derive(Debug)]
struct Entry {
    token: Box<str>,
    remembered: Remembered,
}

/// Tokens by the hashes of their ends. Of two tokens with one hash the later stays.
type Generation = HashMap<u64, Entry, AsItIs>;

/// Whether two texts are equal, eight bytes at a time: on WASM the library compares byte by byte.
fn is_same(one: &str, other: &str) -> bool {
    let ((one_words, one_rest), (words, rest)) =
        (one.as_bytes().as_chunks::<8>(), other.as_bytes().as_chunks::<8>());
    let is_same_word =
        |(one, other): (&[u8; 8], &[u8; 8])| u64::from_ne_bytes(*one) == u64::from_ne_bytes(*other);
    one.len() == other.len() && one_rest == rest && one_words.iter().zip(words).all(is_same_word)
}

/// The cache has two generations. New entries go to the young one. When it is full, it becomes the old one, and entries
/// of the former old one are dropped unless they were used meanwhile. The cost is constant, the memory is bounded, and
/// tokens in use stay.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    hashing: RandomState,
    young: Generation,
    young_bytes: usize,
    old: Generation,
}

impl TokenCache {
    /// The cached result for `token`, unless it has expired. The caller checks that the key is still in its issuer's
    /// set.
    pub(crate) fn find(&mut self, token: &str, now: Timestamp) -> Option<Remembered> {
        let hash = self.hash(token);
        let is_it = |entry: &&Entry| is_same(&entry.token, token);
        let found = if let Some(found) = self.young.get(&hash).filter(is_it) {
            found.remembered.clone()
        } else {
            self.old.get(&hash).filter(is_it)?;
            let entry = self.old.remove(&hash)?;
            let remembered = entry.remembered.clone();
            self.insert(hash, entry);
            remembered
        };
        if found.valid_until <= now {
            self.forget(token);
            return None;
        }
        Some(found)
    }

    /// Caches a token that was fully verified and validated.
    pub(crate) fn remember(&mut self, token: &str, remembered: Remembered) {
        self.insert(self.hash(token), Entry { token: token.into(), remembered });
    }

    /// Removes a token.
    pub(crate) fn forget(&mut self, token: &str) {
        let hash = self.hash(token);
        let is_it = |entry: &Entry| is_same(&entry.token, token);
        if self.old.get(&hash).is_some_and(is_it) {
            self.old.remove(&hash);
        }
        if self.young.get(&hash).is_some_and(is_it) {
            self.young.remove(&hash);
            self.young_bytes = self.young_bytes.saturating_sub(token.len());
        }
    }

    fn hash(&self, token: &str) -> u64 {
        let bytes = token.as_bytes();
        self.hashing.hash_one(bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default())
    }

    fn insert(&mut self, hash: u64, entry: Entry) {
        if self.young.len() >= MAX_ENTRIES || self.young_bytes + entry.token.len() > MAX_BYTES {
            self.old = core::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += entry.token.len();
        if let Some(before) = self.young.insert(hash, entry) {
            self.young_bytes = self.young_bytes.saturating_sub(before.token.len());
        }
    }
}

#[cfg(test)]
#[cfg(feature = "thorough")]
mod properties;
#[cfg(test)]
mod tests;
