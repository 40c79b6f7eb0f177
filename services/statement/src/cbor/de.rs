//! Decodes a canonical JSON tree into any `Deserialize` type, borrowing its texts.
//!
//! `ciborium` decodes owned values only and refuses texts longer than its scratch buffer; this reads an event in one pass
//! over bytes that [`check`](super::check) has already accepted.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::float::half_to_f64;
use super::{ARRAY, CborError, MAP, NINT, Reader, SIMPLE, TEXT, UINT};

/// Why a tree could not be decoded: the type's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(String);

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl From<CborError> for DecodeError {
    fn from(error: CborError) -> Self {
        de::Error::custom(error)
    }
}

/// A [`Deserializer`] over one canonical JSON tree.
#[derive(Debug)]
pub struct Tree<'de> {
    reader: Reader<'de>,
}

impl<'de> Tree<'de> {
    /// Decodes from the start of `bytes`, which must have passed [`check`](super::check) with
    /// [`Profile::EVENT`](super::Profile::EVENT): depth is bounded there, not here.
    pub fn new(bytes: &'de [u8]) -> Self {
        Self { reader: Reader::new(bytes) }
    }
}

impl<'de> Deserializer<'de> for Tree<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        let value = Item(&mut self.reader).deserialize_any(visitor)?;
        self.reader.end()?;
        Ok(value)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

struct Item<'r, 'de>(&'r mut Reader<'de>);

impl<'de> Deserializer<'de> for Item<'_, 'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let at = self.0.position();
        let (major, info, value) = self.0.clone().head()?;
        match major {
            TEXT => visitor.visit_borrowed_str(self.0.text()?),
            ARRAY => visitor.visit_seq(Elements { left: self.0.array()?, reader: self.0 }),
            MAP => visitor.visit_map(Pairs { left: self.0.map()?, reader: self.0 }),
            _ => {
                self.0.head()?;
                match (major, info) {
                    (UINT, _) => visitor.visit_u64(value),
                    (NINT, _) => match i64::try_from(value) {
                        Ok(value) => visitor.visit_i64(!value),
                        Err(_) => visitor.visit_i128(-1 - i128::from(value)),
                    },
                    (SIMPLE, 20) => visitor.visit_bool(false),
                    (SIMPLE, 21) => visitor.visit_bool(true),
                    (SIMPLE, 25) => visitor.visit_f64(half_to_f64(value as u16)),
                    (SIMPLE, 26) => visitor.visit_f64(f64::from(f32::from_bits(value as u32))),
                    (SIMPLE, 27) => visitor.visit_f64(f64::from_bits(value)),
                    _ => Err(CborError::NotAllowed { what: "this item", at }.into()),
                }
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    /// A word is a variant without content, a map of one pair a variant with it.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let major = self.0.clone().head()?.0;
        if major == MAP {
            if self.0.map()? != 1 {
                return Err(de::Error::custom("expected a map of one pair"));
            }
            return visitor.visit_enum(de::value::MapAccessDeserializer::new(Pairs { left: 1, reader: self.0 }));
        }
        visitor.visit_enum(de::value::BorrowedStrDeserializer::new(self.0.text()?))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Elements<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(Item(self.reader)).map(Some)
    }
}

struct Pairs<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
}

impl<'de> MapAccess<'de> for Pairs<'_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(Item(self.reader)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        seed.deserialize(Item(self.reader))
    }
}
