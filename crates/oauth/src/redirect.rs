//! Redirect URIs: which a client may register, and which one a request may name.

use core::fmt;

use postern_core::http::{Scheme, UrlParts};

/// The longest redirect URI, in bytes.
const MAX_BYTES: usize = 512;

/// The kind of a redirect URI, which says how sure it is that the client's own program receives the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectKind {
    /// https: the host's owner receives it.
    Web,
    /// http on this machine (RFC 8252 section 7.3): any program on it may.
    Loopback,
    /// A private-use scheme (RFC 8252 section 7.1): any app that registers the scheme may.
    PrivateUse,
}

impl RedirectKind {
    /// Whether the redirect itself shows that the client is the one that registered it. Where it does not, consent is asked
    /// each time (RFC 8252 section 8.6).
    pub const fn is_assured(self) -> bool {
        matches!(self, Self::Web)
    }
}

/// A redirect URI that a client has registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredRedirect {
    text: String,
    kind: RedirectKind,
}

impl RegisteredRedirect {
    /// Checks a redirect URI for registration. `private_use` allows schemes such as `com.example.app`.
    ///
    /// # Errors
    /// The problem, in the form "must ...". It never contains the value.
    pub fn parse(text: &str, private_use: bool) -> Result<Self, &'static str> {
        if text.len() > MAX_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("must be 1 to 512 visible ASCII characters");
        }
        if text.contains('#') {
            return Err("must not have a fragment");
        }
        let kind = match text.split_once(':').map(|(scheme, _)| scheme) {
            Some("https" | "http") => web_kind(text)?,
            Some(scheme) => private_kind(scheme, private_use)?,
            None => return Err("must be an absolute URI, such as https://app.example.com/callback"),
        };
        Ok(Self { text: text.to_owned(), kind })
    }

    /// The URI as registered.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its kind.
    pub const fn kind(&self) -> RedirectKind {
        self.kind
    }

    /// The origin of pages of this client, if it is a page: `https://app.example.com`.
    pub fn origin(&self) -> Option<String> {
        UrlParts::parse(&self.text).map(|parts| parts.origin())
    }

    /// Whether a page of this origin can be this client. The port of a loopback client is free.
    pub fn has_origin(&self, origin: &str) -> bool {
        match (self.kind, UrlParts::parse(&self.text), UrlParts::parse(origin)) {
            (RedirectKind::Web, Some(own), _) => own.origin() == origin,
            (RedirectKind::Loopback, Some(own), Some(page)) => {
                own.scheme == page.scheme && own.host == page.host && page.path.is_empty()
            }
            _ => false,
        }
    }

    /// Compares a requested URI: letter by letter (RFC 9700 section 2.1), except for the port of a loopback client, which
    /// the operating system chooses (RFC 8252 section 7.3).
    fn proves(&self, requested: &str) -> bool {
        if self.text == requested {
            return true;
        }
        if self.kind != RedirectKind::Loopback || requested.len() > MAX_BYTES {
            return false;
        }
        match (UrlParts::parse(&self.text), UrlParts::parse(requested)) {
            (Some(own), Some(other)) => {
                !other.has_fragment
                    && (own.scheme, own.host, own.path, own.query)
                        == (other.scheme, other.host, other.path, other.query)
            }
            _ => false,
        }
    }
}

fn web_kind(text: &str) -> Result<RedirectKind, &'static str> {
    let parts = UrlParts::parse(text).ok_or("must be an absolute URL without user information")?;
    if parts.host != parts.host.to_ascii_lowercase() {
        return Err("must have a lower-case host");
    }
    let loopback = matches!(parts.host, "localhost" | "127.0.0.1" | "[::1]");
    match parts.scheme {
        Scheme::Https => Ok(RedirectKind::Web),
        Scheme::Http if loopback => Ok(RedirectKind::Loopback),
        Scheme::Http => Err("must be https (http is allowed for localhost, 127.0.0.1 and [::1] alone)"),
    }
}

fn private_kind(scheme: &str, allowed: bool) -> Result<RedirectKind, &'static str> {
    let mut letters = scheme.bytes();
    let sound = letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte));
    // The dot keeps javascript:, data: and every other scheme of a browser out (RFC 8252 section 7.1).
    if !sound || !scheme.contains('.') {
        return Err(
            "must be https, http on this machine, or have a scheme that is a domain in reverse order, such as com.example.app",
        );
    }
    if !allowed {
        return Err("has a private-use scheme, which needs private_use_schemes = true");
    }
    Ok(RedirectKind::PrivateUse)
}

/// A requested redirect URI that the client has registered. Only [`prove`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedRedirect {
    registered: RegisteredRedirect,
    requested: String,
}

impl ProvedRedirect {
    /// The URI as the request has it, with its port: where the browser goes.
    pub fn requested(&self) -> &str {
        &self.requested
    }

    /// The URI as registered: what consent is remembered for.
    pub const fn registered(&self) -> &RegisteredRedirect {
        &self.registered
    }

    /// The host that the browser goes to, or the scheme of an app, for the consent page.
    pub fn host(&self) -> &str {
        match UrlParts::parse(&self.requested) {
            Some(parts) => parts.authority,
            None => self.requested.split(':').next().unwrap_or_default(),
        }
    }
}

/// Why a request names no redirect URI of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectRefused {
    /// It names none, and the client has several, or one that does not stand for itself.
    Missing,
    /// It names one that the client has not registered.
    Unregistered,
}

/// Compares the requested URI with the registered ones. A request without one means the client's only one, if that is an
/// https URL (OAuth 2.1 section 4.1.1).
///
/// # Errors
/// [`RedirectRefused`]: the browser must not be sent anywhere.
pub fn prove(
    registered: &[RegisteredRedirect],
    requested: Option<&str>,
) -> Result<ProvedRedirect, RedirectRefused> {
    let (registered, requested) = match (requested, registered) {
        (Some(requested), _) => {
            let found = registered.iter().find(|registered| registered.proves(requested));
            (found.ok_or(RedirectRefused::Unregistered)?, requested)
        }
        (None, [only]) if only.kind == RedirectKind::Web => (only, only.as_str()),
        (None, _) => return Err(RedirectRefused::Missing),
    };
    Ok(ProvedRedirect { registered: registered.clone(), requested: requested.to_owned() })
}

impl fmt::Display for ProvedRedirect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.requested)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(text: &str) -> RegisteredRedirect {
        RegisteredRedirect::parse(text, true).unwrap()
    }

    // Tests MCP Authorization section "Open Redirection": redirect URIs are compared with the registered ones, exactly (A5)
    // Tests RFC 9700 section 2.1: redirect URIs are compared by exact string matching
    #[test]
    fn a_redirect_uri_is_compared_to_the_letter() {
        let own = [registered("https://app.example/cb")];
        assert!(prove(&own, Some("https://app.example/cb")).is_ok());
        for text in [
            "https://app.example/cb/",
            "https://app.example/CB",
            "https://APP.example/cb",
            "HTTPS://app.example/cb",
            "https://app.example:443/cb",
            "https://app.example:8443/cb",
            "https://me@app.example/cb",
            "https://app.example/cb#",
            "https://app.example/cb#x",
            "https://app.example/cb?x=1",
            "https://app.example/cb/../evil",
            "https://app.example.evil.example/cb",
            "https://app.example/%63b",
            "http://app.example/cb",
            "https://app.example",
            "",
        ] {
            assert_eq!(prove(&own, Some(text)), Err(RedirectRefused::Unregistered), "{text}");
        }
    }

    // Tests RFC 8252 section 7.3: the port of a loopback redirect is free
    #[test]
    fn the_port_of_a_loopback_redirect_is_free_and_nothing_else() {
        for own in
            ["http://127.0.0.1/cb", "http://127.0.0.1:3000/cb", "http://[::1]/cb", "http://localhost/cb"]
        {
            let own = [registered(own)];
            let host = own[0].as_str().trim_start_matches("http://").split(":3000").next().unwrap();
            let host = host.trim_end_matches("/cb");
            let at = |port: &str, rest: &str| prove(&own, Some(&format!("http://{host}{port}{rest}")));
            assert_eq!(at(":50123", "/cb").unwrap().requested(), format!("http://{host}:50123/cb"));
            assert!(at("", "/cb").is_ok());
            for (port, rest) in [
                (":0", "/cb"),
                (":99999", "/cb"),
                (":x", "/cb"),
                (":1", "/cb/"),
                (":1", "/cb?a"),
                (":1", "/cb#"),
                (":1", ""),
            ] {
                assert_eq!(at(port, rest), Err(RedirectRefused::Unregistered), "{port}{rest}");
            }
        }
        let own = [registered("http://localhost/cb")];
        for text in [
            "https://localhost:1/cb",
            "http://127.0.0.1:1/cb",
            "http://localhost.evil.example:1/cb",
            "http://me@localhost:1/cb",
        ] {
            assert_eq!(prove(&own, Some(text)), Err(RedirectRefused::Unregistered), "{text}");
        }
    }

    #[test]
    fn only_a_single_https_uri_may_be_left_out() {
        let web = registered("https://app.example/cb");
        assert_eq!(prove(core::slice::from_ref(&web), None).unwrap().requested(), "https://app.example/cb");
        for own in [
            vec![],
            vec![web.clone(), web],
            vec![registered("http://localhost/cb")],
            vec![registered("com.example.app:/cb")],
        ] {
            assert_eq!(prove(&own, None), Err(RedirectRefused::Missing));
        }
    }

    // Tests MCP Authorization section "Communication Security": a redirect URI is https, or on this machine (A4)
    // Tests RFC 8252 section 7.1: a private-use scheme is a domain in reverse order
    #[test]
    fn only_sound_uris_are_registered() {
        for text in
            ["https://app.example/cb?x=1", "http://localhost", "com.example.app:/cb", "https://localhost/"]
        {
            assert!(RegisteredRedirect::parse(text, true).is_ok(), "{text}");
        }
        for text in [
            "",
            "/cb",
            "app.example/cb",
            "https://app.example/cb#x",
            "https://me@app.example/cb",
            "https://App.example/cb",
            "http://app.example/cb",
            "http://localhost.example/cb",
            "http://127.0.0.2/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp:/cb",
            "COM.example.app:/cb",
            "https://app.example/ä",
            "https://app.example/a b",
        ] {
            assert!(RegisteredRedirect::parse(text, true).is_err(), "{text}");
        }
        assert!(RegisteredRedirect::parse("com.example.app:/cb", false).is_err());
        assert!(
            RegisteredRedirect::parse(&format!("https://app.example/{}", "x".repeat(512)), true).is_err()
        );
    }

    #[test]
    fn the_consent_page_names_the_host_of_the_request() {
        let host = |own: &str, requested: &str| {
            prove(&[registered(own)], Some(requested)).unwrap().host().to_owned()
        };
        assert_eq!(host("https://app.example:8443/cb", "https://app.example:8443/cb"), "app.example:8443");
        assert_eq!(host("http://localhost/cb", "http://localhost:5000/cb"), "localhost:5000");
        assert_eq!(host("com.example.app:/cb", "com.example.app:/cb"), "com.example.app");
    }

    #[test]
    fn a_page_is_a_clients_by_its_origin() {
        assert!(registered("https://app.example/cb").has_origin("https://app.example"));
        assert!(!registered("https://app.example/cb").has_origin("https://app.example.evil"));
        assert!(!registered("https://app.example/cb").has_origin("null"));
        assert!(registered("http://localhost/cb").has_origin("http://localhost:5173"));
        assert!(!registered("http://localhost/cb").has_origin("https://localhost:5173"));
        assert!(!registered("com.example.app:/cb").has_origin("com.example.app://"));
    }
}
