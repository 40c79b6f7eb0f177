//! Numbers that are what they say.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ParseError;

/// A finite number: never NaN, never infinite.
#[derive(Copy, Clone, PartialEq, PartialOrd)]
pub struct Number(f64);

impl Number {
    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Number {
    type Error = ParseError;

    fn try_from(value: f64) -> Result<Self, ParseError> {
        if value.is_finite() { Ok(Self(value)) } else { Err(ParseError::Range { what: "number", expected: "finite" }) }
    }
}

/// A share of a whole in percent, 0 to 100.
#[derive(Copy, Clone, PartialEq, PartialOrd)]
pub struct Percent(f64);

impl Percent {
    /// The percentage.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Percent {
    type Error = ParseError;

    fn try_from(value: f64) -> Result<Self, ParseError> {
        if (0.0..=100.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(ParseError::Range { what: "percentage", expected: "between 0 and 100" })
        }
    }
}

struct FloatVisitor;

impl de::Visitor<'_> for FloatVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    // People write 12 for 12.0. Beyond 2^53 a float would silently be another number.
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<f64, E> {
        match u32::try_from(value) {
            Ok(small) => Ok(small.into()),
            Err(_) if value <= 1 << 53 => Ok(value as f64),
            Err(_) => Err(E::invalid_value(de::Unexpected::Unsigned(value), &"a number up to 2^53")),
        }
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<f64, E> {
        if value.unsigned_abs() <= 1 << 53 {
            Ok(value as f64)
        } else {
            Err(E::invalid_value(de::Unexpected::Signed(value), &"a number down to -2^53"))
        }
    }
}

macro_rules! number_form {
    ($type:ident, { $($schema:tt)* }) => {
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_f64(self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_f64(FloatVisitor)?.try_into().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "number", $($schema)* })
            }
        }
    };
}

number_form!(Number, { "description": "a finite number" });
number_form!(Percent, { "description": "a percentage", "minimum": 0, "maximum": 100 });
