//! The events a row yields.

use std::collections::{BTreeMap, HashSet};

use probity_schemas::{TypeInfo, catalogue, find, model::Registered};
use serde_json::Value as Json;

use super::error::{MappingError, MappingProblem, nearest};
use super::names::{ColumnId, Names};
use super::raw::RawEvent;
use super::rules::{Changed, Gone, has_end};
use super::value::resolve_fields;
use super::{Condition, SubjectSpec, Value};

/// An event, as a mapping describes it.
#[derive(Clone, Debug)]
pub(crate) struct EventSpec {
    pub(crate) info: &'static TypeInfo,
    /// Tells events of one type apart.
    pub(crate) key: Option<String>,
    pub(crate) subject: SubjectSpec,
    pub(crate) about: Vec<SubjectSpec>,
    pub(crate) occurred: Option<ColumnId>,
    pub(crate) title: Option<Value>,
    pub(crate) when: Option<Condition>,
    pub(crate) changed: Changed,
    pub(crate) gone: Gone,
    /// When what it says has ended, where the file no longer says so.
    pub(crate) ended: Option<ColumnId>,
    /// The types of the row's events whose end this one is.
    pub(crate) ends: Vec<String>,
    pub(crate) data: BTreeMap<String, Value>,
}

impl EventSpec {
    /// Whether this is the event that later editions amend.
    pub(crate) fn is_registration(&self) -> bool {
        self.info == Registered::INFO
    }

    fn resolve(raw: RawEvent, at: &str, names: &Names) -> Result<Self, MappingError> {
        let key = |name: &str| format!("{at}.{name}");
        let wrong = |name: &str, problem: MappingProblem| Err(MappingError::key(key(name), problem));
        // An unknown name fails at version 1 with the nearest one.
        let newest = catalogue().filter(|info| info.event_type == raw.event_type).max_by_key(|info| info.version);
        let info = match newest {
            Some(info) => info,
            None => find(&raw.event_type, 1).map_err(|error| MappingError::key(key("type"), error))?,
        };
        if info.is_act() {
            return wrong("type", MappingProblem::Act { event_type: info.event_type });
        }
        let subject = SubjectSpec::resolve(raw.subject, &key("subject"), names)?;
        if !info.subject_kinds.contains(&subject.kind) {
            return wrong("subject", MappingProblem::SubjectKind { event_type: info.event_type, found: subject.kind });
        }
        if info == Registered::INFO && subject.name.is_some() {
            return wrong("subject", MappingProblem::Registration);
        }
        if raw.key.as_ref().is_some_and(|text| text.is_empty() || text.contains(char::is_control)) {
            return wrong("key", MappingProblem::Range { expected: "a text without control characters" });
        }
        if let Some(fields) = fields_of(info)
            && let Some(field) = raw.data.keys().find(|field| !fields.contains(*field))
        {
            let nearest = nearest(field, fields.iter().map(String::as_str));
            let problem = MappingProblem::UnknownField { event_type: info.event_type, field: field.clone(), nearest };
            return wrong(&format!("data.{field}"), problem);
        }
        if info == Registered::INFO && (raw.changed.is_some() || raw.gone.is_some() || raw.ended.is_some()) {
            return Err(MappingError::key(at, MappingProblem::RegistrationRule));
        }
        let about = raw.about.into_iter().enumerate();
        Ok(Self {
            info,
            key: raw.key,
            subject,
            about: about
                .map(|(index, raw)| SubjectSpec::resolve(raw, &key(&format!("about[{index}]")), names))
                .collect::<Result<_, _>>()?,
            occurred: raw.occurred.map(|column| names.date(&column, &key("occurred"))).transpose()?,
            title: raw.title.map(|value| Value::resolve(value, &key("title"), names)).transpose()?,
            when: raw.when.map(|condition| Condition::resolve(condition, &key("when"), names)).transpose()?,
            changed: Changed::resolve(raw.changed, info, &key("changed"))?,
            gone: Gone::resolve(raw.gone, info, &key("gone"))?,
            ended: raw.ended.map(|column| names.date(&column, &key("ended"))).transpose()?,
            ends: raw.ends.unwrap_or_else(|| match info.event_type {
                "retirement.completed" => vec!["deployment.started".to_owned()],
                _ => Vec::new(),
            }),
            data: resolve_fields(raw.data, &key("data"), names)?,
        })
    }
}

/// Resolves the events and holds them against each other.
pub(super) fn resolve_all(raw: Vec<RawEvent>, names: &Names) -> Result<Vec<EventSpec>, MappingError> {
    let mut events: Vec<EventSpec> = Vec::with_capacity(raw.len());
    let mut ids = HashSet::new();
    let stated: Vec<Vec<String>> = raw.iter().map(|event| event.ends.clone().unwrap_or_default()).collect();
    for (index, event) in raw.into_iter().enumerate() {
        let at = format!("event[{index}]");
        let event = EventSpec::resolve(event, &at, names)?;
        if !ids.insert((event.info.event_type, event.key.clone())) {
            return Err(MappingError::key(format!("{at}.key"), MappingProblem::RepeatedEvent));
        }
        if event.is_registration() && (event.key.is_some() || event.when.is_some()) {
            return Err(MappingError::key(at, MappingProblem::Registration));
        }
        events.push(event);
    }
    let endable = |found: &str| has_end(found) && events.iter().any(|event| event.info.event_type == found);
    for (index, ends) in stated.iter().enumerate() {
        if let Some(found) = ends.iter().find(|found| !endable(found)) {
            let types = events.iter().map(|event| event.info.event_type).filter(|found| has_end(found));
            let problem = MappingProblem::NothingToEnd { found: found.clone(), nearest: nearest(found, types) };
            return Err(MappingError::key(format!("event[{index}].ends"), problem));
        }
    }
    if !events.iter().any(EventSpec::is_registration) {
        return Err(MappingError::key("event", MappingProblem::Registration));
    }
    Ok(events)
}

/// The names of a type's fields, from its schema; `None` for a type that isn't a plain object.
fn fields_of(info: &TypeInfo) -> Option<HashSet<String>> {
    let schema = info.json_schema();
    let schema = schema.as_value();
    let data = schema.pointer("/properties/data")?;
    let data = match data.get("$ref").and_then(Json::as_str) {
        Some(reference) => schema.pointer(reference.strip_prefix('#')?)?,
        None => data,
    };
    Some(data.get("properties")?.as_object()?.keys().cloned().collect())
}
