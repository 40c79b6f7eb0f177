//! The subjects whose life binds acts: models, versions, uses, endpoints, datasets.

use probity_schemas::model::OwnershipRole;
use probity_schemas::validation::Scope;
use probity_schemas::{Digest, EventId, Identity, Text};
use serde::{Deserialize, Serialize};

use super::{Actors, Key, Signed};

/// The model of a version's subject: `model:credit/pd@3.1` → `model:credit/pd`.
pub(crate) fn model_of(subject: &str) -> &str {
    subject.split_once('@').map_or(subject, |(model, _)| model)
}

/// What happened to a model or version that an approval may not survive: the last index of each.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Disturbances {
    pub(crate) vendor_changed: Option<u64>,
    pub(crate) substantially_changed: Option<u64>,
    pub(crate) use_widened: Option<u64>,
}

/// Someone who took a model on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) role: OwnershipRole,
    pub(crate) person: Identity,
    pub(crate) signed: Signed,
}

/// A model as a whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Model {
    pub(crate) registered: Option<u64>,
    pub(crate) intended_uses: Vec<Text>,
    pub(crate) owners: Vec<Owner>,
    /// Until when each classification holds; `None` for no end.
    pub(crate) classified_until: Option<Option<u64>>,
    /// The uses it serves, and where that was recorded.
    pub(crate) uses: Vec<(Key, u64)>,
    pub(crate) plans: Vec<EventId>,
    pub(crate) disturbances: Disturbances,
    pub(crate) retired: Option<u64>,
}

/// Someone who had a hand in a version, and where that is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Involvement {
    pub(crate) person: Identity,
    pub(crate) index: u64,
}

/// What a validation found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Validation {
    pub(crate) index: u64,
    /// Everyone behind it.
    pub(crate) persons: Vec<Identity>,
    pub(crate) passed: bool,
    pub(crate) scopes: Vec<Scope>,
    /// Values by [`super::plans::metric_key`].
    pub(crate) metrics: Vec<([u8; 16], f64)>,
}

/// One version of a model.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) registered: Option<u64>,
    /// Whether it has artefacts, and so digests that an approval must name.
    pub(crate) has_artifacts: bool,
    /// The digests of its artefacts and components.
    pub(crate) digests: Vec<Digest>,
    /// The digests of the code that made it.
    pub(crate) pipelines: Vec<Digest>,
    pub(crate) datasets: Vec<Key>,
    pub(crate) dataset_digests: Vec<Digest>,
    pub(crate) involved: Vec<Involvement>,
    /// Where a service had a hand in it of which nobody knows who set it in motion.
    pub(crate) anonymous: Option<u64>,
    /// The latest validation of each set of scopes by the same persons.
    pub(crate) validations: Vec<Validation>,
    pub(crate) requests: Vec<EventId>,
    /// Where an approval by somebody else was recorded.
    pub(crate) elsewhere: Option<u64>,
    pub(crate) disturbances: Disturbances,
    pub(crate) retired: Option<u64>,
}

impl Version {
    /// Remembers who had a hand in it.
    pub(crate) fn involve(&mut self, actors: Actors, index: u64) {
        for person in actors.persons {
            if !self.involved.iter().any(|earlier| earlier.person == person) {
                self.involved.push(Involvement { person, index });
            }
        }
        if actors.anonymous {
            self.anonymous.get_or_insert(index);
        }
    }

    /// Takes over what a training run said before its version was registered.
    pub(crate) fn absorb(&mut self, run: Version) {
        for involved in run.involved {
            self.involve(Actors { persons: vec![involved.person], anonymous: false }, involved.index);
        }
        self.anonymous = self.anonymous.or(run.anonymous);
        run.pipelines.into_iter().for_each(|digest| super::add(&mut self.pipelines, digest));
        run.datasets.into_iter().for_each(|key| super::add(&mut self.datasets, key));
        run.dataset_digests.into_iter().for_each(|digest| super::add(&mut self.dataset_digests, digest));
    }

    /// Whether nobody behind a validation had a hand in the version.
    pub(crate) fn is_independent(&self, validation: &Validation) -> bool {
        let hand = |person: &Identity| self.involved.iter().any(|involved| involved.person == *person);
        !validation.persons.iter().any(hand)
    }

    /// The newest validation.
    pub(crate) fn newest_validation(&self) -> Option<&Validation> {
        self.validations.iter().max_by_key(|validation| validation.index)
    }
}

/// A use that models are put to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct UseCase {
    pub(crate) proposed: Option<u64>,
    pub(crate) proposers: Vec<Identity>,
    pub(crate) accepted: Option<Signed>,
    pub(crate) retired: Option<Signed>,
}

/// A place where versions serve.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    /// The version that was said to serve there last.
    pub(crate) serves: Option<Key>,
    /// Emergency stops, resumed or not.
    pub(crate) stops: Vec<EventId>,
}

/// Data that versions are made from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Dataset {
    pub(crate) derived_from: Vec<Key>,
    /// Where all of it was withdrawn last.
    pub(crate) withdrawn: Option<u64>,
    /// Where some of it was withdrawn last.
    pub(crate) partly_withdrawn: Option<u64>,
}
