//! From what people write to what an event holds.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::FieldShape;
use super::example::example;
use crate::tree::shorten;
use crate::{EventError, EventId, Identity, Subject};

/// A day of UTC has no leap seconds in Unix time.
const DAY_MS: u64 = 86_400_000;

/// Reads a value for a field from one text: JSON where the field is no text, and the short forms
/// that people use for subjects, times, lists and yes or no. `now_ms` is what relative times count
/// from.
///
/// # Errors
/// [`EventError::Refused`]: it cannot be read so.
pub fn fit(shape: &FieldShape, text: &str, now_ms: u64) -> Result<Value, EventError> {
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    match shape {
        FieldShape::Text(_) => Ok(match parsed {
            Some(value @ (Value::String(_) | Value::Object(_))) => value,
            _ => text.into(),
        }),
        // What they mean is looked up later.
        FieldShape::Identity | FieldShape::Event => Ok(match parsed {
            Some(Value::String(text)) => text.into(),
            _ => text.into(),
        }),
        FieldShape::Words(words) => {
            let text = text.trim_matches('"');
            match words.iter().any(|word| word.word == text) {
                true => Ok(text.into()),
                false => Err(not(shape, text)),
            }
        }
        FieldShape::Integer => parsed.filter(|value| value.is_u64() || value.is_i64()).ok_or_else(|| not(shape, text)),
        FieldShape::Number => parsed.filter(Value::is_number).ok_or_else(|| not(shape, text)),
        FieldShape::Boolean => match text {
            "true" | "yes" => Ok(true.into()),
            "false" | "no" => Ok(false.into()),
            _ => Err(not(shape, text)),
        },
        FieldShape::List(of) => match parsed {
            Some(Value::Array(items)) => settled(shape, Value::Array(items), now_ms),
            _ => Ok(json!([fit(of, text, now_ms)?])),
        },
        // Which kind is meant is looked up later.
        FieldShape::Subject(_) if parsed.as_ref().is_none_or(|value| value.is_u64()) && !text.contains(':') => {
            Ok(text.into())
        }
        FieldShape::Subject(kinds) => {
            let value = settled(shape, parsed.unwrap_or_else(|| text.into()), now_ms)?;
            let kind = value.get("kind").and_then(Value::as_str);
            match kinds.is_empty() || kinds.iter().any(|allowed| Some(allowed.as_str()) == kind) {
                true => Ok(value),
                false => Err(not(shape, text)),
            }
        }
        FieldShape::Time | FieldShape::Occurred => settled(shape, parsed.unwrap_or_else(|| text.into()), now_ms),
        FieldShape::Record(_) | FieldShape::Choice(_) | FieldShape::Document => match parsed {
            Some(value @ Value::Object(_)) => settled(shape, value, now_ms),
            _ => Err(refused(format!("{text:?} is not {} in JSON, such as {}", shape.in_words(), example(shape)))),
        },
    }
}

/// Puts something well-formed in the place of names that are looked up later, so that the type can
/// be asked about everything else.
pub fn stand_in(shape: &FieldShape, value: &mut Value) {
    each_name(shape, value, &mut |shape, value| match (shape, value.as_str()) {
        (FieldShape::Identity, Some(text)) if text.parse::<Identity>().is_err() => {
            *value = Identity::Person(uuid::Uuid::nil()).to_string().into();
        }
        (FieldShape::Subject(kinds), Some(_)) => {
            *value = format!("{}:a/b", kinds.first().map_or("model", String::as_str)).into();
        }
        (FieldShape::Event, Some(text)) if text.parse::<u64>().is_ok() => {
            *value = EventId::from_time(0, [0; 10]).to_string().into();
        }
        _ => {}
    });
}

/// Every place in a value that names a person, a service or an event, or a subject without its kind.
pub fn each_name(shape: &FieldShape, value: &mut Value, take: &mut impl FnMut(&FieldShape, &mut Value)) {
    match (shape, &mut *value) {
        (FieldShape::Event, Value::Number(index)) => {
            *value = index.to_string().into();
            take(shape, value);
        }
        (FieldShape::Identity | FieldShape::Event, Value::String(_)) => take(shape, value),
        (FieldShape::Subject(_), Value::String(text)) if !text.contains(':') => take(shape, value),
        (FieldShape::List(of), Value::Array(items)) => items.iter_mut().for_each(|item| each_name(of, item, take)),
        (FieldShape::Record(fields), Value::Object(entries)) => {
            for field in fields {
                if let Some(entry) = entries.get_mut(&field.name) {
                    each_name(&field.shape, entry, take);
                }
            }
        }
        (FieldShape::Choice(choices), Value::Object(entries)) => {
            let kind = entries.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
            let chosen = choices.iter().find(|(word, _)| word.word == kind);
            if let (Some((_, shape)), Some(content)) = (chosen, entries.get_mut("content")) {
                each_name(shape, content, take);
            }
        }
        _ => {}
    }
}

fn settled(shape: &FieldShape, mut value: Value, now_ms: u64) -> Result<Value, EventError> {
    settle(shape, &mut value, now_ms)?;
    Ok(value)
}

/// Replaces, throughout what a person wrote, subjects and times that are texts by what an event
/// holds. Everything else stays as it is: what is wrong with it, the event's own type says best.
///
/// # Errors
/// [`EventError::Refused`]: a text is no subject or time.
pub fn settle(shape: &FieldShape, value: &mut Value, now_ms: u64) -> Result<(), EventError> {
    match (shape, &mut *value) {
        (FieldShape::Subject(kinds), Value::String(text)) => {
            // Without its kind, where only one can be meant.
            let text = match kinds.as_slice() {
                [kind] if is_short(text) => format!("{kind}:{text}"),
                kinds if is_short(text) && format!("model:{text}").parse::<Subject>().is_ok() => {
                    let kinds = if kinds.is_empty() { "model, dataset, endpoint".to_owned() } else { kinds.join(", ") };
                    let reason =
                        format!("{text:?} can be of several kinds ({kinds}); write one in front, as in model:{text}");
                    return Err(refused(reason));
                }
                _ => text.clone(),
            };
            let subject: Subject = text.parse().map_err(|error| refused(format!("{text:?}: {error}")))?;
            *value = serde_json::to_value(subject).map_err(|error| refused(error.to_string()))?;
        }
        (FieldShape::Time, Value::String(text)) => *value = time_of(text, now_ms)?.into(),
        (FieldShape::Occurred, Value::String(text)) => {
            *value = match text.split_once("..") {
                Some((earliest, latest)) => json!([time_of(earliest, now_ms)?, latest_of(latest, now_ms)?]),
                // A day is not its midnight.
                None if is_day(text) => json!([time_of(text, now_ms)?, latest_of(text, now_ms)?]),
                None => time_of(text, now_ms)?.into(),
            };
        }
        (FieldShape::Occurred, Value::Array(ends)) => {
            if let [earliest, latest] = ends.as_mut_slice() {
                settle(&FieldShape::Time, earliest, now_ms)?;
                if let Value::String(text) = latest {
                    *latest = latest_of(text, now_ms)?.into();
                }
            }
        }
        (FieldShape::List(of), Value::Array(items)) => {
            for (at, item) in items.iter_mut().enumerate() {
                settle(of, item, now_ms).map_err(|error| error.within(&format!("[{at}]")))?;
            }
        }
        (FieldShape::Record(fields), Value::Object(entries)) => {
            for field in fields {
                if let Some(entry) = entries.get_mut(&field.name) {
                    settle(&field.shape, entry, now_ms).map_err(|error| error.within(&field.name))?;
                }
            }
        }
        (FieldShape::Choice(choices), Value::Object(entries)) => {
            let kind = entries.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
            let chosen = choices.iter().find(|(word, _)| word.word == kind);
            if let (Some((_, shape)), Some(content)) = (chosen, entries.get_mut("content")) {
                settle(shape, content, now_ms).map_err(|error| error.within("content"))?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Whether a text is a date without a time.
fn is_day(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_err() && text.parse::<Date>().is_ok()
}

/// The latest moment that a text can mean: of a date, the last millisecond of the day in UTC.
fn latest_of(text: &str, now_ms: u64) -> Result<u64, EventError> {
    let earliest = time_of(text, now_ms)?;
    if is_day(text) { Ok(earliest.saturating_add(DAY_MS - 1)) } else { Ok(earliest) }
}

/// Milliseconds since 1970 from `now`, an RFC 3339 time, a date (its first moment in UTC), or a
/// distance from now such as `+90d`, `-2h`.
fn time_of(text: &str, now_ms: u64) -> Result<u64, EventError> {
    let wrong = || not(&FieldShape::Time, text);
    if text == "now" {
        return Ok(now_ms);
    }
    if let Some(distance) = text.strip_prefix('+') {
        return now_ms.checked_add(span(distance).ok_or_else(wrong)?).ok_or_else(wrong);
    }
    if let Some(distance) = text.strip_prefix('-') {
        return now_ms.checked_sub(span(distance).ok_or_else(wrong)?).ok_or_else(wrong);
    }
    let timestamp = match text.parse::<jiff::Timestamp>() {
        Ok(timestamp) => timestamp,
        Err(_) => {
            let date: Date = text.parse().map_err(|_| wrong())?;
            date.to_zoned(TimeZone::UTC).map_err(|_| wrong())?.timestamp()
        }
    };
    u64::try_from(timestamp.as_millisecond()).map_err(|_| wrong())
}

/// A number and a unit: seconds, minutes, hours, days, weeks.
fn span(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
    count.checked_mul(seconds * 1_000)
}

/// Whether a text names a subject without its kind.
fn is_short(text: &str) -> bool {
    text.contains('/') && !text.contains(':')
}

fn not(shape: &FieldShape, text: &str) -> EventError {
    refused(format!("{:?} is not {}", shorten(text), shape.in_words()))
}

fn refused(reason: String) -> EventError {
    EventError::Refused { path: String::new(), reason }
}
