//! Finds clients with a metadata document: in memory, then at the object that keeps the documents of its host.

use std::rc::Rc;

use postern_oauth::{
    client::Client,
    documents::{
        ClientDocument, ClientDocumentObjects as _, ClientIdUrl, DocumentProblem, NoDocument, Undocumented,
    },
};

use crate::{
    events::{EventContext, EventKind},
    isolate::client_cache::DOCUMENT_AGE,
    jwks::FetchFailure,
    ports::{Component, Fault},
    runtime::{Runtime, events::Events, ports::Ports},
};

/// Whether a document that no object keeps may be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fetching {
    /// It may: a user wants to authorize the client, or has.
    Allowed,
    /// It may not: nothing shows that the client exists, and a fetch is a request to a host of a stranger's choice.
    CopiesOnly,
}

/// Finds clients with a metadata document.
pub(crate) struct DocumentLookup<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> DocumentLookup<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The client of the document at this URL. `None` if the `client_id` is not meant as one, or no document is used.
    ///
    /// # Errors
    /// A [`Fault`] if the object that keeps the document fails.
    pub(crate) async fn find(
        &self,
        client_id: &str,
        fetching: Fetching,
    ) -> Result<Option<Result<Rc<Client>, DocumentProblem>>, Fault> {
        let hosts = &self.0.isolate.config.oauth.client_documents;
        if !hosts.are_used() || !ClientIdUrl::is_meant(client_id) {
            return Ok(None);
        }
        let now = self.0.now();
        let memory = &self.0.isolate.memory.document_clients;
        if let Some(Ok(client)) = memory.get(client_id, now) {
            return Ok(Some(Ok(client)));
        }
        let id = match ClientIdUrl::parse(client_id) {
            Ok(id) => id,
            Err(error) => return Ok(Some(Err(DocumentProblem::Url(error)))),
        };
        if !hosts.allow(&id) {
            return Ok(Some(Err(DocumentProblem::HostNotAllowed)));
        }
        let fetch = fetching == Fetching::Allowed;
        let problem = match self.0.ports.client_documents().read(&id, fetch).await {
            Ok(kept) => {
                if let Some((failure, why)) = kept.failure {
                    // The copy serves. The log says why it is one.
                    self.record(NoDocument::Failed(failure), why);
                }
                match ClientDocument::parse(kept.text.as_bytes(), &id) {
                    Ok(document) => {
                        let client = Rc::new(document.into_client(&id, &self.0.isolate.config.oauth.open));
                        let until = kept.fresh_until.min(now.plus(DOCUMENT_AGE));
                        memory.put(client_id, Ok(Rc::clone(&client)), false, (until, now));
                        return Ok(Some(Ok(client)));
                    }
                    // It was kept by a version with other rules.
                    Err(_) => NoDocument::Failed(FetchFailure::Malformed),
                }
            }
            Err(Undocumented::Fault(fault)) => return Err(fault),
            Err(Undocumented::Unavailable { cause: NoDocument::Storage | NoDocument::Busy, why, .. }) => {
                return Err(Fault::new(Component::ClientDocuments, why));
            }
            Err(Undocumented::Unavailable { cause, why, .. }) => {
                if cause != NoDocument::Unknown {
                    let why = if why.is_empty() { id.host().to_owned() } else { why };
                    self.record(cause, why);
                }
                cause
            }
        };
        Ok(Some(Err(DocumentProblem::Document(problem))))
    }

    fn record(&self, cause: NoDocument, document: String) {
        let cause = DocumentProblem::Document(cause).code();
        let happening = EventKind::ClientDocumentRefused { cause, document };
        Events::of(self.0).record(self.0.now(), happening, EventContext::default());
    }
}
