//! Where a request goes: the upstream's base, then the very path that was matched.

use std::borrow::Cow;

use super::{
    path::NormalPath,
    route::{Route, Upstream},
};

/// Where a request goes. A route that answers by itself has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamTarget {
    /// The absolute URL to ask for.
    pub url: String,
    /// The service binding to ask; without one the URL's own host.
    pub service: Option<String>,
}

impl UpstreamTarget {
    /// The target of a request that the route takes; `None` when the gate answers by itself.
    /// `own_origin` (`https://api.example.com`) stands before the path for a service binding,
    /// whose Worker sees the URL that the client named. The query is untouched.
    pub fn of(
        route: &Route,
        path: &NormalPath,
        query: Option<&str>,
        own_origin: impl FnOnce() -> String,
    ) -> Option<Self> {
        let (base, service) = match &route.upstream {
            Upstream::Url { base } => (Cow::Borrowed(base.as_str()), None),
            Upstream::Service { binding } => (Cow::Owned(own_origin()), Some(binding.clone())),
            Upstream::Answer => return None,
        };
        Some(Self { url: joined(base.trim_end_matches('/'), route.strip_segments, path, query), service })
    }
}

fn joined(base: &str, strip_segments: usize, path: &NormalPath, query: Option<&str>) -> String {
    let mut url = String::with_capacity(base.len() + path.as_str().len() + query.map_or(0, str::len) + 2);
    url.push_str(base);
    let before = url.len();
    for segment in path.escaped_segments().skip(strip_segments) {
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
