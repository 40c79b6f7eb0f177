//! Requests for approval, gates, change plans and exceptions.

use probity_domain::approvals::{self, missing};
use probity_domain::exceptions::Exception;
use probity_domain::plans::Plan;
use probity_domain::{At, Gates, Signed};
use probity_projection::{Cbor, Key, Stated, Table};
use probity_schemas::{Digest, EventId, GateSignatures, Name};
use serde::{Deserialize, Serialize};

use super::byte;

/// Index → a request for approval.
pub(crate) const REQUESTS: Table<Option<RequestState>> = Table::new(byte::REQUESTS);
/// Index → that a request waits for signatures.
pub(crate) const OPEN_REQUESTS: Table<()> = Table::new(byte::OPEN_REQUESTS);
/// Every gate policy that came into force: one record.
pub(crate) const GATES: Table<Cbor<Gates>> = Table::new(byte::GATES);
/// Digest, index → requests with a signature that rests on the document.
pub(crate) const SEEN: Table<()> = Table::new(byte::SEEN);
/// Index → a change plan.
pub(crate) const PLANS: Table<Option<PlanState>> = Table::new(byte::PLANS);
/// Index → an emergency or exception.
pub(crate) const EXCEPTIONS: Table<Option<ExceptionState>> = Table::new(byte::EXCEPTIONS);
/// Subject → its emergencies and exceptions.
pub(crate) const EXCEPTIONS_OF: Table<Vec<u64>> = Table::new(byte::EXCEPTIONS_OF);
/// Index → that an emergency waits for its second signature.
pub(crate) const UNSIGNED: Table<()> = Table::new(byte::UNSIGNED);
/// Person, model → the version approved last, and where.
pub(crate) const LAST_APPROVED: Table<(String, u64)> = Table::new(byte::LAST_APPROVED);

/// `approval.requested`, and what was answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RequestState {
    pub(crate) id: EventId,
    pub(crate) version: String,
    pub(crate) at: At,
    /// The request, with its signatures.
    pub(crate) request: approvals::Request,
    /// What else is known of each signature.
    pub(crate) signatures: Vec<Signature>,
    pub(crate) rejected: Option<Signed>,
    /// Everyone behind it.
    pub(crate) actors: Vec<String>,
    pub(crate) evidence: Vec<Digest>,
    /// The policy that was in force: its subject, and where it came into force.
    pub(crate) policy: Option<(String, u64)>,
    /// The signatures that it asks for.
    pub(crate) wanted: Vec<GateSignatures>,
}

/// What is shown of a signature beside what it covers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Signature {
    pub(crate) on_behalf_of: String,
    pub(crate) meaning: String,
    /// The texts of its conditions, in their order.
    pub(crate) conditions: Vec<String>,
    /// When it was given, in Unix milliseconds.
    pub(crate) at_ms: u64,
    /// The evidence that did not exist yet.
    pub(crate) premature: Vec<(Digest, Option<u64>)>,
    pub(crate) stated: Stated,
}

impl Signature {
    /// Who it counts for: a delegate and the person they sign for are one.
    pub(crate) fn person(&self) -> &str {
        if self.on_behalf_of.is_empty() { &self.stated.signer } else { &self.on_behalf_of }
    }
}

impl RequestState {
    /// The roles whose signatures are missing: those that were revoked do not count.
    pub(crate) fn missing(&self) -> Vec<Name> {
        let given: Vec<_> = self.request.grants.iter().filter(|grant| grant.revoked.is_none()).collect();
        missing(&self.wanted, &given)
    }

    /// How many signatures it asks for.
    pub(crate) fn places(&self) -> u32 {
        self.wanted.iter().map(|wanted| wanted.persons).sum()
    }

    /// Whether it waits for signatures.
    pub(crate) fn is_open(&self) -> bool {
        self.rejected.is_none() && !self.missing().is_empty()
    }
}

/// `plan.proposed`, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlanState {
    pub(crate) id: EventId,
    pub(crate) plan: Plan,
    pub(crate) revoked: Option<Signed>,
}

/// `exception.granted` or `exception.invoked`, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExceptionState {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) exception: Exception,
    pub(crate) reason: String,
    pub(crate) signer: String,
    /// When it was given, in Unix milliseconds.
    pub(crate) at_ms: u64,
    pub(crate) revoked: Option<Signed>,
}

pub(crate) fn request_key(index: u64) -> Key {
    REQUESTS.key().number(index)
}

pub(crate) fn plan_key(index: u64) -> Key {
    PLANS.key().number(index)
}

pub(crate) fn exception_key(index: u64) -> Key {
    EXCEPTIONS.key().number(index)
}
