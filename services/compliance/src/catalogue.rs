//! The tables of the view.

use probity_domain::serving::Step;
use probity_projection::{Batch, Ids, Key, Record, Stated, Steps, StoreError, Table, View};

use crate::approvals::{Gate, Plan, Request};
use crate::authority::{Pending, Person};
use crate::deficiencies::{Found, Keys};
use crate::endpoints::EndpointState;
use crate::matters::{Emergency, Finding, Incident, Issue, Review};
use crate::subjects::{ModelState, VersionState};

/// Model → what is known of it.
pub(crate) const MODELS: Table<ModelState> = Table::new(1);
/// Version → what is known of it.
pub(crate) const VERSIONS: Table<VersionState> = Table::new(2);
/// Endpoint → what serves there.
pub(crate) const ENDPOINTS: Table<EndpointState> = Table::new(3);
/// What happened at endpoints.
pub(crate) const STEPS: Steps<Step> = Steps::new(4);
/// Index → a request for approval.
pub(crate) const REQUESTS: Table<Request> = Table::new(5);
/// Index → that a request waits for signatures.
pub(crate) const OPEN_REQUESTS: Table<()> = Table::new(6);
/// Gate → every policy of it there has been.
pub(crate) const GATES: Table<Vec<Gate>> = Table::new(7);
/// Digest → where a document came to be known, and when it is said to have been made.
pub(crate) const DOCUMENTS: Table<(u64, Option<(u64, u64)>)> = Table::new(8);
/// Digest, index → requests with a signature that rests on the document.
pub(crate) const SEEN: Table<()> = Table::new(9);
/// Dataset or digest, version → that the version was made from it.
pub(crate) const MADE_FROM: Table<()> = Table::new(10);
/// Dataset or digest → where it was withdrawn.
pub(crate) const WITHDRAWN: Table<u64> = Table::new(11);
/// Key, index → requests with a signature by the key.
pub(crate) const SIGNED_WITH: Table<()> = Table::new(12);
/// Key → since when it was in other hands.
pub(crate) const COMPROMISED: Table<u64> = Table::new(13);
/// Index → a plan of changes.
pub(crate) const PLANS: Table<Plan> = Table::new(14);
/// Model, index → its plans.
pub(crate) const PLANS_OF: Table<()> = Table::new(15);
/// Identity → what is known of a person.
pub(crate) const PERSONS: Table<Person> = Table::new(16);
/// Person, model → that the person took it on.
pub(crate) const OWNED: Table<()> = Table::new(17);
/// Index → a finding.
pub(crate) const FINDINGS: Table<Finding> = Table::new(18);
/// Index → a review.
pub(crate) const REVIEWS: Table<Review> = Table::new(19);
/// Subject, index → reviews that are due.
pub(crate) const REVIEWS_OF: Table<()> = Table::new(20);
/// Index → an incident.
pub(crate) const INCIDENTS: Table<Incident> = Table::new(21);
/// Index → that an incident is open.
pub(crate) const OPEN_INCIDENTS: Table<()> = Table::new(22);
/// Index → an emergency or exception.
pub(crate) const EMERGENCIES: Table<Emergency> = Table::new(23);
/// Subject, index → its emergencies and exceptions.
pub(crate) const EXCEPTIONS_OF: Table<()> = Table::new(24);
/// Index → an emergency that waits for its second signature.
pub(crate) const UNSIGNED: Table<()> = Table::new(25);
/// Index → an issue.
pub(crate) const ISSUES: Table<Issue> = Table::new(26);
/// Person, index → what waits for this very person.
pub(crate) const WAITING: Table<String> = Table::new(27);
/// Index → an act that takes a second person.
pub(crate) const PENDING: Table<Pending> = Table::new(28);
/// Statement digest → the act's index.
pub(crate) const PENDING_BY: Table<u64> = Table::new(29);
/// Person, model → the version approved last, and where.
pub(crate) const LAST_APPROVED: Table<(String, u64)> = Table::new(30);
/// Question, moment, subject, cause → a deficiency from that moment on.
pub(crate) const DEFICIENCIES: Table<Found> = Table::new(31);
/// Subject, question, moment, cause → the same.
pub(crate) const DEFICIENCIES_OF: Table<()> = Table::new(32);
/// Cause → the keys of what it was found to lack.
pub(crate) const CAUSES: Table<Keys> = Table::new(33);
/// Index → a request for validation: its subject, its id, and who was asked.
pub(crate) const VALIDATIONS: Table<(String, String, String)> = Table::new(36);
/// Dataset, dataset → that the second was made from the first.
pub(crate) const DERIVED: Table<()> = Table::new(37);
/// Index → the digest of the document that it attached.
pub(crate) const ATTACHED: Table<String> = Table::new(35);
/// Endpoint, index → where what it says comes from.
pub(crate) const SOURCES: Table<Vec<Stated>> = Table::new(38);
/// Event id → what it stands for.
pub(crate) const IDS: Ids = Ids::new(34);

/// What stands for a part of a dataset that nobody can tell from the rest.
pub(crate) fn part_of(dataset: &str) -> String {
    format!("a part of {dataset}")
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
