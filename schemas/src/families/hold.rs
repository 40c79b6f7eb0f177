//! Holds: what must not be erased, because a court or the law says so.

use crate::{
    NamespacePattern, Subject, Text,
    shared::ANY,
    story::{self, day},
};

family! {
    /// What an event of the family `hold` says.
    pub enum HoldEvent("hold");

    /// Nothing of this may be erased.
    act "set" v 1 on ANY;
    pub struct Set {
        /// What, in words.
        scope: Text,
        /// Why it may be kept.
        legal_basis: Text,
        /// The subjects it covers besides the event's own.
        covers: Vec<Subject>,
        /// The namespaces it covers whole.
        namespaces: Vec<NamespacePattern>,
    }
    sample {
        "occurred": day(136),
        "subject": story::scorecard(),
        "causes": [story::id("incident.declared")],
        "data": {
            "scope": "Everything about the refusals of 15 and 16 May 2025.",
            "legal_basis": "GDPR Art. 17 (3) (e): defence of legal claims",
            "covers": [story::endpoint(), story::applications()],
        },
    }

    /// It may be erased again.
    act "lifted" v 1 on ANY;
    pub struct Lifted {
        /// Why.
        reason: Text,
    }
    sample {
        "occurred": day(500),
        "subject": story::scorecard(),
        "regarding": story::id("hold.set"),
        "data": { "reason": "The last claim was settled." },
    }
}
