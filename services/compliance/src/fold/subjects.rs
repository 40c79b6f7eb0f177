//! What events say of models, versions, data and documents, and what is judged again because of it.

use probity_domain::corrections::can_be_void;
use probity_domain::effects::Run;
use probity_domain::ids::model_of;
use probity_domain::subjects::TakeBack as _;
use probity_domain::{DatasetId, Effect, VersionId};
use probity_projection::{Batch, Parts, ProjectionError, Recorded, Stated};
use probity_schemas::approval::ApprovalEvent;
use probity_schemas::model::ModelEvent;
use probity_schemas::validation::ValidationEvent;
use probity_schemas::{Data, Digest};

use crate::judging;
use crate::records::subjects::{
    ATTACHED, CONSISTS_OF, Class, DATA_WITHDRAWN, DATASETS, DATASETS_SAID, DERIVED, DOCUMENTS, MADE_FROM, MODELS,
    MODELS_SAID, ModelState, OWNED, Occurred, Place, RUN_VERSIONS, RUNS, STATED, VERSIONS, VERSIONS_SAID, VersionState,
    attached_key, data_key, dataset_key, document_key, run_key, run_versions, version_of_run,
};

/// Takes in one thing that an event says, and judges whatever rests on it.
pub(crate) fn take(batch: &mut Batch<'_>, recorded: &Recorded, effect: Effect) -> Result<(), ProjectionError> {
    let index = recorded.index;
    note_place(batch, recorded, &effect)?;
    match effect {
        Effect::Version(version, said) => {
            let beside = match version.as_str() == recorded.event.subject.to_string() {
                true => beside_version(recorded),
                false => VersionState::default(),
            };
            for artifact in &said.artifacts {
                let key = CONSISTS_OF.key().text(&artifact.digest.to_string()).text(version.as_str());
                batch.put(&CONSISTS_OF, key, ());
            }
            add(batch, &version, (index, index), VersionState { said, ..beside })
        }
        Effect::Model(model, said) => {
            for owner in &said.owners {
                batch.put(&OWNED, OWNED.key().text(&owner.person.to_string()).text(model.as_str()), ());
            }
            let said = ModelState { said, ..beside_model(recorded) };
            MODELS_SAID.add(batch, model.as_str(), (index, index), said)?;
            judging::endpoints_of(batch, model.as_str())?;
            judging::model(batch, model.as_str())
        }
        Effect::Dataset(dataset, said) => {
            for from in &said.derived_from {
                batch.put(&DERIVED, DERIVED.key().text(from.as_str()).text(dataset.as_str()), ());
            }
            let before = batch.read(&DATASETS, &dataset_key(&dataset))?.unwrap_or_default();
            DATASETS_SAID.add(batch, dataset.as_str(), (index, index), said)?;
            match batch.read(&DATASETS, &dataset_key(&dataset))?.unwrap_or_default() == before {
                true => Ok(()),
                false => judge_descendants(batch, &dataset),
            }
        }
        Effect::DataWithdrawn(digest, withdrawal) => {
            batch.record(&DATA_WITHDRAWN, data_key(&digest))?.push(withdrawal);
            judging::made_from(batch, &digest.to_string())
        }
        Effect::Run(run, said) => {
            batch.record(&RUNS, run_key(&run))?.push((index, said.clone()));
            for version in naming(batch, &run)? {
                add(batch, &version, (index, index), VersionState { said: said.clone(), ..VersionState::default() })?;
            }
            Ok(())
        }
        // What the run says stays the run's: it goes when the run is void.
        Effect::RunProduced(run, version) => {
            batch.put(&RUN_VERSIONS, run_versions(&run).text(version.as_str()), ());
            for (run, said) in batch.read(&RUNS, &run_key(&run))?.unwrap_or_default() {
                add(batch, &version, (run, index), VersionState { said, ..VersionState::default() })?;
            }
            Ok(())
        }
        Effect::Document(digest) => {
            let occurred = recorded.event.occurred.map(|at| (at.earliest().as_ms(), at.latest().as_ms()));
            batch.record(&DOCUMENTS, document_key(&digest))?.known.get_or_insert((index, occurred));
            Ok(())
        }
        Effect::Attached(attached, digest) => {
            // Of several events of an id the first is meant.
            batch.record(&ATTACHED, attached_key(&attached))?.get_or_insert(digest);
            Ok(())
        }
        Effect::DocumentWithdrawn(digest, withdrawal) => {
            batch.record(&DOCUMENTS, document_key(&digest))?.withdrawn.push(withdrawal);
            judging::resting_on(batch, &digest)
        }
        Effect::AttachmentWithdrawn(attached, by) => match batch.read(&ATTACHED, &attached_key(&attached))?.flatten() {
            Some(digest) => take(batch, recorded, Effect::DocumentWithdrawn(digest, by)),
            None => Ok(()),
        },
    }
}

/// The versions that name a training run.
fn naming(batch: &Batch<'_>, run: &Run) -> Result<Vec<VersionId>, ProjectionError> {
    let keys = batch.keys(&run_versions(run))?;
    Ok(keys.iter().filter_map(|key| version_of_run(key)).collect())
}

/// Adds what a statement says of a version. A run that names its version is that version's, and is not added once more by
/// the registration that names it.
fn add(
    batch: &mut Batch<'_>,
    version: &VersionId,
    place: (u64, u64),
    said: VersionState,
) -> Result<(), ProjectionError> {
    let datasets = said.said.datasets.iter().map(ToString::to_string);
    let digests = said.said.dataset_digests.iter().map(ToString::to_string);
    for from in datasets.chain(digests) {
        batch.put(&MADE_FROM, MADE_FROM.key().text(&from).text(version.as_str()), ());
    }
    VERSIONS_SAID.add(batch, version.as_str(), place, said)?;
    judging::version(batch, version.as_str())
}

/// Notes what an event says of a subject that is no version.
pub(crate) fn note(batch: &mut Batch<'_>, recorded: &Recorded, subject: &str) -> Result<(), ProjectionError> {
    VERSIONS_SAID.add(batch, subject, (recorded.index, recorded.index), beside_version(recorded))
}

/// Takes back what the fact at `index` said of whatever it is.
pub(crate) fn take_back(batch: &mut Batch<'_>, index: u64) -> Result<(), ProjectionError> {
    for place in batch.read(&STATED, &STATED.key().number(index))?.unwrap_or_default() {
        match place {
            Place::Version(version) => {
                VERSIONS_SAID.leave_out(batch, &version, index)?;
                judging::version(batch, &version)?;
            }
            Place::Model(model) => {
                MODELS_SAID.leave_out(batch, &model, index)?;
                judging::model(batch, &model)?;
                judging::endpoints_of(batch, &model)?;
            }
            Place::Dataset(dataset) => {
                DATASETS_SAID.leave_out(batch, dataset.as_str(), index)?;
                judge_descendants(batch, &dataset)?;
            }
            Place::Data(digest) => {
                batch.record(&DATA_WITHDRAWN, data_key(&digest))?.take_back(index);
                judging::made_from(batch, &digest.to_string())?;
            }
            Place::Document(digest) => {
                batch.record(&DOCUMENTS, document_key(&digest))?.withdrawn.take_back(index);
                judging::resting_on(batch, &digest)?;
            }
        }
    }
    Ok(())
}

/// Notes where an effect of a statement stands, if it can be taken back.
fn note_place(batch: &mut Batch<'_>, recorded: &Recorded, effect: &Effect) -> Result<(), ProjectionError> {
    let signer = recorded.statement.issuer();
    let correctable = can_be_void(recorded.event.event_type(), signer, signer);
    if !correctable || !effect.can_be_taken_back(recorded.index) {
        return Ok(());
    }
    let place = match effect {
        Effect::Version(version, _) => Place::Version(version.to_string()),
        Effect::Model(model, _) => Place::Model(model.to_string()),
        Effect::Dataset(dataset, _) => Place::Dataset(dataset.clone()),
        Effect::DataWithdrawn(digest, _) => Place::Data(*digest),
        Effect::DocumentWithdrawn(digest, _) => Place::Document(*digest),
        // It is taken in as a withdrawal of the document.
        Effect::AttachmentWithdrawn(..)
        | Effect::Run(..)
        | Effect::RunProduced(..)
        | Effect::Document(_)
        | Effect::Attached(..) => return Ok(()),
    };
    batch.record(&STATED, STATED.key().number(recorded.index))?.push(place);
    Ok(())
}

/// Judges every version that was made from a dataset, or from one derived from it.
fn judge_descendants(batch: &mut Batch<'_>, dataset: &DatasetId) -> Result<(), ProjectionError> {
    let mut waiting = vec![dataset.to_string()];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(next) = waiting.pop() {
        // Datasets can be said to come from each other.
        if !seen.insert(next.clone()) {
            continue;
        }
        judging::made_from(batch, &next)?;
        for key in batch.keys(&DERIVED.key().text(&next))? {
            let mut parts = Parts::of(&key);
            let (_, derived) = (parts.text(), parts.text());
            waiting.extend(derived.map(str::to_owned));
        }
    }
    Ok(())
}

/// What an event says of its version beside what decisions rest on.
fn beside_version(recorded: &Recorded) -> VersionState {
    match &recorded.event.data {
        Data::Model(ModelEvent::VersionRegistered(registered)) => {
            let pinned = registered.reference.as_ref().is_some_and(|reference| reference.pinned == Some(true));
            let artifacts: Vec<Digest> = registered.artifacts.iter().map(|artifact| artifact.digest).collect();
            let artifacts = (!artifacts.is_empty()).then(|| (Stated::of(recorded), artifacts));
            VersionState { pinned: Some(pinned), artifacts, ..VersionState::default() }
        }
        Data::Validation(ValidationEvent::Completed(_)) => {
            let occurred = recorded.event.occurred.map(|at| (at.earliest().as_ms(), at.latest().as_ms()));
            VersionState::validated(recorded.index, occurred)
        }
        Data::Approval(ApprovalEvent::RecordedElsewhere(elsewhere)) => {
            VersionState::elsewhere(recorded.index, elsewhere.approved_at.map(|at| at.as_ms()))
        }
        _ => VersionState::default(),
    }
}

/// What an event says of its model beside what decisions rest on.
fn beside_model(recorded: &Recorded) -> ModelState {
    match &recorded.event.data {
        Data::Model(ModelEvent::Registered(_)) => {
            ModelState { registered: Some(Stated::of(recorded)), ..ModelState::default() }
        }
        Data::Model(ModelEvent::Classified(classified)) => {
            let class = Class {
                framework: classified.framework.to_string(),
                class: classified.class.to_string(),
                expires_ms: classified.expires_at.map(|at| at.as_ms()),
                index: recorded.index,
            };
            ModelState { classes: vec![class], ..ModelState::default() }
        }
        _ => ModelState::default(),
    }
}

/// Leaves out what a statement said of a version, or of a model and its versions, that is void.
pub(crate) fn leave_out(batch: &mut Batch<'_>, subject: &str, index: u64) -> Result<(), ProjectionError> {
    let model = model_of(subject);
    // A use can be linked to one version; it is the model's none the less.
    MODELS_SAID.leave_out(batch, model, index)?;
    VERSIONS_SAID.leave_out(batch, subject, index)?;
    if batch.contains(&MODELS.key().text(model))? {
        judging::model(batch, model)?;
    }
    if batch.contains(&VERSIONS.key().text(subject))? {
        judging::approvals_of(batch, subject)?;
    }
    judging::endpoints_of(batch, model)
}

/// Where a document came to be known, and when it was made.
pub(crate) fn document(batch: &Batch<'_>, digest: &Digest) -> Result<Option<(u64, Occurred)>, ProjectionError> {
    Ok(batch.read(&DOCUMENTS, &document_key(digest))?.unwrap_or_default().known)
}
