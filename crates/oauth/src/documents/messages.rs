//! What the Worker and the objects of clients' documents say to each other.

use postern_core::message::Message;
use postern_jose::{jwks::FetchFailure, time::Timestamp};
use serde::{Deserialize, Serialize};

/// To the object that keeps the documents of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientDocumentRequest {
    /// The document of this client.
    Read {
        /// The `client_id`, which is the URL of the document.
        client_id: String,
        /// Whether it is fetched if no fresh copy is kept.
        fetch: bool,
    },
}

impl Message for ClientDocumentRequest {
    fn is_repeatable(&self) -> bool {
        match self {
            // The object fetches no oftener than it may, however often it is asked.
            Self::Read { .. } => true,
        }
    }
}

/// Why there is no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum NoDocument {
    /// The last fetch failed so, a minute ago at most, and no copy is young enough.
    #[error(transparent)]
    Failed(FetchFailure),
    /// No copy is kept, and none was to be fetched.
    #[error("unknown")]
    Unknown,
    /// Too many documents that are not known were fetched in the last minute.
    #[error("too_many_fetches")]
    TooManyFetches,
    /// Another request's fetch is still running.
    #[error("busy")]
    Busy,
    /// The object's own storage failed.
    #[error("storage")]
    Storage,
}

/// From the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientDocumentAnswer {
    /// The document, which is one of this client.
    Document {
        /// Its text.
        text: String,
        /// From this time on it is fetched again before it is used, if it can be had.
        fresh_until: Timestamp,
        /// The failure of the fetch that this request made, if it failed: the copy is an older one.
        #[serde(default)]
        failure: Option<FetchFailure>,
        /// The details of that failure, for the log.
        #[serde(default)]
        why: String,
    },
    /// There is none.
    Unavailable {
        /// Why.
        cause: NoDocument,
        /// The same more exactly, for the log: which place, which member.
        #[serde(default)]
        why: String,
        /// After how many seconds it is worth asking again.
        retry_after: u32,
    },
}

#[cfg(test)]
mod tests {
    use postern_core::message;

    use super::*;

    #[test]
    fn messages_format_unchanged() {
        let request =
            ClientDocumentRequest::Read { client_id: "https://a.example/c".to_owned(), fetch: true };
        let text = r#"{"read":{"client_id":"https://a.example/c","fetch":true}}"#;
        assert_eq!(serde_json::to_string(&request).unwrap(), text);
        assert_eq!(message::read::<ClientDocumentRequest>(text), Ok(request));
        for (answer, text) in [
            (
                ClientDocumentAnswer::Document {
                    text: "{}".to_owned(),
                    fresh_until: Timestamp::from_millis(1),
                    failure: Some(FetchFailure::Network),
                    why: "w".to_owned(),
                },
                r#"{"document":{"text":"{}","fresh_until":1,"failure":"network","why":"w"}}"#,
            ),
            (
                ClientDocumentAnswer::Unavailable {
                    cause: NoDocument::Failed(FetchFailure::Status(404)),
                    why: String::new(),
                    retry_after: 60,
                },
                r#"{"unavailable":{"cause":{"failed":{"status":404}},"why":"","retry_after":60}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&answer).unwrap(), text);
            assert_eq!(message::read::<ClientDocumentAnswer>(text), Ok(answer));
        }
    }
}
