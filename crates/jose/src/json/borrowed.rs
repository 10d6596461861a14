//! A JSON value that borrows from its text.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

/// A JSON value. A string without escapes is a part of the text that it was parsed from.
#[derive(Debug, Clone, PartialEq)]
pub enum BorrowedValue<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// A string, without its escapes.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(Members<'a>),
}

/// The members of an object in the order of the text. Each name occurs once.
#[derive(Debug, Clone, PartialEq)]
pub struct Members<'a>(pub(super) Vec<(Cow<'a, str>, BorrowedValue<'a>)>);

/// Up to so many names are compared each with each, which costs less than sorting them.
const FEW: usize = 24;

impl<'a> Members<'a> {
    /// The value of the member of this name.
    pub fn get(&self, name: &str) -> Option<&BorrowedValue<'a>> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Takes the value of the member of this name out.
    pub fn take(&mut self, name: &str) -> Option<BorrowedValue<'a>> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Names and values, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &BorrowedValue<'a>)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has_duplicate(&self) -> bool {
        let mut names = self.0.iter().map(|(name, _)| &**name);
        if self.0.len() <= FEW {
            return core::iter::from_fn(|| names.next().map(|name| (name, names.clone())))
                .any(|(name, mut others)| others.any(|other| other == name));
        }
        let mut sorted: Vec<&str> = names.collect();
        sorted.sort_unstable();
        sorted.iter().zip(sorted.iter().skip(1)).any(|(one, next)| one == next)
    }
}

impl<'a> BorrowedValue<'a> {
    /// Whether it is `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The members, if it is an object.
    pub const fn as_object(&self) -> Option<&Members<'a>> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The values, if it is an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }

    /// The number, if it is one that is whole and not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

impl<'a> From<&'a Value> for BorrowedValue<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::String(Cow::Borrowed(text)),
            Value::Array(values) => Self::Array(values.iter().map(Self::from).collect()),
            Value::Object(members) => Self::Object(members.into()),
        }
    }
}

impl<'a> From<&'a Map<String, Value>> for Members<'a> {
    fn from(members: &'a Map<String, Value>) -> Self {
        Self(members.iter().map(|(name, value)| (Cow::Borrowed(name.as_str()), value.into())).collect())
    }
}

impl From<BorrowedValue<'_>> for Value {
    fn from(value: BorrowedValue<'_>) -> Self {
        match value {
            BorrowedValue::Null => Self::Null,
            BorrowedValue::Bool(flag) => Self::Bool(flag),
            BorrowedValue::Number(number) => Self::Number(number),
            BorrowedValue::String(text) => Self::String(text.into_owned()),
            BorrowedValue::Array(values) => Self::Array(values.into_iter().map(Self::from).collect()),
            BorrowedValue::Object(members) => Self::Object(members.into()),
        }
    }
}

impl From<Members<'_>> for Map<String, Value> {
    fn from(members: Members<'_>) -> Self {
        members.0.into_iter().map(|(name, value)| (name.into_owned(), value.into())).collect()
    }
}
