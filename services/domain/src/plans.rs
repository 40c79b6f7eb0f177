//! Predetermined change plans: which versions they cover, recomputed from what was recorded.

use std::collections::HashSet;

use probity_schemas::Digest;
use probity_schemas::plan::{MetricBound, Proposed};
use probity_schemas::shared::Comparison;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::approvals::Signatories;
use crate::gathering::MOST;
use crate::ids::VersionId;
use crate::signed::{Signed, add};
use crate::subjects::{Validation, Version};
use crate::verdict::{Bytes, Purpose};

/// `plan.proposed`, its approval, and the versions that passed a gate by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What it permits.
    #[serde(with = "crate::named")]
    pub proposed: Proposed,
    /// Its approval.
    pub approved: Option<Approval>,
    /// What passed a gate by it.
    pub covered: Vec<Covered>,
}

/// `plan.approved`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Who signed it.
    pub signed: Signed,
    /// Whose signature it is.
    pub signatories: Signatories,
}

/// A version that passed a gate by a plan, and which of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// The version.
    pub version: VersionId,
    /// Its bytes; `None` where the version has none that are known.
    pub digest: Option<Digest>,
}

impl Plan {
    /// Notes that a version was let through by it.
    pub fn cover(&mut self, version: VersionId, digest: Option<Digest>) {
        add(&mut self.covered, Covered { version, digest });
    }

    /// Whether what serves was let through by it.
    #[must_use]
    pub fn has_covered(&self, purpose: &Purpose) -> bool {
        self.covered.iter().any(|covered| {
            let same = match purpose.bytes {
                Bytes::Digest(digest) => covered.digest == Some(digest),
                Bytes::Unstated => true,
            };
            covered.version == purpose.version && same
        })
    }

    /// Whether a version keeps to the plan: made by its pipeline, registered after its approval,
    /// within its count, and these bytes of it measured within its bounds, by somebody who had no hand
    /// in it. `anchor` is the newest validation of the version that drift is measured from.
    #[must_use]
    pub fn permits(
        &self,
        id: &VersionId,
        version: &Version,
        bytes: Option<&Digest>,
        anchor: Option<&Validation>,
    ) -> bool {
        let Some(approved) = self.approved.as_ref().map(|approval| approval.signed) else { return false };
        let versions: HashSet<&VersionId> = self.covered.iter().map(|covered| &covered.version).collect();
        let counted = versions.contains(id) || versions.len() < self.proposed.max_versions as usize;
        // Which bytes of them went through is remembered of so many.
        let counted = counted && self.covered.len() < MOST;
        let later = version.registered().is_some_and(|registered| registered.index > approved.index);
        let made_under_it = later && version.pipelines.contains(&self.proposed.pipeline_digest);
        let within = |validation: &Validation| {
            validation.passed && self.proposed.bounds.iter().all(|bound| within(bound, validation, anchor))
        };
        counted && made_under_it && version.newest_validation(bytes).is_some_and(within)
    }
}

/// The name of a metric on a slice, short enough to keep for every version.
#[must_use]
pub fn metric_key(name: &str, slice: Option<&str>) -> [u8; 16] {
    let hash = Sha256::new().chain_update(name).chain_update([0]).chain_update(slice.unwrap_or_default()).finalize();
    let mut key = [0; 16];
    key.copy_from_slice(&hash[..16]);
    key
}

/// Whether a validation keeps a bound: measured, on the good side, and not too far from the anchor's
/// value.
fn within(bound: &MetricBound, validation: &Validation, anchor: Option<&Validation>) -> bool {
    let key = metric_key(&bound.name, bound.slice.as_deref());
    let value = |of: &Validation| of.metrics.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
    let Some(found) = value(validation) else { return false };
    let limit = bound.threshold.value.get();
    let good = match bound.threshold.comparison {
        Comparison::AtLeast => found >= limit,
        Comparison::AtMost => found <= limit,
    };
    let drift = bound
        .max_drift
        .is_none_or(|most| anchor.and_then(value).is_some_and(|reference| (found - reference).abs() <= most.get()));
    good && drift
}
