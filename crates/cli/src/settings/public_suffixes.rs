//! What browsers make of the settings, as far as it takes the public suffix list to say so: the
//! list of the names below which strangers register theirs. The Worker does not carry it.

use postern_app::{
    config::{Config, ConfigError},
    http::UrlParts,
};

/// A cookie for a whole public suffix (RFC 6265 section 5.3): browsers drop it in silence.
pub(crate) fn mistakes(config: &Config) -> Vec<ConfigError> {
    let domain = config.cookie.domain.as_deref().filter(|domain| psl::domain_str(domain).is_none());
    let mistake = |domain: &str| ConfigError {
        path: "POSTERN_COOKIE.domain".to_owned(),
        problem: format!(
            "must not be a public suffix, under which others register names: browsers drop cookies for {domain}"
        ),
    };
    domain.map(mistake).into_iter().collect()
}

/// Listed origins whose browsers send no cookie here: `SameSite=Strict` keeps it to one site.
pub(crate) fn notes(config: &Config) -> Vec<String> {
    let own = site(&config.issuer);
    let note = |origin: &String| {
        format!(
            "POSTERN_CORS_ORIGINS: {origin} and POSTERN_ISSUER are different sites: browsers send no cookies from its pages, so they must sign in with delivery = \"body\""
        )
    };
    config.cors_origins.iter().filter(|origin| site(origin) != own).map(note).collect()
}

/// Scheme and registrable domain; the host where there is none, and for apps the whole origin.
fn site(url: &str) -> String {
    UrlParts::parse(url).map_or_else(
        || url.to_owned(),
        |parts| [parts.scheme.name(), psl::domain_str(parts.host).unwrap_or(parts.host)].join("://"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(issuer: &str, domain: &str, origins: &[&str]) -> Config {
        let vars = [
            ("POSTERN_ISSUER", json!(issuer)),
            ("POSTERN_MASTER_KEY", json!(super::super::STAND_IN_KEY)),
            ("POSTERN_COOKIE", json!({ "domain": domain })),
            ("POSTERN_CORS_ORIGINS", json!(origins)),
        ];
        Config::from_vars(&vars.map(|(name, value)| (name.to_owned(), value)).into()).unwrap()
    }

    #[test]
    fn a_public_suffix_is_no_domain_of_a_cookie() {
        for (host, domain) in [
            ("auth.example.co.uk", "co.uk"),
            ("acme.github.io", "github.io"),
            ("postern.acme.workers.dev", "workers.dev"),
            ("auth.example.kawasaki.jp", "example.kawasaki.jp"),
        ] {
            let config = config(&format!("https://{host}"), domain, &[]);
            assert_eq!(mistakes(&config).len(), 1, "{domain}");
        }
        for (host, domain) in [
            ("auth.example.co.uk", "example.co.uk"),
            ("postern.acme.workers.dev", "acme.workers.dev"),
            ("auth.example.com", "auth.example.com"),
            ("auth.acme.test", "acme.test"),
        ] {
            assert_eq!(mistakes(&config(&format!("https://{host}"), domain, &[])), [], "{domain}");
        }
    }

    #[test]
    fn origins_of_other_sites_are_told_of() {
        let same = ["https://app.example.co.uk", "https://example.co.uk:8443"];
        let other = ["https://app.co.uk", "capacitor://localhost", "https://localhost"];
        let all: Vec<&str> = same.iter().chain(&other).copied().collect();
        let notes = notes(&config("https://auth.example.co.uk", "example.co.uk", &all));
        assert_eq!(notes.len(), other.len());
        assert!(other.iter().all(|origin| notes.iter().any(|note| note.contains(origin))));
    }
}
