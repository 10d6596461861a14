//! The `client_id` that is the URL of a document (section 3 of the draft).

use core::fmt;

use postern_core::http::UrlParts;
use postern_jose::jwks::{UrlError, check_url};

/// The `client_id` of a client with a metadata document: the https URL of that document.
///
/// It is compared letter by letter and never normalised, so two spellings of one address are two clients. Only
/// [`ClientIdUrl::parse`] makes one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientIdUrl(String);

/// Why a `client_id` that begins with `https://` is not the URL of a document that is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientIdUrlError {
    /// It has a private, loopback, or otherwise special address, or a name for one.
    PrivateAddress,
    /// Its host is an address, or a name without a dot: a user could not tell whose it is.
    NoPublicName,
    /// Its host has upper-case letters: the address has another spelling, which users and logs would see as another client.
    UpperCaseHost,
    /// It has no path, or `/`, where a site has its first page.
    NoPath,
    /// It has a `.` or `..` segment, escaped or not: the address that is fetched would be another one.
    DotSegment,
    /// It is longer than [`ClientIdUrl::MAX_BYTES`].
    TooLong,
    /// It is no URL, or has user information, a fragment, or characters that a URL does not have.
    Malformed,
}

impl ClientIdUrlError {
    /// The stable name, for the log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::PrivateAddress => "client_id_private_address",
            Self::NoPublicName => "client_id_no_public_name",
            Self::UpperCaseHost => "client_id_upper_case_host",
            Self::NoPath => "client_id_no_path",
            Self::DotSegment => "client_id_dot_segment",
            Self::TooLong => "client_id_too_long",
            Self::Malformed => "client_id_malformed",
        }
    }
}

impl ClientIdUrl {
    /// The longest one, in bytes. It is in every access token of the client, and users see it.
    pub const MAX_BYTES: usize = 256;

    /// Whether a `client_id` can only be meant as the URL of a document. No other client's id begins so.
    pub fn is_meant(client_id: &str) -> bool {
        client_id.starts_with("https://")
    }

    /// Checks a `client_id`. A port and a query are allowed: the draft only advises clients against a query.
    ///
    /// # Errors
    /// [`ClientIdUrlError`].
    pub fn parse(client_id: &str) -> Result<Self, ClientIdUrlError> {
        if client_id.len() > Self::MAX_BYTES {
            return Err(ClientIdUrlError::TooLong);
        }
        check_url(client_id, false).map_err(|error| match error {
            UrlError::PrivateAddress => ClientIdUrlError::PrivateAddress,
            UrlError::Scheme | UrlError::Malformed => ClientIdUrlError::Malformed,
        })?;
        let parts = UrlParts::parse(client_id).ok_or(ClientIdUrlError::Malformed)?;
        if parts.host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(ClientIdUrlError::UpperCaseHost);
        }
        let last = parts.host.rsplit_once('.').map_or("", |(_, last)| last);
        if !last.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(ClientIdUrlError::NoPublicName);
        }
        if parts.path.len() < 2 {
            return Err(ClientIdUrlError::NoPath);
        }
        if parts.path.split('/').any(is_dot_segment) {
            return Err(ClientIdUrlError::DotSegment);
        }
        Ok(Self(client_id.to_owned()))
    }

    /// The URL as the client writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, which users see: with a valid certificate for this name the document was fetched.
    pub fn host(&self) -> &str {
        // It was taken apart before.
        UrlParts::parse(&self.0).map_or("", |parts| parts.host)
    }
}

impl fmt::Display for ClientIdUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether a segment is `.` or `..` for the URL standard, which reads `%2e` as a dot, too.
fn is_dot_segment(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tests Client ID Metadata Document section 3: https, a path, and a port and a query where the client has them
    #[test]
    fn a_document_url_is_an_https_url_with_a_path() {
        for text in [
            "https://claude.ai/oauth/claude-code-client-metadata",
            "https://app.example.com:8443/client.json",
            "https://app.example.com:443/client.json",
            "https://app.example.com/client.json?v=1",
            "https://xn--bcher-kva.example/a/",
            "https://app.example.com//a..b/.well-known/...",
        ] {
            let url = ClientIdUrl::parse(text).unwrap();
            assert_eq!(url.as_str(), text, "to the letter");
        }
        assert_eq!(ClientIdUrl::parse("https://a.example:8443/x").unwrap().host(), "a.example");
        let longest = format!("https://a.example/{}", "x".repeat(ClientIdUrl::MAX_BYTES - 18));
        assert_eq!(longest.len(), ClientIdUrl::MAX_BYTES);
        assert!(ClientIdUrl::parse(&longest).is_ok());
        assert_eq!(ClientIdUrl::parse(&(longest + "x")), Err(ClientIdUrlError::TooLong));
    }

    // Tests Client ID Metadata Document section 3: no user information, fragment, or dot segments
    // The attack: an id that shows the user one host, and is fetched from another, or one that reaches into a network.
    #[test]
    fn an_id_that_hides_its_address_is_refused() {
        use ClientIdUrlError::{DotSegment, Malformed, NoPath, NoPublicName, PrivateAddress, UpperCaseHost};
        for (text, cause) in [
            ("http://a.example/c", Malformed),
            ("HTTPS://a.example/c", Malformed),
            ("https://a.example@evil.example/c", Malformed),
            ("https://a:b@evil.example/c", Malformed),
            ("https://a.example\\@evil.example/c", Malformed),
            ("https://a.example/c#", Malformed),
            ("https://a.example/c#me", Malformed),
            ("https://a.example/ c", Malformed),
            ("https://a.example/\u{e4}", Malformed),
            ("https://a.example:0/c", Malformed),
            ("https://a.example:x/c", Malformed),
            ("https:///c", Malformed),
            ("https://A.example/c", UpperCaseHost),
            ("https://a.example", NoPath),
            ("https://a.example/", NoPath),
            ("https://a.example?x=/c", NoPath),
            ("https://a.example/./c", DotSegment),
            ("https://a.example/x/../c", DotSegment),
            ("https://a.example/x/..", DotSegment),
            ("https://a.example/x/%2e%2E/c", DotSegment),
            ("https://a.example/.%2e", DotSegment),
            ("https://a.example/%2e", DotSegment),
            ("https://93.184.216.34/c", NoPublicName),
            ("https://[2606:4700::1111]/c", NoPublicName),
            ("https://intranet/c", NoPublicName),
            ("https://a.example./c", NoPublicName),
            ("https://localhost/c", PrivateAddress),
            ("https://a.localhost/c", PrivateAddress),
            ("https://db.internal/c", PrivateAddress),
            ("https://127.0.0.1/c", PrivateAddress),
            ("https://10.0.0.1/c", PrivateAddress),
            ("https://169.254.169.254/latest", PrivateAddress),
            ("https://2130706433/c", PrivateAddress),
            ("https://0x7f.1/c", PrivateAddress),
            ("https://[::1]/c", PrivateAddress),
            ("https://[::ffff:127.0.0.1]/c", PrivateAddress),
        ] {
            assert_eq!(ClientIdUrl::parse(text), Err(cause), "{text}");
        }
    }
}
