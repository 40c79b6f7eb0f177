//! Suppliers: how far one depends on them, and what they change.

use crate::{
    Subject,
    SubjectKind::{Model, Supplier},
    Text, Timestamp,
    shared::Outcome,
    story::{self, day},
};

choice! {
    /// How far one depends on a supplier.
    pub enum VendorDependency {
        /// Somebody else could do it tomorrow.
        Replaceable,
        /// Replacing them takes weeks and hurts.
        Important,
        /// Without them an important service stops.
        Critical,
    }
}

family! {
    /// What an event of the family `vendor` says.
    pub enum VendorEvent("vendor");

    /// Someone looked at a supplier, or at what they supply.
    fact "assessed" v 1 on &[Supplier, Model];
    pub struct Assessed {
        /// How it ended.
        outcome: Outcome,
        /// How far one depends on them.
        dependency: Option<VendorDependency>,
        /// When the contract ends.
        contract_ends_at: Option<Timestamp>,
        /// What is done without them, in words.
        fallback: Option<Text>,
        /// The model that takes over then.
        fallback_model: Option<Subject>,
        /// What was found, in words.
        summary: Option<Text>,
    }
    sample {
        "occurred": day(33),
        "subject": story::supplier(),
        "about": [story::assistant()],
        "data": {
            "outcome": "passed-with-conditions",
            "dependency": "important",
            "contract_ends_at": day(760),
            "fallback": "Clerks look the wordings up themselves, as they did before.",
            "summary": "They promise not to train on our data. They don't promise to keep a snapshot.",
        },
    }

    /// The supplier says that something will change.
    fact "change_announced" v 1 on &[Supplier, Model];
    pub struct ChangeAnnounced {
        /// What.
        what: Text,
        /// When what there was ends.
        sunset_at: Option<Timestamp>,
        /// When the change comes.
        effective_at: Option<Timestamp>,
    }
    sample {
        "occurred": day(240),
        "subject": story::supplier(),
        "about": [story::assistant()],
        "data": {
            "what": "The snapshot 2025-06-10 is replaced by the next generation.",
            "sunset_at": day(420),
            "effective_at": day(330),
        },
    }

    /// Something changed, and the supplier said nothing.
    fact "change_observed" v 1 on &[Supplier, Model];
    pub struct ChangeObserved {
        /// How it was noticed.
        how: Text,
        /// What there was before.
        from: Option<Text>,
        /// What there is now.
        to: Option<Text>,
    }
    sample {
        "occurred": [day(162), day(163)],
        "subject": story::assistant_version(),
        "about": [story::supplier()],
        "data": {
            "how": "The answers to 40 of 200 probe questions changed overnight, and the interface reports another snapshot.",
            "from": "parlance-large 2025-02-15",
            "to": "parlance-large 2025-06-10",
        },
    }
}
