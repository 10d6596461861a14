//! The verified-token cache of an isolate: a verified and validated token is not checked again while its key and the
//! configuration stay the same.
//!
//! The key is the whole token: with a part of the token or a short hash as the key, a user could get the identity of
//! another (CVE-2026-35039). An entry is used until its token expires, its key leaves the issuer's set, or the
//! configuration changes, which starts a new isolate.

use core::hash::{BuildHasher, Hasher};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, RandomState},
    rc::Rc,
};

use crate::{gateway::Identity, jose::Thumbprint, revocation::RevocationKeys, time::Timestamp};

/// The number of entries in one generation. At about 1 KB for each token, two generations take about 4 MB.
const MAX_ENTRIES: usize = 1_000;

/// The total size of the tokens in one generation, in bytes.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// The identity of a verified token, and its revocation keys.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) identity: Rc<Identity>,
    pub(crate) marks: RevocationKeys,
}

/// The cached result for a verified token.
#[derive(Debug, Clone)]
pub(crate) struct Remembered {
    /// The identity, with its revocation keys.
    pub(crate) known: Known,
    /// The RFC 7638 thumbprint of the key that verified the token.
    pub(crate) key_thumbprint: Thumbprint,
    /// When the token expires, including the leeway.
    pub(crate) valid_until: Timestamp,
}

/// How many bytes of a token are hashed: the end of the signature, which differs in each token. Equality compares all
/// bytes.
const TAIL_BYTES: usize = 32;

/// Keyed hashing of the end of a token. Hashing a kilobyte would cost more than the rest of a look-up.
#[derive(Debug, Clone, Default)]
struct ByTail(RandomState);

struct TailHasher(DefaultHasher);

impl BuildHasher for ByTail {
    type Hasher = TailHasher;

    fn build_hasher(&self) -> TailHasher {
        TailHasher(self.0.build_hasher())
    }
}

impl Hasher for TailHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default());
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// The cache has two generations. New entries go to the young one. When it is full, it becomes the old one, and entries
/// of the former old one are dropped unless they were used meanwhile. The cost is constant, the memory is bounded, and
/// tokens in use stay.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    young: HashMap<Box<str>, Remembered, ByTail>,
    young_bytes: usize,
    old: HashMap<Box<str>, Remembered, ByTail>,
}

impl TokenCache {
    /// The cached result for `token`, unless it has expired. The caller checks that the key is still in its issuer's
    /// set.
    pub(crate) fn find(&mut self, token: &str, now: Timestamp) -> Option<&Remembered> {
        if let Some((token, remembered)) = self.old.remove_entry(token) {
            self.insert(token, remembered);
        }
        // Looked up twice when expired, so that the borrow of a good one can be returned.
        if self.young.get(token).is_some_and(|found| found.valid_until <= now) {
            self.forget(token);
        }
        self.young.get(token)
    }

    /// Caches a token that was fully verified and validated.
    pub(crate) fn remember(&mut self, token: &str, remembered: Remembered) {
        self.insert(token.into(), remembered);
    }

    /// Removes a token.
    pub(crate) fn forget(&mut self, token: &str) {
        self.old.remove(token);
        if self.young.remove(token).is_some() {
            self.young_bytes = self.young_bytes.saturating_sub(token.len());
        }
    }

    fn insert(&mut self, token: Box<str>, remembered: Remembered) {
        if self.young.len() >= MAX_ENTRIES || self.young_bytes + token.len() > MAX_BYTES {
            self.old = core::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        let bytes = token.len();
        if self.young.insert(token, remembered).is_none() {
            self.young_bytes += bytes;
        }
    }
}

#[cfg(test)]
#[cfg(feature = "thorough")]
mod properties;
#[cfg(test)]
mod tests;
