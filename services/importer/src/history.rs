//! What earlier imports recorded, folded from the importer's own statements.

use std::collections::{BTreeMap, HashMap, HashSet};

use probity_schemas::correction::{CorrectionEvent, CorrectionKind};
use probity_schemas::dependency::DependencyEvent;
use probity_schemas::deployment::DeploymentEvent;
use probity_schemas::evidence::EvidenceEvent;
use probity_schemas::import::ImportEvent;
use probity_schemas::model::{AmendableField, Amended, ModelEvent, Registered};
use probity_schemas::{Data, Digest, Document, Event, EventId, Name, Namespace, Subject, Text, Title};
use serde_json::Value as Json;

/// Something said at registration that a later edition can say differently.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Said {
    Purpose,
    Kind,
    Supplier,
    OriginPlatform,
    Title,
    Attribute(String),
}

impl Said {
    pub(crate) fn field(&self) -> AmendableField {
        match self {
            Self::Purpose => AmendableField::Purpose,
            Self::Kind => AmendableField::Kind,
            Self::Supplier => AmendableField::Supplier,
            Self::OriginPlatform => AmendableField::OriginPlatform,
            Self::Title => AmendableField::Title,
            Self::Attribute(_) => AmendableField::Attribute,
        }
    }

    /// What it is called in the ids of amendments: an attribute's own name cannot begin with `.`.
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::Purpose => ".purpose",
            Self::Kind => ".kind",
            Self::Supplier => ".supplier",
            Self::OriginPlatform => ".origin_platform",
            Self::Title => ".title",
            Self::Attribute(name) => name,
        }
    }

    pub(crate) fn attribute(&self) -> Option<&str> {
        match self {
            Self::Attribute(name) => Some(name),
            Self::Purpose | Self::Kind | Self::Supplier | Self::OriginPlatform | Self::Title => None,
        }
    }

    fn of(amended: &Amended) -> Option<Self> {
        Some(match amended.field {
            AmendableField::Purpose => Self::Purpose,
            AmendableField::Kind => Self::Kind,
            AmendableField::Supplier => Self::Supplier,
            AmendableField::OriginPlatform => Self::OriginPlatform,
            AmendableField::Title => Self::Title,
            AmendableField::Attribute => Self::Attribute(amended.attribute.as_ref()?.to_string()),
        })
    }
}

/// Everything a registration says that a later edition can amend.
pub(crate) fn said(event: &Event, registered: &Registered) -> BTreeMap<Said, String> {
    let mut said: BTreeMap<Said, String> = BTreeMap::new();
    said.insert(Said::Purpose, registered.purpose.to_string());
    if let Some(Json::String(kind)) = registered.kind.and_then(|kind| serde_json::to_value(kind).ok()) {
        said.insert(Said::Kind, kind);
    }
    said.extend(registered.supplier.iter().map(|supplier| (Said::Supplier, supplier.to_string())));
    said.extend(registered.origin_platform.iter().map(|platform| (Said::OriginPlatform, platform.to_string())));
    said.extend(event.title.iter().map(|title| (Said::Title, title.to_string())));
    for (name, value) in event.attributes.iter() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        said.insert(Said::Attribute(name.clone()), text);
    }
    said
}

/// What has become of a recorded event.
#[derive(Copy, Clone, Debug)]
pub(crate) enum State<'h> {
    /// It stands.
    Holds,
    /// What it says has ended, by this event.
    Ended(&'h Event),
    /// It was taken back.
    Void,
}

/// A row as the record has it.
#[derive(Clone, Debug)]
pub(crate) struct KnownRow {
    pub(crate) registration: EventId,
    pub(crate) subject: Subject,
    pub(crate) said: BTreeMap<Said, String>,
    /// The amendment that says it now, for what was amended: what is sealed opens as of its event.
    pub(crate) said_in: HashMap<Said, EventId>,
    /// How often each of these was amended.
    pub(crate) amendments: HashMap<Said, u32>,
}

/// What earlier imports from one system recorded.
///
/// Give it the importer's statements in the order of the log; those of other systems are passed
/// over.
#[derive(Clone, Debug)]
pub struct History {
    system: Title,
    events: HashMap<EventId, Event>,
    /// How often the end of an event was recorded, or that it is void, and the latest of these.
    closed: HashMap<EventId, (u32, EventId)>,
    void: HashSet<EventId>,
    rows: BTreeMap<String, KnownRow>,
    names: HashMap<(Namespace, Name), String>,
    completed: u32,
    latest: Option<(Digest, Option<Digest>)>,
}

impl History {
    /// Nothing recorded yet.
    pub fn new(system: &Title) -> Self {
        Self {
            system: system.clone(),
            events: HashMap::new(),
            closed: HashMap::new(),
            void: HashSet::new(),
            rows: BTreeMap::new(),
            names: HashMap::new(),
            completed: 0,
            latest: None,
        }
    }

    /// Takes in the next event of the log.
    pub fn take_in(&mut self, event: &Event) {
        let mut ids = event.external_ids.iter().filter(|external| external.system == self.system);
        let Some(external) = ids.next() else { return };
        // What a registration says is kept by row.
        let kept = Event { attributes: Document::default(), ..event.clone() };
        self.events.entry(event.id).or_insert(kept);
        match &event.data {
            Data::Correction(CorrectionEvent::Recorded(correction)) => {
                if let Some(voided) = event.regarding.filter(|_| correction.kind == CorrectionKind::Voids) {
                    self.void.insert(voided);
                    self.close(voided, event.id);
                }
            }
            Data::Deployment(DeploymentEvent::Stopped(_))
            | Data::Dependency(DependencyEvent::Ended(_))
            | Data::Evidence(EvidenceEvent::Withdrawn(_)) => {
                if let Some(ended) = event.regarding {
                    self.close(ended, event.id);
                }
            }
            Data::Model(ModelEvent::Registered(registered)) => {
                let row = KnownRow {
                    registration: event.id,
                    subject: event.subject.clone(),
                    said: said(event, registered),
                    said_in: HashMap::new(),
                    amendments: HashMap::new(),
                };
                let name = (event.subject.namespace.clone(), event.subject.name.clone());
                self.names.insert(name, external.id.to_string());
                self.rows.insert(external.id.to_string(), row);
            }
            Data::Model(ModelEvent::Amended(amended)) => {
                let row = self.rows.get_mut(external.id.as_str());
                if let Some(row) = row
                    && let Some(what) = Said::of(amended)
                    && event.regarding == Some(row.registration)
                {
                    row.said_in.insert(what.clone(), event.id);
                    row.amend(what, amended.new.as_ref());
                }
            }
            Data::Import(ImportEvent::Completed(completed)) => {
                self.completed += 1;
                self.latest = Some((completed.file_digest, completed.mapping_digest));
            }
            _ => {}
        }
    }

    pub(crate) fn has(&self, id: EventId) -> bool {
        self.events.contains_key(&id)
    }

    /// An event that was recorded, without its attributes.
    pub(crate) fn event(&self, id: EventId) -> Option<&Event> {
        self.events.get(&id)
    }

    /// What has become of a recorded event.
    pub(crate) fn state(&self, id: EventId) -> State<'_> {
        if self.void.contains(&id) {
            return State::Void;
        }
        let end = self.closed.get(&id).map(|(_, end)| *end).filter(|end| !self.void.contains(end));
        end.and_then(|end| self.event(end)).map_or(State::Holds, State::Ended)
    }

    /// How often an event was closed or made void.
    pub(crate) fn closings(&self, id: EventId) -> u32 {
        self.closed.get(&id).map_or(0, |(times, _)| *times)
    }

    fn close(&mut self, opener: EventId, by: EventId) {
        let (times, latest) = self.closed.entry(opener).or_insert((0, by));
        *times += 1;
        *latest = by;
    }

    pub(crate) fn row(&self, identity: &str) -> Option<&KnownRow> {
        self.rows.get(identity)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (&str, &KnownRow)> {
        self.rows.iter().map(|(identity, row)| (identity.as_str(), row))
    }

    /// The row that has this name.
    pub(crate) fn owner(&self, namespace: &Namespace, name: &Name) -> Option<&str> {
        self.names.get(&(namespace.clone(), name.clone())).map(String::as_str)
    }

    /// How many imports from the system are complete.
    pub(crate) fn completed(&self) -> u32 {
        self.completed
    }

    /// Whether the latest complete import read this file by this mapping.
    pub(crate) fn is_latest(&self, file: Digest, mapping: Digest) -> bool {
        self.latest == Some((file, Some(mapping)))
    }
}

impl KnownRow {
    fn amend(&mut self, what: Said, new: Option<&Text>) {
        *self.amendments.entry(what.clone()).or_default() += 1;
        match new {
            Some(new) => self.said.insert(what, new.to_string()),
            None => self.said.remove(&what),
        };
    }
}
