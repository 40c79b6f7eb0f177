//! Places in an event: `scope.environments`, `conditions.0.text`.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::{Field, FieldShape};

/// The envelope, in a path that does not lead into the data.
const ENVELOPE: &str = "event";

/// A place in an event, from its root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path(Vec<String>);

impl Path {
    /// The event itself.
    pub(crate) fn root() -> Self {
        Self(Vec::new())
    }

    /// A field within.
    pub(crate) fn join(&self, name: &str) -> Self {
        Self(self.0.iter().cloned().chain([name.to_owned()]).collect())
    }

    /// What may stand there; nothing where no schema knows the place.
    pub(crate) fn shape<'s>(&self, event: &'s FieldShape) -> Option<&'s FieldShape> {
        self.0.iter().try_fold(event, |shape, name| match shape {
            FieldShape::List(of) if name.parse::<usize>().is_ok() => Some(&**of),
            _ => shape.field(name).map(|field| &field.shape),
        })
    }

    /// What is wrong with this path in events of a shape: `has no field ...`, with the nearest name
    /// and those that there are. Nothing where it leads to a field.
    pub(crate) fn unknown_in(&self, event: &FieldShape) -> Option<String> {
        let mut shape = event;
        for (at, name) in self.0.iter().enumerate() {
            shape = match shape {
                FieldShape::List(of) if name.parse::<usize>().is_ok() => of,
                // Whatever stands there is the user's own.
                FieldShape::Document => return None,
                _ => match shape.field(name) {
                    Some(field) => &field.shape,
                    None => return Some(self.no_field(shape, at, name)),
                },
            };
        }
        None
    }

    /// Whether it leads to a place beside other fields, so that there are names to choose from.
    pub(crate) fn is_beside_others(&self, event: &FieldShape) -> bool {
        let Some((_, parents)) = self.0.split_last() else { return false };
        matches!(Self(parents.to_vec()).shape(event), Some(FieldShape::Record(_)))
    }

    fn no_field(&self, shape: &FieldShape, at: usize, name: &str) -> String {
        let names: Vec<&str> = match shape {
            FieldShape::Record(fields) => fields.iter().map(|field| field.name.as_str()).collect(),
            _ => Vec::new(),
        };
        let place = Self(self.0[..at].to_vec());
        let within = if place.0.len() > 1 { format!(" in {place}") } else { String::new() };
        let nearest = probity_schemas::nearest(name, names.iter().copied());
        let meant = nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        match names.is_empty() {
            true => format!("has no field {name:?}{within}: nothing stands within that one"),
            false => format!("has no field {name:?}{within}{meant}\nThere are {}", names.join(", ")),
        }
    }

    /// The value at this path.
    pub(crate) fn find<'t>(&self, tree: &'t Value) -> Option<&'t Value> {
        self.0.iter().try_fold(tree, |tree, name| match tree {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            _ => tree.get(name),
        })
    }

    /// As [`probity_schemas::EventError`] writes it.
    pub(crate) fn as_in_errors(&self) -> String {
        let mut text = String::new();
        for name in &self.0 {
            match name.parse::<usize>() {
                Ok(at) => text.push_str(&format!("[{at}]")),
                Err(_) if text.is_empty() => text.push_str(name),
                Err(_) => text.push_str(&format!(".{name}")),
            }
        }
        text
    }
}

/// As people write it: a path leads into the data, unless it begins with `event.`.
impl FromStr for Path {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut names: Vec<String> = text.split('.').map(str::to_owned).collect();
        if names.iter().any(String::is_empty) {
            return Err(format!("{text:?} is not a field such as reason, scope.environments or event.title"));
        }
        match names.first().map(String::as_str) {
            Some(ENVELOPE) => drop(names.remove(0)),
            Some("data") => {}
            _ => names.insert(0, "data".to_owned()),
        }
        Ok(Self(names))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_first() {
            Some((data, rest)) if data == "data" && !rest.is_empty() => f.write_str(&rest.join(".")),
            _ => f.write_str(&self.0.join(".")),
        }
    }
}

/// Puts a value at a place, making the objects on the way. With `add`, a list that is there grows
/// by the value's items.
pub(crate) fn put(tree: &mut Value, path: &Path, value: Value, add: bool) -> Result<(), String> {
    let mut at = tree;
    for name in &path.0 {
        if at.is_null() {
            *at = if name.parse::<usize>().is_ok() { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
        }
        at = match at {
            Value::Object(fields) => fields.entry(name.clone()).or_insert(Value::Null),
            Value::Array(items) => {
                let index = name.parse::<usize>().ok().filter(|index| *index <= items.len());
                let index = index.ok_or_else(|| format!("{path}: {name} is no place in a list of {}", items.len()))?;
                if index == items.len() {
                    items.push(Value::Null);
                }
                &mut items[index]
            }
            _ => return Err(format!("{path}: {name} cannot stand within a value that has no fields")),
        };
    }
    match (at, value) {
        (Value::Array(items), Value::Array(more)) if add => items.extend(more),
        (at, value) => *at = value,
    }
    Ok(())
}

/// Whether a field of a record that is there has to be filled in still.
pub(crate) fn is_missing(field: &Field, record: &Value) -> bool {
    field.required && record.get(&field.name).is_none()
}
