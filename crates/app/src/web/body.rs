//! Request bodies of the first-party API: small JSON objects with known members.
//!
//! The bodies are not read by a derived deserialiser, because its messages quote the input, which contains passwords
//! and refresh tokens.

use serde_json::{Map, Value};

use crate::{
    http::{
        RequestView,
        media_type::{JSON, is_of_type},
    },
    jose::json::{self, JsonError},
};

/// The largest body under `/auth`, in bytes: far above any normal one (a password of 1 024 bytes and a login), and far
/// below a size that costs memory.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// Why a body could not be read or forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// It is larger than the call allows.
    TooLarge,
    /// The client went away before its end, or its transfer coding is not valid.
    BrokeOff,
    /// It did not arrive in time.
    TooSlow,
}

impl From<BodyFault> for BodyError {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::TooLarge,
            BodyFault::BrokeOff => Self::BrokeOff,
            BodyFault::TooSlow => Self::TooSlow,
        }
    }
}

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Over [`MAX_BODY_BYTES`].
    TooLarge,
    /// It is incomplete.
    BrokeOff,
    /// It did not arrive in time.
    TooSlow,
    /// Not `application/json`.
    UnsupportedMediaType,
    /// Not UTF-8.
    InvalidUtf8,
    /// Not JSON.
    MalformedJson,
    /// JSON, but not an object.
    NotAnObject,
    /// An unknown member.
    UnknownMember(String),
    /// A required member is missing.
    MissingMember(&'static str),
    /// A member has a wrong type or value.
    InvalidMember(&'static str),
}

/// A JSON object without unknown members.
#[derive(Debug)]
pub(crate) struct Body(Map<String, Value>);

impl Body {
    /// Parses a body with at most these `members`. An empty body is an empty object, regardless of its media type.
    pub(crate) fn parse(
        request: &impl RequestView,
        body: &[u8],
        members: &[&str],
    ) -> Result<Self, BodyError> {
        Self::parse_within(MAX_BODY_BYTES, request, body, members)
    }

    /// As [`Self::parse`], with another length limit in bytes.
    pub(crate) fn parse_within(
        limit: usize,
        request: &impl RequestView,
        body: &[u8],
        members: &[&str],
    ) -> Result<Self, BodyError> {
        if body.len() > limit {
            return Err(BodyError::TooLarge);
        }
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        if !request.header("content-type").is_some_and(|text| is_of_type(&text, JSON)) {
            return Err(BodyError::UnsupportedMediaType);
        }
        let object = json::parse_object(body).map_err(|error| match error {
            JsonError::NotUtf8 => BodyError::InvalidUtf8,
            JsonError::NotAnObject => BodyError::NotAnObject,
            _ => BodyError::MalformedJson,
        })?;
        if let Some(unknown) = object.keys().find(|name| !members.contains(&name.as_str())) {
            return Err(BodyError::UnknownMember(printable(unknown)));
        }
        Ok(Self(object))
    }

    /// A body with these members, which the caller has checked.
    pub(crate) const fn of(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// A required string.
    pub(crate) fn text(&self, name: &'static str) -> Result<&str, BodyError> {
        self.optional_text(name)?.ok_or(BodyError::MissingMember(name))
    }

    /// A string that may be absent or null.
    pub(crate) fn optional_text(&self, name: &'static str) -> Result<Option<&str>, BodyError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(BodyError::InvalidMember(name)),
        }
    }

    /// The value of the member, if it is there.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A whole number that is not negative; may be absent or null.
    pub(crate) fn optional_number(&self, name: &'static str) -> Result<Option<u64>, BodyError> {
        self.value(name).map(|value| value.as_u64().ok_or(BodyError::InvalidMember(name))).transpose()
    }

    /// `true` or `false`; may be absent or null.
    pub(crate) fn optional_flag(&self, name: &'static str) -> Result<Option<bool>, BodyError> {
        self.value(name).map(|value| value.as_bool().ok_or(BodyError::InvalidMember(name))).transpose()
    }
}

/// A member's name for an answer, shortened and limited to plain characters.
fn printable(name: &str) -> String {
    name.chars().take(40).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::PlainRequest;

    fn parse(content_type: &str, body: &[u8]) -> Result<Body, BodyError> {
        let request =
            PlainRequest::new("POST", "http://localhost/auth/login").with("content-type", content_type);
        Body::parse(&request, body, &["login", "device_name"])
    }

    #[test]
    fn an_object_of_known_members_is_read() {
        let body = parse("application/json; charset=utf-8", br#"{"login":"a","device_name":null}"#).unwrap();
        assert_eq!(body.text("login"), Ok("a"));
        assert_eq!(body.optional_text("device_name"), Ok(None));
        assert_eq!(body.text("device_name"), Err(BodyError::MissingMember("device_name")));
    }

    #[test]
    fn each_kind_of_bad_body_has_its_own_error() {
        let error = |content_type, body: &[u8]| parse(content_type, body).unwrap_err();
        let json = "application/json";
        assert_eq!(error(json, &vec![b' '; MAX_BODY_BYTES + 1]), BodyError::TooLarge);
        assert_eq!(error("text/plain", b"{}"), BodyError::UnsupportedMediaType);
        assert_eq!(error(json, b"{\"login\":\"\xff\"}"), BodyError::InvalidUtf8);
        assert_eq!(error(json, b"{\"login\":"), BodyError::MalformedJson);
        assert_eq!(error(json, br#"{"login":"a","login":"b"}"#), BodyError::MalformedJson);
        assert_eq!(error(json, b"[]"), BodyError::NotAnObject);
        assert_eq!(error(json, br#"{"admin\u0000":true}"#), BodyError::UnknownMember("admin?".to_owned()));
        assert_eq!(
            parse(json, br#"{"login":7}"#).unwrap().text("login"),
            Err(BodyError::InvalidMember("login"))
        );
    }

    #[test]
    fn errors_never_quote_a_value_of_the_body() {
        let body = parse("application/json", br#"{"login":{"password":"hunter2"}}"#).unwrap();
        let error = body.text("login").unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
