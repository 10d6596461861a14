//! What the Worker and an issuer's object say to each other.

use serde::{Deserialize, Serialize};

use postern_jose::jwks::{CachePolicy, FetchFailure, IssuerSource, Snapshot};

use crate::message::Message;

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
    /// A fetch if one is allowed now: for a token that no known key verifies, or because of the age.
    Refresh {
        /// Whose keys.
        source: IssuerSource,
        /// How old they may be.
        policy: CachePolicy,
        /// Whether a token came that no known key verifies; otherwise the soft age decides.
        unknown_kid: bool,
    },
}

impl Message for IssuerKeysRequest {
    fn is_repeatable(&self) -> bool {
        match self {
            // The object fetches no oftener than it may, however often it is asked.
            Self::Read { .. } | Self::Refresh { .. } => true,
        }
    }
}

/// Why there are no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Unavailable {
    /// The last fetch failed so, and the next one is not due yet or has just failed too.
    #[error(transparent)]
    Failed(FetchFailure),
    /// The object's own storage failed.
    #[error("storage")]
    Storage,
    /// Another request's fetch is still running.
    #[error("busy")]
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
        /// Whether this very request fetched it: then, and only then, its caller sees to KV (one
        /// write a second is KV's limit for a key).
        fetched_now: bool,
        /// Whether that fetch brought other keys, or others that cannot be used, than the last one.
        #[serde(default)]
        changed: bool,
        /// How the fetch that this request made failed, if it did: the set is an older one.
        #[serde(default)]
        failure: Option<FetchFailure>,
        /// What exactly failed, for the log; empty when nothing did.
        #[serde(default)]
        why: String,
    },
    /// There is none, or only one beyond the hard age.
    Unavailable {
        /// Why.
        cause: Unavailable,
        /// The same more exactly, for the log: which place, which entry, which member.
        #[serde(default)]
        why: String,
        /// After how many seconds it is worth asking again.
        retry_after: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use postern_jose::jwks::KeyLocation;

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
            why: String::new(),
            retry_after: 2,
        };
        let text = r#"{"unavailable":{"cause":{"failed":{"status":500}},"why":"","retry_after":2}}"#;
        assert_eq!(serde_json::to_string(&answer).unwrap(), text);
        assert_eq!(serde_json::from_str::<IssuerKeysAnswer>(text).unwrap(), answer);
        // As the version before wrote it.
        let former = r#"{"unavailable":{"cause":{"failed":{"status":500}},"retry_after":2}}"#;
        assert_eq!(postern_jose::json::read_known::<IssuerKeysAnswer>(former), Ok(answer));
        let former = r#"{"keys":{"snapshot":{"issuer":"i","document":"{}","fetched_at":1,"version":1},"fetched_now":true,"failure":null}}"#;
        assert!(postern_jose::json::read_known::<IssuerKeysAnswer>(former).is_ok());
    }
}
