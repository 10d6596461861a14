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
        let (scheme, rest) = match url.strip_prefix("https://") {
            Some(rest) => (Scheme::Https, rest),
            None => (Scheme::Http, url.strip_prefix("http://")?),
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
        && !host.as_bytes().windows(2).any(|pair| pair == b"..")
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    sound.then_some((host, port))
}

fn parse_port(text: &str) -> Option<u16> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_as_written() {
        let parts = UrlParts::parse("https://API.example.com:8443/a/%2e?x=/?y#z").unwrap();
        assert_eq!((parts.authority, parts.host), ("API.example.com:8443", "API.example.com"));
        assert_eq!((parts.port, parts.path, parts.query), (Some(8443), "/a/%2e", Some("x=/?y")));
        assert!(parts.has_fragment);
        assert!(UrlParts::parse("http://[::1]:80").unwrap().is_loopback());
        assert!(UrlParts::parse("http://127.8.9.1/").unwrap().is_loopback());
        assert!(!UrlParts::parse("http://127.0.0.1.example.com/").unwrap().is_loopback());
    }

    #[test]
    fn urls_that_hide_their_host_are_refused() {
        for url in [
            "ftp://a/",
            "https:///path",
            "https://user@a/",
            "https://a@b/",
            "https://a:b@c/",
            "https://a\\@b/",
            "https://a:0/",
            "https://a:99999/",
            "https://a:/",
            "https://[::1/",
            "https://[x]/",
            "https://a b/",
            "https://ä/",
            "//a/",
            "https://a%2eb/",
            "https://a..b/",
        ] {
            assert_eq!(UrlParts::parse(url), None, "{url}");
        }
    }
}

#[cfg(all(test, feature = "thorough"))]
mod properties {
    use proptest::prelude::*;
    use url::{Host, Url};

    use super::*;

    fn texts() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "https://",
            "http://",
            "ftp://",
            "HTTPS://",
            "//",
            "/",
            "\\",
            "?",
            "#",
            "@",
            ":",
            ".",
            "..",
            "%2e",
            "%2F",
            "-",
            "_",
            "a",
            "b.example",
            "EXAMPLE",
            "127.0.0.1",
            "0x7f.1",
            "[::1]",
            "[",
            "]",
            ":443",
            ":80",
            ":0",
            ":8443",
            ":65536",
            "ä",
            " ",
            "\t",
            "\n",
            "\"",
            "|",
            "=",
            "&",
            "\0",
        ]);
        let scheme = prop_oneof![4 => Just("https://"), 2 => Just("http://"), 1 => Just("")];
        (scheme, prop::collection::vec(part, 0..8))
            .prop_map(|(scheme, parts)| scheme.to_owned() + &parts.concat())
    }

    proptest! {
        // What the platform gives is the URL standard's own writing.
        #[test]
        fn normal_urls_are_taken_apart_as_the_url_standard_does(text in texts()) {
            let Ok(url) = Url::parse(&text) else { return Ok(()) };
            let normal = url.as_str();
            let name_is_plain = match url.host() {
                Some(Host::Domain(name)) => !name.starts_with('.') && !name.contains("..")
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)),
                Some(_) => true,
                None => false,
            };
            let is_plain = name_is_plain && matches!(url.scheme(), "http" | "https") && url.port() != Some(0)
                && url.username().is_empty() && url.password().is_none();
            let parts = UrlParts::parse(normal);
            prop_assert_eq!(parts.is_some(), is_plain, "{}", normal);
            let Some(parts) = parts else { return Ok(()) };
            prop_assert_eq!(parts.scheme.name(), url.scheme());
            prop_assert_eq!(Some(parts.host), url.host_str());
            prop_assert_eq!(parts.port, url.port());
            prop_assert_eq!(parts.path, url.path());
            prop_assert_eq!(parts.query, url.query());
            prop_assert_eq!(parts.has_fragment, url.fragment().is_some());
            prop_assert_eq!(parts.origin(), url.origin().ascii_serialization());
        }

        // Of another text, what is taken has the host that the URL standard finds in it: no reader is led elsewhere.
        #[test]
        fn no_other_reader_finds_another_host(text in texts()) {
            let Some(parts) = UrlParts::parse(&text) else { return Ok(()) };
            let Ok(url) = Url::parse(&text) else { return Ok(()) };
            prop_assert_eq!(parts.scheme.name(), url.scheme());
            if let Some(Host::Domain(name)) = url.host() {
                prop_assert_eq!(parts.host.to_ascii_lowercase(), name);
            }
        }
    }
}
