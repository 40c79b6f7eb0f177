//! Predetermined change plans: which versions they cover, recomputed from what was recorded.

use probity_schemas::plan::{MetricBound, Proposed};
use probity_schemas::shared::Comparison;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Key, Life, Signed, Validation, model_of};
use crate::authority::Authority;

/// `plan.proposed`, and what became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) proposed: Proposed,
    pub(crate) approved: Option<Signed>,
    /// The versions that were let through by it.
    pub(crate) covered: Vec<Key>,
}

/// The name of a metric on a slice, short enough to keep for every version.
pub(crate) fn metric_key(name: &str, slice: Option<&str>) -> [u8; 16] {
    let hash = Sha256::new().chain_update(name).chain_update([0]).chain_update(slice.unwrap_or_default()).finalize();
    let mut key = [0; 16];
    key.copy_from_slice(&hash[..16]);
    key
}

impl Life {
    /// The live plan that covers a version: made by the plan's pipeline after the plan was approved, and validated
    /// within its bounds. The plan's event and whether the version counts anew.
    pub(crate) fn covering_plan(
        &self,
        subject: &str,
        time_ms: u64,
        authority: &Authority,
        anchor_approved: impl Fn(&str) -> bool,
    ) -> Option<probity_schemas::EventId> {
        let version = self.version(subject)?;
        let model = self.models.get(model_of(subject))?;
        model.plans.iter().copied().find(|id| {
            let Some(matter) =
                self.matters.get(id).filter(|matter| matter.closed.is_none_or(|by| !authority.counts(&by)))
            else {
                return false;
            };
            let super::Case::Plan(plan) = &matter.case else { return false };
            let Some(approved) = plan.approved.filter(|approved| authority.counts(approved)) else { return false };
            let Proposed { pipeline_digest, anchor, bounds, max_versions, expires_at, .. } = &plan.proposed;
            let again = plan.covered.iter().any(|covered| **covered == *subject);
            let anchor = anchor.to_string();
            let counted = again || plan.covered.len() < *max_versions as usize;
            let made_under_it =
                version.pipelines.contains(pipeline_digest) && version.registered > Some(approved.index);
            counted
                && made_under_it
                && time_ms < expires_at.as_ms()
                && self.data_withdrawn(version, approved.index).is_none()
                && anchor_approved(&anchor)
                && version.newest_validation().is_some_and(|validation| {
                    let reference = self.versions.get(anchor.as_str()).and_then(|anchor| anchor.newest_validation());
                    validation.passed && bounds.iter().all(|bound| within(bound, validation, reference))
                })
        })
    }
}

/// Whether a validation keeps a bound: measured, on the good side, and not too far from the anchor's value.
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
