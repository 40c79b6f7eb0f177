//! Models and versions, as far as questions ask about them.

use probity_projection::serving::model_of;
use probity_projection::{Batch, Key, ProjectionError, Recorded, Stated, word};
use probity_schemas::SubjectKind;
use probity_schemas::model::{ModelEvent, VersionRegistered};
use probity_schemas::training::Completed;
use serde::{Deserialize, Serialize};

use crate::catalogue::{MADE_FROM, MODELS, OWNED, PERSONS, VERSIONS};
use crate::judging;

/// What is known of a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct VersionState {
    pub(crate) registered: Option<Stated>,
    /// The digests of its artefacts.
    pub(crate) artifacts: Vec<String>,
    /// Whether its reference names one fixed thing.
    pub(crate) pinned: bool,
    pub(crate) datasets: Vec<String>,
    pub(crate) dataset_digests: Vec<String>,
    /// Who had a hand in it, and where that is recorded.
    pub(crate) makers: Vec<(String, u64)>,
    pub(crate) requests: Vec<u64>,
    /// Where an approval by somebody else was recorded, and when it was given.
    pub(crate) elsewhere: Option<(u64, Option<u64>)>,
    pub(crate) disturbances: Disturbances,
    /// Where it was validated, and when that was.
    pub(crate) validations: Vec<(u64, Option<(u64, u64)>)>,
    /// Where it serves.
    pub(crate) places: Vec<String>,
}

/// What an approval may not survive: where it happened last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Disturbances {
    pub(crate) vendor_changed: Option<u64>,
    pub(crate) substantially_changed: Option<u64>,
    pub(crate) use_widened: Option<u64>,
}

/// What is known of a model as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelState {
    pub(crate) registered: Option<Stated>,
    pub(crate) intended_uses: Vec<String>,
    /// Role, person, where.
    pub(crate) owners: Vec<(String, String, u64)>,
    /// Uses it was linked to, and where.
    pub(crate) uses: Vec<(String, u64)>,
    /// Framework, class, expiry, where.
    pub(crate) classes: Vec<(String, String, Option<u64>, u64)>,
    pub(crate) disturbances: Disturbances,
    pub(crate) retired: Option<u64>,
}

impl ModelState {
    /// Takes back what a statement said that is void.
    pub(crate) fn forget(&mut self, index: u64) {
        if self.registered.as_ref().is_some_and(|stated| stated.index == index) {
            self.registered = None;
        }
        self.owners.retain(|(.., at)| *at != index);
        self.classes.retain(|(.., at)| *at != index);
    }
}

impl VersionState {
    pub(crate) fn involve(&mut self, makers: &[String], index: u64) {
        for maker in makers {
            if !self.makers.iter().any(|(known, _)| known == maker) {
                self.makers.push((maker.clone(), index));
            }
        }
    }
}

pub(crate) fn key(version: &str) -> Key {
    VERSIONS.key().text(version)
}

/// Everyone behind an event: its signer, whom it speaks for, who set it in motion, and who answers for a service.
pub(crate) fn actors(batch: &Batch<'_>, recorded: &Recorded) -> Result<Vec<String>, ProjectionError> {
    let event = &recorded.event;
    let signer = recorded.signer();
    let mut actors = Vec::new();
    if signer.starts_with("service:") {
        actors.extend(batch.read(&PERSONS, &PERSONS.key().text(&signer))?.unwrap_or_default().responsible);
    }
    actors.push(signer);
    actors.extend(event.on_behalf_of.iter().chain(&event.initiators).map(ToString::to_string));
    actors.sort_unstable();
    actors.dedup();
    Ok(actors)
}

/// Changes what is known of a version.
pub(crate) fn change(
    batch: &mut Batch<'_>,
    version: &str,
    change: impl FnOnce(&mut VersionState),
) -> Result<(), ProjectionError> {
    change(batch.record(&VERSIONS, key(version))?);
    Ok(())
}

pub(crate) fn change_model(
    batch: &mut Batch<'_>,
    model: &str,
    change: impl FnOnce(&mut ModelState),
) -> Result<(), ProjectionError> {
    change(batch.record(&MODELS, MODELS.key().text(model))?);
    Ok(())
}

/// Takes in what is said of a model.
pub(crate) fn fold(batch: &mut Batch<'_>, recorded: &Recorded, event: &ModelEvent) -> Result<(), ProjectionError> {
    let subject = recorded.event.subject.to_string();
    let (model, index) = (model_of(&subject).to_owned(), recorded.index);
    match event {
        ModelEvent::VersionRegistered(registered) => return register(batch, &subject, recorded, registered),
        ModelEvent::Registered(registered) => {
            let intended: Vec<String> = registered.intended_uses.iter().map(ToString::to_string).collect();
            let stated = Stated::of(recorded);
            let mut widened = false;
            change_model(batch, &model, |state| {
                widened = state.registered.is_some() && intended.iter().any(|used| !state.intended_uses.contains(used));
                if widened {
                    state.disturbances.use_widened = Some(index);
                }
                state.intended_uses = intended;
                state.registered.get_or_insert(stated);
            })?;
            if widened {
                judging::endpoints_of(batch, &model)?;
            }
        }
        ModelEvent::OwnershipAccepted(accepted) => {
            let (role, person) = (word(&accepted.role), recorded.signer());
            batch.put(&OWNED, OWNED.key().text(&person).text(&model), ());
            change_model(batch, &model, |state| {
                state.owners.retain(|(other, ..)| *other != role);
                state.owners.push((role, person, index));
            })?;
        }
        ModelEvent::Classified(classified) => {
            let (framework, class) = (classified.framework.to_string(), classified.class.to_string());
            let expires = classified.expires_at.map(|at| at.as_ms());
            change_model(batch, &model, |state| {
                state.classes.retain(|(other, ..)| *other != framework);
                state.classes.push((framework, class, expires, index));
            })?;
        }
        ModelEvent::Amended(_) | ModelEvent::Linked(_) => return Ok(()),
    }
    judging::model(batch, &model)
}

fn register(
    batch: &mut Batch<'_>,
    subject: &str,
    recorded: &Recorded,
    registered: &VersionRegistered,
) -> Result<(), ProjectionError> {
    let makers = actors(batch, recorded)?;
    let stated = Stated::of(recorded);
    // Data that it carries, such as a retrieval index, is data that it is made from.
    let carried = registered.components.iter().filter_map(|component| component.subject.as_ref());
    let carried = carried.filter(|subject| subject.kind == SubjectKind::Dataset).map(ToString::to_string);
    let carried: Vec<String> = carried.collect();
    let digests = registered.components.iter().filter_map(|component| component.digest).map(|it| it.to_string());
    let digests: Vec<String> = digests.collect();
    for from in carried.iter().chain(&digests) {
        batch.put(&MADE_FROM, MADE_FROM.key().text(from).text(subject), ());
    }
    change(batch, subject, |state| {
        state.datasets.extend(carried);
        state.dataset_digests.extend(digests);
        state.registered = Some(stated);
        state.artifacts = registered.artifacts.iter().map(|artifact| artifact.digest.to_string()).collect();
        state.pinned = registered.reference.as_ref().is_some_and(|reference| reference.pinned == Some(true));
        state.involve(&makers, recorded.index);
    })?;
    judging::version(batch, subject)
}

/// Takes in a training run that produced a version.
pub(crate) fn train(batch: &mut Batch<'_>, recorded: &Recorded, completed: &Completed) -> Result<(), ProjectionError> {
    let Some(produced) = completed.produced_version.as_ref().map(ToString::to_string) else { return Ok(()) };
    let makers = actors(batch, recorded)?;
    let datasets: Vec<String> = completed.datasets.iter().map(ToString::to_string).collect();
    let digests: Vec<String> = completed.dataset_digests.iter().map(ToString::to_string).collect();
    for from in datasets.iter().chain(&digests) {
        batch.put(&MADE_FROM, MADE_FROM.key().text(from).text(&produced), ());
    }
    change(batch, &produced, |state| {
        state.involve(&makers, recorded.index);
        state.datasets.extend(datasets);
        state.dataset_digests.extend(digests);
    })?;
    judging::version(batch, &produced)
}
