//! Lists in pages: `?limit=50&after=CURSOR` asks, `{"NAME": [...], "next": "CURSOR"}` answers.
//! `next` is absent on the last page. A cursor is opaque to the caller.

use serde_json::{Map, Value};

use crate::{http::Reply, web::error::ApiError};

/// The default page size, which fits a terminal or a screen.
const DEFAULT_LIMIT: usize = 50;

/// The largest page size. A page of users then has about 100 KB.
const MAX_LIMIT: usize = 200;

/// The longest value of a parameter, in bytes. No cursor and no login is longer.
const MAX_VALUE_BYTES: usize = 512;

/// The parameters of a query (RFC 3986 section 3.4, in the encoding of HTML forms). All are known to the call, and none
/// is repeated.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Parses a query with at most the parameters `known`, each at most once.
    ///
    /// # Errors
    /// Returns `invalid_parameter` with the name of the first parameter that is not valid.
    pub(crate) fn parse(query: Option<&str>, known: &[&'static str]) -> Result<Self, ApiError> {
        let mut parameters: Vec<(&'static str, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let known = known.iter().find(|known| **known == name);
            // The answer does not repeat the name: the caller may have put any text there.
            let unknown = ApiError::InvalidParameter { name: "query", problem: "has an unknown parameter" };
            let name = *known.ok_or(unknown)?;
            let wrong = |problem| ApiError::InvalidParameter { name, problem };
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(wrong("is given twice"));
            }
            let value =
                decoded(value).ok_or_else(|| wrong("is not valid percent-encoding, or is too long"))?;
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// A query of these parameters. Empty ones are left out: a form sends every field.
    pub(crate) fn of(parameters: Vec<(&'static str, String)>) -> Self {
        Self(parameters.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The parameters but one.
    pub(crate) fn without(&self, name: &str) -> Vec<(&'static str, String)> {
        self.0.iter().filter(|(own, _)| *own != name).cloned().collect()
    }

    /// Whether no parameter has a value.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, value)| value.is_empty())
    }

    /// The value of a parameter, if it is there.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
    }

    /// The requested page size: `limit`.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        let Some(text) = self.value("limit") else { return Ok(DEFAULT_LIMIT) };
        let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.ok_or(ApiError::InvalidParameter { name: "limit", problem: "must be 1 to 200" })
    }
}

/// Decodes a value of a form: `+` is a space, `%41` is a byte. `None` means that it is not UTF-8.
fn decoded(value: &str) -> Option<String> {
    if value.len() > 3 * MAX_VALUE_BYTES {
        return None;
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    (text.len() <= MAX_VALUE_BYTES).then_some(text)
}

/// How many entries are read for a page: one more than asked for says whether another page follows.
pub(crate) fn to_read(limit: usize) -> u16 {
    u16::try_from(limit.saturating_add(1)).unwrap_or(u16::MAX)
}

/// A page of the entries that were read for it: those beyond `limit` are for the next page.
pub(crate) fn page_of<T>(
    name: &str,
    mut read: Vec<T>,
    limit: usize,
    row: impl Fn(&T) -> Value,
    cursor: impl Fn(&T) -> String,
) -> Reply {
    let more = read.len() > limit;
    read.truncate(limit);
    let next = more.then(|| read.last().map(cursor)).flatten();
    page(name, read.iter().map(row).collect(), next)
}

/// A page with its rows under `name`, and the cursor of the next page if there is one.
pub(crate) fn page(name: &str, rows: Vec<Value>, next: Option<String>) -> Reply {
    let mut body = Map::new();
    body.insert(name.to_owned(), Value::Array(rows));
    if let Some(next) = next {
        body.insert("next".to_owned(), Value::String(next));
    }
    Reply::json(200, &Value::Object(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["limit", "after", "search"];

    fn parse(query: &str) -> Result<Query, ApiError> {
        Query::parse(Some(query), &KNOWN)
    }

    #[test]
    fn values_are_decoded_as_forms_write_them() {
        let query = parse("search=a%40b+c&limit=7").unwrap();
        assert_eq!(query.value("search"), Some("a@b c"));
        assert_eq!(query.limit(), Ok(7));
        assert_eq!(query.value("after"), None);
        assert_eq!(Query::parse(None, &KNOWN).unwrap().limit(), Ok(50));
    }

    #[test]
    fn what_a_call_does_not_know_or_cannot_read_is_refused() {
        for query in ["x=1", "limit=1&limit=2", "search=%", "search=%4", "search=%zz", "search=%ff"] {
            assert!(matches!(parse(query), Err(ApiError::InvalidParameter { .. })), "{query}");
        }
        assert!(parse(&format!("search={}", "a".repeat(513))).is_err());
        for limit in ["0", "201", "-1", "1e1", "", " 5", "99999999999999999999"] {
            assert!(parse(&format!("limit={limit}")).unwrap().limit().is_err(), "{limit}");
        }
    }
}
