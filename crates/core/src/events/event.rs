//! Security events: one line of JSON each (docs/reference/audit-events.md).
//!
//! Names, once given, stay: `signed_in` in a query of today must find the lines of next year.

use serde::Serialize;

use super::{EventKind, redact::Pseudonym};
use crate::{
    ids::{AccountId, FamilyId},
    trace::TraceId,
};
use postern_jose::{text::printable, time::Timestamp};

/// The longest user agent that is kept, in bytes: real ones have up to 200.
const USER_AGENT_BYTES: usize = 256;

/// Where and for whom something happened. Whatever is not known is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct EventContext {
    /// The request, by the platform's `CF-Ray`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The trace that the request belongs to (W3C Trace Context).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// The account of a user of ours, or of a subject of a trusted issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The stand-in of the login that was given, whether or not it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<Pseudonym>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<FamilyId>,
    /// The OAuth client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The country of that address, ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// What the client calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<UserAgent>,
    /// The name of the route that a fault is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The host of the upstream that a fault is about, or the name of its service binding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
}

/// A client's name for itself as a log may hold it: at most 256 bytes, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct UserAgent(String);

impl UserAgent {
    /// From the header.
    pub fn of(header: &str) -> Self {
        Self(printable(header, USER_AGENT_BYTES))
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub happening: EventKind,
    /// Where and for whom.
    pub setting: EventContext,
}
impl Event {
    /// The line of the log: one JSON object without line breaks. Put together by hand, because
    /// serde's `flatten` would weigh more than the rest of this module.
    pub fn to_line(&self) -> String {
        let Self { at, happening, setting } = self;
        let (name, outcome) = (happening.name(), happening.outcome().name());
        let mut line = String::with_capacity(256);
        line.push_str("{\"at\":");
        line.push_str(&at.millis().to_string());
        line.push_str(",\"event\":\"");
        line.push_str(name);
        line.push('"');
        // A variant with members is `{"name":{...}}`, one without is `"name"`. Strings and
        // numbers always have a JSON form; if not, the event is still told by its name.
        let happening = postern_jose::json::write(happening).unwrap_or_default();
        let members = happening.split_once(":{").and_then(|(_, members)| members.strip_suffix("}}"));
        push_members(&mut line, members);
        line.push_str(",\"outcome\":\"");
        line.push_str(outcome);
        line.push('"');
        let setting = postern_jose::json::write(setting).unwrap_or_default();
        push_members(&mut line, setting.strip_prefix('{').and_then(|text| text.strip_suffix('}')));
        line.push('}');
        line
    }
}

fn push_members(line: &mut String, members: Option<&str>) {
    if let Some(members) = members.filter(|members| !members.is_empty()) {
        line.push(',');
        line.push_str(members);
    }
}

/// Where events go: the log, and for an account its activity.
pub trait EventSink {
    /// Takes note; never fails, never waits.
    fn record(&self, event: &Event);
}

#[cfg(test)]
mod tests;
