//! What each event says of models, versions, data and documents, as far as decisions rest on it.

use probity_schemas::approval::ApprovalEvent;
use probity_schemas::change::ChangeEvent;
use probity_schemas::data::DataEvent;
use probity_schemas::deployment::DeploymentEvent;
use probity_schemas::evidence::EvidenceEvent;
use probity_schemas::model::{ComponentRole, ModelEvent, VersionRegistered};
use probity_schemas::plan::PlanEvent;
use probity_schemas::shared::{Metric, Outcome};
use probity_schemas::training::TrainingEvent;
use probity_schemas::usecase::UsecaseEvent;
use probity_schemas::validation::{Completed, ValidationEvent};
use probity_schemas::vendor::VendorEvent;
use probity_schemas::{Data, Digest, Event, EventId, Subject};

use crate::ids::{DatasetId, ModelId, UseCaseId, VersionId};
use crate::plans::metric_key;
use crate::signed::{Actors, At, SignedBy};
use crate::subjects::{Dataset, Disturbances, Model, Owner, Validation, Version};

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
    DataWithdrawn(Digest, At),
    /// A training run happened whose version is not known yet: what it says of that version.
    Run(EventId, Version),
    /// This version is what the training run with this id produced.
    RunProduced(EventId, VersionId),
    /// There is a document with this digest.
    Document(Digest),
    /// The document with this digest was attached by this event.
    Attached(EventId, Digest),
    /// The document with this digest was withdrawn.
    DocumentWithdrawn(Digest, At),
    /// The document that this event attached was withdrawn.
    AttachmentWithdrawn(EventId, At),
}

/// What an event says. `actors` gives everyone behind it and is asked only where that matters.
pub fn effects(event: &Event, by: SignedBy<'_>, actors: impl FnOnce() -> Actors) -> Vec<Effect> {
    let at = by.signed.at();
    let mut effects: Vec<Effect> = event.evidence.iter().map(|evidence| Effect::Document(evidence.digest)).collect();
    match &event.data {
        Data::Model(data) => model(event, data, by, actors, &mut effects),
        Data::Usecase(UsecaseEvent::Linked(linked)) => {
            let model = ModelId::of(&linked.model.without_version());
            let linked = |used| Model { uses: vec![(used, at)], ..Model::default() };
            let linked = UseCaseId::of(&event.subject).map(linked);
            effects.extend(model.zip(linked).map(|(model, linked)| Effect::Model(model, linked)));
        }
        Data::Data(data) => {
            let dataset = DatasetId::of(&event.subject);
            effects.extend(dataset.into_iter().flat_map(|dataset| self::dataset(dataset, data, at)));
        }
        Data::Training(TrainingEvent::Completed(completed)) => {
            let mut run = Version {
                pipelines: completed.code.as_ref().and_then(|code| code.digest).into_iter().collect(),
                datasets: completed.datasets.iter().filter_map(DatasetId::of).collect(),
                dataset_digests: completed.dataset_digests.clone(),
                ..Version::default()
            };
            run.involve(actors(), at.index);
            let produced = VersionId::of(completed.produced_version.as_ref().unwrap_or(&event.subject));
            effects.push(match produced {
                Some(version) => Effect::Version(version, run),
                None => Effect::Run(event.id, run),
            });
        }
        Data::Validation(ValidationEvent::Completed(completed)) => {
            let validated = validated(completed, actors(), at.index);
            effects.extend(version(&event.subject, validated));
        }
        Data::Approval(ApprovalEvent::Requested(_)) => {
            let mut requested = Version { requests: vec![event.id], ..Version::default() };
            requested.involve(actors(), at.index);
            effects.extend(version(&event.subject, requested));
        }
        Data::Approval(ApprovalEvent::RecordedElsewhere(_)) => {
            effects.extend(version(&event.subject, Version { elsewhere: Some(at), ..Version::default() }));
        }
        Data::Deployment(DeploymentEvent::Requested(requested)) => {
            let mut asked = Version::default();
            asked.involve(actors(), at.index);
            effects.extend(version(&requested.version, asked));
        }
        Data::Plan(PlanEvent::Proposed(_)) => {
            let proposed = Model { plans: vec![event.id], ..Model::default() };
            effects.extend(ModelId::of(&event.subject.without_version()).map(|model| Effect::Model(model, proposed)));
        }
        Data::Change(ChangeEvent::Declared(declared)) if declared.substantial == Some(true) => {
            let changed = Disturbances { substantially_changed: vec![at], ..Disturbances::default() };
            effects.extend(disturbed(&event.subject, changed));
        }
        Data::Vendor(VendorEvent::ChangeObserved(_)) => {
            let changed = Disturbances { vendor_changed: vec![at], ..Disturbances::default() };
            let subjects = event.about.iter().chain([&event.subject]);
            effects.extend(subjects.filter_map(|subject| disturbed(subject, changed.clone())));
        }
        Data::Evidence(EvidenceEvent::Attached(attached)) => {
            effects.extend(attached.digest.map(Effect::Document));
            effects.extend(attached.digest.map(|digest| Effect::Attached(event.id, digest)));
        }
        // The document is named by its digest, or by the event that attached it.
        Data::Evidence(EvidenceEvent::Withdrawn(withdrawn)) => match (withdrawn.digest, event.regarding) {
            (Some(digest), _) => effects.push(Effect::DocumentWithdrawn(digest, at)),
            (None, Some(attached)) => effects.push(Effect::AttachmentWithdrawn(attached, at)),
            (None, None) => {}
        },
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
            said.involve(actors(), at.index);
            effects.push(Effect::Version(version.clone(), said));
            effects.extend(registered.training_run.map(|run| Effect::RunProduced(run, version)));
            return;
        }
        ModelEvent::Registered(registered) => {
            Model { registered: Some(at), intended_uses: registered.intended_uses.to_vec(), ..Model::default() }
        }
        ModelEvent::Classified(classified) => {
            let until = classified.expires_at.map(|until| until.as_ms());
            Model { classified_until: Some(until), ..Model::default() }
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
        registered: Some(at),
        artifacts: registered.artifacts.iter().map(|artifact| artifact.digest).collect(),
        components: registered.components.iter().filter_map(|component| component.digest).collect(),
        pipelines: registered.code.as_ref().and_then(|code| code.digest).into_iter().collect(),
        datasets: indexes.filter_map(|part| DatasetId::of(part.subject.as_ref()?)).collect(),
        ..Version::default()
    }
}

fn validated(completed: &Completed, actors: Actors, index: u64) -> Version {
    let metric = |metric: &Metric| (metric_key(&metric.name, metric.slice.as_deref()), metric.value.get());
    let failed = matches!(completed.outcome, Some(Outcome::Failed | Outcome::Inconclusive));
    let validation = Validation {
        index,
        persons: actors.persons,
        passed: !failed,
        scopes: completed.scopes.clone(),
        metrics: completed.metrics.iter().map(metric).collect(),
    };
    Version { validations: vec![validation], ..Version::default() }
}

fn dataset(dataset: DatasetId, data: &DataEvent, at: At) -> Vec<Effect> {
    match data {
        DataEvent::Registered(registered) if !registered.derived_from.is_empty() => {
            let derived_from = registered.derived_from.iter().filter_map(DatasetId::of).collect();
            vec![Effect::Dataset(dataset, Dataset { derived_from, ..Dataset::default() })]
        }
        DataEvent::Withdrawn(withdrawn) => {
            let whole = withdrawn.digests.is_empty() && withdrawn.window.is_none();
            let said = match whole {
                true => Dataset { withdrawn: Some(at), ..Dataset::default() },
                false => Dataset { partly_withdrawn: Some(at), ..Dataset::default() },
            };
            let parts = withdrawn.digests.iter().map(|digest| Effect::DataWithdrawn(*digest, at));
            [Effect::Dataset(dataset, said)].into_iter().chain(parts).collect()
        }
        DataEvent::Registered(_) | DataEvent::DispositionRecorded(_) => Vec::new(),
    }
}
