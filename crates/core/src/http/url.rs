//! Takes an absolute http(s) URL apart without copying and without repairing anything.

/// What a URL may be fetched over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP: local development only.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// As in a URL and in `X-Forwarded-Proto`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The parts of an absolute http(s) URL, as they are written (RFC 3986 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlParts<'u> {
    /// The scheme.
    pub scheme: Scheme,
    /// Host and port as written: `api.example.com:8443`. Holds no user information.
    pub authority: &'u str,
    /// The host, without port; an IPv6 address keeps its brackets.
    pub host: &'u str,
    /// The port, if one is written.
    pub port: Option<u16>,
    /// From the first slash on, without query; empty when the URL ends with its authority.
    pub path: &'u str,
    /// What follows the first `?`, untouched.
    pub query: Option<&'u str>,
    /// Whether there was a fragment. It is never sent anywhere.
    pub has_fragment: bool,
}

impl<'u> UrlParts<'u> {
    /// Takes the URL apart. `None` for another scheme, user information (`user@`), a host with
    /// anything but letters, digits, `.`, `-` and `_` (or an IPv6 address), a port out of range.
    pub fn parse(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = match scheme {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return None,
        };
        let (rest, has_fragment) = match rest.split_once('#') {
            Some((before, _)) => (before, true),
            None => (rest, false),
        };
        let (rest, query) = match rest.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(authority)?;
        Some(Self { scheme, authority, host, port, path, query, has_fragment })
    }

    /// `scheme://authority`.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme.name(), self.authority)
    }

    /// Whether the host is this machine by its name or address (RFC 6761 section 6.3).
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || self.host == "[::1]"
            || self.host.parse::<core::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let end = rest.find(']')?;
        let address = rest.get(..end)?;
        address.parse::<core::net::Ipv6Addr>().ok()?;
        let host = authority.get(..end + 2)?;
        return match rest.get(end + 1..)? {
            "" => Some((host, None)),
            port => Some((host, Some(parse_port(port.strip_prefix(':')?)?))),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(parse_port(port)?)),
        None => (authority, None),
    };
    let sound = !host.is_empty()
        && !host.starts_with('.')
        && !host.contains("..")
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    sound.then_some((host, port))
}

fn parse_port(text: &str) -> Option<u16> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|port| *port != 0)
}
