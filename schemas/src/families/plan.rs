//! Plans for changes that are approved before they are made, such as training again every week.
//!
//! A version whose recorded validation lies within the bounds of a live plan is covered by it; outside, a person
//! decides.

use crate::{
    Digest, NonEmpty, Number, Subject,
    SubjectKind::Model,
    Text, Timestamp, Title,
    shared::Threshold,
    story::{self, day, digest},
};

choice! {
    /// What a plan lets change.
    pub enum PermittedChange {
        /// The data it is trained on.
        Data,
        /// What it learnt.
        Weights,
        /// How it learns.
        Hyperparameters,
        /// What it looks at.
        Features,
        /// From which score on it says yes.
        Threshold,
    }
}

record! {
    /// What a measure of a version made by the plan must keep to.
    pub struct MetricBound {
        /// The measure, as validations name it.
        name: Title,
        /// The bound.
        threshold: Threshold,
        /// The part of the population it is measured on; absent for all of it.
        slice: Option<Text>,
        /// How far it may be from the anchor's figure, in either direction.
        max_drift: Option<Number>,
    }
}

family! {
    /// What an event of the family `plan` says.
    pub enum PlanEvent("plan");

    /// Someone asks that changes within these bounds need no approval of their own.
    fact "proposed" v 1 on &[Model];
    pub struct Proposed {
        /// The digest of the pipeline that makes the versions.
        pipeline_digest: Digest,
        /// The version from whose figures drift is measured.
        anchor: Subject,
        /// What may change.
        permitted_changes: NonEmpty<PermittedChange>,
        /// What every version has to keep to.
        bounds: NonEmpty<MetricBound>,
        /// How many versions it covers at most.
        max_versions: u32,
        /// When it ends.
        expires_at: Timestamp,
    }
    sample {
        "occurred": day(124),
        "subject": story::fraud(),
        "about": [story::challenger()],
        "title": "Training again every Monday",
        "data": {
            "pipeline_digest": digest("card-fraud pipeline"),
            "anchor": story::challenger(),
            "permitted_changes": ["data", "weights"],
            "bounds": [
                { "name": "recall", "threshold": { "comparison": "at-least", "value": 0.78 }, "max_drift": 0.04 },
                {
                    "name": "false positive rate",
                    "threshold": { "comparison": "at-most", "value": 0.012 },
                    "slice": "payments abroad",
                },
            ],
            "max_versions": 26,
            "expires_at": day(310),
        },
    }

    /// The plan holds: versions within it need no approval of their own.
    act "approved" v 1 on &[Model];
    pub struct Approved {
        /// What the signature means, in words the signer saw.
        meaning: Text,
    }
    sample {
        "occurred": day(127),
        "subject": story::fraud(),
        "regarding": story::id("plan.proposed"),
        "data": { "meaning": "I have read the bounds and let versions within them serve without asking me each time." },
    }

    /// The plan no longer holds.
    act "revoked" v 1 on &[Model];
    pub struct Revoked {
        /// Why.
        reason: Text,
    }
    sample {
        "occurred": day(275),
        "subject": story::fraud(),
        "regarding": story::id("plan.approved"),
        "data": { "reason": "The schemes change their message format; every version is looked at until it has settled." },
    }
}
