//! The names of Postern's cookies that no setting can change.

/// The cookie with the CSRF token. A script of the page reads it and sends it as `X-CSRF-Token`.
pub(crate) const CSRF_COOKIE: &str = "__Secure-postern_csrf";

/// The cookie with the device token, which identifies the device at its next sign-in. It outlives the session.
pub(crate) const DEVICE_COOKIE: &str = "__Secure-postern_device";

/// The cookie with the access token, for configurations that give it to pages and routes that accept it. With the prefix
/// `__Host-`, only this host can set it, and only over TLS.
pub(crate) const ACCESS_COOKIE: &str = "__Host-postern_access";

/// The cookie with the id of the session that this host signed the browser in to last. If there are several refresh
/// cookies, the one of this session counts. The id grants no access by itself.
pub(crate) const SESSION_COOKIE: &str = "__Host-postern_session";

/// The cookie of a browser that is signed in at the pages. It is `SameSite=Lax`, all others but the next two are `Strict`.
pub(crate) const SSO_COOKIE: &str = "__Host-postern_sso";

/// The cookie with a random id of the browser, to which the forms of the pages are bound.
pub(crate) const FORM_COOKIE: &str = "__Host-postern_form";

/// The cookie with the language that the user chose for the pages.
pub(crate) const LANGUAGE_COOKIE: &str = "__Host-postern_language";

/// The names that no setting can change.
pub(crate) const FIXED_COOKIES: [&str; 7] =
    [CSRF_COOKIE, DEVICE_COOKIE, ACCESS_COOKIE, SESSION_COOKIE, SSO_COOKIE, FORM_COOKIE, LANGUAGE_COOKIE];
