//! What differs between two versions: how each is described by its registration, its training and its validation.
//!
//! A description is what the statements say after their issuers' corrections: what was voided, or is about something else
//! in truth, is left out, and amended fields say what they should have said. Nothing is inferred.

use std::collections::{BTreeMap, BTreeSet};

use probity_projection::View;
use probity_proto::v1;
use probity_query::{QueryError, Scope};
use probity_schemas::correction::CorrectionEvent;
use probity_schemas::model::ModelEvent;
use probity_schemas::{Data, Event, EventId, Subject};
use serde_json::Value;

use crate::corrections::{self, Correctness};
use crate::layout::{self, EventRecord, FACTS};
use crate::timeline::{exists, unknown, visible};

/// The types that describe a version.
pub(crate) const DESCRIBING: [&str; 3] = ["model.version_registered", "training.completed", "validation.completed"];

/// Statements about one version that are looked at.
const LOOKED_AT: usize = 2_000;

/// What names a description rather than being part of one: it differs always.
const NAMES: [&str; 3] = ["training_run", "run_id", "produced_version"];

/// The differences between two versions, field by field, and the statements that were compared.
///
/// Where a version was registered or trained more than once, the last of these statements counts; of several validations,
/// each field of the last that states it.
///
/// # Errors
/// Nothing is known about one of them.
pub fn compare(
    view: &View,
    scope: &Scope,
    from: &Subject,
    to: &Subject,
) -> Result<(Vec<v1::Difference>, Vec<u64>), QueryError> {
    let from = Description::of(view, scope, from)?;
    let to = Description::of(view, scope, to)?;
    let fields: BTreeSet<&String> = from.fields.keys().chain(to.fields.keys()).collect();
    let said = |fields: &BTreeMap<String, String>, field: &String| fields.get(field).cloned().unwrap_or_default();
    let differences = fields.into_iter().map(|field| v1::Difference {
        field: field.clone(),
        from: said(&from.fields, field),
        to: said(&to.fields, field),
    });
    let differences = differences.filter(|difference| difference.from != difference.to).collect();
    Ok((differences, from.indices.union(&to.indices).copied().collect()))
}

/// A version as it is described.
#[derive(Debug, Default)]
struct Description {
    fields: BTreeMap<String, String>,
    indices: BTreeSet<u64>,
}

/// A statement that counts.
struct Fact {
    index: u64,
    at_ms: u64,
    event: Event,
    /// Its data, after corrections.
    data: Value,
    /// What corrected it.
    corrections: Vec<u64>,
}

impl Description {
    fn of(view: &View, scope: &Scope, version: &Subject) -> Result<Self, QueryError> {
        let text = version.to_string();
        if !exists(view, scope, &text)? {
            return Err(unknown(view, scope, &text)?);
        }
        let mut facts = facts(view, scope, &text)?;
        facts.sort_by_key(|fact| (fact.at_ms, fact.index));
        let mut description = Self::default();
        let of_type = |event_type: &str| facts.iter().rev().find(|fact| fact.event.event_type() == event_type);
        let mut named = None;
        if let Some(registered) = of_type("model.version_registered") {
            description.add("", registered);
            if let Data::Model(ModelEvent::VersionRegistered(registered)) = &registered.event.data {
                named = registered.training_run;
            }
        }
        let run = named.map(|run| training_run(view, scope, &run)).transpose()?.flatten();
        if let Some(training) = run.as_ref().or_else(|| of_type("training.completed")) {
            description.add("training", training);
        }
        for validation in facts.iter().filter(|fact| fact.event.event_type() == "validation.completed") {
            description.add("validation", validation);
        }
        // A version that is only mentioned has no description; one that nobody ever mentioned does not exist.
        if description.indices.is_empty() && !mentioned(view, scope, version)? {
            return Err(unknown(view, scope, &text)?);
        }
        Ok(description)
    }

    fn add(&mut self, prefix: &str, fact: &Fact) {
        self.indices.insert(fact.index);
        self.indices.extend(&fact.corrections);
        flatten(prefix, &fact.data, &mut self.fields);
    }
}

/// Whether any event that the caller may see is about a version.
fn mentioned(view: &View, scope: &Scope, version: &Subject) -> Result<bool, QueryError> {
    use crate::timeline::{Question, events};
    let question = Question { subject: Some(version.clone()), brief: true, ..Question::default() };
    let page = probity_query::Page { size: 1, after: None };
    let found = events(view, scope, &question, &page)?;
    Ok(!found.items.is_empty() || !found.next_page_token.is_empty())
}

/// The describing statements about a version that count.
fn facts(view: &View, scope: &Scope, version: &str) -> Result<Vec<Fact>, QueryError> {
    let known = layout::size(view)?;
    let mut indices: BTreeSet<u64> =
        layout::numbers_under(view, &FACTS.key().text(version), LOOKED_AT)?.into_iter().collect();
    indices.extend(corrections::moved_to(view, version, known)?.into_keys());
    let mut facts = Vec::new();
    for index in indices {
        let Some(entry) = visible(view, scope, index)? else { continue };
        let Correctness { voided, subject } = Correctness::of(view, index, known)?;
        // It was about this version, and is about another one in truth.
        let gone = entry.head.subject == version && subject.as_deref().is_some_and(|subject| subject != version);
        if DESCRIBING.contains(&entry.head.event_type.as_str()) && !voided && !gone {
            facts.push(Fact::of(view, index, &entry, known)?);
        }
    }
    Ok(facts)
}

/// The training that a registration names.
fn training_run(view: &View, scope: &Scope, id: &EventId) -> Result<Option<Fact>, QueryError> {
    let known = layout::size(view)?;
    for index in layout::indices_of(view, &layout::id_bytes(id))? {
        // The first training that has the id is the one that is named, whatever became of it.
        if layout::head(view, index)?.is_some_and(|head| head.event_type == "training.completed") {
            let entry = visible(view, scope, index)?;
            let voided = Correctness::of(view, index, known)?.voided;
            return entry.filter(|_| !voided).map(|entry| Fact::of(view, index, &entry, known)).transpose();
        }
    }
    Ok(None)
}

impl Fact {
    fn of(view: &View, index: u64, entry: &EventRecord, known: u64) -> Result<Self, QueryError> {
        let event = entry.event(view, index)?;
        let mut tree = serde_json::to_value(&event).unwrap_or_default();
        let mut corrections = Vec::new();
        for correction in corrections::of(view, index, known)? {
            let Some(correcting) = layout::entry(view, correction.index)? else { continue };
            let Data::Correction(CorrectionEvent::Recorded(recorded)) = correcting.event(view, correction.index)?.data
            else {
                continue;
            };
            corrections.push(correction.index);
            if let Some(field) = &recorded.field {
                amend(&mut tree, field, recorded.new.as_deref());
            }
        }
        let mut data = tree.get_mut("data").map(Value::take).unwrap_or_default();
        if let Value::Object(fields) = &mut data {
            fields.retain(|field, _| !NAMES.contains(&field.as_str()));
        }
        Ok(Self { index, at_ms: entry.head.sorted_at_ms(), event, data, corrections })
    }
}

/// Puts what a field should have said in its place; nothing, where the correction does not say what.
fn amend(tree: &mut Value, field: &str, new: Option<&str>) {
    let mut names: Vec<&str> = field.split('.').collect();
    match names.first().copied() {
        Some("event") => drop(names.remove(0)),
        Some("data") => {}
        _ => names.insert(0, "data"),
    }
    let Some(last) = names.pop() else { return };
    let parent = names.iter().try_fold(tree, |tree, name| match tree {
        Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?),
        Value::Object(fields) => Some(fields.entry(*name).or_insert_with(|| Value::Object(Default::default()))),
        _ => None,
    });
    let value = |old: Option<&Value>, new: &str| match old {
        Some(Value::String(_)) => Value::from(new),
        _ => serde_json::from_str(new).unwrap_or_else(|_| new.into()),
    };
    match (parent, new) {
        (Some(Value::Object(fields)), Some(new)) => {
            let new = value(fields.get(last), new);
            fields.insert(last.to_owned(), new);
        }
        (Some(Value::Object(fields)), None) => drop(fields.remove(last)),
        (Some(Value::Array(items)), new) => {
            if let Some(item) = last.parse::<usize>().ok().and_then(|at| items.get_mut(at)) {
                *item = new.map_or(Value::Null, |new| value(Some(item), new));
            }
        }
        _ => {}
    }
}

/// Each field under its path, as text. Things with a name stand under their names, other lists in one field.
fn flatten(path: &str, value: &Value, fields: &mut BTreeMap<String, String>) {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Null => {}
        Value::Object(_) if subject(value).is_some() => drop(fields.insert(path.to_owned(), compact(value))),
        Value::Object(entries) => entries.iter().for_each(|(name, value)| flatten(&join(name), value, fields)),
        Value::Array(items) if items.iter().all(|item| item.get("name").is_some()) => {
            for item in items {
                let text = |name: &str| item.get(name).and_then(Value::as_str);
                let slice = text("slice").map(|slice| format!(" [{slice}]")).unwrap_or_default();
                let name = format!("{}{slice}", text("name").unwrap_or_default());
                let said = item.get("value").map_or_else(|| compact(item), compact);
                let unit = text("unit").map(|unit| format!(" {unit}")).unwrap_or_default();
                fields.insert(join(&name), said + &unit);
            }
        }
        Value::Array(items) => {
            let mut items: Vec<String> = items.iter().map(compact).collect();
            items.sort_unstable();
            fields.insert(path.to_owned(), items.join(", "));
        }
        other => drop(fields.insert(path.to_owned(), compact(other))),
    }
}

fn subject(value: &Value) -> Option<String> {
    serde_json::from_value::<Subject>(value.clone()).ok().map(|subject| subject.to_string())
}

/// A value in a few words.
fn compact(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => items.iter().map(compact).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => subject(value).unwrap_or_else(|| {
            fields.iter().map(|(name, value)| format!("{name} {}", compact(value))).collect::<Vec<_>>().join(" ")
        }),
    }
}
