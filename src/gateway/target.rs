//! Where a request goes: the upstream's base, then the very path that was matched.

use super::{
    path::NormalPath,
    route::{Route, Upstream},
};

/// The URL to fetch. `own_origin` (`https://api.example.com`) stands before the path for a
/// service binding, whose Worker sees the URL that the client named. The query is untouched.
pub fn upstream_url(route: &Route, path: &NormalPath, query: Option<&str>, own_origin: &str) -> String {
    let base = match &route.upstream {
        Upstream::Url { base } => base.trim_end_matches('/'),
        Upstream::Service { .. } | Upstream::Answer => own_origin.trim_end_matches('/'),
    };
    let mut url = String::with_capacity(base.len() + path.as_str().len() + query.map_or(0, str::len) + 2);
    url.push_str(base);
    let before = url.len();
    for segment in path.escaped_segments().skip(route.strip_segments) {
        url.push('/');
        url.push_str(segment);
    }
    if url.len() == before {
        url.push('/');
    }
    if let Some(query) = query {
        url.push('?');
        url.push_str(query);
    }
    url
}
