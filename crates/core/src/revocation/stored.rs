//! The feed object's records: JSON with a version in front, as `docs/reference/storage-schema.md` shows.
//!
//! | kind | id | record |
//! |---|---|---|
//! | `feed` | `state` | [`State`]: what was changed and what was published |
//! | `entry` | the mark, 43 characters | [`Held`]: what it says, and until when |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{RevocationKey, Rule};
use crate::ports::{Component, Fault, Records};
use postern_jose::{
    encoding::{base64url, from_base64url},
    time::Timestamp,
};

const SCHEMA_VERSION: u32 = 1;
const STATE_KIND: &str = "feed";
const STATE_ID: &str = "state";
const ENTRY_KIND: &str = "entry";

/// What the object knows of its own work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// Always [`SCHEMA_VERSION`].
    pub(super) v: u32,
    /// Goes up with every change of the entries, before it.
    pub(super) changes: u64,
    /// The value of `changes` that stands in KV.
    pub(super) published: u64,
    /// The newest version that was given away, or that a write to KV had, also one that failed.
    pub(super) version: Timestamp,
    /// When a write to KV was last begun.
    pub(super) attempted_at: Timestamp,
    /// Writes to KV that failed since the last good one.
    pub(super) failures: u32,
    /// Sessions that found no room.
    #[serde(default)]
    pub(super) overflow: Option<Unlisted>,
}

/// Sessions that found no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unlisted {
    /// When the last of them was added: all of their tokens were issued before.
    pub(super) issued_until: Timestamp,
    /// When the last of those tokens has expired.
    pub(super) until: Timestamp,
}

/// An entry without its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    /// Always [`SCHEMA_VERSION`].
    pub(super) v: u32,
    pub(super) rule: Rule,
    pub(super) until: Timestamp,
}

impl Held {
    pub(super) const fn new(rule: Rule, until: Timestamp) -> Self {
        Self { v: SCHEMA_VERSION, rule, until }
    }
}

fn fault(error: impl core::fmt::Display) -> Fault {
    Fault::new(Component::Storage, error)
}

fn decode<T: DeserializeOwned>(text: &str, version: impl Fn(&T) -> u32) -> Result<T, Fault> {
    let record: T = postern_jose::json::read(text).map_err(fault)?;
    // A newer program's record is a fault, never taken for an absent one: that would revive tokens.
    if version(&record) == SCHEMA_VERSION {
        Ok(record)
    } else {
        Err(fault("the record has an unknown version"))
    }
}

/// The typed view of the object's records.
pub(super) struct Store<'a, R>(pub(super) &'a R);

impl<R: Records> Store<'_, R> {
    pub(super) fn state(&self) -> Result<State, Fault> {
        match self.0.read(STATE_KIND, STATE_ID)? {
            Some(text) => decode(&text, |state: &State| state.v),
            None => Ok(State { v: SCHEMA_VERSION, ..State::default() }),
        }
    }

    pub(super) fn write_state(&self, state: &State) -> Result<(), Fault> {
        self.0.write(STATE_KIND, STATE_ID, &postern_jose::json::write(state).map_err(fault)?)
    }

    pub(super) fn entries(&self) -> Result<BTreeMap<RevocationKey, Held>, Fault> {
        let rows = self.0.scan(ENTRY_KIND)?;
        // One by one: `collect` would sort them first.
        let mut entries = BTreeMap::new();
        for (id, record) in &rows {
            let bytes = from_base64url(id).and_then(|bytes| bytes.try_into().ok());
            let bytes = bytes.ok_or_else(|| fault("the id of an entry is not a revocation key"))?;
            entries.insert(RevocationKey::from_bytes(bytes), decode(record, |held: &Held| held.v)?);
        }
        Ok(entries)
    }

    pub(super) fn write_entry(&self, mark: &RevocationKey, held: &Held) -> Result<(), Fault> {
        self.0.write(
            ENTRY_KIND,
            &base64url(mark.as_bytes()),
            &postern_jose::json::write(held).map_err(fault)?,
        )
    }

    pub(super) fn remove_entry(&self, mark: &RevocationKey) -> Result<(), Fault> {
        self.0.remove(ENTRY_KIND, &base64url(mark.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ports::memory::MemoryRecords, revocation::Kind};

    #[test]
    fn feed_records_format_unchanged() {
        let records = MemoryRecords::default();
        let store = Store(&records);
        let at = Timestamp::from_millis;
        let mark = RevocationKey::own(Kind::Session, "s");
        let id = base64url(mark.as_bytes());
        for (rule, text) in [
            (Rule::OwnSession, r#"{"v":1,"rule":"own_session","until":9000}"#),
            (Rule::OwnSubject(at(7)), r#"{"v":1,"rule":{"own_subject":7},"until":9000}"#),
            (Rule::Listed, r#"{"v":1,"rule":"listed","until":9000}"#),
            (Rule::NotBefore(at(7)), r#"{"v":1,"rule":{"not_before":7},"until":9000}"#),
        ] {
            store.write_entry(&mark, &Held::new(rule, at(9000))).unwrap();
            assert_eq!(records.read("entry", &id).unwrap().unwrap(), text);
        }
        let overflow = Some(Unlisted { issued_until: at(5), until: at(6) });
        let state = State {
            v: 1,
            changes: 3,
            published: 2,
            version: at(7),
            attempted_at: at(8),
            failures: 1,
            overflow,
        };
        store.write_state(&state).unwrap();
        assert_eq!(
            records.read("feed", "state").unwrap().unwrap(),
            concat!(
                r#"{"v":1,"changes":3,"published":2,"version":7,"attempted_at":8,"failures":1,"#,
                r#""overflow":{"issued_until":5,"until":6}}"#
            )
        );
        assert_eq!(store.state(), Ok(state));
    }

    #[test]
    fn a_record_of_a_newer_version_is_a_fault_and_not_an_absent_one() {
        let records = MemoryRecords::default();
        let id = base64url(RevocationKey::own(Kind::Session, "s").as_bytes());
        records.write("entry", &id, r#"{"v":2,"rule":"listed","until":9000}"#).unwrap();
        assert!(Store(&records).entries().is_err());
        records.write("feed", "state", "{}").unwrap();
        assert!(Store(&records).state().is_err());
    }
}
