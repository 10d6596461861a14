//! Which paths are Postern's own.

use crate::config::AdminSettings;

/// The part of the path after the prefix of the administrators' API, if the path is below it.
pub(crate) fn admin_path<'p>(settings: &AdminSettings, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(settings.path.as_str())?;
    (settings.enabled && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
}

/// The path of the key set, which discovery documents name.
pub(crate) const JWKS_PATH: &str = "/.well-known/jwks.json";

/// Whether Postern itself answers this path.
pub(crate) fn is_own(admin: &AdminSettings, path: &str) -> bool {
    path == "/auth"
        || path.starts_with("/auth/")
        || matches!(path, JWKS_PATH | "/healthz" | "/readyz" | "/metrics")
        || admin_path(admin, path).is_some()
}
