//! The network data of a request, which the platform sends in headers.

use crate::{
    events::{EventContext, Pseudonym, UserAgent},
    http::RequestView,
    refresh::Context,
    trace::{TRACEPARENT, TraceId},
};

/// The longest user agent that is kept, in bytes. Real ones have fewer than 300.
const MAX_USER_AGENT_BYTES: usize = 512;

/// The network data of a request. Cloudflare sets these headers and overwrites those of clients. Nothing here proves an
/// identity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Caller {
    /// `CF-Connecting-IP`.
    pub ip: Option<String>,
    /// `CF-IPCountry`: two letters.
    pub country: Option<String>,
    /// `User-Agent`, cut to 512 bytes.
    pub user_agent: Option<String>,
    /// `CF-Ray`, the id of the request in the logs of Postern and Cloudflare.
    pub request_id: Option<String>,
    /// The trace that a valid `traceparent` names.
    pub trace_id: Option<TraceId>,
    /// The pseudonym of the login of a sign-in, for events. It comes from no header.
    pub login: Option<Pseudonym>,
}

impl Caller {
    /// Reads the headers.
    pub(crate) fn of(request: &impl RequestView) -> Self {
        Self {
            ip: request.header("cf-connecting-ip").map(|ip| cut(ip, 45)),
            country: request.header("cf-ipcountry").map(|country| cut(country, 2)),
            user_agent: request.header("user-agent").map(|agent| cut(agent, MAX_USER_AGENT_BYTES)),
            request_id: request_id(request),
            trace_id: request.header(TRACEPARENT).and_then(|value| TraceId::of_traceparent(&value)),
            login: None,
        }
    }
}

/// The id of a request in the log.
pub(crate) fn request_id(request: &impl RequestView) -> Option<String> {
    request.header("cf-ray").map(|ray| cut(ray, 64))
}

/// At most `bytes`, cut between characters.
fn cut(mut text: String, bytes: usize) -> String {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    text
}

impl Caller {
    /// The caller as events show it.
    pub(crate) fn setting(&self) -> EventContext {
        EventContext {
            request_id: self.request_id.clone(),
            trace_id: self.trace_id,
            ip: self.ip.clone(),
            country: self.country.clone(),
            user_agent: self.user_agent.as_deref().map(UserAgent::of),
            login: self.login.clone(),
            ..EventContext::default()
        }
    }
}

impl Caller {
    /// The context of a request that a refresh family stores.
    pub(crate) fn context(&self) -> Context {
        Context::new(
            self.ip.as_deref(),
            self.country.as_deref(),
            self.user_agent.as_deref().unwrap_or_default(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::PlainRequest;

    #[test]
    fn long_values_are_cut_between_characters() {
        let agent = "ä".repeat(400);
        let request = PlainRequest::new("GET", "http://localhost/").with("user-agent", &agent);
        let caller = Caller::of(&request);
        assert_eq!(caller.user_agent.unwrap().len(), 512);
        assert_eq!(caller.ip, None);
    }
}
