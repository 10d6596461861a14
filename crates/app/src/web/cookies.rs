//! The cookies of browser sessions (RFC 6265).
//!
//! A browser sends all cookies of a name, regardless of the domain and path for which they were set, and does not
//! distinguish them. There are several after a change of the configured scope, or if a sibling host sets one. So all of
//! them are read, and [`SESSION_COOKIE`], which no sibling host can set, decides between them.

use core::time::Duration;

use crate::{
    config::{
        CookieSettings,
        cookie_names::{ACCESS_COOKIE, CSRF_COOKIE, DEVICE_COOKIE, SESSION_COOKIE},
    },
    http::{Reply, RequestView},
    ids::FamilyId,
    refresh::{RefreshToken, RefusedToken, codec},
    secrets::Masters,
    web::cookie_scopes as scopes,
};
use postern_core::throttle::device;

/// The header that carries the CSRF token.
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";

/// How many different values of one name are tried. A normal browser has at most two, one for each scope. Each value
/// costs an HMAC or a signature.
const MAX_TRIED: usize = 8;

/// The values of all cookies with this name in a `Cookie` header.
pub(crate) fn all<'h>(header: &'h str, name: &'h str) -> impl Iterator<Item = &'h str> {
    header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// The different non-empty values of a name, up to the number that is tried.
pub(crate) fn values(request: &impl RequestView, name: &str) -> Vec<String> {
    let header = request.header("cookie").unwrap_or_default();
    let mut values: Vec<String> = Vec::new();
    for value in all(&header, name).filter(|value| !value.is_empty()) {
        if values.len() == MAX_TRIED {
            break;
        }
        if !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
    }
    values
}

/// The refresh cookies of a request.
#[derive(Debug, Default)]
pub(crate) struct RefreshCookies {
    /// The authentic ones, the newest of each session.
    pub(crate) tokens: Vec<RefreshToken>,
    /// The number of different authentic ones.
    pub(crate) ours: usize,
    /// The most significant reason why another one is not authentic.
    pub(crate) refused: Option<RefusedToken>,
}

/// Opens the refresh cookies of a request.
pub(crate) fn refresh_tokens(masters: &Masters, request: &impl RequestView, name: &str) -> RefreshCookies {
    let header = request.header("cookie").unwrap_or_default();
    let mut presented = RefreshCookies::default();
    let mut tried: Vec<&str> = Vec::new();
    for value in all(&header, name) {
        if tried.len() == MAX_TRIED {
            break;
        }
        if tried.contains(&value) {
            continue;
        }
        match codec::open(masters, value) {
            Ok(token) => {
                presented.ours += 1;
                keep_newest(&mut presented.tokens, token);
            }
            Err(refused) => {
                // A version of this Worker that runs beside this one may know the master.
                if !matches!(presented.refused, Some(RefusedToken::NewerMaster(_))) {
                    presented.refused = Some(refused);
                }
                // What is refused before its MAC is made costs nothing, and pushes no other out.
                if refused != RefusedToken::Mac {
                    continue;
                }
            }
        }
        tried.push(value);
    }
    presented
}

/// Keeps the newest token of each session, because presenting an older one would be reuse.
fn keep_newest(tokens: &mut Vec<RefreshToken>, token: RefreshToken) {
    match tokens.iter_mut().find(|known| known.family() == token.family()) {
        Some(known) if known.rotation_count() < token.rotation_count() => *known = token,
        Some(_) => {}
        None => tokens.push(token),
    }
}

/// Whether this host signed the browser in to this session last.
pub(crate) fn is_marked(request: &impl RequestView, session: FamilyId) -> bool {
    let header = request.header("cookie").unwrap_or_default();
    all(&header, SESSION_COOKIE).any(|value| value.parse() == Ok(session))
}

/// Whether this host signed the browser in to another session last.
pub(crate) fn marks_another(request: &impl RequestView, session: FamilyId) -> bool {
    let header = request.header("cookie").unwrap_or_default();
    let mut marked =
        all(&header, SESSION_COOKIE).filter_map(|value| value.parse::<FamilyId>().ok()).peekable();
    marked.peek().is_some() && marked.all(|marked| marked != session)
}

/// The `Set-Cookie` lines of a session: refresh token, CSRF token and session id.
pub(crate) fn of_session(
    cookie: &CookieSettings,
    session: FamilyId,
    refresh_token: &str,
    csrf_token: &str,
    lifetime: Duration,
) -> Vec<String> {
    let mut cookies =
        vec![refresh_cookie(cookie, refresh_token, lifetime), csrf_cookie(cookie, csrf_token, lifetime)];
    // A refresh cookie that is `__Host-` itself is the only one of its name.
    if !cookie.name.starts_with("__Host-") {
        cookies.push(session_cookie(&session.to_string(), lifetime));
    }
    cookies
}

/// A cookie that scripts and other sites cannot read.
fn refresh_cookie(cookie: &CookieSettings, refresh_token: &str, lifetime: Duration) -> String {
    let CookieSettings { name, path, .. } = cookie;
    let (domain, age) = (scopes::attribute(cookie.domain.as_deref()), lifetime.as_secs());
    format!("{name}={refresh_token}; Path={path}{domain}; Max-Age={age}; HttpOnly; Secure; SameSite=Strict")
}

/// A cookie that only scripts of the same site can read.
fn csrf_cookie(cookie: &CookieSettings, csrf_token: &str, lifetime: Duration) -> String {
    let (domain, age) = (scopes::attribute(cookie.domain.as_deref()), lifetime.as_secs());
    format!("{CSRF_COOKIE}={csrf_token}; Path=/{domain}; Max-Age={age}; Secure; SameSite=Strict")
}

fn session_cookie(session: &str, lifetime: Duration) -> String {
    let age = lifetime.as_secs();
    format!("{SESSION_COOKIE}={session}; Path=/; Max-Age={age}; HttpOnly; Secure; SameSite=Strict")
}

/// The `Set-Cookie` line of the device token, which scripts and other sites cannot read.
pub(crate) fn device_cookie(cookie: &CookieSettings, device_token: &str) -> String {
    device_cookie_for(cookie, device_token, device::LIFETIME)
}

fn device_cookie_for(cookie: &CookieSettings, device_token: &str, lifetime: Duration) -> String {
    let (path, age) = (&cookie.path, lifetime.as_secs());
    let domain = scopes::attribute(cookie.domain.as_deref());
    format!(
        "{DEVICE_COOKIE}={device_token}; Path={path}{domain}; Max-Age={age}; HttpOnly; Secure; SameSite=Strict"
    )
}

/// The `Set-Cookie` line of the access token for its lifetime in seconds. Scripts and other sites cannot read the
/// cookie.
pub(crate) fn access_cookie(access_token: &str, seconds: u64) -> String {
    format!("{ACCESS_COOKIE}={access_token}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Strict")
}

/// The `Set-Cookie` line that removes the device cookie, after the account was deleted.
pub(crate) fn device_forgotten(cookie: &CookieSettings) -> String {
    device_cookie_for(cookie, "", Duration::ZERO)
}

/// The `Set-Cookie` lines that remove the cookies of a session. The device stays known for the next sign-in.
pub(crate) fn cleared(cookie: &CookieSettings) -> Vec<String> {
    let mut cleared = vec![
        refresh_cookie(cookie, "", Duration::ZERO),
        csrf_cookie(cookie, "", Duration::ZERO),
        session_cookie("", Duration::ZERO),
    ];
    if cookie.access {
        cleared.push(access_cookie("", 0));
    }
    cleared
}

/// The answer with `Set-Cookie` lines, in their order.
pub(crate) fn with_cookies(reply: Reply, cookies: &[String]) -> Reply {
    cookies.iter().fold(reply, |reply, cookie| reply.with_header("set-cookie", cookie))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{http::PlainRequest, ids::AccountId, refresh::Secret, secrets::Master};

    fn with(cookie: &str) -> PlainRequest {
        PlainRequest::new("POST", "http://localhost/auth/refresh").with("cookie", cookie)
    }

    fn masters() -> Masters {
        Masters::new(Master::derive(1, &[1; 32]).unwrap(), vec![])
    }

    fn token(family: u8, generation: u32) -> String {
        let (account, family) = (AccountId::from_bytes([7; 16]), FamilyId::from_bytes([family; 16]));
        codec::seal(masters().current(), account, family, generation, &Secret::from_bytes([3; 32]))
    }

    fn opened(cookie: &str) -> RefreshCookies {
        refresh_tokens(&masters(), &with(cookie), "r")
    }

    // Tests RFC 6265bis section 4.2.2: a name may come several times, and the order says nothing
    #[test]
    fn all_values_of_a_name_are_found_and_each_once() {
        assert_eq!(values(&with("a=1; b=2=3;c=4"), "b"), ["2=3"]);
        assert_eq!(values(&with("b=1; a=0; b=2; b=1; b="), "b"), ["1", "2"]);
        assert_eq!(values(&with("a=1; B=2; xb=3; a=1, b=4"), "b"), [""; 0]);
    }

    #[test]
    fn a_planted_cookie_does_not_keep_the_real_one_from_counting() {
        let planted = "prt_x; r=; r=garbage; r=";
        let cookie = format!("r={planted}; r={}; r={}", token(5, 1).replace('B', "C"), token(5, 1));
        let found = opened(&cookie);
        assert_eq!((found.ours, found.tokens.len()), (1, 1));
        // Any number of those that have not the form of one.
        let many = format!("{}r={}", "r=prt_garbage; ".repeat(500), token(5, 1));
        assert_eq!(opened(&many).ours, 1);
    }

    #[test]
    fn no_more_are_tried_than_the_bound_says() {
        let many: Vec<String> = (0..100).map(|family| format!("r={}", token(family, 0))).collect();
        assert_eq!(opened(&many.join("; ")).ours, MAX_TRIED);
    }

    #[test]
    fn of_one_session_the_newest_token_counts_in_any_order() {
        for cookie in [[token(5, 1), token(5, 3)], [token(5, 3), token(5, 1)]] {
            let found = opened(&format!("r={}; r={}", cookie[0], cookie[1]));
            assert_eq!((found.ours, found.tokens.len()), (2, 1));
            assert_eq!(found.tokens[0].rotation_count(), 3);
        }
        assert_eq!(opened(&format!("r={}; r={}", token(5, 1), token(6, 1))).tokens.len(), 2);
    }

    // Scripts and other sites cannot use it.
    // Tests RFC 6265bis section 4.1.2.6: the refresh cookie is HttpOnly
    // Tests RFC 6265bis section 4.1.2.7: the refresh cookie is SameSite=Strict
    #[test]
    fn the_refresh_cookie_is_http_only_and_same_site() {
        let settings = CookieSettings::default();
        let session = FamilyId::from_bytes([2; 16]);
        assert_eq!(
            of_session(&settings, session, "prt_x", "c", Duration::from_mins(1)),
            [
                "__Secure-postern_refresh=prt_x; Path=/auth; Max-Age=60; HttpOnly; Secure; SameSite=Strict",
                "__Secure-postern_csrf=c; Path=/; Max-Age=60; Secure; SameSite=Strict",
                "__Host-postern_session=AgICAgICAgICAgICAgICAg; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Strict",
            ]
        );
    }

    // Tests RFC 6265bis section 4.1.2.2: a cookie is deleted by Max-Age=0 under its own domain and path
    #[test]
    fn cookies_of_a_domain_are_cleared_for_that_domain() {
        let settings = CookieSettings { domain: Some("example.com".to_owned()), ..CookieSettings::default() };
        let mut gone = cleared(&settings);
        gone.push(device_forgotten(&settings));
        for cookie in gone.iter().filter(|cookie| cookie.starts_with("__Secure-")) {
            assert!(cookie.contains("; Domain=example.com; Max-Age=0;"), "{cookie}");
        }
    }
}
