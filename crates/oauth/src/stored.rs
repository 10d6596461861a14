//! Clients in D1: their ids, their secrets, and the record of each.
//!
//! What a client may do stands in `members`, under the names that `POSTERN_CLIENTS` has, and is read by the same rules as
//! there. So a rule that becomes stricter holds for stored clients, too, and there is one parser.

pub mod rows;
pub mod store;

#[cfg(not(target_family = "wasm"))]
pub mod memory;

use postern_core::ports::{Fault, Randomness};
use postern_jose::{encoding, time::Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::client::SecretDigest;

/// The beginning of every id of a stored client. No other client's id has this form.
const ID_PREFIX: &str = "pcl_";

/// The length of an id in bytes: the prefix, and 16 bytes in base64url.
pub const ID_BYTES: usize = 26;

/// The beginning of every secret, by which scanners of source code find one.
const SECRET_PREFIX: &str = "pcs_";

/// The version of the records that this version writes and reads.
const VERSION: u32 = 1;

/// The most secrets of one client: two while one is replaced.
pub const MAX_SECRETS: usize = 2;

/// The `client_id` of a stored client: `pcl_` and 22 characters of base64url.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredId(String);

impl StoredId {
    /// Reads an id. `None` for a text of another form: it names no stored client.
    pub fn parse(text: &str) -> Option<Self> {
        let random = text.strip_prefix(ID_PREFIX)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (text.len() == ID_BYTES && random.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// A new id.
    ///
    /// # Errors
    /// A fault of the source of random bytes.
    pub fn random(randomness: &impl Randomness) -> Result<Self, Fault> {
        let mut bytes = [0; 16];
        randomness.fill(&mut bytes)?;
        Ok(Self([ID_PREFIX, &encoding::base64url(&bytes)].concat()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A new client secret, which is shown once. It has 256 random bits.
///
/// It has no `Debug`.
pub struct NewSecret {
    text: String,
    stored: StoredSecret,
}

impl NewSecret {
    /// A new secret.
    ///
    /// # Errors
    /// A fault of the source of random bytes.
    pub fn random(randomness: &impl Randomness, now: Timestamp) -> Result<Self, Fault> {
        let mut bytes = [0; 38];
        randomness.fill(&mut bytes)?;
        let (secret, id) = bytes.split_at(32);
        let text = [SECRET_PREFIX, &encoding::base64url(secret)].concat();
        let sha256 = encoding::hex(&Sha256::digest(&text));
        let stored = StoredSecret { secret_id: encoding::base64url(id), sha256, created_at: now.seconds() };
        Ok(Self { text, stored })
    }

    /// The text, for the one answer that shows it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is stored of it.
    pub const fn stored(&self) -> &StoredSecret {
        &self.stored
    }
}

/// What is stored of a client secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSecret {
    /// The name by which the secret is ended: 8 characters of base64url.
    pub secret_id: String,
    /// The SHA-256 of the secret, in hexadecimal digits.
    sha256: String,
    /// When it was made, in seconds since 1970.
    pub created_at: u64,
}

impl StoredSecret {
    /// The digest. `None` if the record has none.
    pub fn digest(&self) -> Option<SecretDigest> {
        SecretDigest::from_hex(&self.sha256)
    }
}

impl core::fmt::Debug for StoredSecret {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("StoredSecret").field("secret_id", &self.secret_id).finish_non_exhaustive()
    }
}

/// Where a stored client comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An administrator added it.
    Operator,
    /// It registered itself (RFC 7591).
    Registered {
        /// The last use that was noted. `None` if it was never used.
        used_at: Option<Timestamp>,
        /// When it ends, unless it is used before.
        expires_at: Timestamp,
    },
}

/// A stored client.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredClient {
    /// Its `client_id`.
    pub client_id: StoredId,
    /// Where it comes from.
    pub source: Source,
    /// An administrator disabled it: to the outside it is unknown.
    pub disabled: bool,
    /// Goes up with every change.
    pub version: u64,
    /// When it was added.
    pub created_at: Timestamp,
    /// What it may do, as `POSTERN_CLIENTS` would have it, without id and secrets.
    pub members: Map<String, Value>,
    /// Its secrets, the oldest first: none for a public client, two during a rotation.
    pub secrets: Vec<StoredSecret>,
}

impl StoredClient {
    /// A new client, with this secret if it is confidential.
    pub fn new(
        client_id: StoredId,
        source: Source,
        members: Map<String, Value>,
        secret: Option<&NewSecret>,
        now: Timestamp,
    ) -> Self {
        let secrets = secret.map(|secret| secret.stored().clone()).into_iter().collect();
        Self { client_id, source, disabled: false, version: 0, created_at: now, members, secrets }
    }

    /// Whether it has no secret.
    pub const fn is_public(&self) -> bool {
        self.secrets.is_empty()
    }
}

/// The record in the table.
#[derive(Serialize, Deserialize)]
struct Record {
    v: u32,
    members: Map<String, Value>,
    secrets: Vec<StoredSecret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_of_a_stored_id_is_one() {
        assert!(StoredId::parse("pcl_AAAAAAAAAAAAAAAAAAAA-_").is_some());
        for text in [
            "",
            "pcl_",
            "app",
            "pcl_AAAAAAAAAAAAAAAAAAAAA",
            "pcl_AAAAAAAAAAAAAAAAAAAAAAA",
            "PCL_AAAAAAAAAAAAAAAAAAAAAA",
            "pcl_AAAAAAAAAAAAAAAAAAAA=A",
            "pcl_AAAAAAAAAAAAAAAAAAA\u{e9}A",
        ] {
            assert_eq!(StoredId::parse(text), None, "{text}");
        }
    }
}
