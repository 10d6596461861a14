//! An event in one line, for people.

use serde_json::{Map, Value};

use crate::report::plain;

/// Members that have a place of their own; the event's further members, which differ, are between them.
const FIRST: [&str; 3] = ["at", "event", "outcome"];
const LAST: [&str; 10] = [
    "account",
    "login",
    "session_id",
    "client_id",
    "route",
    "upstream",
    "ip",
    "country",
    "request_id",
    "user_agent",
];

/// The width of the longest outcome, and of most names of events.
const OUTCOME_WIDTH: usize = 7;
const EVENT_WIDTH: usize = 20;

/// `09:41:07.123Z ALERT    reuse_detected        distance=3 account=... ip=192.0.2.1`. Times are UTC, as in the log.
pub(super) fn of(members: &Map<String, Value>) -> String {
    let text = |name: &str| members.get(name).map(plain).unwrap_or_default();
    let outcome = match text("outcome") {
        // To be seen among others.
        outcome if outcome == "alert" || outcome == "fault" => outcome.to_uppercase(),
        outcome => outcome,
    };
    let at = members.get("at").and_then(Value::as_u64).unwrap_or_default();
    let mut line = format!("{} {outcome:OUTCOME_WIDTH$} {:EVENT_WIDTH$}", time_of_day(at), text("event"));
    let own = members.keys().map(String::as_str).filter(|name| !FIRST.contains(name) && !LAST.contains(name));
    for name in own.chain(LAST) {
        if let Some(value) = members.get(name) {
            line.push(' ');
            line.push_str(&plain(&Value::String(name.to_owned())));
            line.push('=');
            line.push_str(&word(value));
        }
    }
    line.trim_end().to_owned()
}

/// A line of the log that is no event. No control character of it reaches the terminal.
pub(super) fn as_it_is(text: &str) -> String {
    plain(&Value::String(text.replace('\t', " ")))
}

/// A value as one word, so that a value that a client chose cannot look like further members.
fn word(value: &Value) -> String {
    let text = plain(value);
    if text.is_empty() || text.contains([' ', '"', '=']) { format!("{text:?}") } else { text }
}

fn time_of_day(millis: u64) -> String {
    let (seconds, rest) = (millis / 1000 % 86_400, millis % 1000);
    format!("{:02}:{:02}:{:02}.{rest:03}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
