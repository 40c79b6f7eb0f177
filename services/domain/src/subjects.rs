//! What is known of models, versions and datasets, as far as decisions rest on it.
//!
//! Each record can be put together from parts, one for each statement ([`Absorb`]). A view that keeps
//! the parts can leave out one that is void.

use probity_schemas::model::OwnershipRole;
use probity_schemas::validation::Scope;
use probity_schemas::{Digest, Identity, Text};
use serde::{Deserialize, Serialize};

use crate::authority::Reach;
use crate::ids::{DatasetId, UseCaseId};
use crate::signed::{Actors, At, Signed, add};
use crate::timeline::Timeline;

/// A record that is put together from parts, one for each statement, in the order of the log.
pub trait Absorb: Default {
    /// Adds what a later statement says.
    fn absorb(&mut self, part: Self);

    /// The record that these parts make.
    fn sum(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self::default();
        parts.into_iter().for_each(|part| whole.absorb(part));
        whole
    }
}

/// A record from which a statement that is taken back can be taken.
///
/// Taken back is what decisions rest on because somebody said so: that it is registered, validated, classified,
/// withdrawn, changed, linked, retired, asked for. What was said of how a thing was made stays (its bytes, its data, the
/// hands in it, the uses it was once meant for): nobody frees themselves of a hand that they had, and no approval comes to
/// cover bytes that it did not name, by taking back what they said.
pub trait TakeBack {
    /// Takes back what the statement at `index` said.
    fn take_back(&mut self, index: u64);
}

/// Of one kind of statement about one subject, so many are kept: the first and the newest. What is said again and again
/// says nothing new.
const KEPT: usize = 16;

/// Adds what a statement says after those before.
fn keep<T>(list: &mut Vec<T>, said: impl IntoIterator<Item = T>) {
    for said in said {
        if list.len() == KEPT {
            list.remove(1);
        }
        list.push(said);
    }
}

fn without(list: &mut Vec<At>, index: u64) {
    list.retain(|at| at.index != index);
}

/// What happened to a model or version that an approval does not survive, in the order of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disturbances {
    /// The vendor changed the model under it.
    pub vendor_changed: Vec<At>,
    /// It was changed substantially.
    pub substantially_changed: Vec<At>,
    /// Its intended use was widened.
    pub use_widened: Vec<At>,
}

impl Absorb for Disturbances {
    fn absorb(&mut self, part: Self) {
        self.vendor_changed.extend(part.vendor_changed);
        self.substantially_changed.extend(part.substantially_changed);
        self.use_widened.extend(part.use_widened);
    }
}

impl TakeBack for Disturbances {
    fn take_back(&mut self, index: u64) {
        without(&mut self.vendor_changed, index);
        without(&mut self.substantially_changed, index);
    }
}

/// A retirement that was completed, or reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    /// Where.
    pub at: At,
    /// Whether it was completed.
    pub completed: bool,
}

/// Where it was retired, if it is: the last word counts.
fn retired(retirements: &[Retirement]) -> Option<At> {
    retirements.last().filter(|last| last.completed).map(|last| last.at)
}

/// From when until when a version was retired, by itself or with its model, and where.
#[must_use]
pub fn retirement(model: &Model, version: &Version) -> Timeline<Option<At>> {
    let words = model.retirements.iter().chain(&version.retirements);
    let moments: Vec<u64> = words.map(|word| word.at.time_ms).collect();
    Timeline::changing_at(moments, |time_ms| {
        retired_by(&version.retirements, time_ms).or_else(|| retired_by(&model.retirements, time_ms))
    })
}

fn retired_by(retirements: &[Retirement], time_ms: u64) -> Option<At> {
    retirements.iter().rfind(|word| word.at.time_ms <= time_ms).filter(|word| word.completed).map(|word| word.at)
}

/// Someone who accepted to own a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// In which role.
    pub role: OwnershipRole,
    /// The person.
    pub person: Identity,
    /// Their acceptance.
    pub signed: Signed,
}

/// A model as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Where it was registered.
    pub registrations: Vec<At>,
    /// Every use that a registration intended it for.
    pub intended_uses: Vec<Text>,
    /// Its owners, one for each role.
    pub owners: Vec<Owner>,
    /// Where it was classified, and until when that holds, in Unix milliseconds; `None` for no end.
    pub classified: Vec<(At, Option<u64>)>,
    /// The uses it serves, and where each was linked.
    pub uses: Vec<(UseCaseId, At)>,
    /// Where change plans were proposed for it.
    pub plans: Vec<u64>,
    /// What happened to it that approvals do not survive.
    pub disturbances: Disturbances,
    /// Where its retirement was completed or reversed.
    pub retirements: Vec<Retirement>,
}

impl Model {
    /// Where it was registered first, if it is.
    #[must_use]
    pub fn registered(&self) -> Option<At> {
        self.registrations.first().copied()
    }

    /// Until when its last classification holds, in Unix milliseconds; `Some(None)` for no end.
    #[must_use]
    pub fn classified_until(&self) -> Option<Option<u64>> {
        self.classified.last().map(|(_, until)| *until)
    }

    /// The uses it serves, and where each was linked first.
    pub fn linked_uses(&self) -> impl Iterator<Item = &(UseCaseId, At)> {
        let first = |(place, (used, _)): &(usize, &(UseCaseId, At))| {
            !self.uses[..*place].iter().any(|(earlier, _)| earlier == used)
        };
        self.uses.iter().enumerate().filter(first).map(|(_, linked)| linked)
    }

    /// Where it was retired, if it is.
    #[must_use]
    pub fn retired(&self) -> Option<At> {
        retired(&self.retirements)
    }
}

impl Absorb for Model {
    fn absorb(&mut self, part: Self) {
        if let Some(at) = part.registered() {
            let widened = part.intended_uses.iter().any(|used| !self.intended_uses.contains(used));
            if self.registered().is_some() && widened {
                self.disturbances.use_widened.push(at);
            }
        }
        keep(&mut self.registrations, part.registrations);
        part.intended_uses.into_iter().for_each(|used| add(&mut self.intended_uses, used));
        for owner in part.owners {
            self.owners.retain(|earlier| earlier.role != owner.role);
            self.owners.push(owner);
        }
        keep(&mut self.classified, part.classified);
        for (used, at) in part.uses {
            let known = self.uses.iter().filter(|(known, _)| *known == used).count();
            if known < KEPT {
                self.uses.push((used, at));
            }
        }
        part.plans.into_iter().for_each(|plan| add(&mut self.plans, plan));
        self.disturbances.absorb(part.disturbances);
        self.retirements.extend(part.retirements);
    }
}

impl TakeBack for Model {
    fn take_back(&mut self, index: u64) {
        without(&mut self.registrations, index);
        self.classified.retain(|(at, _)| at.index != index);
        self.uses.retain(|(_, at)| at.index != index);
        self.plans.retain(|plan| *plan != index);
        self.disturbances.take_back(index);
        self.retirements.retain(|word| word.at.index != index);
    }
}

/// Someone who had a hand in a version, and where that is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Involvement {
    /// The person.
    pub person: Identity,
    /// The first statement that shows it.
    pub at: At,
}

/// What a validation found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// The index of the statement.
    pub index: u64,
    /// Everyone behind it.
    pub persons: Vec<Identity>,
    /// Whether a service signed it without naming the person who set it in motion.
    pub anonymous: bool,
    /// The artefact that was validated; without one, what the version consisted of.
    pub digest: Option<Digest>,
    /// Whether it says that it passed.
    pub passed: bool,
    /// What was validated.
    pub scopes: Vec<Scope>,
    /// Values by [`crate::plans::metric_key`].
    pub metrics: Vec<([u8; 16], f64)>,
}

/// An artefact of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its digest.
    pub digest: Digest,
    /// Where it was registered first.
    pub index: u64,
}

/// One version of a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Where it was registered.
    pub registrations: Vec<At>,
    /// Its artefacts. An approval must name their digests.
    pub artifacts: Vec<Artifact>,
    /// The digests of its other components.
    pub components: Vec<Digest>,
    /// The digests of the code that made it.
    pub pipelines: Vec<Digest>,
    /// The datasets it was made from.
    pub datasets: Vec<DatasetId>,
    /// The digests of the data it was made from.
    pub dataset_digests: Vec<Digest>,
    /// Everyone who had a hand in it.
    pub involved: Vec<Involvement>,
    /// Where a service had a hand in it without naming a person as initiator.
    pub anonymous: Option<At>,
    /// The latest validation of each set of scopes of the same bytes by the same persons.
    pub validations: Vec<Validation>,
    /// Where its approval was requested.
    pub requests: Vec<u64>,
    /// Where an approval by another body was recorded.
    pub elsewhere: Vec<At>,
    /// What happened to it that approvals do not survive.
    pub disturbances: Disturbances,
    /// Where the retirement of this version alone was completed or reversed.
    pub retirements: Vec<Retirement>,
}

impl Version {
    /// Where it was registered first, if it is.
    #[must_use]
    pub fn registered(&self) -> Option<At> {
        self.registrations.first().copied()
    }

    /// Where an approval by another body was recorded last.
    #[must_use]
    pub fn elsewhere(&self) -> Option<At> {
        self.elsewhere.last().copied()
    }

    /// Where this version alone was retired, if it is.
    #[must_use]
    pub fn retired(&self) -> Option<At> {
        retired(&self.retirements)
    }

    /// The digests of its artefacts and components.
    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.artifacts.iter().map(|artifact| &artifact.digest).chain(&self.components)
    }

    /// Whether a digest is that of one of its artefacts or components.
    #[must_use]
    pub fn consists_of(&self, digest: &Digest) -> bool {
        self.digests().any(|known| known == digest)
    }

    /// Notes everyone behind a statement as having had a hand in it.
    pub fn involve(&mut self, actors: Actors, at: At) {
        for person in actors.persons {
            if !self.involved.iter().any(|earlier| earlier.person == person) {
                self.involved.push(Involvement { person, at });
            }
        }
        if actors.anonymous {
            self.anonymous.get_or_insert(at);
        }
    }

    /// Where one of these persons had a hand in it first.
    pub fn hand_of<'a>(&'a self, persons: &'a [Identity]) -> Option<&'a Involvement> {
        self.involved.iter().find(|involved| persons.contains(&involved.person))
    }

    /// The newest validation of these bytes, or of whichever where none are given, that decisions can
    /// rest on: by persons who are known and had no hand in the version.
    pub fn newest_validation(&self, bytes: Option<&Digest>) -> Option<&Validation> {
        self.independent(bytes).max_by_key(|validation| validation.index)
    }

    /// Whether the newest validation of each of these artefacts in a scope passed. Of a version without
    /// artefacts, the newest of all.
    #[must_use]
    pub fn is_validated(&self, scope: Scope, artifacts: &[Digest]) -> bool {
        let passed = |bytes: Option<&Digest>| {
            let in_scope = self.independent(bytes).filter(|validation| validation.scopes.contains(&scope));
            in_scope.max_by_key(|validation| validation.index).is_some_and(|validation| validation.passed)
        };
        match self.artifacts.is_empty() {
            true => passed(None),
            false => artifacts.iter().all(|digest| passed(Some(digest))),
        }
    }

    fn independent(&self, bytes: Option<&Digest>) -> impl Iterator<Item = &Validation> {
        // What a validation does not name, it saw if it was there.
        let seen = move |validation: &Validation| match (bytes, validation.digest) {
            (None, _) => true,
            (Some(digest), Some(named)) => named == *digest,
            (Some(digest), None) => {
                let known = self.artifacts.iter().find(|artifact| artifact.digest == *digest);
                known.is_none_or(|artifact| artifact.index < validation.index)
            }
        };
        self.validations.iter().filter(move |validation| {
            !validation.anonymous && self.hand_of(&validation.persons).is_none() && seen(validation)
        })
    }
}

impl Absorb for Version {
    fn absorb(&mut self, part: Self) {
        keep(&mut self.registrations, part.registrations);
        for artifact in part.artifacts {
            if !self.artifacts.iter().any(|known| known.digest == artifact.digest) {
                self.artifacts.push(artifact);
            }
        }
        part.components.into_iter().for_each(|digest| add(&mut self.components, digest));
        part.pipelines.into_iter().for_each(|digest| add(&mut self.pipelines, digest));
        part.datasets.into_iter().for_each(|dataset| add(&mut self.datasets, dataset));
        part.dataset_digests.into_iter().for_each(|digest| add(&mut self.dataset_digests, digest));
        for involved in part.involved {
            self.involve(Actors { persons: vec![involved.person], anonymous: false }, involved.at);
        }
        self.anonymous = self.anonymous.or(part.anonymous);
        for validation in part.validations {
            let same = |earlier: &Validation| {
                (&earlier.scopes, &earlier.persons, earlier.digest, earlier.anonymous)
                    == (&validation.scopes, &validation.persons, validation.digest, validation.anonymous)
            };
            self.validations.retain(|earlier| !same(earlier));
            self.validations.push(validation);
        }
        part.requests.into_iter().for_each(|request| add(&mut self.requests, request));
        keep(&mut self.elsewhere, part.elsewhere);
        self.disturbances.absorb(part.disturbances);
        self.retirements.extend(part.retirements);
    }
}

impl TakeBack for Version {
    fn take_back(&mut self, index: u64) {
        without(&mut self.registrations, index);
        self.validations.retain(|validation| validation.index != index);
        self.requests.retain(|request| *request != index);
        without(&mut self.elsewhere, index);
        self.disturbances.take_back(index);
        self.retirements.retain(|word| word.at.index != index);
    }
}

/// Data that versions are made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// The datasets it was derived from.
    pub derived_from: Vec<DatasetId>,
    /// Where all of it was withdrawn.
    pub withdrawn: Vec<At>,
    /// Where some of it was withdrawn.
    pub partly_withdrawn: Vec<At>,
}

impl Dataset {
    /// Where all of it was withdrawn last.
    #[must_use]
    pub fn withdrawn(&self) -> Option<At> {
        self.withdrawn.last().copied()
    }

    /// Where some of it was withdrawn last.
    #[must_use]
    pub fn partly_withdrawn(&self) -> Option<At> {
        self.partly_withdrawn.last().copied()
    }
}

impl TakeBack for Dataset {
    fn take_back(&mut self, index: u64) {
        without(&mut self.withdrawn, index);
        without(&mut self.partly_withdrawn, index);
    }
}

impl Absorb for Dataset {
    fn absorb(&mut self, part: Self) {
        part.derived_from.into_iter().for_each(|origin| add(&mut self.derived_from, origin));
        keep(&mut self.withdrawn, part.withdrawn);
        keep(&mut self.partly_withdrawn, part.partly_withdrawn);
    }
}

impl TakeBack for Vec<Withdrawal> {
    fn take_back(&mut self, index: u64) {
        self.retain(|withdrawal| withdrawal.at.index != index);
    }
}

/// That a document or data was withdrawn, and where the signer has a say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Where it was recorded.
    pub at: At,
    /// The namespaces in which it takes effect.
    pub reach: Reach,
    /// For data, the dataset that it is part of: what was made from that dataset is concerned as well.
    pub dataset: Option<DatasetId>,
}
