//! Strict JSON (RFC 8259 read with RFC 7493): a member name occurs once in an object at any
//! depth, nesting is bounded, text is UTF-8, numbers are finite. Two parsers that disagree about
//! a duplicate member can be played against each other; here there is nothing to disagree about.

use core::fmt;
use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::borrowed::{BorrowedValue, Members};

/// Objects and arrays inside each other, the outermost counted. Claims that are read stay under 6
/// (Keycloak's `resource_access`), but what an application puts into a claim that nobody reads may
/// be deeper; the parser's stack must not depend on input.
pub const MAX_DEPTH: usize = 64;

/// The text is no strict JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonError {
    /// Not UTF-8.
    NotUtf8,
    /// A member name occurs twice in one object.
    DuplicateMember,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// Not JSON at all, or more than one value, or a number out of the range of a double.
    Malformed,
    /// JSON, but not an object where one is demanded.
    NotAnObject,
}

impl JsonError {
    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::DuplicateMember => "duplicate_member",
            Self::TooDeep => "too_deep",
            Self::Malformed => "not_json",
            Self::NotAnObject => "not_an_object",
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotUtf8 => "not UTF-8",
            Self::DuplicateMember => "a member name occurs twice",
            Self::TooDeep => "nested too deeply",
            Self::Malformed => "not JSON",
            Self::NotAnObject => "not a JSON object",
        })
    }
}

impl core::error::Error for JsonError {}

/// Parses one JSON value strictly. The caller caps the size first.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    borrow(bytes).map(Value::from)
}

/// The same for who wants to tell where the text is wrong: the error knows the line and the column.
/// Its message quotes the text: not for a log.
pub fn parse_text(text: &str) -> Result<Value, serde_json::Error> {
    borrow_text(text).map(Value::from)
}

/// The tree of one strict JSON value.
pub(super) fn tree(text: &str) -> Result<BorrowedValue<'_>, JsonError> {
    borrow_text(text).map_err(|error| cause(&error))
}

/// Parses one JSON object strictly.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    borrow_object(bytes).map(Map::from)
}

/// Parses one JSON object strictly, without copying the strings that stand in it as they are.
pub fn borrow_object(bytes: &[u8]) -> Result<Members<'_>, JsonError> {
    match borrow(bytes)? {
        BorrowedValue::Object(members) => Ok(members),
        _ => Err(JsonError::NotAnObject),
    }
}

fn borrow(bytes: &[u8]) -> Result<BorrowedValue<'_>, JsonError> {
    tree(core::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?)
}

/// The one strict parser.
fn borrow_text(text: &str) -> Result<BorrowedValue<'_>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict { depth: 0 }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

// serde's error type carries only text, so our two causes travel as these words.
const DUPLICATE: &str = "duplicate member";
const DEEP: &str = "too deep";

fn cause(error: &serde_json::Error) -> JsonError {
    // The message is followed by " at line L column C"; the parser's own messages never start so.
    let message = error.to_string();
    if message.starts_with(DUPLICATE) {
        JsonError::DuplicateMember
    } else if message.starts_with(DEEP) {
        JsonError::TooDeep
    } else {
        JsonError::Malformed
    }
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH { Err(E::custom(DEEP)) } else { Ok(Self { depth: self.depth + 1 }) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = BorrowedValue<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = BorrowedValue<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(BorrowedValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(BorrowedValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(BorrowedValue::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(BorrowedValue::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
        Number::from_f64(value).map(BorrowedValue::Number).ok_or_else(|| E::custom("number not finite"))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(BorrowedValue::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(BorrowedValue::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let inner = self.inside()?;
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(BorrowedValue::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let inner = self.inside()?;
        let mut members = Members(Vec::new());
        while let Some(name) = object.next_key_seed(Name)? {
            members.0.push((name, object.next_value_seed(inner)?));
        }
        if members.has_duplicate() {
            Err(A::Error::custom(DUPLICATE))
        } else {
            Ok(BorrowedValue::Object(members))
        }
    }
}

/// Reads a member's name; serde's own reading of a `Cow` copies it.
pub(crate) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tests RFC 8259 section 4: a member name that is given twice is refused
    // Tests RFC 7515 section 10.12: duplicate member names are refused
    #[test]
    fn a_member_given_twice_is_refused_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":{"b":[{"c":1,"c":2}]}}"#,
            "{\"iss\":\"good\",\"\\u0069ss\":\"evil\"}",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(JsonError::DuplicateMember), "{text}");
        }
        assert!(parse(br#"{"a":{"a":{"a":1}}}"#).is_ok());
    }

    #[test]
    fn nesting_beyond_the_cap_is_refused_and_at_the_cap_accepted() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()), Err(JsonError::TooDeep));
        assert_eq!(parse("[".repeat(100_000).as_bytes()), Err(JsonError::TooDeep));
    }

    // Tests RFC 8259 section 2: a text is one JSON value and nothing more
    #[test]
    fn what_is_not_exactly_one_json_text_is_refused() {
        assert_eq!(parse(b"{\"a\":\"\xff\"}"), Err(JsonError::NotUtf8));
        for text in [
            "",
            " ",
            "{}{}",
            "{} x",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":NaN}",
            "{\"a\":1e999}",
            "{\"a\":01}",
            "\u{feff}{}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\n\"}",
            "{a:1}",
            "{\"a\":+1}",
            "{\"a\":.5}",
            "//\n{}",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(JsonError::Malformed), "{text:?}");
        }
        assert_eq!(parse_object(b"[1]"), Err(JsonError::NotAnObject));
    }

    #[test]
    fn the_words_of_a_hostile_text_do_not_choose_the_cause() {
        assert_eq!(parse(br#"{"duplicate member":1,}"#), Err(JsonError::Malformed));
    }
}
