//! What depends on what: what a model works with, and what works with it.

use crate::{
    Digest, Subject,
    SubjectKind::Model,
    Text,
    story::{self, day, digest},
};

choice! {
    /// On which side of the model the other end stands.
    pub enum Direction {
        /// The model needs it.
        Upstream,
        /// It needs the model.
        Consumer,
    }
}

choice! {
    /// What the other end of a dependency is.
    pub enum DependencyKind {
        /// Another model.
        Model,
        /// A dataset.
        Dataset,
        /// A view of features.
        FeatureView,
        /// A service.
        Service,
        /// An application.
        Application,
        /// A report.
        Report,
    }
}

family! {
    /// What an event of the family `dependency` says.
    pub enum DependencyEvent("dependency");

    /// The model needs something, or something needs the model.
    fact "declared" v 1 on &[Model];
    pub struct Declared {
        /// On which side of the model the other end stands.
        direction: Direction,
        /// What the other end is.
        kind: DependencyKind,
        /// Its name, where it is in the record.
        other: Option<Subject>,
        /// What it is called, where it isn't.
        reference: Option<Text>,
        /// The digest of the interface the two agreed on.
        interface_digest: Option<Digest>,
        /// What it is needed for.
        description: Option<Text>,
    }
    sample {
        "occurred": day(63),
        "subject": story::scorecard(),
        "data": {
            "direction": "consumer",
            "kind": "report",
            "reference": "Expected credit loss, monthly (IFRS 9)",
            "interface_digest": digest("score interface 2"),
            "description": "The report takes the probabilities as they were when the loan was given.",
        },
    },
    "fraud" {
        "occurred": day(70),
        "subject": story::challenger(),
        "data": {
            "direction": "upstream",
            "kind": "feature-view",
            "other": story::subject("dataset", "payments", "card-velocity"),
            "interface_digest": digest("card-velocity interface"),
        },
    }

    /// It no longer does.
    fact "ended" v 1 on &[Model];
    pub struct Ended {
        /// Why.
        reason: Option<Text>,
    }
    sample {
        "occurred": day(698),
        "subject": story::scorecard(),
        "regarding": story::id("dependency.declared"),
        "data": { "reason": "The sold loans are no longer in the report." },
    }
}
