//! A key set at rest.

use serde::{Deserialize, Serialize};

use crate::{JwkSet, JwkSetError, SignatureAlgorithm, time::Timestamp};

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
    /// Entries of the issuer's document that cannot be used, each with its reason, for the log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

impl Snapshot {
    /// The keys in it for an issuer that may use these algorithms. Checked again: KV and records
    /// are not trusted to hold what was accepted.
    pub fn keys(&self, algorithms: &[SignatureAlgorithm]) -> Result<JwkSet, JwkSetError> {
        JwkSet::parse_for(self.document.as_bytes(), algorithms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshot_format_unchanged() {
        let snapshot = Snapshot {
            issuer: "https://i.example".into(),
            document: r#"{"keys":[]}"#.into(),
            fetched_at: Timestamp::from_seconds(1_700_000_000),
            version: 3,
            left_out: Vec::new(),
        };
        let text = r#"{"issuer":"https://i.example","document":"{\"keys\":[]}","fetched_at":1700000000000,"version":3}"#;
        assert_eq!(serde_json::to_string(&snapshot).unwrap(), text);
        assert_eq!(serde_json::from_str::<Snapshot>(text).unwrap(), snapshot);
        let snapshot = Snapshot { left_out: vec!["keys[0]: why".into()], ..snapshot };
        let text = text.replace("3}", r#"3,"left_out":["keys[0]: why"]}"#);
        assert_eq!(serde_json::to_string(&snapshot).unwrap(), text);
    }
}
