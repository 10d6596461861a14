//! The `Set-Cookie` lines that remove a session's cookies.

use crate::{
    http::RequestView,
    isolate::Isolate,
    web::{cookie_scopes as scopes, cookies},
};

/// The lines that take a session's cookies away in the scopes that are not in force (any more).
/// None unless the browser sends a refresh token of ours: those of another deployment, which is
/// reached by a sibling's name, are not ours to take away.
pub(crate) fn session_cookies_elsewhere(isolate: &Isolate, request: &impl RequestView) -> Vec<String> {
    let cookie = &isolate.config.cookie;
    let found = cookies::refresh_tokens(&isolate.masters, request, &cookie.name);
    if found.ours == 0 { Vec::new() } else { scopes::sessions_elsewhere(cookie, request) }
}

/// The lines that remove a session's cookies in every scope.
pub(crate) fn cleared_session_cookies(isolate: &Isolate, request: &impl RequestView) -> Vec<String> {
    let mut gone = session_cookies_elsewhere(isolate, request);
    gone.extend(cookies::cleared(&isolate.config.cookie));
    gone
}
