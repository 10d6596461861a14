//! The messages between the Worker and the `AuditLog` object.

use serde::{Deserialize, Serialize};

use super::chain::{Act, Head, Sealed};
use crate::message::Message;

/// The most entries of one page: each may have 2 KB of text, and an answer is read whole.
pub(crate) const MAX_PAGE: u16 = 200;

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
