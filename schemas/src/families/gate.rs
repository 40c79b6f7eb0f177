//! What gates answered when they were asked.

use crate::{
    EventId, Subject, Text,
    shared::ANY,
    story::{self, day},
};

choice! {
    /// What a gate answered.
    pub enum GateDecision {
        /// Yes.
        Allow,
        /// No.
        Deny,
    }
}

family! {
    /// What an event of the family `gate` says.
    pub enum GateEvent("gate");

    /// A gate was asked and answered.
    fact "decided" v 1 on ANY;
    pub struct Decided {
        /// The answer.
        decision: GateDecision,
        /// The position of the log it was given at: how many statements there were.
        as_of: u64,
        /// The event that asked.
        request: Option<EventId>,
        /// Whether it would have said no if it weren't only watching.
        would_deny: Option<bool>,
        /// The policy it went by.
        policy: Option<Subject>,
        /// Why.
        reasons: Vec<Text>,
    }
    sample {
        "occurred": day(164),
        "subject": story::assistant_endpoint(),
        "about": [story::assistant_version()],
        "data": {
            "decision": "deny",
            "as_of": 7215,
            "policy": story::production_gate(),
            "reasons": ["The approval went stale: a change of the vendor's model was observed after it."],
        },
    }
}
