//! Takes a JWK Set apart without judging what nobody reads. What is wrong with an entry stays with
//! the entry.

use core::fmt;

use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Deserializer, value::RawValue};

use crate::{JwkSetError, document, json::JsonError};

/// The texts of the entries of `keys`, in their order.
pub(super) fn entries(document: &[u8]) -> Result<Vec<&RawValue>, JwkSetError> {
    let text = document::text(document).map_err(JwkSetError::NotJson)?;
    let mut deserializer = Deserializer::from_str(text);
    let found = deserializer.deserialize_any(Set).and_then(|keys| deserializer.end().map(|()| keys));
    let not_json = |cause| Err(JwkSetError::NotJson(cause));
    match found {
        Ok(Some(keys)) if keys.get().starts_with('[') => {
            serde_json::from_str(keys.get()).or_else(|_| not_json(JsonError::Malformed))
        }
        Ok(_) => Err(JwkSetError::NoKeys),
        Err(error) if error.to_string().starts_with(TWICE) => not_json(JsonError::DuplicateMember),
        Err(_) if !text.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok() => {
            not_json(JsonError::NotAnObject)
        }
        Err(_) => not_json(JsonError::Malformed),
    }
}

// serde's error type carries only text.
const TWICE: &str = "the member keys occurs twice";

/// Finds `keys`.
struct Set;

impl<'de> Visitor<'de> for Set {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JWK Set")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut keys = None;
        while let Some(name) = object.next_key::<String>()? {
            if name != "keys" {
                object.next_value::<IgnoredAny>()?;
            } else if keys.replace(object.next_value::<&RawValue>()?).is_some() {
                // RFC 7517 section 5: member names must be unique. Which of the two would be a guess.
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(keys)
    }
}
