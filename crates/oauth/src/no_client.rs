//! Why no client answers to a `client_id`.

use crate::documents::{DocumentProblem, NoDocument};

/// Why no client answers to a `client_id`. To the outside it is an unknown client in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoClient {
    /// No client has this id.
    Unknown,
    /// An administrator disabled it.
    Disabled,
    /// The id is the URL of a document that cannot be used.
    Document(DocumentProblem),
}

impl NoClient {
    /// The cause, for the log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown | Self::Document(DocumentProblem::Document(NoDocument::Unknown)) => {
                "client_unknown"
            }
            Self::Disabled => "client_disabled",
            Self::Document(problem) => problem.code(),
        }
    }
}
