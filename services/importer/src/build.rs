//! The events of one row.

use probity_schemas::model::{Amended, ModelEvent};
use probity_schemas::{Data, Event, EventError, EventId, ExternalId, Identity, ParseError, Text};
use probity_statement::{KeyId, SealingKeyId, StatementError, Unsigned, derived_event_id};
use serde_json::{Map, Value as Json};

use crate::cell::normalised;
use crate::history::{KnownRow, Said, said};
use crate::mapping::{Column, ColumnId, EventSpec, Mapping};
use crate::naming::{Named, UNIT};
use crate::report::{Effect, Reason};
use crate::row::{Cells, Remark};
use crate::sealing::{Sealer, SealerError};

/// The longest origin a ledger can have: the size of a statement must not depend on the ledger.
const LONGEST_ORIGIN: usize = 200;

/// Makes events for one issuer by one mapping.
pub(crate) struct Builder<'m> {
    pub(crate) mapping: &'m Mapping,
    pub(crate) issuer: &'m Identity,
    /// What the edition is called in amendments.
    pub(crate) edition: &'m str,
    /// The vault.
    pub(crate) sealer: &'m dyn Sealer,
}

impl Builder<'_> {
    /// The id of what this issuer found in this system.
    pub(crate) fn id(&self, found: &str, event_type: &str) -> EventId {
        derived_event_id(self.issuer, &self.mapping.system, found, event_type)
    }

    /// The id of what a row yields by `spec`; `times` is how often it was recorded before.
    pub(crate) fn id_of(&self, identity: &str, spec: &EventSpec, times: u32) -> EventId {
        let mut found = identity.to_owned();
        if let Some(key) = &spec.key {
            found.extend([UNIT.to_string().as_str(), key]);
        }
        if times > 0 {
            // A key has no control characters.
            found.push_str(&format!("{UNIT}{UNIT}{times}"));
        }
        self.id(&found, spec.info.event_type)
    }

    /// The event a row yields by `spec`; `None` where its condition doesn't hold, or where it
    /// can't be made, which is then among the remarks.
    pub(crate) fn event(
        &self,
        spec: &EventSpec,
        row: &Named,
        cells: &Cells<'_>,
        remarks: &mut Vec<Remark>,
    ) -> Result<Option<Event>, Unmade> {
        if spec.when.as_ref().is_some_and(|condition| !cells.holds(condition)) {
            return Ok(None);
        }
        let name = Some(&row.name);
        let mut tree = Map::new();
        tree.insert("id".to_owned(), self.id_of(&row.identity, spec, 0).to_string().into());
        tree.insert("type".to_owned(), spec.info.event_type.into());
        tree.insert("v".to_owned(), spec.info.version.into());
        // Cells that give no name give nothing to say an event of.
        let Some(subject) = cells.subject(&spec.subject, &row.name, remarks) else { return Ok(None) };
        tree.insert("subject".to_owned(), json(&subject)?);
        if let Some(occurred) = spec.occurred.and_then(|column| cells.date(column)) {
            tree.insert("occurred".to_owned(), json(&occurred)?);
        }
        let about = spec.about.iter().filter_map(|subject| cells.subject(subject, &row.name, remarks));
        let about: Vec<_> = about.collect();
        if !about.is_empty() {
            tree.insert("about".to_owned(), json(&about)?);
        }
        if let Some(title) = spec.title.as_ref().and_then(|title| cells.value(title, name, remarks)) {
            tree.insert("title".to_owned(), one_line(title));
        }
        tree.insert("external_ids".to_owned(), json(&[self.external_id(&row.identity)?])?);
        if spec.is_registration() {
            tree.insert("attributes".to_owned(), json(&cells.attributes())?);
        }
        tree.insert("data".to_owned(), Json::Object(cells.fields(&spec.data, name, remarks)));
        let event = Event::from_value(&Json::Object(tree))?;
        self.check_size(&event)?;
        Ok(Some(event))
    }

    /// The registration as it is recorded: what is personal in it is sealed.
    pub(crate) fn sealed(&self, mut event: Event, cells: &Cells<'_>) -> Result<Event, Unmade> {
        let columns = self.mapping.names.sealed();
        let columns = columns.map(|column| (column, self.mapping.names.columns[column.0].name.as_str()));
        let mut attributes = std::mem::take(&mut event.attributes).into_map();
        for (column, name) in columns {
            let Some(text) = attributes.get(name).and_then(Json::as_str).map(str::to_owned) else { continue };
            let label = cells.label(column).unwrap_or_else(|| normalised(&text).into_owned());
            let sealed = self.seal(&text, &label, &event.id, name)?;
            attributes.insert(name.to_owned(), sealed.as_str().into());
        }
        event.attributes = attributes.into();
        self.check_size(&event)?;
        Ok(event)
    }

    fn seal(&self, text: &str, label: &str, event: &EventId, place: &str) -> Result<Text, Unmade> {
        self.sealer.seal(&text.parse()?, label, event, place).map_err(Unmade::Sealer)
    }

    /// What the file says otherwise than the record: one event for each difference. What is sealed under
    /// a key that is not there is not compared, which is among the remarks.
    pub(crate) fn amendments(
        &self,
        known: &KnownRow,
        row: &Named,
        event: &Event,
        cells: &Cells<'_>,
        remarks: &mut Vec<Remark>,
    ) -> Result<Vec<Event>, Unmade> {
        let Data::Model(ModelEvent::Registered(registered)) = &event.data else { return Ok(Vec::new()) };
        let now = said(event, registered);
        let mut amendments = Vec::new();
        let mut fields: Vec<_> = now.keys().chain(known.said.keys()).collect();
        fields.sort_unstable();
        fields.dedup();
        let columns = &self.mapping.names.columns;
        let left_out = |what: &Said| {
            let column = what.attribute().and_then(|name| columns.iter().find(|column| column.name == name));
            column.is_some_and(Column::is_left_out)
        };
        // What is left out now is not written down once more as what it was.
        for what in fields.into_iter().filter(|what| !left_out(what)) {
            let (recorded, new) = (known.said.get(what), now.get(what));
            let (old, was_sealed) = match recorded.filter(|text| SealingKeyId::of(text).is_some()) {
                None => (recorded.cloned(), false),
                Some(sealed) => {
                    let said_in = known.said_in.get(what).unwrap_or(&known.registration);
                    match self.sealer.open(sealed, said_in).map_err(Unmade::Sealer)? {
                        Some(text) => (Some(text), true),
                        None => {
                            let column = self.column_of(what);
                            remarks.push(Remark { effect: Effect::CellNoted, column, reason: Reason::KeyGone });
                            continue;
                        }
                    }
                }
            };
            let old = old.as_ref();
            if old.map(|text| normalised(text)) == new.map(|text| normalised(text)) {
                continue;
            }
            let earlier = known.amendments.get(what).copied().unwrap_or_default();
            let found = format!("{}{UNIT}{earlier}{UNIT}{}{UNIT}{}", row.identity, what.word(), self.edition);
            let reason = format!("The source says so since its edition {}.", self.edition);
            let text = |text: Option<&String>| text.map(|text| text.parse::<Text>()).transpose();
            let mut amended = Amended::new(what.field(), reason.parse()?);
            amended.attribute = what.attribute().map(str::parse).transpose()?;
            let id = self.id(&found, Amended::INFO.event_type);
            let column = self.column_of(what).filter(|column| self.mapping.names.sealed().any(|it| it == *column));
            let sealed = |text: Option<&String>, label: Option<String>, place: &str| {
                let Some(text) = text else { return Ok(None) };
                let label = label.unwrap_or_else(|| normalised(text).into_owned());
                self.seal(text, &label, &id, place).map(Some)
            };
            match column {
                // What was sealed is never said in clear, whatever the mapping says now.
                None if was_sealed => (amended.old, amended.new) = (sealed(old, None, "old")?, text(new)?),
                None => (amended.old, amended.new) = (text(old)?, text(new)?),
                Some(column) => {
                    let whom = self.mapping.names.columns[column.0].label.and_then(|_| cells.label(column));
                    (amended.old, amended.new) = (sealed(old, whom.clone(), "old")?, sealed(new, whom, "new")?);
                }
            }
            let mut event = Event::new(id, known.subject.clone(), amended);
            event.regarding = Some(known.registration);
            event.external_ids = vec![self.external_id(&row.identity)?];
            self.check_size(&event)?;
            amendments.push(event);
        }
        Ok(amendments)
    }

    /// The column that an attribute is from.
    fn column_of(&self, what: &Said) -> Option<ColumnId> {
        let name = what.attribute()?;
        self.mapping.names.columns.iter().position(|column| column.name == name).map(ColumnId)
    }

    pub(crate) fn external_id(&self, found: &str) -> Result<ExternalId, ParseError> {
        Ok(ExternalId::new(self.mapping.system.clone(), found.parse()?))
    }

    pub(crate) fn check_size(&self, event: &Event) -> Result<(), StatementError> {
        Unsigned::new(event, self.issuer, &"o".repeat(LONGEST_ORIGIN), KeyId([0; 32])).map(drop)
    }
}

/// Why an event of a row can't be made.
#[derive(Debug)]
pub(crate) enum Unmade {
    Sealer(SealerError),
    Event(EventError),
    Statement(StatementError),
    Text(ParseError),
}

impl From<EventError> for Unmade {
    fn from(error: EventError) -> Self {
        Self::Event(error)
    }
}

impl From<StatementError> for Unmade {
    fn from(error: StatementError) -> Self {
        Self::Statement(error)
    }
}

impl From<ParseError> for Unmade {
    fn from(error: ParseError) -> Self {
        Self::Text(error)
    }
}

impl Unmade {
    /// What to report, with the column that the failed field comes from.
    pub(crate) fn remark(self, effect: Effect, spec: &EventSpec) -> Remark {
        let event_type = spec.info.event_type;
        let (column, reason) = match self {
            Self::Event(error) => (column_of(&error, spec), Reason::Event { event_type, error }),
            Self::Statement(error) => (None, Reason::Statement { event_type, error }),
            Self::Text(error) => (None, Reason::Text(error)),
            Self::Sealer(error) => (None, Reason::Sealer(error)),
        };
        Remark { effect, column, reason }
    }
}

/// The column behind the field that an event was refused for.
fn column_of(error: &EventError, spec: &EventSpec) -> Option<ColumnId> {
    let (path, field) = match error {
        EventError::MissingField { path, field } => (path.as_str(), *field),
        EventError::UnknownField { path, field, .. } | EventError::DuplicateField { path, field } => {
            (path.as_str(), field.as_str())
        }
        EventError::UnknownValue { path, .. }
        | EventError::WrongShape { path, .. }
        | EventError::Refused { path, .. } => (path.as_str(), ""),
        EventError::Json(_)
        | EventError::Unreadable { .. }
        | EventError::UnknownType { .. }
        | EventError::UnsupportedVersion { .. }
        | EventError::SubjectKind { .. }
        | EventError::ActWithoutTime { .. } => return None,
    };
    let mut steps = path.split(['.', '[']).chain([field]).filter(|step| !step.is_empty());
    match steps.next()? {
        "data" => spec.data.get(steps.next()?)?.column(),
        "title" => spec.title.as_ref()?.column(),
        _ => None,
    }
}

/// A title that a cell breaks into lines is one line all the same. Nothing else in it is replaced: what
/// has no place in a title is refused.
fn one_line(title: Json) -> Json {
    match title {
        Json::String(text) if text.contains('\n') => {
            let lines = text.split('\n').map(str::trim).filter(|line| !line.is_empty());
            lines.collect::<Vec<_>>().join(" ").into()
        }
        title => title,
    }
}

fn json(value: &impl serde::Serialize) -> Result<Json, EventError> {
    serde_json::to_value(value).map_err(EventError::Json)
}
