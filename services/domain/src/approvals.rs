//! Requests for approval and the signatures given to them.

use std::collections::HashSet;

use probity_schemas::approval::{ApprovalScope, Before, Granted};
use probity_schemas::{Digest, Event, EventId, GateSignatures, Identity, Name};
use serde::{Deserialize, Serialize};

use crate::authority::Authority;
use crate::exceptions::Leave;
use crate::gates::Gate;
use crate::signed::{Signed, SignedBy};

/// `approval.requested`, and the signatures given to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The gate.
    pub gate: Name,
    /// The artefacts that it asks for; none asks for everything that the version consists of.
    pub digests: Vec<Digest>,
    /// The signatures.
    pub grants: Vec<Grant>,
}

/// `approval.granted`: one signature of perhaps several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// The event's id.
    pub id: EventId,
    /// Who signed it.
    pub signed: Signed,
    /// Whose signature it is.
    pub signatories: Signatories,
    /// The gate's roles that the signer held.
    pub roles: Vec<Name>,
    /// The artefacts that it is for.
    pub digests: Vec<Digest>,
    /// The uses, environments and traffic that it is for.
    #[serde(with = "crate::named")]
    pub scope: ApprovalScope,
    /// The documents that it rests on.
    pub evidence_seen: Vec<Digest>,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// When it ends, in Unix milliseconds: as it says, or as the gate's policy caps it.
    pub expires_at_ms: Option<u64>,
    /// Where it was revoked, and from which moment on, in Unix milliseconds.
    pub revoked: Option<(u64, u64)>,
}

/// A condition of an approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// Its name.
    pub id: Name,
    /// Until when it has to be met, in Unix milliseconds.
    pub due_ms: Option<u64>,
    /// What it has to be met before.
    pub before: Option<Before>,
    /// Where it was met.
    pub met: Option<Signed>,
}

impl Grant {
    /// The signature that an event gives, with what `authority` says at that moment. `gate` is the policy in
    /// force when the request was made.
    #[must_use]
    pub fn of(event: &Event, granted: &Granted, by: SignedBy<'_>, gate: Option<&Gate>, authority: &Authority) -> Self {
        let (namespace, now_ms) = (&event.subject.namespace, by.signed.time_ms);
        let held: Vec<&Name> = authority.held(acting(event, by.issuer), namespace, now_ms).collect();
        let stated = granted.expires_at.map(|until| until.as_ms());
        let latest = gate.and_then(|gate| gate.latest_end(by.signed.time_ms));
        let conditions = granted.conditions.iter().map(|condition| Condition {
            id: condition.id.clone(),
            due_ms: condition.due.map(|due| due.as_ms()),
            before: condition.before,
            met: None,
        });
        Self {
            id: event.id,
            signed: by.signed,
            signatories: Signatories::of(event, by, authority),
            roles: gate.map(|gate| gate.roles_among(&held)).unwrap_or_default(),
            digests: granted.digests.clone(),
            scope: granted.scope.clone(),
            evidence_seen: granted.evidence_seen.clone(),
            conditions: conditions.collect(),
            expires_at_ms: stated.into_iter().chain(latest).min(),
            revoked: None,
        }
    }

    /// `approval.revoked`, from a moment on, in Unix milliseconds. Of several the earliest moment holds.
    pub fn revoke(&mut self, index: u64, from_ms: u64) {
        if self.revoked.is_none_or(|(_, earlier)| from_ms < earlier) {
            self.revoked = Some((index, from_ms));
        }
    }

    /// `approval.condition_met`.
    pub fn meet(&mut self, condition: &Name, by: Signed) {
        let named = self.conditions.iter_mut().filter(|known| known.id == *condition);
        named.for_each(|condition| condition.met = Some(by));
    }
}

/// Whose signature something is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signatories {
    /// The signer and the person it was signed for: together one person.
    pub persons: Vec<Identity>,
    /// Those of them who could have set a service in motion that makes versions here.
    pub developers: Vec<Identity>,
}

impl Signatories {
    /// Whose signature an event bears, with what `authority` says at that moment.
    #[must_use]
    pub fn of(event: &Event, by: SignedBy<'_>, authority: &Authority) -> Self {
        let persons = signatories(event, by.issuer);
        let (namespace, now_ms) = (&event.subject.namespace, by.signed.time_ms);
        let develops = |person: &&Identity| authority.develops(person, namespace, now_ms);
        let developers = persons.iter().filter(develops).cloned().collect();
        Self { persons, developers }
    }
}

/// What bears one signature of perhaps several.
pub(crate) trait HasSignature {
    /// Who signed it, where and when.
    fn signed(&self) -> Signed;
}

impl HasSignature for Grant {
    fn signed(&self) -> Signed {
        self.signed
    }
}

impl HasSignature for Leave {
    fn signed(&self) -> Signed {
        self.signed
    }
}

/// The signer and the person it signs for: together one person.
#[must_use]
pub fn signatories(event: &Event, issuer: &Identity) -> Vec<Identity> {
    [issuer].into_iter().chain(&event.on_behalf_of).cloned().collect()
}

/// Whose roles an act is done with: those of the person it was signed for, or else the signer's.
#[must_use]
pub fn acting<'a>(event: &'a Event, issuer: &'a Identity) -> &'a Identity {
    event.on_behalf_of.as_ref().unwrap_or(issuer)
}

/// The roles whose places stay empty when every person takes one place at most.
#[must_use]
pub fn missing(signatures: &[GateSignatures], grants: &[&Grant]) -> Vec<Name> {
    let signers =
        one_person_each(grants.iter().map(|grant| (grant.signatories.persons.as_slice(), grant.roles.as_slice())));
    let places: Vec<&Name> =
        signatures.iter().flat_map(|wanted| std::iter::repeat_n(&wanted.role, wanted.persons as usize)).collect();
    // Kuhn's augmenting paths: places are few.
    let mut holder: Vec<Option<usize>> = vec![None; places.len()];
    for signer in 0..signers.len() {
        take_place(signer, &signers, &places, &mut holder, &mut vec![false; places.len()]);
    }
    places.iter().zip(&holder).filter(|(_, holder)| holder.is_none()).map(|(role, _)| (*role).clone()).collect()
}

fn take_place(
    signer: usize,
    signers: &[HashSet<&Name>],
    places: &[&Name],
    holder: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for place in 0..places.len() {
        if tried[place] || !signers[signer].contains(places[place]) {
            continue;
        }
        tried[place] = true;
        let free = match holder[place] {
            None => true,
            Some(other) => take_place(other, signers, places, holder, tried),
        };
        if free {
            holder[place] = Some(signer);
            return true;
        }
    }
    false
}

/// How many separate persons signed; those who signed for one another are one.
pub fn separate<'a>(signatures: impl IntoIterator<Item = &'a [Identity]>) -> usize {
    one_person_each(signatures.into_iter().map(|persons| (persons, [].as_slice()))).len()
}

/// The roles of each person who signed; those who signed for one another are one.
fn one_person_each<'a>(signatures: impl Iterator<Item = (&'a [Identity], &'a [Name])>) -> Vec<HashSet<&'a Name>> {
    let mut groups: Vec<(HashSet<&Identity>, HashSet<&Name>)> = Vec::new();
    for (persons, roles) in signatures {
        let mut persons: HashSet<&Identity> = persons.iter().collect();
        let mut roles: HashSet<&Name> = roles.iter().collect();
        let (same, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(|(group, _)| !group.is_disjoint(&persons));
        for (group, held) in same {
            persons.extend(group);
            roles.extend(held);
        }
        groups = others;
        groups.push((persons, roles));
    }
    groups.into_iter().map(|(_, roles)| roles).collect()
}
