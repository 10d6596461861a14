//! The `AuditLog` object over its records.

use serde::{Serialize, de::DeserializeOwned};

use super::{
    chain::{Act, Head, Proof, Sealed, verify_chain},
    messages::{AuditAnswer, AuditRequest, MAX_PAGE, Page},
};
use crate::{
    ports::{Component, Fault, Records},
    secrets::Masters,
};
use postern_jose::time::Timestamp;

const ENTRY_KIND: &str = "entry";
const HEAD_KIND: &str = "head";
const HEAD_ID: &str = "head";

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
        let sealed = self.end(masters)?.seal(act, now, masters);
        let head = sealed.head();
        self.0.write(ENTRY_KIND, &entry_id(head.seq), &encode(&sealed)?)?;
        self.0.write(HEAD_KIND, HEAD_ID, &encode(&head)?)?;
        Ok(head)
    }

    /// The head, brought to the one entry after it: the storage may fail between the writes of an entry and of its head, and
    /// then the log goes on behind that entry. No entry is ever overwritten.
    fn end(&self, masters: &Masters) -> Result<Head, Fault> {
        let head = self.head()?;
        let Some(next) = self.entry(head.seq)? else { return Ok(head) };
        let exists = || {
            let seq = head.seq.saturating_add(1);
            Fault::new(Component::AuditLog, format_args!("entry {seq} exists already"))
        };
        let sealed = decode::<Sealed>(&next).map_err(|_| exists())?;
        let end = verify_chain(head, &[sealed], Some(masters)).map_err(|_| exists())?;
        // With two of them, the head was replaced by an older one.
        if self.entry(end.seq)?.is_some() {
            return Err(exists());
        }
        // Now, so that a further failure leaves one entry after the head again, and not two.
        self.0.write(HEAD_KIND, HEAD_ID, &encode(&end)?)?;
        Ok(end)
    }

    /// The record of the entry that follows this number.
    fn entry(&self, after: u64) -> Result<Option<String>, Fault> {
        self.0.read(ENTRY_KIND, &entry_id(after.saturating_add(1)))
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
    postern_jose::json::write(record).map_err(|error| Fault::new(Component::Storage, error))
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    postern_jose::json::read(text).map_err(|error| Fault::new(Component::Storage, error))
}

#[cfg(test)]
mod tests;
