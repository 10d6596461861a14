//! Which paths are Postern's own.

use crate::{
    config::{AdminSettings, Config},
    http::UrlParts,
};

/// The part of the path after the prefix of the administrators' API, if the path is below it.
pub(crate) fn admin_path<'p>(settings: &AdminSettings, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(settings.path.as_str())?;
    (settings.enabled && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
}

/// The path of the key set, which discovery documents name.
pub(crate) const JWKS_PATH: &str = "/.well-known/jwks.json";

/// The path of the authorization server's metadata (RFC 8414 section 3), and where clients of `OpenID` Connect look for it.
/// The path of the issuer, if it has one, comes behind.
pub(crate) const OAUTH_METADATA_PATH: &str = "/.well-known/oauth-authorization-server";
/// See there.
pub(crate) const OPENID_METADATA_PATH: &str = "/.well-known/openid-configuration";

/// The path of the metadata as the table of endpoints has it, if this is one of its three: for the issuer
/// `https://example.com/t`, `/.well-known/oauth-authorization-server/t`, `/.well-known/openid-configuration/t`, and
/// `/t/.well-known/openid-configuration` (RFC 8414 section 5). There is none without an authorization server.
pub(crate) fn metadata_path(config: &Config, path: &str) -> Option<&'static str> {
    let may_be = path.starts_with("/.well-known/o") || path.ends_with(OPENID_METADATA_PATH);
    if !may_be || !config.has_authorization_server() {
        return None;
    }
    let issuer = UrlParts::parse(&config.issuer)?.path;
    match path.strip_suffix(issuer) {
        Some(OAUTH_METADATA_PATH) => Some(OAUTH_METADATA_PATH),
        Some(OPENID_METADATA_PATH) => Some(OPENID_METADATA_PATH),
        _ => (path.strip_prefix(issuer) == Some(OPENID_METADATA_PATH)).then_some(OPENID_METADATA_PATH),
    }
}

/// Whether Postern itself answers this path. `/oauth` and all below it are Postern's own where the authorization server is
/// there, and a route's otherwise.
pub(crate) fn is_own(config: &Config, path: &str) -> bool {
    let below =
        |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below("/auth")
        || matches!(path, JWKS_PATH | "/healthz" | "/readyz" | "/metrics")
        || (config.has_authorization_server() && below("/oauth"))
        || admin_path(&config.admin, path).is_some()
        || metadata_path(config, path).is_some()
}
