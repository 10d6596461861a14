//! The other issuers that the settings trust: what the gate would do with each, done from here.

use core::time::Duration;
use std::collections::BTreeSet;

use postern_app::{
    config::{Config, ExternalIssuer, Profile},
    jose::{JwkSet, PublicKey, SignatureAlgorithm},
    text::printable,
};

use super::{finding::Finding, keys};
use crate::{
    context::Context,
    issuer_keys::find_keys,
    report::{counted, span},
};

const KEYS: &str = "issuer keys";
const CLOCK: &str = "issuer clock";
const AGE: &str = "issuer key age";

/// How late a background refresh may be while a route is used little: it needs a request to run.
const QUIET: Duration = Duration::from_hours(1);

/// Every issuer of the settings. `metrics` is the text of `/metrics`, where it could be had.
pub(super) fn look(config: &Config, metrics: Option<&str>, context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    for issuer in &config.issuers {
        let before = context.now();
        let found = find_keys(issuer, config.profile == Profile::Local);
        let took = context.now().since(before);
        match found {
            Err((detail, advice)) => findings.push(Finding::wrong(KEYS, detail, advice)),
            Ok((uri, answer)) => {
                findings.extend(judge_keys(issuer, &uri, &answer.body));
                if took > config.jwks.timeout {
                    let detail = format!("{}: took {}", issuer.issuer, span(took));
                    let advice =
                        "the gate gives up after POSTERN_JWKS.timeout; the issuer may be as slow from there";
                    findings.push(Finding::warning(KEYS, detail, advice));
                }
                let leeway = issuer.leeway.unwrap_or(config.leeway);
                findings.push(keys::clock_of(CLOCK, &issuer.issuer, &answer, context.now(), leeway));
            }
        }
        if let Some(text) = metrics {
            findings.push(judge_age(issuer, age_of(text, &issuer.issuer), config));
        }
    }
    findings
}

/// Whether tokens of the issuer can be verified with this set, and which of its entries do not
/// count, and why.
fn judge_keys(issuer: &ExternalIssuer, uri: &str, document: &[u8]) -> Vec<Finding> {
    let name = &issuer.issuer;
    let algorithms: Vec<_> = issuer.algorithms.iter().copied().collect();
    let set = match JwkSet::parse_for(document, &algorithms) {
        Ok(set) => set,
        Err(error) => {
            let advice =
                "`jwks_uri` is the URL of another document, or a proxy answers instead of the issuer";
            let detail = format!("{name}: {uri} is not a key set: {error} ({})", error.code());
            return vec![Finding::wrong(KEYS, detail, advice)];
        }
    };
    let mut findings = vec![judge_algorithms(issuer, uri, &set)];
    for kid in set.ambiguous_kids() {
        let detail =
            format!("{name}: two different keys of one algorithm have the kid {}", printable(kid, 64));
        let advice = "tokens with that `kid` are refused (ambiguous_key), and other tokens are not affected. Inform the issuer";
        findings.push(Finding::warning(KEYS, detail, advice));
    }
    findings
}

fn judge_algorithms(issuer: &ExternalIssuer, uri: &str, set: &JwkSet) -> Finding {
    let name = &issuer.issuer;
    let (usable, other): (Vec<_>, Vec<_>) = set
        .keys()
        .iter()
        .map(PublicKey::algorithm)
        .partition(|algorithm| issuer.algorithms.contains(algorithm));
    let named = |list: &[SignatureAlgorithm]| {
        list.iter()
            .map(|algorithm| algorithm.name())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
            .join(", ")
    };
    let passed_over = match set.skipped_count() {
        0 => String::new(),
        // Keys for encryption, most often.
        more => {
            format!(", {} that the gate does not use: {}", counted(more, "other"), set.left_out().join("; "))
        }
    };
    if usable.is_empty() {
        let advice = if other.is_empty() {
            "none of its keys can verify a signature; docs/concepts/verification.md lists the supported keys"
        } else {
            "every token is refused. Add the algorithm to `algorithms` in POSTERN_ISSUERS"
        };
        let theirs =
            if other.is_empty() { String::new() } else { format!(" ({} is not allowed)", named(&other)) };
        return Finding::wrong(KEYS, format!("{name}: no usable key at {uri}{theirs}{passed_over}"), advice);
    }
    let detail =
        format!("{name}: {} at {uri} ({}){passed_over}", counted(usable.len(), "key"), named(&usable));
    if other.is_empty() {
        return Finding::good(KEYS, detail);
    }
    Finding::warning(
        KEYS,
        format!(
            "{detail}; {} of an algorithm that is not allowed ({})",
            counted(other.len(), "key"),
            named(&other)
        ),
        "tokens signed with those keys are refused. Check whether that is intended",
    )
}

/// How old the isolate's copy is that answered, in seconds.
fn age_of(metrics: &str, issuer: &str) -> Option<u64> {
    let wanted = format!("postern_jwks_age_seconds{{issuer=\"{issuer}\"}} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&wanted))?;
    value.split(['.', ' ']).next()?.parse().ok()
}

fn judge_age(issuer: &ExternalIssuer, age: Option<u64>, config: &Config) -> Finding {
    let name = &issuer.issuer;
    let Some(age) = age.map(Duration::from_secs) else {
        let detail = format!(
            "{name}: the isolate that answered has no keys of this issuer, because it has received none of its tokens"
        );
        return Finding::skipped(AGE, detail);
    };
    let detail = format!("{name}: {} in the isolate that answered", span(age));
    if age >= config.jwks.hard_age {
        let advice = "the keys are too old to use: requests with its tokens get 503 until a fetch succeeds; see postern_jwks_fetches_total";
        Finding::wrong(AGE, detail, advice)
    } else if age > config.jwks.soft_age.saturating_add(QUIET) {
        let advice = "no token of the issuer came for an hour, or its keys cannot be fetched; see postern_jwks_fetches_total";
        Finding::warning(AGE, detail, advice)
    } else {
        Finding::good(AGE, detail)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::{commands::doctor::finding::Status, settings::STAND_IN_KEY};

    const EC: &str = r#"{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    const ED: &str =
        r#"{"kty":"OKP","crv":"Ed25519","kid":"b","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn config(algorithms: &[&str]) -> Config {
        let vars: BTreeMap<String, Value> = serde_json::from_value(json!({
            "POSTERN_ISSUER": "https://auth.example.com",
            "POSTERN_MASTER_KEY": STAND_IN_KEY,
            "POSTERN_ISSUERS": [{"issuer": "https://i.example", "audiences": ["a"], "algorithms": algorithms}],
        }))
        .unwrap();
        Config::from_vars(&vars).unwrap()
    }

    #[test]
    fn keys_are_judged_by_what_the_settings_allow_the_issuer() {
        let judge = |algorithms: &[&str], keys: &str| {
            let set = format!("{{\"keys\":[{keys}]}}");
            judge_keys(&config(algorithms).issuers[0], "https://i.example/jwks", set.as_bytes())
                .into_iter()
                .map(|finding| (finding.status, finding.detail))
                .collect::<Vec<_>>()
        };
        let status = |algorithms: &[&str], keys: &str| {
            let found = judge(algorithms, keys);
            assert_eq!(found.len(), 1, "{found:?}");
            found[0].0
        };
        assert_eq!(status(&["ES256"], EC), Status::Good);
        assert_eq!(status(&["RS256"], EC), Status::Wrong);
        assert_eq!(status(&["ES256"], &[EC, ED].join(",")), Status::Warning);
        assert_eq!(status(&["ES256"], &[EC, EC].join(",")), Status::Good);
        assert_eq!(status(&["ES256"], ""), Status::Wrong);
        assert_eq!(status(&["ES256"], "<html>"), Status::Wrong);
        // What does not count is named by its place, its name and the member that is why.
        let found = judge(&["ES256"], &format!("{EC},{{\"kty\":\"RSA\",\"use\":\"enc\",\"kid\":\"e\"}}"));
        assert_eq!(found[0].0, Status::Good);
        assert!(
            found[0].1.ends_with(
                "1 other that the gate does not use: keys[1] (kid \"e\"): the key's use does not allow verifying signatures (not_for_verification)"
            ),
            "{found:?}"
        );
        // The same point with the other y.
        let other = EC.replace(
            "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "OA67MeRCZIJ40yASRhFGC0yWopJW9NtSdbnc13p3GlI",
        );
        let found = judge(&["ES256"], &[EC, &other].join(","));
        assert_eq!([found[0].0, found[1].0], [Status::Good, Status::Warning]);
        assert!(found[1].1.ends_with("have the kid a"), "{found:?}");
    }

    #[test]
    fn the_age_is_that_of_the_issuer_and_judged_by_the_settings() {
        let text = "# TYPE x gauge\npostern_jwks_age_seconds{issuer=\"https://i.example/\"} 9.000\n\
                    postern_jwks_age_seconds{issuer=\"https://i.example\"} 86400.123\n";
        assert_eq!(age_of(text, "https://i.example"), Some(86_400));
        assert_eq!(age_of(text, "https://other.example"), None);
        let config = config(&["ES256"]);
        let judge = |age| judge_age(&config.issuers[0], age, &config).status;
        assert_eq!(
            [None, Some(10), Some(5000), Some(86_400)].map(judge),
            [Status::Skipped, Status::Good, Status::Warning, Status::Wrong]
        );
    }
}
