//! What an authorization code and the cookie of a browser session share: a family of an account, and a secret, in the text
//! form of [`envelope`].
//!
//! The bytes are `version (1) ‖ master id (1) ‖ account id (16) ‖ family id (16) ‖ secret (32) ‖ MAC (16)`: 82 bytes, 114
//! characters with the prefix. Kinds differ in their prefix and in their key, so none of them serves as another.

use core::fmt;

use zeroize::Zeroizing;

use crate::{
    envelope,
    ids::{AccountId, FamilyId},
    refresh::{Secret, SecretHash},
    secrets::{Key, Master, Masters, NewerMaster},
};

/// The format described above.
const VERSION: u8 = 1;
/// Version, master id, account id, family id, secret.
const SIGNED_BYTES: usize = 1 + 1 + 16 + 16 + 32;
const BYTES: usize = SIGNED_BYTES + envelope::MAC_BYTES;

/// A kind of such a token.
pub(super) struct Kind {
    /// Four characters that let secret scanners find a leaked token.
    pub(super) prefix: &'static str,
    /// The key of this kind.
    pub(super) key: fn(&Master) -> &Key,
}

/// The content of such a token.
#[derive(Clone)]
pub(super) struct SealedFamily {
    pub(super) account: AccountId,
    pub(super) family: FamilyId,
    pub(super) secret: Secret,
}

impl SealedFamily {
    /// The text of the token.
    pub(super) fn seal(&self, kind: &Kind, master: &Master) -> Zeroizing<String> {
        let signed: [&[u8]; 4] =
            [&[VERSION, master.id], self.account.as_bytes(), self.family.as_bytes(), self.secret.bytes()];
        envelope::seal::<BYTES>(kind.prefix, (kind.key)(master), &signed)
    }

    /// Reads a token and checks its MAC in constant time; `None` for a text that none of our masters made. Costs one HMAC
    /// at most, and nothing but a look at the length for a text of another length.
    pub(super) fn open(kind: &Kind, masters: &Masters, text: &str) -> Result<Option<Self>, NewerMaster> {
        let Some(bytes) = envelope::decode::<BYTES>(kind.prefix, text) else { return Ok(None) };
        let [version, master, ..] = *bytes;
        if version != VERSION {
            return Ok(None);
        }
        Ok(masters.look_up(master)?.and_then(|master| Self::read((kind.key)(master), &bytes)))
    }

    fn read(key: &Key, bytes: &[u8; BYTES]) -> Option<Self> {
        let signed = envelope::authentic::<SIGNED_BYTES>(key, bytes)?;
        let (_, rest) = signed.split_first_chunk::<2>()?;
        let (account, rest) = rest.split_first_chunk()?;
        let (family, secret) = rest.split_first_chunk()?;
        Some(Self {
            account: AccountId::from_bytes(*account),
            family: FamilyId::from_bytes(*family),
            secret: Secret::from_bytes(*secret.first_chunk()?),
        })
    }

    /// What the object gets to see.
    pub(super) fn hash(&self) -> SecretHash {
        self.secret.hash()
    }

    /// Shows it under the name of its kind, without the secret.
    pub(super) fn debug(&self, name: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct(name)
            .field("account", &self.account)
            .field("family", &self.family)
            .finish_non_exhaustive()
    }
}
