//! HTTP as plain values: what the domain reads of a request and what it answers. `src/`
//! turns these into the platform's own types; nothing here knows it.

mod date;
pub mod media_type;
mod problem;

use core::fmt;

use serde::Serialize;

pub use date::http_date;
pub use postern_jose::url::{Scheme, UrlParts};
pub use problem::{ERRORS_PATH, FieldError, Problem, REQUEST_ID_HEADER};

/// Headers on every answer of ours. The answers are JSON or nothing, so a browser is told to
/// load nothing for them, frame them nowhere and guess no other type.
const SECURITY_HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    // One year, the least that browsers' preload lists take; sub-domains are not ours to bind.
    ("strict-transport-security", "max-age=31536000"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// The reading side of a request. The edge implements it over the platform's request and copies
/// no more than what is asked for.
///
/// Several headers of one name are one value joined by `", "`, as Fetch's `Headers.get` gives
/// them, `Cookie` included.
pub trait RequestView {
    /// The method exactly as it was sent: methods are case-sensitive (RFC 9110 section 9.1).
    fn method(&self) -> String;
    /// The absolute URL.
    fn url(&self) -> String;
    /// The value of a header, its name in any case.
    fn header(&self, name: &str) -> Option<String>;
    /// The names of all headers, in lower case, each once.
    fn header_names(&self) -> Vec<String>;
}

/// A request as a value: for tests and for the operator's CLI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainRequest {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
}

impl PlainRequest {
    /// A request without headers.
    pub fn new(method: &str, url: &str) -> Self {
        Self { method: method.to_owned(), url: url.to_owned(), headers: Vec::new() }
    }

    /// Adds a header; a second one of the same name is kept too.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_lowercase(), value.to_owned()));
        self
    }
}

impl RequestView for PlainRequest {
    fn method(&self) -> String {
        self.method.clone()
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    fn header(&self, name: &str) -> Option<String> {
        let name = name.to_lowercase();
        let values: Vec<&str> =
            self.headers.iter().filter(|(own, _)| *own == name).map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    fn header_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.headers.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// An answer of ours, whole.
///
/// Every constructor sets the security headers and `Cache-Control: no-store` (RFC 6749 section
/// 5.1 asks for it wherever a token may be); [`Reply::cacheable`] is the one way to loosen it.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case. `set-cookie` may stand more than once.
    pub headers: Vec<(String, String)>,
    /// The body, empty for none.
    pub body: Vec<u8>,
}

impl Reply {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        let headers = SECURITY_HEADERS
            .iter()
            .chain(&[("cache-control", "no-store")])
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self { status, headers, body: Vec::new() }
    }

    /// An answer with a JSON body (`application/json`). What can't be written as JSON (a map
    /// whose keys are no strings) becomes a 500 problem.
    pub fn json<T: Serialize + ?Sized>(status: u16, value: &T) -> Self {
        match postern_jose::json::write(value) {
            Ok(body) => Self::empty(status).with_body("application/json", body.into_bytes()),
            Err(_) => Problem::new(500, "internal_error", "The response could not be written").into(),
        }
    }

    /// Replaces the body and its media type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.body = body;
        self.with_header("content-type", content_type)
    }

    /// Sets a header, in place of the one of this name; `set-cookie` and `vary` are added.
    /// A name that is no token or a value with control characters is left out: it could split
    /// the answer in two (RFC 9110 section 5.5).
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if !is_token(name) || value.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
            return self;
        }
        let name = name.to_ascii_lowercase();
        if name != "set-cookie" && name != "vary" {
            self.headers.retain(|(own, _)| *own != name);
        }
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Lets shared caches keep this answer: for public documents such as a JWKS only.
    #[must_use]
    pub fn cacheable(self, max_age: core::time::Duration) -> Self {
        self.with_header("cache-control", &format!("public, max-age={}", max_age.as_secs()))
    }

    /// The first value of a header, its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Shows no value: bodies and cookies carry tokens.
impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        formatter
            .debug_struct("Reply")
            .field("status", &self.status)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// Whether the text is a token of RFC 9110 section 5.6.2: what header names and methods are.
pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
#[path = "http/tests.rs"]
mod tests;
