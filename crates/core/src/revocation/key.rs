//! Marks: what names a revocable thing in the feed.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use postern_jose::time::Timestamp;

/// Keeps these hashes apart from every other use of SHA-256. The version changes with the form.
const DOMAIN: &[u8] = b"postern/v1/revocation";

/// What can be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A session, by `sid`.
    Session,
    /// One access token, by `jti`.
    AccessToken,
    /// All that was issued to a subject before a time, by `sub`.
    Subject,
    /// All that was issued to a client before a time, by `client_id`.
    Client,
    /// A signing key of ours, by `kid`. No token is looked up by it: isolates take such a key out
    /// of their copy of the key set.
    Key,
}

impl Kind {
    /// Stored in hashes: never to be renumbered.
    const fn number(self) -> u8 {
        match self {
            Self::Session => 1,
            Self::AccessToken => 2,
            Self::Subject => 3,
            Self::Client => 4,
            Self::Key => 5,
        }
    }
}

/// The name of one revocable thing: SHA-256 of its kind, issuer and value. The object keeps all of
/// it and so tells exactly; the feed carries the first 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevocationKey(#[serde(with = "postern_jose::encoding::base64url_32")] [u8; 32]);

impl RevocationKey {
    /// The mark of what another issuer issued. An empty `issuer` is ourselves, so that a change of
    /// our own `iss` revives nothing.
    pub fn of(kind: Kind, issuer: &str, value: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        hash.update([kind.number()]);
        hash.update(issuer);
        // Issuers are URLs, and those hold no NUL: nothing else can hash to the same.
        hash.update([0]);
        hash.update(value);
        Self(hash.finalize().into())
    }

    /// The mark of what we issued ourselves.
    pub fn own(kind: Kind, value: &str) -> Self {
        Self::of(kind, "", value)
    }

    /// From stored bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// All 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the feed carries: the first eight bytes.
    pub fn short(&self) -> u64 {
        self.0.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
    }
}

/// What of an access token can be revoked, as the feed names it. Made once for each token that is
/// verified, so that a look-up computes no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RevocationKeys {
    /// Of `sid`.
    pub session: Option<u64>,
    /// Of `jti`.
    pub access_token: Option<u64>,
    /// Of `sub`.
    pub subject: u64,
    /// Of `client_id`.
    pub client: Option<u64>,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `auth_time` when that is earlier, as it is after a refresh: what a not-before is held
    /// against, so that a refresh which came later gains nothing.
    pub signed_in_at: Timestamp,
    /// Whether we issued it.
    pub own: bool,
}

/// Whether an access token *may* have been issued before its subject's not-before.
///
/// An `iat` names a whole second (RFC 7519 section 2), so a token of the very second of the
/// revocation may be from before or after it and counts as before here. The revocation feed
/// goes by this, and confirms a hit with [`AccountRequest::Check`](crate::account::AccountRequest::Check), which is exact: it accepts a
/// sign-in made right after the revocation, and nothing from before it.
pub const fn may_predate(issued_at: Timestamp, not_before: Timestamp) -> bool {
    issued_at.seconds() <= not_before.seconds()
}

#[cfg(test)]
mod tests {
    use super::*;
    use postern_jose::encoding::base64url;

    #[test]
    fn mark_format_unchanged() {
        assert_eq!(
            base64url(RevocationKey::own(Kind::Session, "AAAAAAAAAAAAAAAAAAAAAA").as_bytes()),
            base64url(&Sha256::digest(b"postern/v1/revocation\x01\x00AAAAAAAAAAAAAAAAAAAAAA"))
        );
        assert_eq!(
            base64url(RevocationKey::own(Kind::Key, "k").as_bytes()),
            base64url(&Sha256::digest(b"postern/v1/revocation\x05\x00k"))
        );
        let foreign = RevocationKey::of(Kind::Subject, "https://i.example", "alice");
        assert_eq!(
            base64url(foreign.as_bytes()),
            base64url(&Sha256::digest(b"postern/v1/revocation\x03https://i.example\x00alice"))
        );
        assert_eq!(serde_json::to_string(&foreign).unwrap().len(), 45);
        assert_eq!(foreign.short().to_be_bytes(), foreign.as_bytes()[..8]);
    }

    #[test]
    fn the_same_name_of_another_kind_or_issuer_is_something_else() {
        let marks = [
            RevocationKey::own(Kind::Session, "a"),
            RevocationKey::own(Kind::AccessToken, "a"),
            RevocationKey::own(Kind::Subject, "a"),
            RevocationKey::own(Kind::Client, "a"),
            RevocationKey::of(Kind::Session, "https://i.example", "a"),
            RevocationKey::of(Kind::Session, "https://i.example/", "a"),
            RevocationKey::of(Kind::Session, "https://i.examplea", ""),
        ];
        let distinct: std::collections::BTreeSet<_> = marks.iter().collect();
        assert_eq!(distinct.len(), marks.len());
    }
}
