//! Asking a person at a terminal.

use anyhow::Result;
use dialoguer::theme::ColorfulTheme;
use dialoguer::{Confirm, Input, MultiSelect, Select};
use probity_schemas::EventError;
use probity_terminal::errln;
use serde_json::{Map, Value, json};

use super::draft::Draft;
use super::prompt::{at_terminal, is_end, yes};
use crate::fields::{Field, FieldShape, Path, Word, fit, put};

/// Asks for what a draft lacks. False if the person broke off.
pub(super) fn missing(draft: &mut Draft) -> Result<bool> {
    if !at_terminal() {
        return Ok(true);
    }
    let event_type = draft.info()?.event_type;
    let missing = draft.missing()?;
    if !missing.is_empty() {
        errln!("{event_type} needs {} more; Ctrl-C records nothing.", count(missing.len(), "field"));
    }
    for (path, field) in missing {
        let answer = Prompt { draft, path }.ask(&field, true);
        match answer {
            Ok(Some((path, value))) => put(&mut draft.tree, &path, value, false).map_err(anyhow::Error::msg)?,
            Ok(None) => {}
            Err(error) if is_end(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
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
    path: Path,
}

impl Prompt<'_> {
    /// Asks for one field. None where it may be left out and is.
    fn ask(&self, field: &Field, required: bool) -> Result<Option<(Path, Value)>> {
        Ok(self.value(&field.name, &field.doc, &field.shape, required)?.map(|value| (self.path.clone(), value)))
    }

    fn value(&self, name: &str, doc: &str, shape: &FieldShape, required: bool) -> Result<Option<Value>> {
        match shape {
            FieldShape::Words(words) => self.choose(name, doc, words, required).map(|word| word.map(Value::from)),
            FieldShape::Boolean if required => {
                let prompt = format!("{name}: {doc}");
                let answer = Confirm::with_theme(&ColorfulTheme::default()).with_prompt(prompt).interact()?;
                Ok(Some(answer.into()))
            }
            FieldShape::List(of) => match &**of {
                FieldShape::Words(words) => self.choose_some(name, doc, words, required).map(Some),
                of => self.list(name, doc, of, required).map(Some),
            },
            FieldShape::Record(fields) => self.record(name, doc, fields).map(Some),
            FieldShape::Choice(choices) => {
                let words: Vec<Word> = choices.iter().map(|(word, _)| word.clone()).collect();
                let Some(kind) = self.choose(&format!("kind of {name}"), doc, &words, true)? else { return Ok(None) };
                let shape = choices
                    .iter()
                    .find(|(word, _)| word.word == kind)
                    .map_or(&FieldShape::Document, |(_, shape)| shape);
                let content = self.within("content").value("content", "", shape, true)?;
                Ok(Some(json!({ "kind": kind, "content": content })))
            }
            _ => self.line(name, doc, shape, required),
        }
    }

    fn within(&self, name: &str) -> Prompt<'_> {
        Prompt { draft: self.draft, path: self.path.join(name) }
    }

    /// One line of text, asked for again until it can stand there.
    fn line(&self, name: &str, doc: &str, shape: &FieldShape, required: bool) -> Result<Option<Value>> {
        errln!("{}", [doc, &format!("({})", shape.in_words())].join(" ").trim());
        let check = |text: &String| match text.trim() {
            "" if required => Err("it cannot be left out".to_owned()),
            "" => Ok(()),
            text => fit(shape, text, self.draft.now_ms()).and_then(|value| self.check(value)),
        };
        let theme = ColorfulTheme::default();
        let prompt = if required { name.to_owned() } else { format!("{name} (empty for none)") };
        let answer: String =
            Input::with_theme(&theme).with_prompt(prompt).allow_empty(true).validate_with(check).interact_text()?;
        match answer.trim() {
            "" => Ok(None),
            text => fit(shape, text, self.draft.now_ms()).map(Some).map_err(anyhow::Error::msg),
        }
    }

    /// Holds a value against the event's type, as far as that can tell already.
    fn check(&self, value: Value) -> Result<(), String> {
        let mut trial = self.draft.tree.clone();
        put(&mut trial, &self.path, value, false)?;
        match self.draft.error(trial).map_err(|error| error.to_string())? {
            Some(error) if concerns(&error, &self.path.as_in_errors()) => Err(error.to_string()),
            _ => Ok(()),
        }
    }

    fn choose(&self, name: &str, doc: &str, words: &[Word], required: bool) -> Result<Option<String>> {
        let mut items: Vec<String> = words
            .iter()
            .map(|Word { word, doc }| if doc.is_empty() { word.clone() } else { format!("{word} — {doc}") })
            .collect();
        if !required {
            items.push("(none)".to_owned());
        }
        let theme = ColorfulTheme::default();
        let prompt = if doc.is_empty() { name.to_owned() } else { format!("{name}: {doc}") };
        let chosen = Select::with_theme(&theme).with_prompt(prompt).items(&items).default(if required {
            0
        } else {
            words.len()
        });
        let chosen = chosen.interact()?;
        Ok(words.get(chosen).map(|word| word.word.clone()))
    }

    /// Any of a set of words; at least one, where the list is required.
    fn choose_some(&self, name: &str, doc: &str, words: &[Word], required: bool) -> Result<Value> {
        let items: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
        let prompt = format!("{name}: {doc} (space chooses, enter goes on)");
        loop {
            let theme = ColorfulTheme::default();
            let chosen = MultiSelect::with_theme(&theme).with_prompt(&prompt).items(&items).interact()?;
            if !chosen.is_empty() || !required {
                return Ok(chosen.into_iter().filter_map(|at| items.get(at)).copied().collect());
            }
            errln!("It cannot be left out.");
        }
    }

    fn list(&self, name: &str, doc: &str, of: &FieldShape, required: bool) -> Result<Value> {
        let mut items = Vec::new();
        loop {
            // Each is held against the type as if it were the only one.
            let form = self.within("0");
            // A record of optional fields never ends a list; only one is asked for.
            let more = !matches!(of, FieldShape::Record(_)) || items.is_empty() || yes(&format!("Another of {name}?"))?;
            if !more {
                return Ok(Value::Array(items));
            }
            let label = format!("{name} {}", items.len() + 1);
            match form.value(&label, doc, of, required && items.is_empty())? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn record(&self, name: &str, doc: &str, fields: &[Field]) -> Result<Value> {
        errln!("{name}: {doc}");
        let mut entries = Map::new();
        for field in fields {
            let form = self.within(&field.name);
            let optional_list = !field.required && matches!(field.shape, FieldShape::List(_) | FieldShape::Record(_));
            let value = match optional_list
                && !matches!(&field.shape, FieldShape::List(of) if !matches!(**of, FieldShape::Record(_)))
            {
                // Records within records are asked for only where they are needed.
                true => None,
                false => form.value(&field.name, &field.doc, &field.shape, field.required)?,
            };
            match value {
                Some(Value::Array(items)) if items.is_empty() => {}
                Some(value) => drop(entries.insert(field.name.clone(), value)),
                None => {}
            }
        }
        Ok(Value::Object(entries))
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
