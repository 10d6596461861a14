//! The object's records, as JSON text with a schema version in each.
//!
//! | kind | id | record |
//! |---|---|---|
//! | `account` | `meta` | [`Meta`]: the subject, its epoch and not-before |
//! | `family` | the family's id | [`StoredFamily`]: the epoch it was opened in, and the family |
//! | `activity` | a number, in ten digits | `ActivityEntry`: what happened, for the user |
//! | `one_time` | SHA-256 of the token's secret | `OneTime`: what for, until when, used or not |
//! | `grant` | the id of its family | `StoredGrant`: a grant to an OAuth client, with its family |
//! | `code` | the id of the grant that it opens | `PendingCode`: an authorization code |
//! | `consent` | a hash of client, redirect URI, and resource | `StoredConsent`: what the user has consented to |
//! | `leaving` | `at` | [`Leaving`]: when the account erases itself |
//! | `outbox` | the family's id, or `subject` | `Pending`: what the revocation feed is not told yet |
//!
//! A record of an older version is brought forward when it is read and written back at its next
//! change. A record of a newer version is a fault, never a refusal: after a roll-back of the
//! program, sessions wait for the newer one rather than die.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    ids::FamilyId,
    ports::{Component, Fault, Records},
    refresh::{EndReason, Family, Revocation},
};
use postern_jose::{
    json::{self, BorrowedValue, ReadError},
    time::Timestamp,
};

/// The version this program writes.
pub(super) const SCHEMA_VERSION: u32 = 1;

const META_KIND: &str = "account";
const META_ID: &str = "meta";
const FAMILY_KIND: &str = "family";
pub(super) const ACTIVITY_KIND: &str = "activity";
pub(super) const ONE_TIME_KIND: &str = "one_time";
pub(super) const GRANT_KIND: &str = "grant";
pub(super) const CODE_KIND: &str = "code";
pub(super) const CONSENT_KIND: &str = "consent";
pub(super) const OUTBOX_KIND: &str = "outbox";

/// The fence of an account that was erased: no sign-in passes it.
pub(super) const ERASED: u64 = u64::MAX;
const LEAVING_KIND: &str = "leaving";
const LEAVING_ID: &str = "at";

/// What holds for the whole account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    /// Whose account it is.
    pub(super) subject: String,
    /// Goes up by one each time all sessions are revoked: a family of an earlier epoch has
    /// ended, whatever its own record says. So one write revokes them all.
    pub(super) epoch: u64,
    /// When and why that was last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revoked_all: Option<RevokedAll>,
    /// The least version of the user's credentials that opens a session for a while after the
    /// change: a sign-in that was under way when the password changed or the user was disabled
    /// comes too late. Being such a version, it is also the time of that change in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) fence: u64,
}

#[cfg_attr(
    not(target_family = "wasm"),
    expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's form; 64 bits are small on a machine of 64 bits alone"
    )
)]
pub(super) const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The last revocation of all sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RevokedAll {
    pub(super) at: Timestamp,
    pub(super) by: Revocation,
}

/// A family as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredFamily {
    /// The account's epoch at the sign-in.
    pub(super) epoch: u64,
    pub(super) family: Family,
}

/// The families of an account.
pub(super) type Families = Vec<(FamilyId, StoredFamily)>;

/// An erasure that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leaving {
    /// When the object erases itself, unless the user signs in before.
    pub(super) at: Timestamp,
}

/// Any record, with its version in front.
#[derive(Serialize)]
struct Versioned<'a, T> {
    v: u32,
    record: &'a T,
}

pub(super) fn encode<T: Serialize>(record: &T) -> Result<String, Fault> {
    json::write(&Versioned { v: SCHEMA_VERSION, record })
        .map_err(|error| Fault::new(Component::Storage, error))
}

pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    let mut stored = json::borrow_object(text.as_bytes()).map_err(ReadError::Syntax).map_err(fault)?;
    let version = stored.get("v").ok_or_else(|| missing("v"))?.as_u64().ok_or(ReadError::WrongType);
    let record = stored.take("record").ok_or_else(|| missing("record"))?;
    json::read_value(migrate(version.map_err(fault)?, record)?).map_err(fault)
}

fn missing(name: &str) -> Fault {
    fault(ReadError::Missing(name.to_owned()))
}

fn fault(error: ReadError) -> Fault {
    Fault::new(Component::Storage, error)
}

/// Brings a record forward, one version at a time, to [`SCHEMA_VERSION`].
fn migrate(version: u64, record: BorrowedValue<'_>) -> Result<BorrowedValue<'_>, Fault> {
    match version {
        // The next version gets an arm `1 => ...` here, which reads the record as it was and writes it as it is now.
        v if v == u64::from(SCHEMA_VERSION) => Ok(record),
        unknown => Err(Fault::new(
            Component::Storage,
            format_args!("the record has the unknown schema version {unknown}"),
        )),
    }
}

/// Applies the account's epoch to a stored family.
fn settle(mut stored: StoredFamily, meta: Option<&Meta>) -> StoredFamily {
    if let Some(meta) = meta
        && let Some(revoked) = meta.revoked_all
        && stored.epoch < meta.epoch
    {
        stored.family = stored.family.ended(EndReason::Revoked { by: revoked.by }, revoked.at);
    }
    stored
}

/// The typed view of the object's records.
pub(super) struct Store<'a, R>(pub(super) &'a R);

impl<R: Records> Store<'_, R> {
    pub(super) fn meta(&self) -> Result<Option<Meta>, Fault> {
        self.0.read(META_KIND, META_ID)?.as_deref().map(decode).transpose()
    }

    pub(super) fn write_meta(&self, meta: &Meta) -> Result<(), Fault> {
        self.0.write(META_KIND, META_ID, &encode(meta)?)
    }

    pub(super) fn remove_meta(&self) -> Result<(), Fault> {
        self.0.remove(META_KIND, META_ID)
    }

    pub(super) fn family(&self, id: FamilyId) -> Result<Option<StoredFamily>, Fault> {
        self.0.read(FAMILY_KIND, &id.to_string())?.as_deref().map(decode).transpose()
    }

    pub(super) fn write_family(&self, id: FamilyId, family: &StoredFamily) -> Result<(), Fault> {
        self.0.write(FAMILY_KIND, &id.to_string(), &encode(family)?)
    }

    pub(super) fn remove_family(&self, id: FamilyId) -> Result<(), Fault> {
        self.0.remove(FAMILY_KIND, &id.to_string())
    }

    /// The family as it is by its own record and the account's epoch.
    pub(super) fn load(&self, id: FamilyId) -> Result<Option<StoredFamily>, Fault> {
        let Some(stored) = self.family(id)? else { return Ok(None) };
        Ok(Some(settle(stored, self.meta()?.as_ref())))
    }

    /// All families as they are by their own records and the account's epoch.
    pub(super) fn settled(&self, meta: Option<&Meta>) -> Result<Families, Fault> {
        Ok(self.families()?.into_iter().map(|(id, stored)| (id, settle(stored, meta))).collect())
    }

    pub(super) fn families(&self) -> Result<Families, Fault> {
        self.all_of(FAMILY_KIND)
    }

    /// All records of a kind whose ids are those of families.
    pub(super) fn all_of<T: DeserializeOwned, All: FromIterator<(FamilyId, T)>>(
        &self,
        kind: &str,
    ) -> Result<All, Fault> {
        let rows = self.0.scan(kind)?;
        rows.iter()
            .map(|(id, record)| {
                let id = id.parse().map_err(|error| Fault::new(Component::Storage, error))?;
                Ok((id, decode(record)?))
            })
            .collect()
    }

    /// When the account erases itself, if it does.
    pub(super) fn leaving(&self) -> Result<Option<Timestamp>, Fault> {
        let leaving = self.0.read(LEAVING_KIND, LEAVING_ID)?;
        leaving.as_deref().map(decode).transpose().map(|leaving| leaving.map(|Leaving { at }| at))
    }

    pub(super) fn write_leaving(&self, at: Timestamp) -> Result<(), Fault> {
        self.0.write(LEAVING_KIND, LEAVING_ID, &encode(&Leaving { at })?)
    }

    pub(super) fn remove_leaving(&self) -> Result<(), Fault> {
        if self.0.read(LEAVING_KIND, LEAVING_ID)?.is_some() {
            self.0.remove(LEAVING_KIND, LEAVING_ID)?;
        }
        Ok(())
    }

    /// Removes everything but the outbox, readable or not; the account's own record last.
    pub(super) fn clear(&self) -> Result<(), Fault> {
        for kind in
            [FAMILY_KIND, ACTIVITY_KIND, ONE_TIME_KIND, GRANT_KIND, CODE_KIND, CONSENT_KIND, LEAVING_KIND]
        {
            for (id, _) in self.0.scan(kind)? {
                self.0.remove(kind, &id)?;
            }
        }
        self.remove_meta()
    }
}

#[cfg(test)]
mod tests;
