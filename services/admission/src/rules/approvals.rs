//! Approvals: who may sign, for exactly what, on which evidence.

use std::borrow::Cow;

use probity_domain::Gate;
use probity_domain::approvals::{Condition, Grant, Request, acting, signatories};
use probity_domain::ids::model_of;
use probity_domain::references::answerable;
use probity_domain::subjects::Version;
use probity_schemas::approval::{ConditionMet, Granted, Rejected, Revoked};
use probity_schemas::{Digest, Identity, Name};

use super::RuleContext;
use crate::domain::{Case, OpenItem};
use crate::violation::RuleViolation;

impl<'a> RuleContext<'a> {
    /// `approval.granted`.
    pub(super) fn approval_granted(&self, granted: &Granted) -> Result<(), RuleViolation> {
        let opener = self.opener()?;
        let request = request(opener)?;
        self.same_gate(&granted.gate, request)?;
        self.registered(self.by.subject)?;
        self.not_retired(self.by.subject)?;
        let Some(version) = self.state.domain.version(self.by.subject) else {
            return Err(RuleViolation::NotRegistered { subject: self.by.subject.to_owned() });
        };
        self.signs_for(&granted.gate, opener.at.index)?;
        self.uninvolved(version)?;
        self.signs_once(request)?;
        self.binds(granted, request, version)?;
        self.evidence_is_there(&granted.evidence_seen)?;
        if let Some(until) = granted.expires_at {
            self.later_than_now("expires_at", until.as_ms())?;
        }
        for use_case in &granted.scope.uses {
            self.use_goes_on(use_case)?;
        }
        self.validated(granted, opener.at.index, version)?;
        self.lifecycle(granted)
    }

    /// `approval.rejected`.
    pub(super) fn approval_rejected(&self, rejected: &Rejected) -> Result<(), RuleViolation> {
        let opener = self.opener()?;
        self.same_gate(&rejected.gate, request(opener)?)?;
        self.signs_for(&rejected.gate, opener.at.index).map(drop)
    }

    /// `approval.condition_met`.
    pub(super) fn condition_met(&self, met: &ConditionMet) -> Result<(), RuleViolation> {
        let (request, index, grant) = self.grant()?;
        let open = |condition: &&Condition| {
            let already = condition.met.is_some_and(|met| self.state.authority.counts(&met));
            condition.id == met.condition && !already
        };
        if !grant.conditions.iter().any(|condition| open(&condition)) {
            return Err(RuleViolation::NoSuchCondition { condition: met.condition.clone() });
        }
        if let Some(version) = self.state.domain.versions.get(self.by.subject) {
            self.uninvolved(version)?;
        }
        self.signs_for(&request.gate, index).map(drop)
    }

    /// `approval.revoked`.
    pub(super) fn approval_revoked(&self, revoked: &Revoked) -> Result<(), RuleViolation> {
        let (request, index, grant) = self.grant()?;
        let from_ms = revoked.effective.map_or(self.by.signed.time_ms, |at| at.as_ms());
        match (grant.revoked, self.event.regarding) {
            // One that is to take effect later is not in the way of an earlier one.
            (Some((index, earlier_ms)), Some(regarding)) if earlier_ms <= from_ms => {
                Err(RuleViolation::OpenerClosed { regarding, index })
            }
            _ => self.signs_for(&request.gate, index).map(drop),
        }
    }

    /// The signature this act is about, the request it was given to, and where that is.
    fn grant(&self) -> Result<(&'a Request, u64, &'a Grant), RuleViolation> {
        let opener = self.answered()?;
        let domain = &self.state.domain;
        let Case::Grant(index) = &opener.case else { return Err(self.unknown()) };
        let item = domain.item(*index).ok_or_else(|| self.unknown())?;
        let request = request(item)?;
        let grant = request.grants.iter().find(|grant| grant.signed.index == opener.at.index);
        grant.map(|grant| (request, item.at.index, grant)).ok_or_else(|| self.unknown())
    }

    fn unknown(&self) -> RuleViolation {
        let takes = answerable(self.info().event_type);
        RuleViolation::OpenerUnknown { regarding: self.event.regarding.unwrap_or(self.event.id), takes }
    }

    fn same_gate(&self, gate: &Name, request: &Request) -> Result<(), RuleViolation> {
        match request.gate == *gate {
            true => Ok(()),
            false => Err(RuleViolation::OpenerDiffers { field: "gate", expected: request.gate.to_string() }),
        }
    }

    /// The policy of a gate as it was when the request was made: the policy decides, not the requester.
    fn gate(&self, gate: &Name, at: u64) -> Result<Cow<'a, Gate>, RuleViolation> {
        let namespace = &self.event.subject.namespace;
        let gates = self.state.policies.gates();
        gates.named(gate, namespace, at).ok_or_else(|| {
            let names = gates.names(namespace, at);
            let distance = |name: &&&Name| strsim::damerau_levenshtein(name.as_str(), gate.as_str());
            let nearest = names.iter().min_by_key(distance).filter(|name| distance(name) <= 3);
            RuleViolation::NoSuchGate {
                gate: gate.clone(),
                namespace: namespace.clone(),
                nearest: nearest.map(|name| (*name).clone()),
            }
        })
    }

    /// The gate's roles that the signer, or whom it signs for, holds here.
    pub(crate) fn signs_for(&self, gate: &Name, at: u64) -> Result<Vec<Name>, RuleViolation> {
        let policy = self.gate(gate, at)?;
        let roles = policy.roles_among(&self.held());
        match roles.is_empty() {
            false => Ok(roles),
            true => Err(RuleViolation::NotASignatory {
                gate: gate.clone(),
                namespace: self.event.subject.namespace.clone(),
                person: acting(self.event, self.by.issuer).clone(),
                roles: policy.policy.signatures.iter().map(|signatures| signatures.role.clone()).collect(),
            }),
        }
    }

    /// Whoever had a hand in a version does not decide on it.
    fn uninvolved(&self, version: &Version) -> Result<(), RuleViolation> {
        if let Some(hand) = version.hand_of(&self.actors.persons) {
            return Err(RuleViolation::FourEyes { person: hand.person.clone(), index: hand.at.index });
        }
        let Some(index) = version.anonymous.map(|at| at.index) else { return Ok(()) };
        let namespace = &self.event.subject.namespace;
        let model = self.state.domain.models.get(model_of(self.by.subject));
        let owns =
            |person: &Identity| model.is_some_and(|model| model.owners.iter().any(|owner| owner.person == *person));
        let develops = |person: &Identity| self.state.authority.develops(person, namespace, self.by.signed.time_ms);
        match self.actors.persons.iter().find(|person| develops(person) || owns(person)) {
            Some(person) => Err(RuleViolation::UnknownInitiator { person: person.clone(), index }),
            None => Ok(()),
        }
    }

    fn signs_once(&self, request: &Request) -> Result<(), RuleViolation> {
        let mut good =
            request.grants.iter().filter(|grant| grant.revoked.is_none() && self.state.authority.counts(&grant.signed));
        let same = good.find_map(|grant| {
            let person = signatories(self.event, self.by.issuer)
                .into_iter()
                .find(|person| grant.signatories.persons.contains(person))?;
            Some((person, grant.signed.index))
        });
        match same {
            Some((person, index)) => Err(RuleViolation::SignedAlready { person, index }),
            None => Ok(()),
        }
    }

    /// An approval is for artefacts of this version that were asked for.
    fn binds(&self, granted: &Granted, request: &Request, version: &Version) -> Result<(), RuleViolation> {
        if !version.artifacts.is_empty() && granted.digests.is_empty() {
            return Err(RuleViolation::DigestsMissing);
        }
        let asked = |digest: &Digest| request.digests.is_empty() || request.digests.contains(digest);
        match granted.digests.iter().find(|digest| !version.consists_of(digest) || !asked(digest)) {
            Some(digest) => Err(RuleViolation::ForeignDigest { digest: *digest }),
            None => Ok(()),
        }
    }

    fn evidence_is_there(&self, seen: &[Digest]) -> Result<(), RuleViolation> {
        for digest in seen {
            let domain = &self.state.domain;
            let Some(withdrawals) = domain.documents.get(digest) else {
                return Err(RuleViolation::EvidenceUnknown { digest: *digest });
            };
            let namespace = &self.event.subject.namespace;
            if let Some(withdrawal) = withdrawals.iter().find(|withdrawal| withdrawal.reach.covers(namespace)) {
                return Err(RuleViolation::EvidenceWithdrawn { digest: *digest, index: withdrawal.at.index });
            }
        }
        Ok(())
    }

    /// What is approved has been validated: these very bytes.
    fn validated(&self, granted: &Granted, at: u64, version: &Version) -> Result<(), RuleViolation> {
        for scope in &self.gate(&granted.gate, at)?.policy.validation_scopes {
            if !version.is_validated(*scope, &granted.digests) {
                return Err(RuleViolation::NotValidated { scope: *scope });
            }
        }
        Ok(())
    }

    /// What the lifecycle policies in force ask for before anything is granted.
    fn lifecycle(&self, granted: &Granted) -> Result<(), RuleViolation> {
        let domain = &self.state.domain;
        let name = model_of(self.by.subject);
        let model = domain.models.get(name);
        for policy in self.state.policies.lifecycles(&self.event.subject.namespace) {
            if policy.use_case_accepted {
                for use_case in &granted.scope.uses {
                    let known = domain.use_cases.get(use_case.to_string().as_str());
                    let counts = |signed| self.state.authority.counts(&signed);
                    let accepted = known
                        .is_some_and(|known| known.accepted.is_some_and(counts) && !known.retired.is_some_and(counts));
                    if !accepted {
                        return Err(RuleViolation::UseNotAccepted { use_case: use_case.to_string() });
                    }
                }
            }
            let owned = model.is_some_and(|model| {
                model.owners.iter().any(|owner| {
                    self.state.authority.counts(&owner.signed)
                        && self.state.authority.departed(&owner.person, self.by.signed.time_ms).is_none()
                })
            });
            if policy.owner_accepted && !owned {
                return Err(RuleViolation::NoOwner { model: name.to_owned() });
            }
            let classified = model.and_then(|model| model.classified_until());
            let in_time = |until: Option<u64>| until.is_none_or(|until| self.by.signed.time_ms < until);
            if policy.classified && !classified.is_some_and(in_time) {
                return Err(RuleViolation::NotClassified { model: name.to_owned() });
            }
        }
        Ok(())
    }

    /// The signature as it is kept, with the roles it fills and the end that the gate sets.
    pub(crate) fn signature(&self, granted: &Granted) -> Option<Grant> {
        let opener = self.answered().ok()?;
        // Under rule set 1 any approver's signature was taken, whatever gate it named.
        let gate = self.gate(&granted.gate, opener.at.index).ok();
        Some(Grant::of(self.event, granted, self.by, gate.as_deref(), &self.state.authority))
    }

    /// The roles that the signer, or the person it signs for, holds here.
    fn held(&self) -> Vec<&'a Name> {
        let (who, namespace) = (acting(self.event, self.by.issuer), &self.event.subject.namespace);
        self.state.authority.held(who, namespace, self.by.signed.time_ms).collect()
    }
}

fn request(item: &OpenItem) -> Result<&Request, RuleViolation> {
    match &item.case {
        Case::ApprovalRequest(request) => Ok(request),
        other => Err(RuleViolation::OpenerDiffers { field: "regarding", expected: other.opened_by().to_owned() }),
    }
}
