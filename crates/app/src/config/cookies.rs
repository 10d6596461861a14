//! `POSTERN_COOKIE`. A cookie that browsers would drop silently, or never send to the endpoints that read it, is a mistake.

use super::{CookieSettings, cookie_names::FIXED_COOKIES, reader::Node, values};
use crate::http::UrlParts;

/// The path prefix of the endpoints that read the cookies.
const ENDPOINTS: &str = "/auth/";

pub(super) fn read(node: &Node<'_>, issuer: Option<&str>) -> Option<CookieSettings> {
    let fields = node.object(&["name", "path", "domain", "access"])?;
    let defaults = CookieSettings::default();
    let settings = CookieSettings {
        name: fields.or("name", defaults.name, |node| node.parsed(name)),
        path: fields.or("path", defaults.path, |node| node.parsed(path)),
        domain: fields.or("domain", None, |node| node.parsed(|text| domain(text, issuer)).map(Some)),
        access: fields.or("access", false, Node::flag),
    };
    // RFC 6265bis section 4.1.3.2: browsers drop other __Host- cookies.
    if settings.name.starts_with("__Host-") && (settings.domain.is_some() || settings.path != "/") {
        fields.wrong("name", "must not begin with __Host- unless `path` is \"/\" and `domain` is not set");
    }
    Some(settings)
}

fn name(text: &str) -> Result<String, &'static str> {
    if !crate::http::is_token(text) || text.len() > 128 {
        return Err("must be a token of at most 128 bytes (RFC 6265 section 4.1.1)");
    }
    let rest = text.strip_prefix("__Secure-").or_else(|| text.strip_prefix("__Host-"));
    if rest.is_none_or(str::is_empty) {
        return Err("must start with __Secure- or __Host-, so that pages on plain HTTP cannot set it");
    }
    if FIXED_COOKIES.iter().any(|fixed| fixed.eq_ignore_ascii_case(text)) {
        return Err("is already the name of another Postern cookie");
    }
    Ok(text.to_owned())
}

/// Checks the path: browsers send a cookie to paths below it (RFC 6265 section 5.1.4).
fn path(text: &str) -> Result<String, &'static str> {
    let contains = ENDPOINTS
        .strip_prefix(text)
        .is_some_and(|rest| text.starts_with('/') && (text.ends_with('/') || rest.starts_with('/')));
    if contains {
        Ok(text.to_owned())
    } else {
        Err("must be /auth or /: browsers send the cookie only to paths below it, and /auth/... reads it")
    }
}

/// Checks the domain: browsers drop a cookie whose domain does not contain the host that sets it (RFC 6265 sections 5.1.3
/// and 5.3). `postern config check` also checks the domain against the public suffix list.
fn domain(text: &str, issuer: Option<&str>) -> Result<String, &'static str> {
    let domain = values::host(text)?;
    let last = domain.rsplit('.').next().unwrap_or_default();
    if domain.starts_with('[') || last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("must not be an IP address: without `domain`, the cookie belongs to the host alone");
    }
    if !domain.contains('.') {
        return Err("must not be a single label such as localhost or com: browsers drop such cookies");
    }
    // A mistake in the issuer is reported by itself.
    let host = issuer.and_then(UrlParts::parse).map(|parts| parts.host);
    let is_inside = |host: &str| {
        host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if host.is_some_and(|host| !is_inside(host)) {
        return Err("must be the host of POSTERN_ISSUER or a parent domain of it: browsers drop any other");
    }
    Ok(domain)
}
