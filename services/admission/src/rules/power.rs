//! Power: the second person's yes, and rights that someone else exercises.

use probity_schemas::Identity;
use probity_schemas::authority::{Confirmed, Delegated};

use super::RuleContext;
use crate::authority::{Checks as _, subject_identity};
use crate::refusal::Refusal;
use crate::violation::RuleViolation;

impl RuleContext<'_> {
    /// `authority.confirmed`. Whoever confirms an act of authority could have done it; a policy, anyone who may confirm.
    pub(super) fn confirmed(&self, confirmed: &Confirmed) -> Result<(), Refusal> {
        let authority = &self.state.authority;
        let persons = &self.actors.persons;
        let pending = authority.can_confirm(self.event, &confirmed.statement_digest, self.by.signed, persons)?;
        let act = probity_schemas::newest(pending.power.event_type());
        match act {
            Ok(act) if act.family() == "authority" && !pending.recovery => {
                let namespace = &self.event.subject.namespace;
                authority.may_record(self.by.issuer, act, namespace, self.by.signed.time_ms)
            }
            _ => Ok(()),
        }
    }

    /// `authority.delegated`: one's own rights, to another person, for a time that is not over.
    pub(super) fn delegated(&self, delegated: &Delegated) -> Result<(), Refusal> {
        let subject = subject_identity(self.event)?;
        if subject != *self.by.issuer {
            return Err(RuleViolation::DelegatesForAnother { subject }.into());
        }
        let to = &delegated.to;
        if *to == subject || !matches!(to, Identity::Person(_)) || self.state.authority.number(to).is_none() {
            return Err(RuleViolation::DelegatesToNobody { to: to.clone() }.into());
        }
        Ok(self.later_than_now("until", delegated.until.as_ms())?)
    }
}
