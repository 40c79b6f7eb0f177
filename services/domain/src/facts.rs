//! What the evaluator asks of whoever holds the record: admission from memory, a view from its tables.

use std::borrow::Cow;

use probity_schemas::{Digest, Kid};

use crate::approvals::Request;
use crate::exceptions::Exception;
use crate::gates::Gates;
use crate::ids::{DatasetId, ModelId, VersionId};
use crate::plans::Plan;
use crate::signed::{At, Signed};
use crate::subjects::{Dataset, Model, Version, Withdrawal};

/// A request for approval, where it stands, and where it was rejected.
#[derive(Debug, Clone)]
pub struct Requested<'a> {
    /// Where it was made.
    pub at: At,
    /// The request and its signatures.
    pub request: Cow<'a, Request>,
    /// Where it was rejected.
    pub rejected: Option<Signed>,
}

/// An exception or emergency, where it stands, and where it was revoked.
#[derive(Debug, Clone)]
pub struct Excepted<'a> {
    /// The exception.
    pub exception: Cow<'a, Exception>,
    /// Where it was revoked.
    pub revoked: Option<Signed>,
}

/// A change plan, where it stands, and where it was revoked.
#[derive(Debug, Clone)]
pub struct Planned<'a> {
    /// The index of the statement that proposed it.
    pub index: u64,
    /// The plan.
    pub plan: Cow<'a, Plan>,
    /// Where it was revoked.
    pub revoked: Option<Signed>,
}

/// Everything that a verdict about approvals rests on.
///
/// The answers are what was recorded up to one position of the log.
pub trait Facts {
    /// Why a fact could not be read.
    type Error;

    /// Every gate policy that came into force.
    fn gates(&self) -> Result<Cow<'_, Gates>, Self::Error>;

    /// What is known of a version.
    fn version(&self, version: &VersionId) -> Result<Option<Cow<'_, Version>>, Self::Error>;

    /// What is known of a model.
    fn model(&self, model: &ModelId) -> Result<Option<Cow<'_, Model>>, Self::Error>;

    /// What is known of a dataset.
    fn dataset(&self, dataset: &DatasetId) -> Result<Option<Cow<'_, Dataset>>, Self::Error>;

    /// Where data with this digest was withdrawn, in the order of the log.
    fn data_withdrawn(&self, digest: &Digest) -> Result<Cow<'_, [Withdrawal]>, Self::Error>;

    /// Where the document with this digest was withdrawn, in the order of the log.
    fn document_withdrawn(&self, digest: &Digest) -> Result<Cow<'_, [Withdrawal]>, Self::Error>;

    /// The requests for approval of a version, oldest first.
    fn requests(&self, version: &VersionId) -> Result<Vec<Requested<'_>>, Self::Error>;

    /// The change plans of a model, oldest first.
    fn plans(&self, model: &ModelId) -> Result<Vec<Planned<'_>>, Self::Error>;

    /// The exceptions and emergencies about a subject, given as its text, oldest first.
    fn exceptions(&self, subject: &str) -> Result<Vec<Excepted<'_>>, Self::Error>;

    /// The key that signed something, if it turned out to have been in other hands by then, or to
    /// have been let in by such a key; and where that took effect.
    fn compromised(&self, signed: &Signed) -> Result<Option<(Kid, At)>, Self::Error>;

    /// Whether an act counts.
    fn counts(&self, signed: &Signed) -> Result<bool, Self::Error> {
        Ok(self.compromised(signed)?.is_none())
    }
}
