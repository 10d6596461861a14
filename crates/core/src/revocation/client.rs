//! The `RevocationFeed` object as others call it: one method for each request.

use super::{
    key::RevocationKey,
    messages::{FeedAnswer, FeedEntry, FeedRequest},
};
use crate::ports::{Component, Fault};
use postern_jose::time::Timestamp;

/// Whether the feed took its new entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The entries are in the feed for good, and will be in KV.
    Taken,
    /// The feed has no room for them. It took none.
    Full,
}

/// The feed as its object has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSnapshot {
    /// The text that KV has, or will have, as its value.
    pub feed: String,
    /// How many writes to KV have failed since the last one that succeeded.
    pub failed_writes: u32,
}

/// The `RevocationFeed` object, as others reach it.
///
/// Every method fails with a [`Fault`] of [`Component::RevocationFeed`] when the object cannot be reached, when its storage
/// failed ([`FeedAnswer::Unavailable`]), or when its answer is of another kind than the request. Every call may be repeated.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait FeedObject {
    /// Sends one message to the object. A [`Fault`] is transport, or an answer that cannot be read. Callers use the methods
    /// below.
    async fn ask(&self, request: &FeedRequest) -> Result<FeedAnswer, Fault>;

    /// Puts entries into the feed, at most [`super::MAX_BATCH`] of them.
    async fn add(&self, entries: Vec<FeedEntry>) -> Result<Added, Fault> {
        match self.ask(&FeedRequest::Add { entries }).await? {
            FeedAnswer::Taken => Ok(Added::Taken),
            FeedAnswer::Full => Ok(Added::Full),
            other => Err(misplaced(other)),
        }
    }

    /// Whether a token with these marks and this `iat` is revoked: the exact answer to a hit in a copy of the feed.
    async fn is_revoked(&self, marks: Vec<RevocationKey>, issued_at: Timestamp) -> Result<bool, Fault> {
        match self.ask(&FeedRequest::Confirm { marks, issued_at }).await? {
            FeedAnswer::Confirmed { revoked } => Ok(revoked),
            other => Err(misplaced(other)),
        }
    }

    /// The feed as it is now.
    async fn snapshot(&self) -> Result<FeedSnapshot, Fault> {
        match self.ask(&FeedRequest::Snapshot {}).await? {
            FeedAnswer::Snapshot { feed, failed_writes } => Ok(FeedSnapshot { feed, failed_writes }),
            other => Err(misplaced(other)),
        }
    }
}

fn misplaced(answer: FeedAnswer) -> Fault {
    match answer {
        FeedAnswer::Unavailable { cause } => Fault::new(Component::RevocationFeed, cause),
        _ => Fault::misplaced(Component::RevocationFeed),
    }
}
