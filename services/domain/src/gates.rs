//! Gates: which policy decides about models of a namespace, and which environments it guards.

use std::borrow::Cow;

use probity_schemas::shared::Environment;
use probity_schemas::{GatePolicy, Name, Namespace, NamespacePattern, Subject};
use serde::{Deserialize, Serialize};

use crate::signed::{At, add};

/// A gate policy and where it came into force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// The policy's subject without its version: a later version takes its place.
    pub subject: Subject,
    /// Where it came into force. It decides about statements behind this index.
    pub index: u64,
    /// When that was, in Unix milliseconds.
    pub since_ms: u64,
    /// The policy.
    pub policy: GatePolicy,
}

impl Gate {
    /// The gate's name: that of the policy's subject.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.subject.name
    }

    /// The gate's roles that are among those that a signer holds.
    #[must_use]
    pub fn roles_among(&self, held: &[&Name]) -> Vec<Name> {
        let wanted = self.policy.signatures.iter().map(|signatures| &signatures.role);
        wanted.filter(|role| held.contains(role)).cloned().collect()
    }

    /// How many persons have to sign.
    #[must_use]
    pub fn places(&self) -> usize {
        self.policy.signatures.iter().map(|signatures| signatures.persons as usize).sum()
    }

    /// This gate with what another policy of its name asks for besides.
    fn and(mut self, wider: &Self) -> Self {
        let (own, other) = (&mut self.policy, &wider.policy);
        for wanted in other.signatures.iter() {
            match own.signatures.iter_mut().find(|known| known.role == wanted.role) {
                Some(known) => known.persons = known.persons.max(wanted.persons),
                None => own.signatures.push(wanted.clone()),
            }
        }
        other.environments.iter().for_each(|environment| add(&mut own.environments, *environment));
        other.validation_scopes.iter().for_each(|scope| add(&mut own.validation_scopes, *scope));
        own.max_validity_days = own.max_validity_days.into_iter().chain(other.max_validity_days).min();
        // Honoured as long as every one of them honours it.
        own.elsewhere_until = own.elsewhere_until.zip(other.elsewhere_until).map(|(one, two)| one.min(two));
        self.index = self.index.max(wider.index);
        self
    }

    /// When an approval that is given at `now_ms` ends at the latest, in Unix milliseconds.
    #[must_use]
    pub fn latest_end(&self, now_ms: u64) -> Option<u64> {
        let days = self.policy.max_validity_days?;
        Some(now_ms.saturating_add(u64::from(days) * 24 * 60 * 60 * 1_000))
    }
}

/// Every gate policy that ever came into force. Requests are judged by the one in force when they
/// were made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gates(Vec<Gate>);

impl Gates {
    /// Puts a policy into force.
    pub fn publish(&mut self, subject: &Subject, policy: &GatePolicy, at: At) {
        let (index, since_ms) = (at.index, at.time_ms);
        self.0.push(Gate { subject: subject.without_version(), index, since_ms, policy: policy.clone() });
    }

    /// Since when a gate of this name has guarded an environment for models of a namespace, in Unix milliseconds,
    /// whichever of its policies did.
    #[must_use]
    pub fn guards_since(&self, name: &Name, environment: Environment, namespace: &Namespace) -> u64 {
        let guards = |gate: &&Gate| {
            let policy = &gate.policy;
            let covers = NamespacePattern::closeness(&policy.namespaces, namespace).is_some();
            gate.name() == name && covers && policy.environments.contains(&environment)
        };
        self.0.iter().filter(guards).map(|gate| gate.since_ms).min().unwrap_or_default()
    }

    /// Every policy that a namespace has published, in whichever version.
    pub fn published_by<'a>(&'a self, namespace: &'a Namespace) -> impl Iterator<Item = &'a Gate> {
        self.0.iter().filter(move |gate| gate.subject.namespace == *namespace)
    }

    /// Whether there is none yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The policies in force before `index`: of each the newest version.
    fn before(&self, index: u64) -> impl Iterator<Item = &Gate> {
        self.0.iter().enumerate().filter_map(move |(position, gate)| {
            let replaced = |later: &Gate| later.subject == gate.subject && later.index < index;
            (gate.index < index && !self.0[position + 1..].iter().any(replaced)).then_some(gate)
        })
    }

    /// The policy of a gate for models of a namespace, as it was before `index`. Of several, each asks for
    /// what it asks: one that names the namespace more closely adds to a wider one. The gate has the
    /// subject of the one that names it most closely; of those, of the newest.
    #[must_use]
    pub fn named(&self, name: &Name, namespace: &Namespace, index: u64) -> Option<Cow<'_, Gate>> {
        let covering = self.before(index).filter(|gate| gate.name() == name).filter_map(|gate| {
            Some((NamespacePattern::closeness(&gate.policy.namespaces, namespace)?, gate.index, gate))
        });
        let mut covering: Vec<(usize, u64, &Gate)> = covering.collect();
        covering.sort_by_key(|(closeness, index, _)| (*closeness, *index));
        let (_, _, closest) = covering.pop()?;
        if covering.is_empty() {
            return Some(Cow::Borrowed(closest));
        }
        let all = covering.iter().rev().fold(closest.clone(), |gate, (_, _, wider)| gate.and(wider));
        Some(Cow::Owned(all))
    }

    /// The version of a policy that was in force before `index`.
    #[must_use]
    pub fn of_subject(&self, subject: &Subject, index: u64) -> Option<&Gate> {
        let subject = subject.without_version();
        self.before(index).find(|gate| gate.subject == subject)
    }

    /// The names of the gates that models of a namespace pass, in alphabetical order.
    #[must_use]
    pub fn names(&self, namespace: &Namespace, index: u64) -> Vec<&Name> {
        let covering =
            self.before(index).filter(|gate| NamespacePattern::closeness(&gate.policy.namespaces, namespace).is_some());
        let mut names: Vec<&Name> = covering.map(Gate::name).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The gates that guard an environment for models of a namespace: all of them have to be passed.
    #[must_use]
    pub fn guarding(&self, environment: Environment, namespace: &Namespace, index: u64) -> Vec<Cow<'_, Gate>> {
        let names = self.names(namespace, index);
        let decisive = names.into_iter().filter_map(|name| self.named(name, namespace, index));
        decisive.filter(|gate| gate.policy.environments.contains(&environment)).collect()
    }
}
