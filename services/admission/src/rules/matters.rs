//! Everything else that is decided: uses, ownership, findings, risks, retirement, holds, erasure, subscriptions.

use probity_domain::approvals::acting;
use probity_schemas::attestation::Given;
use probity_schemas::finding::Extended;
use probity_schemas::hold::Set;
use probity_schemas::payload::{Erased, ErasedKind};
use probity_schemas::risk::Accepted;
use probity_schemas::subscription::{Configured, Removed};
use probity_schemas::{Identity, NamespacePattern, Subject};

use super::RuleContext;
use crate::domain::{Case, OpenItem, UseCase};
use crate::violation::RuleViolation;

impl RuleContext<'_> {
    fn use_case(&self) -> Result<&UseCase, RuleViolation> {
        let known = self.state.domain.use_cases.get(self.by.subject).filter(|known| known.proposed.is_some());
        let known = known.ok_or_else(|| RuleViolation::NotRegistered { subject: self.by.subject.to_owned() })?;
        match known.retired.filter(|retired| self.state.authority.counts(retired)) {
            Some(retired) => Err(RuleViolation::Retired { subject: self.by.subject.to_owned(), index: retired.index }),
            None => Ok(known),
        }
    }

    /// A use that an act names has not been retired.
    pub(super) fn use_goes_on(&self, use_case: &Subject) -> Result<(), RuleViolation> {
        let subject = use_case.to_string();
        let known = self.state.domain.use_cases.get(subject.as_str());
        match known.and_then(|known| known.retired).filter(|retired| self.state.authority.counts(retired)) {
            Some(retired) => Err(RuleViolation::Retired { subject, index: retired.index }),
            None => Ok(()),
        }
    }

    fn proposal(&self) -> Result<(), RuleViolation> {
        match self.event.regarding {
            Some(_) => self.opener().map(drop),
            None => Ok(()),
        }
    }

    /// `usecase.accepted`.
    pub(super) fn use_case_accepted(&self) -> Result<(), RuleViolation> {
        let known = self.use_case()?;
        self.proposal()?;
        let proposer = known.proposers.iter().find(|person| self.actors.persons.contains(person));
        match (proposer, known.proposed) {
            (Some(person), Some(index)) => Err(RuleViolation::FourEyes { person: person.clone(), index }),
            _ => Ok(()),
        }
    }

    /// `usecase.declined`.
    pub(super) fn use_case_declined(&self) -> Result<(), RuleViolation> {
        self.use_case()?;
        self.proposal()
    }

    /// `usecase.retired`.
    pub(super) fn use_case_retired(&self) -> Result<(), RuleViolation> {
        self.use_case().map(drop)
    }

    /// `model.ownership_accepted`.
    pub(super) fn ownership_accepted(&self) -> Result<(), RuleViolation> {
        self.registered(self.by.subject)?;
        self.not_retired(self.by.subject)
    }

    /// `finding.closed`.
    pub(super) fn finding_closed(&self) -> Result<(), RuleViolation> {
        let opener = self.opener()?;
        self.not_its_owner(opener)
    }

    /// `finding.extended`.
    pub(super) fn finding_extended(&self, extended: &Extended) -> Result<(), RuleViolation> {
        let opener = self.opener()?;
        self.not_its_owner(opener)?;
        self.later_than_now("due", extended.due.as_ms())
    }

    fn not_its_owner(&self, finding: &OpenItem) -> Result<(), RuleViolation> {
        let Case::Finding { owner: Some(owner) } = &finding.case else { return Ok(()) };
        match self.actors.persons.contains(owner) {
            true => Err(RuleViolation::OwnFinding { person: owner.clone() }),
            false => Ok(()),
        }
    }

    /// `risk.accepted`.
    pub(super) fn risk_accepted(&self, accepted: &Accepted) -> Result<(), RuleViolation> {
        self.opener()?;
        self.known_model()?;
        self.later_than_now("expires_at", accepted.expires_at.as_ms())
    }

    /// `retirement.approved`.
    pub(super) fn retirement_approved(&self) -> Result<(), RuleViolation> {
        let opener = self.opener()?;
        self.four_eyes(opener)?;
        self.not_retired(self.by.subject)
    }

    /// `retirement.reversed`.
    pub(super) fn retirement_reversed(&self) -> Result<(), RuleViolation> {
        self.opener().map(drop)
    }

    /// `hold.set`: it covers what its setter has a say over.
    pub(super) fn hold_set(&self, set: &Set) -> Result<(), RuleViolation> {
        self.within_reach(set.namespaces.iter().cloned().chain(set.covers.iter().map(own)))
    }

    /// `attestation.given`: for what its signer has a say over.
    pub(super) fn attested(&self, given: &Given) -> Result<(), RuleViolation> {
        self.within_reach(given.subjects.iter().map(|attested| own(&attested.subject)))
    }

    /// `subscription.configured`: nobody has more sent to them than they have a say over.
    pub(super) fn subscription_configured(&self, configured: &Configured) -> Result<(), RuleViolation> {
        match configured.namespaces.is_empty() {
            true => self.within_reach([NamespacePattern::All]),
            false => self.within_reach(configured.namespaces.iter().cloned()),
        }
    }

    /// Whoever acts holds a role for it wherever it takes effect.
    fn within_reach(&self, namespaces: impl IntoIterator<Item = NamespacePattern>) -> Result<(), RuleViolation> {
        let who = acting(self.event, self.by.issuer);
        let reach = self.state.authority.reach(who, self.info(), self.by.signed.time_ms);
        match namespaces.into_iter().find(|pattern| !reach.includes(pattern)) {
            Some(beyond) => Err(RuleViolation::OutOfReach { who: who.clone(), beyond }),
            None => Ok(()),
        }
    }

    /// `hold.lifted`.
    pub(super) fn hold_lifted(&self) -> Result<(), RuleViolation> {
        self.opener().map(drop)
    }

    /// `payload.erased`: nothing that a hold covers, wherever the key's texts are.
    pub(super) fn erased(&self, erased: &Erased) -> Result<(), RuleViolation> {
        let domain = &self.state.domain;
        let mut subjects: Vec<Subject> = self.event.about.clone();
        subjects.push(self.event.subject.clone());
        if erased.kind == ErasedKind::SealingKey {
            let sealed = key_id(&erased.key).map(|kid| domain.sealed_under(kid));
            subjects.extend(sealed.into_iter().flatten().filter_map(|key| key.parse().ok()));
        }
        for subject in subjects {
            if let Some(index) = domain.hold_over(&subject) {
                return Err(RuleViolation::OnHold { subject: subject.to_string(), index });
            }
        }
        Ok(())
    }

    /// `subscription.removed`.
    pub(super) fn subscription_removed(&self, removed: &Removed) -> Result<(), RuleViolation> {
        let opener = self.opener()?;
        match &opener.case {
            Case::Subscription { name } if *name != removed.name => {
                Err(RuleViolation::OpenerDiffers { field: "name", expected: name.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// Whoever is spoken for has asked for it, and neither has left.
    pub(crate) fn in_office(&self) -> Result<(), RuleViolation> {
        let now = self.by.signed.time_ms;
        let authority = &self.state.authority;
        for person in probity_domain::approvals::signatories(self.event, self.by.issuer) {
            if let Some(last_day_ms) = authority.departed(&person, now) {
                return Err(RuleViolation::Departed { person, last_day_ms });
            }
        }
        // A service for which nobody answers any more carries nothing out.
        if matches!(self.by.issuer, Identity::Service(_)) {
            let left = |person: &Identity| Some((person.clone(), authority.departed(person, now)?));
            let left: Vec<_> = self.actors.persons.iter().map(left).collect();
            if let Some(Some((person, last_day_ms))) =
                left.first().cloned().filter(|_| left.iter().all(Option::is_some))
            {
                return Err(RuleViolation::Departed { person, last_day_ms });
            }
        }
        let Some(delegator) = &self.event.on_behalf_of else { return Ok(()) };
        let delegate = self.by.issuer;
        let persons = matches!((delegator, delegate), (Identity::Person(_), Identity::Person(_)));
        match persons && self.state.authority.delegated(delegator, delegate, self.info(), now) {
            true => Ok(()),
            false => Err(RuleViolation::NotDelegated {
                delegator: delegator.clone(),
                delegate: delegate.clone(),
                event_type: self.info().event_type,
            }),
        }
    }
}

fn own(subject: &Subject) -> NamespacePattern {
    NamespacePattern::Exactly(subject.namespace.clone())
}

/// A sealing key's id as it is written: 32 hexadecimal digits.
fn key_id(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 || !text.is_ascii() {
        return None;
    }
    let mut id = [0; 16];
    for (byte, at) in id.iter_mut().zip((0..32).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(id)
}
