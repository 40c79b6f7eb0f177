//! Reviews: looking again at what was once found good.

use crate::{
    Identity, Text, Timestamp,
    shared::{ANY, Outcome},
    story::{self, day},
};

family! {
    /// What an event of the family `review` says.
    pub enum ReviewEvent("review");

    /// It has to be looked at again.
    fact "scheduled" v 1 on ANY;
    pub struct Scheduled {
        /// By when.
        due: Timestamp,
        /// What has to be looked at.
        scope: Option<Text>,
        /// Who has to.
        reviewer: Option<Identity>,
    }
    sample {
        "occurred": day(65),
        "subject": story::scorecard(),
        "causes": [story::id("approval.granted")],
        "data": { "due": day(245), "scope": "Half-yearly review of a tier 1 model", "reviewer": story::VALIDATOR },
    }

    /// It was looked at again.
    fact "completed" v 1 on ANY;
    pub struct Completed {
        /// How it ended.
        outcome: Outcome,
        /// What was found, in words.
        summary: Option<Text>,
        /// When it has to be looked at the next time.
        next_due: Option<Timestamp>,
    }
    sample {
        "occurred": day(241),
        "subject": story::scorecard(),
        "regarding": story::id("review.scheduled"),
        "data": {
            "outcome": "passed-with-conditions",
            "summary": "Still right for its purpose; the finding about units has to be closed first.",
            "next_due": day(425),
        },
    }
}
