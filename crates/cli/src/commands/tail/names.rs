//! The names that a filter can have. A misspelt one would show nothing, for as long as a person waits.

/// Every event, as in `docs/reference/audit-events.schema.json`.
pub(super) const EVENTS: [&str; 58] = [
    "signed_in",
    "sign_in_refused",
    "registered",
    "registration_refused",
    "refreshed",
    "retried",
    "reuse_detected",
    "refresh_refused",
    "refresh_forged",
    "session_revoked",
    "signed_out",
    "signed_out_everywhere",
    "family_displaced",
    "client_authorized",
    "authorization_refused",
    "grant_opened",
    "code_refused",
    "code_replayed",
    "client_registered",
    "client_refused",
    "grant_ended",
    "grant_displaced",
    "context_changed",
    "access_refused",
    "cross_origin",
    "password_rehashed",
    "key_published",
    "key_retired",
    "key_revoked",
    "key_rotated",
    "key_rewrapped",
    "master_mismatch",
    "newer_master",
    "admin_action",
    "fault",
    "client_document_refused",
    "issuer_keys_changed",
    "routes_loaded",
    "routes_refused",
    "config_refused",
    "throttled",
    "locked",
    "stuffing_detected",
    "password_changed",
    "password_reset_requested",
    "password_reset",
    "email_verification_requested",
    "email_verified",
    "account_exported",
    "account_erased",
    "user_disabled",
    "user_enabled",
    "user_changed",
    "password_refused",
    "one_time_token_refused",
    "users_imported",
    "revoked",
    "feed_overflow",
];

/// Every component that an event `fault` names.
pub(super) const PARTS: [&str; 19] = [
    "kv",
    "database",
    "account",
    "key_ring",
    "revocation_feed",
    "issuer_keys",
    "issuer",
    "client_documents",
    "client_document",
    "crypto",
    "storage",
    "upstream",
    "rate_limiter",
    "throttle",
    "notifier",
    "identity",
    "audit_log",
    "metrics",
    "event_queue",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_log() {
        let schema = include_str!("../../../../../docs/reference/audit-events.schema.json");
        let mut events: Vec<&str> = schema
            .split("\"event\": { \"const\": \"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        events.sort_unstable();
        events.dedup();
        let mut own = EVENTS.to_vec();
        own.sort_unstable();
        assert_eq!(own, events);
        let table = include_str!("../../../../../docs/reference/audit-events.md");
        let row = table.lines().find(|line| line.starts_with("| `fault`")).unwrap();
        for part in PARTS {
            assert!(row.contains(&format!("`{part}`")), "{part}");
        }
    }
}
