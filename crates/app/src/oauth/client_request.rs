//! A form that a client posts: its parameters, and which client it is.

use std::rc::Rc;

use postern_oauth::{
    client::Client,
    client_auth::{AuthenticatedClient, Credentials, refused},
    documents::{ClientIdUrl, DocumentProblem},
    error::{ErrorCode, OauthError},
    form::Parameters,
    no_client::NoClient,
};

use crate::{
    account::AuthorizationCode,
    events::{EventContext, EventKind},
    http::{
        RequestView,
        media_type::{FORM, is_of_type},
    },
    oauth::{clients::ClientLookup, documents::Fetching, refusal::OauthRefusal},
    ports::{Component, Fault},
    refresh::codec,
    runtime::{Runtime, events::Events, ports::Ports},
    secrets::Masters,
    throttle::limits::CallLimits,
    web::caller::Caller,
};
use postern_core::throttle::Limited;

/// The request of an authenticated client.
pub(super) struct ClientRequest<'b> {
    pub(super) client: AuthenticatedClient,
    pub(super) parameters: Parameters<'b>,
}

impl<'b> ClientRequest<'b> {
    /// Reads the form, and authenticates the client.
    ///
    /// 1. 400 `invalid_request` for a body that is no form;
    /// 2. 429 for too many from one address or network. A client that proves itself by a secret is a server, from whose
    ///    address the requests of all its users come: it is limited only while it fails to;
    /// 3. 401 `invalid_client`. A client that cannot be looked up is 503 before that.
    pub(super) async fn read<P: Ports>(
        runtime: &Runtime<P>,
        request: &impl RequestView,
        body: &'b [u8],
    ) -> Result<Self, OauthRefusal> {
        if !request.header("content-type").is_some_and(|text| is_of_type(&text, FORM)) {
            let description = "the body must be application/x-www-form-urlencoded";
            return Err(OauthError::invalid_request(description).into());
        }
        let parameters = Parameters::of_body(body).map_err(OauthError::from)?;
        let header = request.header("authorization");
        let caller = Caller::of(request);
        let mut refusal = Refused { client_id: None, cause: ErrorCode::InvalidClient.code() };
        let authenticated = match Credentials::read(header.as_deref(), &parameters) {
            Ok(credentials) => match find(runtime, credentials.client_id(), &parameters).await? {
                Ok(client) => {
                    refusal.client_id = Some(client.client_id.clone());
                    credentials.prove(client)
                }
                Err(none) => {
                    refusal.cause = none.code();
                    Err(refused())
                }
            },
            Err(error) => Err(error),
        };
        if !authenticated.as_ref().is_ok_and(AuthenticatedClient::is_confidential) {
            CallLimits::of(runtime).throttle(&caller, Limited::Refresh).await?;
        }
        match authenticated {
            Ok(client) => Ok(Self { client, parameters }),
            Err(error) => {
                if error.code == ErrorCode::InvalidClient {
                    let setting = EventContext { client_id: refusal.client_id, ..caller.setting() };
                    let happening = EventKind::ClientRefused { cause: refusal.cause };
                    Events::of(runtime).record(runtime.now(), happening, setting);
                }
                Err(error.into())
            }
        }
    }
}

/// The client. The document of one is fetched only for a request with a code or a refresh token of ours: such a client was
/// authorized by a user. If it cannot be had then, that is a fault and not the client's mistake, so that no client gives up
/// a grant because of it.
async fn find<P: Ports>(
    runtime: &Runtime<P>,
    client_id: &str,
    parameters: &Parameters<'_>,
) -> Result<Result<Rc<Client>, NoClient>, Fault> {
    let is_authorized =
        ClientIdUrl::is_meant(client_id) && has_own_token(&runtime.isolate.masters, parameters);
    let fetching = if is_authorized { Fetching::Allowed } else { Fetching::CopiesOnly };
    match ClientLookup::of(runtime).find(client_id, fetching).await? {
        Err(NoClient::Document(problem @ DocumentProblem::Document(_))) if is_authorized => {
            Err(Fault::new(Component::ClientDocument, problem.code()))
        }
        found => Ok(found),
    }
}

/// Whether the form has a code or a refresh token that this deployment made. Its MAC says so, and no object is called.
fn has_own_token(masters: &Masters, parameters: &Parameters<'_>) -> bool {
    let is_code = |text: &str| matches!(AuthorizationCode::open(masters, text), Ok(Some(_)));
    let is_token = |text: &str| codec::open(masters, text).is_ok();
    ["code", "refresh_token", "token"]
        .into_iter()
        .filter_map(|name| parameters.one(name).ok().flatten())
        .any(|text| is_code(text) || is_token(text))
}

/// What the log says of a client that was refused.
struct Refused {
    client_id: Option<String>,
    cause: &'static str,
}
