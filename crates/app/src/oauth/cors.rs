//! Which pages may read the answers of the token endpoint and its neighbours: those of the client that the form names.

use postern_oauth::{client_auth::Credentials, form::Parameters};

use crate::{
    http::{Reply, RequestView},
    oauth::{clients::ClientLookup, documents::Fetching},
    runtime::{Runtime, origins::Origins, ports::Ports},
    web::origins::EXPOSED,
};

/// Adds the CORS headers for the pages of clients.
pub(crate) struct ClientCors<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> ClientCors<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Lets a page of a listed origin read the answer, and one of the public client that the form names.
    pub(crate) async fn with_cors(&self, request: &impl RequestView, body: &[u8], reply: Reply) -> Reply {
        let reply = reply.with_header("vary", "Origin");
        match self.reader(request, body).await {
            Some(origin) => reply
                .with_header("access-control-allow-origin", &origin)
                .with_header("access-control-expose-headers", EXPOSED)
                .with_header("cross-origin-resource-policy", "cross-origin"),
            None => reply,
        }
    }

    /// The origin of the request, if a page of it may read the answer.
    async fn reader(&self, request: &impl RequestView, body: &[u8]) -> Option<String> {
        let origin = request.header("origin")?;
        if Origins::of(self.0).listed_origin(request).is_some() {
            return Some(origin);
        }
        let parameters = Parameters::of_body(body).ok()?;
        let header = request.header("authorization");
        let named = Credentials::read(header.as_deref(), &parameters).ok()?;
        // A client that cannot be looked up has no page that could do anything with the answer but try again.
        let client =
            ClientLookup::of(self.0).find(named.client_id(), Fetching::CopiesOnly).await.ok()?.ok()?;
        client.has_page(&origin).then_some(origin)
    }
}
