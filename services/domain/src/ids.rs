//! Names of things, one type for each kind, so that a model is never taken for one of its versions.
//!
//! They are texts in keys and on the wire only. Cloning one shares its text.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use probity_schemas::{Subject, SubjectKind};
use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident: $kind:ident, $fits:expr;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The thing that a subject names; `None` for a subject of another kind.
            #[must_use]
            pub fn of(subject: &Subject) -> Option<Self> {
                let fits: fn(&Subject) -> bool = $fits;
                (subject.kind == SubjectKind::$kind && fits(subject)).then(|| Self(subject.to_string().into()))
            }

            /// The thing that a subject's text names; `None` for a subject of another kind.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                text.parse().ok().and_then(|subject| Self::of(&subject))
            }

            /// The subject's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

ids! {
    /// A model as a whole: `model:credit/pd`.
    ModelId: Model, |subject| subject.version.is_none();
    /// One version of a model: `model:credit/pd@3.1`.
    VersionId: Model, |subject| subject.version.is_some();
    /// A place where versions serve: `endpoint:credit/scoring`.
    EndpointId: Endpoint, |_| true;
    /// A use that models are put to: `usecase:credit/lending`.
    UseCaseId: Usecase, |_| true;
    /// Data that versions are made from, or one edition of it: `dataset:credit/loans@2024`.
    DatasetId: Dataset, |_| true;
}

impl VersionId {
    /// The model that it is a version of.
    #[must_use]
    pub fn model(&self) -> ModelId {
        ModelId(model_of(&self.0).into())
    }
}

/// The model that a version's text names: `model:credit/pd@3.1` → `model:credit/pd`. A model's own text stays.
#[must_use]
pub fn model_of(subject: &str) -> &str {
    subject.split_once('@').map_or(subject, |(model, _)| model)
}
