//! Parameters of `application/x-www-form-urlencoded`: the query of an authorization request, and the bodies of the token
//! endpoint and its neighbours (RFC 6749 appendix B).

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The longest query or body, in bytes. Authorization requests of real clients have 500 to 1500; a `state` of 2048 and a
/// redirect URI of 512 fit several times.
pub const MAX_FORM_BYTES: usize = 16 * 1024;

/// The most parameters. The longest request of any OAuth extension has about twenty.
const MAX_PARAMETERS: usize = 64;

/// Why a form cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// It has more than [`MAX_FORM_BYTES`].
    #[error("the request is too long")]
    TooLong,
    /// It has more than 64 parameters.
    #[error("the request has too many parameters")]
    TooMany,
    /// A `%` without two hexadecimal digits, bytes that are not UTF-8, or a body that is not text.
    #[error("the request is not form-encoded UTF-8")]
    Encoding,
}

/// A parameter that the request has more than once (RFC 6749 section 3.1: "Request and response parameters MUST NOT be
/// included more than once").
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {0} is there more than once")]
pub struct Repeated(pub &'static str);

/// The parameters of a request. Parameters that no caller reads are ignored.
///
/// It has no `Debug`: the values hold codes, tokens, and client secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters<'t>(Vec<(Cow<'t, str>, Cow<'t, str>)>);

impl<'t> Parameters<'t> {
    /// Reads a form. An empty text has no parameters.
    ///
    /// # Errors
    /// [`FormError`]. Its text names no value.
    pub fn parse(text: &'t str) -> Result<Self, FormError> {
        if text.len() > MAX_FORM_BYTES {
            return Err(FormError::TooLong);
        }
        let mut all = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if all.len() == MAX_PARAMETERS {
                return Err(FormError::TooMany);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            all.push((decode(name)?, decode(value)?));
        }
        Ok(Self(all))
    }

    /// Reads a form from the bytes of a body.
    ///
    /// # Errors
    /// [`FormError`].
    pub fn of_body(body: &'t [u8]) -> Result<Self, FormError> {
        if body.len() > MAX_FORM_BYTES {
            return Err(FormError::TooLong);
        }
        Self::parse(core::str::from_utf8(body).map_err(|_| FormError::Encoding)?)
    }

    /// The value of a parameter. One without a value counts as absent (RFC 6749 section 3.1).
    ///
    /// # Errors
    /// [`Repeated`], also when the values are the same or empty.
    pub fn one(&self, name: &'static str) -> Result<Option<&str>, Repeated> {
        let mut values = self.0.iter().filter(|(own, _)| own == name).map(|(_, value)| &**value);
        let value = values.next();
        if values.next().is_some() {
            return Err(Repeated(name));
        }
        Ok(value.filter(|value| !value.is_empty()))
    }
}

impl Parameters<'_> {
    /// All values of a name, for a form with checkboxes. No parameter of a standard is read so.
    pub fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| &**value)
    }
}

fn decode(text: &str) -> Result<Cow<'_, str>, FormError> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let escapes_are_sound = text.split('%').skip(1).all(|rest| {
        rest.as_bytes().first_chunk::<2>().is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !escapes_are_sound {
        return Err(FormError::Encoding);
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| FormError::Encoding)?;
    Ok(Cow::Owned(decoded.into_owned()))
}

/// A single form-encoded value. `None` if it cannot be read.
pub(crate) fn decoded(text: &str) -> Option<String> {
    decode(text).ok().map(Cow::into_owned)
}

/// Appends `name=value` to a query, form-encoded.
pub(crate) fn append(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() && !query.ends_with(['?', '&']) {
        query.push('&');
    }
    query.push_str(name);
    query.push('=');
    query.extend(percent_encoding::utf8_percent_encode(value, ESCAPED));
}

/// All but the unreserved characters (RFC 3986 section 2.3).
const ESCAPED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Option<String>, Repeated> {
        Parameters::parse(text).ok().unwrap().one("a").map(|value| value.map(str::to_owned))
    }

    #[test]
    fn a_value_is_decoded_once() {
        assert_eq!(one("a=x+y%20z%2Bw%2525&b"), Ok(Some("x y z+w%25".to_owned())));
        assert_eq!(one("%61=%C3%A4"), Ok(Some("ä".to_owned())));
        assert_eq!(one("a=b=c"), Ok(Some("b=c".to_owned())));
    }

    // Tests RFC 6749 section 3.1: a parameter without a value is omitted
    #[test]
    fn a_parameter_without_a_value_is_absent() {
        for text in ["", "a", "a=", "b=a", "&&", "A=x"] {
            assert_eq!(one(text), Ok(None), "{text}");
        }
    }

    // Tests RFC 6749 section 3.1: a parameter is there at most once
    #[test]
    fn a_repeated_parameter_is_refused_even_if_equal() {
        for text in ["a=1&a=1", "a=1&a=2", "a&a", "a=&%61=1"] {
            assert_eq!(one(text), Err(Repeated("a")), "{text}");
        }
    }

    #[test]
    fn a_form_that_cannot_be_read_is_an_error() {
        let error = |text: &str| Parameters::parse(text).err();
        for text in ["a=%", "a=%4", "a=%zz", "a=%FF", "%C3=x", "a=%C3%28", "a=%+1"] {
            assert_eq!(error(text), Some(FormError::Encoding), "{text}");
        }
        assert_eq!(error(&format!("a={}", "x".repeat(MAX_FORM_BYTES))), Some(FormError::TooLong));
        assert_eq!(error(&"a=1&".repeat(65)), Some(FormError::TooMany));
        assert_eq!(error(&"a=1&".repeat(64)), None);
        assert_eq!(Parameters::of_body(b"a=\xff").err(), Some(FormError::Encoding));
    }

    #[test]
    fn an_appended_value_cannot_add_a_parameter() {
        let mut query = "x=1".to_owned();
        append(&mut query, "state", "a&code=b#c d\r\n%ä~");
        assert_eq!(query, "x=1&state=a%26code%3Db%23c%20d%0D%0A%25%C3%A4~");
    }
}
