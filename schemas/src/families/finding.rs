//! Findings: what somebody found wrong, and how it was settled.

use crate::{
    Identity, Text, Timestamp, Title,
    shared::{ANY, Severity},
    story::{self, day},
};

choice! {
    /// Where a finding comes from.
    pub enum FindingSource {
        /// Independent validation.
        Validator,
        /// Audit.
        Audit,
        /// A supervisor.
        Supervisor,
        /// A monitor, or a rule that watches deadlines.
        Monitor,
    }
}

family! {
    /// What an event of the family `finding` says.
    pub enum FindingEvent("finding");

    /// Something is wrong and has to be put right.
    fact "raised" v 1 on ANY;
    pub struct Raised {
        /// What, in a line.
        title: Title,
        /// How bad it is.
        severity: Severity,
        /// Where it comes from.
        source: FindingSource,
        /// What its source calls it.
        reference: Option<Text>,
        /// Who has to put it right.
        owner: Option<Identity>,
        /// By when.
        due: Option<Timestamp>,
    }
    sample {
        "occurred": day(205),
        "subject": story::scorecard(),
        "about": [story::endpoint()],
        "data": {
            "title": "Nobody checks the units of inputs when the application form changes.",
            "severity": "high",
            "source": "audit",
            "reference": "IA-2025-31/4",
            "owner": story::OWNER,
            "due": day(265),
        },
    }

    /// Its owner says what is being done.
    fact "responded" v 1 on ANY;
    pub struct Responded {
        /// The answer.
        response: Text,
        /// Whether the owner agrees with the finding; absent where the answer leaves it open.
        agreed: Option<bool>,
        /// What will be done.
        actions: Vec<Text>,
        /// By when.
        due: Option<Timestamp>,
    }
    sample {
        "occurred": day(212),
        "subject": story::scorecard(),
        "regarding": story::id("finding.raised"),
        "data": {
            "response": "The form and the model are changed by different teams that don't hear of each other.",
            "agreed": true,
            "actions": ["Inputs carry their units.", "A change of the form needs the model owner's consent."],
            "due": day(260),
        },
    }

    /// It has been put right, says somebody who doesn't own it.
    act "closed" v 1 on ANY;
    pub struct Closed {
        /// How one knows.
        rationale: Text,
    }
    sample {
        "occurred": day(288),
        "subject": story::scorecard(),
        "regarding": story::id("finding.raised"),
        "data": { "rationale": "A form without units was refused in the test of 20 October." },
    }

    /// There is more time, says somebody who doesn't own it.
    act "extended" v 1 on ANY;
    pub struct Extended {
        /// Until when.
        due: Timestamp,
        /// Why.
        reason: Text,
    }
    sample {
        "occurred": day(258),
        "subject": story::scorecard(),
        "regarding": story::id("finding.raised"),
        "data": { "due": day(295), "reason": "The new form goes live in October only." },
    }
}
