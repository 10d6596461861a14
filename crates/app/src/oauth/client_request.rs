//! A form that a client posts: its parameters, and which client it is.

use postern_oauth::{
    client::Clients,
    client_auth::{AuthenticatedClient, authenticate},
    error::{ErrorCode, OauthError},
    form::Parameters,
};

use crate::{
    events::{EventContext, EventKind},
    http::RequestView,
    oauth::refusal::OauthRefusal,
    runtime::{Runtime, events::Events, ports::Ports},
    throttle::limits::CallLimits,
    web::caller::Caller,
};
use postern_core::throttle::Limited;

/// The request of an authenticated client.
pub(super) struct ClientRequest<'c, 'b> {
    pub(super) client: AuthenticatedClient<'c>,
    pub(super) parameters: Parameters<'b>,
}

impl<'c, 'b> ClientRequest<'c, 'b> {
    /// Reads the form, and authenticates the client.
    ///
    /// 1. 400 `invalid_request` for a body that is no form;
    /// 2. 429 for too many from one address or network. A client that proves itself by a secret is a server, from whose
    ///    address the requests of all its users come: it is limited only while it fails to;
    /// 3. 401 `invalid_client`.
    pub(super) async fn read<P: Ports>(
        runtime: &Runtime<P>,
        clients: &'c Clients,
        request: &impl RequestView,
        body: &'b [u8],
    ) -> Result<Self, OauthRefusal> {
        let is_form = request.header("content-type").is_some_and(|media_type| is_form(&media_type));
        if !is_form {
            let description = "the body must be application/x-www-form-urlencoded";
            return Err(OauthError::invalid_request(description).into());
        }
        let parameters = Parameters::of_body(body).map_err(OauthError::from)?;
        let header = request.header("authorization");
        let authenticated = authenticate(header.as_deref(), &parameters, clients);
        let caller = Caller::of(request);
        if !authenticated.as_ref().is_ok_and(|client| client.is_confidential()) {
            CallLimits::of(runtime).throttle(&caller, Limited::Refresh).await?;
        }
        match authenticated {
            Ok(client) => Ok(Self { client, parameters }),
            Err(error) => {
                if error.code == ErrorCode::InvalidClient {
                    let client_id = parameters.one("client_id").ok().flatten();
                    let known =
                        client_id.and_then(|id| clients.find(id)).map(|client| client.client_id.clone());
                    let setting = EventContext { client_id: known, ..caller.setting() };
                    let happening = EventKind::ClientRefused { cause: error.code.code() };
                    Events::of(runtime).record(runtime.now(), happening, setting);
                }
                Err(error.into())
            }
        }
    }
}

fn is_form(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
