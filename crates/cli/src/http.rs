//! HTTP to the deployment: JSON in, JSON or a [`Failure`] out.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use postern_app::http::{Scheme, UrlParts};
use serde_json::Value;

pub(crate) use crate::host::Answer;
use crate::{
    failure::Failure,
    host::{Request, Transport, Unanswered},
};

/// The largest page of a list that the API gives.
const PAGE: usize = 200;

/// A deployment.
pub(crate) struct Client {
    transport: Transport,
    base: String,
    admin_path: String,
    token: Option<String>,
}

/// Shows no token.
impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers_named(name).next()
    }

    /// All values of a header.
    pub(crate) fn headers_named(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

impl Client {
    /// A deployment by its URL. A token is never sent in the clear but to this machine.
    pub(crate) fn new(url: &str, admin_path: &str) -> Result<Self, Failure> {
        let base = url.trim_end_matches('/').to_owned();
        check(url, |parts| parts.path.trim_end_matches('/').is_empty() && parts.query.is_none())?;
        Ok(Self {
            transport: Transport::new(),
            base,
            admin_path: admin_path.trim_end_matches('/').to_owned(),
            token: None,
        })
    }

    /// A public document at any URL.
    pub(crate) fn document(url: &str) -> Result<Vec<u8>, Failure> {
        check(url, |_| true)?;
        let answer = Self::look(url)
            .map_err(|error| Failure::unavailable(format!("{url} could not be reached: {error}")))?;
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(Failure::unavailable(format!("{url} returned {}", answer.status)))
        }
    }

    /// Whatever stands at a URL, without following a redirect: its answer, or why there was none.
    pub(crate) fn look(url: &str) -> Result<Answer, String> {
        let request = Request { method: "GET", url, headers: &[], body: None };
        Transport::new().send(&request).map_err(|error| error.to_string())
    }

    /// The deployment's URL, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn is_https(&self) -> bool {
        self.base.starts_with("https://")
    }

    pub(crate) fn with_token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// Goes on with this token.
    pub(crate) fn renew(&mut self, token: &str) {
        if self.token.as_deref() != Some(token) {
            self.token = Some(token.to_owned());
        }
    }

    /// The body at a path of the deployment's that must be there.
    pub(crate) fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let answer = self.send("GET", path, None)?;
        if answer.status == 200 { Ok(answer.body) } else { Err(failed(&answer)) }
    }

    /// One request; whatever its status, an answer is an answer.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        self.send_with(method, path, &[], body)
    }

    /// The same to a path below the administrators' API.
    pub(crate) fn send_admin(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        self.send_with(method, &format!("{}{path}", self.admin_path), &[], body)
    }

    /// The same with headers.
    pub(crate) fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let mut all: Vec<(&str, String)> =
            headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        if let Some(token) = &self.token {
            all.push(("authorization", format!("Bearer {token}")));
        }
        if body.is_some() {
            all.push(("content-type", "application/json".to_owned()));
        }
        let url = format!("{}{path}", self.base);
        let request = Request { method, url: &url, headers: &all, body: body.map(Value::to_string) };
        self.transport.send(&request).map_err(|error| match error {
            // A token with a line break in it ends here.
            Unanswered::Invalid(why) => Failure::usage(format!("the request is not valid: {why}")),
            Unanswered::Unreachable(why) => {
                Failure::unavailable(format!("{} could not be reached: {why}. Check POSTERN_URL", self.base))
            }
        })
    }

    /// A call of the administrators' API that must succeed: its JSON.
    pub(crate) fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.call(method, &format!("{}{path}", self.admin_path), body)
    }

    /// The entries of a list of the administrators' API, page after page until there are `limit`, and whether more follow.
    pub(crate) fn list(
        &self,
        name: &str,
        search: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Value>, bool), Failure> {
        let mut entries: Vec<Value> = Vec::new();
        let mut after: Option<String> = None;
        while entries.len() < limit {
            let mut path = format!("/{name}?limit={}", PAGE.min(limit - entries.len()));
            for (name, value) in [("search", search), ("after", after.as_deref())] {
                if let Some(value) = value {
                    path = format!("{path}&{name}={}", encoded(value));
                }
            }
            let page = self.admin("GET", &path, None)?;
            entries.extend(page.get(name).and_then(Value::as_array).into_iter().flatten().cloned());
            after = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if after.is_none() {
                break;
            }
        }
        Ok((entries, after.is_some()))
    }

    /// A call that must succeed: its JSON.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let answer = self.send(method, path, body)?;
        if (200..300).contains(&answer.status) { Ok(answer.json()) } else { Err(failed(&answer)) }
    }
}

/// A URL that a token or a key set may travel over: TLS, or this machine.
fn check(url: &str, more: impl Fn(&UrlParts<'_>) -> bool) -> Result<(), Failure> {
    let parts = UrlParts::parse(url).filter(|parts| !parts.has_fragment && more(parts)).ok_or_else(|| {
        Failure::usage(format!("{url} is not valid: it must be a URL such as https://auth.example.com"))
    })?;
    if parts.scheme == Scheme::Http && !parts.is_loopback() {
        return Err(Failure::usage(format!(
            "{url} must be https: with http, anyone on the network path can read and change the requests"
        )));
    }
    Ok(())
}

/// A problem as a person reads it, with what to do.
pub(crate) fn failed(answer: &Answer) -> Failure {
    let problem = answer.json();
    let text = |member: &str| problem.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (code, title) = (text("code"), text("title"));
    let what = if title.is_empty() { format!("the deployment returned {}", answer.status) } else { title };
    let fields: Vec<String> = problem
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|error| {
            Some(format!("{} {}", error.get("field")?.as_str()?, error.get("detail")?.as_str()?))
        })
        .collect();
    let detail = if fields.is_empty() { text("detail") } else { fields.join(", ") };
    let detail = if detail.is_empty() { detail } else { format!(": {detail}") };
    let wait =
        answer.header("retry-after").map(|seconds| format!("; try again in {seconds} s")).unwrap_or_default();
    let message = |advice: &str| format!("{what}{detail}{wait}{advice}");
    let failure = match (answer.status, code.as_str()) {
        (401, "insufficient_user_authentication") => {
            Failure::unauthorized(message(". Run `postern login`, then repeat the command"))
        }
        (401, "invalid_credentials") => Failure::unauthorized(message("")),
        (401, "invalid_grant") => Failure::unauthorized(format!(
            "the stored sign-in is no longer valid. Run `postern login` again{wait}"
        )),
        (401, _) => Failure::unauthorized(message(
            ": it has expired, its session has ended or its signing key was revoked. Run `postern login`, then repeat the command",
        )),
        (403, "insufficient_scope") => Failure::unauthorized(message(
            ". The user needs the scope postern:admin and must sign in after it is granted",
        )),
        (403, _) => Failure::unauthorized(message("")),
        (404, "not_found" | "") => Failure::refused(message(
            ". Check that this is a Postern deployment with POSTERN_ADMIN enabled, and its path (--admin-path)",
        )),
        (409, "key_too_young") => Failure::refused(message(
            ", or use --force: clients with a cached key set then refuse new tokens until they read it again. \
             If the current signing key may be compromised, use `postern key revoke`",
        )),
        (429 | 500.., _) => Failure::unavailable(message("")),
        _ => Failure::refused(message("")),
    };
    if code.is_empty() { failure } else { failure.with_code(&code) }
}

/// An id as one segment of a path: nothing in it may lead elsewhere.
pub(crate) fn segment(id: &str) -> Result<&str, Failure> {
    let plain =
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if plain {
        Ok(id)
    } else {
        Err(Failure::usage(format!("{id:?} is not an id: an id has 22 characters of A-Z a-z 0-9 - _")))
    }
}

/// What may stand in a value of a query as it is: the unreserved characters (RFC 3986 section 2.3).
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A value of a query, percent-encoded (RFC 3986 section 2.1).
pub(crate) fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, QUERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_cannot_add_parameters() {
        assert_eq!(encoded("a@b.c&limit=1 ü").to_string(), "a%40b.c%26limit%3D1%20%C3%BC");
    }
}
