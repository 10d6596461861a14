//! Documents that other parties publish: key sets and metadata. What is read of them is read
//! strictly; members that nobody reads may hold anything that is JSON, and decide nothing.

use core::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Deserializer, Map, Value, value::RawValue};

use super::json::{self, JsonError};

/// The text of a document, without the byte order mark and the white space that may stand before
/// it (RFC 8259 section 8.1 lets a parser ignore the mark).
pub(crate) fn text(document: &[u8]) -> Result<&str, JsonError> {
    let text = core::str::from_utf8(document).map_err(|_| JsonError::NotUtf8)?;
    Ok(text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']))
}

/// The members of an object that are read. One that stands there twice, or is no strict JSON,
/// is an error; of the others only the syntax is looked at.
pub(crate) fn members(text: &str, is_read: fn(&str) -> bool) -> Result<Map<String, Value>, JsonError> {
    let mut deserializer = Deserializer::from_str(text);
    let read = deserializer.deserialize_any(Members { is_read });
    match read.and_then(|read| deserializer.end().map(|()| read)) {
        Ok(read) => read,
        Err(_) if serde_json::from_str::<IgnoredAny>(text).is_ok() && !text.starts_with('{') => {
            Err(JsonError::NotAnObject)
        }
        Err(_) => Err(JsonError::Malformed),
    }
}

struct Members {
    is_read: fn(&str) -> bool,
}

impl<'de> Visitor<'de> for Members {
    /// An error in it is one of the values: the text is read to its end all the same.
    type Value = Result<Map<String, Value>, JsonError>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        let mut wrong = None;
        while let Some(name) = object.next_key::<String>()? {
            if !(self.is_read)(&name) {
                object.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = json::parse(object.next_value::<&RawValue>()?.get().as_bytes());
            if let Err(cause) = value {
                wrong = Some(cause);
            }
            if members.insert(name, value.unwrap_or_default()).is_some() {
                wrong = Some(JsonError::DuplicateMember);
            }
        }
        Ok(wrong.map_or(Ok(members), Err))
    }
}
