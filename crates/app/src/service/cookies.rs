//! The cookies of browser sessions (RFC 6265).

use core::time::Duration;

use crate::{abuse::device, config::CookieSettings, http::RequestView};

/// Readable by the page's script, which sends it back as `X-CSRF-Token`.
pub(super) const CSRF_COOKIE: &str = "__Secure-postern_csrf";
/// By which the device is known at its next sign-in. It stays when the session ends: that is
/// when it is needed.
pub(super) const DEVICE_COOKIE: &str = "__Secure-postern_device";
/// The access token as a cookie, where the configuration gives it to pages and a route takes it.
/// `__Host-`: set by this very host over TLS, so that no sibling can plant one.
pub(super) const ACCESS_COOKIE: &str = "__Host-postern_access";
/// The header that carries the CSRF token.
pub(super) const CSRF_HEADER: &str = "x-csrf-token";

/// The value of cookie `name`. When it is there more than once it counts as absent: the
/// platform can't tell which one a sibling domain planted.
pub(super) fn read(request: &impl RequestView, name: &str) -> Option<String> {
    let header = request.header("cookie")?;
    let mut values = header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| value.to_owned());
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// `Set-Cookie` for the refresh token: out of reach of scripts and of other sites.
pub(super) fn refresh_cookie(cookie: &CookieSettings, refresh_token: &str, lifetime: Duration) -> String {
    let CookieSettings { name, path, .. } = cookie;
    let (domain, age) = (domain(cookie), lifetime.as_secs());
    format!("{name}={refresh_token}; Path={path}{domain}; Max-Age={age}; HttpOnly; Secure; SameSite=Strict")
}

/// `Set-Cookie` for the CSRF token: scripts of the same site may read it, no other can.
pub(super) fn csrf_cookie(cookie: &CookieSettings, csrf_token: &str, lifetime: Duration) -> String {
    let (domain, age) = (domain(cookie), lifetime.as_secs());
    format!("{CSRF_COOKIE}={csrf_token}; Path=/{domain}; Max-Age={age}; Secure; SameSite=Strict")
}

/// `Set-Cookie` for the device token: out of reach of scripts and of other sites.
pub(super) fn device_cookie(cookie: &CookieSettings, device_token: &str) -> String {
    device_cookie_for(cookie, device_token, device::LIFETIME)
}

fn device_cookie_for(cookie: &CookieSettings, device_token: &str, lifetime: Duration) -> String {
    let (path, domain, age) = (&cookie.path, domain(cookie), lifetime.as_secs());
    format!(
        "{DEVICE_COOKIE}={device_token}; Path={path}{domain}; Max-Age={age}; HttpOnly; Secure; SameSite=Strict"
    )
}

/// `Set-Cookie` for the access token, for as many seconds as it is valid: out of reach of scripts
/// and of other sites.
pub(super) fn access_cookie(access_token: &str, seconds: u64) -> String {
    format!("{ACCESS_COOKIE}={access_token}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Strict")
}

/// The cookies of a session and the device's taken away: there is no account any more.
pub(super) fn forgotten(cookie: &CookieSettings) -> Vec<String> {
    let mut forgotten = cleared(cookie);
    forgotten.push(device_cookie_for(cookie, "", Duration::ZERO));
    forgotten
}

/// The cookies of a session taken away. The device stays known for the next sign-in.
pub(super) fn cleared(cookie: &CookieSettings) -> Vec<String> {
    let mut cleared =
        vec![refresh_cookie(cookie, "", Duration::ZERO), csrf_cookie(cookie, "", Duration::ZERO)];
    if cookie.access {
        cleared.push(access_cookie("", 0));
    }
    cleared
}

fn domain(cookie: &CookieSettings) -> String {
    cookie.domain.as_ref().map(|domain| format!("; Domain={domain}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::PlainRequest;

    fn with(cookie: &str) -> PlainRequest {
        PlainRequest::new("POST", "http://localhost/auth/refresh").with("cookie", cookie)
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        assert_eq!(read(&with("a=1; b=2=3;c=4"), "b"), Some("2=3".to_owned()));
        assert_eq!(read(&with("a=1"), "b"), None);
    }

    #[test]
    fn a_cookie_planted_beside_ours_makes_neither_count() {
        assert_eq!(read(&with("b=1; b=2"), "b"), None);
    }

    #[test]
    fn the_refresh_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let settings = CookieSettings::default();
        assert_eq!(
            refresh_cookie(&settings, "prt_x", Duration::from_mins(1)),
            "__Secure-postern_refresh=prt_x; Path=/auth; Max-Age=60; HttpOnly; Secure; SameSite=Strict"
        );
        assert_eq!(
            csrf_cookie(&settings, "c", Duration::from_mins(1)),
            "__Secure-postern_csrf=c; Path=/; Max-Age=60; Secure; SameSite=Strict"
        );
    }

    #[test]
    fn cookies_of_a_domain_are_cleared_for_that_domain() {
        let settings = CookieSettings { domain: Some("example.com".to_owned()), ..CookieSettings::default() };
        for cookie in forgotten(&settings) {
            assert!(cookie.contains("; Domain=example.com; Max-Age=0;"), "{cookie}");
        }
    }
}
