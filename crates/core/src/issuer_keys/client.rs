//! The issuers' objects as the Worker calls them: one method for each request.

use postern_jose::jwks::{CachePolicy, FetchFailure, IssuerSource, Snapshot};

use super::{IssuerKeysAnswer, IssuerKeysRequest, Unavailable};
use crate::ports::Fault;

/// A key set as an issuer's object gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerKeySet {
    /// The last good set.
    pub snapshot: Snapshot,
    /// Whether this very call fetched the set: then, and only then, its caller writes KV (one write a second is KV's limit
    /// for a key).
    pub fetched_now: bool,
    /// Whether that fetch brought other keys, or other unusable entries, than the last one.
    pub changed: bool,
    /// The failure of the fetch that this call made, if it failed: the set is an older one.
    pub failure: Option<FetchFailure>,
    /// The details of that failure, for the log; empty without one.
    pub why: String,
}

/// Why an issuer's object gave no key set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoKeySet {
    /// The object could not be reached, or its answer cannot be read.
    Fault(Fault),
    /// The object has no set, or only one beyond the hard age.
    Unavailable {
        /// The cause.
        cause: Unavailable,
        /// The details for the log: which place, which entry, which member.
        why: String,
        /// The seconds after which another call may succeed.
        retry_after: u32,
    },
}

/// The issuers' objects, one for each issuer and place that its keys come from, so that two versions of a deployment that
/// name different places do not disturb each other.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait IssuerKeysObjects {
    /// Sends one message to the object of this name ([`IssuerSource::place`]). A [`Fault`] is transport, or an answer that
    /// cannot be read. Callers use the methods below.
    async fn ask(&self, place: &str, request: &IssuerKeysRequest) -> Result<IssuerKeysAnswer, Fault>;

    /// The issuer's key set. The object fetches it first when it is older than the soft age and a fetch is allowed.
    async fn read(&self, source: IssuerSource, policy: CachePolicy) -> Result<IssuerKeySet, NoKeySet> {
        let place = source.place();
        key_set(self.ask(&place, &IssuerKeysRequest::Read { source, policy }).await)
    }

    /// The issuer's key set, fetched now if a fetch is allowed: no known key verifies a token.
    async fn refresh_for_unknown_kid(
        &self,
        source: IssuerSource,
        policy: CachePolicy,
    ) -> Result<IssuerKeySet, NoKeySet> {
        let place = source.place();
        let request = IssuerKeysRequest::Refresh { source, policy, unknown_kid: true };
        key_set(self.ask(&place, &request).await)
    }
}

fn key_set(answer: Result<IssuerKeysAnswer, Fault>) -> Result<IssuerKeySet, NoKeySet> {
    match answer.map_err(NoKeySet::Fault)? {
        IssuerKeysAnswer::Keys { snapshot, fetched_now, changed, failure, why } => {
            Ok(IssuerKeySet { snapshot, fetched_now, changed, failure, why })
        }
        IssuerKeysAnswer::Unavailable { cause, why, retry_after } => {
            Err(NoKeySet::Unavailable { cause, why, retry_after })
        }
    }
}
