//! The metadata of the authorization server (RFC 8414).

use core::time::Duration;

use postern_oauth::metadata::{Metadata, OpenDoors};

use crate::{
    config::Config,
    http::{Reply, UrlParts},
    web::{error::ApiError, paths::JWKS_PATH},
};

/// How long clients may keep the document: a new client's scopes are in it.
const MAX_AGE: Duration = Duration::from_mins(5);

/// The document. It is the same at every path of it: the paths of `OpenID` Connect Discovery, which some OAuth clients ask
/// first, have it, too, and it says nothing there of ID tokens.
///
/// # Errors
/// 404 without an authorization server.
pub(crate) fn document(config: &Config) -> Result<Reply, ApiError> {
    if !config.has_authorization_server() {
        return Err(ApiError::NotFound);
    }
    let origin = UrlParts::parse(&config.issuer).map(|parts| parts.origin()).unwrap_or_default();
    let doors = OpenDoors {
        scopes: &config.oauth.open.scopes,
        documents: config.oauth.client_documents.are_used(),
        registration: config.oauth.registration.is_on,
    };
    let metadata = Metadata::new(&config.issuer, &origin, JWKS_PATH, &config.oauth_clients, doors);
    Ok(Reply::json(200, &metadata).cacheable(MAX_AGE))
}
