//! What is asked about a version, and what the answer is: the words of the evaluator.

use probity_schemas::deployment::Authorized;
use probity_schemas::shared::Environment;
use probity_schemas::{Digest, Namespace, Subject};

use crate::ids::VersionId;
use crate::lapse::Lapse;

/// Which bytes of a version serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bytes {
    /// Those with this digest.
    Digest(Digest),
    /// It was not said: then every artefact has to be covered.
    Unstated,
}

/// What a version serves for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// This use case.
    Case(Subject),
    /// It was not said: then an approval for named uses does not cover it.
    Unstated,
    /// Whatever the approval allows: a version is asked about by itself.
    Any,
}

/// What is to be done with a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// The version.
    pub version: VersionId,
    /// Its model's namespace, by which gates are chosen.
    pub namespace: Namespace,
    /// Which of its bytes serve.
    pub bytes: Bytes,
    /// What for.
    pub use_case: Use,
    /// Where; `None` for whichever environments the approval allows.
    pub environment: Option<Environment>,
    /// In which jurisdiction, as approvals name them; `None` for whichever the approval allows.
    pub jurisdiction: Option<String>,
}

impl Purpose {
    /// What a version is let through for; `None` where the authorisation names no version.
    #[must_use]
    pub fn of(authorized: &Authorized) -> Option<Self> {
        Some(Self {
            version: VersionId::of(&authorized.version)?,
            namespace: authorized.version.namespace.clone(),
            bytes: authorized.digest.map_or(Bytes::Unstated, Bytes::Digest),
            use_case: authorized.use_case.clone().map_or(Use::Unstated, Use::Case),
            environment: Some(authorized.environment),
            jurisdiction: None,
        })
    }
}

/// Whether a version is about to be let through a gate, or serves already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// It is about to be let through: a change plan must be live.
    ToEnter,
    /// It serves: a change plan that it passed by covers it until the plan is revoked.
    ToServe,
}

/// What lets a version through a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// An approval with all its signatures.
    Approval,
    /// An exception from the gate, or an emergency.
    Exception,
    /// A change plan: the index of the statement that proposed it.
    Plan(u64),
    /// An approval by another body, which the gate's policy honours.
    Elsewhere,
}

/// That a version may serve.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// By what.
    pub ground: Ground,
    /// The least share of traffic that any of its signatures is limited to, in percent.
    pub max_traffic_percent: Option<f64>,
    /// The indices of the statements that it rests on.
    pub rests_on: Vec<u64>,
}

/// That a version may not serve.
#[derive(Debug, Clone, PartialEq)]
pub struct Denial {
    /// Why not.
    pub lapse: Lapse,
    /// The indices of the statements that show it.
    pub rests_on: Vec<u64>,
}

impl Denial {
    /// A denial for a reason, about these statements.
    pub fn new(lapse: Lapse, about: impl IntoIterator<Item = u64>) -> Self {
        let mut rests_on: Vec<u64> = about.into_iter().chain(lapse.rests_on()).collect();
        rests_on.sort_unstable();
        rests_on.dedup();
        Self { lapse, rests_on }
    }
}

/// Whether a version may serve at a moment.
pub type Verdict = Result<Pass, Denial>;
