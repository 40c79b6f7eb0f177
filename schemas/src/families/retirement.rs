//! The end of a model.

use crate::{
    Digest, Subject,
    SubjectKind::Model,
    Text, Timestamp,
    story::{self, day, digest},
};

choice! {
    /// What became of a model's data.
    pub enum DataDisposition {
        /// It is kept as it was.
        Retained,
        /// It is kept apart, for the law's sake.
        Archived,
        /// It was handed to someone.
        Transferred,
        /// It is gone.
        Destroyed,
    }
}

family! {
    /// What an event of the family `retirement` says.
    pub enum RetirementEvent("retirement");

    /// Someone thinks it should end.
    fact "proposed" v 1 on &[Model];
    pub struct Proposed {
        /// Why.
        reason: Text,
        /// What takes its place.
        successor: Option<Subject>,
        /// When it should end.
        planned_for: Option<Timestamp>,
    }
    sample {
        "occurred": day(680),
        "subject": story::scorecard(),
        "data": { "reason": "The product was sold.", "planned_for": day(705) },
    },
    "again" {
        "occurred": day(697),
        "subject": story::scorecard(),
        "data": { "reason": "The buyer has taken over.", "planned_for": day(705) },
    }

    /// It is to end.
    act "approved" v 1 on &[Model];
    pub struct Approved {
        /// Why.
        rationale: Text,
        /// When it has to have ended.
        effective: Option<Timestamp>,
    }
    sample {
        "occurred": day(685),
        "subject": story::scorecard(),
        "regarding": story::id("retirement.proposed"),
        "data": { "rationale": "Nobody depends on it after the sale.", "effective": day(710) },
    },
    "again" {
        "occurred": day(700),
        "subject": story::scorecard(),
        "regarding": story::id_of("retirement.proposed", "again"),
        "data": { "rationale": "The buyer has taken over.", "effective": day(710) },
    }

    /// It is not to end after all.
    act "reversed" v 1 on &[Model];
    pub struct Reversed {
        /// Why.
        reason: Text,
    }
    sample {
        "occurred": day(690),
        "subject": story::scorecard(),
        "regarding": story::id("retirement.approved"),
        "data": { "reason": "The buyer takes over in autumn only." },
    }

    /// It ended.
    fact "completed" v 1 on &[Model];
    pub struct Completed {
        /// Why.
        reason: Option<Text>,
        /// What took its place.
        successor: Option<Subject>,
        /// What became of its data.
        data_disposition: Option<DataDisposition>,
        /// When it last gave an answer.
        last_served_at: Option<Timestamp>,
        /// Until when its documents are kept.
        retention_until: Option<Timestamp>,
    }
    sample {
        "occurred": day(706),
        "subject": story::scorecard(),
        "regarding": story::id_of("retirement.approved", "again"),
        "data": {
            "reason": "The product was sold.",
            "data_disposition": "archived",
            "last_served_at": day(705),
            "retention_until": day(4356),
        },
    }

    /// An artefact was put where nothing serves from.
    fact "artifact_archived" v 1 on &[Model];
    pub struct ArtifactArchived {
        /// Which.
        digest: Digest,
        /// Where.
        location: Option<Text>,
        /// Until when.
        retention_until: Option<Timestamp>,
    }
    sample {
        "occurred": day(710),
        "subject": story::scorecard_version(),
        "data": {
            "digest": digest("pd-scorecard 3.1.0"),
            "location": "s3://model-archive/pd-scorecard/3.1.0",
            "retention_until": day(4356),
        },
    }

    /// An artefact is gone.
    fact "artifact_destroyed" v 1 on &[Model];
    pub struct ArtifactDestroyed {
        /// Which.
        digest: Digest,
        /// How.
        method: Option<Text>,
        /// Why.
        reason: Option<Text>,
    }
    sample {
        "occurred": day(4357),
        "subject": story::scorecard_version(),
        "data": { "digest": digest("pd-scorecard 3.1.0"), "method": "all copies deleted", "reason": "The time to keep it is over." },
    }
}
