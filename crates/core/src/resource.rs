//! The identifier of a protected resource (RFC 9728 section 1.2, RFC 8707 section 2): one spelling that is written, and
//! the few others that mean the same.

use core::fmt;

use crate::http::{Scheme, UrlParts};

/// The path under which a resource's metadata is found (RFC 9728 section 3.1).
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The longest identifier, in bytes: it is in every access token for the resource, whose size is limited.
const MAX_BYTES: usize = 512;

/// The identifier of a protected resource in its one spelling: scheme and host in lower case, no default port, no slash
/// at the end, no query, no fragment. Only [`ResourceId::parse`] makes one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    text: String,
    /// Where the path begins in `text`.
    path_at: usize,
}

/// Why a text is not the identifier of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    /// Not an absolute http(s) URL.
    #[error("must be an absolute URL, such as https://api.example.com/mcp, without user information")]
    NotUrl,
    /// RFC 8707 section 2 forbids it.
    #[error("must not have a fragment")]
    Fragment,
    /// RFC 8707 section 2 advises against it, and no route can serve it.
    #[error("must not have a query")]
    Query,
    /// Another spelling of the same resource.
    #[error("must not end with a slash")]
    Slash,
    /// Another spelling of the same host.
    #[error("must have a lower-case host without a dot at the end")]
    Host,
    /// Another spelling of the same origin.
    #[error("must not contain the scheme's default port")]
    DefaultPort,
    /// The path contains characters that cannot be in a URL.
    #[error("must have a path of visible ASCII without quotes or backslashes")]
    Path,
    /// Plain HTTP.
    #[error("must be https (http is allowed only with POSTERN_PROFILE = \"local\")")]
    Http,
    /// Too long for a token.
    #[error("must be at most {MAX_BYTES} bytes")]
    TooLong,
}

impl ResourceId {
    /// Reads an identifier in its one spelling. `local` permits plain HTTP.
    ///
    /// # Errors
    /// Returns the first rule that the text breaks.
    pub fn parse(text: &str, local: bool) -> Result<Self, ResourceError> {
        let parts = UrlParts::parse(text).ok_or(ResourceError::NotUrl)?;
        if parts.has_fragment {
            return Err(ResourceError::Fragment);
        }
        if parts.query.is_some() {
            return Err(ResourceError::Query);
        }
        if text.ends_with('/') {
            return Err(ResourceError::Slash);
        }
        if parts.authority.bytes().any(|byte| byte.is_ascii_uppercase()) || parts.host.ends_with('.') {
            return Err(ResourceError::Host);
        }
        if parts.port == Some(default_port(parts.scheme)) {
            return Err(ResourceError::DefaultPort);
        }
        let is_sound = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if !parts.path.bytes().all(is_sound) {
            return Err(ResourceError::Path);
        }
        if !local && parts.scheme == Scheme::Http {
            return Err(ResourceError::Http);
        }
        if text.len() > MAX_BYTES {
            return Err(ResourceError::TooLong);
        }
        Ok(Self { text: text.to_owned(), path_at: text.len() - parts.path.len() })
    }

    /// The identifier as it is written everywhere.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, without a slash: `https://api.example.com`.
    pub fn origin(&self) -> &str {
        self.text.get(..self.path_at).unwrap_or_default()
    }

    /// The path with its slash, or nothing.
    pub fn path(&self) -> &str {
        self.text.get(self.path_at..).unwrap_or_default()
    }

    /// The host without port.
    pub fn host(&self) -> &str {
        UrlParts::parse(&self.text).map_or("", |parts| parts.host)
    }

    /// The port, unless it is the scheme's own.
    pub fn port(&self) -> Option<u16> {
        UrlParts::parse(&self.text).and_then(|parts| parts.port)
    }

    /// Where the metadata of this resource is (RFC 9728 section 3.1): the well-known path between host and path.
    pub fn metadata_url(&self) -> String {
        [self.origin(), WELL_KNOWN, self.path()].concat()
    }

    /// Whether `text` names this resource: as it is written, or with scheme or host in upper case, or with `/` for an
    /// empty path (RFC 3986 sections 6.2.2.1 and 6.2.3). Every other difference makes another resource.
    pub fn is_named_by(&self, text: &str) -> bool {
        if text == self.text {
            return true;
        }
        let path = self.path();
        text.split_at_checked(self.path_at).is_some_and(|(origin, rest)| {
            origin.eq_ignore_ascii_case(self.origin()) && (rest == path || (path.is_empty() && rest == "/"))
        })
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// The port that URLs of the scheme leave out.
pub const fn default_port(scheme: Scheme) -> u16 {
    match scheme {
        Scheme::Https => 443,
        Scheme::Http => 80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ResourceId {
        ResourceId::parse(text, false).unwrap()
    }

    // Tests RFC 9728 section 1.2: a resource identifier is an https URL without fragment
    // Tests RFC 8707 section 2: a resource is an absolute URI without fragment
    #[test]
    fn a_resource_has_one_spelling() {
        for (text, expected) in [
            ("https://api.example.com/mcp", Ok(())),
            ("https://api.example.com", Ok(())),
            ("https://api.example.com:8443/a/b", Ok(())),
            ("https://[::1]:8443/a", Ok(())),
            ("https://api.example.com/mcp/", Err(ResourceError::Slash)),
            ("https://api.example.com/", Err(ResourceError::Slash)),
            ("https://api.example.com/mcp#a", Err(ResourceError::Fragment)),
            ("https://api.example.com/mcp?a=b", Err(ResourceError::Query)),
            ("https://API.example.com/mcp", Err(ResourceError::Host)),
            ("https://api.example.com./mcp", Err(ResourceError::Host)),
            ("https://api.example.com:443/mcp", Err(ResourceError::DefaultPort)),
            ("https://api.example.com/m\"cp", Err(ResourceError::Path)),
            ("https://api.example.com/mcp\u{e9}", Err(ResourceError::Path)),
            ("HTTPS://api.example.com/mcp", Err(ResourceError::NotUrl)),
            ("api.example.com/mcp", Err(ResourceError::NotUrl)),
            ("urn:example:mcp", Err(ResourceError::NotUrl)),
            ("https://user@api.example.com/mcp", Err(ResourceError::NotUrl)),
            ("http://api.example.com/mcp", Err(ResourceError::Http)),
        ] {
            assert_eq!(ResourceId::parse(text, false).map(|_| ()), expected, "{text}");
        }
        assert!(ResourceId::parse("http://localhost:8787/mcp", true).is_ok());
        let long = ["https://api.example.com/", &"a".repeat(600)].concat();
        assert_eq!(ResourceId::parse(&long, false), Err(ResourceError::TooLong));
    }

    // Tests MCP Authorization section "Canonical Server URI": case of scheme and host is free, the form has no slash (R11)
    // Tests RFC 3986 section 6.2.2.1: scheme and host are compared without case
    // Tests RFC 3986 section 6.2.3: an empty path is the path "/"
    #[test]
    fn only_case_of_the_origin_and_an_empty_path_are_free() {
        let mcp = id("https://api.example.com/mcp");
        for text in ["https://api.example.com/mcp", "HTTPS://API.Example.COM/mcp"] {
            assert!(mcp.is_named_by(text), "{text}");
        }
        for text in [
            "https://api.example.com/mcp/",
            "https://api.example.com/MCP",
            "https://api.example.com/mcp?",
            "https://api.example.com/mcp#",
            "https://api.example.com/mcp/x",
            "https://api.example.com",
            "https://api.example.com:443/mcp",
            "https://api.example.com./mcp",
            "https://api.example.co/mcp",
            "http://api.example.com/mcp",
            " https://api.example.com/mcp",
            "https://xapi.example.com/mcp",
            "https://api.example.c\u{f6}m/mcp",
            "",
        ] {
            assert!(!mcp.is_named_by(text), "{text}");
        }
        let root = id("https://api.example.com");
        assert!(root.is_named_by("https://api.example.com/") && root.is_named_by("HTTPS://API.example.com"));
        for text in
            ["https://api.example.com//", "https://api.example.com?", "https://api.example.com.evil.com"]
        {
            assert!(!root.is_named_by(text), "{text}");
        }
    }

    // Tests RFC 9728 section 3.1: the well-known path is between host and path, without a slash at the end
    #[test]
    fn metadata_is_between_host_and_path() {
        for (resource, expected) in [
            ("https://api.example.com", "https://api.example.com/.well-known/oauth-protected-resource"),
            (
                "https://api.example.com/mcp",
                "https://api.example.com/.well-known/oauth-protected-resource/mcp",
            ),
            ("https://a.example:8443/a/b", "https://a.example:8443/.well-known/oauth-protected-resource/a/b"),
        ] {
            assert_eq!(id(resource).metadata_url(), expected);
        }
        let one = id("https://a.example:8443/a/b");
        assert_eq!((one.origin(), one.path()), ("https://a.example:8443", "/a/b"));
        assert_eq!((one.host(), one.port()), ("a.example", Some(8443)));
    }
}
