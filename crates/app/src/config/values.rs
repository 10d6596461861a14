//! The syntax of single values: URLs, scopes, names, hosts, paths.

use postern_oauth::scope::OFFLINE_ACCESS;

use crate::{
    http::{Scheme, UrlParts, is_token},
    identity::ADMIN_SCOPE,
    resource::ResourceId,
};

/// Which parts a URL may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UrlRule {
    /// The deployment's own issuer, without a slash at the end.
    OwnIssuer,
    /// Another issuer, compared as it is written.
    Issuer,
    /// A document to fetch, which may have a query.
    Document,
    /// A base URL, to which a path is appended.
    Base,
}

/// Checks an absolute URL. Only the local profile allows plain HTTP and loopback hosts.
pub(super) fn url(text: &str, rule: UrlRule, local: bool) -> Result<String, &'static str> {
    let parts = UrlParts::parse(text)
        .ok_or("must be an absolute URL, such as https://auth.example.com, without user information")?;
    if parts.has_fragment {
        return Err("must not have a fragment");
    }
    if parts.query.is_some() && rule != UrlRule::Document {
        return Err("must not have a query");
    }
    if rule == UrlRule::OwnIssuer && text.ends_with('/') {
        return Err("must not end with a slash");
    }
    if parts.host != parts.host.to_ascii_lowercase() {
        return Err("must have a lower-case host");
    }
    if !local && parts.scheme == Scheme::Http {
        return Err("must be https (http is allowed only with POSTERN_PROFILE = \"local\")");
    }
    if !local && parts.is_loopback() {
        return Err("must not be a loopback host (allowed only with POSTERN_PROFILE = \"local\")");
    }
    if rule == UrlRule::Base {
        let path = if parts.path.is_empty() { "/" } else { parts.path };
        match crate::gateway::NormalPath::parse(path) {
            Ok(normal) if normal.as_str() == path => {}
            _ => {
                return Err(
                    "must have a path in normal form: no dot segments, double slashes or unnecessary escapes",
                );
            }
        }
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Ok(text.to_owned())
}

/// Checks the identifier of a protected resource (RFC 9728 section 1.2). Only the local profile allows plain HTTP and
/// loopback hosts.
pub(super) fn resource(text: &str, local: bool) -> Result<ResourceId, String> {
    let id = ResourceId::parse(text, local).map_err(|error| error.to_string())?;
    // The same rules for the host, and for the path as it is matched.
    url(text, UrlRule::Base, local).map_err(str::to_owned)?;
    Ok(id)
}

/// Checks a scope that clients of the authorization server may ask for.
pub(super) fn client_scope(text: &str) -> Result<String, &'static str> {
    match text {
        ADMIN_SCOPE => Err(
            "must not contain the administrators' scope: the administrators' API takes no token of a client",
        ),
        OFFLINE_ACCESS => {
            Err("must not contain offline_access: `offline_access` and `grant_types` decide that")
        }
        _ => scope(text),
    }
}

/// Checks a scope token (RFC 6749 section 3.3).
pub(super) fn scope(text: &str) -> Result<String, &'static str> {
    let sound =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    if sound {
        Ok(text.to_owned())
    } else {
        Err("must be visible ASCII without spaces, quotes or backslashes; write several scopes as a list")
    }
}

/// Checks a string for exact comparison: an audience, a role, an `acr`.
pub(super) fn name(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.trim() != text || text.chars().any(char::is_control) || text.len() > 256 {
        return Err("must be 1 to 256 bytes without control characters, leading or trailing spaces");
    }
    Ok(text.to_owned())
}

/// Checks the `iss` of another issuer: a `StringOrURI` (RFC 7519 section 2), which is compared exactly.
pub(super) fn issuer(text: &str) -> Result<String, &'static str> {
    if text.trim() != text || text.chars().any(char::is_control) || text.len() > 1024 {
        return Err("must be 1 to 1024 bytes without control characters, leading or trailing spaces");
    }
    Ok(text.to_owned())
}

/// Checks the name of a claim.
pub(super) fn claim(text: &str) -> Result<String, &'static str> {
    name(text)
}

/// Checks a method. It must be upper case, as in requests.
pub(super) fn method(text: &str) -> Result<String, &'static str> {
    if !is_token(text) || text != text.to_ascii_uppercase() {
        return Err("must be an upper-case HTTP method");
    }
    if text == "CONNECT" || text == "TRACE" {
        return Err("must not be CONNECT or TRACE: routes cannot match these");
    }
    Ok(text.to_owned())
}

/// Checks a lower-case host without scheme and port.
pub(super) fn host(text: &str) -> Result<String, &'static str> {
    let url = format!("https://{text}");
    match UrlParts::parse(&url) {
        Some(parts) if parts.host == text && !text.ends_with('.') && text == text.to_ascii_lowercase() => {
            Ok(text.to_owned())
        }
        _ => Err("must be a lower-case host without scheme, port or trailing dot"),
    }
}

/// Checks the name of a binding in `wrangler.toml`.
pub(super) fn binding(text: &str) -> Result<String, &'static str> {
    let sound = text.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if sound {
        Ok(text.to_owned())
    } else {
        Err("must be the name of a binding: A-Z 0-9 _, beginning with a letter")
    }
}

/// Checks a path for Postern's own calls. It consists of plain characters, so that it has only one spelling.
pub(super) fn own_path(text: &str) -> Result<String, &'static str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let sound = text.len() <= 64
        && text.strip_prefix('/').is_some_and(|rest| {
            rest.split('/').all(|segment| !segment.is_empty() && segment.bytes().all(plain))
        });
    if !sound {
        return Err("must be a path such as /admin: segments of a-z 0-9 - _, without a slash at the end");
    }
    if let Some("auth" | "oauth" | "healthz" | "readyz" | "metrics") = text.split('/').nth(1) {
        return Err(
            "must not be one of the paths of other calls, or below one: /auth, /oauth, /healthz, /readyz, /metrics",
        );
    }
    Ok(text.to_owned())
}

/// Checks a client id (RFC 6749 appendix A.1), which must also fit into a claim and a form field.
pub(super) fn client_id(text: &str) -> Result<String, &'static str> {
    let sound = text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if sound { Ok(text.to_owned()) } else { Err("must be 1 to 128 visible ASCII characters") }
}

/// Checks a header name, and converts it to lower case.
pub(super) fn header(text: &str) -> Result<String, &'static str> {
    if is_token(text) { Ok(text.to_ascii_lowercase()) } else { Err("must be a header name") }
}
