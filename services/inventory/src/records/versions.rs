//! Versions: what they consist of, how they were made, what was found and decided about them.

use probity_domain::Gates;
use probity_domain::approvals::{Grant, missing};
use probity_domain::lifecycle::{Standing, State};
use probity_projection::{Cbor, Key, Stated, Table};
use probity_schemas::GateSignatures;
use serde::{Deserialize, Serialize};

/// Model, version → what it is.
pub(crate) const VERSIONS: Table<VersionRecord> = Table::new(2);
/// Model, number → its versions in the order in which they came to be known.
pub(crate) const AGES: Table<String> = Table::new(19);

/// Every gate policy that came into force: one record.
pub(crate) const GATES: Table<Cbor<Gates>> = Table::new(26);
/// Index → a request for approval.
pub(crate) const REQUESTS: Table<Request> = Table::new(27);

/// A request for approval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The signatures that its gate asks for, as it was when the request was made; `None` where no policy knew it.
    pub(crate) wanted: Option<Vec<GateSignatures>>,
    /// Those that it has.
    pub(crate) grants: Vec<Cbor<Grant>>,
    pub(crate) rejected: bool,
}

impl Request {
    /// Whether it has all signatures, and none that would be needed was revoked.
    pub(crate) fn is_granted(&self) -> bool {
        let grants: Vec<&Grant> = self.grants.iter().map(|grant| &grant.0).collect();
        !self.rejected
            && !grants.is_empty()
            && self.wanted.as_ref().is_some_and(|wanted| missing(wanted, &grants).is_empty())
    }
}

/// The key of a version: beside the other versions of its model.
pub(crate) fn version_key(subject: &str) -> Key {
    let (model, version) = subject.split_once('@').unwrap_or((subject, ""));
    VERSIONS.key().text(model).text(version)
}

/// What is known of a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct VersionRecord {
    pub(crate) registrations: Vec<Content>,
    pub(crate) trainings: Vec<(u64, Vec<String>)>,
    pub(crate) validations: Vec<Validation>,
    pub(crate) approvals: Vec<Decision>,
    /// The requests that have all the signatures that their gates ask for.
    pub(crate) approved: Vec<u64>,
    pub(crate) retirements: Vec<(u64, bool)>,
    /// Where it serves: endpoint, and whether it is stopped there in an emergency.
    pub(crate) places: Vec<(String, bool)>,
    pub(crate) last_activity_ms: u64,
    /// The state under which its model counts it, taken by itself.
    pub(crate) counted: String,
}

/// What a version consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) digests: Vec<String>,
    pub(crate) reference: String,
    pub(crate) pinned: bool,
    /// Role, and what it is.
    pub(crate) components: Vec<(String, String)>,
    pub(crate) parents: Vec<String>,
    pub(crate) code: String,
    pub(crate) index: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Validation {
    pub(crate) outcome: String,
    pub(crate) stated: Stated,
}

/// An approval, or what became of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Decision {
    pub(crate) gate: String,
    /// granted, rejected, revoked, elsewhere
    pub(crate) state: String,
    pub(crate) expires_at_ms: Option<u64>,
    /// The request that it decides.
    pub(crate) request: Option<u64>,
    pub(crate) stated: Stated,
}

impl VersionRecord {
    /// How far it is, taken by itself.
    pub(crate) fn own_state(&self) -> State {
        self.standing().state()
    }

    /// How far it is. What is retired with its model is retired.
    pub(crate) fn state(&self, model_is_retired: bool) -> State {
        let standing = self.standing();
        Standing { retired: standing.retired || model_is_retired, ..standing }.state()
    }

    fn standing(&self) -> Standing {
        let passed = |validation: &Validation| validation.outcome.starts_with("passed");
        Standing {
            retired: self.retirements.last().is_some_and(|(_, completed)| *completed),
            running: self.places.iter().any(|(_, suspended)| !suspended),
            suspended: !self.places.is_empty(),
            approved: !self.approved.is_empty(),
            validated: self.validations.last().is_some_and(passed),
            trained: !self.trainings.is_empty(),
            registered: !self.registrations.is_empty(),
        }
    }

    pub(crate) fn forget(&mut self, index: u64) {
        self.registrations.retain(|entry| entry.index != index);
        self.trainings.retain(|(at, _)| *at != index);
        self.validations.retain(|entry| entry.stated.index != index);
        // What decides a request that is void decides nothing.
        self.approvals.retain(|entry| entry.stated.index != index && entry.request != Some(index));
        self.approved.retain(|request| *request != index);
        self.retirements.retain(|(at, _)| *at != index);
    }

    /// Digests that earlier registrations gave and the last one does not.
    pub(crate) fn conflicting_digests(&self) -> Vec<String> {
        let Some((last, earlier)) = self.registrations.split_last() else { return Vec::new() };
        let mut digests: Vec<String> = earlier.iter().flat_map(|content| content.digests.iter().cloned()).collect();
        digests.retain(|digest| !last.digests.is_empty() && !last.digests.contains(digest));
        digests.sort_unstable();
        digests.dedup();
        digests
    }

    pub(crate) fn indices(&self) -> Vec<u64> {
        let mut indices: Vec<u64> = self.registrations.iter().map(|entry| entry.index).collect();
        indices.extend(self.trainings.iter().map(|(index, _)| *index));
        indices.extend(self.validations.last().map(|validation| validation.stated.index));
        indices.extend(self.approvals.iter().map(|decision| decision.stated.index));
        indices.extend(self.retirements.last().map(|(index, _)| *index));
        indices.sort_unstable();
        indices.dedup();
        indices
    }
}
