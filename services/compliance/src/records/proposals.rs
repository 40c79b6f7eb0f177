//! What was proposed and waits for a decision.

use probity_projection::Table;
use serde::{Deserialize, Serialize};

use super::byte;

/// Subject, index → what is proposed about it and nobody has decided.
pub(crate) const PROPOSALS: Table<Proposal> = Table::new(byte::PROPOSALS);

/// Something that waits for a decision.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Proposal {
    pub(crate) id: String,
    /// The type with which it is decided.
    pub(crate) decided_by: String,
    /// What it says, in a line.
    pub(crate) text: String,
    /// Everyone behind it: they may not decide it.
    pub(crate) persons: Vec<String>,
}
