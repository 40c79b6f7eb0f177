//! Reconciliation: the record held against another system. The only answer to what was never recorded.

use crate::{
    Digest, Text, Timestamp, Title,
    shared::ANY,
    story::{self, day, digest},
};

family! {
    /// What an event of the family `reconciliation` says.
    pub enum ReconciliationEvent("reconciliation");

    /// Everything a system knows was looked for in the record.
    fact "completed" v 1 on ANY;
    pub struct Completed {
        /// The system.
        system: Title,
        /// How many things it knows.
        population: u64,
        /// How many of them are in the record.
        matched: u64,
        /// How many aren't.
        unmatched: u64,
        /// The digest of the listing that names each.
        listing_digest: Digest,
        /// Which part of the system was looked at; absent for all of it.
        scope: Option<Text>,
        /// The state of the system that was looked at.
        as_of: Option<Timestamp>,
    }
    sample {
        "occurred": day(139),
        "subject": story::ledger(),
        "data": {
            "system": "kubernetes-prod-eu",
            "population": 61,
            "matched": 60,
            "unmatched": 1,
            "listing_digest": digest("kubernetes-prod-eu listing"),
            "scope": "services labelled as models",
            "as_of": day(139),
        },
    }
}
