//! A JWK Set (RFC 7517 section 5), read from an issuer or published by us.

mod read;

use core::fmt;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    JwkError, PublicJwk, PublicKey, SignatureAlgorithm, Thumbprint, document,
    json::JsonError,
    jwk::{RSA_ALGORITHMS, is_read},
};

/// Why a document is no key set. Nothing of it is used then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwkSetError {
    /// Larger than [`JwkSet::MAX_BYTES`].
    TooLarge,
    /// Not one JSON object, or one with two `keys`.
    NotJson(JsonError),
    /// Without a `keys` array.
    NoKeys,
}

impl JwkSetError {
    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "set_too_large",
            Self::NotJson(_) => "set_not_json",
            Self::NoKeys => "set_without_keys",
        }
    }
}

impl fmt::Display for JwkSetError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => formatter.write_str("the key set is too large"),
            Self::NotJson(cause) => write!(formatter, "the key set is {cause}"),
            Self::NoKeys => formatter.write_str("the key set has no keys array"),
        }
    }
}

impl core::error::Error for JwkSetError {}

/// An entry that was left out, with its reason; the rest of the set stands (RFC 7517 section 5:
/// implementations SHOULD ignore keys they do not understand).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its place in `keys`, from 0.
    pub index: usize,
    /// Its `kid`, if it is a string, made fit for a log.
    pub kid: Option<String>,
    /// Why.
    pub cause: JwkError,
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "keys[{}]", self.index)?;
        if let Some(kid) = &self.kid {
            write!(formatter, " (kid \"{kid}\")")?;
        }
        write!(formatter, ": {} ({})", self.cause, self.cause.code())
    }
}

/// A `kid` is shown up to this length: thumbprints have 43 characters, UUIDs 36.
const SHOWN_KID: usize = 64;

/// Another party's text made fit for a log: printable ASCII, and no more of it than a name needs.
fn shown(kid: &str) -> String {
    let mut shown: String = kid
        .chars()
        .take(SHOWN_KID)
        .map(|character| match character {
            '"' | '\\' => '_',
            character if character.is_ascii_graphic() => character,
            _ => '_',
        })
        .collect();
    if kid.chars().nth(SHOWN_KID).is_some() {
        shown.push_str("...");
    }
    shown
}

/// Why no single key can be named for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMismatch {
    /// No key of that `kid`, or, for a token without `kid`, none of that algorithm.
    NoKey,
    /// The key of that `kid` is for another algorithm.
    WrongAlgorithm,
    /// Several keys fit: of one `kid`, or, for a token without `kid`, of its algorithm.
    Ambiguous,
}

/// The usable verification keys of one issuer, each for one algorithm.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JwkSet {
    keys: Vec<PublicKey>,
    skipped: Vec<SkippedKey>,
    left_out: usize,
}

/// What of an issuer's document is kept: the usable keys and, of them, what is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsableKeys {
    /// A JWK Set of the usable keys alone.
    pub document: String,
    /// How many there are.
    pub count: usize,
    /// Which entries were left out, and why: what [`JwkSet::left_out`] says.
    pub left_out: Vec<String>,
}

impl JwkSet {
    /// The largest document that is looked at. Sets with certificate chains (`x5c`) in them take
    /// some 8 KB a key, and large multi-tenant issuers publish some 20 keys.
    pub const MAX_BYTES: usize = 512 * 1024;
    /// So many usable keys are kept of one issuer. Issuers publish 2 to 10; checking the point of
    /// 256 EC keys takes milliseconds.
    pub const MAX_KEYS: usize = 256;
    /// So many bytes of usable keys, as they are written into KV: 256 RSA keys of 2048 bits, or
    /// 160 of 4096.
    const MAX_KEPT_BYTES: usize = 128 * 1024;
    /// So many left out entries are named; the others are counted.
    const MAX_SKIPPED: usize = 16;
    /// So many keys are asked in turn where an issuer names none of them.
    const MAX_UNNAMED: usize = 4;

    /// Reads a key set. Entries that cannot be used are left out, and the rest is judged. An RSA
    /// key without `alg` is an RS256 key.
    pub fn parse(document: &[u8]) -> Result<Self, JwkSetError> {
        Self::parse_for(document, &[])
    }

    /// The same for an issuer that may use these algorithms: an RSA key without `alg` is for the
    /// RSA algorithms among them. Where both are, it counts as one key of each: the issuer's
    /// operator has said that it signs with both, and no signature of one is a signature of the
    /// other (RFC 8017 sections 8.1.2 and 8.2.2 compare different encodings).
    pub fn parse_for(document: &[u8], algorithms: &[SignatureAlgorithm]) -> Result<Self, JwkSetError> {
        Ok(Read::new(document)?.into_set(algorithms))
    }

    /// Of an issuer's document, what is worth keeping.
    pub fn usable(document: &[u8]) -> Result<UsableKeys, JwkSetError> {
        let read = Read::new(document)?;
        let jwks = read.keys.iter().map(|(key, is_open)| {
            let jwk = key.to_jwk();
            if *is_open { jwk.without_algorithm() } else { jwk }
        });
        let document = crate::json::write(&jwks.collect::<PublicJwkSet>())
            .map_err(|_| JwkSetError::NotJson(JsonError::Malformed))?;
        let count = read.keys.len();
        Ok(UsableKeys { document, count, left_out: read.into_set(&[]).left_out() })
    }

    /// A set of keys that are known already (our own ring's).
    pub fn of_keys(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self { keys: keys.into_iter().collect(), ..Self::default() }
    }

    /// The usable keys.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The first 16 entries that were left out.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// How many entries were left out.
    pub const fn skipped_count(&self) -> usize {
        self.left_out
    }

    /// Which entries were left out, and why, for a log: each by its index, `kid` and member.
    pub fn left_out(&self) -> Vec<String> {
        let mut told: Vec<String> = self.skipped.iter().map(SkippedKey::to_string).collect();
        if let Some(more @ 1..) = self.left_out.checked_sub(self.skipped.len()) {
            told.push(format!("and {more} more"));
        }
        told
    }

    /// The set without the keys of these `kid`s; `None` when it has none of them.
    pub fn without(&self, is_gone: impl Fn(&str) -> bool) -> Option<Self> {
        let kept: Vec<PublicKey> =
            self.keys.iter().filter(|key| !key.kid().is_some_and(&is_gone)).cloned().collect();
        (kept.len() < self.keys.len()).then(|| Self { keys: kept, ..Self::default() })
    }

    /// Whether a key of this `kid` is in the set.
    pub fn has_kid(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    /// Whether the very key with this RFC 7638 thumbprint is in the set: what a cached
    /// verification asks before it may serve again.
    pub fn has_thumbprint(&self, thumbprint: Thumbprint) -> bool {
        self.keys.iter().any(|key| key.thumbprint() == thumbprint)
    }

    /// The `kid`s under which two different keys of one algorithm stand: no token of theirs is
    /// verified.
    pub fn ambiguous_kids(&self) -> BTreeSet<&str> {
        let kids = self.keys.iter().filter_map(|key| Some((key.kid()?, key.algorithm())));
        kids.filter(|(kid, algorithm)| self.matching(Some(kid), *algorithm) == Err(KeyMismatch::Ambiguous))
            .map(|(kid, _)| kid)
            .collect()
    }

    /// The thumbprints of all keys that a token with this header may have been signed by. Two sets
    /// that differ in them may judge such a token differently.
    pub fn fitting(
        &self,
        kid: Option<&str>,
        algorithm: SignatureAlgorithm,
    ) -> impl Iterator<Item = Thumbprint> {
        let fits =
            move |key: &&PublicKey| (kid.is_none() || key.kid() == kid) && key.algorithm() == algorithm;
        self.keys.iter().filter(fits).map(PublicKey::thumbprint)
    }

    /// The one key that a token with this header is verified by: of its `kid` and algorithm, or,
    /// without `kid`, the only one of its algorithm. Two different keys that fit are
    /// [`KeyMismatch::Ambiguous`]; tokens that name others are not concerned.
    pub fn matching(
        &self,
        kid: Option<&str>,
        algorithm: SignatureAlgorithm,
    ) -> Result<&PublicKey, KeyMismatch> {
        let named = |key: &&PublicKey| kid.is_none() || key.kid() == kid;
        let mut fitting = self.keys.iter().filter(named).filter(|key| key.algorithm() == algorithm);
        match fitting.next() {
            Some(key) if fitting.all(|other| other.thumbprint() == key.thumbprint()) => Ok(key),
            Some(_) => Err(KeyMismatch::Ambiguous),
            None if kid.is_some_and(|kid| self.has_kid(kid)) => Err(KeyMismatch::WrongAlgorithm),
            None => Err(KeyMismatch::NoKey),
        }
    }

    /// The keys that may be asked in turn for a token without `kid`: those of its algorithm, where
    /// the issuer names none of them, so that its tokens cannot say which (it publishes a second
    /// one while it rotates). Nothing where one has a name, or where there are more than four.
    pub fn unnamed(&self, algorithm: SignatureAlgorithm) -> impl Iterator<Item = &PublicKey> {
        let fitting = move || self.keys.iter().filter(move |key| key.algorithm() == algorithm);
        let askable = fitting().all(|key| key.kid().is_none()) && fitting().count() <= Self::MAX_UNNAMED;
        fitting().filter(move |_| askable)
    }
}

/// A document as it was read: each usable key once, and whether its JWK leaves the RSA algorithm
/// open.
struct Read {
    keys: Vec<(PublicKey, bool)>,
    skipped: Vec<SkippedKey>,
    left_out: usize,
}

impl Read {
    fn new(document: &[u8]) -> Result<Self, JwkSetError> {
        if document.len() > JwkSet::MAX_BYTES {
            return Err(JwkSetError::TooLarge);
        }
        let mut read = Self { keys: Vec::new(), skipped: Vec::new(), left_out: 0 };
        let mut bytes: usize = 0;
        for (index, raw) in read::entries(document)?.into_iter().enumerate() {
            let entry = document::members(raw.get(), is_read);
            let key = match &entry {
                Ok(members) => PublicKey::from_members(members),
                Err(cause) => Err(JwkError::NotJson(*cause)),
            };
            // A key that stands there again is the same key.
            let kept = key.and_then(|found| {
                if read.keys.contains(&found) {
                    return Ok(None);
                }
                let more = bytes.saturating_add(found.0.kept_bytes());
                if read.keys.len() >= JwkSet::MAX_KEYS || more > JwkSet::MAX_KEPT_BYTES {
                    return Err(JwkError::BeyondWhatIsKept);
                }
                bytes = more;
                Ok(Some(found))
            });
            match kept {
                Ok(found) => read.keys.extend(found),
                Err(cause) => {
                    read.left_out += 1;
                    if read.skipped.len() < JwkSet::MAX_SKIPPED {
                        let kid = entry.ok().and_then(|members| members.get("kid")?.as_str().map(shown));
                        read.skipped.push(SkippedKey { index, kid, cause });
                    }
                }
            }
        }
        Ok(read)
    }

    fn into_set(self, algorithms: &[SignatureAlgorithm]) -> JwkSet {
        let mut keys: Vec<PublicKey> = Vec::with_capacity(self.keys.len());
        let mut add = |key: PublicKey| {
            if !keys.contains(&key) {
                keys.push(key);
            }
        };
        let named = || RSA_ALGORITHMS.into_iter().filter(|algorithm| algorithms.contains(algorithm));
        for (key, is_open) in self.keys {
            if is_open && named().next().is_some() {
                named().for_each(|algorithm| add(key.for_algorithm(algorithm)));
            } else {
                add(key);
            }
        }
        JwkSet { keys, skipped: self.skipped, left_out: self.left_out }
    }
}

/// A key set as it is published: public members only, by type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PublicJwkSet {
    /// The keys, in the order of publication.
    pub keys: Vec<PublicJwk>,
}

impl FromIterator<PublicJwk> for PublicJwkSet {
    fn from_iter<I: IntoIterator<Item = PublicJwk>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect() }
    }
}

impl From<&JwkSet> for PublicJwkSet {
    fn from(set: &JwkSet) -> Self {
        set.keys.iter().map(PublicKey::to_jwk).collect()
    }
}

#[cfg(test)]
mod tests;
