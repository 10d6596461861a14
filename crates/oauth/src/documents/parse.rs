//! A client's metadata document (section 4 of the draft; RFC 7591 section 2).

use std::collections::BTreeSet;

use postern_core::refresh::DriftPolicy;
use postern_jose::json::{BorrowedValue, JsonError, Members, borrow_object};

use super::ClientIdUrl;
use crate::{
    client::{Authentication, Client, GrantType, OfflineAccess, OpenTerms, Provenance, check_name},
    redirect::RegisteredRedirect,
    scope::Scopes,
};

/// What a client says of itself in its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientDocument {
    /// `client_name`: the client's own words. A page shows it together with the host of the document.
    pub name: String,
    /// Those of `redirect_uris` to which answers may go, at least one: https, or http on this machine.
    pub redirect_uris: Vec<RegisteredRedirect>,
    /// Those of `grant_types` that there are.
    pub grant_types: BTreeSet<GrantType>,
    /// `scope`, without `offline_access`: the scopes that the client limits itself to.
    pub scopes: Option<Scopes>,
}

/// Why a text is not the document of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsoundDocument {
    /// It is no strict JSON object; a member that is given twice is one cause.
    #[error("{0}")]
    Json(JsonError),
    /// A member that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A member does not have the JSON type of its definition.
    #[error("{0} has a wrong type")]
    WrongType(&'static str),
    /// `client_id` is not the URL that the document was fetched from, to the letter.
    #[error("client_id is another than the URL of the document")]
    OtherClient,
    /// The document has a secret, which everyone can read.
    #[error("{0} must not be in a document: everyone can read it")]
    Secret(&'static str),
    /// A member has a value that is refused.
    #[error("{0} {1}")]
    Refused(&'static str, &'static str),
}

/// The authentication methods by a secret that both sides know (section 4.1 of the draft).
const BY_SECRET: [&str; 3] = ["client_secret_basic", "client_secret_post", "client_secret_jwt"];

/// The members of a private or a symmetric JWK (RFC 7518 sections 6.2.2, 6.3.2, 6.4).
const PRIVATE_MEMBERS: [&str; 2] = ["d", "k"];

impl ClientDocument {
    /// Reads the document of the client with this id. Members that nothing reads may have any value; `null` is absent.
    ///
    /// # Errors
    /// [`UnsoundDocument`]. It contains no value of the document.
    pub fn parse(text: &[u8], id: &ClientIdUrl) -> Result<Self, UnsoundDocument> {
        let members = borrow_object(text).map_err(UnsoundDocument::Json)?;
        let document = Reader(&members);
        if document.text("client_id")?.ok_or(UnsoundDocument::Missing("client_id"))? != id.as_str() {
            return Err(UnsoundDocument::OtherClient);
        }
        document.has_no_secret()?;
        document.is_public()?;
        let name = document.text("client_name")?.ok_or(UnsoundDocument::Missing("client_name"))?;
        let name =
            check_name(name).map_err(|problem| UnsoundDocument::Refused("client_name", problem))?.to_owned();
        if document.texts("response_types")?.is_some_and(|types| !types.contains(&"code")) {
            return Err(UnsoundDocument::Refused("response_types", "must contain code"));
        }
        Ok(Self {
            name,
            redirect_uris: document.redirect_uris()?,
            grant_types: document.grant_types()?,
            scopes: document.scopes()?,
        })
    }
}

impl ClientDocument {
    /// The client. It is public, and gets no more than the deployment gives to every client that it does not know.
    pub fn into_client(self, id: &ClientIdUrl, terms: &OpenTerms) -> Client {
        let scopes = match &self.scopes {
            Some(own) => terms.scopes.within(own),
            None => terms.scopes.clone(),
        };
        Client {
            client_id: id.as_str().to_owned(),
            provenance: Provenance::Document,
            name: self.name,
            authentication: Authentication::Public,
            redirect_uris: self.redirect_uris,
            scopes,
            resources: None,
            grant_types: self.grant_types,
            offline_access: OfflineAccess::Always,
            first_party: false,
            roles: false,
            lifetimes: terms.lifetimes,
            drift: DriftPolicy::Log,
        }
    }
}

/// The members of a document.
struct Reader<'m, 't>(&'m Members<'t>);

impl<'m, 't> Reader<'m, 't> {
    fn member(&self, name: &str) -> Option<&'m BorrowedValue<'t>> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &'static str) -> Result<Option<&'m str>, UnsoundDocument> {
        self.member(name).map(|value| value.as_str().ok_or(UnsoundDocument::WrongType(name))).transpose()
    }

    fn texts(&self, name: &'static str) -> Result<Option<Vec<&'m str>>, UnsoundDocument> {
        let Some(value) = self.member(name) else { return Ok(None) };
        let values = value.as_array().ok_or(UnsoundDocument::WrongType(name))?;
        let texts = values.iter().map(|value| value.as_str().ok_or(UnsoundDocument::WrongType(name)));
        texts.collect::<Result<_, _>>().map(Some)
    }

    fn has_no_secret(&self) -> Result<(), UnsoundDocument> {
        for name in ["client_secret", "client_secret_expires_at"] {
            if self.member(name).is_some() {
                return Err(UnsoundDocument::Secret(name));
            }
        }
        let keys = self.member("jwks").and_then(|set| set.as_object()?.get("keys")?.as_array());
        let is_private = |key: &BorrowedValue<'_>| {
            key.as_object().is_some_and(|key| PRIVATE_MEMBERS.iter().any(|name| key.get(name).is_some()))
        };
        if keys.is_some_and(|keys| keys.iter().any(is_private)) {
            return Err(UnsoundDocument::Secret("a private key"));
        }
        Ok(())
    }

    /// Whether the client may come without authentication. A document that prefers another method may say in
    /// `token_endpoint_auth_methods_supported` that it takes `none`, too.
    fn is_public(&self) -> Result<(), UnsoundDocument> {
        const METHOD: &str = "token_endpoint_auth_method";
        let supported = self.texts("token_endpoint_auth_methods_supported")?;
        match self.text(METHOD)? {
            // Without a method, RFC 7591 means a secret, which no client with a document can have.
            None | Some("none") => Ok(()),
            Some(method) if BY_SECRET.contains(&method) => {
                Err(UnsoundDocument::Refused(METHOD, "must not need a secret that both sides know"))
            }
            Some(_) if supported.is_some_and(|methods| methods.contains(&"none")) => Ok(()),
            Some(_) => Err(UnsoundDocument::Refused(
                METHOD,
                "must be none, or none must be in token_endpoint_auth_methods_supported",
            )),
        }
    }

    /// One entry that cannot be used does not spoil the others: it is left out, so a request that names it is refused.
    fn redirect_uris(&self) -> Result<Vec<RegisteredRedirect>, UnsoundDocument> {
        const NAME: &str = "redirect_uris";
        let texts = self.texts(NAME)?.ok_or(UnsoundDocument::Missing(NAME))?;
        let sound: Vec<_> =
            texts.iter().filter_map(|text| RegisteredRedirect::parse(text, false).ok()).collect();
        if sound.is_empty() {
            return Err(UnsoundDocument::Refused(
                NAME,
                "must contain an https URL, or an http URL on this machine",
            ));
        }
        Ok(sound)
    }

    /// Without the member there is the code alone (RFC 7591 section 2).
    fn grant_types(&self) -> Result<BTreeSet<GrantType>, UnsoundDocument> {
        const NAME: &str = "grant_types";
        let Some(named) = self.texts(NAME)? else {
            return Ok(BTreeSet::from([GrantType::AuthorizationCode]));
        };
        let types: BTreeSet<_> = GrantType::ALL
            .into_iter()
            .filter(|(name, _)| named.contains(name))
            .map(|(_, grant_type)| grant_type)
            .collect();
        if !types.contains(&GrantType::AuthorizationCode) {
            return Err(UnsoundDocument::Refused(NAME, "must contain authorization_code"));
        }
        Ok(types)
    }

    fn scopes(&self) -> Result<Option<Scopes>, UnsoundDocument> {
        const NAME: &str = "scope";
        let scopes = self.text(NAME)?.filter(|text| !text.is_empty()).map(Scopes::parse).transpose();
        let scopes = scopes.map_err(|_| UnsoundDocument::Refused(NAME, "is malformed or too long"))?;
        Ok(scopes.map(Scopes::without_offline_access))
    }
}

#[cfg(test)]
mod tests;
