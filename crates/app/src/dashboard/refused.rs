//! The refusal of a page or of a change, as a page says it: with the title and the code of the API's problem.

use postern_pages::dashboard::{Part, Screen};
use serde_json::Value;

use crate::{
    http::Reply,
    jose::json::parse_text,
    ports::Fault,
    web::{body::BodyError, error::ApiError},
};

/// Why there is no page, or why a change was not made.
#[derive(Debug)]
pub(super) enum Refused {
    /// By a rule, or by a fault.
    Error(ApiError),
    /// The API answered with this problem.
    Answer(Reply),
}

impl<E: Into<ApiError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl Refused {
    /// The fault behind it, for the log.
    pub(super) const fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Error(ApiError::Fault(fault)) => Some(fault),
            _ => None,
        }
    }

    /// The problem that the API answers.
    pub(super) fn into_problem(self) -> Reply {
        match self {
            // Of a form, not of JSON.
            Self::Error(ApiError::Body(BodyError::UnsupportedMediaType)) => {
                Reply::from(&ApiError::Body(BodyError::InvalidUtf8))
            }
            Self::Error(error) => Reply::from(&error),
            Self::Answer(reply) => reply,
        }
    }
}

/// The JSON body of an answer. `Null` for none.
pub(super) fn body_of(reply: &Reply) -> Value {
    core::str::from_utf8(&reply.body).ok().and_then(|text| parse_text(text).ok()).unwrap_or_default()
}

/// What a page says of a problem.
pub(super) fn alert(problem: &Reply) -> Part {
    let body = body_of(problem);
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut lines = vec![text(&body, "detail")];
    for error in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
        lines.push([text(error, "field"), text(error, "detail")].join(" "));
    }
    if let Some(seconds) = body.get("retry_after").and_then(Value::as_u64) {
        lines.push(["Try again in ", &seconds.to_string(), " seconds."].concat());
    }
    lines.retain(|line| !line.is_empty());
    Part::Alert { title: text(&body, "title"), lines, code: text(&body, "code") }
}

/// The page in place of another.
pub(super) fn screen(problem: &Reply) -> Screen {
    Screen { is_error: true, ..Screen::new("This did not work", vec![alert(problem)]) }
}
