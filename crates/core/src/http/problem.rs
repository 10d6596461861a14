//! Problem details (RFC 9457): how the first-party API says what went wrong.

use serde::Serialize;

use super::Reply;

/// Where every deployment lists the codes, for people.
pub const ERRORS_PATH: &str = "/auth/errors";

/// The header with the id of the request in the log: in answers, and in requests to upstreams. Clients cannot set it, as it
/// has the prefix of the gate's own headers.
pub const REQUEST_ID_HEADER: &str = "x-postern-request-id";

/// The longest id of a request that is repeated to its client, in bytes.
const MAX_REQUEST_ID_BYTES: usize = 64;

/// One field of the request's body that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name, or a JSON pointer for a nested one.
    pub field: String,
    /// What is wrong with it; never the value.
    pub detail: String,
}

/// An `application/problem+json` answer before it is written.
///
/// `code` is the stable part that programs compare; `type` on the wire leads to it in the list that
/// the deployment serves at [`ERRORS_PATH`], relative to the request (section 3.1.1): on every host
/// that Postern answers on. `title` is the same for every occurrence of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status, repeated in the body.
    pub status: u16,
    /// Stable name in `snake_case`.
    pub code: &'static str,
    /// A short sentence about the kind of problem.
    pub title: &'static str,
    /// This occurrence, for a person; names no internals and no secret.
    pub detail: Option<String>,
    /// Seconds to wait, sent as `Retry-After` too.
    pub retry_after: Option<u32>,
    /// The fields that are wrong, all of them.
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// A problem without details.
    pub const fn new(status: u16, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title, detail: None, retry_after: None, errors: Vec::new() }
    }

    /// Says more about this occurrence.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Tells the client when to come back, in seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Adds a field that is wrong.
    #[must_use]
    pub fn with_error(mut self, field: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { field: field.into(), detail: detail.into() });
        self
    }
}

#[derive(Serialize)]
struct Wire<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let wire = Wire {
            r#type: [ERRORS_PATH, "#", problem.code].concat(),
            title: problem.title,
            status: problem.status,
            code: problem.code,
            detail: problem.detail.as_deref(),
            retry_after: problem.retry_after,
            errors: &problem.errors,
        };
        // Strings and numbers under fixed names: writing them can't fail.
        let body = postern_jose::json::write(&wire).unwrap_or_default().into_bytes();
        let reply = Self::empty(problem.status).with_body("application/problem+json", body);
        match problem.retry_after {
            Some(seconds) => reply.with_header("retry-after", &seconds.to_string()),
            None => reply,
        }
    }
}

impl Reply {
    /// Adds the id of the request that this answers, by which the log is found: as [`REQUEST_ID_HEADER`], and to the body of
    /// a problem. An answer that caches may keep stays as it is, because it will answer other requests, too.
    #[must_use]
    pub fn naming_request(self, request_id: Option<&str>) -> Self {
        let id = request_id.filter(|id| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !id.is_empty() && id.len() <= MAX_REQUEST_ID_BYTES && id.bytes().all(plain)
        });
        let (Some(id), Some("no-store")) = (id, self.header("cache-control")) else { return self };
        if self.header(REQUEST_ID_HEADER).is_some() {
            return self;
        }
        let mut named = self.with_header(REQUEST_ID_HEADER, id);
        if named.header("content-type") == Some("application/problem+json")
            && named.body.pop_if(|last| *last == b'}').is_some()
        {
            named.body.extend_from_slice([",\"request_id\":\"", id, "\"}"].concat().as_bytes());
        }
        named
    }
}
