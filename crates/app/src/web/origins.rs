//! Postern's own origins, and what a page of another origin may read.

use crate::{
    config::Config,
    http::{RequestView, UrlParts},
};

/// What a listed page may read of an answer: why it was refused (RFC 6750 section 3), and when to
/// come again. A browser shows no other header of these to a page of another origin (the Fetch
/// standard, "CORS-safelisted response-header name").
pub(crate) const EXPOSED: &str = "www-authenticate, retry-after, ratelimit, ratelimit-policy";

/// Our own origins: the one under which the request reached us, and that of the issuer.
pub(crate) fn own_origins(config: &Config, request: &impl RequestView) -> Vec<String> {
    let url = request.url();
    let mut origins: Vec<String> = Vec::new();
    for url in [&url, &config.issuer] {
        let origin = UrlParts::parse(url).map(|parts| parts.origin());
        origins.extend(origin.filter(|origin| !origins.contains(origin)));
    }
    origins
}
