//! What other systems knew.

use crate::{
    Digest,
    SubjectKind::Ledger,
    Timestamp, Title,
    story::{self, day, digest},
};

record! {
    /// What became of the rows of a file. Every row is counted once.
    pub struct RowCounts {
        /// Seen for the first time and recorded.
        taken: u64,
        /// Recorded before, and the same.
        unchanged: u64,
        /// Recorded before, different now; the differences are recorded.
        changed: u64,
        /// Recorded before and no longer in the file.
        vanished: u64,
        /// Not recorded, or not whole; named in the report.
        refused: u64,
        /// Left aside by a condition of the mapping.
        skipped: Option<u64>,
        /// The same as an earlier row in every cell, and taken for one with it.
        repeated: Option<u64>,
    }
}

choice! {
    /// How much of a system an import covers.
    pub enum Coverage {
        /// All of it: what isn't there doesn't exist.
        Full,
        /// A part of it.
        Partial,
    }
}

family! {
    /// What an event of the family `import` says.
    pub enum ImportEvent("import");

    /// A file from another system went into the record.
    fact "completed" v 1 on &[Ledger];
    pub struct Completed {
        /// The system it came from.
        source_system: Title,
        /// How much of that system it covers.
        coverage: Coverage,
        /// The digest of the file as it was read.
        file_digest: Digest,
        /// What became of its rows.
        rows: RowCounts,
        /// The digest of the mapping by which it was read.
        mapping_digest: Option<Digest>,
        /// The digest of the report that names what was refused.
        report_digest: Option<Digest>,
        /// The state of the system that the file shows.
        as_of: Option<Timestamp>,
    }
    sample {
        "occurred": day(3),
        "subject": story::ledger(),
        "data": {
            "source_system": "model-inventory-2024",
            "coverage": "full",
            "file_digest": digest("inventory-2024.csv"),
            "rows": { "taken": 184, "unchanged": 0, "changed": 0, "vanished": 0, "refused": 3 },
            "mapping_digest": digest("inventory.toml"),
            "report_digest": digest("inventory-2024.report.csv"),
            "as_of": day(0),
        },
    }
}
