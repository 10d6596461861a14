//! Finds the client that a request names.
//!
//! Every handler that needs a client gets it here. The settings come first and cost nothing. The form of the `client_id`
//! decides where else to look, so that a client of one place can never take the place of a client of another.

use std::rc::Rc;

use postern_oauth::{
    authorize, authorize::PageError, client::Client, form::Parameters, no_client::NoClient, stored::StoredId,
};

use crate::{
    oauth::{
        documents::{DocumentLookup, Fetching},
        stored_clients::StoredClients,
    },
    ports::Fault,
    runtime::{Runtime, ports::Ports},
};

/// Finds clients.
pub(crate) struct ClientLookup<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> ClientLookup<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The client with this id. `fetching` says whether its document is fetched, if it is one with a document.
    ///
    /// # Errors
    /// A [`Fault`] if it cannot be looked up: 503 with `Retry-After`, because the client is not unknown then.
    pub(crate) async fn find(
        &self,
        client_id: &str,
        fetching: Fetching,
    ) -> Result<Result<Rc<Client>, NoClient>, Fault> {
        if let Some(client) = self.0.isolate.clients.find(client_id) {
            return Ok(Ok(Rc::clone(client)));
        }
        if let Some(found) = DocumentLookup::of(self.0).find(client_id, fetching).await? {
            return Ok(found.map_err(NoClient::Document));
        }
        let stored = StoredClients::of(self.0);
        match StoredId::parse(client_id) {
            Some(client_id) if stored.are_on() => stored.find(&client_id).await,
            _ => Ok(Err(NoClient::Unknown)),
        }
    }

    /// The client that an authorization request names.
    ///
    /// # Errors
    /// As for [`Self::find`].
    pub(crate) async fn of_request(
        &self,
        parameters: &Parameters<'_>,
    ) -> Result<Result<Rc<Client>, Unproved>, Fault> {
        let client_id = match authorize::client_id(parameters) {
            Ok(client_id) => client_id,
            Err(error) => return Ok(Err(Unproved { page: error, cause: error.code() })),
        };
        let found = self.find(client_id, Fetching::Allowed).await?;
        Ok(found.map_err(|none| {
            let page = match none {
                NoClient::Unknown | NoClient::Disabled => PageError::UnknownClient,
                NoClient::Document(problem) => PageError::ClientDocument(problem),
            };
            Unproved { page, cause: none.code() }
        }))
    }
}

/// Why an authorization request has no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unproved {
    /// What the page says.
    pub(crate) page: PageError,
    /// What the log says.
    pub(crate) cause: &'static str,
}
