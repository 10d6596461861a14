//! Types are read from the tree that the strict parser makes of a text.
//!
//! `serde_json` reads types from the text itself, a second time, and passes over members that a type does not know. Here
//! they are noted, and each type is read by one generated reader, whichever of the two its caller wants.

use core::cell::Cell;
use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, EnumAccess, Error as _, Expected, MapAccess, SeqAccess, Unexpected, VariantAccess,
        Visitor,
    },
    forward_to_deserialize_any,
};

use super::borrowed::BorrowedValue;

/// What serde says of a text that is not of its type.
type Error = serde_json::Error;

/// A value of the tree.
pub(super) struct Node<'de, 'u> {
    pub(super) value: BorrowedValue<'de>,
    /// Set when a member is passed over because its type does not know it.
    pub(super) unknown: &'u Cell<bool>,
}

impl<'de> Deserializer<'de> for Node<'de, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            BorrowedValue::Null => visitor.visit_unit(),
            BorrowedValue::Bool(flag) => visitor.visit_bool(flag),
            BorrowedValue::Number(number) => number.deserialize_any(visitor),
            BorrowedValue::String(_) => self.deserialize_str(visitor),
            BorrowedValue::Array(_) => self.deserialize_seq(visitor),
            BorrowedValue::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    /// A struct may be an array, too.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            BorrowedValue::Array(_) => self.deserialize_seq(visitor),
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let unknown = self.unknown;
        let BorrowedValue::Array(values) = self.value else { return Err(self.mismatch(&visitor)) };
        let mut items = Items { rest: values.into_iter(), unknown };
        let read = visitor.visit_seq(&mut items)?;
        all_read(items.rest.len(), read)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let unknown = self.unknown;
        let BorrowedValue::Object(members) = self.value else { return Err(self.mismatch(&visitor)) };
        let mut entries = Entries { rest: members.0.into_iter(), value: None, unknown };
        let read = visitor.visit_map(&mut entries)?;
        all_read(entries.rest.len(), read)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            BorrowedValue::String(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            BorrowedValue::String(Cow::Owned(text)) => visitor.visit_string(text),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            BorrowedValue::Number(number) => number.deserialize_any(visitor),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// A variant without content is its name; another one is an object of one member.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let unknown = self.unknown;
        match self.value {
            BorrowedValue::String(name) => visitor.visit_enum(Variant { name, content: None, unknown }),
            BorrowedValue::Object(members) => {
                let mut members = members.0.into_iter();
                match (members.next(), members.next()) {
                    (Some((name, content)), None) => {
                        visitor.visit_enum(Variant { name, content: Some(content), unknown })
                    }
                    _ => Err(Error::custom("not one variant")),
                }
            }
            _ => Err(Error::custom("no variant")),
        }
    }

    /// Called for a member that the type does not know.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.unknown.set(true);
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char bytes byte_buf unit unit_struct tuple_struct
    }
}

impl Node<'_, '_> {
    /// The error for a value of another type than its place takes. It never quotes the value.
    #[inline(never)]
    fn mismatch(&self, expected: &dyn Expected) -> Error {
        let found = match &self.value {
            BorrowedValue::Null => Unexpected::Unit,
            BorrowedValue::Bool(_) => Unexpected::Other("boolean"),
            BorrowedValue::Number(_) => Unexpected::Other("number"),
            BorrowedValue::String(_) => Unexpected::Other("string"),
            BorrowedValue::Array(_) => Unexpected::Seq,
            BorrowedValue::Object(_) => Unexpected::Map,
        };
        Error::invalid_type(found, expected)
    }
}

/// An array or an object is of its type only if the type takes all of it.
fn all_read<T>(left: usize, read: T) -> Result<T, Error> {
    if left == 0 { Ok(read) } else { Err(Error::custom("too many values")) }
}

/// The values of an array.
struct Items<'de, 'u> {
    rest: std::vec::IntoIter<BorrowedValue<'de>>,
    unknown: &'u Cell<bool>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let unknown = self.unknown;
        self.rest.next().map(|value| seed.deserialize(Node { value, unknown })).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The members of an object.
struct Entries<'de, 'u> {
    rest: std::vec::IntoIter<(Cow<'de, str>, BorrowedValue<'de>)>,
    /// The value of the name that was read last.
    value: Option<BorrowedValue<'de>>,
    unknown: &'u Cell<bool>,
}

impl<'de> MapAccess<'de> for Entries<'de, '_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Node { value: BorrowedValue::String(name), unknown: self.unknown }).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some(value) = self.value.take() else { return Err(Error::custom("a value without a name")) };
        seed.deserialize(Node { value, unknown: self.unknown })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// A variant of an enum.
struct Variant<'de, 'u> {
    name: Cow<'de, str>,
    content: Option<BorrowedValue<'de>>,
    unknown: &'u Cell<bool>,
}

impl<'de, 'u> EnumAccess<'de> for Variant<'de, 'u> {
    type Error = Error;
    type Variant = Content<'de, 'u>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content<'de, 'u>), Error> {
        let Self { name, content, unknown } = self;
        let variant = seed.deserialize(Node { value: BorrowedValue::String(name), unknown })?;
        Ok((variant, Content(content.map(|value| Node { value, unknown }))))
    }
}

/// The content of a variant, if it has one.
struct Content<'de, 'u>(Option<Node<'de, 'u>>);

impl<'de, 'u> Content<'de, 'u> {
    fn node(self) -> Result<Node<'de, 'u>, Error> {
        self.0.ok_or_else(|| Error::invalid_type(Unexpected::UnitVariant, &"a variant with content"))
    }
}

impl<'de> VariantAccess<'de> for Content<'de, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), Deserialize::deserialize)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.node()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.node()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.node()?.deserialize_any(visitor)
    }
}
