//! What is known of models, uses, endpoints and open matters: folded from facts and acts alike, asked by the rules.
//!
//! Nothing here refuses anything. Facts that make no sense leave no trace; the views show them all the same.

mod approvals;
mod cases;
mod fold;
mod plans;
mod register;
mod sealed;
mod subjects;

use std::sync::Arc;

use probity_schemas::{Digest, EventId, Identity, Subject};
use serde::{Deserialize, Serialize};

pub use approvals::Lapse;
pub(crate) use approvals::{Grant, GrantCondition, Purpose, Request};
pub(crate) use cases::{Case, Exception, Hold, Matter, Suspension};
pub(crate) use plans::Plan;
pub(crate) use register::Register;
pub(crate) use subjects::{Dataset, Endpoint, Model, UseCase, Validation, Version, model_of};

/// A subject as text, shared between the places that name it.
pub(crate) type Key = Arc<str>;

/// Which key signed something, where and when: what its holder did counts only while the key was theirs alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signed {
    /// The key's number, in order of enrolment.
    pub(crate) key: u32,
    pub(crate) index: u64,
    pub(crate) time_ms: u64,
}

/// Everyone behind a statement: its signer, whom it speaks for, who set it in motion, who answers for a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Actors {
    pub(crate) persons: Vec<Identity>,
    /// Whether a service signed of which nobody knows who set it in motion.
    pub(crate) anonymous: bool,
}

/// A statement as the fold sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing<'a> {
    pub(crate) issuer: &'a Identity,
    /// The issuer's number, in order of enrolment.
    pub(crate) number: u32,
    pub(crate) subject: &'a str,
    pub(crate) signed: Signed,
}

/// Names the registers once, for everything that goes over all of them.
macro_rules! life {
    ($($(#[$meta:meta])* $register:ident: $type:ty,)+) => {
        /// All of it.
        #[derive(Debug, Clone, Default, Serialize, Deserialize)]
        pub(crate) struct Life {
            $($(#[$meta])* pub(crate) $register: $type,)+
            /// Holds that have not been lifted.
            pub(crate) holds: Arc<Vec<EventId>>,
        }

        /// A moment to go back to.
        #[derive(Debug, Clone)]
        pub(crate) struct LifeMark {
            $($register: u64,)+
            holds: Arc<Vec<EventId>>,
        }

        impl Life {
            /// The present, to come back to.
            pub(crate) fn mark(&mut self) -> LifeMark {
                LifeMark { $($register: self.$register.mark(),)+ holds: self.holds.clone() }
            }

            /// Goes back to a mark.
            pub(crate) fn go_back(&mut self, mark: &LifeMark) {
                $(self.$register.go_back(mark.$register);)+
                self.holds = mark.holds.clone();
            }

            /// No mark before this one is needed any more.
            pub(crate) fn forget(&mut self, mark: &LifeMark) {
                $(self.$register.forget(mark.$register);)+
            }

            /// No mark is needed any more.
            pub(crate) fn forget_all(&mut self) {
                $(self.$register.forget_all();)+
            }
        }
    };
}

life! {
    models: Register<Key, Model>,
    versions: Register<Key, Version>,
    use_cases: Register<Key, UseCase>,
    endpoints: Register<Key, Endpoint>,
    datasets: Register<Key, Dataset>,
    /// Parts of datasets that were withdrawn, and where.
    withdrawn_data: Register<Digest, u64>,
    /// Documents that statements rest on; where they were withdrawn, if they were.
    documents: Register<Digest, Option<u64>>,
    /// What acts can answer, by the event that opened it.
    matters: Register<EventId, Matter>,
    /// Training runs that have not named the version they produced.
    runs: Register<EventId, Version>,
    /// Exceptions by what they are for.
    exceptions: Register<Key, Vec<EventId>>,
    /// Emergency stops of whole models or versions, by what is stopped.
    stops: Register<Key, Vec<EventId>>,
    /// Subjects whose events hold texts sealed under a key.
    sealed: Register<[u8; 16], Vec<Key>>,
}

impl Life {
    /// The version a subject names, if it is registered.
    pub(crate) fn version(&self, subject: &str) -> Option<&Version> {
        self.versions.get(subject).filter(|version| version.registered.is_some())
    }

    /// The open or closed matter that an event opened.
    pub(crate) fn matter(&self, id: &EventId) -> Option<&Matter> {
        self.matters.get(id)
    }

    /// Where a model, or this version of it, was retired, if it was.
    pub(crate) fn retired(&self, subject: &str) -> Option<u64> {
        let version = self.versions.get(subject).and_then(|version| version.retired);
        version.or_else(|| self.models.get(model_of(subject)).and_then(|model| model.retired))
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
        self.holds.iter().filter_map(|id| self.matters.get(id)).find_map(|matter| match &matter.case {
            Case::Hold(hold) if hold.covers(subject) => Some(matter.index),
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
            ("matters", self.matters.len()),
        ]
    }
}

/// Adds what is not there yet.
pub(crate) fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
