//! What is known of models, uses, endpoints and open items: folded from facts and acts alike, asked by the rules.
//!
//! Nothing here refuses anything. Facts that make no sense leave no trace; the views show them all the same.

mod cases;
mod fold;
mod heaps;
mod register;
mod sealed;
mod stated;
mod subjects;

use std::sync::Arc;

use probity_domain::VersionId;
use probity_domain::effects::Run;
use probity_domain::ids::model_of;
use probity_domain::subjects::{Dataset, Model, Version, Withdrawal};
use probity_schemas::{Digest, EventId, Subject};
use serde::{Deserialize, Serialize};

pub(crate) use cases::{Case, Hold, OpenItem, Suspension};
pub(crate) use register::Register;
pub(crate) use stated::Stated;
pub(crate) use subjects::{Endpoint, Heap, UseCase};

/// A subject as text, shared between the places that name it.
pub(crate) type Key = Arc<str>;

/// Names the registers once, for everything that goes over all of them.
macro_rules! domain_state {
    ($($(#[$meta:meta])* $register:ident: $type:ty,)+) => {
        /// All of it.
        #[derive(Debug, Clone, Default, Serialize, Deserialize)]
        pub(crate) struct DomainState {
            $($(#[$meta])* pub(crate) $register: $type,)+
            /// Holds that have not been lifted, by their indices.
            pub(crate) holds: Arc<Vec<u64>>,
        }

        /// A moment to go back to.
        #[derive(Debug, Clone)]
        pub(crate) struct DomainMark {
            $($register: u64,)+
            holds: Arc<Vec<u64>>,
        }

        impl DomainState {
            /// The present, to come back to.
            pub(crate) fn mark(&mut self) -> DomainMark {
                DomainMark { $($register: self.$register.mark(),)+ holds: self.holds.clone() }
            }

            /// Goes back to a mark.
            pub(crate) fn go_back(&mut self, mark: &DomainMark) {
                $(self.$register.go_back(mark.$register);)+
                self.holds = mark.holds.clone();
            }

            /// No mark before this one is needed any more.
            pub(crate) fn forget(&mut self, mark: &DomainMark) {
                $(self.$register.forget(mark.$register);)+
            }

            /// No mark is needed any more.
            pub(crate) fn forget_all(&mut self) {
                $(self.$register.forget_all();)+
            }

            /// How many entries each register has, and how many bytes they take in a snapshot.
            pub(crate) fn sizes(&self) -> Result<Vec<(&'static str, usize, usize)>, postcard::Error> {
                Ok(vec![$((
                    stringify!($register),
                    self.$register.len(),
                    postcard::experimental::serialized_size(&self.$register)?,
                ),)+])
            }
        }
    };
}

domain_state! {
    models: Register<Key, Model>,
    versions: Register<Key, Version>,
    use_cases: Register<Key, UseCase>,
    endpoints: Register<Key, Endpoint>,
    datasets: Register<Key, Dataset>,
    /// Parts of datasets that were withdrawn, and where.
    withdrawn_data: Register<Digest, Vec<Withdrawal>>,
    /// Documents that statements rest on; where they were withdrawn, if they were.
    documents: Register<Digest, Vec<Withdrawal>>,
    /// The documents that events attached.
    attached: Register<EventId, Digest>,
    /// What acts can answer, by the index of the statement that opened it.
    items: Register<u64, OpenItem>,
    /// The items that events of an id opened. Ids are unique per issuer only.
    opened: Register<EventId, Vec<u64>>,
    /// What training runs say of the versions that name them.
    runs: Register<Run, Version>,
    /// What facts said that their signers can take back, by the number of the issuer and the id of the event.
    stated: Register<(u32, EventId), Stated>,
    /// The versions that named a training run.
    awaiting: Register<Run, Vec<VersionId>>,
    /// Exceptions by what they are for.
    exceptions: Register<Key, Vec<u64>>,
    /// Emergency stops of whole models or versions, by what is stopped.
    stops: Register<Key, Vec<u64>>,
    /// How many subjects have events with texts sealed under a key.
    sealed: Register<[u8; 16], u64>,
    /// These subjects, by the key and their number among its own. The id of a key is known to whoever reads a text that
    /// is sealed under it, and may stand in any number of other people's events.
    sealed_in: Register<([u8; 16], u64), Key>,
    /// That a subject is one of them.
    sealed_known: Register<([u8; 16], Key), ()>,
    /// How many statements answer an event of a model or other subject, and how many bytes they have.
    answers: Register<(Key, EventId), Heap>,
    /// How many statements about a model or other subject were corrected.
    corrections: Register<Key, Heap>,
    /// The endpoints where an issuer, by its number, said that versions of a model serve, and not that they stopped.
    places: Register<(Key, u32), Vec<Key>>,
}

impl DomainState {
    /// The version a subject names, if it is registered.
    pub(crate) fn version(&self, subject: &str) -> Option<&Version> {
        self.versions.get(subject).filter(|version| version.registered().is_some())
    }

    /// The open or closed item that the statement at an index opened.
    pub(crate) fn item(&self, index: u64) -> Option<&OpenItem> {
        self.items.get(&index)
    }

    /// The items that events of an id opened, in the order of the log.
    pub(crate) fn opened(&self, id: &EventId) -> impl Iterator<Item = (u64, &OpenItem)> {
        let indices = self.opened.get(id).map(Vec::as_slice).unwrap_or_default();
        indices.iter().filter_map(|index| Some((*index, self.items.get(index)?)))
    }

    /// What an event of this id and of one of these types opened about a subject. Another issuer's event
    /// of the same id, about something else or of another type, is never meant.
    pub(crate) fn opened_about(&self, id: &EventId, types: &[&str], subject: &str) -> Option<(u64, &OpenItem)> {
        self.opened(id).find(|(_, item)| *item.subject == *subject && types.contains(&item.case.opened_by()))
    }

    /// Where a model, or this version of it, was retired, if it was.
    pub(crate) fn retired(&self, subject: &str) -> Option<u64> {
        let version = self.versions.get(subject).and_then(|version| version.retired());
        let retired = version.or_else(|| self.models.get(model_of(subject)).and_then(|model| model.retired()));
        retired.map(|at| at.index)
    }

    /// A subject's name, shared with where it stands already.
    pub(crate) fn key(&self, subject: &str) -> Key {
        let known = match subject.split_once(':') {
            Some(("model", _)) if subject.contains('@') => self.versions.key(subject),
            Some(("model", _)) => self.models.key(subject),
            Some(("endpoint", _)) => self.endpoints.key(subject),
            Some(("dataset", _)) => self.datasets.key(subject),
            Some(("usecase", _)) => self.use_cases.key(subject),
            _ => None,
        };
        known.unwrap_or_else(|| subject.into())
    }

    /// The hold that covers a subject, if one does: its index.
    pub(crate) fn hold_over(&self, subject: &Subject) -> Option<u64> {
        self.holds.iter().filter_map(|index| self.items.get(index)).find_map(|item| match &item.case {
            Case::Hold(hold) if hold.covers(subject) => Some(item.at.index),
            _ => None,
        })
    }

    /// How many of each there are, to explain what they take in memory.
    pub(crate) fn counts(&self) -> [(&'static str, usize); 6] {
        [
            ("models", self.models.len()),
            ("versions", self.versions.len()),
            ("use cases", self.use_cases.len()),
            ("endpoints", self.endpoints.len()),
            ("documents", self.documents.len()),
            ("matters", self.items.len()),
        ]
    }
}
