//! Events on their way to a signature: filled in, settled, sealed.

use std::collections::HashSet;

use anyhow::{Context, Result};
use dialoguer::Editor;
use probity_schemas::{Clock, Event, EventError, EventId, Identity, Origin, SystemClock, Timestamp, TypeInfo};
use probity_terminal::{errln, wrong_use};
use rand::Rng;
use serde_json::{Value, json};

use super::args::FieldArgs;
use super::fetched::FetchedStatement;
use super::prompt::{at_terminal, yes};
use super::show::plain_words;
use super::{documents, help};
use crate::client::headline;
use crate::fields::{self, Field, FieldShape, Path, fit, is_missing, put, settle, stand_in};
use crate::people::People;
use crate::vault::{Vault, seal_texts, show_texts};

/// An event that is about to be signed.
pub(crate) struct Draft {
    /// As far as it is written.
    pub(crate) tree: Value,
    /// The event that it regards, by id, index or subject, until it is resolved.
    pub(super) regards: Option<String>,
    /// What it is about, by a short name, an index or an event id, until it is resolved.
    pub(super) about_what: Option<String>,
    /// What is known beyond the event: for showing only.
    notes: Vec<(&'static str, String)>,
    /// Where it stands in a list.
    place: String,
    /// The texts as they were before they were sealed.
    opened: Option<Value>,
    /// Whether it was begun on the command line: then it happens now, where nothing else is said. A
    /// fact in a file says itself when it happened, or that nobody knows.
    pub(super) begun_here: bool,
    /// When it was begun, in Unix milliseconds.
    now_ms: u64,
}

/// Reads an event as a person wrote it, filling in what only a machine would know. `place` is where
/// it stands.
pub(crate) fn complete(tree: Value, place: &str) -> Result<Event> {
    let now_ms = SystemClock.now_ms();
    let event = Event::from_draft(tree, new_id(now_ms), Timestamp::from_ms(now_ms)?);
    event.map_err(|error| wrong_use!("{place}{error}"))
}

fn new_id(now_ms: u64) -> EventId {
    let mut random = [0; 10];
    rand::rng().fill_bytes(&mut random);
    EventId::from_time(now_ms, random)
}

impl Draft {
    /// As it was read from a file.
    pub(super) fn new(tree: Value, place: String) -> Self {
        let now_ms = SystemClock.now_ms();
        Self {
            tree,
            regards: None,
            about_what: None,
            notes: Vec::new(),
            place,
            opened: None,
            begun_here: false,
            now_ms,
        }
    }

    /// An event of this type of which nothing is said yet.
    pub(crate) fn of(info: &TypeInfo) -> Self {
        let tree = json!({ "type": info.event_type, "data": {} });
        Self { begun_here: true, ..Self::new(tree, String::new()) }
    }

    /// An event of this type with what a shortcut knows of it.
    pub(crate) fn filled(event_type: &str, subject: &str, data: Value) -> Result<Self> {
        Self::begun(event_type, Some(subject), data)
    }

    /// The same where the subject may not be known yet.
    pub(crate) fn begun(event_type: &str, subject: Option<&str>, data: Value) -> Result<Self> {
        let mut draft = Self::of(fields::info_of(event_type)?);
        draft.tree["data"] = data;
        draft.subject(subject)?;
        Ok(draft)
    }

    /// The type, where it is one.
    pub(super) fn info(&self) -> Result<&'static TypeInfo> {
        match self.tree.get("type").and_then(Value::as_str) {
            Some(event_type) => {
                probity_schemas::newest(event_type).map_err(|error| wrong_use!("{}{error}", self.place))
            }
            None => Err(wrong_use!("{}missing field type", self.place)),
        }
    }

    /// When it was begun: what relative times count from.
    pub(super) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Fills in what stands on the command line.
    pub(crate) fn apply(&mut self, args: &FieldArgs) -> Result<()> {
        let shape = fields::of_type(self.info()?);
        let mut named = HashSet::new();
        for set in &args.set {
            let (path, text) = set.split_once('=').ok_or_else(|| wrong_use!("--set {set}: write FIELD=VALUE"))?;
            // The first one replaces what a sample or a file has there; the others add to it.
            let add = !named.insert(path);
            self.set(&shape, path, text, add).map_err(|error| wrong_use!("--set {path}: {error}"))?;
        }
        for subject in &args.about {
            self.set(&shape, "event.about", subject, true).map_err(|error| wrong_use!("--about: {error}"))?;
        }
        for (at, path) in args.evidence.iter().enumerate() {
            let kind = args.evidence_kind.get(at).or(args.evidence_kind.first()).map(|kind| kind.as_str());
            let evidence = json!([documents::evidence(path, kind)?]);
            put(&mut self.tree, &Path::root().join("evidence"), evidence, true)
                .map_err(|error| wrong_use!("{error}"))?;
        }
        if let Some(title) = &args.title {
            self.tree["title"] = title.as_str().into();
        }
        if let Some(identity) = &args.on_behalf_of {
            self.tree["on_behalf_of"] = identity.as_str().into();
        }
        if let Some(occurred) = &args.occurred {
            self.set(&shape, "event.occurred", occurred, false).map_err(|error| wrong_use!("--occurred: {error}"))?;
        } else if self.begun_here && self.tree.get("occurred").is_none() {
            self.tree["occurred"] = self.now_ms.into();
        }
        Ok(())
    }

    fn set(&mut self, shape: &FieldShape, path: &str, text: &str, add: bool) -> Result<(), String> {
        let path: Path = path.parse()?;
        let value = match path.shape(shape) {
            Some(shape) => fit(shape, text, self.now_ms).map_err(|error| error.to_string())?,
            None => match path.unknown_in(shape) {
                Some(unknown) => return Err(format!("{} {unknown}", self.info().map_or("it", |info| info.event_type))),
                // What stands there is the user's own.
                None => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
            },
        };
        put(&mut self.tree, &path, value, add)
    }

    /// Says what it is about.
    pub(super) fn subject(&mut self, subject: Option<&str>) -> Result<()> {
        let Some(subject) = subject else { return Ok(()) };
        if !subject.contains([':', '{']) {
            self.about_what = Some(subject.to_owned());
            return Ok(());
        }
        let value = fit(&FieldShape::Subject(Vec::new()), subject, self.now_ms);
        self.tree["subject"] = value.map_err(|error| wrong_use!("--subject {error}"))?;
        Ok(())
    }

    /// Says which event it regards, by id or index.
    pub(crate) fn regarding(&mut self, regarding: Option<&str>) {
        if let Some(regarding) = regarding {
            self.regards = Some(regarding.to_owned());
        }
    }

    /// Says which event it regards.
    pub(crate) fn regard(&mut self, found: &FetchedStatement) {
        self.tree["regarding"] = found.event.id.to_string().into();
        self.note("which is", format!("index {}: {}", found.index, headline(&found.event)));
    }

    /// Adds something that is known beyond the event, for showing only.
    pub(crate) fn note(&mut self, label: &'static str, text: String) {
        self.notes.push((label, text));
    }

    /// Lets a person change it in their editor.
    pub(super) fn edit(&mut self) -> Result<()> {
        if !at_terminal() {
            return Err(wrong_use!("--edit needs a terminal"));
        }
        let info = self.info()?;
        let mut text = help::as_yaml(info, &self.tree)?;
        loop {
            let edited = Editor::new().extension(".yaml").edit(&text).context("the editor")?;
            let Some(edited) = edited else { return Ok(()) };
            match documents::from_yaml(&edited) {
                Ok(tree @ Value::Object(_)) => {
                    self.tree = tree;
                    return Ok(());
                }
                Ok(_) => errln!("That is not an event."),
                Err(error) => errln!("That is not YAML: {error}"),
            }
            if !yes("Edit it again?")? {
                return Err(wrong_use!("nothing was recorded"));
            }
            text = edited;
        }
    }

    /// The required fields that are still empty.
    pub(super) fn missing(&self) -> Result<Vec<(Path, Field)>> {
        let shape = fields::of_type(self.info()?);
        let mut missing = Vec::new();
        // What is filled in without being asked for.
        const OURS: [&str; 4] = ["id", "type", "v", "occurred"];
        if let FieldShape::Record(fields) = &shape {
            let asked = |field: &&Field| {
                let is_ours = OURS.contains(&field.name.as_str());
                !(is_ours || field.name == "subject" && self.about_what.is_some())
            };
            for field in fields.iter().filter(asked) {
                gather(field, &self.tree, &Path::root(), &mut missing);
            }
        }
        Ok(missing)
    }

    /// Without a terminal to ask at, everything has to be there.
    pub(super) fn check_complete(&self) -> Result<()> {
        if at_terminal() {
            return Ok(());
        }
        let missing = self.missing()?;
        if missing.is_empty() {
            return Ok(());
        }
        // A field that is misspelt is missing too, but that is not what to say of it.
        if let Some(error) = self.error(self.tree.clone())?.filter(|error| !is_missing_field(error)) {
            return Err(wrong_use!("{}{error}", self.place));
        }
        let width = missing.iter().map(|(path, _)| path.to_string().len()).max().unwrap_or(0);
        let lines: Vec<String> = missing
            .iter()
            .map(|(path, field)| format!("  {:width$}  {}. {}", path.to_string(), field.shape.in_words(), field.doc))
            .collect();
        Err(wrong_use!(
            "{}{} lacks what it cannot be without:\n{}\nGive the subject with --subject, other fields with --set \
             FIELD=VALUE, or be asked at a terminal.",
            self.place,
            self.info()?.event_type,
            lines.join("\n")
        ))
    }

    /// What the event's type says against `tree`, which is this draft or a trial of it.
    pub(super) fn error(&self, mut tree: Value) -> Result<Option<EventError>> {
        // What settles badly is badly formed; the type says that as well.
        let shape = fields::of_type(self.info()?);
        stand_in(&shape, &mut tree);
        let _ = settle(&shape, &mut tree, self.now_ms);
        show_texts(&mut tree);
        let id = EventId::from_time(self.now_ms, [0; 10]);
        Ok(Event::from_draft(tree, id, Timestamp::from_ms(self.now_ms)?).err())
    }

    /// Makes the event: settles what is written in short, seals what is to be sealed, and holds it
    /// against its type.
    pub(super) fn finish(&mut self, origin: &Origin, vault: Option<&Vault>) -> Result<Event> {
        let info = self.info()?;
        let place = &self.place;
        settle(&fields::of_type(info), &mut self.tree, self.now_ms).map_err(|error| wrong_use!("{place}{error}"))?;
        if self.tree.get("id").is_none() {
            self.tree["id"] = new_id(self.now_ms).to_string().into();
        }
        let id = self.tree.get("id").and_then(Value::as_str).unwrap_or_default();
        let id: EventId = id.parse().map_err(|error| wrong_use!("{place}id: {error}"))?;
        let opened = self.tree.clone();
        if seal_texts(&mut self.tree, origin, &id, vault)? {
            self.opened = Some(opened);
        }
        let now = Timestamp::from_ms(self.now_ms)?;
        Event::from_draft(self.tree.clone(), id, now).map_err(|error| {
            let there_are = match &error {
                EventError::UnknownField { path, field, .. } => {
                    let place =
                        if path.is_empty() { format!("event.{field}") } else { format!("event.{path}.{field}") };
                    place
                        .parse::<Path>()
                        .ok()
                        .filter(|place| place.is_beside_others(&fields::of_type(info)))
                        .and_then(|place| place.unknown_in(&fields::of_type(info)))
                }
                _ => None,
            };
            match there_are {
                Some(unknown) => wrong_use!("{}{} {unknown}", self.place, info.event_type),
                None => wrong_use!("{}{error}", self.place),
            }
        })
    }

    /// What the event says, for the person who signs it.
    pub(super) fn in_words(&self, event: &Event, signer: &Identity, people: &People) -> String {
        let signed = serde_json::to_value(event).unwrap_or_default();
        let mut tree = self.opened.clone().unwrap_or_else(|| signed.clone());
        for filled_in in ["v", "occurred"] {
            if let Some(value) = signed.get(filled_in) {
                tree[filled_in] = value.clone();
            }
        }
        plain_words(event.info(), &tree, signer, people, &self.notes)
    }
}

fn is_missing_field(error: &EventError) -> bool {
    matches!(error, EventError::MissingField { .. })
}

/// Adds a field if it is missing, or what is missing within it.
fn gather(field: &Field, record: &Value, at: &Path, missing: &mut Vec<(Path, Field)>) {
    let path = at.join(&field.name);
    if is_missing(field, record) {
        // Of a record, what it needs rather than that it is needed.
        match &field.shape {
            FieldShape::Record(fields) if fields.iter().any(|field| field.required) => {
                within(&field.shape, &json!({}), &path, missing);
            }
            _ => missing.push((path, field.clone())),
        }
    } else if let Some(value) = record.get(&field.name) {
        within(&field.shape, value, &path, missing);
    }
}

fn within(shape: &FieldShape, value: &Value, at: &Path, missing: &mut Vec<(Path, Field)>) {
    match (shape, value) {
        (FieldShape::Record(fields), Value::Object(_)) => {
            fields.iter().for_each(|field| gather(field, value, at, missing));
        }
        (FieldShape::List(of), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                within(of, item, &at.join(&index.to_string()), missing);
            }
        }
        _ => {}
    }
}
