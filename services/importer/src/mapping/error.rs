//! What can be wrong with a mapping. Every error names the key it is about.

use probity_schemas::{EventError, ParseError, SubjectKind};

use crate::dates::FormProblem;

/// A mapping that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// Not TOML.
    #[error("not readable as TOML: {0}")]
    Toml(#[source] Box<toml::de::Error>),
    /// A key that doesn't belong there, is missing, or holds something else than it should.
    #[error("{key}: {}{}", .source.message(), on_line(.line))]
    Shape {
        /// The key, such as `event[2].data.purpose`.
        key: String,
        /// The line it stands on, where that is known.
        line: Option<usize>,
        /// What the reader said.
        source: Box<toml::de::Error>,
    },
    /// A key that holds something of the right shape that can't be.
    #[error("{key}: {problem}")]
    Key {
        /// The key, such as `event[2].data.purpose`.
        key: String,
        /// What is wrong with it.
        problem: Box<MappingProblem>,
    },
}

fn on_line(line: &Option<usize>) -> String {
    line.map(|line| format!(" (line {line})")).unwrap_or_default()
}

/// What is wrong with the content of a key.
#[derive(Debug, thiserror::Error)]
pub enum MappingProblem {
    /// Not a name under `[columns]`.
    #[error("{found:?} is not a name under [columns]{}", did_you_mean(.nearest))]
    UnknownColumn {
        /// The name.
        found: String,
        /// The most similar one.
        nearest: Option<String>,
    },
    /// A name under `[columns]` of other characters than `a-z`, `0-9` and `_`.
    #[error("a column is called by lower-case letters, digits and '_'")]
    ColumnName,
    /// Something is made of a column whose data is left out.
    #[error("{column:?} is left out as personal data, so nothing can be made of it")]
    LeftOut {
        /// The column.
        column: String,
    },
    /// Something is made of a column whose cells are sealed.
    #[error("{column:?} is sealed as personal data, so nothing can be made of it but its attribute")]
    Sealed {
        /// The column.
        column: String,
    },
    /// Only what is sealed is sealed for somebody.
    #[error("says whom a cell is sealed for; add personal = \"seal\"")]
    ForNothing,
    /// A text that every blank cell would be.
    #[error("must be texts; what is blank is empty without being listed")]
    BlankMarker,
    /// A column is used as a date that isn't listed as one.
    #[error("{column:?} is not listed under dates.columns")]
    NotADate {
        /// The column.
        column: String,
    },
    /// Not a table under `[tables]`.
    #[error("{found:?} is not a table under [tables]{}", did_you_mean(.nearest))]
    UnknownTable {
        /// The name.
        found: String,
        /// The most similar one.
        nearest: Option<String>,
    },
    /// Two keys of a table that are the same text once case and outer white space are ignored.
    #[error("the key comes twice when case and outer white space are ignored")]
    RepeatedKey,
    /// A value of a table that is neither text, number nor boolean.
    #[error("a table leads to texts, numbers and booleans only")]
    TableValue,
    /// None or several of keys of which exactly one is needed.
    #[error("takes exactly one of: {allowed}")]
    NotOne {
        /// The keys.
        allowed: &'static str,
    },
    /// A key without the one it belongs to.
    #[error("goes with {with} only")]
    GoesWith {
        /// The key it belongs to.
        with: &'static str,
    },
    /// A list without items.
    #[error("is empty")]
    Empty,
    /// Not what it should be.
    #[error("must be {expected}")]
    Range {
        /// What it should be.
        expected: &'static str,
    },
    /// A text the vocabulary doesn't allow.
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// A form of dates that isn't one.
    #[error("{0}")]
    Form(#[from] FormProblem),
    /// A type the vocabulary doesn't know.
    #[error("{0}")]
    Event(#[from] EventError),
    /// An act, which nobody can record on behalf of another system.
    #[error("{event_type} is an act: it exists only by being signed, so it can't be imported")]
    Act {
        /// The type.
        event_type: &'static str,
    },
    /// A subject the type can't be about.
    #[error("{event_type} can't be about a {found}")]
    SubjectKind {
        /// The type.
        event_type: &'static str,
        /// The kind of subject.
        found: SubjectKind,
    },
    /// A field the type doesn't have.
    #[error("{event_type} has no field {field:?}{}", did_you_mean(.nearest))]
    UnknownField {
        /// The type.
        event_type: &'static str,
        /// The field.
        field: String,
        /// The most similar one.
        nearest: Option<String>,
    },
    /// A rule asks for an end that the vocabulary doesn't have.
    #[error("the vocabulary has no end of {event_type}; it can be made void")]
    NoEnd {
        /// The type.
        event_type: &'static str,
    },
    /// A rule of a registration, which is amended and nothing else.
    #[error("a registration is amended; it takes no rule for later editions")]
    RegistrationRule,
    /// An event ends another that the mapping doesn't have.
    #[error("the mapping has no event {found:?} that can be ended{}", did_you_mean(.nearest))]
    NothingToEnd {
        /// The type.
        found: String,
        /// The most similar one.
        nearest: Option<String>,
    },
    /// Two events of a row would get the same id.
    #[error("another event has the same type and key; give this one a key of its own")]
    RepeatedEvent,
    /// Not exactly one unconditional `model.registered`.
    #[error("takes exactly one model.registered, without key and condition: it is what later editions amend")]
    Registration,
    /// No column of the file has this header.
    #[error("the file has no column {found:?}{}", did_you_mean(.nearest))]
    NoSuchHeader {
        /// The header.
        found: String,
        /// The most similar one.
        nearest: Option<String>,
    },
    /// Several columns of the file have this header.
    #[error("the file has several columns {found:?}, at positions {}; give the position", list(.positions))]
    RepeatedHeader {
        /// The header.
        found: String,
        /// Where it stands, counted from 1.
        positions: Vec<usize>,
    },
    /// The file has fewer columns.
    #[error("the file has {columns} columns, counted from 1")]
    NoSuchPosition {
        /// How many it has.
        columns: usize,
    },
    /// Two names for one column.
    #[error("is the same column as {other:?}")]
    SameColumn {
        /// The other name.
        other: String,
    },
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

fn list(positions: &[usize]) -> String {
    positions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The name most similar to `found`, when one is similar enough to be what was meant.
pub(crate) fn nearest<'n>(found: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(found, name), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= 1 + name.len().max(found.len()) / 3)
        .map(|(_, name)| name.to_owned())
}

impl MappingError {
    pub(crate) fn key(key: impl Into<String>, problem: impl Into<MappingProblem>) -> Self {
        Self::Key { key: key.into(), problem: Box::new(problem.into()) }
    }
}
