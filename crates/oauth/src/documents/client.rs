//! The objects of clients' documents as the Worker calls them.

use postern_core::ports::Fault;
use postern_jose::{jwks::FetchFailure, time::Timestamp};

use super::{ClientDocumentAnswer, ClientDocumentRequest, ClientIdUrl, NoDocument};

/// How many objects there are. All documents of one host are in one of them, so it can limit what the host is asked.
const OBJECTS: u8 = 8;

/// The text of a client's document, as an object gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptDocument {
    /// The text, in which the object found a sound document of this client.
    pub text: String,
    /// From this time on it is fetched again before it is used.
    pub fresh_until: Timestamp,
    /// The failure of the fetch that this call made, with its details for the log: the text is an older one.
    pub failure: Option<(FetchFailure, String)>,
}

/// Why an object gave no document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undocumented {
    /// The object could not be reached, or its answer cannot be read.
    Fault(Fault),
    /// The object has none.
    Unavailable {
        /// The cause.
        cause: NoDocument,
        /// The details for the log.
        why: String,
        /// The seconds after which another call may succeed.
        retry_after: u32,
    },
}

/// The objects of clients' documents.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait ClientDocumentObjects {
    /// Sends one message to the object of this number. A [`Fault`] is transport, or an answer that cannot be read. Callers
    /// use [`Self::read`].
    async fn ask(&self, object: u8, request: &ClientDocumentRequest) -> Result<ClientDocumentAnswer, Fault>;

    /// The document of a client. With `fetch`, the object fetches it if it keeps no fresh copy and may fetch.
    async fn read(&self, id: &ClientIdUrl, fetch: bool) -> Result<KeptDocument, Undocumented> {
        let request = ClientDocumentRequest::Read { client_id: id.as_str().to_owned(), fetch };
        match self.ask(object_of(id.host()), &request).await.map_err(Undocumented::Fault)? {
            ClientDocumentAnswer::Document { text, fresh_until, failure, why } => {
                Ok(KeptDocument { text, fresh_until, failure: failure.map(|failure| (failure, why)) })
            }
            ClientDocumentAnswer::Unavailable { cause, why, retry_after } => {
                Err(Undocumented::Unavailable { cause, why, retry_after })
            }
        }
    }
}

fn object_of(host: &str) -> u8 {
    use sha2::{Digest as _, Sha256};
    let digest: [u8; 32] = Sha256::digest(host).into();
    digest[0] % OBJECTS
}
