//! Where the fields of an event come from.

use std::collections::BTreeMap;

use probity_schemas::SubjectKind;
use serde_json::Value as Json;

use super::error::{MappingError, MappingProblem};
use super::names::{ColumnId, Names, TableId};
use super::raw::{RawEdge, RawSpec, RawValue};

/// A value of an event, by where it comes from. Nothing there means that the field is left out.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Always the same.
    Literal(Json),
    /// The text of a cell.
    Column(ColumnId),
    /// What a table says for the text of a cell.
    Lookup(ColumnId, TableId),
    /// The parts of a cell between separators.
    Split(ColumnId, String),
    /// A cell as a number.
    Number(ColumnId),
    /// An end of a date, in milliseconds since 1970.
    Date(ColumnId, Edge),
    /// Texts one after the other, with a text in between.
    Join(Vec<Value>, String),
    /// The first of these that is there.
    First(Vec<Value>),
    /// All of these that are there.
    List(Vec<Value>),
    /// An object.
    Fields(BTreeMap<String, Value>),
    /// The parts of a list as Python or JSON writes it.
    Listed(ColumnId),
    /// A subject.
    Subject(Box<SubjectSpec>),
}

/// A subject: the row's own of a kind, or one that cells give a name.
#[derive(Clone, Debug)]
pub(crate) struct SubjectSpec {
    pub(crate) kind: SubjectKind,
    /// Its levels; the row's own, where there are none.
    pub(crate) namespace: Option<Vec<Value>>,
    /// The row's own, where there is none. Blank means that there is no such subject.
    pub(crate) name: Option<Value>,
}

impl SubjectSpec {
    /// A subject by its kind alone, or by a table.
    pub(super) fn resolve(raw: RawValue, key: &str, names: &Names) -> Result<Self, MappingError> {
        match raw {
            RawValue::Literal(Json::String(text)) => Ok(Self { kind: kind(&text, key)?, namespace: None, name: None }),
            raw => match Value::resolve(raw, key, names)? {
                Value::Subject(subject) => Ok(*subject),
                _ => Err(MappingError::key(key, MappingProblem::NotOne { allowed: "a kind, { subject = KIND, … }" })),
            },
        }
    }

    /// The first column it comes from, to name in a report.
    pub(crate) fn column(&self) -> Option<ColumnId> {
        self.name.iter().chain(self.namespace.iter().flatten()).find_map(Value::column)
    }
}

fn kind(text: &str, key: &str) -> Result<SubjectKind, MappingError> {
    text.parse().map_err(|error| MappingError::key(key, MappingProblem::Parse(error)))
}

/// An end of an interval.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Earliest,
    Latest,
}

const SOURCES: &str = "column, number, date, join, first, fields, subject";

impl Value {
    /// Looks up what a value refers to; `key` is where it stands in the mapping.
    pub(super) fn resolve(raw: RawValue, key: &str, names: &Names) -> Result<Self, MappingError> {
        match raw {
            RawValue::Literal(value) => Ok(Self::Literal(value)),
            RawValue::List(items) => all(items, key, names).map(Self::List),
            RawValue::Spec(spec) => Self::resolve_spec(*spec, key, names),
        }
    }

    fn resolve_spec(spec: RawSpec, key: &str, names: &Names) -> Result<Self, MappingError> {
        let RawSpec {
            column,
            table,
            split,
            list,
            number,
            date,
            edge,
            join,
            with,
            first,
            fields,
            subject,
            namespace,
            name,
        } = spec;
        let list = list.unwrap_or_default();
        let stray = |given: bool, name: &str, with: &'static str| match given {
            true => Err(MappingError::key(format!("{key}.{name}"), MappingProblem::GoesWith { with })),
            false => Ok(()),
        };
        stray(table.is_some() && column.is_none(), "table", "column")?;
        stray(split.is_some() && column.is_none(), "split", "column")?;
        stray(split.is_some() && table.is_some(), "split", "column without table")?;
        stray(
            list && (column.is_none() || table.is_some() || split.is_some()),
            "list",
            "column without table or split",
        )?;
        stray(edge.is_some() && date.is_none(), "edge", "date")?;
        stray(name.is_some() && subject.is_none(), "name", "subject")?;
        stray(namespace.is_some() && name.is_none(), "namespace", "subject and name")?;
        stray(with.is_some() && join.is_none(), "with", "join")?;
        let within = |name: &str| format!("{key}.{name}");
        match (column, number, date, join, first, fields, subject) {
            (Some(column), None, None, None, None, None, None) => {
                let column = names.column(&column, &within("column"))?;
                match (table, split) {
                    (Some(table), _) => Ok(Self::Lookup(column, names.table(&table, &within("table"))?)),
                    (None, Some(separator)) if separator.is_empty() => {
                        Err(MappingError::key(within("split"), MappingProblem::Empty))
                    }
                    (None, Some(separator)) => Ok(Self::Split(column, separator)),
                    (None, None) if list => Ok(Self::Listed(column)),
                    (None, None) => Ok(Self::Column(column)),
                }
            }
            (None, Some(number), None, None, None, None, None) => {
                names.column(&number, &within("number")).map(Self::Number)
            }
            (None, None, Some(date), None, None, None, None) => {
                let column = names.date(&date, &within("date"))?;
                match edge {
                    Some(RawEdge::Earliest) => Ok(Self::Date(column, Edge::Earliest)),
                    Some(RawEdge::Latest) => Ok(Self::Date(column, Edge::Latest)),
                    None => Err(MappingError::key(
                        within("edge"),
                        MappingProblem::Range { expected: "\"earliest\" or \"latest\"" },
                    )),
                }
            }
            (None, None, None, Some(parts), None, None, None) => {
                Ok(Self::Join(all(parts, &within("join"), names)?, with.unwrap_or_else(|| " ".to_owned())))
            }
            (None, None, None, None, Some(choices), None, None) => {
                all(choices, &within("first"), names).map(Self::First)
            }
            (None, None, None, None, None, Some(fields), None) => {
                resolve_fields(fields, &within("fields"), names).map(Self::Fields)
            }
            (None, None, None, None, None, None, Some(found)) => {
                let kind = kind(&found, &within("subject"))?;
                let namespace = namespace.map(|levels| all(levels, &within("namespace"), names)).transpose()?;
                let name = name.map(|name| Self::resolve(name, &within("name"), names)).transpose()?;
                Ok(Self::Subject(Box::new(SubjectSpec { kind, namespace, name })))
            }
            _ => Err(MappingError::key(key, MappingProblem::NotOne { allowed: SOURCES })),
        }
    }

    /// The first column it comes from, to name in a report.
    pub(crate) fn column(&self) -> Option<ColumnId> {
        match self {
            Self::Literal(_) => None,
            Self::Subject(subject) => subject.column(),
            Self::Column(column)
            | Self::Lookup(column, _)
            | Self::Split(column, _)
            | Self::Listed(column)
            | Self::Number(column)
            | Self::Date(column, _) => Some(*column),
            Self::Join(parts, _) | Self::First(parts) | Self::List(parts) => parts.iter().find_map(Self::column),
            Self::Fields(fields) => fields.values().find_map(Self::column),
        }
    }
}

pub(super) fn resolve_fields(
    fields: BTreeMap<String, RawValue>,
    key: &str,
    names: &Names,
) -> Result<BTreeMap<String, Value>, MappingError> {
    let resolve = |(name, raw): (String, RawValue)| {
        let value = Value::resolve(raw, &format!("{key}.{name}"), names)?;
        Ok((name, value))
    };
    fields.into_iter().map(resolve).collect()
}

fn all(items: Vec<RawValue>, key: &str, names: &Names) -> Result<Vec<Value>, MappingError> {
    if items.is_empty() {
        return Err(MappingError::key(key, MappingProblem::Empty));
    }
    let item = |(index, raw)| Value::resolve(raw, &format!("{key}[{index}]"), names);
    items.into_iter().enumerate().map(item).collect()
}
