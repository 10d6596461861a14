//! JSON of our own formats: messages to objects, stored records, rows.
//!
//! The one strict parser there is ([`super::parse`]) makes a tree of the text, and types are read from the tree. Whether
//! unknown members are refused is what the caller chooses ([`read`], [`read_known`]), not the type.

use core::{cell::Cell, fmt};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    borrowed::BorrowedValue,
    parse::{self, JsonError},
    tree::Node,
};

/// Why a text is not of its type. Names only what the program itself knows, never what the text
/// holds, so that it may go to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// No strict JSON.
    Syntax(JsonError),
    /// A member that must be there is not.
    Missing(String),
    /// A member stands there that the type does not know.
    Unknown,
    /// A variant stands there that the type does not know.
    UnknownVariant,
    /// A value of another type than its place takes.
    WrongType,
    /// A value of the right type that the place does not take.
    WrongValue,
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Syntax(error) => return fmt::Display::fmt(error, formatter),
            Self::Missing(name) => return write!(formatter, "missing member {name}"),
            Self::Unknown => "unknown member",
            Self::UnknownVariant => "unknown variant",
            Self::WrongType => "a value has a wrong type",
            Self::WrongValue => "a value is out of range",
        })
    }
}

impl core::error::Error for ReadError {}

/// `serde_json` describes what it found by quoting it; of that only the kind is kept.
impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        let message = error.to_string();
        // The name of a missing member is the program's own.
        if let Some(name) = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
            return Self::Missing(name.to_owned());
        }
        let begins = |words: &str| message.starts_with(words);
        if begins("unknown field") {
            Self::Unknown
        } else if begins("unknown variant") {
            Self::UnknownVariant
        } else if begins("invalid type") {
            Self::WrongType
        } else {
            Self::WrongValue
        }
    }
}

/// Reads a value of its type from JSON text. A member that the type does not know, at any depth,
/// is an error: for requests and for stored records, where overlooking one could undo what it says.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, ReadError> {
    read_value(parse::tree(text).map_err(ReadError::Syntax)?)
}

/// Reads a part of a parsed text as [`read`] does.
pub fn read_value<T: DeserializeOwned>(value: BorrowedValue<'_>) -> Result<T, ReadError> {
    let unknown = Cell::new(false);
    let read = T::deserialize(Node { value, unknown: &unknown })?;
    if unknown.get() { Err(ReadError::Unknown) } else { Ok(read) }
}

/// The same, members that the type does not know passed over: for answers of another version of
/// the program and for what others write.
pub fn read_known<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, ReadError> {
    let value = parse::tree(text).map_err(ReadError::Syntax)?;
    Ok(T::deserialize(Node { value, unknown: &Cell::new(false) })?)
}

/// Writes a value as JSON text: one instance of the serializer for all who write. What can't be
/// written (a map whose keys are no text) is an error; none of our types is so.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

#[cfg(test)]
#[cfg(feature = "thorough")]
mod properties;
#[cfg(test)]
mod tests;
