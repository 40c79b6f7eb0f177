//! What kinds of values there are.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

use probity_schemas::TypeInfo;
use probity_schemas::written::{FieldShape, of_type};

use super::term::Reading;

/// The kind of a value.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Truth,
    Number,
    /// A text; one of these words, where they are known.
    Text(Vec<String>),
    Time,
    Span,
    /// A fact of one of these types.
    Fact(Vec<&'static TypeInfo>),
    /// An object: the shapes of those that it may be.
    Record(Vec<&'static FieldShape>),
    List(Box<Kind>),
}

impl Kind {
    pub(crate) fn text() -> Self {
        Self::Text(Vec::new())
    }

    pub(crate) fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    pub(crate) fn facts() -> Self {
        Self::list(Self::Fact(Vec::new()))
    }

    /// Whether values of both can be compared, or stand in one place.
    pub(crate) fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(one), Self::List(other)) => one.fits(other),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// The kind of what a shape holds, and how it is read.
    pub(crate) fn of(shape: &'static FieldShape) -> Option<(Self, Reading)> {
        Some(match shape {
            FieldShape::Subject(_) => (Self::text(), Reading::Subject),
            FieldShape::Time => (Self::Time, Reading::Time),
            FieldShape::Identity | FieldShape::Event | FieldShape::Text(_) => (Self::text(), Reading::Text),
            FieldShape::Words(words) => {
                (Self::Text(words.iter().map(|word| word.word.clone()).collect()), Reading::Text)
            }
            FieldShape::Integer | FieldShape::Number => (Self::Number, Reading::Number),
            FieldShape::Boolean => (Self::Truth, Reading::Truth),
            FieldShape::Record(_) => (Self::Record(vec![shape]), Reading::Record),
            FieldShape::List(of) => match Self::of(of)? {
                (kind, Reading::Text) => (Self::list(kind), Reading::Texts),
                (kind, Reading::Subject) => (Self::list(kind), Reading::Subjects),
                (kind, Reading::Record) => (Self::list(kind), Reading::Records),
                _ => return None,
            },
            FieldShape::Occurred | FieldShape::Choice(_) | FieldShape::Document => return None,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truth => f.write_str("true or false"),
            Self::Number => f.write_str("a number"),
            Self::Text(_) => f.write_str("a text"),
            Self::Time => f.write_str("a time"),
            Self::Span => f.write_str("a length of time"),
            Self::Fact(types) => match types.as_slice() {
                [only] => write!(f, "a fact of type {}", only.event_type),
                _ => f.write_str("a fact"),
            },
            Self::Record(_) => f.write_str("an object"),
            Self::List(of) => match &**of {
                Self::Fact(_) => f.write_str("a list of facts"),
                of => write!(f, "a list, each {of}"),
            },
        }
    }
}

/// The fields that an event of a type says in its data. Types are a closed set, so each is read once.
pub(crate) fn data_of(info: &'static TypeInfo) -> &'static FieldShape {
    static READ: LazyLock<Mutex<HashMap<&'static str, &'static FieldShape>>> = LazyLock::new(Mutex::default);
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    read.entry(info.event_type).or_insert_with(|| {
        let shape = of_type(info);
        let data = shape.field("data").map_or(FieldShape::Record(Vec::new()), |field| field.shape.clone());
        Box::leak(Box::new(data))
    })
}
