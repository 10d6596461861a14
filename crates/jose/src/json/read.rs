//! JSON of our own formats: messages to objects, stored records, rows.
//!
//! `serde_json` reads text straight into a type, which compiles its parser anew for each type.
//! Here the text becomes a tree first, by the one strict parser there is ([`crate::json`]),
//! and types are read from the tree by a deserializer of a few lines: a third of the WASM
//! module's size went into the difference. It takes what serde's derived code asks for and no
//! more: structs from objects alone, enums by their external tag.
//!
//! A struct's members are handed over in the order of its fields, a variant by its number: what
//! derived code does with names is compiled for each type, looking them up here is compiled
//! once. Two things follow. Whether unknown members are refused is what the caller chooses
//! ([`read`], [`read_known`]), not the type. And an optional member needs `#[serde(default)]`,
//! as any other that may be missing.

use core::fmt;

use serde::{
    Serialize,
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, MapAccess, SeqAccess,
        Unexpected, VariantAccess, Visitor, value::U64Deserializer,
    },
};
use serde_json::{Map, Value};

use super::parse::{self, JsonError};

/// Why a text is not of its type. Names only what the program itself knows, never what the text
/// holds, so that it may go to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// No strict JSON.
    Syntax(JsonError),
    /// A member that must be there is not.
    Missing(&'static str),
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
        let what = match self {
            Self::Syntax(error) => return fmt::Display::fmt(error, formatter),
            Self::Missing(name) => {
                formatter.write_str("missing member ")?;
                name
            }
            Self::Unknown => "unknown member",
            Self::UnknownVariant => "unknown variant",
            Self::WrongType => "a value has a wrong type",
            Self::WrongValue => "a value is out of range",
        };
        formatter.write_str(what)
    }
}

impl core::error::Error for ReadError {}

// The defaults of this trait print values: that is what pulls in the formatting of floats.
impl Error for ReadError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::WrongValue
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::WrongType
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::WrongValue
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::WrongValue
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::UnknownVariant
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::Unknown
    }

    fn missing_field(name: &'static str) -> Self {
        Self::Missing(name)
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self::Syntax(JsonError::DuplicateMember)
    }
}

/// What becomes of members that a type does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    Refused,
    PassedOver,
}

/// Reads a value of its type from JSON text. A member that the type does not know, at any depth,
/// is an error: for requests and for stored records, where overlooking one could undo what it says.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, ReadError> {
    read_value(value(text)?)
}

/// The same, members that the type does not know passed over: for answers of another version of
/// the program and for what others write.
pub fn read_known<T: DeserializeOwned>(text: &str) -> Result<T, ReadError> {
    T::deserialize(Tree { value: value(text)?, others: Others::PassedOver })
}

/// Reads a value of its type from a tree, as [`read`] does.
pub fn read_value<T: DeserializeOwned>(value: Value) -> Result<T, ReadError> {
    T::deserialize(Tree { value, others: Others::Refused })
}

fn value(text: &str) -> Result<Value, ReadError> {
    parse::parse(text.as_bytes()).map_err(ReadError::Syntax)
}

/// Writes a value as JSON text: one instance of the serializer for all who write. What can't be
/// written (a map whose keys are no text) is an error; none of our types is so.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

struct Tree {
    value: Value,
    others: Others,
}

/// The methods that ask for a text, or for a number of some width.
macro_rules! leaves {
    ($($method:ident => $leaf:ident,)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.$leaf(visitor)
        })*
    };
}

impl Tree {
    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Value::Number(number) = self.value else { return Err(ReadError::WrongType) };
        if let Some(number) = number.as_u64() {
            return visitor.visit_u64(number);
        }
        number.as_i64().map_or(Err(ReadError::WrongType), |number| visitor.visit_i64(number))
    }

    fn float<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.value.as_f64().map_or(Err(ReadError::WrongType), |number| visitor.visit_f64(number))
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Value::String(text) = self.value else { return Err(ReadError::WrongType) };
        visitor.visit_string(text)
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Value::Array(items) = self.value else { return Err(ReadError::WrongType) };
        visitor.visit_seq(Items { items: items.into_iter(), others: self.others })
    }

    fn map<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Value::Object(members) = self.value else { return Err(ReadError::WrongType) };
        visitor.visit_map(Entries { rest: members.into_iter(), value: Value::Null, others: self.others })
    }

    fn fields<'de, V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let mut fields = Fields::of(self, names)?;
        let read = visitor.visit_seq(&mut fields);
        fields.judge(read.as_ref().err().copied()).map_or(read, Err)
    }

    /// `"name"`, or `{"name": content}` with exactly one member: the variant's number and content.
    fn variant(self, names: &'static [&'static str]) -> Result<Variant, ReadError> {
        let (name, value) = match self.value {
            Value::String(name) => (name, Value::Null),
            Value::Object(members) => only_member(members)?,
            _ => return Err(ReadError::WrongType),
        };
        let number = names.iter().position(|known| *known == name).ok_or(ReadError::UnknownVariant)?;
        Ok(Variant { number: number as u64, content: Self { value, others: self.others } })
    }
}

impl<'de> Deserializer<'de> for Tree {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(flag),
            Value::Number(ref number) if number.is_f64() => self.float(visitor),
            Value::Number(_) => self.number(visitor),
            Value::String(_) => self.text(visitor),
            Value::Array(_) => self.list(visitor),
            Value::Object(_) => self.map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.value.as_bool().map_or(Err(ReadError::WrongType), |flag| visitor.visit_bool(flag))
    }

    leaves! {
        deserialize_i8 => number,
        deserialize_i16 => number,
        deserialize_i32 => number,
        deserialize_i64 => number,
        deserialize_u8 => number,
        deserialize_u16 => number,
        deserialize_u32 => number,
        deserialize_u64 => number,
        deserialize_f32 => float,
        deserialize_f64 => float,
        deserialize_char => text,
        deserialize_str => text,
        deserialize_string => text,
        deserialize_seq => list,
        deserialize_map => map,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.value.is_null() { visitor.visit_unit() } else { Err(ReadError::WrongType) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.list(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.fields(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_enum(self.variant(variants)?)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.text(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ReadError> {
        Err(ReadError::WrongType)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ReadError> {
        Err(ReadError::WrongType)
    }
}

fn only_member(members: Map<String, Value>) -> Result<(String, Value), ReadError> {
    let mut members = members.into_iter();
    match (members.next(), members.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(ReadError::WrongType),
    }
}

struct Items {
    items: std::vec::IntoIter<Value>,
    others: Others,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let Some(value) = self.items.next() else { return Ok(None) };
        seed.deserialize(Tree { value, others: self.others }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The members of a struct, in the order of its fields. For one that is missing there is no
/// element: derived code then takes the default, or gives up if there is none.
struct Fields {
    names: core::slice::Iter<'static, &'static str>,
    members: Map<String, Value>,
    others: Others,
    found: usize,
    /// The field that was asked for last, if it was missing.
    missing: Option<&'static str>,
}

impl Fields {
    fn of(tree: Tree, names: &'static [&'static str]) -> Result<Self, ReadError> {
        let Value::Object(members) = tree.value else { return Err(ReadError::WrongType) };
        Ok(Self { names: names.iter(), members, others: tree.others, found: 0, missing: None })
    }

    fn next(&mut self) -> Option<Tree> {
        let name = self.names.next()?;
        let member = self.members.get_mut(*name);
        self.missing = if member.is_some() { None } else { Some(name) };
        let value = member?.take();
        self.found += 1;
        Some(Tree { value, others: self.others })
    }

    /// What is wrong with the whole, `read` being what was wrong with its members.
    fn judge(self, read: Option<ReadError>) -> Option<ReadError> {
        match (read, self.missing) {
            (Some(_), Some(name)) => Some(ReadError::Missing(name)),
            (Some(error), None) => Some(error),
            (None, _) if self.others == Others::PassedOver || self.found == self.members.len() => None,
            (None, _) => Some(ReadError::Unknown),
        }
    }
}

impl<'de> SeqAccess<'de> for &mut Fields {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.next().map(|tree| seed.deserialize(tree)).transpose()
    }
}

/// The members of a map.
struct Entries {
    rest: serde_json::map::IntoIter,
    value: Value,
    others: Others,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = value;
        seed.deserialize(Name(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        seed.deserialize(Tree { value: self.value.take(), others: self.others })
    }
}

/// The key of a map.
struct Name(String);

impl<'de> Deserializer<'de> for Name {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_string(self.0)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Variant {
    number: u64,
    content: Tree,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = ReadError;
    type Variant = Tree;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Tree), ReadError> {
        Ok((seed.deserialize(U64Deserializer::new(self.number))?, self.content))
    }
}

impl<'de> VariantAccess<'de> for Tree {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        if self.value.is_null() { Ok(()) } else { Err(ReadError::WrongType) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.list(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.fields(fields, visitor)
    }
}

#[cfg(test)]
mod tests;
