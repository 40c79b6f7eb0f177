//! Corrections of one's own facts. The original stays where it is.

use crate::{
    Subject, Text,
    shared::ANY,
    story::{self, day},
};

choice! {
    /// What a correction does to the fact it is about.
    pub enum CorrectionKind {
        /// One field was wrong.
        Amends,
        /// It never happened.
        Voids,
        /// It happened to something else.
        ReSubjects,
    }
}

family! {
    /// What an event of the family `correction` says.
    pub enum CorrectionEvent("correction");

    /// The fact named by `regarding` was wrong, says who recorded it. An act is never corrected, it is revoked.
    fact "recorded" v 1 on ANY;
    pub struct Recorded {
        /// What is done to it.
        kind: CorrectionKind,
        /// Why.
        reason: Text,
        /// The field that was wrong, such as `data.duration_s`.
        field: Option<Text>,
        /// What it said.
        old: Option<Text>,
        /// What it should have said.
        new: Option<Text>,
        /// What it should have been about.
        new_subject: Option<Subject>,
    }
    sample {
        "occurred": day(44),
        "subject": story::scorecard(),
        "regarding": story::id("training.completed"),
        "data": {
            "kind": "amends",
            "reason": "The bill of the cloud came with another price.",
            "field": "data.cost.amount",
            "old": "38.4",
            "new": "41.9",
        },
    }
}
