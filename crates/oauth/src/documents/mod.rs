//! Clients with a metadata document (draft-ietf-oauth-client-id-metadata-document): the `client_id` is the https URL of a
//! JSON document in which the client says what it is called and where answers may go.
//!
//! Section numbers are those of revision 02.
//!
//! [`ClientIdUrl`] says which `client_id` is such a URL, and [`ClientDocument`] reads a document. [`ClientDocuments`] is what
//! an object does that fetches and keeps them.

mod client;
mod freshness;
mod messages;
mod object;
mod parse;
mod problem;
mod url;

pub use client::{ClientDocumentObjects, KeptDocument, Undocumented};
pub use messages::{ClientDocumentAnswer, ClientDocumentRequest, NoDocument};
pub use object::{ClientDocuments, Network};
pub use parse::{ClientDocument, UnsoundDocument};
pub use problem::DocumentProblem;
pub use url::{ClientIdUrl, ClientIdUrlError};
