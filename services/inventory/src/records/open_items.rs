//! Issues and incidents: what was opened, to whom it was handed, how it ended. And which findings are open.

use probity_projection::Table;
use serde::{Deserialize, Serialize};

/// Index of the event that opened it → an issue or incident.
pub(crate) const ITEMS: Table<OpenItemRecord> = Table::new(9);
/// Subject, index → that an issue or incident is about it.
pub(crate) const ITEMS_OF: Table<()> = Table::new(10);
/// Index of the event that opened it → that an issue or incident is open.
pub(crate) const OPEN_ITEMS: Table<()> = Table::new(18);
/// Index → a finding that is open.
pub(crate) const OPEN_FINDINGS: Table<OpenItemRecord> = Table::new(20);
/// Subject, index → that an open finding concerns it.
pub(crate) const FINDINGS_OF: Table<()> = Table::new(25);

/// An issue or incident, open or not any more; or an open finding.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OpenItemRecord {
    /// issue, incident or finding
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) subject: String,
    /// Its subject and what else it is about, without versions.
    pub(crate) subjects: Vec<String>,
    /// What it is found by: these, and what serves at those of them that are endpoints. Once it is settled, what served
    /// there last. Without versions.
    pub(crate) concerned: Vec<String>,
    pub(crate) title: String,
    pub(crate) severity: String,
    /// open, mitigated, resolved or closed
    pub(crate) state: String,
    pub(crate) hand_offs: Vec<HandOff>,
    pub(crate) root_cause: String,
    /// Regime, reportable, class, where.
    pub(crate) regimes: Vec<(String, String, String, u64)>,
    pub(crate) opened: Option<(u64, u64)>,
    pub(crate) indices: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HandOff {
    pub(crate) team: String,
    pub(crate) assignee: String,
    pub(crate) ticket: String,
    pub(crate) due_ms: Option<u64>,
    pub(crate) index: u64,
}

impl OpenItemRecord {
    /// The models it counts for.
    pub(crate) fn models(&self) -> impl Iterator<Item = &String> {
        self.concerned.iter().filter(|subject| subject.starts_with("model:"))
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state == "open" || self.state == "mitigated"
    }
}
