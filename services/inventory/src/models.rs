//! Models: what was registered, who took them on, how they are classified, what they are used for.

use std::collections::BTreeMap;

use probity_projection::{Batch, ProjectionError, Recorded, Stated};
use probity_proto::v1;
use probity_query::Citation;
use probity_schemas::dependency::DependencyEvent;
use probity_schemas::model::{AmendableField, ModelEvent};
use probity_schemas::word;
use serde::{Deserialize, Serialize};

use crate::catalogue::{DEPENDENCIES, MODELS, USES};
use crate::facets::{Indexed, namespace_of};

/// What is known of a model. Each list holds what statements said, so that one that is void can be taken out again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelRecord {
    pub(crate) registrations: Vec<Registration>,
    pub(crate) owners: Vec<Owner>,
    pub(crate) classes: Vec<Class>,
    pub(crate) links: Vec<Link>,
    pub(crate) use_cases: Vec<Use>,
    /// Where its retirement was completed (true) or reversed (false).
    pub(crate) retirements: Vec<(u64, bool)>,
    /// How many versions are in which state.
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
    indexed: Indexed,
}

/// What a registration, or an amendment of one, says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Registration {
    pub(crate) title: String,
    pub(crate) kind: String,
    pub(crate) purpose: String,
    pub(crate) intended_uses: Vec<String>,
    pub(crate) excluded_uses: Vec<String>,
    pub(crate) supplier: String,
    pub(crate) origin_platform: String,
    pub(crate) attributes: String,
    /// What it changes of the one before, if it is an amendment.
    amendment: Option<Amendment>,
    pub(crate) stated: Stated,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Amendment {
    field: AmendableField,
    attribute: String,
    new: String,
}

impl Registration {
    /// What holds with an amendment.
    fn amended(&self, amendment: Amendment, stated: Stated) -> Self {
        let mut amended = self.clone();
        let Amendment { field, attribute, new } = amendment.clone();
        match field {
            AmendableField::Purpose => amended.purpose = new,
            AmendableField::Kind => amended.kind = new,
            AmendableField::Supplier => amended.supplier = new,
            AmendableField::OriginPlatform => amended.origin_platform = new,
            AmendableField::Title => amended.title = new,
            AmendableField::Attribute => amended.attributes = amend(&self.attributes, &attribute, &new),
        }
        amended.amendment = Some(amendment);
        amended.stated = stated;
        amended
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
    pub(crate) fn registration(&self) -> Option<&Registration> {
        self.registrations.last()
    }

    /// live, suspended, retired, or how far its furthest version is.
    pub(crate) fn state(&self) -> &'static str {
        let has = |state: &str| self.versions.get(state).is_some_and(|count| *count > 0);
        let retired = self.retirements.last().is_some_and(|(_, completed)| *completed);
        match () {
            () if self.running > 0 => "live",
            () if self.suspended > 0 => "suspended",
            () if retired => "retired",
            () if has("approved") => "approved",
            () if has("validated") => "validated",
            () if has("trained") => "developed",
            () if self.registrations.is_empty() => "unregistered",
            () => "registered",
        }
    }

    pub(crate) fn forget(&mut self, index: u64) {
        if self.registrations.iter().any(|entry| entry.stated.index == index) {
            self.register_again(index);
        }
        self.owners.retain(|entry| entry.stated.index != index);
        self.classes.retain(|entry| entry.stated.index != index);
        self.links.retain(|entry| entry.stated.index != index);
        self.use_cases.retain(|entry| entry.index != index);
        self.retirements.retain(|(at, _)| *at != index);
    }

    /// What holds without the registration or amendment at `index`.
    fn register_again(&mut self, index: u64) {
        let said = std::mem::take(&mut self.registrations);
        for entry in said.into_iter().filter(|entry| entry.stated.index != index) {
            match (&entry.amendment, self.registrations.last()) {
                (None, _) => self.registrations.push(entry),
                (Some(amendment), Some(before)) => {
                    let amended = before.amended(amendment.clone(), entry.stated);
                    self.registrations.push(amended);
                }
                // There is nothing left that it amends.
                (Some(_), None) => {}
            }
        }
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
        let mut indices: Vec<u64> = self.registrations.iter().map(|entry| entry.stated.index).collect();
        indices.extend(self.holders().map(|owner| owner.stated.index));
        indices.extend(self.current_classes().map(|class| class.stated.index));
        indices.extend(self.current_uses().map(|used| used.index));
        indices.extend(self.retirements.last().map(|(index, _)| *index));
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    fn properties(&self, subject: &str, jurisdictions: &[String]) -> Indexed {
        let mut indexed = Indexed::new();
        indexed.facet("namespace", namespace_of(subject));
        indexed.facet("state", self.state());
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

/// The jurisdictions of the uses that a model is put to.
pub(crate) fn jurisdictions(record: &ModelRecord, batch: &Batch<'_>) -> Result<Vec<String>, ProjectionError> {
    let mut found = Vec::new();
    for used in record.current_uses() {
        if let Some(use_case) = batch.read(&USES, &USES.key().text(&used.use_case))? {
            found.extend(use_case.proposals.last().into_iter().flat_map(|proposal| proposal.jurisdictions.clone()));
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Changes the record of a model, and what it is found by.
pub(crate) fn change(
    batch: &mut Batch<'_>,
    subject: &str,
    change: impl FnOnce(&mut ModelRecord),
) -> Result<(), ProjectionError> {
    let key = MODELS.key().text(subject);
    change(batch.record(&MODELS, key.clone())?);
    let record = batch.read(&MODELS, &key)?.unwrap_or_default();
    let properties = record.properties(subject, &jurisdictions(&record, batch)?);
    if properties != record.indexed {
        let mut indexed = record.indexed;
        indexed.change(properties, subject, batch)?;
        batch.record(&MODELS, key)?.indexed = indexed;
    }
    Ok(())
}

/// Notes that something about a model happened.
pub(crate) fn active(batch: &mut Batch<'_>, subject: &str, at_ms: u64) -> Result<(), ProjectionError> {
    let key = MODELS.key().text(subject);
    if batch.contains(&key)? {
        let record = batch.record(&MODELS, key)?;
        record.last_activity_ms = record.last_activity_ms.max(at_ms);
        return Ok(());
    }
    // Named for the first time, by somebody else's statement.
    change(batch, subject, |record| record.last_activity_ms = at_ms)
}

/// Takes in what is said of a model as a whole.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    event: &ModelEvent,
) -> Result<(), ProjectionError> {
    let stated = Stated::of(recorded);
    match event {
        ModelEvent::Registered(registered) => {
            let texts = |list: &[probity_schemas::Text]| list.iter().map(ToString::to_string).collect();
            let registration = Registration {
                title: recorded.event.title.as_ref().map(ToString::to_string).unwrap_or_default(),
                kind: registered.kind.as_ref().map(word).unwrap_or_default(),
                purpose: registered.purpose.to_string(),
                intended_uses: texts(&registered.intended_uses),
                excluded_uses: texts(&registered.excluded_uses),
                supplier: registered.supplier.as_ref().map(ToString::to_string).unwrap_or_default(),
                origin_platform: registered.origin_platform.as_ref().map(ToString::to_string).unwrap_or_default(),
                attributes: match recorded.event.attributes.is_empty() {
                    true => String::new(),
                    false => serde_json::to_string(&recorded.event.attributes).unwrap_or_default(),
                },
                amendment: None,
                stated,
            };
            change(batch, subject, |record| record.registrations.push(registration))
        }
        ModelEvent::Classified(classified) => {
            let class = Class {
                framework: classified.framework.to_string(),
                class: classified.class.to_string(),
                basis: classified.basis.as_ref().map(ToString::to_string).unwrap_or_default(),
                use_case: classified.use_case.as_ref().map(ToString::to_string).unwrap_or_default(),
                regulatory_role: classified.regulatory_role.as_ref().map(word).unwrap_or_default(),
                expires_at_ms: classified.expires_at.map(|at| at.as_ms()),
                stated,
            };
            change(batch, subject, |record| record.classes.push(class))
        }
        ModelEvent::Amended(amended) => change(batch, subject, |record| {
            let text =
                |text: &Option<probity_schemas::Text>| text.as_ref().map(ToString::to_string).unwrap_or_default();
            let Some(registration) = record.registration() else { return };
            let (attribute, new) = (text(&amended.attribute), text(&amended.new));
            let amended = registration.amended(Amendment { field: amended.field, attribute, new }, stated);
            record.registrations.push(amended);
        }),
        ModelEvent::Linked(linked) => {
            let link = Link { relation: word(&linked.relation), other: linked.other.to_string(), stated };
            change(batch, subject, |record| record.links.push(link))
        }
        ModelEvent::OwnershipAccepted(accepted) => {
            let (role, person) = (word(&accepted.role), recorded.signer());
            change(batch, subject, |record| record.owners.push(Owner { role, person, stated }))
        }
        // Of one version: `versions` takes it in.
        ModelEvent::VersionRegistered(_) => Ok(()),
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

/// Takes in what a model depends on.
pub(crate) fn depend(
    batch: &mut Batch<'_>,
    model: &str,
    recorded: &Recorded,
    event: &DependencyEvent,
) -> Result<(), ProjectionError> {
    if let DependencyEvent::Declared(declared) = event {
        let what = match (&declared.other, &declared.reference) {
            (Some(other), _) => other.to_string(),
            (None, Some(reference)) => reference.to_string(),
            (None, None) => declared.description.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        let (direction, kind) = (word(&declared.direction), word(&declared.kind));
        let key = DEPENDENCIES.key().text(model).number(recorded.index);
        batch.put(&DEPENDENCIES, key, DependencyRecord { direction, kind, what, ended: false });
    }
    Ok(())
}

impl From<&Class> for v1::Classification {
    fn from(class: &Class) -> Self {
        Self {
            framework: class.framework.clone(),
            class: class.class.clone(),
            basis: class.basis.clone(),
            use_case: class.use_case.clone(),
            regulatory_role: class.regulatory_role.clone(),
            expires_at_ms: class.expires_at_ms,
            source: Some(class.stated.source()),
        }
    }
}
