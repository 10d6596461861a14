//! Origins as browsers send them (RFC 6454 section 6.2).

use crate::http::{Scheme, UrlParts};

/// Schemes whose pages have no origin of their own. They send `null`, or an origin that all files of the machine share.
const WITHOUT_ORIGIN: [&str; 6] = ["about", "blob", "data", "file", "filesystem", "javascript"];

/// Checks one exact origin of a website, an app (`capacitor://localhost`) or an extension (`chrome-extension://ID`).
pub(super) fn origin(text: &str, local: bool) -> Result<String, &'static str> {
    if text.contains('*') || text == "null" {
        return Err(
            "must be an exact origin, such as https://app.example.com: wildcards and null are not allowed",
        );
    }
    let (scheme, rest) = text
        .split_once("://")
        .ok_or("must be an exact origin, such as https://app.example.com or capacitor://localhost")?;
    match scheme {
        "http" | "https" => web(text, local)?,
        _ => app(scheme, rest)?,
    }
    Ok(text.to_owned())
}

fn web(text: &str, local: bool) -> Result<(), &'static str> {
    let parts = UrlParts::parse(text)
        .ok_or("must be an origin: scheme, host and port, such as https://app.example.com:8443")?;
    if !parts.path.is_empty() || parts.query.is_some() || parts.has_fragment {
        return Err("must be an origin: scheme, host and port, without a path or a slash at the end");
    }
    if parts.host != parts.host.to_ascii_lowercase() {
        return Err("must have a lower-case host");
    }
    // Apps have origins such as http://localhost and http://tauri.localhost, which nothing on the network can impersonate.
    if parts.scheme == Scheme::Http && !local && !parts.is_loopback() {
        return Err(
            "must be https, because anyone on the network path can impersonate an http origin (http is allowed for localhost and with POSTERN_PROFILE = \"local\")",
        );
    }
    let scheme_port = match parts.scheme {
        Scheme::Https => 443,
        Scheme::Http => 80,
    };
    if parts.port == Some(scheme_port) {
        return Err("must not contain the scheme's default port: browsers omit it");
    }
    Ok(())
}

fn app(scheme: &str, rest: &str) -> Result<(), &'static str> {
    let mut letters = scheme.bytes();
    let sound = letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte));
    if !sound {
        return Err("must begin with a scheme in lower case, such as https or capacitor");
    }
    if WITHOUT_ORIGIN.contains(&scheme) {
        return Err("must not have a scheme whose pages have no origin");
    }
    let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
    let port_is_sound = port.is_none_or(|port| {
        !port.starts_with('0')
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok()
    });
    let host_is_sound =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if host_is_sound && port_is_sound {
        Ok(())
    } else {
        Err("must be an origin: scheme, host and port, without a path or a slash at the end")
    }
}
