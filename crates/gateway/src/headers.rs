//! Header hygiene: what the upstream reads about the caller comes from us alone.

mod cookies;
mod values;

use std::{borrow::Cow, collections::BTreeSet, rc::Rc};

pub use values::encode_value;

use super::{
    identity::Identity,
    route::{Access, CallerHeaders, Route},
};
use postern_core::http::{RequestView, UrlParts, is_token};
use postern_jose::encoding::text_set;

/// Names that start so belong to us, however they are spelled.
pub const RESERVED_PREFIXES: [&str; 2] = ["x-postern-", "x-auth-"];

/// Counts the passes through gates of this kind, to stop a request that goes in a circle.
pub const HOP_HEADER: &str = "x-postern-hops";

/// How many passes are let through. Two gates in a row are a set-up that makes sense; five
/// are a circle.
pub const MAX_HOPS: u8 = 4;

/// Headers between neighbours only (RFC 9110 section 7.6.1, and those of old that clients
/// still send). By name: the platform takes `Connection` away before a request of the network gets
/// here, so what else it named cannot be known. `expect` too: the platform answers it itself, and takes an upstream's `100
/// Continue` for the answer.
const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Where a request came from, in the words of proxies: ours to say.
const FORWARDING: [&str; 13] = [
    "client-ip",
    "forwarded",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
];

/// All that begins so is removed too: other gates name the caller in `X-Forwarded-User` and
/// `X-Forwarded-Email`, and the request that they checked in `X-Forwarded-Uri` and `-Method`.
const FORWARDING_PREFIX: &str = "x-forwarded-";

/// Headers by which some servers let a request name another host, path or method than the one
/// that was checked.
const OVERRIDES: [&str; 13] = [
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-method",
    "x-original-path",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-uri",
    "x-rewrite-url",
];

/// Why a request can't be forwarded, whatever its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unforwardable {
    /// It has passed more than [`MAX_HOPS`] gates, or says something else than a number: 508.
    Loop,
    /// A header's name is no token (RFC 9110 section 5.1): 400. The next program may
    /// spell letters outside ASCII differently, so that the gate could not remove such a header with certainty.
    HeaderName,
    /// GET or HEAD with a body: 400. It has no meaning (RFC 9110 section 9.3.1), the platform sends
    /// none, and a request that lost its body is another request.
    Body,
}

/// What to change on a request's headers before it is forwarded: first remove, then set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderPlan {
    /// Names as the request spells them, in lower case.
    pub remove: Vec<String>,
    /// Names in lower case with their only value.
    pub set: Vec<(String, String)>,
    /// As `set`, for values that no other request has. Apart from it, so that the same `set` can be kept made.
    pub fresh: Vec<(String, String)>,
}

/// What holds for every route: a header that one route sets is stripped on all of them, or a
/// public route would let a client speak for the gate to the same upstream.
#[derive(Debug, Clone)]
pub(super) struct HeaderRules {
    own_cookies: Rc<[String]>,
    /// Canonical names of all mapped claim headers.
    mapped: BTreeSet<String>,
}

impl HeaderRules {
    pub(super) fn new(own_cookies: Vec<String>, routes: &[Route]) -> Self {
        let mapped = routes.iter().flat_map(|route| route.headers.claims());
        Self {
            own_cookies: own_cookies.into(),
            mapped: text_set(mapped.map(|mapping| canonical_name(&mapping.header).into_owned())),
        }
    }

    pub(super) fn own_cookies(&self) -> Rc<[String]> {
        Rc::clone(&self.own_cookies)
    }

    pub(super) fn plan(
        &self,
        route: &Route,
        request: &impl RequestView,
        identity: Option<&Identity>,
    ) -> Result<HeaderPlan, Unforwardable> {
        let mut plan = HeaderPlan::default();
        let hops = match request.header(HOP_HEADER) {
            None => 0,
            Some(text) => {
                text.parse::<u8>().ok().filter(|hops| *hops < MAX_HOPS).ok_or(Unforwardable::Loop)?
            }
        };
        if has_stray_body(request) {
            return Err(Unforwardable::Body);
        }
        let url = request.url();
        let is_websocket = is_websocket(request);
        let named_by_connection: Vec<String> = request
            .header("connection")
            .map(|value| value.split(',').map(|name| name.trim().to_ascii_lowercase()).collect())
            .unwrap_or_default();

        for name in request.header_names() {
            if !is_token(&name) {
                return Err(Unforwardable::HeaderName);
            }
            let canonical = &*canonical_name(&name);
            let keeps_upgrade = is_websocket && name == "upgrade";
            let is_between_neighbours =
                HOP_BY_HOP.contains(&canonical) || named_by_connection.contains(&name);
            let is_ours = is_reserved(canonical)
                || FORWARDING.contains(&canonical)
                || canonical.starts_with(FORWARDING_PREFIX)
                || OVERRIDES.contains(&canonical)
                || self.mapped.contains(canonical);
            let is_token_header = canonical == "authorization" && (name != canonical || !route.keep_token);
            if is_ours || is_token_header || (is_between_neighbours && !keeps_upgrade) {
                plan.remove.push(name);
            }
        }
        if let Some(cookie) = request.header("cookie") {
            match cookies::without(&cookie, &self.own_cookies) {
                cookies::Remaining::All => {}
                cookies::Remaining::Nothing => plan.remove.push("cookie".to_owned()),
                cookies::Remaining::Some(rest) => plan.set.push(("cookie".to_owned(), rest)),
            }
        }

        plan.set.push((HOP_HEADER.to_owned(), (hops + 1).to_string()));
        if route.headers == CallerHeaders::AssertionAlone {
            return Ok(plan);
        }
        // The platform sets this one itself and lets no client override it.
        if let Some(address) = request.header("cf-connecting-ip") {
            plan.set.push(("x-forwarded-for".to_owned(), encode_value(&address)));
        }
        if let Some(parts) = UrlParts::parse(&url) {
            plan.set.push(("x-forwarded-proto".to_owned(), parts.scheme.name().to_owned()));
            plan.set.push(("x-forwarded-host".to_owned(), parts.authority.to_owned()));
        }
        plan.set.extend(identity_headers(route, identity));
        Ok(plan)
    }
}

/// Whether the request asks for a WebSocket. With another method than GET it does not (RFC 6455
/// section 4.1): the platform would make a GET of it, and the policy has judged another method.
pub fn is_websocket(request: &impl RequestView) -> bool {
    request.header("upgrade").is_some_and(|value| value.trim().eq_ignore_ascii_case("websocket"))
        && request.method() == "GET"
}

/// Whether a method that has no body brings one. `Content-Length: 0` says that there is none.
fn has_stray_body(request: &impl RequestView) -> bool {
    matches!(request.method().as_str(), "GET" | "HEAD")
        && (request.header("transfer-encoding").is_some()
            || request.header("content-length").is_some_and(|length| length.parse() != Ok(0_u64)))
}

/// A public route never speaks of an identity, even if the caller of this has one.
pub(super) fn identity_headers(route: &Route, identity: Option<&Identity>) -> Vec<(String, String)> {
    match identity {
        Some(identity) if route.access != Access::Public => {
            values::identity_headers(identity, route.headers.claims())
        }
        _ => Vec::new(),
    }
}

/// A header name as careless servers may read it: lower case, everything but letters and
/// digits as one `-`, none at the ends (CGI turns `-` into `_`, others turn `.` into `_`). Names outside ASCII,
/// look-alikes among them, are no tokens: [`Unforwardable::HeaderName`].
pub fn canonical_name(name: &str) -> Cow<'_, str> {
    if is_canonical(name) {
        return name.into();
    }
    let mut folded = String::with_capacity(name.len());
    for character in name.chars().map(|character| character.to_ascii_lowercase()) {
        if character.is_ascii_alphanumeric() {
            folded.push(character);
        } else if !folded.is_empty() && !folded.ends_with('-') {
            folded.push('-');
        }
    }
    folded.truncate(folded.trim_end_matches('-').len());
    folded.into()
}

/// Whether a name is its own canonical name, as nearly all are.
fn is_canonical(name: &str) -> bool {
    let mut before = b'-';
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => {}
            b'-' if before != b'-' => {}
            _ => return false,
        }
        before = byte;
    }
    before != b'-'
}

fn is_reserved(canonical: &str) -> bool {
    RESERVED_PREFIXES
        .iter()
        .any(|prefix| canonical.starts_with(prefix) || prefix.strip_suffix('-') == Some(canonical))
}

/// Whether a claim may go out under this name: a plain name that no rule of ours, of a proxy or
/// of HTTP itself gives a meaning.
pub fn is_free_for_claims(name: &str) -> bool {
    /// Headers that frame, route or authorise a message.
    const MEANINGFUL: [&str; 13] = [
        "accept",
        "authorization",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "origin",
        "range",
        "referer",
        "set-cookie",
        "user-agent",
    ];
    let canonical = canonical_name(name);
    is_token(name)
        && name == canonical
        && !is_reserved(&canonical)
        && !canonical.starts_with("cf-")
        && !canonical.starts_with("sec-")
        && ![&HOP_BY_HOP[..], &FORWARDING[..], &OVERRIDES[..], &MEANINGFUL[..]]
            .concat()
            .contains(&&*canonical)
}

#[cfg(test)]
mod tests;
