//! Events as people and programs write them: what can be filled in, as the JSON Schema of a type names
//! it, and the short forms of subjects and times.
//!
//! Nothing that is recorded has these forms: [`settle`] puts in their place what an event holds, and
//! the type judges that.

mod example;
mod fit;

use serde_json::Value;

use crate::TypeInfo;

pub use fit::{each_name, fit, settle, stand_in};

/// Schemas refer to each other, never to themselves; this ends it if one ever does.
const DEPTH: u8 = 12;

/// One field.
#[derive(Debug, Clone)]
pub struct Field {
    /// As it is written.
    pub name: String,
    /// Whether nothing is said without it.
    pub required: bool,
    /// What it means, in one line.
    pub doc: String,
    /// What may stand there.
    pub shape: FieldShape,
}

/// One word of a closed set.
#[derive(Debug, Clone)]
pub struct Word {
    /// As it is written.
    pub word: String,
    /// What it means, in one line.
    pub doc: String,
}

/// What may stand in a field.
#[derive(Debug, Clone)]
pub enum FieldShape {
    /// A subject, of one of these kinds; of any where none is named.
    Subject(Vec<String>),
    /// A moment.
    Time,
    /// A moment, or an interval.
    Occurred,
    /// A person or service: an identity, or a name that the directory of people knows.
    Identity,
    /// An event: its id, or its index in the log.
    Event,
    /// One of a closed set.
    Words(Vec<Word>),
    /// A text of the form that is described.
    Text(String),
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// Several of a shape.
    List(Box<FieldShape>),
    /// An object with these fields.
    Record(Vec<Field>),
    /// One of several documents: `kind` says which, `content` is the document.
    Choice(Vec<(Word, FieldShape)>),
    /// An object with fields that no schema knows.
    Document,
}

/// The fields of a whole event of this type.
#[must_use]
pub fn of_type(info: &TypeInfo) -> FieldShape {
    let schema = info.json_schema().to_value();
    SchemaReader { definitions: schema.get("$defs").cloned().unwrap_or_default() }.shape(&schema, DEPTH)
}

impl FieldShape {
    /// A field by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        match self {
            Self::Record(fields) => fields.iter().find(|field| field.name == name),
            _ => None,
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Subject(kinds) if kinds.is_empty() => "a subject such as model:credit/pd@3.1.0".to_owned(),
            Self::Subject(kinds) => {
                format!("a subject ({}:namespace/name, with @version where it has one)", kinds.join(" or "))
            }
            Self::Time => "a time such as 2026-03-01T12:00:00Z, 2026-03-01, now, +90d".to_owned(),
            Self::Occurred => "a time such as 2026-03-01T12:00:00Z, now, -2h; or EARLIEST..LATEST".to_owned(),
            Self::Identity => "a person or service: a name, person:<uuid> or service:<name>".to_owned(),
            Self::Event => "an event: its index in the log, or its id".to_owned(),
            Self::Words(words) => format!("one of {}", listed(words.iter())),
            Self::Text(form) => form.clone(),
            Self::Integer => "a whole number".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::List(of) => format!("a list, each {}", of.in_words()),
            Self::Record(_) => "an object".to_owned(),
            Self::Choice(choices) => format!("an object of the kind {}", listed(choices.iter().map(|(word, _)| word))),
            Self::Document => "an object with any fields".to_owned(),
        }
    }
}

fn listed<'a>(words: impl Iterator<Item = &'a Word>) -> String {
    words.map(|word| word.word.as_str()).collect::<Vec<_>>().join(", ")
}

struct SchemaReader {
    definitions: Value,
}

impl SchemaReader {
    fn shape(&self, schema: &Value, depth: u8) -> FieldShape {
        let Some(deeper) = depth.checked_sub(1) else { return FieldShape::Document };
        if let Some(name) = referred(schema) {
            return match name {
                "Subject" => FieldShape::Subject(words_of(schema.pointer("/properties/kind/enum"))),
                "Timestamp" => FieldShape::Time,
                "Occurred" => FieldShape::Occurred,
                "Identity" => FieldShape::Identity,
                "EventId" => FieldShape::Event,
                _ => self.definitions.get(name).map_or(FieldShape::Document, |schema| self.shape(schema, deeper)),
            };
        }
        if let Some(Value::Array(cases)) = schema.get("oneOf") {
            return self.cases(cases, deeper);
        }
        if schema.get("enum").is_some() {
            let word = |word| Word { word, doc: String::new() };
            return FieldShape::Words(words_of(schema.get("enum")).into_iter().map(word).collect());
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("integer") => FieldShape::Integer,
            Some("number") => FieldShape::Number,
            Some("boolean") => FieldShape::Boolean,
            Some("array") => {
                let of = schema.get("items").map_or(FieldShape::Document, |items| self.shape(items, deeper));
                FieldShape::List(Box::new(of))
            }
            Some("object") if schema.get("properties").is_some() => self.record(schema, deeper),
            Some("object") => FieldShape::Document,
            _ => FieldShape::Text(first_line(schema).unwrap_or_else(|| "a text".to_owned())),
        }
    }

    /// The required fields in the order in which the type has them, then the others.
    fn record(&self, schema: &Value, depth: u8) -> FieldShape {
        let required = words_of(schema.get("required"));
        let mut fields = Vec::new();
        for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let required = required.contains(name);
            let doc = first_line(schema).unwrap_or_default();
            fields.push(Field { name: name.clone(), required, doc, shape: self.shape(schema, depth) });
        }
        let place = |field: &Field| required.iter().position(|name| *name == field.name).unwrap_or(usize::MAX);
        fields.sort_by_key(place);
        FieldShape::Record(fields)
    }

    fn cases(&self, cases: &[Value], depth: u8) -> FieldShape {
        let word = |schema: &Value, word: &Value| Word {
            word: word.as_str().unwrap_or_default().to_owned(),
            doc: first_line(schema).unwrap_or_default(),
        };
        let mut words = Vec::new();
        let mut choices = Vec::new();
        for case in cases {
            if let Some(constant) = case.get("const") {
                words.push(word(case, constant));
            } else if let Some(more) = case.get("enum").and_then(Value::as_array) {
                words.extend(more.iter().map(|constant| word(case, constant)));
            } else if let Some(kind) = case.pointer("/properties/kind/const") {
                let content =
                    case.pointer("/properties/content").map_or(FieldShape::Document, |it| self.shape(it, depth));
                choices.push((word(case, kind), content));
            }
        }
        match (words.is_empty(), choices.is_empty()) {
            (false, _) => FieldShape::Words(words),
            (true, false) => FieldShape::Choice(choices),
            (true, true) => FieldShape::Document,
        }
    }
}

/// The definition that a schema refers to.
fn referred(schema: &Value) -> Option<&str> {
    let reference = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref"))?.as_str()?;
    reference.rsplit('/').next()
}

fn words_of(words: Option<&Value>) -> Vec<String> {
    let words = words.and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The first paragraph of a schema's description.
fn first_line(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?;
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    Some(paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What a type says, in one line.
#[must_use]
pub fn doc_of(info: &TypeInfo) -> String {
    let schema = info.json_schema().to_value();
    let name = schema.pointer("/properties/data").and_then(referred).unwrap_or_default();
    let data = schema.pointer(&format!("/$defs/{name}")).or_else(|| schema.pointer("/properties/data"));
    data.and_then(first_line).unwrap_or_default()
}
