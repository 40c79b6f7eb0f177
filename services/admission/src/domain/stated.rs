//! Where what a fact said stands, so that its signer can take it back.

use probity_domain::Effect;
use probity_domain::subjects::TakeBack as _;
use probity_schemas::Digest;
use serde::{Deserialize, Serialize};

use super::{DomainState, Key};

/// Where what a fact said stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stated {
    index: u64,
    /// What the fact is about.
    pub(crate) subject: Key,
    places: Vec<Place>,
}

/// A record that knows of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Place {
    Version(Key),
    Model(Key),
    Dataset(Key),
    Data(Digest),
    Document(Digest),
}

impl Stated {
    pub(crate) fn new(index: u64, subject: Key, places: Vec<Place>) -> Self {
        Self { index, subject, places }
    }
}

impl DomainState {
    /// Where an effect of the statement at `index` stands, if it can be taken back.
    pub(crate) fn place_of(&self, effect: &Effect, index: u64) -> Option<Place> {
        if !effect.can_be_taken_back(index) {
            return None;
        }
        match effect {
            Effect::Version(version, _) => Some(Place::Version(self.key(version.as_str()))),
            Effect::Model(model, _) => Some(Place::Model(self.key(model.as_str()))),
            Effect::Dataset(dataset, _) => Some(Place::Dataset(self.key(dataset.as_str()))),
            Effect::DataWithdrawn(digest, _) => Some(Place::Data(*digest)),
            Effect::DocumentWithdrawn(digest, _) => Some(Place::Document(*digest)),
            Effect::AttachmentWithdrawn(attached, _) => self.attached.get(attached).copied().map(Place::Document),
            Effect::Run(..) | Effect::RunProduced(..) | Effect::Document(_) | Effect::Attached(..) => None,
        }
    }

    /// Takes back what a fact said.
    pub(crate) fn take_back(&mut self, stated: &Stated) {
        let index = stated.index;
        for place in &stated.places {
            match place {
                Place::Version(version) => self.versions.entry(version).take_back(index),
                Place::Model(model) => self.models.entry(model).take_back(index),
                Place::Dataset(dataset) => self.datasets.entry(dataset).take_back(index),
                Place::Data(digest) => self.withdrawn_data.make(*digest).take_back(index),
                Place::Document(digest) => self.documents.make(*digest).take_back(index),
            }
        }
    }
}
