//! Models, versions, data and documents.

use probity_domain::effects::Run;
use probity_domain::subjects::{Absorb, Dataset, Model, Version, Withdrawal};
use probity_domain::{DatasetId, ModelId, VersionId};
use probity_projection::{Key, Stated, Table};
use probity_schemas::{Digest, EventId};
use serde::{Deserialize, Serialize};

use super::byte;

/// Model → what is known of it.
pub(crate) const MODELS: Table<ModelState> = Table::new(byte::MODELS);
/// Version → what is known of it.
pub(crate) const VERSIONS: Table<VersionState> = Table::new(byte::VERSIONS);
/// Dataset → what is known of it.
pub(crate) const DATASETS: Table<Sum<Dataset>> = Table::new(byte::DATASETS);
/// Digest of data → where it was withdrawn.
pub(crate) const DATA_WITHDRAWN: Table<Vec<Withdrawal>> = Table::new(byte::DATA_WITHDRAWN);
/// Dataset or digest of data, version → that the version was made from it.
pub(crate) const MADE_FROM: Table<()> = Table::new(byte::MADE_FROM);
/// Dataset, dataset → that the second was derived from the first.
pub(crate) const DERIVED: Table<()> = Table::new(byte::DERIVED);
/// Training run → what it says of the versions that name it, and these versions.
pub(crate) const RUNS: Table<RunState> = Table::new(byte::RUNS);
/// Digest → a document.
pub(crate) const DOCUMENTS: Table<Document> = Table::new(byte::DOCUMENTS);
/// Event → the digest of the document that it attached.
pub(crate) const ATTACHED: Table<Option<Digest>> = Table::new(byte::ATTACHED);
/// Person, model → that the person accepted to own it.
pub(crate) const OWNED: Table<()> = Table::new(byte::OWNED);
/// Index → a request for validation: its subject, its id, and who was asked.
pub(crate) const VALIDATIONS: Table<(String, String, String)> = Table::new(byte::VALIDATIONS);

/// A record as the sum of what statements said, so that one that is void can be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sum<T>(Vec<(u64, T)>);

impl<T> Default for Sum<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Absorb + Clone> Sum<T> {
    /// Adds what the statement at `index` says.
    pub(crate) fn add(&mut self, index: u64, said: T) {
        self.0.push((index, said));
    }

    /// Leaves out what the statement at `index` said.
    pub(crate) fn leave_out(&mut self, index: u64) {
        self.0.retain(|(at, _)| *at != index);
    }

    /// What each statement says, with its index.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &(u64, T)> {
        self.0.iter()
    }

    /// What the statement at `index` says.
    pub(crate) fn part(&self, index: u64) -> Option<&T> {
        self.0.iter().find(|(at, _)| *at == index).map(|(_, said)| said)
    }

    /// What the statements say together.
    pub(crate) fn whole(&self) -> T {
        T::sum(self.0.iter().map(|(_, said)| said.clone()))
    }
}

/// When something happened, in Unix milliseconds: the earliest and the latest; `None` where it was not
/// said.
pub(crate) type Occurred = Option<(u64, u64)>;

/// What is known of a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct VersionState {
    pub(crate) said: Sum<Version>,
    /// Each registration, and whether its reference names one fixed thing.
    pub(crate) registrations: Vec<(Stated, bool)>,
    /// Its requests for approval.
    pub(crate) requests: Vec<u64>,
    /// When an approval by another body was given, in Unix milliseconds, and where that was recorded.
    pub(crate) elsewhere: Option<(u64, Option<u64>)>,
    /// Where it was validated, and when that was.
    pub(crate) validations: Vec<(u64, Occurred)>,
    /// The endpoints where it serves.
    pub(crate) places: Vec<String>,
    /// The endpoints where it served, as far back as that is kept.
    pub(crate) former_places: Vec<String>,
}

impl VersionState {
    /// Leaves out what the statement at `index` said.
    pub(crate) fn leave_out(&mut self, index: u64) {
        self.said.leave_out(index);
        self.registrations.retain(|(stated, _)| stated.index != index);
        self.requests.retain(|at| *at != index);
        self.validations.retain(|(at, _)| *at != index);
        self.elsewhere = self.elsewhere.filter(|(at, _)| *at != index);
    }

    /// Whether it is registered.
    pub(crate) fn is_registered(&self) -> bool {
        !self.registrations.is_empty()
    }

    /// Whether its reference names one fixed thing: the last registration is the one that counts.
    pub(crate) fn is_pinned(&self) -> bool {
        self.registrations.last().is_some_and(|(_, pinned)| *pinned)
    }
}

/// What is known of a model as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelState {
    pub(crate) said: Sum<Model>,
    pub(crate) registrations: Vec<Stated>,
    /// Its classifications.
    pub(crate) classes: Vec<Class>,
    /// Its change plans.
    pub(crate) plans: Vec<u64>,
}

/// One classification of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Class {
    pub(crate) framework: String,
    pub(crate) class: String,
    pub(crate) expires_ms: Option<u64>,
    pub(crate) index: u64,
}

impl ModelState {
    /// Leaves out what the statement at `index` said.
    pub(crate) fn leave_out(&mut self, index: u64) {
        self.said.leave_out(index);
        self.registrations.retain(|stated| stated.index != index);
        self.classes.retain(|class| class.index != index);
        self.plans.retain(|plan| *plan != index);
    }

    /// The first registration.
    pub(crate) fn registered(&self) -> Option<&Stated> {
        self.registrations.first()
    }

    /// One class for each framework: the newest.
    pub(crate) fn current_classes(&self) -> impl Iterator<Item = &Class> {
        let later = |class: &Class| {
            self.classes.iter().any(|other| other.framework == class.framework && other.index > class.index)
        };
        self.classes.iter().filter(move |class| !later(class))
    }
}

/// A document that statements rest on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Document {
    /// Where it came to be known, and when it is said to have been made.
    pub(crate) known: Option<(u64, Occurred)>,
    /// Where it was withdrawn.
    pub(crate) withdrawn: Vec<Withdrawal>,
}

/// A training run, as versions of its model name it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunState {
    /// What it says of them.
    pub(crate) said: Sum<Version>,
    /// The versions that named it.
    pub(crate) versions: Vec<VersionId>,
}

pub(crate) fn version_key(version: &VersionId) -> Key {
    VERSIONS.key().text(version.as_str())
}

pub(crate) fn model_key(model: &ModelId) -> Key {
    MODELS.key().text(model.as_str())
}

pub(crate) fn dataset_key(dataset: &DatasetId) -> Key {
    DATASETS.key().text(dataset.as_str())
}

pub(crate) fn data_key(digest: &Digest) -> Key {
    DATA_WITHDRAWN.key().text(&digest.to_string())
}

pub(crate) fn document_key(digest: &Digest) -> Key {
    DOCUMENTS.key().text(&digest.to_string())
}

pub(crate) fn run_key(run: &Run) -> Key {
    RUNS.key().fixed(run.id.as_uuid().as_bytes()).text(run.model.as_str())
}

pub(crate) fn attached_key(attached: &EventId) -> Key {
    ATTACHED.key().fixed(attached.as_uuid().as_bytes())
}
