//! Models and versions, as far as questions ask about them.

use probity_domain::ids::model_of;
use probity_projection::{Batch, Key, ProjectionError, Recorded, Stated};
use probity_schemas::SubjectKind;
use probity_schemas::model::{ModelEvent, VersionRegistered};
use probity_schemas::training::Completed;
use probity_schemas::word;
use serde::{Deserialize, Serialize};

use crate::catalogue::{IDS, MADE_FROM, MODELS, OWNED, PERSONS, VERSIONS};
use crate::judging;

/// What is known of a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct VersionState {
    pub(crate) registered: Option<Stated>,
    /// What each registration said: the digests of its artefacts, and whether its reference is pinned.
    registrations: Vec<(Stated, Vec<String>, bool)>,
    /// The digests of its artefacts.
    pub(crate) artifacts: Vec<String>,
    /// Whether its reference names one fixed thing.
    pub(crate) pinned: bool,
    /// What it was made from, and where that was said.
    pub(crate) datasets: Vec<(String, u64)>,
    pub(crate) dataset_digests: Vec<(String, u64)>,
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

/// What an approval may not survive: where it happened.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Disturbances {
    pub(crate) vendor_changed: Vec<u64>,
    pub(crate) substantially_changed: Vec<u64>,
    pub(crate) use_widened: Vec<u64>,
}

/// What is known of a model as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelState {
    /// What each registration said: the uses it is intended for.
    registrations: Vec<(Stated, Vec<String>)>,
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
        self.registrations.retain(|(stated, _)| stated.index != index);
        self.find_widened();
        self.owners.retain(|(.., at)| *at != index);
        self.classes.retain(|(.., at)| *at != index);
        self.uses.retain(|(_, at)| *at != index);
        self.disturbances.substantially_changed.retain(|at| *at != index);
        self.retired = self.retired.filter(|at| *at != index);
    }

    /// The first registration.
    pub(crate) fn registered(&self) -> Option<&Stated> {
        self.registrations.first().map(|(stated, _)| stated)
    }

    /// Where a registration intends it for more than the one before.
    fn find_widened(&mut self) {
        let pairs = self.registrations.iter().zip(self.registrations.iter().skip(1));
        let widened = pairs.filter(|((_, before), (_, now))| now.iter().any(|used| !before.contains(used)));
        self.disturbances.use_widened = widened.map(|(_, (stated, _))| stated.index).collect();
    }

    /// One class for each framework: the newest.
    pub(crate) fn current_classes(&self) -> impl Iterator<Item = &(String, String, Option<u64>, u64)> {
        let later = |class: &(String, String, Option<u64>, u64)| {
            self.classes.iter().any(|other| other.0 == class.0 && other.3 > class.3)
        };
        self.classes.iter().filter(move |class| !later(class))
    }

    /// Where it was linked for the first time to a use that it is linked to.
    pub(crate) fn first_links(&self) -> impl Iterator<Item = u64> {
        let again = |(used, at): &(String, u64)| self.uses.iter().any(|(other, first)| other == used && first < at);
        self.uses.iter().filter(move |link| !again(link)).map(|(_, at)| *at)
    }
}

impl VersionState {
    /// Takes back what a statement said that is void.
    pub(crate) fn forget(&mut self, index: u64) {
        self.registrations.retain(|(stated, ..)| stated.index != index);
        self.show_last();
        self.datasets.retain(|(_, at)| *at != index);
        self.dataset_digests.retain(|(_, at)| *at != index);
        self.makers.retain(|(_, at)| *at != index);
        self.requests.retain(|at| *at != index);
        self.validations.retain(|(at, _)| *at != index);
        self.elsewhere = self.elsewhere.filter(|(at, _)| *at != index);
        self.disturbances.substantially_changed.retain(|at| *at != index);
    }

    fn make_from(&mut self, datasets: Vec<String>, digests: Vec<String>, index: u64) {
        self.datasets.extend(datasets.into_iter().map(|from| (from, index)));
        self.dataset_digests.extend(digests.into_iter().map(|from| (from, index)));
    }

    /// The last registration is the one that counts.
    fn show_last(&mut self) {
        let last = self.registrations.last().cloned();
        self.registered = last.as_ref().map(|(stated, ..)| stated.clone());
        (self.artifacts, self.pinned) = last.map(|(_, artifacts, pinned)| (artifacts, pinned)).unwrap_or_default();
    }

    pub(crate) fn involve(&mut self, makers: &[String], index: u64) {
        for maker in makers {
            self.makers.push((maker.clone(), index));
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

/// Takes back what a statement said of a version, or of a model and its versions, that is void.
pub(crate) fn forget(batch: &mut Batch<'_>, subject: &str, index: u64) -> Result<(), ProjectionError> {
    let model = model_of(subject);
    // A use can be linked to one version; it is the model's none the less.
    if batch.contains(&MODELS.key().text(model))? {
        change_model(batch, model, |state| state.forget(index))?;
        judging::model(batch, model)?;
    }
    if batch.contains(&key(subject))? {
        change(batch, subject, |state| state.forget(index))?;
    }
    judging::endpoints_of(batch, model)
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
            change_model(batch, &model, |state| {
                state.registrations.push((stated, intended));
                state.find_widened();
            })?;
            judging::endpoints_of(batch, &model)?;
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
        state.make_from(carried, digests, recorded.index);
        let artifacts = registered.artifacts.iter().map(|artifact| artifact.digest.to_string()).collect();
        let pinned = registered.reference.as_ref().is_some_and(|reference| reference.pinned == Some(true));
        state.registrations.push((stated, artifacts, pinned));
        state.show_last();
        state.involve(&makers, recorded.index);
    })?;
    judging::version(batch, subject)
}

/// Takes in a training run that produced a version.
pub(crate) fn train(batch: &mut Batch<'_>, recorded: &Recorded, completed: &Completed) -> Result<(), ProjectionError> {
    let Some(produced) = completed.produced_version.as_ref().map(ToString::to_string) else { return Ok(()) };
    IDS.remember_of(batch, recorded, completed.produced_version.as_ref().unwrap_or(&recorded.event.subject))?;
    let makers = actors(batch, recorded)?;
    let datasets: Vec<String> = completed.datasets.iter().map(ToString::to_string).collect();
    let digests: Vec<String> = completed.dataset_digests.iter().map(ToString::to_string).collect();
    for from in datasets.iter().chain(&digests) {
        batch.put(&MADE_FROM, MADE_FROM.key().text(from).text(&produced), ());
    }
    change(batch, &produced, |state| {
        state.involve(&makers, recorded.index);
        state.make_from(datasets, digests, recorded.index);
    })?;
    judging::version(batch, &produced)
}
