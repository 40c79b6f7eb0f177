//! What an event says, in plain words.

use std::fmt::Write;

use probity_schemas::{Clock, Identity, Subject, SystemClock, TypeInfo, shown};
use probity_statement::SealingKeyId;
use serde_json::Value;

use crate::fields::{self, FieldShape};
use crate::output;
use crate::people::People;
use crate::vault::to_be_sealed;

/// Where the values of a field stand.
const COLUMN: usize = 22;

/// A unit at the end of a field's name, and how it is written after a number.
const UNITS: [(&str, &str); 14] = [
    ("_percent", "%"),
    ("_usd", "USD"),
    ("_eur", "EUR"),
    ("_gbp", "GBP"),
    ("_kwh", "kWh"),
    ("_ms", "ms"),
    ("_s", "s"),
    ("_seconds", "seconds"),
    ("_minutes", "minutes"),
    ("_hours", "hours"),
    ("_days", "days"),
    ("_bytes", "bytes"),
    ("_kg", "kg"),
    ("_per_second", "per second"),
];

/// What an approval covers that names no uses.
const NO_USES: &str = "for the uses that the model serves by then: one that is linked later ends it";

/// Lays out an event: what it is, about what, by whom, and each field on a line of its own.
pub(crate) fn plain_words(
    info: &TypeInfo,
    tree: &Value,
    signer: &Identity,
    people: &People,
    notes: &[(&'static str, String)],
) -> String {
    let shape = fields::of_type(info);
    let nature = match info.is_act() {
        true => "an act: it takes effect by being recorded",
        false => "a fact: it says what happened",
    };
    let mut page = PlainWords { text: String::new(), people, now_ms: SystemClock.now_ms() };
    page.line(1, info.event_type, nature);
    page.line(1, "", &fields::doc_of(info));
    page.field(1, "about", shape.field("subject").map(|field| &field.shape), &tree["subject"]);
    page.line(1, "as", &people.show_both(&signer.to_string()));
    for name in ["on_behalf_of", "initiators", "occurred", "regarding"] {
        if let Some(value) = tree.get(name) {
            page.field(1, name, shape.field(name).map(|field| &field.shape), value);
        }
    }
    for (label, note) in notes {
        page.line(1, label, note);
    }
    if tree.get("occurred").is_none() {
        page.line(1, "occurred", "nobody knows when");
    }
    if let Some(about) = tree.get("about") {
        page.field(1, "concerns also", shape.field("about").map(|field| &field.shape), about);
    }
    for name in ["causes", "title", "evidence", "external_ids", "attributes"] {
        if let Some(value) = tree.get(name) {
            page.field(1, name, shape.field(name).map(|field| &field.shape), value);
        }
    }
    page.fields(1, shape.field("data").map(|field| &field.shape), &tree["data"]);
    page.text
}

struct PlainWords<'a> {
    text: String,
    people: &'a People,
    now_ms: u64,
}

impl PlainWords<'_> {
    fn line(&mut self, depth: usize, label: &str, value: &str) {
        let indent = depth * 2;
        let width = COLUMN.saturating_sub(indent).max(label.chars().count());
        // Further lines of a text stand under its first; nothing in them is other than it seems.
        let lines: Vec<_> = value.split('\n').map(shown).collect();
        let value = lines.join(&format!("\n{:1$}", "", indent + width + 1));
        // Writing to a text does not fail.
        let _ = writeln!(self.text, "{:indent$}{label:width$} {value}", "");
    }

    fn fields(&mut self, depth: usize, shape: Option<&FieldShape>, value: &Value) {
        let Value::Object(entries) = value else { return };
        let known: Vec<&str> = match shape {
            Some(FieldShape::Record(fields)) => fields.iter().map(|field| field.name.as_str()).collect(),
            _ => Vec::new(),
        };
        let others = entries.keys().map(String::as_str).filter(|name| !known.contains(name));
        let names: Vec<&str> = known.iter().copied().chain(others).collect();
        for name in names {
            if let Some(value) = entries.get(name) {
                let shape = match shape {
                    Some(FieldShape::Choice(choices)) if name == "content" => {
                        let kind = entries.get("kind").and_then(Value::as_str);
                        choices.iter().find(|(word, _)| Some(word.word.as_str()) == kind).map(|(_, shape)| shape)
                    }
                    _ => shape.and_then(|shape| shape.field(name)).map(|field| &field.shape),
                };
                self.field(depth, name, shape, value);
            }
        }
    }

    fn field(&mut self, depth: usize, name: &str, shape: Option<&FieldShape>, value: &Value) {
        let (label, unit) = label(name, value);
        if let Some(text) = self.one_line(shape, value) {
            let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
            return self.line(depth, &label, &format!("{text}{unit}"));
        }
        match value {
            Value::Array(items) if items.is_empty() => self.line(depth, &label, "none"),
            Value::Array(items) => {
                let of = match shape {
                    Some(FieldShape::List(of)) => Some(&**of),
                    _ => None,
                };
                for (at, item) in items.iter().enumerate() {
                    let label = if at == 0 { label.as_str() } else { "" };
                    match self.one_line(of, item) {
                        Some(text) => self.line(depth, label, &text),
                        None => {
                            self.line(depth, label, &format!("{}.", at + 1));
                            self.fields(depth + 1, of, item);
                        }
                    }
                }
            }
            Value::Object(entries) if entries.is_empty() && name == "scope" => {
                self.line(depth, &label, &format!("without restriction, {NO_USES}"));
            }
            Value::Object(entries) if entries.is_empty() => self.line(depth, &label, "without restriction"),
            Value::Object(entries) if name == "scope" && !entries.contains_key("uses") => {
                self.line(depth, &label, NO_USES);
                self.fields(depth + 1, shape, value);
            }
            _ => {
                self.line(depth, &label, "");
                self.fields(depth + 1, shape, value);
            }
        }
    }

    /// A value that has no fields of its own.
    fn one_line(&self, shape: Option<&FieldShape>, value: &Value) -> Option<String> {
        match (shape, value) {
            (Some(FieldShape::Time | FieldShape::Occurred), Value::Number(number)) => Some(self.time(number.as_u64()?)),
            (Some(FieldShape::Occurred), Value::Array(ends)) => match ends.as_slice() {
                [earliest, latest] => {
                    let time = |end: &Value| end.as_u64().map(output::time_ms);
                    Some(format!("between {} and {}", time(earliest)?, time(latest)?))
                }
                _ => None,
            },
            (_, Value::Object(_)) => {
                if let Some((text, label)) = to_be_sealed(value) {
                    return Some(format!("{text}  [sealed, under the key of {label}]"));
                }
                let subject: Subject = serde_json::from_value(value.clone()).ok()?;
                Some(self.identity_of(&subject).unwrap_or_else(|| subject.to_string()))
            }
            (_, Value::String(text)) if text.starts_with("person:") => Some(self.people.show_both(text)),
            (_, Value::String(text)) => match SealingKeyId::of(text) {
                Some(key) => Some(format!("[sealed, under the key {key}]")),
                None => Some(text.clone()),
            },
            (_, Value::Bool(yes)) => Some(if *yes { "yes" } else { "no" }.to_owned()),
            (_, Value::Number(number)) => Some(match number.as_f64() {
                // 50 rather than 50.0.
                Some(float) if number.is_f64() => float.to_string(),
                _ => number.to_string(),
            }),
            _ => None,
        }
    }

    /// A person as a subject is shown by name.
    fn identity_of(&self, subject: &Subject) -> Option<String> {
        let identity = format!("{}:{}", subject.namespace, subject.name);
        let shown = self.people.show_both(&identity);
        (shown != identity).then_some(shown)
    }

    fn time(&self, ms: u64) -> String {
        format!("{} ({})", output::time_ms(ms), distance(ms, self.now_ms))
    }
}

/// How far a moment is from now, in words.
fn distance(ms: u64, now_ms: u64) -> String {
    let seconds = ms.abs_diff(now_ms) / 1_000;
    let (unit, length) = match seconds {
        0..60 => return "now".to_owned(),
        60..3_600 => ("minute", 60),
        3_600..86_400 => ("hour", 3_600),
        _ => ("day", 86_400),
    };
    let count = (seconds + length / 2) / length;
    let plural = if count == 1 { "" } else { "s" };
    if ms > now_ms { format!("in {count} {unit}{plural}") } else { format!("{count} {unit}{plural} ago") }
}

/// A field's name for people, and the unit that is in it.
fn label(name: &str, value: &Value) -> (String, Option<&'static str>) {
    let unit = UNITS.iter().find(|(suffix, _)| value.is_number() && name.ends_with(suffix));
    let (name, unit) = match unit {
        Some((suffix, unit)) => (name.strip_suffix(suffix).unwrap_or(name), Some(*unit)),
        None => (name, None),
    };
    (name.replace('_', " "), unit)
}

/// The same event as people write it: subjects as texts, times as RFC 3339.
pub(super) fn relaxed(shape: &FieldShape, value: &Value) -> Value {
    match (shape, value) {
        (FieldShape::Subject(_), Value::Object(_)) => match serde_json::from_value::<Subject>(value.clone()) {
            Ok(subject) => subject.to_string().into(),
            Err(_) => value.clone(),
        },
        (FieldShape::Time | FieldShape::Occurred, Value::Number(ms)) => {
            ms.as_u64().map_or(value.clone(), |ms| output::time_ms(ms).into())
        }
        (FieldShape::Occurred, Value::Array(ends)) => ends.iter().map(|end| relaxed(&FieldShape::Time, end)).collect(),
        (FieldShape::List(of), Value::Array(items)) => items.iter().map(|item| relaxed(of, item)).collect(),
        (FieldShape::Record(fields), Value::Object(entries)) => {
            let relax = |(name, value): (&String, &Value)| {
                let shape = fields.iter().find(|field| field.name == *name).map(|field| &field.shape);
                (name.clone(), shape.map_or_else(|| value.clone(), |shape| relaxed(shape, value)))
            };
            entries.iter().map(relax).collect()
        }
        (FieldShape::Choice(choices), Value::Object(entries)) => {
            let kind = entries.get("kind").and_then(Value::as_str);
            let chosen = choices.iter().find(|(word, _)| Some(word.word.as_str()) == kind);
            let relax = |(name, value): (&String, &Value)| match chosen {
                Some((_, shape)) if name == "content" => (name.clone(), relaxed(shape, value)),
                _ => (name.clone(), value.clone()),
            };
            entries.iter().map(relax).collect()
        }
        _ => value.clone(),
    }
}
