//! Cross-origin requests (the Fetch standard, section "CORS protocol"): exact origins only.

use core::time::Duration;
use std::collections::BTreeSet;

use postern_core::http::Reply;

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

/// Headers by which requests are traced from page to service: W3C Trace Context and Baggage, Sentry,
/// Zipkin, Jaeger, New Relic, Elastic, Application Insights. Programs that watch a page add them to
/// every call of it, and without the grant the browser would not send the call at all. An upstream
/// that decides by them would decide by what any client can write.
const TRACING: [&str; 11] = [
    "b3",
    "baggage",
    "elastic-apm-traceparent",
    "newrelic",
    "request-context",
    "request-id",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "uber-trace-id",
    "x-request-id",
];
/// The same, by how their names begin: Zipkin, Datadog, AWS X-Ray.
const TRACING_PREFIXES: [&str; 3] = ["x-amzn-trace-", "x-b3-", "x-datadog-"];

fn is_tracing(name: &str) -> bool {
    TRACING.contains(&name) || TRACING_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

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
    /// for a method that the route takes; `requested_headers` are those that the page wants to set.
    /// For a foreign origin it permits nothing.
    pub fn preflight(&self, origin: &str, requested_method: &str, requested_headers: Option<&str>) -> Reply {
        let mut reply = Reply::empty(204);
        for (name, value) in self.response_headers(Some(origin)) {
            if name != "access-control-expose-headers" {
                reply = reply.with_header(&name, &value);
            }
        }
        if self.origins.contains(origin) {
            reply = reply.with_header("access-control-allow-methods", requested_method);
            let requested = requested_headers.unwrap_or_default();
            let mut allowed: Vec<&str> = self.allow_headers.iter().map(String::as_str).collect();
            for name in requested.split(',').map(str::trim).filter(|name| is_tracing(name)) {
                // As many as there are names, each once.
                if !allowed.contains(&name) {
                    allowed.push(name);
                }
            }
            if !allowed.is_empty() {
                reply = reply
                    .with_header("access-control-allow-headers", &allowed.join(", "))
                    .with_header("vary", "Access-Control-Request-Headers");
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

    // Tests Fetch section "CORS protocol": Access-Control-Allow-Origin names the listed origin, and Vary has Origin
    #[test]
    fn a_listed_origin_is_named_and_the_answer_varies_by_origin() {
        let headers = cors().response_headers(Some("https://app.example.com"));
        assert!(headers.contains(&("access-control-allow-origin".into(), "https://app.example.com".into())));
        assert!(headers.contains(&("access-control-allow-credentials".into(), "true".into())));
        assert!(headers.contains(&("vary".into(), "Origin".into())));
    }

    // Tests Fetch section "CORS protocol": an origin is compared as a whole
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
            assert_eq!(
                cors().preflight(origin, "GET", Some("traceparent")).header("access-control-allow-origin"),
                None
            );
        }
    }

    // Tests Fetch section "CORS-preflight fetch": a preflight is answered with method and headers
    #[test]
    fn a_preflight_is_answered_with_the_method_and_headers() {
        let reply = cors().preflight("https://app.example.com", "PUT", None);
        assert_eq!(reply.status, 204);
        assert_eq!(reply.header("access-control-allow-methods"), Some("PUT"));
        assert_eq!(reply.header("access-control-allow-headers"), Some("authorization"));
        assert_eq!(reply.header("access-control-max-age"), Some("600"));
        let traced = Some("authorization,baggage,sentry-trace,x-api-key,x-datadog-trace-id");
        let traced = cors().preflight("https://app.example.com", "PUT", traced);
        let granted = traced.header("access-control-allow-headers");
        assert_eq!(granted, Some("authorization, baggage, sentry-trace, x-datadog-trace-id"));
        // A method with a line break in it must not become a header of its own.
        let odd = cors().preflight("https://app.example.com", "PUT\r\nx: y", None);
        assert_eq!(odd.header("access-control-allow-methods"), None);
    }
}
