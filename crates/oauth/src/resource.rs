//! Resource indicators (RFC 8707): which protected resource an access token is for.

use core::fmt;

use postern_core::http::UrlParts;

/// The longest resource indicator, in bytes. It becomes the `aud` of access tokens.
const MAX_BYTES: usize = 512;

/// The text is no resource indicator: an absolute URI without fragment (RFC 8707 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the resource is not an absolute http or https URL without fragment")]
pub struct MalformedResource;

/// A resource in its one spelling: scheme and host in lower case, and no slash for an empty path.
///
/// The MCP authorization specification recommends the form without a slash at the end; clients send upper-case schemes and
/// hosts, and `/` for an empty path, which mean the same (RFC 3986 section 6.2). No other spelling is changed: a slash at
/// the end of a longer path is another resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource(String);

impl Resource {
    /// Reads the value of a `resource` parameter or setting.
    ///
    /// # Errors
    /// [`MalformedResource`], also for user information, a query, characters outside visible ASCII, and more than 512
    /// bytes.
    pub fn parse(text: &str) -> Result<Self, MalformedResource> {
        if text.len() > MAX_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(MalformedResource);
        }
        let (scheme, rest) = text.split_once("://").ok_or(MalformedResource)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path == "/" { "" } else { path };
        let canonical = [&scheme.to_ascii_lowercase(), "://", &authority.to_ascii_lowercase(), path].concat();
        let parts = UrlParts::parse(&canonical).ok_or(MalformedResource)?;
        // An empty fragment is one, too (RFC 8707 section 2: "MUST NOT include a fragment component").
        if parts.has_fragment || parts.query.is_some() {
            return Err(MalformedResource);
        }
        Ok(Self(canonical))
    }

    /// The canonical text, as `aud` has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tests RFC 8707 section 2: a resource is an absolute URI without fragment
    #[test]
    fn a_resource_is_an_absolute_url_without_fragment() {
        for text in [
            "",
            "api",
            "/mcp",
            "https://",
            "https://a.example/mcp#",
            "https://a.example/mcp#x",
            "https://a.example?x=1",
            "https://me@a.example/",
            "urn:example:mcp",
            "javascript://a.example/",
            "https://ä.example/",
            "https://a.example/ ",
        ] {
            assert_eq!(Resource::parse(text), Err(MalformedResource), "{text}");
        }
        assert!(Resource::parse(&format!("https://a.example/{}", "x".repeat(500))).is_err());
    }

    #[test]
    fn spellings_that_mean_the_same_are_one_resource() {
        let canonical = |text| Resource::parse(text).unwrap().to_string();
        for text in ["https://a.example", "https://a.example/", "HTTPS://A.Example/"] {
            assert_eq!(canonical(text), "https://a.example");
        }
        assert_eq!(canonical("https://a.example/MCP"), "https://a.example/MCP");
        assert_eq!(canonical("https://a.example/mcp/"), "https://a.example/mcp/", "another resource");
    }
}
