//! Events as trees of values: read strictly, then turned into types with errors that name the place.
//!
//! This is the slow and exact way in. It runs for JSON that people wrote, and a second time over
//! events that failed on the fast way, to say what was wrong with them.

use std::fmt;

use serde::{
    Deserializer,
    de::{self, DeserializeSeed, Unexpected, Visitor},
};
use serde_json::{Map, Number, Value};

use crate::{EventError, error::nearest};

/// How deep a whole event may nest. Only documents in it have a say in that, and their own limit
/// is met first.
pub(crate) const EVENT_DEPTH: u8 = 16;

/// Reads any tree of values: no key twice, no number that isn't finite, at most `depth` lists and
/// objects within each other.
pub(crate) fn read<'de, D>(deserializer: D, depth: u8) -> Result<Value, D::Error>
where
    D: Deserializer<'de>,
{
    Strict { depth }.deserialize(deserializer)
}

struct Strict {
    depth: u8,
}

impl Strict {
    fn deeper<E: de::Error>(&self) -> Result<u8, E> {
        self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value as JSON has them")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::invalid_value(Unexpected::Float(value), &"a finite number"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Strict { depth })? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut entries = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(Strict { depth })?;
            if entries.contains_key(&key) {
                return Err(de::Error::custom(format_args!("key {key:?} is given twice")));
            }
            entries.insert(key, value);
        }
        Ok(Value::Object(entries))
    }
}

/// How serde words what a value is.
pub(crate) fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Other("null"),
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => Unexpected::Unsigned(value),
            (None, Some(value)) => Unexpected::Signed(value),
            (None, None) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(value) => Unexpected::Str(value),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

/// A place in a tree, given to serde as a deserializer whose errors are [`EventError`]s.
#[derive(Copy, Clone)]
pub(crate) struct Place<'t> {
    value: &'t Value,
}

impl<'t> Place<'t> {
    pub(crate) const fn new(value: &'t Value) -> Self {
        Self { value }
    }
}

impl<'de> Deserializer<'de> for Place<'de> {
    type Error = EventError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, EventError> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), _, _) => visitor.visit_u64(value),
                (None, Some(value), _) => visitor.visit_i64(value),
                (None, None, value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            Value::Object(map) => visitor.visit_map(Fields::of(map)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, EventError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, EventError> {
        visitor.visit_newtype_struct(self)
    }

    // A closed set is written as one of its words; no type of ours writes an enum otherwise.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, EventError> {
        match self.value {
            Value::String(word) => visitor.visit_enum(de::value::BorrowedStrDeserializer::new(word)),
            other => Err(de::Error::invalid_type(unexpected(other), &"one of a set of words")),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'t> {
    items: std::iter::Enumerate<std::slice::Iter<'t, Value>>,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = EventError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, EventError> {
        let Some((index, value)) = self.items.next() else { return Ok(None) };
        seed.deserialize(Place::new(value)).map(Some).map_err(|error| error.within(&format!("[{index}]")))
    }
}

struct Fields<'t> {
    entries: std::vec::IntoIter<(&'t String, &'t Value)>,
    current: Option<(&'t str, &'t Value)>,
}

impl<'t> Fields<'t> {
    /// The fields in the order of deterministic CBOR, whatever order they were written in: so a `kind` comes before the
    /// `content` it decides, which would otherwise be put aside and lose its place.
    fn of(map: &'t Map<String, Value>) -> Self {
        let mut entries: Vec<_> = map.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| (key.len(), *key));
        Self { entries: entries.into_iter(), current: None }
    }
}

impl<'de> de::MapAccess<'de> for Fields<'de> {
    type Error = EventError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, EventError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.current = Some((key, value));
        seed.deserialize(de::value::BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, EventError> {
        let (key, value) = self.current.take().unwrap_or(("", &Value::Null));
        seed.deserialize(Place::new(value)).map_err(|error| error.within(key))
    }
}

impl EventError {
    /// The same error, one step further from where it happened.
    pub(crate) fn within(mut self, step: &str) -> Self {
        if let Self::UnknownField { path, .. }
        | Self::MissingField { path, .. }
        | Self::DuplicateField { path, .. }
        | Self::UnknownValue { path, .. }
        | Self::WrongShape { path, .. }
        | Self::Refused { path, .. } = &mut self
        {
            let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            *path = format!("{step}{dot}{path}");
        }
        self
    }
}

/// Errors as serde reports them; `within` adds the path on the way out.
impl de::Error for EventError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::Refused { path: String::new(), reason: reason.to_string() }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let found = match found {
            // No value is ever a unit: in a tree that is how null looks.
            Unexpected::Unit => "null".to_owned(),
            other => shorten(&other.to_string()),
        };
        Self::WrongShape { path: String::new(), found, expected: expected.to_string() }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn de::Expected) -> Self {
        Self::WrongShape { path: String::new(), found: format!("{length} items"), expected: expected.to_string() }
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        Self::UnknownValue {
            path: String::new(),
            found: shorten(found),
            expected,
            nearest: nearest(found, expected.iter().copied()),
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::UnknownField {
            path: String::new(),
            field: shorten(field),
            nearest: nearest(field, expected.iter().copied()),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::MissingField { path: String::new(), field }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::DuplicateField { path: String::new(), field: field.to_owned() }
    }
}

/// Enough of a text to recognise it by; errors travel and are logged.
pub(crate) fn shorten(text: &str) -> String {
    const KEEP: usize = 80;
    match text.char_indices().nth(KEEP) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
