//! Writing JSON, byte for byte as `serde_json` does.
//!
//! `serde_json` is generic over where it writes to and how it lays out, and every step of it can
//! fail: each bracket and comma is a call with a check, in the code of each type. Here a step is
//! one call. Texts and numbers are still written by `serde_json`.

use serde::{
    Serialize, Serializer,
    ser::{
        Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};
use serde_json::Error;

/// Writes a value as JSON text. What can't be written (a map whose keys are no text) is an error;
/// none of our types is so.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    let mut writer = Writer { text: Vec::with_capacity(128) };
    value.serialize(&mut writer)?;
    String::from_utf8(writer.text).map_err(Error::custom)
}

struct Writer {
    text: Vec<u8>,
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn string(&mut self, text: &str) -> Result<(), Error> {
        serde_json::to_writer(&mut self.text, text)
    }

    fn unsigned(&mut self, number: u64) -> Result<(), Error> {
        serde_json::to_writer(&mut self.text, &number)
    }

    fn signed(&mut self, number: i64) -> Result<(), Error> {
        serde_json::to_writer(&mut self.text, &number)
    }

    fn list(&mut self) -> Members<'_> {
        self.push("[");
        Members { writer: self, first: true, end: "]" }
    }

    fn object(&mut self) -> Members<'_> {
        self.push("{");
        Members { writer: self, first: true, end: "}" }
    }

    /// `{"name":`
    fn variant(&mut self, name: &str) -> Result<(), Error> {
        self.push("{");
        self.string(name)?;
        self.push(":");
        Ok(())
    }
}

/// The methods for numbers of some width.
macro_rules! numbers {
    ($($method:ident($number:ty) => $write:ident,)*) => {
        $(fn $method(self, number: $number) -> Result<(), Error> {
            self.$write(number.into())
        })*
    };
}

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'w>;
    type SerializeTuple = Members<'w>;
    type SerializeTupleStruct = Members<'w>;
    type SerializeTupleVariant = Members<'w>;
    type SerializeMap = Members<'w>;
    type SerializeStruct = Members<'w>;
    type SerializeStructVariant = Members<'w>;

    numbers! {
        serialize_i8(i8) => signed,
        serialize_i16(i16) => signed,
        serialize_i32(i32) => signed,
        serialize_i64(i64) => signed,
        serialize_u8(u8) => unsigned,
        serialize_u16(u16) => unsigned,
        serialize_u32(u32) => unsigned,
        serialize_u64(u64) => unsigned,
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.push(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_f32(self, number: f32) -> Result<(), Error> {
        serde_json::to_writer(&mut self.text, &number)
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        serde_json::to_writer(&mut self.text, &number)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.string(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.string(text)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        self.collect_seq(bytes)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.push("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<(), Error> {
        self.string(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(name)?;
        value.serialize(&mut *self)?;
        self.push("}");
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'w>, Error> {
        Ok(self.list())
    }

    fn serialize_tuple(self, _: usize) -> Result<Members<'w>, Error> {
        Ok(self.list())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Members<'w>, Error> {
        Ok(self.list())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Members<'w>, Error> {
        self.variant(name)?;
        Ok(Members { end: "]}", ..self.list() })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'w>, Error> {
        Ok(self.object())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'w>, Error> {
        Ok(self.object())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Members<'w>, Error> {
        self.variant(name)?;
        Ok(Members { end: "}}", ..self.object() })
    }
}

/// What stands between a pair of brackets.
struct Members<'w> {
    writer: &'w mut Writer,
    first: bool,
    end: &'static str,
}

impl Members<'_> {
    fn comma(&mut self) {
        if !self.first {
            self.writer.push(",");
        }
        self.first = false;
    }

    fn name(&mut self, name: &str) -> Result<(), Error> {
        self.comma();
        self.writer.string(name)?;
        self.writer.push(":");
        Ok(())
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.comma();
        value.serialize(&mut *self.writer)
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.name(name)?;
        value.serialize(&mut *self.writer)
    }

    fn close(self) {
        self.writer.push(self.end);
    }
}

/// The traits of lists, and those of objects whose names are known.
macro_rules! members {
    ($($of:ident: $method:ident => $write:ident($($name:ident)?),)*) => {
        $(impl $of for Members<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &T,
            ) -> Result<(), Error> {
                self.$write($($name,)? value)
            }

            fn end(self) -> Result<(), Error> {
                self.close();
                Ok(())
            }
        })*
    };
}

members! {
    SerializeSeq: serialize_element => item(),
    SerializeTuple: serialize_element => item(),
    SerializeTupleStruct: serialize_field => item(),
    SerializeTupleVariant: serialize_field => item(),
    SerializeStruct: serialize_field => member(name),
    SerializeStructVariant: serialize_field => member(name),
}

impl SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.comma();
        let begin = self.writer.text.len();
        key.serialize(&mut *self.writer)?;
        if self.writer.text.get(begin) == Some(&b'"') {
            self.writer.push(":");
            Ok(())
        } else {
            Err(Error::custom("a key that is no text"))
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}
