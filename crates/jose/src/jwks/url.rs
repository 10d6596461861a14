//! Which URLs keys are fetched from. A configured or discovered URL must not reach into the
//! network that the Worker itself stands in, nor travel in the clear.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::url::UrlParts;

/// Why a URL is not fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlError {
    /// Not `https://` (or, in local development, `http://`).
    Scheme,
    /// No plain host, with user information, a fragment, white space or other odd characters.
    Malformed,
    /// A private, loopback, link-local or otherwise special address, or a name for one.
    PrivateAddress,
}

impl fmt::Display for UrlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Scheme => "the URL is not https",
            Self::Malformed => "the URL is malformed",
            Self::PrivateAddress => "the URL has a private address",
        })
    }
}

impl core::error::Error for UrlError {}

/// A URL of no reason is longer; platforms refuse more than 16 KB.
const MAX_URL_BYTES: usize = 2048;

/// Checks a URL before it is fetched: https, a plain public host, no user information, no
/// fragment. In local development http and private addresses are allowed too.
///
/// Only literals are judged: where a public name resolves to is the platform's business (a
/// Worker on Cloudflare cannot reach private networks by name).
pub fn check_url(url: &str, local: bool) -> Result<(), UrlError> {
    if url.len() > MAX_URL_BYTES || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(UrlError::Malformed);
    }
    if !(url.starts_with("https://") || local && url.starts_with("http://")) {
        return Err(UrlError::Scheme);
    }
    let parts = UrlParts::parse(url).ok_or(UrlError::Malformed)?;
    if parts.has_fragment || url.contains(['\\', '"', '<', '>', '^', '`', '{', '|', '}']) {
        return Err(UrlError::Malformed);
    }
    let literal = parts.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let private = match literal {
        Some(address) => is_special_v6(address.parse().map_err(|_| UrlError::Malformed)?),
        None => is_special_name(parts.host)?,
    };
    if private && !local { Err(UrlError::PrivateAddress) } else { Ok(()) }
}

/// Whether a host that is no IPv6 literal is, or stands for, a special address.
fn is_special_name(host: &str) -> Result<bool, UrlError> {
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if name.len() > 253 || !name.split('.').all(|label| (1..=63).contains(&label.len())) {
        return Err(UrlError::Malformed);
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    // The URL standard reads a host whose last label is a number as an IPv4 address, in octal,
    // hexadecimal and short forms too (`0x7f.1`, `2130706433`). Only the plain form is judged.
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    if numeric {
        return Ok(name.parse().map_or(true, is_special_v4));
    }
    Ok(matches!(last, "localhost" | "local" | "internal" | "home" | "lan" | "corp" | "localdomain"))
}

/// The special-purpose ranges of RFC 6890 and its registry.
fn is_special_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    match (first, second) {
        (0 | 10 | 127, _) | (169, 254) | (192, 168) | (198, 18 | 19) => true,
        (100, second) => second & 0xc0 == 64,
        (172, second) => second & 0xf0 == 16,
        (192, 0) => third == 0 || third == 2,
        (198, 51) => third == 100,
        (203, 0) => third == 113,
        (first, _) => first >= 224,
    }
}

fn is_special_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only 2000::/3 is global unicast; inside it 2001::/23 (Teredo and more), 2001:db8::/32 and
    // 2002::/16 (6to4, which embeds an IPv4 address) are special. Mapped addresses fall outside.
    first & 0xe000 != 0x2000
        || (first == 0x2001 && (second < 0x0200 || second == 0x0db8))
        || first == 0x2002
        || first == 0x3fff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_https_urls_are_fetched() {
        for url in [
            "https://issuer.example",
            "https://issuer.example/.well-known/jwks.json?v=1",
            "https://issuer.example:8443/jwks",
            "https://93.184.216.34/jwks",
            "https://[2606:4700::1111]/jwks",
            "https://xn--bcher-kva.example/jwks",
        ] {
            assert_eq!(check_url(url, false), Ok(()), "{url}");
        }
    }

    // Outside of local development.
    #[test]
    fn private_addresses_in_every_spelling_are_refused() {
        for host in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "127.1",
            "0177.0.0.1",
            "127.0.0.1.",
            "localhost",
            "LOCALHOST",
            "a.localhost",
            "db.internal",
            "printer.local",
            "[::1]",
            "[::]",
            "[fc00::1]",
            "[fd12::1]",
            "[fe80::1]",
            "[ff02::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:8.8.8.8]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2001:db8::1]",
        ] {
            let url = format!("https://{host}/jwks");
            assert_eq!(check_url(&url, false), Err(UrlError::PrivateAddress), "{url}");
            assert_eq!(check_url(&url, true), Ok(()), "{url}");
        }
        assert_eq!(check_url("http://127.0.0.1:8787/jwks", true), Ok(()));
    }

    // In local development too.
    #[test]
    fn other_schemes_and_odd_urls_are_always_refused() {
        for url in [
            "http://issuer.example",
            "HTTPS://issuer.example",
            "ftp://issuer.example",
            "//issuer.example",
            "",
        ] {
            assert_eq!(check_url(url, false), Err(UrlError::Scheme), "{url}");
        }
        for url in [
            "https://",
            "https:///jwks",
            "https://user@issuer.example",
            "https://issuer.example#f",
            "https://issuer.example\\@evil.example",
            "https://issuer.example /",
            "https://issuer.example:x",
            "https://issuer.example:70000",
            "https://issuer.example:0",
            "https://issuer.example:",
            "https://[::1",
            "https://[::1]x",
            "https://%31%32%37.0.0.1",
            "https://１２７.0.0.1",
            "https://a..b",
            "https://issuer.example\n",
            "https://[fe80::1%25eth0]/",
        ] {
            assert_eq!(check_url(url, true), Err(UrlError::Malformed), "{url}");
        }
    }
}
