//! What is known of models, versions and datasets, as far as decisions rest on it.
//!
//! Each record can be put together from parts, one for each statement ([`Absorb`]). A view that keeps
//! the parts can leave out one that is void.

use probity_schemas::model::OwnershipRole;
use probity_schemas::validation::Scope;
use probity_schemas::{Digest, EventId, Identity, Text};
use serde::{Deserialize, Serialize};

use crate::ids::{DatasetId, UseCaseId};
use crate::signed::{Actors, At, Signed, add};

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
    /// Where it was registered first.
    pub registered: Option<At>,
    /// Every use that a registration intended it for.
    pub intended_uses: Vec<Text>,
    /// Its owners, one for each role.
    pub owners: Vec<Owner>,
    /// Until when its last classification holds, in Unix milliseconds; `Some(None)` for no end.
    pub classified_until: Option<Option<u64>>,
    /// The uses it serves, and where each was linked first.
    pub uses: Vec<(UseCaseId, At)>,
    /// The change plans proposed for it.
    pub plans: Vec<EventId>,
    /// What happened to it that approvals do not survive.
    pub disturbances: Disturbances,
    /// Where it was retired.
    pub retired: Option<u64>,
}

impl Absorb for Model {
    /// Retirement is not put together: it comes and goes.
    fn absorb(&mut self, part: Self) {
        if let Some(at) = part.registered {
            let widened = part.intended_uses.iter().any(|used| !self.intended_uses.contains(used));
            if self.registered.is_some() && widened {
                self.disturbances.use_widened.push(at);
            }
        }
        self.registered = self.registered.or(part.registered);
        part.intended_uses.into_iter().for_each(|used| add(&mut self.intended_uses, used));
        for owner in part.owners {
            self.owners.retain(|earlier| earlier.role != owner.role);
            self.owners.push(owner);
        }
        self.classified_until = part.classified_until.or(self.classified_until);
        for (used, at) in part.uses {
            if !self.uses.iter().any(|(known, _)| *known == used) {
                self.uses.push((used, at));
            }
        }
        part.plans.into_iter().for_each(|plan| add(&mut self.plans, plan));
        self.disturbances.absorb(part.disturbances);
    }
}

/// Someone who had a hand in a version, and where that is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Involvement {
    /// The person.
    pub person: Identity,
    /// The index of the first statement that shows it.
    pub index: u64,
}

/// What a validation found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// The index of the statement.
    pub index: u64,
    /// Everyone behind it.
    pub persons: Vec<Identity>,
    /// Whether it did not fail.
    pub passed: bool,
    /// What was validated.
    pub scopes: Vec<Scope>,
    /// Values by [`crate::plans::metric_key`].
    pub metrics: Vec<([u8; 16], f64)>,
}

/// One version of a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Where it was registered first.
    pub registered: Option<At>,
    /// The digests of its artefacts. An approval must name them.
    pub artifacts: Vec<Digest>,
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
    pub anonymous: Option<u64>,
    /// The latest validation of each set of scopes by the same persons.
    pub validations: Vec<Validation>,
    /// The requests for its approval.
    pub requests: Vec<EventId>,
    /// Where an approval by another body was recorded last.
    pub elsewhere: Option<At>,
    /// What happened to it that approvals do not survive.
    pub disturbances: Disturbances,
    /// Where it was retired.
    pub retired: Option<u64>,
}

impl Version {
    /// The digests of its artefacts and components.
    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.artifacts.iter().chain(&self.components)
    }

    /// Whether a digest is that of one of its artefacts or components.
    #[must_use]
    pub fn consists_of(&self, digest: &Digest) -> bool {
        self.digests().any(|known| known == digest)
    }

    /// Notes everyone behind a statement as having had a hand in it.
    pub fn involve(&mut self, actors: Actors, index: u64) {
        for person in actors.persons {
            if !self.involved.iter().any(|earlier| earlier.person == person) {
                self.involved.push(Involvement { person, index });
            }
        }
        if actors.anonymous {
            self.anonymous.get_or_insert(index);
        }
    }

    /// Whether no person behind a validation had a hand in the version.
    #[must_use]
    pub fn is_independent(&self, validation: &Validation) -> bool {
        let hand = |person: &Identity| self.involved.iter().any(|involved| involved.person == *person);
        !validation.persons.iter().any(hand)
    }

    /// The newest validation.
    #[must_use]
    pub fn newest_validation(&self) -> Option<&Validation> {
        self.validations.iter().max_by_key(|validation| validation.index)
    }
}

impl Absorb for Version {
    /// Retirement is not put together: it comes and goes.
    fn absorb(&mut self, part: Self) {
        self.registered = self.registered.or(part.registered);
        part.artifacts.into_iter().for_each(|digest| add(&mut self.artifacts, digest));
        part.components.into_iter().for_each(|digest| add(&mut self.components, digest));
        part.pipelines.into_iter().for_each(|digest| add(&mut self.pipelines, digest));
        part.datasets.into_iter().for_each(|dataset| add(&mut self.datasets, dataset));
        part.dataset_digests.into_iter().for_each(|digest| add(&mut self.dataset_digests, digest));
        for involved in part.involved {
            self.involve(Actors { persons: vec![involved.person], anonymous: false }, involved.index);
        }
        self.anonymous = self.anonymous.or(part.anonymous);
        for validation in part.validations {
            self.validations
                .retain(|earlier| (&earlier.scopes, &earlier.persons) != (&validation.scopes, &validation.persons));
            self.validations.push(validation);
        }
        part.requests.into_iter().for_each(|request| add(&mut self.requests, request));
        self.elsewhere = part.elsewhere.or(self.elsewhere);
        self.disturbances.absorb(part.disturbances);
    }
}

/// Data that versions are made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// The datasets it was derived from.
    pub derived_from: Vec<DatasetId>,
    /// Where all of it was withdrawn last.
    pub withdrawn: Option<At>,
    /// Where some of it was withdrawn last.
    pub partly_withdrawn: Option<At>,
}

impl Absorb for Dataset {
    fn absorb(&mut self, part: Self) {
        part.derived_from.into_iter().for_each(|origin| add(&mut self.derived_from, origin));
        self.withdrawn = part.withdrawn.or(self.withdrawn);
        self.partly_withdrawn = part.partly_withdrawn.or(self.partly_withdrawn);
    }
}
