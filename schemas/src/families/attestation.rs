//! Attestations: one signature that something holds for many subjects.

use crate::{
    NonEmpty, Subject, Text,
    shared::{ANY, Window},
    story::{self, day},
};

record! {
    /// A subject in the state that was looked at.
    pub struct Attested {
        /// The subject.
        subject: Subject,
        /// How many statements about it there were.
        revision: u64,
    }
}

family! {
    /// What an event of the family `attestation` says.
    pub enum AttestationEvent("attestation");

    /// Someone says that something holds for these subjects.
    act "given" v 1 on ANY;
    pub struct Given {
        /// The subjects, each in the state that was looked at.
        subjects: NonEmpty<Attested>,
        /// What is attested, in words the signer saw.
        statement: Text,
        /// What it doesn't hold for.
        exceptions: Vec<Text>,
        /// The time it is about.
        period: Option<Window>,
    }
    sample {
        "occurred": day(359),
        "subject": story::ledger(),
        "about": [story::scorecard(), story::assistant(), story::fraud()],
        "title": "Inventory of 2025",
        "data": {
            "subjects": [
                { "subject": story::scorecard(), "revision": 74 },
                { "subject": story::assistant(), "revision": 41 },
                { "subject": story::fraud(), "revision": 112 },
            ],
            "statement": "The inventory entries of these models are complete and correct.",
            "exceptions": ["The population of the claims assistant is being counted again."],
            "period": { "from": day(0), "until": day(359) },
        },
    }
}
