//! Requests for approval, the signatures given to them, and whether they still hold.

use std::collections::HashSet;
use std::fmt;

use probity_schemas::approval::{ApprovalScope, Before};
use probity_schemas::shared::Environment;
use probity_schemas::{Digest, EventId, GatePolicy, GateSignatures, Identity, Kid, Name, Subject};
use serde::{Deserialize, Serialize};

use super::{Key, Life, Signed, Version, model_of};
use crate::authority::Authority;
use crate::moment::moment;

/// `approval.requested`, and what was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) gate: Name,
    /// What it asks for; none asks for whatever the version consists of.
    pub(crate) digests: Vec<Digest>,
    pub(crate) grants: Vec<Grant>,
}

/// `approval.granted`: one signature of perhaps several.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) id: EventId,
    pub(crate) signed: Signed,
    /// The signer and whom it speaks for: together one person.
    pub(crate) persons: Vec<Identity>,
    /// The gate's roles that the signer held.
    pub(crate) roles: Vec<Name>,
    pub(crate) digests: Vec<Digest>,
    pub(crate) scope: ApprovalScope,
    pub(crate) evidence_seen: Vec<Digest>,
    pub(crate) conditions: Vec<GrantCondition>,
    pub(crate) expires_at: Option<u64>,
    /// Where it was revoked and from which moment on.
    pub(crate) revoked: Option<(u64, u64)>,
}

/// A condition of an approval.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GrantCondition {
    pub(crate) id: Name,
    pub(crate) due: Option<u64>,
    pub(crate) before: Option<Before>,
    pub(crate) met: Option<Signed>,
}

/// Why an approval is not there, or no longer good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lapse {
    /// Nobody asked for it.
    NotRequested,
    /// It was asked for and refused.
    Rejected {
        /// Where.
        index: u64,
    },
    /// Signatures are missing.
    Unsigned {
        /// The roles whose holders' signatures the gate still asks for.
        roles: Vec<Name>,
    },
    /// It names other artefacts.
    OtherDigest,
    /// It is for other uses.
    OtherUse,
    /// It is for other environments.
    OtherEnvironment,
    /// Its time is over.
    Expired {
        /// When it ended, in Unix milliseconds.
        at_ms: u64,
    },
    /// It was taken back.
    Revoked {
        /// Where.
        index: u64,
    },
    /// A condition is not met.
    ConditionOpen {
        /// Its name.
        condition: Name,
    },
    /// A document it rests on was withdrawn.
    EvidenceWithdrawn {
        /// Where.
        index: u64,
    },
    /// The vendor changed the model under it.
    VendorChanged {
        /// Where that was recorded.
        index: u64,
    },
    /// The model was changed substantially.
    SubstantiallyChanged {
        /// Where that was recorded.
        index: u64,
    },
    /// The model's intended use was widened.
    UseWidened {
        /// Where that was recorded.
        index: u64,
    },
    /// Data it was made from was withdrawn.
    DataWithdrawn {
        /// Where.
        index: u64,
    },
    /// The key that signed it was in other hands.
    KeyCompromised {
        /// The key.
        kid: Kid,
    },
}

impl Lapse {
    /// The position of the statement that ended the approval, where there is one.
    pub fn rests_on(&self) -> Option<u64> {
        match self {
            Self::Rejected { index }
            | Self::Revoked { index }
            | Self::EvidenceWithdrawn { index }
            | Self::VendorChanged { index }
            | Self::SubstantiallyChanged { index }
            | Self::UseWidened { index }
            | Self::DataWithdrawn { index } => Some(*index),
            Self::NotRequested
            | Self::Unsigned { .. }
            | Self::OtherDigest
            | Self::OtherUse
            | Self::OtherEnvironment
            | Self::Expired { .. }
            | Self::ConditionOpen { .. }
            | Self::KeyCompromised { .. } => None,
        }
    }
}

impl fmt::Display for Lapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRequested => write!(f, "nobody has asked for it"),
            Self::Rejected { index } => write!(f, "it was rejected (index {index})"),
            Self::Unsigned { roles } => {
                let roles = roles.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
                write!(f, "signatures are missing: {roles}")
            }
            Self::OtherDigest => write!(f, "the approval names other artefacts"),
            Self::OtherUse => write!(f, "the approval is for other uses"),
            Self::OtherEnvironment => write!(f, "the approval is for other environments"),
            Self::Expired { at_ms } => write!(f, "the approval expired on {}", moment(at_ms)),
            Self::Revoked { index } => write!(f, "the approval was revoked (index {index})"),
            Self::ConditionOpen { condition } => write!(f, "condition {condition} of the approval is not met"),
            Self::EvidenceWithdrawn { index } => write!(f, "evidence it rests on was withdrawn (index {index})"),
            Self::VendorChanged { index } => write!(f, "the vendor has changed the model since (index {index})"),
            Self::SubstantiallyChanged { index } => {
                write!(f, "the model was changed substantially since (index {index})")
            }
            Self::UseWidened { index } => write!(f, "the intended use was widened since (index {index})"),
            Self::DataWithdrawn { index } => write!(f, "data it was made from was withdrawn since (index {index})"),
            Self::KeyCompromised { kid } => write!(f, "key {kid} that signed it was in other hands"),
        }
    }
}

/// What is to be done with a version, where and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purpose<'a> {
    pub(crate) digest: Option<&'a Digest>,
    pub(crate) use_case: Option<&'a Subject>,
    pub(crate) environment: Environment,
    pub(crate) time_ms: u64,
}

impl Life {
    /// Whether a version has passed a gate for a purpose: one of its requests has all the signatures that the gate's
    /// policy, as it was when the request was made, asks for, and all of them still hold.
    pub(crate) fn approved(
        &self,
        subject: &str,
        purpose: Purpose<'_>,
        gate: &str,
        policy_at: impl Fn(u64) -> Option<GatePolicy>,
        authority: &Authority,
    ) -> Result<(), Lapse> {
        let version = self.versions.get(subject).ok_or(Lapse::NotRequested)?;
        let mut lapse = Lapse::NotRequested;
        // The newest request speaks for the version, unless an older one still holds.
        for id in version.requests.iter().rev() {
            let Some(matter) = self.matters.get(id) else { continue };
            let super::Case::ApprovalRequest(request) = &matter.case else { continue };
            let Some(policy) = policy_at(matter.index).filter(|_| request.gate.as_str() == gate) else { continue };
            let rejected = matter.closed.filter(|closed| authority.counts(closed));
            let verdict = match rejected {
                Some(closed) => Err(Lapse::Rejected { index: closed.index }),
                None => self.signed_by_all(subject, version, request, &policy, purpose, authority),
            };
            match verdict {
                Ok(()) => return Ok(()),
                Err(found) if lapse == Lapse::NotRequested => lapse = found,
                Err(_) => {}
            }
        }
        Err(lapse)
    }

    fn signed_by_all(
        &self,
        subject: &str,
        version: &Version,
        request: &Request,
        policy: &GatePolicy,
        purpose: Purpose<'_>,
        authority: &Authority,
    ) -> Result<(), Lapse> {
        let mut lapse = None;
        let mut good = Vec::new();
        for grant in &request.grants {
            match self.grant_holds(subject, version, grant, purpose, authority) {
                Ok(()) => good.push(grant),
                Err(found) => drop(lapse.get_or_insert(found)),
            }
        }
        match missing(&policy.signatures, &good) {
            roles if roles.is_empty() => Ok(()),
            roles => Err(lapse.unwrap_or(Lapse::Unsigned { roles })),
        }
    }

    fn grant_holds(
        &self,
        subject: &str,
        version: &Version,
        grant: &Grant,
        purpose: Purpose<'_>,
        authority: &Authority,
    ) -> Result<(), Lapse> {
        let Purpose { digest, use_case, environment, time_ms } = purpose;
        let since = grant.signed.index;
        let after = |index: &Option<u64>| index.filter(|index| *index > since);
        if !authority.counts(&grant.signed) {
            return Err(Lapse::KeyCompromised { kid: authority.kid(&grant.signed) });
        }
        if let Some((index, _)) = grant.revoked.filter(|(_, from)| *from <= time_ms) {
            return Err(Lapse::Revoked { index });
        }
        if let Some(at_ms) = grant.expires_at.filter(|until| *until <= time_ms) {
            return Err(Lapse::Expired { at_ms });
        }
        if version.has_artifacts && digest.is_none_or(|digest| !grant.digests.contains(digest)) {
            return Err(Lapse::OtherDigest);
        }
        let scope = &grant.scope;
        if !scope.uses.is_empty() && use_case.is_none_or(|use_case| !scope.uses.contains(use_case)) {
            return Err(Lapse::OtherUse);
        }
        if !scope.environments.is_empty() && !scope.environments.contains(&environment) {
            return Err(Lapse::OtherEnvironment);
        }
        for condition in &grant.conditions {
            let met = condition.met.is_some_and(|met| authority.counts(&met));
            let wanted =
                condition.before == Some(Before::Deployment) || condition.due.is_some_and(|due| due <= time_ms);
            if wanted && !met {
                return Err(Lapse::ConditionOpen { condition: condition.id.clone() });
            }
        }
        let withdrawn = |digest| after(self.documents.get(digest)?);
        if let Some(index) = grant.evidence_seen.iter().find_map(withdrawn) {
            return Err(Lapse::EvidenceWithdrawn { index });
        }
        let model = self.models.get(model_of(subject));
        let disturbed = model.map(|model| &model.disturbances).into_iter().chain([&version.disturbances]);
        for disturbances in disturbed {
            if let Some(index) = after(&disturbances.vendor_changed) {
                return Err(Lapse::VendorChanged { index });
            }
            if let Some(index) = after(&disturbances.substantially_changed) {
                return Err(Lapse::SubstantiallyChanged { index });
            }
            if let Some(index) = after(&disturbances.use_widened) {
                return Err(Lapse::UseWidened { index });
            }
        }
        // A use that the model came to serve later is only covered if the approval names it.
        let later_use = |(_, index): &&(Key, u64)| *index > since && scope.uses.is_empty();
        if let Some((_, index)) = model.and_then(|model| model.uses.iter().find(later_use)) {
            return Err(Lapse::UseWidened { index: *index });
        }
        match self.data_withdrawn(version, since) {
            Some(index) => Err(Lapse::DataWithdrawn { index }),
            None => Ok(()),
        }
    }

    /// Where data that a version was made from was withdrawn after `since`.
    pub(crate) fn data_withdrawn(&self, version: &Version, since: u64) -> Option<u64> {
        let later = |index: Option<u64>| index.filter(|index| *index > since);
        let part = |digest: &Digest| later(self.withdrawn_data.get(digest).copied());
        if let Some(index) = version.dataset_digests.iter().find_map(part) {
            return Some(index);
        }
        let mut seen: HashSet<&str> = HashSet::new();
        // A dataset itself, and with it whether what it names is what the version was made from directly.
        let mut waiting: Vec<(&Key, bool)> = version.datasets.iter().map(|key| (key, true)).collect();
        while let Some((key, direct)) = waiting.pop() {
            let Some(dataset) = self.datasets.get(key).filter(|_| seen.insert(key)) else { continue };
            if let Some(index) = later(dataset.withdrawn) {
                return Some(index);
            }
            // Of a part, digests tell whether it went in; where they cannot, it is taken to have gone in.
            let told_by_digests = direct && !version.dataset_digests.is_empty();
            if let Some(index) = later(dataset.partly_withdrawn).filter(|_| !told_by_digests) {
                return Some(index);
            }
            waiting.extend(dataset.derived_from.iter().map(|key| (key, false)));
        }
        None
    }
}

/// The roles whose places stay empty when every person takes one place at most.
pub(crate) fn missing(signatures: &[GateSignatures], grants: &[&Grant]) -> Vec<Name> {
    let signers = one_person_each(grants);
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

/// The roles of each person who signed; those who signed for one another are one.
fn one_person_each<'a>(grants: &[&'a Grant]) -> Vec<HashSet<&'a Name>> {
    let mut groups: Vec<(HashSet<&Identity>, HashSet<&Name>)> = Vec::new();
    for grant in grants {
        let mut persons: HashSet<&Identity> = grant.persons.iter().collect();
        let mut roles: HashSet<&Name> = grant.roles.iter().collect();
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
