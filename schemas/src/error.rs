//! Everything that can be wrong with an event or one of its parts, as data.

use crate::SubjectKind;

/// A text that isn't the value it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing was there.
    #[error("{what} is empty")]
    Empty {
        /// What was being read.
        what: &'static str,
    },
    /// Longer than allowed.
    #[error("{what} has {found} bytes, at most {max} are allowed")]
    TooLong {
        /// What was being read.
        what: &'static str,
        /// The limit in bytes.
        max: usize,
        /// The length in bytes.
        found: usize,
    },
    /// A character that has no place there.
    #[error("{what} contains {found:?}, only {allowed} are allowed")]
    Character {
        /// What was being read.
        what: &'static str,
        /// The first character that doesn't fit.
        found: char,
        /// What would fit.
        allowed: &'static str,
    },
    /// A character that is not seen, or makes a text read as something else.
    #[error("{what} contains U+{:04X} at position {position}, which is not seen or changes how the text reads; leave it out", u32::from(*.found))]
    Deceiving {
        /// What was being read.
        what: &'static str,
        /// The first such character.
        found: char,
        /// Which character of the text it is, counted from 1.
        position: usize,
    },
    /// The text doesn't have the form.
    #[error("{what} must have the form {expected}")]
    Form {
        /// What was being read.
        what: &'static str,
        /// The form, by example.
        expected: &'static str,
    },
    /// A word outside a closed set.
    #[error("unknown {what} {found:?}{}", did_you_mean(.nearest))]
    Unknown {
        /// What was being read.
        what: &'static str,
        /// The word.
        found: String,
        /// The most similar word of the set.
        nearest: Option<&'static str>,
    },
    /// A number outside its range.
    #[error("{what} must be {expected}")]
    Range {
        /// What was being read.
        what: &'static str,
        /// The range in words.
        expected: &'static str,
    },
    /// More items than allowed.
    #[error("{what} has {found} items, at most {max} are allowed")]
    TooMany {
        /// What was being read.
        what: &'static str,
        /// The limit.
        max: usize,
        /// The number of items.
        found: usize,
    },
}

/// Why something isn't an event.
///
/// A `path` names the place inside the event as `data.artifacts[0].digest`; it is empty for the
/// event itself.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Not JSON at all, or JSON with a duplicate key, or nested too deeply.
    #[error("not readable as JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// The bytes could be read neither as the type nor as a tree of values.
    #[error("not readable: {reason}")]
    Unreadable {
        /// The decoder's own words.
        reason: String,
    },
    /// No such type in the vocabulary.
    #[error("unknown type {found:?}{}", did_you_mean(.nearest))]
    UnknownType {
        /// The type it claims.
        found: String,
        /// The most similar type.
        nearest: Option<&'static str>,
    },
    /// The type is known, this version of it isn't.
    #[error("version {found} of {event_type} is unknown; known: {known:?}")]
    UnsupportedVersion {
        /// The type.
        event_type: &'static str,
        /// The version it claims.
        found: u32,
        /// The versions this build knows.
        known: Vec<u32>,
    },
    /// A field nobody defined. A user's own fields belong under `attributes`.
    #[error("unknown field {}{}", at(.path, .field), did_you_mean(.nearest))]
    UnknownField {
        /// Where the field stands.
        path: String,
        /// Its name.
        field: String,
        /// The most similar field that exists there.
        nearest: Option<&'static str>,
    },
    /// A field without which the event says nothing.
    #[error("missing field {}", at(.path, .field))]
    MissingField {
        /// Where the field should stand.
        path: String,
        /// Its name.
        field: &'static str,
    },
    /// A field given twice.
    #[error("field {} is given twice", at(.path, .field))]
    DuplicateField {
        /// Where the field stands.
        path: String,
        /// Its name.
        field: String,
    },
    /// A word outside the closed set a field allows.
    #[error("{path}: unknown value {found:?}, expected one of {}{}", .expected.join(", "), did_you_mean(.nearest))]
    UnknownValue {
        /// The field.
        path: String,
        /// The word.
        found: String,
        /// All words of the set.
        expected: &'static [&'static str],
        /// The most similar one.
        nearest: Option<&'static str>,
    },
    /// A value of the wrong shape, such as a number where a text belongs.
    #[error("{path}: found {found}, expected {expected}")]
    WrongShape {
        /// The field.
        path: String,
        /// What is there.
        found: String,
        /// What belongs there.
        expected: String,
    },
    /// A value of the right shape that breaks its own rule.
    #[error("{}{reason}", in_field(.path))]
    Refused {
        /// The field.
        path: String,
        /// The rule it breaks.
        reason: String,
    },
    /// The type can't be about this kind of subject.
    #[error("{event_type} can't be about a {found}; allowed: {}", kinds(.allowed))]
    SubjectKind {
        /// The type.
        event_type: &'static str,
        /// The kind of the subject.
        found: SubjectKind,
        /// The kinds it can be about.
        allowed: &'static [SubjectKind],
    },
    /// An act must say exactly when it was done.
    #[error("{event_type} is an act: occurred must be one exact time")]
    ActWithoutTime {
        /// The type.
        event_type: &'static str,
    },
}

fn at(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// What stands in front of what is said about a field.
fn in_field(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

fn kinds(kinds: &[SubjectKind]) -> String {
    kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
}

fn did_you_mean(nearest: &Option<&'static str>) -> String {
    nearest.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

/// The name most similar to `found`, when one is similar enough to be what was meant.
#[must_use]
pub fn nearest<'n>(found: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // A hostile name must not cost a quadratic comparison.
    if found.len() > 128 {
        return None;
    }
    let names: Vec<_> = names.into_iter().collect();
    let similar = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(found, name), *name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= 1 + name.len().max(found.len()) / 3)
        .map(|(_, name)| name);
    // Half a name, as people remember it.
    let begun = || match names.iter().filter(|name| found.len() >= 4 && name.starts_with(found)).collect::<Vec<_>>()[..]
    {
        [only] => Some(*only),
        _ => None,
    };
    similar.or_else(begun)
}
