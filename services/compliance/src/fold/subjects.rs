//! What events say of models, versions, data and documents, and what is judged again because of it.

use probity_domain::effects::Run;
use probity_domain::ids::model_of;
use probity_domain::signed::add as push;
use probity_domain::subjects::Version;
use probity_domain::{DatasetId, Effect, ModelId, VersionId};
use probity_projection::{Batch, Parts, ProjectionError, Recorded, Stated};
use probity_schemas::Digest;
use probity_schemas::model::ModelEvent;

use crate::judging;
use crate::records::subjects::{
    ATTACHED, Class, DATA_WITHDRAWN, DATASETS, DERIVED, DOCUMENTS, MADE_FROM, MODELS, ModelState, OWNED, Occurred,
    RUNS, VERSIONS, VersionState, attached_key, data_key, dataset_key, document_key, model_key, run_key, version_key,
};

/// Changes what is known of a version.
pub(crate) fn change_version(
    batch: &mut Batch<'_>,
    version: &str,
    change: impl FnOnce(&mut VersionState),
) -> Result<(), ProjectionError> {
    change(batch.record(&VERSIONS, VERSIONS.key().text(version))?);
    Ok(())
}

/// Changes what is known of a model.
pub(crate) fn change_model(
    batch: &mut Batch<'_>,
    model: &str,
    change: impl FnOnce(&mut ModelState),
) -> Result<(), ProjectionError> {
    change(batch.record(&MODELS, MODELS.key().text(model))?);
    Ok(())
}

/// Takes in one thing that an event says, and judges whatever rests on it.
pub(crate) fn take(batch: &mut Batch<'_>, recorded: &Recorded, effect: Effect) -> Result<(), ProjectionError> {
    let index = recorded.index;
    match effect {
        Effect::Version(version, said) => add(batch, &version, index, said),
        Effect::Model(model, said) => {
            for owner in &said.owners {
                batch.put(&OWNED, OWNED.key().text(&owner.person.to_string()).text(model.as_str()), ());
            }
            let state = batch.record(&MODELS, model_key(&model))?;
            if !said.plans.is_empty() {
                state.plans.push(index);
            }
            state.said.add(index, said);
            judging::endpoints_of(batch, model.as_str())?;
            judging::model(batch, model.as_str())
        }
        Effect::Dataset(dataset, said) => {
            for from in &said.derived_from {
                batch.put(&DERIVED, DERIVED.key().text(from.as_str()).text(dataset.as_str()), ());
            }
            batch.record(&DATASETS, dataset_key(&dataset))?.add(index, said);
            judge_descendants(batch, &dataset)
        }
        Effect::DataWithdrawn(digest, withdrawal) => {
            batch.record(&DATA_WITHDRAWN, data_key(&digest))?.push(withdrawal);
            judging::made_from(batch, &digest.to_string())
        }
        Effect::Run(run, said) => {
            let state = batch.record(&RUNS, run_key(&run))?;
            state.said.add(index, said.clone());
            for version in state.versions.clone() {
                add(batch, &version, index, said.clone())?;
            }
            Ok(())
        }
        // What the run says stays the run's: it goes when the run is void.
        Effect::RunProduced(run, version) => {
            let state = batch.record(&RUNS, run_key(&run))?;
            push(&mut state.versions, version.clone());
            let parts: Vec<(u64, Version)> = state.said.parts().cloned().collect();
            for (index, said) in parts {
                add(batch, &version, index, said)?;
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

/// Adds what the statement at `index` says of a version.
fn add(batch: &mut Batch<'_>, version: &VersionId, index: u64, said: Version) -> Result<(), ProjectionError> {
    let datasets = said.datasets.iter().map(ToString::to_string);
    let digests = said.dataset_digests.iter().map(ToString::to_string);
    for from in datasets.chain(digests) {
        batch.put(&MADE_FROM, MADE_FROM.key().text(&from).text(version.as_str()), ());
    }
    let state = batch.record(&VERSIONS, version_key(version))?;
    if !said.requests.is_empty() {
        state.requests.push(index);
    }
    // A run that names its version is that version's, and is not added once more by the registration that names it.
    if state.said.part(index).is_none() {
        state.said.add(index, said);
    }
    judging::version(batch, version.as_str())
}

/// Leaves a training run out that is void, of every version that named it.
pub(crate) fn leave_out_run(batch: &mut Batch<'_>, run: &Run, index: u64) -> Result<(), ProjectionError> {
    if !batch.contains(&run_key(run))? {
        return Ok(());
    }
    let state = batch.record(&RUNS, run_key(run))?;
    state.said.leave_out(index);
    for version in state.versions.clone() {
        leave_out(batch, version.as_str(), index)?;
    }
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

/// Notes what is shown of a model or version beside what decisions rest on. It is judged with the effects of
/// the same event.
pub(crate) fn fold(batch: &mut Batch<'_>, recorded: &Recorded, event: &ModelEvent) -> Result<(), ProjectionError> {
    let subject = &recorded.event.subject;
    let stated = Stated::of(recorded);
    if let (ModelEvent::VersionRegistered(registered), Some(version)) = (event, VersionId::of(subject)) {
        let pinned = registered.reference.as_ref().is_some_and(|reference| reference.pinned == Some(true));
        batch.record(&VERSIONS, version_key(&version))?.registrations.push((stated, pinned));
        return Ok(());
    }
    let Some(model) = ModelId::of(&subject.without_version()) else { return Ok(()) };
    match event {
        ModelEvent::Registered(_) => batch.record(&MODELS, model_key(&model))?.registrations.push(stated),
        ModelEvent::Classified(classified) => {
            let class = Class {
                framework: classified.framework.to_string(),
                class: classified.class.to_string(),
                expires_ms: classified.expires_at.map(|at| at.as_ms()),
                index: recorded.index,
            };
            batch.record(&MODELS, model_key(&model))?.classes.push(class);
        }
        _ => {}
    }
    Ok(())
}

/// Leaves out what a statement said of a version, or of a model and its versions, that is void.
pub(crate) fn leave_out(batch: &mut Batch<'_>, subject: &str, index: u64) -> Result<(), ProjectionError> {
    let model = model_of(subject);
    // A use can be linked to one version; it is the model's none the less.
    if batch.contains(&MODELS.key().text(model))? {
        change_model(batch, model, |state| state.leave_out(index))?;
        judging::model(batch, model)?;
    }
    if batch.contains(&VERSIONS.key().text(subject))? {
        change_version(batch, subject, |state| state.leave_out(index))?;
    }
    judging::endpoints_of(batch, model)
}

/// Where a document came to be known, and when it was made.
pub(crate) fn document(batch: &Batch<'_>, digest: &Digest) -> Result<Option<(u64, Occurred)>, ProjectionError> {
    Ok(batch.read(&DOCUMENTS, &document_key(digest))?.unwrap_or_default().known)
}
