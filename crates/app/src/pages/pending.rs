//! The authorization request that a user interrupted to sign in: the query of `/oauth/authorize`, carried from page to
//! page as it came. After the sign-in the browser goes back to that endpoint of the same host, which judges the request
//! anew. So nothing in it can lead anywhere else.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use postern_oauth::{form::Parameters, metadata::paths::AUTHORIZE};

/// The longest query that is carried, in bytes. A form that holds it stays within the limit of a form.
const MAX_BYTES: usize = 6 * 1024;

/// The parameter that an interrupted request gets on its way back: since when it is pending.
pub(crate) const BEGUN: &str = "postern_begun";

/// What a value in a query must not have as it is.
const IN_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'+')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'\\');

/// The query of a pending authorization request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending(String);

impl Pending {
    /// Reads a query. `None` for one that is empty, too long, or no query.
    pub(crate) fn parse(query: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        let sound = !query.is_empty() && query.len() <= MAX_BYTES && query.bytes().all(plain);
        (sound && Parameters::parse(query).is_ok()).then(|| Self(query.to_owned()))
    }

    /// The query as it came.
    pub(crate) fn query(&self) -> &str {
        &self.0
    }

    /// The value of a parameter. `None` if it is absent, empty, or comes several times.
    pub(crate) fn parameter(&self, name: &'static str) -> Option<String> {
        Some(Parameters::parse(&self.0).ok()?.one(name).ok()??.to_owned())
    }

    /// Where the browser goes after the sign-in.
    pub(crate) fn back(&self, begun: &str) -> String {
        format!("{}&{BEGUN}={begun}", self.address())
    }

    /// The address that it came to, which a token of its beginning is bound to.
    pub(crate) fn address(&self) -> String {
        [AUTHORIZE, "?", &self.0].concat()
    }

    /// The query with another `ui_locales`.
    pub(crate) fn in_language(&self, tag: &str) -> String {
        let mut query: String = self
            .0
            .split('&')
            .filter(|pair| pair.split('=').next() != Some("ui_locales"))
            .flat_map(|pair| [pair, "&"])
            .collect();
        query.push_str("ui_locales=");
        query.push_str(tag);
        query
    }
}

/// A query, and the token of its beginning if it has been at the sign-in page.
pub(crate) fn split(query: &str) -> (&str, &str) {
    let last = query.rsplit_once('&');
    last.and_then(|(query, last)| Some((query, last.strip_prefix(BEGUN)?.strip_prefix('=')?)))
        .unwrap_or((query, ""))
}

/// A text as the value of a parameter.
pub(crate) fn encoded(value: &str) -> String {
    utf8_percent_encode(value, IN_VALUE).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The attack: a link to the sign-in page that leads to a page of the attacker's afterwards.
    #[test]
    fn the_way_back_is_always_the_endpoint_of_this_host() {
        for query in ["https://evil.example/", "//evil.example", "@evil.example", "a=\\\\evil.example"] {
            let back = Pending::parse(query).unwrap().back("t");
            assert_eq!(back, format!("/oauth/authorize?{query}&postern_begun=t"));
        }
        let long = "a".repeat(MAX_BYTES + 1);
        for query in ["", "a=1\r\nset-cookie:x", "a b", "a=é", "a#b", &long, "a=%ff"] {
            assert_eq!(Pending::parse(query), None, "{query}");
        }
    }

    #[test]
    fn another_language_replaces_the_one_asked_for() {
        let pending = Pending::parse("state=1&ui_locales=de%20en&nonce=2").unwrap();
        assert_eq!(pending.in_language("ar"), "state=1&nonce=2&ui_locales=ar");
        assert_eq!(pending.parameter("ui_locales").as_deref(), Some("de en"));
    }

    #[test]
    fn a_value_is_one_value_after_it_was_encoded() {
        let query = "a=1&b=%26#\"'+<é> ";
        let carried = format!("request={}&c=2", encoded(query));
        let read = Parameters::parse(&carried).unwrap();
        assert_eq!((read.one("request"), read.one("c")), (Ok(Some(query)), Ok(Some("2"))));
    }
}
