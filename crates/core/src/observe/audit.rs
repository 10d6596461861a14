//! The audit log: the object that keeps the [chain](super::chain) of administrative acts, and
//! how it is asked.
//!
//! It only ever adds. An act is written down **before** it is done, and refused when that fails
//! (fail closed): nothing is done that the log does not know of. How it ended is a second entry,
//! which names the first; when that one cannot be written, the act stands in the log as
//! requested, and a fault in the events says why.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::chain::{Act, Head, Proof, Sealed};
use crate::{
    message::Message,
    ports::{Fault, Part, Records},
    secrets::Masters,
};
use postern_jose::time::Timestamp;

/// The most entries of one page: each may have 2 KB of text, and an answer is read whole.
pub const MAX_PAGE: u16 = 200;

const ENTRY_KIND: &str = "entry";
const HEAD_KIND: &str = "head";
const HEAD_ID: &str = "head";

/// What is asked of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditRequest {
    /// Adds an entry.
    Append {
        /// What it says.
        act: Act,
    },
    /// Entries in order, oldest first.
    Page {
        /// Begin behind this number; 0 is the beginning.
        after: u64,
        /// How many at most; cut to [`MAX_PAGE`].
        limit: u16,
    },
}

impl Message for AuditRequest {
    fn is_repeatable(&self) -> bool {
        match self {
            // The act would stand there twice.
            Self::Append { .. } => false,
            Self::Page { .. } => true,
        }
    }
}

/// What the log answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAnswer {
    /// Written, durably, as the new head.
    Appended {
        /// Its number and hash.
        head: Head,
    },
    /// A part of the chain.
    Page(Page),
    /// The log could not do it. An entry that was being written may yet be there.
    Unavailable {
        /// For the log.
        cause: String,
    },
}

/// A part of the chain, and what the object can say of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Sealed>,
    /// The number of the last entry of the whole chain; 0 when it is empty.
    pub last: u64,
    /// Numbers of this part whose record cannot be read or whose MAC is not the master's.
    pub forged: Vec<u64>,
    /// Numbers among these entries that name a master not in force any more.
    pub unproved: Vec<u64>,
}

/// The `AuditLog` object, seen from the Worker.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait AuditLog {
    /// Asks; only transport is a [`Fault`].
    async fn ask(&self, request: &AuditRequest) -> Result<AuditAnswer, Fault>;

    /// Adds an entry; when this fails the act must not be done.
    async fn append(&self, act: Act) -> Result<Head, Fault> {
        match self.ask(&AuditRequest::Append { act }).await? {
            AuditAnswer::Appended { head } => Ok(head),
            other => Err(misplaced(other)),
        }
    }

    /// The entries behind `after`.
    async fn page(&self, after: u64, limit: u16) -> Result<Page, Fault> {
        match self.ask(&AuditRequest::Page { after, limit }).await? {
            AuditAnswer::Page(page) => Ok(page),
            other => Err(misplaced(other)),
        }
    }
}

fn misplaced(answer: AuditAnswer) -> Fault {
    match answer {
        AuditAnswer::Unavailable { cause } => Fault::new(Part::AuditLog, cause),
        _ => Fault::misplaced(Part::AuditLog),
    }
}

/// The object over its records.
#[derive(Debug)]
pub struct AuditChain<R>(R);

impl<R: Records> AuditChain<R> {
    /// Over these records.
    pub const fn new(records: R) -> Self {
        Self(records)
    }

    /// Carries out a request. Nothing is awaited: an entry and the new head commit together.
    pub fn serve(&self, request: AuditRequest, now: Timestamp, masters: &Masters) -> AuditAnswer {
        let served = match request {
            AuditRequest::Append { act } => {
                self.append(act, now, masters).map(|head| AuditAnswer::Appended { head })
            }
            AuditRequest::Page { after, limit } => self.page(after, limit, masters).map(AuditAnswer::Page),
        };
        served.unwrap_or_else(|fault| AuditAnswer::Unavailable { cause: fault.to_string() })
    }

    fn append(&self, act: Act, now: Timestamp, masters: &Masters) -> Result<Head, Fault> {
        let sealed = self.head()?.seal(act, now, masters);
        let head = sealed.head();
        let id = entry_id(head.seq);
        if self.0.read(ENTRY_KIND, &id)?.is_some() {
            // Somebody put back an older head. Nothing is ever written over.
            return Err(Fault::new(Part::AuditLog, format_args!("entry {} is there already", head.seq)));
        }
        self.0.write(ENTRY_KIND, &id, &encode(&sealed)?)?;
        self.0.write(HEAD_KIND, HEAD_ID, &encode(&head)?)?;
        Ok(head)
    }

    fn page(&self, after: u64, limit: u16, masters: &Masters) -> Result<Page, Fault> {
        let mut page = Page { last: self.head()?.seq, ..Page::default() };
        let end = after.saturating_add(limit.min(MAX_PAGE).into()).min(page.last);
        for seq in after.saturating_add(1)..=end {
            // A hole is for the verifier to find: the next entry has the wrong number.
            let Some(text) = self.0.read(ENTRY_KIND, &entry_id(seq))? else { continue };
            let Ok(sealed) = decode::<Sealed>(&text) else {
                page.forged.push(seq);
                continue;
            };
            match sealed.proof(masters) {
                Proof::Authentic => {}
                Proof::Forged => page.forged.push(seq),
                Proof::Unknown => page.unproved.push(seq),
            }
            page.entries.push(sealed);
        }
        Ok(page)
    }

    fn head(&self) -> Result<Head, Fault> {
        self.0.read(HEAD_KIND, HEAD_ID)?.map_or(Ok(Head::EMPTY), |text| decode(&text))
    }
}

/// Zeros in front, so that the order of the names is that of the numbers.
fn entry_id(seq: u64) -> String {
    format!("{seq:016}")
}

fn encode<T: Serialize>(record: &T) -> Result<String, Fault> {
    postern_jose::json::write(record).map_err(|error| Fault::new(Part::Storage, error))
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    postern_jose::json::read(text).map_err(|error| Fault::new(Part::Storage, error))
}

#[cfg(not(target_family = "wasm"))]
pub mod memory;
#[cfg(test)]
mod tests;
