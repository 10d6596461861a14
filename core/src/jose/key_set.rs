//! A JWK Set (RFC 7517 section 5), read from an issuer or published by us.

use core::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{
    JwkError, PublicJwk, PublicKey, SignatureAlgorithm,
    json::{self, JsonError},
};

/// Why a document is no key set. Nothing of it is used then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwkSetError {
    /// Larger than [`JwkSet::MAX_BYTES`].
    TooLarge,
    /// Not one strict JSON object.
    NotJson(JsonError),
    /// Without a `keys` array.
    NoKeys,
    /// More than [`JwkSet::MAX_KEYS`] entries.
    TooManyKeys,
    /// Two entries, of whatever type, share a `kid`: which one is meant would be a guess.
    DuplicateKid,
}

impl JwkSetError {
    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "set_too_large",
            Self::NotJson(_) => "set_not_json",
            Self::NoKeys => "set_without_keys",
            Self::TooManyKeys => "set_too_many_keys",
            Self::DuplicateKid => "set_duplicate_kid",
        }
    }
}

impl fmt::Display for JwkSetError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => formatter.write_str("the key set is too large"),
            Self::NotJson(cause) => write!(formatter, "the key set is {cause}"),
            Self::NoKeys => formatter.write_str("the key set has no keys array"),
            Self::TooManyKeys => formatter.write_str("the key set has too many keys"),
            Self::DuplicateKid => formatter.write_str("the key set has two keys of one kid"),
        }
    }
}

impl core::error::Error for JwkSetError {}

/// An entry that was left out, with its reason; the rest of the set stands (RFC 7517 section 5:
/// implementations SHOULD ignore keys they do not understand).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its `kid`, if it is a string.
    pub kid: Option<String>,
    /// Why.
    pub cause: JwkError,
}

/// Why no single key can be named for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMismatch {
    /// No key of that `kid`, or, for a token without `kid`, none of that algorithm.
    NoKey,
    /// The key of that `kid` is for another algorithm.
    WrongAlgorithm,
    /// The token has no `kid` and several keys are of its algorithm.
    Ambiguous,
}

/// The usable verification keys of one issuer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JwkSet {
    keys: Vec<PublicKey>,
    skipped: Vec<SkippedKey>,
}

impl JwkSet {
    /// A set of 64 RSA keys of 4096 bits has about 50 KB.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// Issuers publish 2 to 10 keys; large multi-tenant ones some 20.
    pub const MAX_KEYS: usize = 64;

    /// Reads a key set. Entries that are broken, weak, or of an unknown type are skipped.
    pub fn parse(document: &[u8]) -> Result<Self, JwkSetError> {
        if document.len() > Self::MAX_BYTES {
            return Err(JwkSetError::TooLarge);
        }
        let members = json::parse_object(document).map_err(JwkSetError::NotJson)?;
        let Some(Value::Array(entries)) = members.get("keys") else {
            return Err(JwkSetError::NoKeys);
        };
        if entries.len() > Self::MAX_KEYS {
            return Err(JwkSetError::TooManyKeys);
        }
        let kids: Vec<&str> = entries.iter().filter_map(kid_of).collect();
        if kids.iter().enumerate().any(|(index, kid)| kids.iter().skip(index + 1).any(|other| other == kid)) {
            return Err(JwkSetError::DuplicateKid);
        }
        let mut set = Self::default();
        for entry in entries {
            match PublicKey::from_jwk(entry) {
                Ok(key) => set.keys.push(key),
                Err(cause) => {
                    set.skipped.push(SkippedKey { kid: kid_of(entry).map(str::to_owned), cause });
                }
            }
        }
        Ok(set)
    }

    /// A set of keys that are known already (our own ring's).
    pub fn of_keys(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self { keys: keys.into_iter().collect(), skipped: Vec::new() }
    }

    /// The usable keys.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The entries that were left out.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// The set without the keys of these `kid`s; `None` when it has none of them.
    pub fn without(&self, is_gone: impl Fn(&str) -> bool) -> Option<Self> {
        let kept: Vec<PublicKey> =
            self.keys.iter().filter(|key| !key.kid().is_some_and(&is_gone)).cloned().collect();
        (kept.len() < self.keys.len()).then_some(Self { keys: kept, skipped: Vec::new() })
    }

    /// Whether a key of this `kid` is in the set.
    pub fn has_kid(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    /// Whether the very key with this RFC 7638 thumbprint is in the set: what a cached
    /// verification asks before it may still be believed.
    pub fn has_thumbprint(&self, thumbprint: &str) -> bool {
        self.keys.iter().any(|key| key.thumbprint() == thumbprint)
    }

    /// The one key that a token with this header is verified by. Keys are never tried in turn.
    /// A token without `kid` has one only if exactly one key is of its algorithm.
    pub fn matching(
        &self,
        kid: Option<&str>,
        algorithm: SignatureAlgorithm,
    ) -> Result<&PublicKey, KeyMismatch> {
        if let Some(kid) = kid {
            let mut named = self.keys.iter().filter(|key| key.kid() == Some(kid));
            return match (named.next(), named.next()) {
                (None, _) => Err(KeyMismatch::NoKey),
                (Some(key), None) if key.algorithm() == algorithm => Ok(key),
                (Some(_), None) => Err(KeyMismatch::WrongAlgorithm),
                (Some(_), Some(_)) => Err(KeyMismatch::Ambiguous),
            };
        }
        let mut fitting = self.keys.iter().filter(|key| key.algorithm() == algorithm);
        match (fitting.next(), fitting.next()) {
            (None, _) => Err(KeyMismatch::NoKey),
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(KeyMismatch::Ambiguous),
        }
    }
}

fn kid_of(entry: &Value) -> Option<&str> {
    entry.get("kid").and_then(Value::as_str)
}

/// A key set as it is published: public members only, by type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
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
mod tests {
    use super::*;

    const ED: &str =
        r#"{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    const EC: &str = r#"{"kty":"EC","crv":"P-256","kid":"ec","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

    fn parse(keys: &[&str]) -> Result<JwkSet, JwkSetError> {
        JwkSet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes())
    }

    #[test]
    fn broken_and_unknown_entries_are_skipped_with_their_reason() {
        let set = parse(&[
            ED,
            r#"{"kty":"oct","kid":"secret","k":"AAAA"}"#,
            r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}"#,
            "7",
            r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
            EC,
        ])
        .unwrap();
        assert_eq!(set.keys().len(), 2);
        let causes: Vec<_> = set.skipped().iter().map(|key| key.cause.code()).collect();
        assert_eq!(causes, ["private_member", "unsupported_kty", "not_json", "malformed_member"]);
        assert_eq!(set.skipped().first().unwrap().kid.as_deref(), Some("secret"));
    }

    #[test]
    fn two_entries_of_one_kid_spoil_the_set_even_when_one_is_unusable() {
        assert_eq!(parse(&[ED, ED]), Err(JwkSetError::DuplicateKid));
        assert_eq!(parse(&[ED, r#"{"kty":"oct","kid":"ed","k":"AAAA"}"#]), Err(JwkSetError::DuplicateKid));
    }

    #[test]
    fn documents_that_are_no_key_set_are_refused_whole() {
        assert_eq!(JwkSet::parse(&vec![b' '; JwkSet::MAX_BYTES + 1]), Err(JwkSetError::TooLarge));
        assert_eq!(JwkSet::parse(b"<html>"), Err(JwkSetError::NotJson(JsonError::Malformed)));
        assert_eq!(JwkSet::parse(b"{}"), Err(JwkSetError::NoKeys));
        assert_eq!(JwkSet::parse(br#"{"keys":{}}"#), Err(JwkSetError::NoKeys));
        assert_eq!(
            JwkSet::parse(br#"{"keys":[],"keys":[]}"#),
            Err(JwkSetError::NotJson(JsonError::DuplicateMember))
        );
        assert_eq!(parse(&vec!["{}"; 65]), Err(JwkSetError::TooManyKeys));
        assert_eq!(parse(&vec!["{}"; 64]).unwrap().skipped().len(), 64);
    }

    #[test]
    fn exactly_one_key_matches_or_none_does() {
        let unnamed = ED.replace(r#""kid":"ed","#, "");
        let set = parse(&[ED, EC, &unnamed]).unwrap();
        assert_eq!(set.matching(Some("ed"), SignatureAlgorithm::EdDsa).unwrap().kid(), Some("ed"));
        assert_eq!(set.matching(Some("ed"), SignatureAlgorithm::Es256), Err(KeyMismatch::WrongAlgorithm));
        assert_eq!(set.matching(Some("other"), SignatureAlgorithm::EdDsa), Err(KeyMismatch::NoKey));
        assert_eq!(set.matching(None, SignatureAlgorithm::EdDsa), Err(KeyMismatch::Ambiguous));
        assert_eq!(set.matching(None, SignatureAlgorithm::Es256).unwrap().kid(), Some("ec"));
        assert_eq!(set.matching(None, SignatureAlgorithm::Rs256), Err(KeyMismatch::NoKey));
    }

    #[test]
    fn a_published_set_reads_back_as_itself() {
        let set = parse(&[ED, EC]).unwrap();
        let document = serde_json::to_vec(&PublicJwkSet::from(&set)).unwrap();
        assert_eq!(JwkSet::parse(&document).unwrap(), set);
    }
}
