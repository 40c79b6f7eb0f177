//! Concerns: worries that anyone enrolled may voice, and what was said to them.

use crate::{
    Text,
    shared::ANY,
    story::{self, day},
};

family! {
    /// What an event of the family `concern` says.
    pub enum ConcernEvent("concern");

    /// Somebody is worried.
    fact "raised" v 1 on ANY;
    pub struct Raised {
        /// What about.
        concern: Text,
        /// What they would wish for.
        wish: Option<Text>,
    }
    sample {
        "occurred": day(118),
        "subject": story::assistant_endpoint(),
        "data": {
            "concern": "New colleagues copy the assistant's proposal without reading the wording it cites.",
            "wish": "The proposal should show only after the wording was opened.",
        },
    }

    /// Somebody answered.
    fact "answered" v 1 on ANY;
    pub struct Answered {
        /// What.
        answer: Text,
        /// Whether there was something to it; absent where nobody can tell yet.
        upheld: Option<bool>,
        /// What is done about it.
        actions: Vec<Text>,
    }
    sample {
        "occurred": day(125),
        "subject": story::assistant_endpoint(),
        "regarding": story::id("concern.raised"),
        "data": {
            "answer": "The logs bear it out: a third of the proposals are taken within five seconds.",
            "upheld": true,
            "actions": ["The wording opens by itself and the button waits for it."],
        },
    }
}
