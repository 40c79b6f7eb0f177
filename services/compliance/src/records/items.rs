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
/// Endpoint, index → the kind of item that is open about it.
pub(crate) const OPEN_ABOUT: Table<String> = Table::new(byte::OPEN_ABOUT);
/// Index → an issue.
pub(crate) const ISSUES: Table<Issue> = Table::new(byte::ISSUES);
/// Person, index → the kind of item that waits for this very person.
pub(crate) const WAITING: Table<String> = Table::new(byte::WAITING);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) id: String,
    pub(crate) subject: String,
    /// The subjects that it names besides.
    pub(crate) about: Vec<String>,
    pub(crate) title: String,
    pub(crate) severity: String,
    pub(crate) owner: String,
    pub(crate) due_ms: Option<u64>,
    pub(crate) from_ms: u64,
    pub(crate) closed_ms: Option<u64>,
    pub(crate) indices: Vec<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Review {
    pub(crate) id: String,
    pub(crate) subject: String,
    /// The subjects that it names besides.
    pub(crate) about: Vec<String>,
    pub(crate) scope: String,
    pub(crate) reviewer: String,
    pub(crate) due_ms: u64,
    /// Where and when it was done.
    pub(crate) done: Option<(u64, u64)>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Incident {
    pub(crate) id: String,
    pub(crate) subject: String,
    /// The subjects that it names besides.
    pub(crate) about: Vec<String>,
    pub(crate) summary: String,
    pub(crate) severity: String,
    /// When somebody became aware, or when it was declared.
    pub(crate) aware_ms: u64,
    pub(crate) closed_ms: Option<u64>,
    /// Regime, reportable, class, causal link, where.
    pub(crate) regimes: Vec<(String, String, String, String, u64)>,
    pub(crate) notices: Vec<Notice>,
    /// Authority, what it asks, until when, where.
    pub(crate) asks: Vec<(String, Vec<String>, Option<u64>, u64)>,
    pub(crate) indices: Vec<u64>,
}

/// An authority was told of an incident.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notice {
    pub(crate) authority: String,
    pub(crate) stage: String,
    /// When it was sent, as was said.
    pub(crate) sent_at_ms: Option<u64>,
    /// When it was sent at the latest: by when it was recorded.
    pub(crate) sent_ms: u64,
    pub(crate) index: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Issue {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) title: String,
    pub(crate) assignee: String,
    pub(crate) due_ms: Option<u64>,
}

/// Something is open about these subjects, or is not any more. What concerns an endpoint concerns what serves there, and
/// is judged again when that changes.
pub(crate) fn open_about<'a>(
    batch: &mut Batch<'_>,
    subjects: impl Iterator<Item = &'a String>,
    index: u64,
    open: Option<&str>,
) {
    for endpoint in subjects.filter(|subject| subject.starts_with("endpoint:")) {
        let key = OPEN_ABOUT.key().text(endpoint).number(index);
        match open {
            Some(kind) => batch.put(&OPEN_ABOUT, key, kind.to_owned()),
            None => batch.remove(key),
        }
    }
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
