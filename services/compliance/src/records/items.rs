//! What is opened and has to be closed: findings, reviews, incidents, issues; and whom each waits for.

use probity_projection::{Batch, Parts, Table};
use serde::{Deserialize, Serialize};

use super::byte;

/// Index → a finding.
pub(crate) const FINDINGS: Table<Finding> = Table::new(byte::FINDINGS);
/// Index → a review.
pub(crate) const REVIEWS: Table<Review> = Table::new(byte::REVIEWS);
/// Subject, index → reviews that are due.
pub(crate) const REVIEWS_OF: Table<()> = Table::new(byte::REVIEWS_OF);
/// Index → an incident.
pub(crate) const INCIDENTS: Table<Incident> = Table::new(byte::INCIDENTS);
/// Index → that an incident is open.
pub(crate) const OPEN_INCIDENTS: Table<()> = Table::new(byte::OPEN_INCIDENTS);
/// Index → an issue.
pub(crate) const ISSUES: Table<Issue> = Table::new(byte::ISSUES);
/// Person, index → the kind of item that waits for this very person.
pub(crate) const WAITING: Table<String> = Table::new(byte::WAITING);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) title: String,
    pub(crate) severity: String,
    pub(crate) owner: String,
    pub(crate) due_ms: Option<u64>,
    pub(crate) from_ms: u64,
    pub(crate) closed: Option<u64>,
    pub(crate) indices: Vec<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Review {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) scope: String,
    pub(crate) reviewer: String,
    pub(crate) due_ms: u64,
    pub(crate) done: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Incident {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) summary: String,
    pub(crate) severity: String,
    /// When somebody became aware, or when it was declared.
    pub(crate) aware_ms: u64,
    pub(crate) closed_ms: Option<u64>,
    /// Regime, reportable, class, causal link, where.
    pub(crate) regimes: Vec<(String, String, String, String, u64)>,
    /// Authority, stage, when, where.
    pub(crate) notices: Vec<(String, String, Option<u64>, u64)>,
    /// Authority, what it asks, until when, where.
    pub(crate) asks: Vec<(String, Vec<String>, Option<u64>, u64)>,
    pub(crate) indices: Vec<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Issue {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) title: String,
    pub(crate) assignee: String,
    pub(crate) due_ms: Option<u64>,
}

/// Something waits for this very person.
pub(crate) fn wait(batch: &mut Batch<'_>, person: &str, index: u64, kind: &str) {
    if !person.is_empty() {
        batch.put(&WAITING, WAITING.key().text(person).number(index), kind.to_owned());
    }
}

/// It waits no longer.
pub(crate) fn done(batch: &mut Batch<'_>, person: &str, index: u64) {
    if !person.is_empty() {
        batch.remove(WAITING.key().text(person).number(index));
    }
}

/// The parts of a key that names a person and an index.
pub(crate) fn waiting_index(key: &[u8]) -> Option<u64> {
    let mut parts = Parts::of(key);
    parts.text()?;
    parts.number()
}
