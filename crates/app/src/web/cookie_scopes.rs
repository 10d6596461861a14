//! The other scopes (domain and path) in which a browser may have Postern's cookies, from an earlier configuration or
//! from a sibling host.

use crate::{
    config::{
        CookieSettings,
        cookie_names::{CSRF_COOKIE, DEVICE_COOKIE},
    },
    http::{RequestView, UrlParts},
    web::cookies,
};

/// How many parent domains are considered. Hosts have few labels below their registrable domain.
const MAX_DOMAINS: usize = 4;

/// The attribute `; Domain=...`, or nothing for the host itself.
pub(crate) fn attribute(domain: Option<&str>) -> String {
    domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default()
}

/// `Set-Cookie` lines that take refresh and CSRF cookie away in every scope but the one in force,
/// as far as a cookie of the scope would come with this request. They have to stand before those
/// that set: an old browser takes the host and the domain of the same name for one.
pub(crate) fn sessions_elsewhere(cookie: &CookieSettings, request: &impl RequestView) -> Vec<String> {
    let scopes = Scopes::of(cookie, &request.url());
    let mut gone = scopes.without(&cookie.name, &cookie.path, &scopes.paths);
    gone.extend(scopes.without(CSRF_COOKIE, "/", &["/".to_owned()]));
    gone
}

/// As above for the device cookie, if the request has more than one.
pub(crate) fn devices_elsewhere(cookie: &CookieSettings, request: &impl RequestView) -> Vec<String> {
    if cookies::values(request, DEVICE_COOKIE).len() < 2 {
        return Vec::new();
    }
    let scopes = Scopes::of(cookie, &request.url());
    scopes.without(DEVICE_COOKIE, &cookie.path, &scopes.paths)
}

struct Scopes<'c> {
    own_domain: Option<&'c str>,
    domains: Vec<Option<String>>,
    paths: Vec<String>,
}

impl<'c> Scopes<'c> {
    fn of(cookie: &'c CookieSettings, url: &str) -> Self {
        let parts = UrlParts::parse(url);
        let (host, path) = parts.map_or(("", ""), |parts| (parts.host, parts.path));
        let mut domains = vec![None];
        let is_address = host.starts_with('[') || host.ends_with(|last: char| last.is_ascii_digit());
        let mut rest = if is_address { "" } else { host };
        while rest.contains('.') && domains.len() <= MAX_DOMAINS {
            domains.push(Some(rest.to_owned()));
            rest = rest.split_once('.').map_or("", |(_, parent)| parent);
        }
        let mut paths = vec!["/".to_owned()];
        for (at, _) in path.match_indices('/').skip(1) {
            paths.extend(path.get(..at).map(str::to_owned));
        }
        for path in [path, &cookie.path] {
            if !path.is_empty() && !paths.iter().any(|known| known == path) {
                paths.push(path.to_owned());
            }
        }
        Self { own_domain: cookie.domain.as_deref(), domains, paths }
    }

    fn without(&self, name: &str, own_path: &str, paths: &[String]) -> Vec<String> {
        let mut gone = Vec::new();
        for domain in self.domains.iter().map(Option::as_deref) {
            // A browser takes no `__Host-` cookie in another scope, nor drops it there.
            if name.starts_with("__Host-") {
                break;
            }
            for path in paths.iter().filter(|path| domain != self.own_domain || *path != own_path) {
                let domain = attribute(domain);
                gone.push(format!(
                    "{name}=; Path={path}{domain}; Max-Age=0; HttpOnly; Secure; SameSite=Strict"
                ));
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::PlainRequest;

    fn scopes(settings: &CookieSettings, url: &str) -> Vec<String> {
        sessions_elsewhere(settings, &PlainRequest::new("POST", url))
            .iter()
            .map(|line| line.replace("; Max-Age=0; HttpOnly; Secure; SameSite=Strict", ""))
            .collect()
    }

    #[test]
    fn every_other_scope_that_reaches_the_path_is_named() {
        let settings = CookieSettings::default();
        let refresh = [
            "; Path=/",
            "; Path=/auth/login",
            "; Path=/; Domain=auth.acme.test",
            "; Path=/auth; Domain=auth.acme.test",
            "; Path=/auth/login; Domain=auth.acme.test",
            "; Path=/; Domain=acme.test",
            "; Path=/auth; Domain=acme.test",
            "; Path=/auth/login; Domain=acme.test",
        ];
        let csrf = ["; Path=/; Domain=auth.acme.test", "; Path=/; Domain=acme.test"];
        let expected: Vec<String> = refresh
            .iter()
            .map(|scope| format!("__Secure-postern_refresh={scope}"))
            .chain(csrf.iter().map(|scope| format!("__Secure-postern_csrf={scope}")))
            .collect();
        assert_eq!(scopes(&settings, "https://auth.acme.test/auth/login"), expected);
    }

    #[test]
    fn the_scope_in_force_is_never_among_them() {
        let domain = Some("acme.test".to_owned());
        let settings = CookieSettings { domain, path: "/".to_owned(), ..CookieSettings::default() };
        let found = scopes(&settings, "https://auth.acme.test/auth/refresh");
        assert!(found.contains(&"__Secure-postern_refresh=; Path=/auth".to_owned()), "{found:?}");
        for own in ["__Secure-postern_refresh", "__Secure-postern_csrf"] {
            assert!(!found.contains(&format!("{own}=; Path=/; Domain=acme.test")), "{found:?}");
        }
    }

    #[test]
    fn addresses_and_single_labels_have_no_domain() {
        for host in ["localhost:8787", "127.0.0.1:8787", "[::1]:8787"] {
            let found = scopes(&CookieSettings::default(), &format!("http://{host}/auth/logout"));
            assert!(found.iter().all(|line| !line.contains("Domain")), "{found:?}");
        }
        let host = CookieSettings { name: "__Host-r".into(), path: "/".into(), ..CookieSettings::default() };
        let found = scopes(&host, "https://a.test/auth/logout");
        assert!(found.iter().all(|line| line.starts_with(CSRF_COOKIE)), "{found:?}");
    }

    #[test]
    fn however_many_labels_there_are_the_answer_stays_short() {
        let url = format!("https://{}acme.test/auth/sessions/x", "a.".repeat(100));
        assert!(scopes(&CookieSettings::default(), &url).len() < 40);
    }
}
