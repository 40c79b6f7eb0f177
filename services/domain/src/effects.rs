//! What each event says of models, versions, data and documents, as far as decisions rest on it.

use probity_schemas::approval::ApprovalEvent;
use probity_schemas::change::ChangeEvent;
use probity_schemas::data::DataEvent;
use probity_schemas::deployment::DeploymentEvent;
use probity_schemas::evidence::EvidenceEvent;
use probity_schemas::model::{ComponentRole, ModelEvent, VersionRegistered};
use probity_schemas::plan::PlanEvent;
use probity_schemas::retirement::RetirementEvent;
use probity_schemas::shared::{Metric, Outcome};
use probity_schemas::training::TrainingEvent;
use probity_schemas::usecase::UsecaseEvent;
use probity_schemas::validation::{Completed, ValidationEvent};
use probity_schemas::vendor::VendorEvent;
use probity_schemas::{Data, Digest, Event, EventId, Subject};

use serde::{Deserialize, Serialize};

use crate::authority::{Authority, Reach};
use crate::ids::{DatasetId, ModelId, UseCaseId, VersionId};
use crate::plans::metric_key;
use crate::signed::{Actors, At, SignedBy};
use crate::subjects::{
    Artifact, Dataset, Disturbances, Model, Owner, Retirement, TakeBack, Validation, Version, Withdrawal,
};

/// One thing that an event says.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Something of a version, to be absorbed.
    Version(VersionId, Version),
    /// Something of a model, to be absorbed.
    Model(ModelId, Model),
    /// Something of a dataset, to be absorbed.
    Dataset(DatasetId, Dataset),
    /// Data with this digest was withdrawn.
    DataWithdrawn(Digest, Withdrawal),
    /// A training run of this model happened: what it says of every version that names it.
    Run(Run, Version),
    /// This version names a training run as the one it came from.
    RunProduced(Run, VersionId),
    /// There is a document with this digest.
    Document(Digest),
    /// The document with this digest was attached by this event.
    Attached(EventId, Digest),
    /// The document with this digest was withdrawn.
    DocumentWithdrawn(Digest, Withdrawal),
    /// The document that this event attached was withdrawn.
    AttachmentWithdrawn(EventId, Withdrawal),
}

impl Effect {
    /// Whether there is something to take back of it, once its signer says that the statement at `index` was none.
    #[must_use]
    pub fn can_be_taken_back(&self, index: u64) -> bool {
        fn changes<T: TakeBack + Clone + PartialEq>(said: &T, index: u64) -> bool {
            let mut left = said.clone();
            left.take_back(index);
            left != *said
        }
        match self {
            Self::Version(_, said) => changes(said, index),
            Self::Model(_, said) => changes(said, index),
            Self::Dataset(_, said) => changes(said, index),
            Self::DataWithdrawn(..) | Self::DocumentWithdrawn(..) | Self::AttachmentWithdrawn(..) => true,
            Self::Run(..) | Self::RunProduced(..) | Self::Document(_) | Self::Attached(..) => false,
        }
    }
}

/// A training run, as the versions of its model name it.
///
/// Ids are unique per issuer only. A version names a run by its id alone, and is what every run of that id
/// and of its own model produced: rather a hand too many than one too few.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Run {
    /// The id of the event that recorded it.
    pub id: EventId,
    /// The model that was trained.
    pub model: ModelId,
}

/// What an event says. `authority` is asked for everyone behind it, and for where its signer has a say:
/// beyond that, nothing but the event's own subject is changed.
pub fn effects(event: &Event, by: SignedBy<'_>, authority: &Authority) -> Vec<Effect> {
    let at = by.signed.at();
    let actors = || authority.actors(by.issuer, event, at.time_ms);
    let reach = || authority.reach(by.issuer, event.info(), at.time_ms);
    let mut effects: Vec<Effect> = event.evidence.iter().map(|evidence| Effect::Document(evidence.digest)).collect();
    match &event.data {
        Data::Model(data) => model(event, data, by, actors, &mut effects),
        Data::Usecase(UsecaseEvent::Linked(linked)) if reach().covers(&linked.model.namespace) => {
            let model = ModelId::of(&linked.model.without_version());
            let linked = |used| Model { uses: vec![(used, at)], ..Model::default() };
            let linked = UseCaseId::of(&event.subject).map(linked);
            effects.extend(model.zip(linked).map(|(model, linked)| Effect::Model(model, linked)));
        }
        Data::Data(data) => {
            let dataset = DatasetId::of(&event.subject);
            effects.extend(dataset.into_iter().flat_map(|dataset| self::dataset(dataset, data, at, reach)));
        }
        Data::Training(TrainingEvent::Completed(completed)) => {
            let model = ModelId::of(&event.subject.without_version());
            let mut said = Version {
                pipelines: completed.code.as_ref().and_then(|code| code.digest).into_iter().collect(),
                datasets: completed.datasets.iter().filter_map(DatasetId::of).collect(),
                dataset_digests: completed.dataset_digests.clone(),
                ..Version::default()
            };
            said.involve(actors(), at);
            let produced = VersionId::of(completed.produced_version.as_ref().unwrap_or(&event.subject));
            // A run of one model says nothing of another one's versions.
            let produced = produced.filter(|version| Some(version.model()) == model);
            effects.extend(produced.map(|version| Effect::Version(version, said.clone())));
            effects.extend(model.map(|model| Effect::Run(Run { id: event.id, model }, said)));
        }
        Data::Validation(ValidationEvent::Completed(completed)) => {
            let validated = validated(completed, actors(), at.index);
            effects.extend(version(&event.subject, validated));
        }
        Data::Approval(ApprovalEvent::Requested(_)) => {
            let mut requested = Version { requests: vec![at.index], ..Version::default() };
            requested.involve(actors(), at);
            effects.extend(version(&event.subject, requested));
        }
        Data::Approval(ApprovalEvent::RecordedElsewhere(_)) => {
            effects.extend(version(&event.subject, Version { elsewhere: vec![at], ..Version::default() }));
        }
        Data::Deployment(DeploymentEvent::Requested(requested)) if reach().covers(&requested.version.namespace) => {
            let mut asked = Version::default();
            asked.involve(actors(), at);
            effects.extend(version(&requested.version, asked));
        }
        Data::Plan(PlanEvent::Proposed(_)) => {
            let proposed = Model { plans: vec![at.index], ..Model::default() };
            effects.extend(ModelId::of(&event.subject.without_version()).map(|model| Effect::Model(model, proposed)));
        }
        Data::Retirement(RetirementEvent::Completed(_)) => effects.extend(retired(&event.subject, at, true)),
        Data::Retirement(RetirementEvent::Reversed(_)) => effects.extend(retired(&event.subject, at, false)),
        Data::Change(ChangeEvent::Declared(declared)) if declared.substantial == Some(true) => {
            let changed = Disturbances { substantially_changed: vec![at], ..Disturbances::default() };
            effects.extend(disturbed(&event.subject, changed));
        }
        Data::Vendor(VendorEvent::ChangeObserved(_)) => {
            let changed = Disturbances { vendor_changed: vec![at], ..Disturbances::default() };
            let reach = reach();
            let about = event.about.iter().filter(|subject| reach.covers(&subject.namespace));
            let subjects = about.chain([&event.subject]);
            effects.extend(subjects.filter_map(|subject| disturbed(subject, changed.clone())));
        }
        Data::Evidence(EvidenceEvent::Attached(attached)) => {
            effects.extend(attached.digest.map(Effect::Document));
            effects.extend(attached.digest.map(|digest| Effect::Attached(event.id, digest)));
        }
        // The document is named by its digest, or by the event that attached it.
        Data::Evidence(EvidenceEvent::Withdrawn(withdrawn)) => {
            let withdrawal = Withdrawal { at, reach: reach(), dataset: None };
            effects.extend(match (withdrawn.digest, event.regarding) {
                (Some(digest), _) => Some(Effect::DocumentWithdrawn(digest, withdrawal)),
                (None, Some(attached)) => Some(Effect::AttachmentWithdrawn(attached, withdrawal)),
                (None, None) => None,
            });
        }
        _ => {}
    }
    effects
}

fn version(subject: &Subject, said: Version) -> Option<Effect> {
    VersionId::of(subject).map(|version| Effect::Version(version, said))
}

fn disturbed(subject: &Subject, disturbances: Disturbances) -> Option<Effect> {
    match VersionId::of(subject) {
        Some(version) => Some(Effect::Version(version, Version { disturbances, ..Version::default() })),
        None => ModelId::of(subject).map(|model| Effect::Model(model, Model { disturbances, ..Model::default() })),
    }
}

fn retired(subject: &Subject, at: At, completed: bool) -> Option<Effect> {
    let retirements = vec![Retirement { at, completed }];
    match VersionId::of(subject) {
        Some(version) => Some(Effect::Version(version, Version { retirements, ..Version::default() })),
        None => ModelId::of(subject).map(|model| Effect::Model(model, Model { retirements, ..Model::default() })),
    }
}

fn model(
    event: &Event,
    data: &ModelEvent,
    by: SignedBy<'_>,
    actors: impl FnOnce() -> Actors,
    effects: &mut Vec<Effect>,
) {
    let at = by.signed.at();
    let said = match data {
        ModelEvent::VersionRegistered(registered) => {
            let Some(version) = VersionId::of(&event.subject) else { return };
            let mut said = self::registered(registered, at);
            said.involve(actors(), at);
            let model = version.model();
            effects.push(Effect::Version(version.clone(), said));
            effects.extend(registered.training_run.map(|id| Effect::RunProduced(Run { id, model }, version)));
            return;
        }
        ModelEvent::Registered(registered) => {
            Model { registrations: vec![at], intended_uses: registered.intended_uses.to_vec(), ..Model::default() }
        }
        ModelEvent::Classified(classified) => {
            let until = classified.expires_at.map(|until| until.as_ms());
            Model { classified: vec![(at, until)], ..Model::default() }
        }
        ModelEvent::OwnershipAccepted(accepted) => {
            let owner = Owner { role: accepted.role, person: by.issuer.clone(), signed: by.signed };
            Model { owners: vec![owner], ..Model::default() }
        }
        ModelEvent::Amended(_) | ModelEvent::Linked(_) => return,
    };
    effects.extend(ModelId::of(&event.subject.without_version()).map(|model| Effect::Model(model, said)));
}

fn registered(registered: &VersionRegistered, at: At) -> Version {
    // A retrieval index is data that the version answers from, and so is made from.
    let indexes = registered.components.iter().filter(|part| part.role == ComponentRole::RetrievalIndex);
    Version {
        registrations: vec![at],
        artifacts: registered
            .artifacts
            .iter()
            .map(|artifact| Artifact { digest: artifact.digest, index: at.index })
            .collect(),
        components: registered.components.iter().filter_map(|component| component.digest).collect(),
        pipelines: registered.code.as_ref().and_then(|code| code.digest).into_iter().collect(),
        datasets: indexes.filter_map(|part| DatasetId::of(part.subject.as_ref()?)).collect(),
        ..Version::default()
    }
}

fn validated(completed: &Completed, actors: Actors, index: u64) -> Version {
    let metric = |metric: &Metric| (metric_key(&metric.name, metric.slice.as_deref()), metric.value.get());
    let validation = Validation {
        index,
        persons: actors.persons,
        anonymous: actors.anonymous,
        digest: completed.model_digest,
        passed: matches!(completed.outcome, Some(Outcome::Passed | Outcome::PassedWithConditions)),
        scopes: completed.scopes.clone(),
        metrics: completed.metrics.iter().map(metric).collect(),
    };
    Version { validations: vec![validation], ..Version::default() }
}

fn dataset(dataset: DatasetId, data: &DataEvent, at: At, reach: impl FnOnce() -> Reach) -> Vec<Effect> {
    match data {
        DataEvent::Registered(registered) if !registered.derived_from.is_empty() => {
            let derived_from = registered.derived_from.iter().filter_map(DatasetId::of).collect();
            vec![Effect::Dataset(dataset, Dataset { derived_from, ..Dataset::default() })]
        }
        DataEvent::Withdrawn(withdrawn) => {
            let whole = withdrawn.digests.is_empty() && withdrawn.window.is_none();
            let said = match whole {
                true => Dataset { withdrawn: vec![at], ..Dataset::default() },
                false => Dataset { partly_withdrawn: vec![at], ..Dataset::default() },
            };
            let part = Withdrawal { at, reach: reach(), dataset: Some(dataset.clone()) };
            let parts = withdrawn.digests.iter().map(|digest| Effect::DataWithdrawn(*digest, part.clone()));
            [Effect::Dataset(dataset, said)].into_iter().chain(parts).collect()
        }
        DataEvent::Registered(_) | DataEvent::DispositionRecorded(_) => Vec::new(),
    }
}
