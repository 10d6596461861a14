//! Finds the token in a request. Two headers are refused, because two programs might each take another one.

use http::{HeaderMap, HeaderName, header};

use crate::{Kind, Reason};

const ASSERTION: HeaderName = HeaderName::from_static("x-postern-assertion");

/// The one token of this kind that a request carries.
pub(crate) fn token_of(kind: Kind, headers: &HeaderMap) -> Result<String, Reason> {
    match kind {
        Kind::Assertion => assertion(&lines(headers, &ASSERTION)),
        Kind::AccessToken => access_token(&lines(headers, &header::AUTHORIZATION).join(", ")),
    }
}

/// The lines of this header. A byte that is not ASCII is in no token, and becomes a character that is in none.
fn lines(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect()
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn assertion(lines: &[String]) -> Result<String, Reason> {
    match lines {
        [] => Err(Reason::NoAssertion),
        [line] if line.contains(',') => Err(Reason::SeveralAssertions),
        [line] if trimmed(line).is_empty() => Err(Reason::EmptyAssertion),
        [line] => Ok(trimmed(line).to_owned()),
        _ => Err(Reason::SeveralAssertions),
    }
}

/// RFC 6750 section 2.1.
fn access_token(value: &str) -> Result<String, Reason> {
    let value = trimmed(value);
    let (scheme, rest) = value.split_at(value.find([' ', '\t', ',']).unwrap_or(value.len()));
    if !is_bearer(scheme) {
        let hidden = value.split(',').skip(1).any(|part| {
            let part = trimmed(part);
            is_bearer(part.split([' ', '\t']).next().unwrap_or_default())
        });
        return Err(if hidden { Reason::InvalidRequest } else { Reason::CredentialsRequired });
    }
    let token = rest.trim_start_matches(' ');
    if is_b64token(token) { Ok(token.to_owned()) } else { Err(Reason::InvalidRequest) }
}

fn is_bearer(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("bearer")
}

fn is_b64token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && body.bytes().all(is_allowed)
}
