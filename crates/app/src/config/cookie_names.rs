//! The names of Postern's cookies that no setting changes.

/// Readable by the page's script, which sends it back as `X-CSRF-Token`.
pub(crate) const CSRF_COOKIE: &str = "__Secure-postern_csrf";

/// By which the device is known at its next sign-in. It stays when the session ends: that is
/// when it is needed.
pub(crate) const DEVICE_COOKIE: &str = "__Secure-postern_device";

/// The access token as a cookie, where the configuration gives it to pages and a route takes it.
/// `__Host-`: set by this very host over TLS, so that no sibling can plant one.
pub(crate) const ACCESS_COOKIE: &str = "__Host-postern_access";

/// The id of the session that this host signed the browser in to last: of several refresh cookies
/// the one of this session counts. It proves nothing and opens nothing by itself.
pub(crate) const SESSION_COOKIE: &str = "__Host-postern_session";

/// The names that no setting changes.
pub(crate) const FIXED_COOKIES: [&str; 4] = [CSRF_COOKIE, DEVICE_COOKIE, ACCESS_COOKIE, SESSION_COOKIE];
