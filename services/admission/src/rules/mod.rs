//! The rules that bind acts at the door.
//!
//! Facts are never brought here. Each rule reads the state as it is before the act and names what stands against it; none
//! changes anything.

mod approvals;
mod deployments;
mod exceptions;
mod matters;
mod power;

use probity_domain::references::answerable;
use probity_domain::{Actors, SignedBy};
use probity_schemas::{Data, Event, Identity, SubjectKind, TypeInfo};

use crate::domain::OpenItem;
use crate::refusal::Refusal;
use crate::state::State;
use crate::violation::RuleViolation;

/// How old an act may be when it is handed in: a signed approval that its author dropped cannot turn up a year later.
pub const ACT_MAX_AGE_MS: u64 = 24 * 60 * 60 * 1_000;

/// How far an act may be ahead of the ledger's clock.
pub const ACT_MAX_LEAD_MS: u64 = 5 * 60 * 1_000;

/// The acts that services may carry out. None of them decides anything: an authorisation only follows what persons or a
/// plan approved by persons have let through.
const ACTS_OF_SERVICES: &[&str] =
    &["deployment.authorized", "subscription.configured", "subscription.removed", "payload.erased"];

/// An act is timely: no older than a day, no further ahead than five minutes. Holds under every rule set.
pub(crate) fn timely(act: &Event, block_time_ms: u64) -> Result<(), Refusal> {
    // The vocabulary refuses acts without an exact time before they get here.
    let Some(occurred) = act.occurred.and_then(|occurred| occurred.exact()) else { return Ok(()) };
    let occurred_ms = occurred.as_ms();
    if occurred_ms.saturating_add(ACT_MAX_AGE_MS) < block_time_ms {
        return Err(Refusal::ActTooOld { occurred_ms, block_time_ms });
    }
    if occurred_ms > block_time_ms.saturating_add(ACT_MAX_LEAD_MS) {
        return Err(Refusal::ActInTheFuture { occurred_ms, block_time_ms });
    }
    Ok(())
}

/// An act before its judges: rule set 2.
pub(crate) struct RuleContext<'a> {
    pub(crate) state: &'a State,
    pub(crate) event: &'a Event,
    pub(crate) by: SignedBy<'a>,
    pub(crate) actors: Actors,
}

impl<'a> RuleContext<'a> {
    pub(crate) fn new(state: &'a State, event: &'a Event, by: SignedBy<'a>) -> Self {
        Self { state, event, by, actors: state.authority.actors(by.issuer, event, by.signed.time_ms) }
    }

    /// Judges the act.
    pub(crate) fn judge(&self) -> Result<(), Refusal> {
        use probity_schemas::{
            approval::ApprovalEvent as Approval, attestation::AttestationEvent as Attestation,
            authority::AuthorityEvent as Authority, deployment::DeploymentEvent as Deployment,
            exception::ExceptionEvent as Exception, finding::FindingEvent as Finding, hold::HoldEvent as Hold,
            model::ModelEvent as Model, payload::PayloadEvent as Payload, plan::PlanEvent as Plan,
            retirement::RetirementEvent as Retirement, risk::RiskEvent as Risk,
            subscription::SubscriptionEvent as Subscription, usecase::UsecaseEvent as Usecase,
        };
        self.takes_a_person()?;
        match &self.event.data {
            Data::Approval(Approval::Granted(granted)) => self.approval_granted(granted)?,
            Data::Approval(Approval::Rejected(rejected)) => self.approval_rejected(rejected)?,
            Data::Approval(Approval::ConditionMet(met)) => self.condition_met(met)?,
            Data::Approval(Approval::Revoked(revoked)) => self.approval_revoked(revoked)?,
            Data::Deployment(Deployment::Authorized(authorized)) => self.authorized(authorized)?,
            Data::Deployment(Deployment::Resumed(_)) => self.resumed()?,
            Data::Plan(Plan::Approved(_)) => self.plan_approved()?,
            Data::Plan(Plan::Revoked(_)) => self.plan_revoked()?,
            Data::Exception(Exception::Granted(granted)) => self.exception_granted(granted)?,
            Data::Exception(Exception::Extended(extended)) => self.exception_extended(extended)?,
            Data::Exception(Exception::Revoked(_)) => self.exception_revoked()?,
            Data::Exception(Exception::Invoked(invoked)) => self.exception_invoked(invoked)?,
            Data::Usecase(Usecase::Accepted(_)) => self.use_case_accepted()?,
            Data::Usecase(Usecase::Declined(_)) => self.use_case_declined()?,
            Data::Usecase(Usecase::Retired(_)) => self.use_case_retired()?,
            Data::Model(Model::OwnershipAccepted(_)) => self.ownership_accepted()?,
            Data::Finding(Finding::Closed(_)) => self.finding_closed()?,
            Data::Finding(Finding::Extended(extended)) => self.finding_extended(extended)?,
            Data::Risk(Risk::Accepted(accepted)) => self.risk_accepted(accepted)?,
            Data::Retirement(Retirement::Approved(_)) => self.retirement_approved()?,
            Data::Retirement(Retirement::Reversed(_)) => self.retirement_reversed()?,
            Data::Hold(Hold::Set(set)) => self.hold_set(set)?,
            Data::Hold(Hold::Lifted(_)) => self.hold_lifted()?,
            Data::Payload(Payload::Erased(erased)) => self.erased(erased)?,
            Data::Attestation(Attestation::Given(given)) => self.attested(given)?,
            Data::Subscription(Subscription::Configured(configured)) => self.subscription_configured(configured)?,
            Data::Subscription(Subscription::Removed(removed)) => self.subscription_removed(removed)?,
            Data::Authority(Authority::Confirmed(confirmed)) => self.confirmed(confirmed)?,
            Data::Authority(Authority::Delegated(delegated)) => self.delegated(delegated)?,
            // Enrolments, roles, revocations and policies are judged where they take effect, revisions attested against
            // the history: see `State`. The rest are facts.
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn info(&self) -> &'static TypeInfo {
        self.event.info()
    }

    fn takes_a_person(&self) -> Result<(), RuleViolation> {
        let event_type = self.info().event_type;
        match self.by.issuer {
            Identity::Service(_) if !ACTS_OF_SERVICES.contains(&event_type) => {
                Err(RuleViolation::TakesAPerson { event_type, issuer: self.by.issuer.clone() })
            }
            _ => Ok(()),
        }
    }

    /// What the act answers: it must exist, be of a type that this act answers, be about the same subject, and be open.
    fn opener(&self) -> Result<&'a OpenItem, RuleViolation> {
        let item = self.answered()?;
        match item.closed.filter(|closed| self.state.authority.counts(closed)) {
            Some(closed) => {
                // Only reached with a reference: `answered` asked for it.
                let regarding = self.event.regarding.unwrap_or(self.event.id);
                Err(RuleViolation::OpenerClosed { regarding, index: closed.index })
            }
            None => Ok(item),
        }
    }

    /// What the act answers, open or closed.
    fn answered(&self) -> Result<&'a OpenItem, RuleViolation> {
        let event_type = self.info().event_type;
        let takes = answerable(event_type);
        let regarding = self.event.regarding.ok_or(RuleViolation::OpenerMissing { event_type, takes })?;
        let unknown = RuleViolation::OpenerUnknown { regarding, takes };
        let domain = &self.state.domain;
        let about = domain.opened_about(&regarding, takes, self.by.subject);
        let (_, item) = about.or_else(|| domain.opened(&regarding).next()).ok_or(unknown)?;
        let found = item.case.opened_by();
        if !takes.contains(&found) {
            return Err(RuleViolation::OpenerUnfit { regarding, found, takes });
        }
        match about {
            Some((_, item)) => Ok(item),
            None => Err(RuleViolation::OpenerOfAnother { regarding, found: item.subject.to_string() }),
        }
    }

    /// Nobody behind the act was behind what it answers.
    fn four_eyes(&self, opener: &OpenItem) -> Result<(), RuleViolation> {
        match opener.actors.persons.iter().find(|person| self.actors.persons.contains(person)) {
            Some(person) => Err(RuleViolation::FourEyes { person: person.clone(), index: opener.at.index }),
            None => Ok(()),
        }
    }

    fn not_retired(&self, subject: &str) -> Result<(), RuleViolation> {
        match self.state.domain.retired(subject) {
            Some(index) => Err(RuleViolation::Retired { subject: subject.to_owned(), index }),
            None => Ok(()),
        }
    }

    /// A model or a version of one is there: registered, by whichever name the act has.
    fn registered(&self, subject: &str) -> Result<(), RuleViolation> {
        let domain = &self.state.domain;
        let known = match subject.contains('@') {
            true => domain.version(subject).is_some(),
            false => domain.models.get(subject).is_some_and(|model| model.registered().is_some()),
        };
        match known {
            true => Ok(()),
            false => Err(RuleViolation::NotRegistered { subject: subject.to_owned() }),
        }
    }

    /// Nothing is granted for a model that is not registered. Other subjects need no registration.
    fn known_model(&self) -> Result<(), RuleViolation> {
        match self.event.subject.kind {
            SubjectKind::Model => self.registered(self.by.subject),
            _ => Ok(()),
        }
    }

    fn later_than_now(&self, field: &'static str, at_ms: u64) -> Result<(), RuleViolation> {
        match at_ms > self.by.signed.time_ms {
            true => Ok(()),
            false => Err(RuleViolation::InThePast { field, at_ms }),
        }
    }

    fn counts(&self, item: &OpenItem) -> bool {
        item.closed.is_none_or(|closed| !self.state.authority.counts(&closed))
    }
}
