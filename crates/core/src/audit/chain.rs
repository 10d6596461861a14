//! The chain of administrative acts: entries of which each holds the hash of the one before,
//! and a MAC that only a holder of the master secret can make.
//!
//! - The **canonical form** of an [`Entry`] is its JSON after RFC 8785: members in the order of
//!   their names, no white space, whole numbers below 2^53, strings with the fewest escapes.
//!   [`Entry`]'s fields stand in that order, and serde writes the rest so.
//! - `hash` = SHA-256 over the canonical form. `prev` in the entry is the hash before it; the
//!   first entry has 32 zero bytes.
//! - `mac` = HMAC-SHA-256 over the hash, under the subkey `audit-log` of the master whose id the
//!   entry names.
//!
//! # What it proves
//! An attacker who can edit the storage but has no master secret can change, remove, insert or reorder
//! nothing unseen: the hashes locate the place, the MACs keep them from making new hashes. A chain
//! cannot show two things by itself: that its **end** is missing (an older state was put
//! back), and what a holder of the **master secret** rewrote. Both show against a [`Head`] that
//! was noted elsewhere, and every entry's is: in the line of its `admin_action` event.

use core::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::secrets::Masters;
use postern_jose::{
    encoding::{base64url, from_base64url},
    text::printable,
    time::Timestamp,
};

/// The version of the entry's form that this program writes.
const VERSION: u8 = 1;

/// The longest text of an entry in bytes: a URL or a list of names fits, and an entry stays far
/// below the 2 MB that a row may have.
const TEXT_BYTES: usize = 512;

/// 32 bytes of SHA-256 or HMAC-SHA-256, in JSON 43 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(#[serde(with = "postern_jose::encoding::base64url_32")] [u8; 32]);

impl Digest {
    /// What stands before the first entry.
    pub(crate) const ZERO: Self = Self([0; 32]);

    /// From the bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the 43 characters.
    pub fn parse(text: &str) -> Option<Self> {
        from_base64url(text)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&base64url(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}

/// How far an act has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActResult {
    /// It is about to be done: the entry is written before. Without a later entry that names this
    /// one, it is unknown whether it was done.
    Requested,
    /// It was done.
    Done,
    /// A rule said no; nothing was changed.
    Refused,
    /// A part failed; it may have been done in part.
    Failed,
}

impl ActResult {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// One administrative act, as it is given to the log. Make it with [`Act::new`], which bounds
/// what it holds. Never a token, a password or a key in any of its texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Who: the administrator's subject.
    pub who: String,
    /// What, as a stable name: `key_rotate`, `user_disable`.
    pub action: String,
    /// To what: an account id, a `kid`, a route; empty for the deployment as a whole.
    pub target: String,
    /// More about it, for people; empty for nothing.
    pub detail: String,
    /// How far it has come.
    pub result: ActResult,
    /// The entry that announced it.
    #[serde(default)]
    pub of: Option<u64>,
    /// The request, as the platform names it.
    #[serde(default)]
    pub request_id: Option<String>,
}

impl Act {
    /// An act that is about to be done.
    pub fn new(who: &str, action: &str, target: &str, detail: &str) -> Self {
        let text = |text| printable(text, TEXT_BYTES);
        Self {
            who: text(who),
            action: text(action),
            target: text(target),
            detail: text(detail),
            result: ActResult::Requested,
            of: None,
            request_id: None,
        }
    }
}

/// One entry. Its fields stand in the order of their names, which makes its JSON canonical.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What: see [`Act`].
    pub action: String,
    /// When it was written.
    pub at: Timestamp,
    /// More about it.
    pub detail: String,
    /// The master whose subkey made the MAC.
    pub master: u8,
    /// The entry that announced the act; null for one that announces.
    #[serde(default)]
    pub of: Option<u64>,
    /// The hash of the entry before.
    pub prev: Digest,
    /// The request, as the platform names it.
    #[serde(default)]
    pub request_id: Option<String>,
    /// How far the act has come.
    pub result: ActResult,
    /// Its number: 1, 2, 3.
    pub seq: u64,
    /// To what.
    pub target: String,
    /// The version of this form.
    pub v: u8,
    /// Who.
    pub who: String,
}

impl Entry {
    /// SHA-256 over the canonical form.
    pub(crate) fn hash(&self) -> Digest {
        // Strings and numbers always have a JSON form; were there none, nothing would match it.
        let canonical = postern_jose::json::write(self).unwrap_or_default();
        Digest(Sha256::digest(canonical.as_bytes()).into())
    }
}

/// An entry with its hash and MAC: a record of the log, and a line of its export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The entry.
    pub entry: Entry,
    /// SHA-256 over its canonical form.
    pub hash: Digest,
    /// HMAC over the hash.
    pub mac: Digest,
}

/// The end of a chain, or of a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last entry's number; 0 for an empty chain.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
}

impl Head {
    /// Of an empty chain.
    pub const EMPTY: Self = Self { seq: 0, hash: Digest::ZERO };

    /// The entry that comes next.
    pub fn seal(self, act: Act, at: Timestamp, masters: &Masters) -> Sealed {
        let Act { who, action, target, detail, result, of, request_id } = act;
        let master = masters.current();
        let (seq, prev) = (self.seq.saturating_add(1), self.hash);
        let entry = Entry {
            action,
            at,
            detail,
            master: master.id,
            of,
            prev,
            request_id,
            result,
            seq,
            target,
            v: VERSION,
            who,
        };
        let hash = entry.hash();
        Sealed { hash, mac: Digest(master.audit_log.mac(&[&hash.0])), entry }
    }
}

/// Whether the MAC is the one that the master makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It is.
    Authentic,
    /// It is not: the writer of the entry had no master secret.
    Forged,
    /// The entry names a master that is not at hand, so it cannot be checked.
    Unknown,
}

impl Sealed {
    /// Checks the MAC, and the hash it is made over.
    pub(crate) fn proof(&self, masters: &Masters) -> Proof {
        let Some(master) = masters.find(self.entry.master) else { return Proof::Unknown };
        let mac = master.audit_log.mac(&[&self.entry.hash().0]);
        if bool::from(mac.ct_eq(&self.mac.0)) { Proof::Authentic } else { Proof::Forged }
    }

    /// This entry's place as a head.
    pub const fn head(&self) -> Head {
        Head { seq: self.entry.seq, hash: self.hash }
    }
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Its number is not the next one: entries are missing, repeated or out of order before it.
    Sequence,
    /// Its text does not give its hash: it was changed.
    Changed,
    /// It does not follow from the entry before it, which was replaced or taken out.
    Unlinked,
    /// Its MAC is not the master's: this deployment did not write it.
    Forged,
    /// It names a master that is not at hand, so its writer cannot be checked.
    UnknownMaster,
    /// Its form is one that this program does not know.
    Version,
}

impl Flaw {
    /// What it means, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Sequence => "is not the next one: entries are missing, repeated or out of order",
            Self::Changed => "was changed: its text does not match its hash",
            Self::Unlinked => "does not follow from the entry before it, which was replaced",
            Self::Forged => "was not written by Postern: its MAC does not match the master secret",
            Self::UnknownMaster => {
                "names a master secret that was not given, so its author cannot be verified"
            }
            Self::Version => "has an unknown format",
        }
    }
}

/// Where a chain is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq} {}", .flaw.meaning())]
pub struct Broken {
    /// The number that should stand there.
    pub seq: u64,
    /// What is wrong.
    pub flaw: Flaw,
}

/// Checks the entries that follow `after`, in order, and gives the head behind the last of them,
/// from which the next page is checked. With `masters` the MACs are checked too.
///
/// # Errors
/// The first entry at which the chain is broken.
pub fn verify_chain(after: Head, entries: &[Sealed], masters: Option<&Masters>) -> Result<Head, Broken> {
    entries.iter().try_fold(after, |head, sealed| {
        let seq = head.seq.saturating_add(1);
        let broken = |flaw| Err(Broken { seq, flaw });
        let entry = &sealed.entry;
        if entry.seq != seq {
            return broken(Flaw::Sequence);
        }
        if entry.v != VERSION {
            return broken(Flaw::Version);
        }
        if entry.hash() != sealed.hash {
            return broken(Flaw::Changed);
        }
        if entry.prev != head.hash {
            return broken(Flaw::Unlinked);
        }
        match masters.map_or(Proof::Authentic, |masters| sealed.proof(masters)) {
            Proof::Authentic => Ok(sealed.head()),
            Proof::Forged => broken(Flaw::Forged),
            Proof::Unknown => broken(Flaw::UnknownMaster),
        }
    })
}

#[cfg(test)]
#[cfg(feature = "thorough")]
mod properties;
#[cfg(test)]
mod tests;
