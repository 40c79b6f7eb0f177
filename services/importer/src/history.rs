//! What earlier imports recorded, folded from the importer's own statements.

use std::collections::{BTreeMap, HashMap, HashSet};

use probity_schemas::import::ImportEvent;
use probity_schemas::model::{AmendableField, Amended, ModelEvent, Registered};
use probity_schemas::{Data, Digest, Event, EventId, Name, Namespace, Subject, Text};
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

/// A row as the record has it.
#[derive(Clone, Debug)]
pub(crate) struct KnownRow {
    pub(crate) registration: EventId,
    pub(crate) subject: Subject,
    pub(crate) said: BTreeMap<Said, String>,
    /// How often each of these was amended.
    pub(crate) amendments: HashMap<Said, u32>,
}

/// What earlier imports from one system recorded.
///
/// Give it the importer's statements in the order of the log; those of other systems are passed
/// over.
#[derive(Clone, Debug)]
pub struct History {
    system: Text,
    events: HashSet<EventId>,
    rows: BTreeMap<String, KnownRow>,
    names: HashMap<(Namespace, Name), String>,
    completed: u32,
    latest: Option<(Digest, Option<Digest>)>,
}

impl History {
    /// Nothing recorded yet.
    pub fn new(system: &Text) -> Self {
        Self {
            system: system.clone(),
            events: HashSet::new(),
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
        self.events.insert(event.id);
        match &event.data {
            Data::Model(ModelEvent::Registered(registered)) => {
                let row = KnownRow {
                    registration: event.id,
                    subject: event.subject.clone(),
                    said: said(event, registered),
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
        self.events.contains(&id)
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
