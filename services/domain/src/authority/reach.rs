//! Where somebody has a say: what is said beyond that is recorded, and changes nothing.

use probity_schemas::{Identity, Namespace, NamespacePattern, TypeInfo};
use serde::{Deserialize, Serialize};

use super::Authority;

/// The namespaces in which a signer's roles cover what a statement says.
///
/// A statement is admitted by the namespace of its subject. What else it touches, by a reference, a
/// digest or in `about`, it changes only within its signer's reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach(Vec<NamespacePattern>);

impl Reach {
    /// Whether a namespace is within reach.
    #[must_use]
    pub fn covers(&self, namespace: &Namespace) -> bool {
        self.0.iter().any(|pattern| pattern.covers(namespace))
    }

    /// Whether all namespaces of a pattern are within reach.
    #[must_use]
    pub fn includes(&self, pattern: &NamespacePattern) -> bool {
        self.0.iter().any(|own| own.includes(pattern))
    }
}

impl From<Vec<NamespacePattern>> for Reach {
    fn from(patterns: Vec<NamespacePattern>) -> Self {
        Self(patterns)
    }
}

impl Authority {
    /// Where the roles that someone holds at a time, in Unix milliseconds, cover a type. A right that
    /// everybody has gives no say beyond a statement's own subject. The ledger speaks for all of itself, and
    /// before there is a roles policy nobody else does.
    #[must_use]
    pub fn reach(&self, who: &Identity, info: &TypeInfo, time_ms: u64) -> Reach {
        if matches!(who, Identity::Ledger(_)) || !self.has_policy() {
            return Reach(vec![NamespacePattern::All]);
        }
        let held = self.grants(who).iter().filter(|grant| grant.holds_at(time_ms) && self.grant_counts(grant));
        let covering = held.filter(|grant| self.policy.may_record(&grant.role, info));
        let mut patterns: Vec<NamespacePattern> = covering.flat_map(|grant| grant.namespaces.iter().cloned()).collect();
        patterns.sort_unstable();
        patterns.dedup();
        Reach(patterns)
    }
}
