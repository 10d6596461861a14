//! The client of a pending authorization request, as pages show it.

use postern_oauth::{
    authorize::ProvedClient,
    form::Parameters,
    redirect::{ProvedRedirect, RedirectKind},
};

use crate::{http::UrlParts, isolate::Isolate, pages::pending::Pending};

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
    pub(crate) fn of(isolate: &Isolate, pending: &Pending) -> Option<Self> {
        let parameters = Parameters::parse(pending.query()).ok()?;
        let proved = ProvedClient::prove(&parameters, &isolate.clients, &isolate.config.issuer).ok()?;
        let client = proved.client();
        Some(Self {
            client_id: client.client_id.clone(),
            name: client.name.clone(),
            form_target: form_target(proved.redirect()),
        })
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
