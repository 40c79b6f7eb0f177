//! What the view holds: each record beside the table it is kept in. Nothing is decided here.
//!
//! The bytes with which the tables' keys begin are given out once, in [`byte`].

pub(crate) mod approvals;
pub(crate) mod authority;
pub(crate) mod deficiencies;
pub(crate) mod dossiers;
pub(crate) mod endpoints;
pub(crate) mod items;
pub(crate) mod packs;
pub(crate) mod proposals;
pub(crate) mod subjects;
pub(crate) mod sums;

use probity_projection::{Batch, Key, Record, StoreError, Table, View};

/// The first byte of each table's keys.
pub(crate) mod byte {
    pub(crate) const MODELS: u8 = 1;
    pub(crate) const VERSIONS: u8 = 2;
    pub(crate) const ENDPOINTS: u8 = 3;
    pub(crate) const STEPS: u8 = 4;
    pub(crate) const REQUESTS: u8 = 5;
    pub(crate) const OPEN_REQUESTS: u8 = 6;
    pub(crate) const GATES: u8 = 7;
    pub(crate) const DOCUMENTS: u8 = 8;
    pub(crate) const SEEN: u8 = 9;
    pub(crate) const MADE_FROM: u8 = 10;
    pub(crate) const DATA_WITHDRAWN: u8 = 11;
    pub(crate) const DATASETS: u8 = 12;
    pub(crate) const COMPROMISED: u8 = 13;
    pub(crate) const PLANS: u8 = 14;
    pub(crate) const RUNS: u8 = 15;
    pub(crate) const PERSONS: u8 = 16;
    pub(crate) const OWNED: u8 = 17;
    pub(crate) const FINDINGS: u8 = 18;
    pub(crate) const REVIEWS: u8 = 19;
    pub(crate) const REVIEWS_OF: u8 = 20;
    pub(crate) const INCIDENTS: u8 = 21;
    pub(crate) const OPEN_INCIDENTS: u8 = 22;
    pub(crate) const EXCEPTIONS: u8 = 23;
    pub(crate) const EXCEPTIONS_OF: u8 = 24;
    pub(crate) const UNSIGNED: u8 = 25;
    pub(crate) const ISSUES: u8 = 26;
    pub(crate) const WAITING: u8 = 27;
    pub(crate) const PENDING: u8 = 28;
    pub(crate) const LAST_APPROVED: u8 = 30;
    pub(crate) const DEFICIENCIES: u8 = 31;
    pub(crate) const DEFICIENCIES_OF: u8 = 32;
    pub(crate) const CAUSES: u8 = 33;
    pub(crate) const ATTACHED: u8 = 35;
    pub(crate) const VALIDATIONS: u8 = 36;
    pub(crate) const DERIVED: u8 = 37;
    pub(crate) const SOURCES: u8 = 38;
    pub(crate) const OPEN_ABOUT: u8 = 39;
    pub(crate) const VERSION_PARTS: u8 = 40;
    pub(crate) const MODEL_PARTS: u8 = 41;
    pub(crate) const DATASET_PARTS: u8 = 42;
    pub(crate) const RUN_VERSIONS: u8 = 43;
    pub(crate) const PLACES: u8 = 44;
    pub(crate) const DEFICIENCIES_IN: u8 = 45;
    pub(crate) const SUBJECTS: u8 = 50;
    pub(crate) const PROPOSALS: u8 = 51;
    pub(crate) const STATED: u8 = 52;
    pub(crate) const FACTS: u8 = 53;
    pub(crate) const FACTS_ABOUT: u8 = 54;
    pub(crate) const PACKS: u8 = 55;
    pub(crate) const CONSISTS_OF: u8 = 56;
}

/// What reads records: a view, or a batch on top of one.
pub(crate) trait Look {
    /// The record of a key.
    fn look<V: Record>(&self, table: &Table<V>, key: &Key) -> Result<Option<V>, StoreError>;

    /// The record of a key, or an empty one.
    fn look_or_empty<V: Record>(&self, table: &Table<V>, key: &Key) -> Result<V, StoreError> {
        Ok(self.look(table, key)?.unwrap_or_default())
    }
}

impl Look for View {
    fn look<V: Record>(&self, table: &Table<V>, key: &Key) -> Result<Option<V>, StoreError> {
        self.record(table, key)
    }
}

impl Look for Batch<'_> {
    fn look<V: Record>(&self, table: &Table<V>, key: &Key) -> Result<Option<V>, StoreError> {
        self.read(table, key)
    }
}
