//! Clocks and keys.

use core::time::Duration;

use postern_app::{http::http_date, jose::JwkSet, time::Timestamp};
use serde_json::Value;

use super::finding::Finding;
use crate::{
    http::Answer,
    report::{plain, span},
};

/// What clocks kept by NTP stay far below; more points at one that is not kept.
const NOTABLE_SKEW: Duration = Duration::from_secs(5);
/// `POSTERN_LEEWAY`'s default: beyond it, tokens are refused because of the clocks.
const LEEWAY: Duration = Duration::from_secs(30);
/// The calendar's 30 days, and some for a late alarm.
const LONG_ACTIVE: Duration = Duration::from_hours(24 * 32);
/// The platform's own limit on how long a client may keep the set, by the calendar's reckoning.
const LONGEST_MAX_AGE: u64 = 600;

/// This machine's clock beside the deployment's.
pub(super) fn clock(answer: &Answer, now: Timestamp) -> Finding {
    clock_of("clocks", "", answer, now, LEEWAY)
}

/// Compares this machine's clock with that of the host `whose`, which may not resolve. A `Date` is in
/// whole seconds, and as old as a cache in between says.
pub(super) fn clock_of(
    check: &'static str,
    whose: &str,
    answer: &Answer,
    now: Timestamp,
    leeway: Duration,
) -> Finding {
    let told = |detail: &str| {
        if whose.is_empty() { detail.to_owned() } else { [whose, ": ", detail].concat() }
    };
    let Some(date) = answer.header("date").and_then(http_date) else {
        return Finding::skipped(check, told("the response has no Date header"));
    };
    let age =
        answer.header("age").and_then(|age| age.parse().ok()).map_or(Duration::ZERO, Duration::from_secs);
    let skew = now.since(date.plus(age)).max(date.since(now));
    let detail = told(&format!("{} apart", span(skew)));
    if skew <= NOTABLE_SKEW {
        Finding::good(check, detail)
    } else if skew <= leeway {
        Finding::warning(
            check,
            detail,
            "one of the clocks is not synchronised with NTP; beyond the leeway (30 s by default) tokens are refused",
        )
    } else {
        Finding::wrong(
            check,
            detail,
            "tokens issued by one side are refused by the other. Correct this machine's clock, or inform the owner of the other",
        )
    }
}

/// The published key set, as its readers see it.
pub(super) fn key_set(answer: &Answer) -> Vec<Finding> {
    const CHECK: &str = "key set";
    if answer.status != 200 {
        return vec![Finding::wrong(
            CHECK,
            format!("returned {}", answer.status),
            "clients cannot verify tokens; see /readyz and the Worker's log",
        )];
    }
    let set = match JwkSet::parse(&answer.body) {
        Ok(set) => set,
        Err(error) => {
            return vec![Finding::wrong(
                CHECK,
                error.to_string(),
                "a proxy in front of Postern answers instead",
            )];
        }
    };
    let mut findings = Vec::new();
    let (keys, skipped) = (set.keys().len(), set.skipped_count());
    findings.push(if keys == 0 || skipped > 0 {
        Finding::wrong(
            CHECK,
            format!("{keys} usable keys, {skipped} unusable {}", set.left_out().join("; ")).trim_end(),
            "a proxy changes the key set",
        )
    } else if keys == 1 {
        Finding::warning(
            CHECK,
            "1 key: there is no next key",
            "in an emergency, clients would not have the next key; see `postern key list`",
        )
    } else {
        Finding::good(CHECK, format!("{keys} keys"))
    });
    let private = ["d", "p", "q", "dp", "dq", "qi", "k"];
    let entries = answer.json();
    let leaked = entries
        .get("keys")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .any(|key| private.iter().any(|name| key.get(name).is_some()));
    if leaked {
        findings.push(Finding::wrong(
            "private keys",
            "the key set contains private members",
            "revoke every key now (`postern key revoke`), then find out what serves this document",
        ));
    }
    let cache = answer.header("cache-control").unwrap_or("absent");
    let max_age = cache.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
    findings.push(match max_age {
        Some(age) if age <= LONGEST_MAX_AGE && cache.contains("public") => Finding::good("key set is cached", format!("for {age} s")),
        Some(age) if age > LONGEST_MAX_AGE => Finding::wrong(
            "key set is cached",
            format!("for {age} s"),
            "longer than key rotation allows for: a new key would sign before clients have it. A cache rule overrides Postern's header",
        ),
        _ => Finding::warning("key set is cached", format!("Cache-Control: {cache}"), "clients fetch the set each time; a rule in front of Postern removes the header"),
    });
    let everybody = answer.header("access-control-allow-origin") == Some("*");
    findings.push(Finding::either(
        "key set is public",
        everybody,
        if everybody { "to pages of every origin" } else { "not to pages of other origins" },
        "a rule in front of Postern removes CORS headers",
    ));
    findings
}

/// The ring, as administrators see it.
pub(super) fn ring(body: &Value, now: Timestamp) -> Vec<Finding> {
    let keys = body.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let of = |state: &'static str| {
        keys.iter().filter(move |key| key.get("state").and_then(Value::as_str) == Some(state))
    };
    let age = |key: &Value| {
        key.get("since").and_then(Value::as_u64).map(|since| now.since(Timestamp::from_seconds(since)))
    };
    let mut findings = Vec::new();
    match of("active").next().and_then(age) {
        None => findings.push(Finding::wrong("signing key", "none is active", "users cannot sign in; see the Worker's log for master_mismatch")),
        Some(age) if age > LONG_ACTIVE => findings.push(Finding::warning(
            "signing key",
            format!("active for {}", span(age)),
            "keys rotate after 30 days by default (POSTERN_KEYS). If they do not, the alarm of the key ring is stuck; `postern key rotate` rotates by hand",
        )),
        Some(age) => findings.push(Finding::good("signing key", format!("active for {}", span(age)))),
    }
    findings.push(match of("published").next().and_then(age) {
        None => Finding::warning(
            "next key",
            "none is published",
            "the key ring generates it at the next alarm. If it is still missing in an hour, see the Worker's log",
        ),
        Some(age) => Finding::good("next key", format!("published for {}", span(age))),
    });
    let revoked: Vec<String> = of("retired")
        .filter(|key| key.get("cause").and_then(Value::as_str) == Some("revoked"))
        .filter_map(|key| key.get("kid").map(plain))
        .collect();
    if !revoked.is_empty() {
        findings.push(Finding::warning(
            "revoked keys",
            revoked.join(", "),
            "revoked in the last 90 days. Check that the cause was found",
        ));
    }
    let masters: std::collections::BTreeSet<u64> =
        keys.iter().filter_map(|key| key.get("master_id")?.as_u64()).collect();
    if masters.len() > 1 {
        findings.push(Finding::warning(
            "master secrets",
            "the keys are wrapped with several master secrets",
            "the key ring wraps them with the current secret within an hour; keep the former secret until then",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Status;
    use serde_json::json;

    #[test]
    fn a_ring_that_stopped_turning_is_told_of() {
        let now = Timestamp::from_seconds(10_000_000);
        let keys = json!({"keys": [{"kid": "a", "state": "active", "since": 1_000_000, "master_id": 1}]});
        let statuses: Vec<_> =
            ring(&keys, now).iter().map(|finding| (finding.check, finding.status)).collect();
        assert_eq!(statuses, [("signing key", Status::Warning), ("next key", Status::Warning)]);
        assert_eq!(ring(&json!({}), now)[0].status, Status::Wrong);
    }
}
