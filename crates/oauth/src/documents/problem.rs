//! Why a client with a document cannot be used, for pages and the log.

use postern_jose::jwks::FetchFailure;

use super::{ClientIdUrlError, NoDocument};

/// Why there is no client with this `client_id`, which begins with `https://`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentProblem {
    /// It is not the URL of a document that is fetched.
    Url(ClientIdUrlError),
    /// Its host is not one of those that the settings allow.
    HostNotAllowed,
    /// There is no document at the URL, or none that can be used.
    Document(NoDocument),
}

impl DocumentProblem {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Url(error) => error.code(),
            Self::HostNotAllowed => "client_host_not_allowed",
            Self::Document(NoDocument::Failed(failure)) => match failure {
                FetchFailure::Network => "client_document_network",
                FetchFailure::Redirected => "client_document_redirected",
                FetchFailure::Status(_) => "client_document_status",
                FetchFailure::TooLarge => "client_document_too_large",
                FetchFailure::MediaType => "client_document_media_type",
                FetchFailure::NotPublic => "client_document_not_public",
                FetchFailure::Malformed
                | FetchFailure::NoUsableKeys
                | FetchFailure::OtherIssuer
                | FetchFailure::NoJwksUri => "client_document_malformed",
                FetchFailure::UnsafeUrl => "client_document_unsafe_url",
            },
            Self::Document(NoDocument::TooManyFetches) => "client_document_too_many_fetches",
            Self::Document(NoDocument::Unknown | NoDocument::Busy | NoDocument::Storage) => {
                "client_document_unavailable"
            }
        }
    }

    /// The status of the page that says so: 429 if the same request can succeed in a minute.
    pub const fn status(self) -> u16 {
        match self {
            Self::Document(NoDocument::TooManyFetches) => 429,
            Self::Url(_) | Self::HostNotAllowed | Self::Document(_) => 400,
        }
    }
}
