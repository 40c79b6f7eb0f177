//! The mapping file as it is written, before anything in it is looked up.

use std::collections::BTreeMap;
use std::fmt;

use probity_schemas::import::Coverage;
use serde::de::{self, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMapping {
    pub(super) source: RawSource,
    #[serde(default)]
    pub(super) text: RawText,
    #[serde(default)]
    pub(super) dates: RawDates,
    pub(super) columns: BTreeMap<String, RawColumn>,
    #[serde(default)]
    pub(super) tables: BTreeMap<String, BTreeMap<String, toml::Value>>,
    pub(super) row: RawRow,
    #[serde(default)]
    pub(super) expect: Vec<RawCondition>,
    #[serde(default, rename = "event")]
    pub(super) events: Vec<RawEvent>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    pub(super) system: String,
    pub(super) coverage: Coverage,
    pub(super) as_of: Option<String>,
    #[serde(default)]
    pub(super) encoding: RawEncoding,
    #[serde(default = "comma")]
    pub(super) delimiter: char,
}

fn comma() -> char {
    ','
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawEncoding {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "windows-1252")]
    Windows1252,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawText {
    #[serde(default)]
    pub(super) empty: Vec<String>,
    #[serde(default)]
    pub(super) ignore_case: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDates {
    #[serde(default)]
    pub(super) columns: Vec<String>,
    #[serde(default)]
    pub(super) forms: Vec<String>,
    #[serde(default)]
    pub(super) empty: Vec<String>,
    pub(super) fiscal_year_starts: Option<i8>,
    #[serde(default)]
    pub(super) fiscal_year_named_after: RawNamedAfter,
    pub(super) two_digit_years_from: Option<i16>,
    pub(super) months: Option<Vec<String>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawNamedAfter {
    Start,
    #[default]
    End,
}

#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a column's header, its position counted from 1, or a table of header or position, empty, personal and for"
)]
pub(super) enum RawColumn {
    Header(String),
    Position(usize),
    Described(RawDescription),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDescription {
    pub(super) header: Option<String>,
    pub(super) position: Option<usize>,
    pub(super) empty: Option<Vec<String>>,
    pub(super) personal: Option<RawPersonal>,
    #[serde(rename = "for")]
    pub(super) sealed_for: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawPersonal {
    LeaveOut,
    Seal,
    Keep,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRow {
    pub(super) identity: Vec<String>,
    #[serde(default)]
    pub(super) disambiguate: Vec<String>,
    pub(super) namespace: Vec<RawValue>,
    pub(super) name: RawValue,
    pub(super) when: Option<RawCondition>,
    #[serde(default)]
    pub(super) identical: RawIdentical,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawIdentical {
    #[default]
    Refuse,
    One,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEvent {
    #[serde(rename = "type")]
    pub(super) event_type: String,
    pub(super) key: Option<String>,
    pub(super) subject: RawValue,
    #[serde(default)]
    pub(super) about: Vec<RawValue>,
    pub(super) occurred: Option<String>,
    pub(super) title: Option<RawValue>,
    pub(super) when: Option<RawCondition>,
    pub(super) changed: Option<RawChanged>,
    pub(super) gone: Option<RawGone>,
    pub(super) ended: Option<String>,
    pub(super) ends: Option<Vec<String>>,
    #[serde(default)]
    pub(super) data: BTreeMap<String, RawValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawChanged {
    Correct,
    Add,
    End,
    Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawGone {
    End,
    Void,
    Keep,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCondition {
    pub(super) column: Option<String>,
    pub(super) equals: Option<String>,
    #[serde(default)]
    pub(super) one_of: Vec<String>,
    #[serde(default)]
    pub(super) starts_with: Vec<String>,
    pub(super) in_table: Option<String>,
    pub(super) present: Option<bool>,
    pub(super) dated: Option<bool>,
    pub(super) ignore_case: Option<bool>,
    pub(super) any_of: Option<Vec<RawCondition>>,
    pub(super) all_of: Option<Vec<RawCondition>>,
    pub(super) not: Option<Box<RawCondition>>,
}

/// A value: a literal, a list of values, or a table that says where it comes from.
#[derive(Debug)]
pub(super) enum RawValue {
    Literal(serde_json::Value),
    List(Vec<RawValue>),
    Spec(Box<RawSpec>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSpec {
    pub(super) column: Option<String>,
    pub(super) table: Option<String>,
    pub(super) split: Option<String>,
    pub(super) list: Option<bool>,
    pub(super) number: Option<String>,
    pub(super) date: Option<String>,
    pub(super) edge: Option<RawEdge>,
    pub(super) join: Option<Vec<RawValue>>,
    pub(super) with: Option<String>,
    pub(super) first: Option<Vec<RawValue>>,
    pub(super) fields: Option<BTreeMap<String, RawValue>>,
    pub(super) subject: Option<String>,
    pub(super) namespace: Option<Vec<RawValue>>,
    pub(super) name: Option<RawValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawEdge {
    Earliest,
    Latest,
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = RawValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, number, boolean, list, or a table such as { column = \"…\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawValue, E> {
                Ok(RawValue::Literal(text.into()))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<RawValue, E> {
                Ok(RawValue::Literal(value.into()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<RawValue, E> {
                Ok(RawValue::Literal(value.into()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<RawValue, E> {
                Ok(RawValue::Literal(value.into()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<RawValue, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(RawValue::List(list))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<RawValue, A::Error> {
                RawSpec::deserialize(MapAccessDeserializer::new(map)).map(Box::new).map(RawValue::Spec)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
