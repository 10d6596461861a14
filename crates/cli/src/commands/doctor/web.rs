//! What every answer of a deployment must look like to browsers and caches.

use serde_json::Value;

use super::finding::Finding;
use crate::http::Answer;

/// The headers of every answer of ours, and what must be in them.
const SECURITY: [(&str, &str); 5] = [
    ("content-security-policy", "default-src 'none'"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age="),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

pub(super) fn security_headers(answer: &Answer) -> Vec<Finding> {
    let missing: Vec<&str> = SECURITY
        .iter()
        .filter(|(name, wanted)| !answer.header(name).is_some_and(|value| value.contains(wanted)))
        .map(|(name, _)| *name)
        .collect();
    vec![Finding::either(
        "security headers",
        missing.is_empty(),
        if missing.is_empty() {
            "all present".to_owned()
        } else {
            format!("missing or changed: {}", missing.join(", "))
        },
        "a proxy removes them (for example a Transform Rule), or this is not a Postern deployment",
    )]
}

pub(super) fn readiness(answer: &Answer) -> Vec<Finding> {
    let body = answer.json();
    let parts = body.get("parts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut findings: Vec<Finding> = parts
        .iter()
        .filter(|part| part.get("ok").and_then(Value::as_bool) != Some(true))
        .map(|part| {
            let name = part.get("part").and_then(Value::as_str).unwrap_or("unknown");
            let advice = match name {
                "database" => "check that the binding DB exists and that the migrations are applied (`wrangler d1 migrations apply DB --remote`)",
                "kv" => "check that the binding POSTERN_KV exists and has an id of this account",
                "key_ring" => "check that POSTERN_MASTER_KEY still contains the secret that the keys are wrapped with",
                _ => "see the Worker's log for the cause (`wrangler tail`)",
            };
            Finding::wrong("readiness", format!("{name} does not answer"), advice)
        })
        .collect();
    if let Some(mistakes) = body.pointer("/routes/refused_mistakes").and_then(Value::as_u64) {
        findings.push(Finding::wrong(
            "route table",
            format!("the document in KV has {mistakes} mistakes; an earlier table is in force"),
            "`postern routes check` lists them",
        ));
    }
    if findings.is_empty() {
        let status = answer.status;
        findings.push(Finding::either(
            "readiness",
            status == 200,
            format!("/readyz returned {status}"),
            "see the Worker's log (`wrangler tail`)",
        ));
    }
    findings
}

/// `GET /auth/me` without a token.
pub(super) fn challenge(answer: &Answer) -> Vec<Finding> {
    let asked = answer.status == 401
        && answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer"));
    let stored = answer.header("cache-control").is_some_and(|value| value.contains("no-store"));
    vec![
        Finding::either(
            "challenge",
            asked,
            format!("a call without a token returned {}", answer.status),
            "RFC 6750 requires 401 with WWW-Authenticate; a proxy answers instead of Postern",
        ),
        Finding::either(
            "nothing private is cached",
            stored,
            format!("Cache-Control: {}", answer.header("cache-control").unwrap_or("absent")),
            "a cache in front of Postern may store tokens. Disable caching for /auth",
        ),
    ]
}

/// The answer to a request from an origin that no setting can list.
pub(super) fn cors(answer: &Answer) -> Finding {
    let allowed = answer.header("access-control-allow-origin");
    Finding::either(
        "CORS",
        allowed.is_none(),
        allowed.map_or_else(
            || "an unlisted origin gets no CORS headers".to_owned(),
            |origin| format!("an unlisted origin gets {origin}"),
        ),
        "any page can read the responses of /auth. Look for a rule in front of Postern that adds CORS headers",
    )
}

/// `POST /auth/logout` with a cookie that is no token.
pub(super) fn cookies(answer: &Answer) -> Finding {
    let set: Vec<&str> = answer.headers_named("set-cookie").collect();
    let Some(refresh) = set.iter().find(|cookie| cookie.starts_with("__Secure-postern_refresh=")) else {
        return Finding::skipped(
            "cookie flags",
            "the refresh cookie has another name (POSTERN_COOKIE), or a proxy removes Set-Cookie",
        );
    };
    let missing: Vec<&str> = ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"]
        .into_iter()
        .filter(|flag| !refresh.contains(flag))
        .collect();
    Finding::either(
        "cookie flags",
        missing.is_empty(),
        if missing.is_empty() {
            "HttpOnly, Secure, SameSite=Strict".to_owned()
        } else {
            format!("missing: {}", missing.join(", "))
        },
        "a proxy changes Set-Cookie",
    )
}

pub(super) fn not_found(answer: &Answer) -> Finding {
    let problem =
        answer.header("content-type").is_some_and(|value| value.starts_with("application/problem+json"));
    Finding::either(
        "errors",
        answer.status == 404 && problem,
        format!("an unknown path under /auth returned {}", answer.status),
        "a proxy in front of Postern answers, perhaps with its own pages",
    )
}
