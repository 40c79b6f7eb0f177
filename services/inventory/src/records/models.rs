//! Models: what was registered, who took them on, how they are classified, what they are used for.

use std::collections::BTreeMap;

use probity_domain::lifecycle::{Standing, State};
use probity_projection::{Stated, Table};
use probity_schemas::model::AmendableField;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::facets::{Indexed, namespace_of};

/// Model → what it is.
pub(crate) const MODELS: Table<ModelRecord> = Table::new(1);
/// Model, index → a dependency.
pub(crate) const DEPENDENCIES: Table<DependencyRecord> = Table::new(13);

/// Model → what it is found by. By itself, since a model changes with many statements and this with few of them.
pub(crate) const INDEXED: Table<Indexed> = Table::new(23);
/// Model, index → what a registration, or an amendment of one, said: read when one of them is void.
pub(crate) const REGISTERED: Table<Option<Registering>> = Table::new(22);

/// The attributes that the view keeps of a model, in bytes of JSON. Each amendment can add to them, and the record is
/// written with each; what is beyond is in the log.
const ATTRIBUTES_MAX: usize = 64 << 10;

/// What is known of a model. Each list holds what statements said, so that one that is void can be taken out again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelRecord {
    /// The registration that holds, as amended.
    pub(crate) registration: Option<ModelRegistration>,
    /// The first registration.
    pub(crate) registered: Option<u64>,
    pub(crate) owners: Vec<Owner>,
    pub(crate) classes: Vec<Class>,
    pub(crate) links: Vec<Link>,
    pub(crate) use_cases: Vec<Use>,
    /// Where its retirement was completed (true) or reversed (false).
    pub(crate) retirements: Vec<(u64, bool)>,
    /// How many versions are in which state, each taken by itself.
    pub(crate) versions: BTreeMap<String, u64>,
    pub(crate) version_count: u64,
    /// How many places it runs at, by environment.
    pub(crate) environments: BTreeMap<String, u64>,
    pub(crate) running: u64,
    pub(crate) suspended: u64,
    pub(crate) open_issues: u64,
    pub(crate) open_incidents: u64,
    pub(crate) open_findings: u64,
    pub(crate) last_activity_ms: u64,
    /// What it is found by came from this: [`Self::found_by`].
    pub(crate) indexed_by: [u8; 16],
}

/// What one statement says of a model's registration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Registering {
    Registered(Box<ModelRegistration>),
    Amended(Amendment, u64),
}

/// What a registration says, with what was amended since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelRegistration {
    pub(crate) title: String,
    pub(crate) kind: String,
    pub(crate) purpose: String,
    pub(crate) intended_uses: Vec<String>,
    pub(crate) excluded_uses: Vec<String>,
    pub(crate) supplier: String,
    pub(crate) origin_platform: String,
    pub(crate) attributes: String,
    /// The last amendment of each field: the field, the attribute, and where.
    pub(crate) amended: Vec<(AmendableField, String, u64)>,
    pub(crate) stated: Stated,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Amendment {
    pub(crate) field: AmendableField,
    pub(crate) attribute: String,
    pub(crate) new: String,
}

impl ModelRegistration {
    /// Takes in an amendment that was recorded at `index`.
    fn amend(&mut self, amendment: Amendment, index: u64) {
        let Amendment { field, attribute, new } = amendment;
        match field {
            AmendableField::Purpose => self.purpose = new,
            AmendableField::Kind => self.kind = new,
            AmendableField::Supplier => self.supplier = new,
            AmendableField::OriginPlatform => self.origin_platform = new,
            AmendableField::Title => self.title = new,
            AmendableField::Attribute => {
                let attributes = amend(&self.attributes, &attribute, &new);
                if attributes.len() > ATTRIBUTES_MAX.max(self.attributes.len()) {
                    return;
                }
                self.attributes = attributes;
            }
        }
        self.amended.retain(|(other, of, _)| (*other, of) != (field, &attribute));
        self.amended.push((field, attribute, index));
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) role: String,
    pub(crate) person: String,
    pub(crate) stated: Stated,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Class {
    pub(crate) framework: String,
    pub(crate) class: String,
    pub(crate) basis: String,
    pub(crate) use_case: String,
    pub(crate) regulatory_role: String,
    pub(crate) expires_at_ms: Option<u64>,
    pub(crate) stated: Stated,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) relation: String,
    pub(crate) other: String,
    pub(crate) stated: Stated,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Use {
    pub(crate) use_case: String,
    pub(crate) role: String,
    pub(crate) index: u64,
}

/// What a model depends on, or what depends on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DependencyRecord {
    pub(crate) direction: String,
    pub(crate) kind: String,
    pub(crate) what: String,
    pub(crate) ended: bool,
}

impl ModelRecord {
    pub(crate) fn registration(&self) -> Option<&ModelRegistration> {
        self.registration.as_ref()
    }

    /// Takes in what a statement at `index` says of the registration.
    pub(crate) fn register(&mut self, said: Registering, index: u64) {
        match said {
            Registering::Registered(registration) => {
                self.registered.get_or_insert(index);
                self.registration = Some(*registration);
            }
            // Without a registration there is nothing that it amends.
            Registering::Amended(amendment, index) => {
                if let Some(registration) = &mut self.registration {
                    registration.amend(amendment, index);
                }
            }
        }
    }

    /// The registration as these statements make it, of which each stands at its index.
    pub(crate) fn register_again(&mut self, said: impl IntoIterator<Item = (u64, Registering)>) {
        (self.registration, self.registered) = (None, None);
        said.into_iter().for_each(|(index, said)| self.register(said, index));
    }

    /// How far its furthest version is, unless it was retired.
    pub(crate) fn state(&self) -> State {
        let has = |state: State| self.versions.get(state.as_str()).is_some_and(|count| *count > 0);
        let standing = Standing {
            retired: self.is_retired(),
            running: self.running > 0,
            suspended: self.suspended > 0,
            approved: has(State::Approved),
            validated: has(State::Validated),
            trained: has(State::Trained),
            registered: self.registration.is_some(),
        };
        standing.state()
    }

    /// Whether it was retired, and that was not reversed.
    pub(crate) fn is_retired(&self) -> bool {
        self.retirements.last().is_some_and(|(_, completed)| *completed)
    }

    /// Forgets what the statement at `index` said, but of the registration.
    pub(crate) fn forget(&mut self, index: u64) {
        self.owners.retain(|entry| entry.stated.index != index);
        self.classes.retain(|entry| entry.stated.index != index);
        self.links.retain(|entry| entry.stated.index != index);
        self.use_cases.retain(|entry| entry.index != index);
        self.retirements.retain(|(at, _)| *at != index);
    }

    /// One owner for each role: the one who accepted it last.
    pub(crate) fn holders(&self) -> impl Iterator<Item = &Owner> {
        let later = |owner: &Owner| {
            let mut others = self.owners.iter();
            others.any(|other| other.role == owner.role && other.stated.index > owner.stated.index)
        };
        self.owners.iter().filter(move |owner| !later(owner))
    }

    /// One class for each framework and use: the newest.
    pub(crate) fn current_classes(&self) -> impl Iterator<Item = &Class> {
        let later = |class: &Class| {
            self.classes.iter().any(|other| {
                other.framework == class.framework
                    && other.use_case == class.use_case
                    && other.stated.index > class.stated.index
            })
        };
        self.classes.iter().filter(move |class| !later(class))
    }

    /// Each use that it is put to, as said last.
    pub(crate) fn current_uses(&self) -> impl Iterator<Item = &Use> {
        let later =
            |used: &Use| self.use_cases.iter().any(|other| other.use_case == used.use_case && other.index > used.index);
        self.use_cases.iter().filter(move |used| !later(used))
    }

    /// The statements its answer rests on.
    pub(crate) fn indices(&self) -> Vec<u64> {
        let mut indices: Vec<u64> = self.registered.into_iter().collect();
        if let Some(registration) = &self.registration {
            indices.push(registration.stated.index);
            indices.extend(registration.amended.iter().map(|(_, _, index)| *index));
        }
        indices.extend(self.holders().map(|owner| owner.stated.index));
        indices.extend(self.current_classes().map(|class| class.stated.index));
        indices.extend(self.current_uses().map(|used| used.index));
        indices.extend(self.retirements.last().map(|(index, _)| *index));
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    /// A hash of everything that [`Self::properties`] looks at, so that what a model is found by is only worked out
    /// anew when it can have changed.
    pub(crate) fn found_by(&self, jurisdictions: &[String]) -> [u8; 16] {
        let mut hasher = Sha256::new();
        let mut add = |text: &str| {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        };
        add(self.state().as_str());
        self.holders().for_each(|owner| add(&owner.person));
        add("");
        for class in self.current_classes() {
            add(&class.framework);
            add(&class.class);
        }
        add("");
        self.environments.keys().for_each(|environment| add(environment));
        add("");
        jurisdictions.iter().for_each(|jurisdiction| add(jurisdiction));
        if let Some(registration) = &self.registration {
            hasher.update(registration.stated.index.to_be_bytes());
            for (_, _, index) in &registration.amended {
                hasher.update(index.to_be_bytes());
            }
        }
        let mut short = [0; 16];
        short.copy_from_slice(&hasher.finalize()[..16]);
        short
    }

    pub(crate) fn properties(&self, subject: &str, jurisdictions: &[String]) -> Indexed {
        let mut indexed = Indexed::new();
        indexed.facet("namespace", namespace_of(subject));
        indexed.facet("state", self.state().as_str());
        for owner in self.holders() {
            indexed.facet("owner", &owner.person);
        }
        for class in self.current_classes() {
            indexed.facet("class", &class.class);
            indexed.facet(&format!("class:{}", class.framework), &class.class);
        }
        for environment in self.environments.keys() {
            indexed.facet("environment", environment);
        }
        for jurisdiction in jurisdictions {
            indexed.facet("jurisdiction", jurisdiction);
        }
        indexed.text(subject.split_once(':').map_or(subject, |(_, path)| path));
        if let Some(registration) = self.registration() {
            indexed.facet("kind", &registration.kind);
            indexed.facet("supplier", &registration.supplier);
            indexed.attributes(&registration.attributes);
            indexed.text(&registration.title);
            indexed.text(&registration.purpose);
        }
        indexed
    }
}

/// A user's own field with another value; without one it goes.
fn amend(attributes: &str, name: &str, new: &str) -> String {
    let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(attributes).unwrap_or_default();
    match new {
        "" => drop(fields.remove(name)),
        new => drop(fields.insert(name.to_owned(), new.into())),
    }
    if fields.is_empty() { String::new() } else { serde_json::Value::Object(fields).to_string() }
}
