//! The client of a pending authorization request, as pages show it.

use postern_oauth::{
    authorize::ProvedClient,
    form::Parameters,
    redirect::{ProvedRedirect, RedirectKind},
};

use crate::{
    http::UrlParts,
    oauth::clients::ClientLookup,
    pages::pending::Pending,
    ports::Fault,
    runtime::{Runtime, ports::Ports},
};

/// The client of a pending request. It was proved: its redirect URI is registered.
#[derive(Debug, Clone)]
pub(crate) struct ClientFace {
    /// The `client_id`.
    pub(crate) client_id: String,
    /// The name for users.
    pub(crate) name: String,
    /// Where an answer to a form may lead, as a source of `form-action` (CSP level 3).
    pub(crate) form_target: String,
}

impl ClientFace {
    /// The client of a pending request. `None` if the request does not prove one; its endpoint then says why.
    ///
    /// # Errors
    /// A [`Fault`] if the client cannot be looked up.
    pub(crate) async fn of<P: Ports>(runtime: &Runtime<P>, pending: &Pending) -> Result<Option<Self>, Fault> {
        let Ok(parameters) = Parameters::parse(pending.query()) else { return Ok(None) };
        let Ok(client) = ClientLookup::of(runtime).of_request(&parameters).await? else { return Ok(None) };
        let issuer = &runtime.isolate.config.issuer;
        let Ok(proved) = ProvedClient::prove(&parameters, client, issuer) else { return Ok(None) };
        let client = proved.client();
        Ok(Some(Self {
            client_id: client.client_id.clone(),
            name: client.name.clone(),
            form_target: form_target(proved.redirect()),
        }))
    }
}

/// The source expression of a redirect URI: its origin, or the scheme of an app. An address of IPv6 is no source (CSP level
/// 3, section 2.3.1), so it is its scheme.
pub(crate) fn form_target(redirect: &ProvedRedirect) -> String {
    let uri = redirect.requested();
    let scheme = || [uri.split(':').next().unwrap_or_default(), ":"].concat();
    match UrlParts::parse(uri) {
        Some(parts)
            if redirect.registered().kind() != RedirectKind::PrivateUse && !parts.host.starts_with('[') =>
        {
            parts.origin()
        }
        _ => scheme(),
    }
}
