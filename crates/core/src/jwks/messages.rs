//! What the Worker and an issuer's object say to each other, and what KV holds.

use serde::{Deserialize, Serialize};

use super::{CachePolicy, FetchFailure, IssuerSource};
use crate::{
    jose::{JwkSet, JwkSetError, SignatureAlgorithm},
    ports::Fault,
    time::Timestamp,
};

/// A key set as it was accepted: the object's record, its answer, and KV's value, so that all
/// three are read the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The issuer it belongs to: what was read under one issuer's name is never another's.
    pub issuer: String,
    /// The usable keys as a JWK Set, without what nobody reads.
    pub document: String,
    /// When it was fetched.
    pub fetched_at: Timestamp,
    /// Counts the fetches that brought other keys.
    pub version: u64,
}

impl Snapshot {
    /// The keys in it for an issuer that may use these algorithms. Checked again: KV and records
    /// are not trusted to hold what was accepted.
    pub fn keys(&self, algorithms: &[SignatureAlgorithm]) -> Result<JwkSet, JwkSetError> {
        JwkSet::parse_for(self.document.as_bytes(), algorithms)
    }
}

/// To the object of one issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuerKeysRequest {
    /// The key set, fetched first if it is older than the soft age and may be fetched.
    Read {
        /// Whose keys.
        source: IssuerSource,
        /// How old they may be.
        policy: CachePolicy,
    },
    /// A fetch if one is allowed now: for a `kid` that nobody knows, or because the cron says so.
    Refresh {
        /// Whose keys.
        source: IssuerSource,
        /// How old they may be.
        policy: CachePolicy,
        /// Whether a `kid` was met that is in no set; otherwise the soft age decides.
        unknown_kid: bool,
    },
}

/// Why there are no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unavailable {
    /// The last fetch failed so, and the next one is not due yet or has just failed too.
    Failed(FetchFailure),
    /// The object's own storage failed.
    Storage,
    /// Another request's fetch is still running.
    Busy,
}

/// From the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuerKeysAnswer {
    /// The last good set.
    Keys {
        /// The set.
        snapshot: Snapshot,
        /// Whether this very request fetched it: then, and only then, its caller writes it to KV
        /// (one write a second is KV's limit for a key).
        fetched_now: bool,
        /// How the fetch that this request made failed, if it did: the set is an older one.
        #[serde(default)]
        failure: Option<FetchFailure>,
    },
    /// There is none, or only one beyond the hard age.
    Unavailable {
        /// Why.
        cause: Unavailable,
        /// After how many seconds it is worth asking again.
        retry_after: u32,
    },
}

/// The issuers' objects, one for each issuer, named by it.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait IssuerKeysObjects {
    /// Asks the object of `issuer`.
    async fn ask(&self, issuer: &str, request: &IssuerKeysRequest) -> Result<IssuerKeysAnswer, Fault>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::KeyLocation;

    #[test]
    fn snapshot_format_unchanged() {
        let snapshot = Snapshot {
            issuer: "https://i.example".into(),
            document: r#"{"keys":[]}"#.into(),
            fetched_at: Timestamp::from_seconds(1_700_000_000),
            version: 3,
        };
        let text = r#"{"issuer":"https://i.example","document":"{\"keys\":[]}","fetched_at":1700000000000,"version":3}"#;
        assert_eq!(serde_json::to_string(&snapshot).unwrap(), text);
        assert_eq!(serde_json::from_str::<Snapshot>(text).unwrap(), snapshot);
    }

    #[test]
    fn messages_format_unchanged() {
        let request = IssuerKeysRequest::Refresh {
            source: IssuerSource {
                issuer: "https://i.example".into(),
                location: KeyLocation::Discovery,
                local: false,
            },
            policy: CachePolicy::default(),
            unknown_kid: true,
        };
        let text = r#"{"refresh":{"source":{"issuer":"https://i.example","location":"discovery","local":false},"policy":{"soft_age":{"secs":300,"nanos":0},"hard_age":{"secs":86400,"nanos":0},"unknown_kid_cooldown":{"secs":30,"nanos":0},"timeout":{"secs":5,"nanos":0},"max_bytes":524288},"unknown_kid":true}}"#;
        assert_eq!(serde_json::to_string(&request).unwrap(), text);
        assert_eq!(serde_json::from_str::<IssuerKeysRequest>(text).unwrap(), request);
        let answer = IssuerKeysAnswer::Unavailable {
            cause: Unavailable::Failed(FetchFailure::Status(500)),
            retry_after: 2,
        };
        let text = r#"{"unavailable":{"cause":{"failed":{"status":500}},"retry_after":2}}"#;
        assert_eq!(serde_json::to_string(&answer).unwrap(), text);
        assert_eq!(serde_json::from_str::<IssuerKeysAnswer>(text).unwrap(), answer);
    }
}
