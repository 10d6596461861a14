use super::*;
use crate::{
    audit::chain::{ActResult, Digest},
    identity::UnicodeTables,
    keys::Kid,
    ports::Component,
};
use crate::{identity::Login, secrets::Master};

fn event(happening: EventKind) -> Event {
    Event { at: Timestamp::from_millis(1_700_000_000_123), happening, setting: EventContext::default() }
}

#[test]
fn event_line_format_unchanged() {
    let master = Master::derive(1, &[7; 32]).unwrap();
    let setting = EventContext {
        request_id: Some("r-1".into()),
        trace_id: TraceId::of_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        account: Some(AccountId::from_bytes([1; 16])),
        login: Some(Pseudonym::of_login(
            &master,
            &Login::parse("alice@example.com", &UnicodeTables).unwrap(),
        )),
        session_id: Some(FamilyId::from_bytes([2; 16])),
        client_id: Some("web".into()),
        ip: Some("192.0.2.1".into()),
        country: Some("NO".into()),
        user_agent: Some(UserAgent::of("curl/8")),
        route: Some("orders".into()),
        upstream: Some("origin.example.com".into()),
    };
    let line = Event { setting, ..event(EventKind::ReuseDetected { distance: 3 }) }.to_line();
    assert_eq!(
        line,
        concat!(
            r#"{"at":1700000000123,"event":"reuse_detected","distance":3,"outcome":"alert","request_id":"r-1","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","#,
            r#""account":"AQEBAQEBAQEBAQEBAQEBAQ","login":"bf7EgK8soUPc","session_id":"AgICAgICAgICAgICAgICAg","#,
            r#""client_id":"web","ip":"192.0.2.1","country":"NO","user_agent":"curl/8","route":"orders","upstream":"origin.example.com"}"#
        )
    );
}

#[test]
fn event_names_unchanged() {
    let kid = Kid::from_bytes([0; 32]);
    let refused = EventKind::AccessRefused {
        code: "expired",
        route: None,
        signature_tail: Some("abc123".into()),
        about: Some("claim exp".into()),
        expected: Some("a time in the future"),
        setting: None,
        issuer: Some("https://i.example".into()),
    };
    let names = [
        (EventKind::SignedIn, "signed_in", "success"),
        (EventKind::SignInRefused { cause: "wrong_password" }, "sign_in_refused", "refused"),
        (EventKind::Registered, "registered", "success"),
        (EventKind::RegistrationRefused { cause: "login_taken" }, "registration_refused", "refused"),
        (EventKind::Refreshed { rotation_count: 4 }, "refreshed", "success"),
        (EventKind::Retried { late: true }, "retried", "success"),
        (EventKind::ReuseDetected { distance: 1 }, "reuse_detected", "alert"),
        (EventKind::RefreshRefused { cause: "expired" }, "refresh_refused", "refused"),
        (EventKind::SessionRevoked, "session_revoked", "success"),
        (EventKind::SignedOut, "signed_out", "success"),
        (EventKind::SignedOutEverywhere { sessions: 2 }, "signed_out_everywhere", "success"),
        (EventKind::FamilyDisplaced, "family_displaced", "success"),
        (EventKind::ContextChanged { risk: 60 }, "context_changed", "success"),
        (refused, "access_refused", "refused"),
        (EventKind::CrossOrigin { origin: None, expected: vec![], route: None }, "cross_origin", "refused"),
        (EventKind::Throttled { limit: "login-ip".into(), retry_after: 3 }, "throttled", "refused"),
        (EventKind::Locked { what: "account", seconds: 60 }, "locked", "refused"),
        (EventKind::StuffingDetected { pattern: "many_accounts" }, "stuffing_detected", "alert"),
        (
            EventKind::AdminAction {
                action: "key_rotate".into(),
                target: String::new(),
                who: "root".into(),
                result: ActResult::Refused,
                seq: 1,
                hash: Digest::ZERO,
            },
            "admin_action",
            "refused",
        ),
        (EventKind::PasswordRehashed, "password_rehashed", "success"),
        (EventKind::KeyPublished { kid }, "key_published", "success"),
        (EventKind::KeyRotated { kid, former: kid }, "key_rotated", "success"),
        (EventKind::KeyRetired { kid }, "key_retired", "success"),
        (EventKind::KeyRevoked { kid }, "key_revoked", "success"),
        (EventKind::KeyRewrapped { kid, master: 2 }, "key_rewrapped", "success"),
        (EventKind::MasterMismatch { kid }, "master_mismatch", "alert"),
        (EventKind::NewerMaster { what: "refresh_token", master: 2 }, "newer_master", "fault"),
        (EventKind::Fault { part: Component::Kv, cause: "gone".into() }, "fault", "fault"),
        (
            EventKind::IssuerKeysChanged {
                issuer: "https://i.example".into(),
                keys: 2,
                left_out: vec!["keys[0]: why".into()],
            },
            "issuer_keys_changed",
            "success",
        ),
        (
            EventKind::ClientDocumentRefused {
                cause: "client_document_malformed",
                document: "https://app.example/c: client_name is missing".into(),
            },
            "client_document_refused",
            "refused",
        ),
        (EventKind::RoutesLoaded { version: 7, routes: 3 }, "routes_loaded", "success"),
        (
            EventKind::RoutesRefused { count: 1, mistakes: vec!["version: is missing".into()] },
            "routes_refused",
            "fault",
        ),
        (EventKind::ConfigRefused { mistakes: 2 }, "config_refused", "fault"),
    ];
    for (happening, name, outcome) in names {
        let line: serde_json::Value = serde_json::from_str(&event(happening).to_line()).unwrap();
        assert_eq!((line["event"].as_str(), line["outcome"].as_str()), (Some(name), Some(outcome)));
        assert_described(&line);
    }
}

/// Names, required and optional members, and outcome stand so in the schema, which the tests on
/// workerd hold whole lines against.
fn assert_described(line: &serde_json::Value) {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../docs/reference/audit-events.schema.json")).unwrap();
    let name = line["event"].as_str().unwrap();
    let own = &schema["$defs"][name];
    assert!(own.is_object(), "docs/reference/audit-events.schema.json does not describe {name}");
    let listed = serde_json::json!({ "$ref": format!("#/$defs/{name}") });
    assert!(schema["oneOf"].as_array().unwrap().contains(&listed), "{name} is not in oneOf");
    let outcome = &own["properties"]["outcome"];
    let outcomes = outcome["enum"].as_array();
    assert!(
        outcome["const"] == line["outcome"] || outcomes.is_some_and(|list| list.contains(&line["outcome"])),
        "{name}: {outcome}"
    );
    for member in line.as_object().unwrap().keys() {
        let known = !own["properties"][member].is_null() || !schema["properties"][member].is_null();
        assert!(known, "{name}: {member} is not described");
    }
    for member in own["required"].as_array().into_iter().flatten() {
        assert!(!line[member.as_str().unwrap()].is_null(), "{name}: {member} is missing");
    }
    let page = include_str!("../../../../../docs/reference/audit-events.md");
    assert!(page.contains(&format!("`{name}`")), "docs/reference/audit-events.md does not list {name}");
}

#[test]
fn a_line_break_from_a_client_makes_no_second_log_line() {
    let setting = EventContext {
        request_id: Some("a\nb".into()),
        user_agent: Some(UserAgent::of("x\n{\"event\":\"signed_in\"}\u{7f}")),
        ..EventContext::default()
    };
    let line = Event { setting, ..event(EventKind::SignedIn) }.to_line();
    assert!(!line.contains('\n'), "{line}");
}

#[test]
fn a_user_agent_of_any_length_takes_a_bounded_place() {
    assert_eq!(UserAgent::of(&"ä".repeat(5000)).0.len(), 256);
}
