//! In one line, what an event says: a phrase by its type, filled in from its data. Nothing is added to what it says.

use jiff::Timestamp;
use probity_schemas::{Event, SealedText};
use serde_json::Value;

use crate::phrases::PHRASES;

/// The longest line, in characters.
const LONGEST: usize = 240;

/// Fields that say most, for types without a phrase.
const TELLING: [&str; 12] = [
    "title",
    "summary",
    "name",
    "kind",
    "status",
    "outcome",
    "description",
    "statement",
    "reason",
    "rationale",
    "due",
    "until",
];

/// What an event says, in a line; the title is not part of it.
#[must_use]
pub fn summary(event: &Event) -> String {
    let data = serde_json::to_value(&event.data).unwrap_or_default();
    let phrase = PHRASES.iter().find(|(event_type, _)| *event_type == event.event_type());
    let line = match phrase {
        Some((_, phrase)) => fill(phrase, &data),
        None => tell(event, &data),
    };
    shorten(&line)
}

/// Fills in a phrase: `{field}` is what the field says, `[…]` is left out where a field in it says nothing.
fn fill(phrase: &str, data: &Value) -> String {
    let mut line = String::new();
    for (at, part) in phrase.split('[').enumerate() {
        match part.split_once(']') {
            Some((optional, rest)) if at > 0 => {
                let (filled, complete) = fill_in(optional, data);
                if complete {
                    line.push_str(&filled);
                }
                line.push_str(&fill_in(rest, data).0);
            }
            _ => line.push_str(&fill_in(part, data).0),
        }
    }
    line
}

/// The text with its fields filled in, and whether all of them said something.
fn fill_in(text: &str, data: &Value) -> (String, bool) {
    let (mut line, mut complete) = (String::new(), true);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (field, after) = after.split_once('}').unwrap_or((after, ""));
        line.push_str(before);
        match value_of(field, data) {
            Some(value) => line.push_str(&value),
            None => complete = false,
        }
        rest = after;
    }
    line.push_str(rest);
    (line, complete)
}

/// What a field says: `scope.environments`, or `subjects#` for how many there are; `agreed?` is nothing if it is true.
fn value_of(field: &str, data: &Value) -> Option<String> {
    let path = field.trim_end_matches(['#', '?']);
    let count = field.ends_with('#');
    let value = path.split('.').try_fold(data, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => value.get(name),
    })?;
    match value {
        Value::Array(items) if count => Some(items.len().to_string()),
        Value::Array(items) if items.is_empty() => None,
        Value::Bool(true) if field.ends_with('?') => Some(String::new()),
        Value::Null | Value::Bool(false) => None,
        value => Some(words(path.rsplit('.').next().unwrap_or_default(), value)),
    }
}

/// A value in words; whether a number is a time shows in the name of its field.
fn words(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) if text.starts_with(SealedText::PREFIX) => "(sealed)".to_owned(),
        Value::String(text) => short_digest(text).unwrap_or_else(|| text.clone()),
        Value::Number(number) => match number.as_u64().filter(|_| is_time(name)) {
            Some(ms) => time(ms),
            None => number.to_string(),
        },
        Value::Array(items) => items.iter().map(|item| words(name, item)).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).map(|value| words(name, value));
            let subject = serde_json::from_value::<probity_schemas::Subject>(value.clone());
            match (subject, text("name").or(text("text")), text("value")) {
                (Ok(subject), _, _) => subject.to_string(),
                _ if fields.contains_key("percent") && fields.contains_key("version") => {
                    let said = |name: &str| text(name).unwrap_or_default();
                    format!("{} {}%", said("version"), said("percent"))
                }
                (_, Some(name), Some(value)) => format!("{name} {value}"),
                (_, Some(name), None) => name,
                (_, None, _) => {
                    let said = fields.iter().map(|(name, value)| words(name, value));
                    said.collect::<Vec<_>>().join(" ")
                }
            }
        }
        other => other.to_string(),
    }
}

/// The beginning of a digest or a key, where the text is one.
fn short_digest(text: &str) -> Option<String> {
    let (prefix, hex) = text.split_once(':').map_or(("", text), |(_, hex)| ("sha256:", hex));
    let is_hex = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| format!("{prefix}{}…", &hex[..12]))
}

fn is_time(name: &str) -> bool {
    name.ends_with("_at")
        || name.ends_with("until")
        || matches!(name, "due" | "effective" | "from" | "planned_for" | "last_day" | "compromised_since")
        || name == "next_due"
}

/// A date where it is one, else a time, in UTC.
fn time(ms: u64) -> String {
    let Some(time) = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()) else {
        return format!("{ms} ms");
    };
    let text = time.to_string();
    text.strip_suffix("T00:00:00Z").map_or_else(|| text.clone(), str::to_owned)
}

/// For types without a phrase: the name of the type, and the fields that say most.
fn tell(event: &Event, data: &Value) -> String {
    let name = event.info().name().replace('_', " ");
    let said: Vec<String> = TELLING.iter().filter_map(|field| value_of(field, data)).take(2).collect();
    match said.is_empty() {
        true => name,
        false => format!("{name}: {}", said.join("; ")),
    }
}

pub(crate) fn shorten(line: &str) -> String {
    let mut line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(at);
        line.push('…');
    }
    line
}
