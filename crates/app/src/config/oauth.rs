//! `POSTERN_OAUTH`: where the authorization server finds clients, besides `POSTERN_CLIENTS`.

use core::time::Duration;
use std::collections::BTreeSet;

use postern_oauth::{client::OpenTerms, documents::ClientIdUrl, scope::Scopes};

use super::{
    reader::Node,
    registration::{self, ClientRegistrationSettings},
    types::RefreshSettings,
    values,
};
use crate::refresh::Lifetimes;

/// Where the authorization server finds clients, besides the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OauthSettings {
    /// Whether clients are also in D1, where administrators add them.
    pub stored_clients: bool,
    /// Which hosts may serve the documents of clients.
    pub client_documents: DocumentHosts,
    /// Whether and how clients may register themselves.
    pub registration: ClientRegistrationSettings,
    /// What clients get that no operator or administrator entered.
    pub open: OpenTerms,
}

impl OauthSettings {
    /// Without `POSTERN_OAUTH`.
    pub(super) fn without(refresh: &RefreshSettings) -> Self {
        let lifetimes = Lifetimes { idle: refresh.idle_lifetime, absolute: refresh.absolute_lifetime };
        let open = OpenTerms { scopes: Scopes::default(), lifetimes };
        Self {
            stored_clients: false,
            client_documents: DocumentHosts::None,
            registration: ClientRegistrationSettings::default(),
            open,
        }
    }

    /// How long a client that registered itself is kept after its last use. It is kept where registration is off again, too.
    pub(crate) const fn registered_lifetime(&self) -> Duration {
        self.registration.lifetime
    }

    /// Whether there is a place, besides the settings, where clients can be.
    pub(crate) const fn finds_clients(&self) -> bool {
        self.stored_clients || self.client_documents.are_used()
    }
}

/// The hosts whose documents are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentHosts {
    /// No document is used.
    None,
    /// Every public host.
    Any,
    /// These, to the letter.
    Listed(BTreeSet<String>),
}

impl DocumentHosts {
    /// Whether documents are used.
    pub(crate) const fn are_used(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Whether the document of this client may be fetched.
    pub(crate) fn allow(&self, id: &ClientIdUrl) -> bool {
        match self {
            Self::None => false,
            Self::Any => true,
            Self::Listed(hosts) => hosts.contains(id.host()),
        }
    }
}

pub(super) fn read(node: &Node<'_>, refresh: &RefreshSettings) -> Option<OauthSettings> {
    let fields = node.object(&["stored_clients", "client_documents", "registration", "open_scopes"])?;
    let without = OauthSettings::without(refresh);
    let scopes = fields.or("open_scopes", Scopes::default(), |node| {
        Some(node.set(values::client_scope)?.into_iter().collect())
    });
    let stored_clients = fields.or("stored_clients", false, Node::flag);
    let registration =
        fields.or("registration", without.registration, |node| registration::read(node, refresh));
    if registration.is_on && !stored_clients {
        fields.wrong("registration", "needs `stored_clients`, the table where these clients are kept");
    }
    Some(OauthSettings {
        stored_clients,
        registration,
        client_documents: fields.or("client_documents", DocumentHosts::None, hosts),
        open: OpenTerms { scopes, ..without.open },
    })
}

/// `false`, `true`, or the hosts.
fn hosts(node: &Node<'_>) -> Option<DocumentHosts> {
    if node.is_list() {
        return node.filled_set(host).map(DocumentHosts::Listed);
    }
    node.flag().map(|on| if on { DocumentHosts::Any } else { DocumentHosts::None })
}

fn host(text: &str) -> Result<String, &'static str> {
    let url = ["https://", text, "/x"].concat();
    match ClientIdUrl::parse(&url) {
        Ok(id) if id.host() == text => Ok(text.to_owned()),
        _ => Err("must be a public host in lower case, such as app.example.com, without port and path"),
    }
}
