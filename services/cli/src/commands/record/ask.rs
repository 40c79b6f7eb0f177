//! Asking a person at a terminal.

use anyhow::Result;
use probity_schemas::EventError;
use probity_terminal::errln;
use serde_json::{Map, Value, json};

use super::draft::Draft;
use super::prompt::{at_terminal, line, named, say, yes};
use crate::fields::{self, Field, FieldShape, Path, Word, fit, put};
use crate::people::People;
use crate::resolve;

/// The person left.
struct Left;

/// What became of a question.
type Asked<T> = Result<Result<T, Left>>;

/// Goes on with what was answered, or leaves.
macro_rules! answered {
    ($asked:expr) => {
        match $asked? {
            Ok(answer) => answer,
            Err(left) => return Ok(Err(left)),
        }
    };
}

/// Asks for what a draft lacks, and for what it may say besides. False if the person left.
pub(super) fn missing(draft: &mut Draft, people: &People) -> Result<bool> {
    if !at_terminal() {
        return Ok(true);
    }
    let event_type = draft.info()?.event_type;
    let missing = draft.missing()?;
    if missing.is_empty() {
        return Ok(true);
    }
    say(&format!("{event_type} needs {} more. Ctrl-D leaves and records nothing.", count(missing.len(), "field")));
    for (path, field) in missing {
        match (Prompt { draft, people, path: path.clone() }).value(&field.name, &field.doc, &field.shape, true)? {
            Ok(Some(value)) => put(&mut draft.tree, &path, value, false).map_err(anyhow::Error::msg)?,
            Ok(None) => {}
            Err(Left) => return Ok(false),
        }
    }
    Ok(optional(draft, people)?.is_ok())
}

/// Offers the fields that may be left out.
fn optional(draft: &mut Draft, people: &People) -> Asked<()> {
    loop {
        let shape = fields::of_type(draft.info()?);
        let Some(FieldShape::Record(all)) = shape.field("data").map(|field| field.shape.clone()) else {
            return Ok(Ok(()));
        };
        let data = draft.tree.get("data").cloned().unwrap_or_default();
        let open: Vec<&Field> = all.iter().filter(|field| !field.required && data.get(&field.name).is_none()).collect();
        if open.is_empty() {
            return Ok(Ok(()));
        }
        let names: Vec<&str> = open.iter().map(|field| field.name.as_str()).collect();
        say(&format!("It may also say: {}.", names.join(", ")));
        let Some(answer) = line("another field (empty for none)")? else { return Ok(Err(Left)) };
        if answer.is_empty() {
            return Ok(Ok(()));
        }
        let Some(field) = named(&answer, &names).and_then(|at| open.get(at)) else {
            let nearest = probity_schemas::nearest(&answer, names.iter().copied());
            let meant = nearest.map(|name| format!(" Did you mean {name}?")).unwrap_or_default();
            errln!("There is no field {answer:?}.{meant}");
            continue;
        };
        let path = Path::root().join("data").join(&field.name);
        let prompt = Prompt { draft, people, path: path.clone() };
        if let Some(value) = answered!(prompt.value(&field.name, &field.doc, &field.shape, false)) {
            put(&mut draft.tree, &path, value, false).map_err(anyhow::Error::msg)?;
        }
    }
}

/// Whether to sign.
pub(super) fn may_sign(events: usize) -> Result<bool> {
    yes(if events == 1 { "Sign and record it?" } else { "Sign and record them?" })
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A place of a draft that is being filled in.
struct Prompt<'a> {
    draft: &'a Draft,
    people: &'a People,
    path: Path,
}

impl Prompt<'_> {
    /// Asks for a value. None where it may be left out and is.
    fn value(&self, name: &str, doc: &str, shape: &FieldShape, required: bool) -> Asked<Option<Value>> {
        match shape {
            FieldShape::Words(words) => {
                let word = answered!(self.choose(name, doc, words, required));
                Ok(Ok(word.map(Value::from)))
            }
            FieldShape::List(of) => match &**of {
                FieldShape::Words(words) => self.choose_some(name, doc, words, required),
                of => self.list(name, doc, of, required),
            },
            FieldShape::Record(fields) => self.record(name, doc, fields),
            FieldShape::Choice(choices) => {
                let words: Vec<Word> = choices.iter().map(|(word, _)| word.clone()).collect();
                let Some(kind) = answered!(self.choose(&format!("kind of {name}"), doc, &words, required)) else {
                    return Ok(Ok(None));
                };
                let shape = choices.iter().find(|(word, _)| word.word == kind);
                let shape = shape.map_or(&FieldShape::Document, |(_, shape)| shape);
                let content = answered!(self.within("content").value("content", "", shape, true));
                Ok(Ok(Some(json!({ "kind": kind, "content": content }))))
            }
            _ => self.text(name, doc, shape, required),
        }
    }

    fn within(&self, name: &str) -> Prompt<'_> {
        Prompt { draft: self.draft, people: self.people, path: self.path.join(name) }
    }

    /// One line of text, asked for again until it can stand there.
    fn text(&self, name: &str, doc: &str, shape: &FieldShape, required: bool) -> Asked<Option<Value>> {
        say([doc, &format!("({})", shape.in_words())].join(" ").trim());
        let question = if required { name.to_owned() } else { format!("{name} (empty for none)") };
        loop {
            let Some(answer) = line(&question)? else { return Ok(Err(Left)) };
            if answer.is_empty() {
                match required {
                    true => errln!("It cannot be left out."),
                    false => return Ok(Ok(None)),
                }
                continue;
            }
            match self.fit(shape, &answer).and_then(|value| self.check(&value).map(|()| value)) {
                Ok(value) => return Ok(Ok(Some(value))),
                Err(wrong) => say(&wrong),
            }
        }
    }

    /// What a text says in a field; people may be named.
    fn fit(&self, shape: &FieldShape, text: &str) -> Result<Value, String> {
        match shape {
            FieldShape::Identity => resolve::identity(text, self.people)
                .map(|found| found.to_string().into())
                .map_err(|error| error.to_string()),
            _ => fit(shape, text, self.draft.now_ms()).map_err(|error| error.to_string()),
        }
    }

    /// Holds a value against the event's type, as far as that can tell already.
    fn check(&self, value: &Value) -> Result<(), String> {
        let mut trial = self.draft.tree.clone();
        put(&mut trial, &self.path, value.clone(), false)?;
        match self.draft.error(trial).map_err(|error| error.to_string())? {
            Some(error) if concerns(&error, &self.path.as_in_errors()) => Err(error.to_string()),
            _ => Ok(()),
        }
    }

    /// Shows words to choose from.
    fn offer(name: &str, doc: &str, words: &[Word]) {
        say(&if doc.is_empty() { name.to_owned() } else { format!("{name}: {doc}") });
        for (at, Word { word, doc }) in words.iter().enumerate() {
            let doc = if doc.is_empty() { String::new() } else { format!(" — {doc}") };
            errln!("{:>4}  {word}{doc}", at + 1);
        }
    }

    fn choose(&self, name: &str, doc: &str, words: &[Word], required: bool) -> Asked<Option<String>> {
        Self::offer(name, doc, words);
        let names: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
        let none = if required { "" } else { "; empty for none" };
        loop {
            let Some(answer) = line(&format!("{name} (number or word{none})"))? else { return Ok(Err(Left)) };
            match named(&answer, &names) {
                Some(at) => return Ok(Ok(words.get(at).map(|word| word.word.clone()))),
                None if answer.is_empty() && !required => return Ok(Ok(None)),
                None if answer.is_empty() => errln!("It cannot be left out."),
                None => errln!("{answer:?} is none of them."),
            }
        }
    }

    /// Any of a set of words; at least one, where the list is required.
    fn choose_some(&self, name: &str, doc: &str, words: &[Word], required: bool) -> Asked<Option<Value>> {
        Self::offer(name, doc, words);
        let names: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
        let none = if required { "" } else { "; empty for none" };
        loop {
            let question = format!("{name} (numbers or words, with commas between{none})");
            let Some(answer) = line(&question)? else { return Ok(Err(Left)) };
            let parts: Vec<&str> = answer.split([',', ' ']).filter(|part| !part.is_empty()).collect();
            let unknown: Vec<&str> = parts.iter().copied().filter(|part| named(part, &names).is_none()).collect();
            if !unknown.is_empty() {
                errln!("{} is none of them.", unknown.join(", "));
                continue;
            }
            if parts.is_empty() && required {
                errln!("It cannot be left out.");
                continue;
            }
            let chosen = parts.iter().filter_map(|part| names.get(named(part, &names)?).copied());
            return Ok(Ok(Some(chosen.collect())));
        }
    }

    fn list(&self, name: &str, doc: &str, of: &FieldShape, required: bool) -> Asked<Option<Value>> {
        let mut items = Vec::new();
        loop {
            // Each is held against the type as if it were the only one.
            let form = self.within("0");
            // A record of optional fields never ends a list; only one is asked for.
            let more = !matches!(of, FieldShape::Record(_)) || items.is_empty() || yes(&format!("Another of {name}?"))?;
            if !more {
                return Ok(Ok(Some(Value::Array(items))));
            }
            let label = format!("{name} {}", items.len() + 1);
            match answered!(form.value(&label, doc, of, required && items.is_empty())) {
                Some(item) => items.push(item),
                None => return Ok(Ok(Some(Value::Array(items)))),
            }
        }
    }

    fn record(&self, name: &str, doc: &str, fields: &[Field]) -> Asked<Option<Value>> {
        say(&format!("{name}: {doc}"));
        let mut entries = Map::new();
        for field in fields {
            // Records within records are asked for only where they are needed.
            let deep = match &field.shape {
                FieldShape::Record(_) => true,
                FieldShape::List(of) => matches!(**of, FieldShape::Record(_)),
                _ => false,
            };
            if deep && !field.required {
                continue;
            }
            let form = self.within(&field.name);
            match answered!(form.value(&field.name, &field.doc, &field.shape, field.required)) {
                Some(Value::Array(items)) if items.is_empty() => {}
                Some(value) => drop(entries.insert(field.name.clone(), value)),
                None => {}
            }
        }
        Ok(Ok(Some(Value::Object(entries))))
    }
}

/// Whether an error is about this place or one within it. Fields that are missing are asked for
/// anyway.
fn concerns(error: &EventError, place: &str) -> bool {
    match error {
        EventError::WrongShape { path, .. }
        | EventError::Refused { path, .. }
        | EventError::UnknownValue { path, .. }
        | EventError::UnknownField { path, .. }
        | EventError::DuplicateField { path, .. } => path.starts_with(place),
        EventError::SubjectKind { .. } => place == "subject",
        _ => false,
    }
}
