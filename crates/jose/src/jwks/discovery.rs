//! From an issuer's identifier to the place of its keys.

use serde_json::Value;

use super::{FetchFailure, IssuerSource, check_url};
use crate::document;

/// The places of an issuer's metadata, in the order they are asked: `OpenID` Connect Discovery
/// 1.0 section 4 (appended to the issuer), then RFC 8414 section 3.1 (put before its path).
pub fn metadata_urls(issuer: &str) -> Vec<String> {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    let mut urls = vec![format!("{issuer}/.well-known/openid-configuration")];
    if let Some((scheme, rest)) = issuer.split_once("://") {
        let (host, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        urls.push(format!("{scheme}://{host}/.well-known/oauth-authorization-server{path}"));
    }
    urls
}

/// Reads `jwks_uri` from a metadata document, and of its other members nothing. Its `issuer` must equal the one asked for (RFC
/// 8414 section 3.3), or one tenant could speak for another.
///
/// # Errors
/// [`FetchFailure::Malformed`], `OtherIssuer`, `NoJwksUri` or `UnsafeUrl`.
pub fn jwks_uri(document: &[u8], source: &IssuerSource) -> Result<String, FetchFailure> {
    let is_read = |name: &str| matches!(name, "issuer" | "jwks_uri");
    let metadata = document::text(document)
        .and_then(|text| document::members(text, is_read))
        .map_err(|_| FetchFailure::Malformed)?;
    if metadata.get("issuer").and_then(Value::as_str) != Some(source.issuer.as_str()) {
        return Err(FetchFailure::OtherIssuer);
    }
    let uri = metadata.get("jwks_uri").and_then(Value::as_str).ok_or(FetchFailure::NoJwksUri)?;
    check_url(uri, source.local).map_err(|_| FetchFailure::UnsafeUrl)?;
    Ok(uri.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::KeyLocation;

    // Tests RFC 8414 section 3.1: the well-known path stands between host and path of the issuer
    // Tests OpenID Connect Discovery section 4: openid-configuration is appended to the issuer
    #[test]
    fn both_well_known_places_are_known_with_and_without_a_path() {
        assert_eq!(
            metadata_urls("https://i.example/tenant/"),
            [
                "https://i.example/tenant/.well-known/openid-configuration",
                "https://i.example/.well-known/oauth-authorization-server/tenant"
            ]
        );
        assert_eq!(
            metadata_urls("https://i.example"),
            [
                "https://i.example/.well-known/openid-configuration",
                "https://i.example/.well-known/oauth-authorization-server"
            ]
        );
    }

    // Tests RFC 8414 section 2: unknown metadata is ignored
    #[test]
    fn members_of_the_metadata_that_nobody_reads_decide_nothing() {
        let source = IssuerSource {
            issuer: "https://i.example".into(),
            location: KeyLocation::Discovery,
            local: false,
        };
        for more in [
            "1e999".to_owned(),
            r#"{"a":1,"a":2}"#.to_owned(),
            r#""\ud800""#.to_owned(),
            format!("{}{}", "[".repeat(200), "]".repeat(200)),
        ] {
            let text = format!(
                "\u{feff} {{\"x\":{more},\"issuer\":\"https://i.example\",\"x\":0,\"jwks_uri\":\"https://i.example/k\"}}"
            );
            assert_eq!(jwks_uri(text.as_bytes(), &source), Ok("https://i.example/k".into()), "{text}");
        }
    }

    // Tests RFC 8414 section 3.3: metadata with another issuer is refused
    // Tests OpenID Connect Discovery section 4.3: the issuer of the metadata equals the one that was asked for
    // Tests RFC 8414 section 2: a jwks_uri uses https
    #[test]
    fn metadata_of_another_issuer_or_unsafe_place_is_refused() {
        let source = IssuerSource {
            issuer: "https://i.example".into(),
            location: KeyLocation::Discovery,
            local: false,
        };
        let read = |text: &str| jwks_uri(text.as_bytes(), &source);
        assert_eq!(
            read(r#"{"issuer":"https://i.example","jwks_uri":"https://i.example/k"}"#),
            Ok("https://i.example/k".into())
        );
        for (text, cause) in [
            (
                r#"{"issuer":"https://i.example/","jwks_uri":"https://i.example/k"}"#,
                FetchFailure::OtherIssuer,
            ),
            (r#"{"jwks_uri":"https://i.example/k"}"#, FetchFailure::OtherIssuer),
            (r#"{"issuer":"https://i.example"}"#, FetchFailure::NoJwksUri),
            (r#"{"issuer":"https://i.example","jwks_uri":"http://i.example/k"}"#, FetchFailure::UnsafeUrl),
            (
                r#"{"issuer":"https://i.example","jwks_uri":"https://169.254.169.254/"}"#,
                FetchFailure::UnsafeUrl,
            ),
            (r#"{"issuer":"https://evil","issuer":"https://i.example"}"#, FetchFailure::Malformed),
            ("<html>", FetchFailure::Malformed),
        ] {
            assert_eq!(read(text), Err(cause), "{text}");
        }
    }
}
