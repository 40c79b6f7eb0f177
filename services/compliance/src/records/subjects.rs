//! Models, versions, data and documents.

use probity_domain::effects::Run;
use probity_domain::ids::model_of;
use probity_domain::subjects::{Absorb, Dataset, Model, TakeBack as _, Version, Withdrawal};
use probity_domain::{DatasetId, ModelId, VersionId};
use probity_projection::{Key, Parts, Stated, Table};
use probity_schemas::{Digest, EventId};
use serde::{Deserialize, Serialize};

use super::byte;
use super::sums::{LeaveOut, Sums};

/// Model → what is known of it.
pub(crate) const MODELS: Table<ModelState> = Table::new(byte::MODELS);
/// Version → what is known of it.
pub(crate) const VERSIONS: Table<VersionState> = Table::new(byte::VERSIONS);
/// Dataset → what is known of it.
pub(crate) const DATASETS: Table<Dataset> = Table::new(byte::DATASETS);
/// What each statement says of them.
pub(crate) const VERSIONS_SAID: Sums<VersionState> = Sums::new(byte::VERSIONS, byte::VERSION_PARTS);
pub(crate) const MODELS_SAID: Sums<ModelState> = Sums::new(byte::MODELS, byte::MODEL_PARTS);
pub(crate) const DATASETS_SAID: Sums<Dataset> = Sums::new(byte::DATASETS, byte::DATASET_PARTS);
/// Model, version, whether it did and does not any more, endpoint → that the version serves there, or served as far back as
/// that is kept.
pub(crate) const PLACES: Table<()> = Table::new(byte::PLACES);
/// Digest of data → where it was withdrawn.
pub(crate) const DATA_WITHDRAWN: Table<Vec<Withdrawal>> = Table::new(byte::DATA_WITHDRAWN);
/// Digest of an artefact, version → that the version was registered with it.
pub(crate) const CONSISTS_OF: Table<()> = Table::new(byte::CONSISTS_OF);
/// Dataset or digest of data, version → that the version was made from it.
pub(crate) const MADE_FROM: Table<()> = Table::new(byte::MADE_FROM);
/// Dataset, dataset → that the second was derived from the first.
pub(crate) const DERIVED: Table<()> = Table::new(byte::DERIVED);
/// Training run → what it says of the versions that name it.
pub(crate) const RUNS: Table<RunState> = Table::new(byte::RUNS);
/// Training run, version → that the version names it.
pub(crate) const RUN_VERSIONS: Table<()> = Table::new(byte::RUN_VERSIONS);
/// Index → where what a fact said stands, as far as it can be taken back.
pub(crate) const STATED: Table<Vec<Place>> = Table::new(byte::STATED);
/// Digest → a document.
pub(crate) const DOCUMENTS: Table<Document> = Table::new(byte::DOCUMENTS);
/// Event → the digest of the document that it attached.
pub(crate) const ATTACHED: Table<Option<Digest>> = Table::new(byte::ATTACHED);
/// Person, model → that the person accepted to own it.
pub(crate) const OWNED: Table<()> = Table::new(byte::OWNED);
/// Index → a request for validation: its subject, its id, and who was asked.
pub(crate) const VALIDATIONS: Table<(String, String, String)> = Table::new(byte::VALIDATIONS);

/// When something happened, in Unix milliseconds: the earliest and the latest; `None` where it was not
/// said.
pub(crate) type Occurred = Option<(u64, u64)>;

/// How many statements of a kind are named to show something; how many frameworks a model is known to be classified by.
const SHOWN: usize = 16;
const FRAMEWORKS: usize = 64;

/// What is known of a version, or what one statement says of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct VersionState {
    pub(crate) said: Version,
    /// Whether the reference of its last registration names one fixed thing; `None` where it is not registered.
    pub(crate) pinned: Option<bool>,
    /// The first registration with artefacts, and these.
    pub(crate) artifacts: Option<(Stated, Vec<Digest>)>,
    /// The first registration that lacks one of them.
    pub(crate) conflicting: Option<Stated>,
    /// When an approval by another body was given, in Unix milliseconds, and where that was recorded.
    pub(crate) elsewhere: Option<(u64, Option<u64>)>,
    /// When it was validated for the first time, as far as that can be: 0 where nobody knows when one was; and where the
    /// first were recorded.
    pub(crate) validated: Option<(u64, Vec<u64>)>,
}

impl Absorb for VersionState {
    fn absorb(&mut self, part: Self) {
        self.said.absorb(part.said);
        self.pinned = part.pinned.or(self.pinned);
        match (&self.artifacts, part.artifacts) {
            (Some((_, known)), Some((stated, artifacts))) => {
                if known.iter().any(|digest| !artifacts.contains(digest)) {
                    self.conflicting.get_or_insert(stated);
                }
            }
            (None, Some(first)) => self.artifacts = Some(first),
            (_, None) => {}
        }
        self.elsewhere = part.elsewhere.or(self.elsewhere);
        if let Some((earliest_ms, indices)) = part.validated {
            let known = self.validated.get_or_insert((earliest_ms, Vec::new()));
            known.0 = known.0.min(earliest_ms);
            known.1.extend(indices);
            known.1.truncate(SHOWN);
        }
    }
}

impl LeaveOut for VersionState {
    /// What decisions rest on is taken back as the door takes it back.
    fn leave_out(self, index: u64, others: Self) -> Self {
        let mut said = self.said;
        said.take_back(index);
        Self { said, ..others }
    }
}

impl VersionState {
    /// A validation of it.
    pub(crate) fn validated(index: u64, occurred: Occurred) -> Self {
        let earliest_ms = occurred.map_or(0, |(earliest, _)| earliest);
        Self { validated: Some((earliest_ms, vec![index])), ..Self::default() }
    }

    /// An approval of it by another body.
    pub(crate) fn elsewhere(index: u64, given_ms: Option<u64>) -> Self {
        Self { elsewhere: Some((index, given_ms)), ..Self::default() }
    }

    /// Whether it is registered.
    pub(crate) fn is_registered(&self) -> bool {
        self.pinned.is_some()
    }

    /// Whether its reference names one fixed thing: the last registration is the one that counts.
    pub(crate) fn is_pinned(&self) -> bool {
        self.pinned == Some(true)
    }

    /// Whether it was validated, and the first time can only have been after a moment.
    pub(crate) fn is_validated_after(&self, at_ms: u64) -> bool {
        self.validated.as_ref().is_some_and(|(earliest_ms, _)| *earliest_ms > at_ms)
    }
}

/// What is known of a model as a whole, or what one statement says of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelState {
    pub(crate) said: Model,
    /// The first registration.
    pub(crate) registered: Option<Stated>,
    /// Its classifications: of each framework the newest.
    pub(crate) classes: Vec<Class>,
}

/// One classification of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Class {
    pub(crate) framework: String,
    pub(crate) class: String,
    pub(crate) expires_ms: Option<u64>,
    pub(crate) index: u64,
}

impl Absorb for ModelState {
    fn absorb(&mut self, part: Self) {
        self.said.absorb(part.said);
        if self.registered.is_none() {
            self.registered = part.registered;
        }
        for class in part.classes {
            self.classes.retain(|other| other.framework != class.framework);
            self.classes.push(class);
        }
        let too_many = self.classes.len().saturating_sub(FRAMEWORKS);
        self.classes.drain(..too_many);
    }
}

impl LeaveOut for ModelState {
    fn leave_out(self, index: u64, others: Self) -> Self {
        let mut said = self.said;
        said.take_back(index);
        Self { said, ..others }
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

/// What a fact said something of that can be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Place {
    Version(String),
    Model(String),
    Dataset(DatasetId),
    Data(Digest),
    Document(Digest),
}

/// A training run, as versions of its model name it: the statements that recorded it, one for each issuer that used its
/// id, and what they say of these versions.
pub(crate) type RunState = Vec<(u64, Version)>;

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

/// The places of a model, or of one of its versions.
pub(crate) fn places_of(subject: &str) -> Key {
    let model = model_of(subject);
    let key = PLACES.key().text(model);
    if subject == model { key } else { key.text(subject) }
}

/// The places where a version serves.
pub(crate) fn places_now(version: &str) -> Key {
    PLACES.key().text(model_of(version)).text(version).byte(0)
}

/// A version at an endpoint: where it serves, or where it served.
pub(crate) fn place_key(version: &str, over: bool, endpoint: &str) -> Key {
    PLACES.key().text(model_of(version)).text(version).byte(u8::from(over)).text(endpoint)
}

/// The version, whether it serves there no more, and the endpoint.
pub(crate) fn place_of(key: &[u8]) -> Option<(String, bool, String)> {
    let mut parts = Parts::of(key);
    parts.text()?;
    Some((parts.text()?.to_owned(), parts.byte()? == 1, parts.text()?.to_owned()))
}

/// The versions that name a run.
pub(crate) fn run_versions(run: &Run) -> Key {
    RUN_VERSIONS.key().fixed(run.id.as_uuid().as_bytes()).text(run.model.as_str())
}

/// The version of such a key.
pub(crate) fn version_of_run(key: &[u8]) -> Option<VersionId> {
    let mut parts = Parts::of(key);
    parts.fixed::<16>()?;
    parts.text()?;
    VersionId::parse(parts.text()?)
}

pub(crate) fn run_key(run: &Run) -> Key {
    RUNS.key().fixed(run.id.as_uuid().as_bytes()).text(run.model.as_str())
}

pub(crate) fn attached_key(attached: &EventId) -> Key {
    ATTACHED.key().fixed(attached.as_uuid().as_bytes())
}
