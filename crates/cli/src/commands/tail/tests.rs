use super::*;

/// As `wrangler tail --format json` prints it: an object over several lines, with what must not be shown.
fn call(outcome: &str, logs: &[&str], exceptions: &serde_json::Value) -> String {
    let call = json!({
        "wallTime": 3,
        "outcome": outcome,
        "scriptName": "postern",
        "exceptions": exceptions,
        "logs": logs.iter().map(|line| json!({ "message": [line], "level": "log", "timestamp": 1 })).collect::<Vec<_>>(),
        "eventTimestamp": 1,
        "event": { "request": {
            "url": "https://auth.example.com/oauth/callback?code=SECRET",
            "method": "GET",
            "headers": { "authorization": "Bearer SECRET" },
        } },
    });
    format!("{call:#}\n")
}

const REUSE: &str = r#"{"at":1700000000123,"event":"reuse_detected","distance":3,"outcome":"alert","request_id":"r-1","account":"AQEBAQEBAQEBAQEBAQEBAQ","session_id":"AgICAgICAgICAgICAgICAg","ip":"192.0.2.1","country":"NO","user_agent":"curl/8 (x)"}"#;
const FAULT: &str = r#"{"at":1700000000124,"event":"fault","part":"database","cause":"no answer","outcome":"fault","route":"orders","ip":"2001:db8::1"}"#;

fn printed(log: &str, filter: &Filter, events_only: bool, as_json: bool) -> Vec<String> {
    let mut reader = Reader::default();
    // In pieces, as a pipe gives it.
    let mut items: Vec<Item> = log.as_bytes().chunks(7).flat_map(|bytes| reader.take(bytes)).collect();
    items.extend(reader.finish());
    items.iter().filter_map(|item| shown(item, filter, events_only, as_json)).collect()
}

#[test]
fn an_event_of_wranglers_tail_is_one_line() {
    let log = call("ok", &[REUSE], &json!([]));
    let line = "22:13:20.123Z ALERT   reuse_detected       distance=3 account=AQEBAQEBAQEBAQEBAQEBAQ session_id=AgICAgICAgICAgICAgICAg ip=192.0.2.1 country=NO request_id=r-1 user_agent=\"curl/8 (x)\"";
    assert_eq!(printed(&log, &Filter::default(), false, false), [line]);
    assert_eq!(printed(&log, &Filter::default(), false, true), [REUSE], "programs get the log's own line");
}

#[test]
fn an_event_of_wranglers_dev_is_the_same_line() {
    for prefix in ["", "[undefined] ", "\u{1b}[34m[postern]\u{1b}[39m "] {
        let lines = printed(&format!("{prefix}{REUSE}\n"), &Filter::default(), false, false);
        assert!(lines[0].contains("ALERT   reuse_detected"), "{lines:?}");
    }
}

#[test]
fn an_exception_is_shown_with_its_call_and_stack() {
    let thrown = json!([{ "name": "Error", "message": "unreachable", "stack": "    at f (index.js:1:2)\n    at g (index.js:3:4)" }]);
    let lines = printed(&call("exception", &[], &thrown), &Filter::default(), false, false);
    let head = "exception Error: unreachable in GET https://auth.example.com/oauth/callback";
    assert_eq!(lines, [head, "    at f (index.js:1:2)", "    at g (index.js:3:4)"]);
    let lines = printed(&call("exceededCpu", &[], &json!([])), &Filter::default(), false, false);
    assert_eq!(lines, ["exceededCpu in GET https://auth.example.com/oauth/callback"]);
    assert!(printed(&call("canceled", &[], &json!([])), &Filter::default(), false, false).is_empty());
}

#[test]
fn the_platforms_word_that_it_leaves_calls_out_is_shown() {
    let notice = json!({ "outcome": "unknown", "logs": [], "exceptions": [], "event": { "type": "overload", "message": "sampling" } });
    assert_eq!(printed(&format!("{notice:#}\n"), &Filter::default(), false, false), ["sampling"]);
}

// The attack: a header or a query of the platform's record of a call reaches a screen or a file of the operator's.
#[test]
fn nothing_of_a_calls_headers_or_query_is_shown() {
    let thrown = json!([{ "name": "Error", "message": "x" }]);
    for as_json in [false, true] {
        let lines = printed(&call("exception", &[REUSE], &thrown), &Filter::default(), false, as_json);
        assert_eq!(lines.len(), 2);
        assert!(!lines.concat().contains("SECRET"), "{lines:?}");
    }
}

// The attack: a user agent writes to the terminal, or looks like members of the event.
#[test]
fn a_clients_text_cannot_forge_members_or_control_it() {
    let event =
        r#"{"at":1,"event":"signed_in","outcome":"success","user_agent":"x\" ip=192.0.2.9 \u001b[2J"}"#;
    let lines = printed(event, &Filter::default(), false, false);
    assert!(lines[0].ends_with("user_agent=\"x\\\" ip=192.0.2.9 \u{fffd}[2J\""), "{lines:?}");
    assert_eq!(printed("\u{1b}[2Jx\n", &Filter::default(), false, false), ["\u{fffd}[2Jx"]);
}

#[test]
fn lines_that_are_no_events_are_shown_as_they_are() {
    let log = "Connected to postern, waiting for logs...\nconfiguration: POSTERN_LEEWAY: must be a number\n{\n  not json\n}\n{\"a\":1}\n";
    let lines = printed(log, &Filter::default(), false, false);
    let expected = [
        "Connected to postern, waiting for logs...",
        "configuration: POSTERN_LEEWAY: must be a number",
        "{",
        "  not json",
        "}",
        "{\"a\":1}",
    ];
    assert_eq!(lines, expected);
    assert!(printed(log, &Filter::default(), true, false).is_empty());
    assert_eq!(printed("x\n", &Filter::default(), false, true), [r#"{"line":"x"}"#]);
}

#[test]
fn a_log_that_breaks_off_is_shown_to_its_end() {
    let whole = call("ok", &[REUSE], &json!([]));
    let lines = printed(&format!("{}{REUSE}", &whole[..40]), &Filter::default(), false, false);
    assert_eq!(lines.first().map(String::as_str), Some("{"));
    assert!(lines.last().is_some_and(|line| line.contains("reuse_detected")), "{lines:?}");
}

#[test]
fn each_option_of_the_filter_chooses() {
    let both = format!("{REUSE}\n{FAULT}\n");
    let of = |words: &[&str]| {
        #[derive(clap::Parser)]
        struct Words {
            #[command(flatten)]
            filter: Filter,
        }
        let words = core::iter::once("tail").chain(words.iter().copied());
        let Words { filter } = clap::Parser::try_parse_from(words).unwrap();
        let lines = printed(&both, &filter, false, false);
        (lines.iter().any(|line| line.contains("reuse")), lines.iter().any(|line| line.contains("FAULT")))
    };
    let (reuse, fault, neither) = ((true, false), (false, true), (false, false));
    assert_eq!(of(&[]), (true, true));
    assert_eq!(of(&["--event", "fault", "--event", "reuse_detected"]), (true, true));
    assert_eq!(of(&["--event", "fault"]), fault);
    assert_eq!(of(&["--outcome", "alert"]), reuse);
    assert_eq!(of(&["--outcome", "alert", "--route", "orders"]), neither);
    assert_eq!(of(&["--user", "AQEBAQEBAQEBAQEBAQEBAQ"]), reuse);
    assert_eq!(of(&["--session", "AgICAgICAgICAgICAgICAg"]), reuse);
    assert_eq!(of(&["--request", "r-1"]), reuse);
    assert_eq!(of(&["--route", "orders"]), fault);
    assert_eq!(of(&["--part", "database"]), fault);
    assert_eq!(of(&["--ip", "192.0.2.1"]), reuse);
    assert_eq!(of(&["--ip", "192.0.2.0/24"]), reuse);
    assert_eq!(of(&["--ip", "192.0.3.0/24"]), neither);
    assert_eq!(of(&["--ip", "2001:db8::/32"]), fault);
    assert_eq!(of(&["--ip", "0.0.0.0/0"]), reuse);
    assert!(filter::network("192.0.2.0/33").is_err() && filter::network("example.com").is_err());
}

#[test]
fn a_login_is_looked_up_and_an_id_is_not() {
    let named = |user: &str| {
        let mut filter = Filter { user: Some(user.to_owned()), ..Filter::default() };
        filter.name_user(|login| Ok(format!("id of {login}"))).map(|()| filter.user.unwrap_or_default())
    };
    assert_eq!(named("alice@example.com").unwrap(), "id of alice@example.com");
    assert_eq!(named("AQEBAQEBAQEBAQEBAQEBAQ").unwrap(), "AQEBAQEBAQEBAQEBAQEBAQ");
    assert_eq!(named("bf7EgK8soUPc").unwrap(), "bf7EgK8soUPc");
}
