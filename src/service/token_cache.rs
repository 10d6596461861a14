//! The verified-token cache of an isolate: what was verified and validated once need not be
//! again while nothing it stood on has changed.
//!
//! Keyed by the whole token (a key made of a part of it, or a short hash, is how one user
//! gets another's identity: CVE-2026-35039). An entry serves until its token expires, its
//! key leaves the issuer's set, or the configuration changes (which makes a new isolate).

use std::{collections::HashMap, rc::Rc};

use crate::{gateway::Identity, revocation::TokenMarks, time::Timestamp};

/// Entries in one generation: at about 1 KB a token, two generations stay near 4 MB.
const MAX_ENTRIES: usize = 1_000;
/// Bytes of tokens in one generation, for when tokens are large.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// Who a verified token names, and what of it can be revoked.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) identity: Rc<Identity>,
    pub(super) marks: TokenMarks,
}

/// What is remembered of a verified token.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    /// Whose it is.
    pub(super) known: Known,
    /// RFC 7638 thumbprint of the key that verified it.
    pub(super) key_thumbprint: Rc<str>,
    /// Until when it is valid, leeway included.
    pub(super) valid_until: Timestamp,
}

/// Two generations: new entries go to the young one; when that is full it becomes the old
/// one, and what the old one held is forgotten unless it was used meanwhile. Constant cost,
/// bounded memory, and tokens in use stay.
#[derive(Debug, Default)]
pub(super) struct TokenCache {
    young: HashMap<Box<str>, Remembered>,
    young_bytes: usize,
    old: HashMap<Box<str>, Remembered>,
}

impl TokenCache {
    /// What is known of `token`, if it is still within its time. The caller checks that the
    /// key is still in its issuer's set.
    pub(super) fn find(&mut self, token: &str, now: Timestamp) -> Option<&Remembered> {
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
    pub(super) fn remember(&mut self, token: &str, remembered: Remembered) {
        self.insert(token.into(), remembered);
    }

    /// Forgets one token.
    pub(super) fn forget(&mut self, token: &str) {
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
mod tests;
