//! The verified-token cache of an isolate: what was verified and validated once need not be
//! again while nothing it stood on has changed.
//!
//! Keyed by the whole token (a key made of a part of it, or a short hash, is how one user
//! gets another's identity: CVE-2026-35039). An entry serves until its token expires, its
//! key leaves the issuer's set, or the configuration changes (which makes a new isolate).

use core::hash::{BuildHasher, Hasher};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, RandomState},
    rc::Rc,
};

use crate::{gateway::Identity, revocation::TokenMarks, time::Timestamp};

/// Entries in one generation: at about 1 KB a token, two generations stay near 4 MB.
const MAX_ENTRIES: usize = 1_000;

/// Bytes of tokens in one generation, for when tokens are large.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// Who a verified token names, and what of it can be revoked.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) identity: Rc<Identity>,
    pub(crate) marks: TokenMarks,
}

/// What is remembered of a verified token.
#[derive(Debug, Clone)]
pub(crate) struct Remembered {
    /// Whose it is.
    pub(crate) known: Known,
    /// RFC 7638 thumbprint of the key that verified it.
    pub(crate) key_thumbprint: Rc<str>,
    /// Until when it is valid, leeway included.
    pub(crate) valid_until: Timestamp,
}

/// Bytes of a token that its place in the table is computed from: the end of its signature,
/// which is different in each. Tokens are told apart by all of their bytes, here as everywhere.
const TAIL_BYTES: usize = 32;

/// Keyed hashing of a text's tail: hashing a kilobyte costs more than the rest of a look-up.
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

/// Two generations: new entries go to the young one; when that is full it becomes the old
/// one, and what the old one held is forgotten unless it was used meanwhile. Constant cost,
/// bounded memory, and tokens in use stay.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    young: HashMap<Box<str>, Remembered, ByTail>,
    young_bytes: usize,
    old: HashMap<Box<str>, Remembered, ByTail>,
}

impl TokenCache {
    /// What is known of `token`, if it is still within its time. The caller checks that the
    /// key is still in its issuer's set.
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

    /// Remembers a token that was verified and validated in full.
    pub(crate) fn remember(&mut self, token: &str, remembered: Remembered) {
        self.insert(token.into(), remembered);
    }

    /// Forgets one token.
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
