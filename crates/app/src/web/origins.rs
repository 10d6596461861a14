//! Postern's own origins, and what a page of another origin may read.

use crate::{
    config::Config,
    http::{RequestView, UrlParts},
};

/// The response headers that listed pages may read: why a request was refused (RFC 6750 section 3), and when to retry.
/// Without this list, browsers hide them from pages of other origins (Fetch standard, "CORS-safelisted response-header
/// name").
pub(crate) const EXPOSED: &str = "www-authenticate, retry-after, ratelimit, ratelimit-policy";

/// The deployment's own origins: the one of the request's URL, and the one of the issuer.
pub(crate) fn own_origins(config: &Config, request: &impl RequestView) -> Vec<String> {
    let url = request.url();
    let mut origins: Vec<String> = Vec::new();
    for url in [&url, &config.issuer] {
        let origin = UrlParts::parse(url).map(|parts| parts.origin());
        origins.extend(origin.filter(|origin| !origins.contains(origin)));
    }
    origins
}
