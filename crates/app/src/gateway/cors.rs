//! Cross-origin requests (the Fetch standard, section "CORS protocol"): exact origins only.

use core::time::Duration;
use std::collections::BTreeSet;

use crate::http::Reply;

/// The headers of an answer by which a page is let in (the Fetch standard, section "HTTP
/// responses"). On a route with a CORS rule the rule alone speaks: what the upstream says would
/// let in origins, or credentials, that the rule does not list.
pub const CORS_ANSWER: [&str; 6] = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-expose-headers",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
];

/// Which origins' pages may call, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cors {
    /// Exact origins: `https://app.example.com`. There is no wildcard.
    pub origins: BTreeSet<String>,
    /// Whether cookies may come along.
    pub credentials: bool,
    /// Request headers that pages may set.
    pub allow_headers: Vec<String>,
    /// Response headers that pages may read.
    pub expose_headers: Vec<String>,
    /// How long a browser may keep a preflight's answer.
    pub max_age: Duration,
}

impl Cors {
    /// The headers for an actual answer. `Vary: Origin` always, or a shared cache would give
    /// one origin's answer to another.
    pub fn response_headers(&self, origin: Option<&str>) -> Vec<(String, String)> {
        let mut headers = vec![("vary".to_owned(), "Origin".to_owned())];
        let Some(origin) = origin.filter(|origin| self.origins.contains(*origin)) else { return headers };
        headers.push(("access-control-allow-origin".to_owned(), origin.to_owned()));
        if self.credentials {
            headers.push(("access-control-allow-credentials".to_owned(), "true".to_owned()));
        }
        if !self.expose_headers.is_empty() {
            headers.push(("access-control-expose-headers".to_owned(), self.expose_headers.join(", ")));
        }
        headers
    }

    /// The answer to a preflight (`OPTIONS` with `Origin` and `Access-Control-Request-Method`)
    /// for a method that the route takes. For a foreign origin it permits nothing.
    pub fn preflight(&self, origin: &str, requested_method: &str) -> Reply {
        let mut reply = Reply::empty(204);
        for (name, value) in self.response_headers(Some(origin)) {
            if name != "access-control-expose-headers" {
                reply = reply.with_header(&name, &value);
            }
        }
        if self.origins.contains(origin) {
            reply = reply.with_header("access-control-allow-methods", requested_method);
            if !self.allow_headers.is_empty() {
                reply = reply.with_header("access-control-allow-headers", &self.allow_headers.join(", "));
            }
            reply = reply.with_header("access-control-max-age", &self.max_age.as_secs().to_string());
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors() -> Cors {
        Cors {
            origins: ["https://app.example.com".to_owned()].into(),
            credentials: true,
            allow_headers: vec!["authorization".to_owned()],
            expose_headers: vec!["etag".to_owned()],
            max_age: Duration::from_mins(10),
        }
    }

    #[test]
    fn a_listed_origin_is_named_and_the_answer_varies_by_origin() {
        let headers = cors().response_headers(Some("https://app.example.com"));
        assert!(headers.contains(&("access-control-allow-origin".into(), "https://app.example.com".into())));
        assert!(headers.contains(&("access-control-allow-credentials".into(), "true".into())));
        assert!(headers.contains(&("vary".into(), "Origin".into())));
    }

    #[test]
    fn look_alike_origins_get_nothing() {
        for origin in [
            "https://app.example.com.evil.com",
            "https://evil-app.example.com",
            "http://app.example.com",
            "https://app.example.com:444",
            "HTTPS://app.example.com",
            "null",
            "*",
        ] {
            assert_eq!(cors().response_headers(Some(origin)).len(), 1, "{origin}");
            assert_eq!(cors().preflight(origin, "GET").header("access-control-allow-origin"), None);
        }
    }

    #[test]
    fn a_preflight_is_answered_with_the_method_and_headers() {
        let reply = cors().preflight("https://app.example.com", "PUT");
        assert_eq!(reply.status, 204);
        assert_eq!(reply.header("access-control-allow-methods"), Some("PUT"));
        assert_eq!(reply.header("access-control-allow-headers"), Some("authorization"));
        assert_eq!(reply.header("access-control-max-age"), Some("600"));
        // A method with a line break in it must not become a header of its own.
        let odd = cors().preflight("https://app.example.com", "PUT\r\nx: y");
        assert_eq!(odd.header("access-control-allow-methods"), None);
    }
}
