//! Exports: what was handed to others, and that they have it.

use crate::{
    Digest, NamespacePattern, Subject, Text, Title, TypePattern,
    shared::ANY,
    story::{self, day, digest},
};

record! {
    /// A stretch of the log.
    pub struct IndexRange {
        /// The index of its first statement.
        first: u64,
        /// The index after its last statement.
        end: u64,
    }
}

record! {
    /// Which statements of a stretch are in an export. What is left empty doesn't restrict.
    pub struct Selection {
        /// Those about subjects of these namespaces.
        namespaces: Vec<NamespacePattern>,
        /// Those of these types.
        types: Vec<TypePattern>,
        /// Those about these subjects.
        subjects: Vec<Subject>,
    }
}

family! {
    /// What an event of the family `export` says.
    pub enum ExportEvent("export");

    /// Statements were put together for somebody.
    fact "produced" v 1 on ANY;
    pub struct Produced {
        /// The stretch of the log they are from.
        range: IndexRange,
        /// The root at the end of the stretch.
        root: Digest,
        /// For whom: a body, never a person's name.
        recipient: Title,
        /// Which statements of the stretch; absent for all.
        selection: Option<Selection>,
        /// The digest of what was handed over.
        bundle_digest: Option<Digest>,
        /// Why.
        purpose: Option<Text>,
    }
    sample {
        "occurred": day(145),
        "subject": story::scorecard(),
        "causes": [story::id("incident.authority_responded")],
        "data": {
            "range": { "first": 0, "end": 6480 },
            "root": digest("root at 6480"),
            "recipient": "Bundesnetzagentur",
            "selection": { "subjects": [story::scorecard(), story::endpoint()] },
            "bundle_digest": digest("bundle for the authority"),
            "purpose": "Answer to KI-2025-0417",
        },
    }

    /// They have it.
    fact "received" v 1 on ANY;
    pub struct Received {
        /// The digest of what they received.
        bundle_digest: Digest,
        /// Whether it verified for them; absent where they didn't say.
        verified: Option<bool>,
        /// What they call it.
        reference: Option<Text>,
    }
    sample {
        "occurred": day(147),
        "subject": story::scorecard(),
        "regarding": story::id("export.produced"),
        "data": {
            "bundle_digest": digest("bundle for the authority"),
            "verified": true,
            "reference": "KI-2025-0417, item 9",
        },
    }
}
