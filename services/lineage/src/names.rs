//! How nodes are named, and what kind of thing a name is of.

use probity_schemas::model::ProviderReference;
use probity_schemas::{Digest, EventId, Subject, SubjectKind};
use serde::{Deserialize, Serialize};

/// Names are cut here, in bytes: references are free text.
const LONGEST: usize = 1_024;

/// The kind of a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A subject that has no part in making models.
    #[default]
    Other,
    Dataset,
    Digest,
    Code,
    Environment,
    Run,
    Model,
    Version,
    Reference,
    Endpoint,
    Usecase,
    Consumer,
    Supplier,
}

impl Kind {
    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Dataset => "dataset",
            Self::Digest => "digest",
            Self::Code => "code",
            Self::Environment => "environment",
            Self::Run => "run",
            Self::Model => "model",
            Self::Version => "version",
            Self::Reference => "reference",
            Self::Endpoint => "endpoint",
            Self::Usecase => "usecase",
            Self::Consumer => "consumer",
            Self::Supplier => "supplier",
        }
    }

    /// Whether its name is that of a subject, which has a namespace.
    pub(crate) fn is_subject(self) -> bool {
        match self {
            Self::Other
            | Self::Dataset
            | Self::Model
            | Self::Version
            | Self::Endpoint
            | Self::Usecase
            | Self::Supplier => true,
            Self::Digest | Self::Code | Self::Environment | Self::Run | Self::Reference | Self::Consumer => false,
        }
    }

    /// Whether there are statements by which such a thing is registered.
    pub(crate) fn is_registered(self) -> bool {
        match self {
            Self::Dataset | Self::Digest | Self::Run | Self::Model | Self::Version | Self::Usecase => true,
            Self::Other
            | Self::Code
            | Self::Environment
            | Self::Reference
            | Self::Endpoint
            | Self::Consumer
            | Self::Supplier => false,
        }
    }
}

/// The name of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) kind: Kind,
}

impl Name {
    fn new(text: String, kind: Kind) -> Self {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        let text = if text.len() > LONGEST { text[..end].to_owned() } else { text };
        Self { text, kind }
    }

    pub(crate) fn digest(digest: &Digest) -> Self {
        Self { text: digest.to_string(), kind: Kind::Digest }
    }

    /// The digest of an environment, such as a container image.
    pub(crate) fn environment(digest: &Digest) -> Self {
        Self { text: digest.to_string(), kind: Kind::Environment }
    }

    /// The digest of a source tree.
    pub(crate) fn code(digest: &Digest) -> Self {
        Self { text: digest.to_string(), kind: Kind::Code }
    }

    pub(crate) fn commit(commit: &str) -> Self {
        Self::new(format!("code:{commit}"), Kind::Code)
    }

    pub(crate) fn run(id: EventId) -> Self {
        Self { text: format!("run:{id}"), kind: Kind::Run }
    }

    /// A run whose id an earlier one has.
    pub(crate) fn later_run(id: EventId, index: u64) -> Self {
        Self { text: format!("run:{id}#{index}"), kind: Kind::Run }
    }

    pub(crate) fn reference(text: &str) -> Self {
        Self::new(format!("reference:{text}"), Kind::Reference)
    }

    /// A version behind somebody's interface, and, where it is a certain state of it, what it is a state of.
    pub(crate) fn provided(reference: &ProviderReference) -> (Self, Option<Self>) {
        let all = Self::reference(&format!("{}/{}", reference.provider, reference.name));
        match &reference.snapshot {
            Some(snapshot) => {
                (Self::reference(&format!("{}/{}@{snapshot}", reference.provider, reference.name)), Some(all))
            }
            None => (all, None),
        }
    }

    pub(crate) fn consumer(text: &str) -> Self {
        Self::new(format!("consumer:{text}"), Kind::Consumer)
    }

    /// What it is a version of.
    pub(crate) fn whole(&self) -> Option<Self> {
        let (text, _) = self.text.split_once('@').filter(|_| self.kind.is_subject())?;
        let kind = if self.kind == Kind::Version { Kind::Model } else { self.kind };
        Some(Self { text: text.to_owned(), kind })
    }
}

impl From<&Subject> for Name {
    fn from(subject: &Subject) -> Self {
        let kind = match (subject.kind, &subject.version) {
            (SubjectKind::Model, Some(_)) => Kind::Version,
            (SubjectKind::Model, None) => Kind::Model,
            (SubjectKind::Dataset, _) => Kind::Dataset,
            (SubjectKind::Endpoint, _) => Kind::Endpoint,
            (SubjectKind::Usecase, _) => Kind::Usecase,
            (SubjectKind::Supplier, _) => Kind::Supplier,
            (SubjectKind::Identity | SubjectKind::Policy | SubjectKind::Ledger, _) => Kind::Other,
        };
        Self { text: subject.to_string(), kind }
    }
}
