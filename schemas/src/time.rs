//! When: a moment, or what is known of one.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ParseError;

/// A moment: whole milliseconds since 1970-01-01T00:00:00Z, up to the end of the year 9999.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last moment that can be recorded.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// The moment `ms` milliseconds after the Unix epoch.
    ///
    /// # Errors
    /// [`ParseError::Range`] beyond [`Timestamp::MAX`].
    pub const fn from_ms(ms: u64) -> Result<Self, ParseError> {
        if ms > Self::MAX.0 {
            return Err(ParseError::Range { what: "time", expected: "milliseconds since 1970, before the year 10000" });
        }
        Ok(Self(ms))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_ms(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_ms(u64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "integer",
            "minimum": 0,
            "maximum": Self::MAX.0,
            "description": "milliseconds since 1970-01-01T00:00:00Z",
        })
    }
}

/// When something happened, as far as the signer knows: an exact moment, or an interval that
/// contains it.
///
/// Travels as one integer, or as `[earliest, latest]`. A time nobody knows is left out.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Occurred {
    earliest: Timestamp,
    latest: Timestamp,
}

impl Occurred {
    /// Exactly then.
    pub const fn at(moment: Timestamp) -> Self {
        Self { earliest: moment, latest: moment }
    }

    /// At some moment from `earliest` to `latest`, both included.
    ///
    /// # Errors
    /// [`ParseError::Range`] unless `earliest` is before `latest`: an interval of one moment is
    /// written as that moment, so that one time has one spelling.
    pub fn between(earliest: Timestamp, latest: Timestamp) -> Result<Self, ParseError> {
        if earliest < latest {
            Ok(Self { earliest, latest })
        } else {
            Err(ParseError::Range { what: "interval", expected: "[earliest, latest] with earliest before latest" })
        }
    }

    /// The moment, when it is exact.
    pub fn exact(&self) -> Option<Timestamp> {
        (self.earliest == self.latest).then_some(self.earliest)
    }

    /// The earliest moment it can have been.
    pub const fn earliest(&self) -> Timestamp {
        self.earliest
    }

    /// The latest moment it can have been.
    pub const fn latest(&self) -> Timestamp {
        self.latest
    }
}

impl Serialize for Occurred {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.exact() {
            Some(moment) => moment.serialize(serializer),
            None => [self.earliest, self.latest].serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Occurred {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Occurred;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("milliseconds since 1970, or [earliest, latest] of them")
            }

            fn visit_u64<E: de::Error>(self, ms: u64) -> Result<Occurred, E> {
                Timestamp::from_ms(ms).map(Occurred::at).map_err(E::custom)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut ends: A) -> Result<Occurred, A::Error> {
                let (Some(earliest), Some(latest)) = (ends.next_element()?, ends.next_element()?) else {
                    return Err(de::Error::invalid_length(1, &self));
                };
                if ends.next_element::<de::IgnoredAny>()?.is_some() {
                    return Err(de::Error::invalid_length(3, &self));
                }
                Occurred::between(earliest, latest).map_err(de::Error::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Occurred {
    fn schema_name() -> Cow<'static, str> {
        "Occurred".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let moment = generator.subschema_for::<Timestamp>();
        json_schema!({
            "description": "when it happened: an exact moment, or [earliest, latest]",
            "oneOf": [moment, { "type": "array", "items": moment, "minItems": 2, "maxItems": 2 }],
        })
    }
}
