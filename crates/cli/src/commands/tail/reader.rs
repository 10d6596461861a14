//! Takes the stream of a log apart.
//!
//! `wrangler tail --format json` prints one JSON object for each call of the Worker or of an object, over many lines: its
//! `logs` have our events, its `exceptions` what was thrown. `wrangler dev` and `make dev` print the log's lines themselves.

use serde_json::{Map, Value};

/// The longest line, and the longest object, in bytes. What is longer is shown as it is, so that memory stays bounded.
const MAX_LINE: usize = 1024 * 1024;
const MAX_OBJECT: usize = 8 * 1024 * 1024;

/// Ends of a call that are its client's doing.
const USUAL_ENDS: [&str; 3] = ["ok", "canceled", "responseStreamDisconnected"];

/// One part of the log.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// An event of Postern's.
    Event {
        /// Its members.
        members: Map<String, Value>,
        /// Its JSON, as the log has it.
        text: String,
    },
    /// Another line.
    Other(String),
}

/// What was read and does not end yet.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The begin of a line.
    line: Vec<u8>,
    /// The lines of an object that is printed over several.
    object: String,
}

impl Reader {
    /// What these bytes complete.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") || self.line.len() > MAX_LINE {
                self.line(&mut items);
            }
        }
        items
    }

    /// What is left at the end.
    pub(super) fn finish(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        if !self.line.is_empty() {
            self.line(&mut items);
        }
        self.give_up(&mut items);
        items
    }

    fn line(&mut self, items: &mut Vec<Item>) {
        let bytes = core::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_end_matches(['\n', '\r']);
        if self.object.is_empty() && line != "{" {
            of_line(line, items);
            return;
        }
        // An object over several lines begins and ends with a line of one brace. Within it, lines are indented.
        if line == "{" {
            self.give_up(items);
        }
        self.object.push_str(line);
        self.object.push('\n');
        if line == "}" {
            match serde_json::from_str(&self.object) {
                Ok(Value::Object(call)) => of_object(&call, self.object.trim_end(), items),
                _ => self.give_up(items),
            }
            self.object.clear();
        } else if self.object.len() > MAX_OBJECT {
            self.give_up(items);
        }
    }

    /// It was no object after all: its lines are shown as they are.
    fn give_up(&mut self, items: &mut Vec<Item>) {
        let object = core::mem::take(&mut self.object);
        for line in object.lines() {
            of_line(line, items);
        }
    }
}

fn of_line(line: &str, items: &mut Vec<Item>) {
    if line.is_empty() {
        return;
    }
    // `wrangler dev` may put the name of the Worker before it.
    let json = line.find('{').and_then(|start| line.get(start..));
    if let Some(json) = json
        && let Ok(Value::Object(members)) = serde_json::from_str(json)
        && (is_event(&members) || json.len() == line.len())
    {
        of_object(&members, json, items);
        return;
    }
    items.push(Item::Other(line.to_owned()));
}

fn is_event(members: &Map<String, Value>) -> bool {
    let is_text = |name| members.get(name).is_some_and(Value::is_string);
    is_text("event") && is_text("outcome") && members.get("at").is_some_and(Value::is_u64)
}

/// An event, or a call with what it logged.
fn of_object(members: &Map<String, Value>, text: &str, items: &mut Vec<Item>) {
    if is_event(members) {
        items.push(Item::Event { members: members.clone(), text: text.to_owned() });
        return;
    }
    let list = |name: &str| members.get(name).and_then(Value::as_array).map(Vec::as_slice);
    let (Some(logs), Some(exceptions)) = (list("logs"), list("exceptions")) else {
        items.extend(text.lines().map(|line| Item::Other(line.to_owned())));
        return;
    };
    for log in logs {
        // The arguments of one `console.log`.
        let words = log.get("message").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let said: Vec<String> = words.iter().map(said).collect();
        of_line(&said.join(" "), items);
    }
    // Of the platform itself: that it leaves calls out.
    if let Some(message) = members.get("event").and_then(|event| event.get("message")) {
        items.push(Item::Other(said(message)));
        return;
    }
    let call = call(members);
    for exception in exceptions {
        let text = |name: &str| exception.get(name).map(said).unwrap_or_default();
        items.push(Item::Other(format!("exception {}: {} in {call}", text("name"), text("message"))));
        items.extend(text("stack").lines().map(|line| Item::Other(line.to_owned())));
    }
    let end = members.get("outcome").and_then(Value::as_str).unwrap_or("unknown");
    if !USUAL_ENDS.contains(&end) && (end != "exception" || exceptions.is_empty()) {
        items.push(Item::Other(format!("{end} in {call}")));
    }
}

fn said(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Which call it was. Without the query of its URL, which may have a code, and without headers.
fn call(members: &Map<String, Value>) -> String {
    let text = |pointer: &str| {
        members
            .get("event")
            .and_then(|event| event.pointer(pointer))
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let url = text("/request/url");
    if !url.is_empty() {
        let url = url.split(['?', '#']).next().unwrap_or_default();
        return format!("{} {url}", text("/request/method"));
    }
    let entry = members.get("entrypoint").and_then(Value::as_str).unwrap_or_default();
    match (
        entry,
        text("/rpcMethod"),
        members.get("event").is_some_and(|event| event.get("scheduledTime").is_some()),
    ) {
        ("", "", true) => "an alarm or a scheduled call".to_owned(),
        ("", "", false) => "a call".to_owned(),
        (entry, "", true) => format!("the alarm of {entry}"),
        (entry, method, _) => format!("{entry} {method}").trim().to_owned(),
    }
}
