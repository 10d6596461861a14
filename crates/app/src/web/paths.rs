//! Which paths are Postern's own.

use crate::config::{AdminSettings, Config};

/// The part of the path after the prefix of the administrators' API, if the path is below it.
pub(crate) fn admin_path<'p>(settings: &AdminSettings, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(settings.path.as_str())?;
    (settings.enabled && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
}

/// The path of the key set, which discovery documents name.
pub(crate) const JWKS_PATH: &str = "/.well-known/jwks.json";

/// Whether Postern itself answers this path. `/oauth` and all below it are Postern's own where the authorization server is
/// there, and a route's otherwise.
pub(crate) fn is_own(config: &Config, path: &str) -> bool {
    let below =
        |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below("/auth")
        || matches!(path, JWKS_PATH | "/healthz" | "/readyz" | "/metrics")
        || (!config.oauth_clients.is_empty() && below("/oauth"))
        || admin_path(&config.admin, path).is_some()
}
