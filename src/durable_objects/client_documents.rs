//! The `ClientDocuments` Durable Object: one of a few, each of which fetches the documents of some hosts' clients.

use core::cell::OnceCell;

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::records::SqlRecords;
use crate::{js, log, runtime::Runtime};
use postern_app::{
    client_documents::{
        ClientDocumentAnswer, ClientDocumentRequest, ClientDocuments as Documents, Network, NoDocument,
    },
    ports::{Clock as _, Component, Fault},
};

/// The flag by which the global `fetch` never goes to a server of the own zone past Cloudflare's front.
const STRICTLY_PUBLIC: &str = "global_fetch_strictly_public";

/// Fetches and keeps documents of clients.
#[durable_object(fetch)]
pub struct ClientDocuments {
    state: State,
    /// Kept between requests, because it knows which fetches are in progress, and what has failed.
    documents: OnceCell<Documents<SqlRecords, Runtime>>,
}

impl DurableObject for ClientDocuments {
    fn new(state: State, _env: Env) -> Self {
        Self { state, documents: OnceCell::new() }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let answer = match super::message(request, Component::ClientDocuments).await {
            Ok(message) => self.serve(&message).await,
            Err(fault) => Err(fault),
        };
        super::answer(&answer.unwrap_or_else(|fault| {
            log::fault(&fault);
            let why = fault.to_string();
            ClientDocumentAnswer::Unavailable { cause: NoDocument::Storage, why, retry_after: 1 }
        }))
    }
}

impl ClientDocuments {
    async fn serve(&self, message: &ClientDocumentRequest) -> Result<ClientDocumentAnswer, Fault> {
        let documents = if let Some(documents) = self.documents.get() {
            documents
        } else {
            let records = super::records(&self.state)?;
            let is_public = js::has_compatibility_flag(STRICTLY_PUBLIC);
            let network = if is_public { Network::StrictlyPublic } else { Network::MayBypass };
            self.documents.get_or_init(|| Documents::new(records, Runtime, network))
        };
        Ok(documents.serve(message, Runtime.now()).await)
    }
}
