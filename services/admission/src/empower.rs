//! Acts of power taking effect: at once, or once a second person has confirmed them.

use std::sync::Arc;

use probity_schemas::authority::AuthorityEvent;
use probity_schemas::policy::{PolicyEvent, Published};
use probity_schemas::{Data, Digest, Event, Identity};
use probity_statement::SignedStatement;
use sha2::{Digest as _, Sha256};

use crate::RULES_OF_POWER;
use crate::authority::power::Power;
use crate::authority::{Authority, subject_identity};
use crate::life::{Signed, Standing};
use crate::policies::Policies;
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// Takes an act of power in. Refuses before it changes anything. Returns whether anything changed.
    pub(crate) fn empower(
        &mut self,
        statement: &SignedStatement,
        event: &Event,
        by: Standing<'_>,
    ) -> Result<bool, Refusal> {
        let signed = by.signed;
        match &event.data {
            Data::Authority(AuthorityEvent::Enrolled(enrolled)) => {
                let identity = subject_identity(event)?;
                self.authority.can_enrol(&identity, enrolled, &self.origin)?;
                // A further key of a service has the service's roles at once, and could be anyone's.
                let takes_two = Power::enrolling_takes_two(enrolled) || self.authority.number(&identity).is_some();
                let power = Power::Enrol { identity, enrolled: enrolled.as_ref().clone() };
                self.wield(power, takes_two, statement, event, by)?;
            }
            Data::Authority(AuthorityEvent::RoleGranted(granted)) => {
                let identity = subject_identity(event)?;
                self.authority.can_grant(&identity, granted, signed.time_ms)?;
                let power = Power::Grant { identity, granted: granted.as_ref().clone() };
                self.wield(power, true, statement, event, by)?;
            }
            Data::Policy(PolicyEvent::Published(published)) => {
                if let Published::Roles(policy) = published.as_ref() {
                    self.authority.can_adopt(policy, self.rule_set >= RULES_OF_POWER, signed.time_ms)?;
                }
                let power = Power::Publish { subject: by.subject.to_owned(), published: published.clone() };
                // What a ledger begins with needs nobody's yes.
                let takes_two = !matches!(by.issuer, Identity::Ledger(_));
                self.wield(power, takes_two, statement, event, by)?;
            }
            Data::Authority(AuthorityEvent::Confirmed(confirmed)) if self.rule_set >= RULES_OF_POWER => {
                let persons = self.authority.actors(by.issuer, event).persons;
                let digest = &confirmed.statement_digest;
                let before = self.authority.clone();
                if let Some((power, by, recovery)) = authority(self).confirm(digest, signed, persons)
                    && let Err(refusal) = self.put_in_force(power, by, recovery, signed)
                {
                    // What can no longer take effect was refused before anything else changed.
                    self.authority = before;
                    return Err(refusal);
                }
            }
            Data::Authority(AuthorityEvent::RoleWithdrawn(withdrawn)) => authority(self).withdraw(event, withdrawn)?,
            Data::Authority(AuthorityEvent::KeyRevoked(revoked)) => {
                authority(self).revoke(event, revoked, signed.index)?;
            }
            Data::Authority(AuthorityEvent::Delegated(delegated)) => {
                authority(self).delegate(event, delegated, signed)?;
            }
            Data::Authority(AuthorityEvent::Departed(departed)) => {
                authority(self).depart(event, departed, signed.time_ms);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Puts an act of power into force, or lets it wait for the others who have to sign.
    fn wield(
        &mut self,
        power: Power,
        takes_two: bool,
        statement: &SignedStatement,
        event: &Event,
        by: Standing<'_>,
    ) -> Result<(), Refusal> {
        let signed = by.signed;
        let recovery = self.authority.is_recovery_key(&signed);
        let needed = match recovery {
            true => self.authority.recovery_threshold(),
            false if takes_two && self.rule_set >= RULES_OF_POWER && self.authority.takes_two(signed.time_ms) => 2,
            false => 1,
        };
        if needed <= 1 {
            return self.put_in_force(power, vec![signed], recovery, signed);
        }
        let digest = Digest::from_bytes(Sha256::digest(statement.bytes()).into());
        let persons = self.authority.actors(by.issuer, event).persons;
        authority(self).wait(digest, event, (signed, persons), power, needed, recovery);
        Ok(())
    }

    fn put_in_force(&mut self, power: Power, by: Vec<Signed>, recovery: bool, now: Signed) -> Result<(), Refusal> {
        match power {
            Power::Enrol { identity, enrolled } => {
                let key = self.authority.can_enrol(&identity, &enrolled, &self.origin)?;
                let authority = authority(self);
                authority.add(&identity, &key, enrolled.responsible, by.clone());
                if recovery {
                    authority.recover(&identity, by);
                }
                Arc::make_mut(&mut self.keyring).insert(key);
            }
            Power::Grant { identity, granted } => authority(self).grant(&identity, &granted, now.time_ms, by)?,
            Power::Publish { subject, published } => match *published {
                Published::Roles(policy) => {
                    let strict = self.rule_set >= RULES_OF_POWER;
                    authority(self).adopt(&policy, strict, now.time_ms)?;
                }
                other => drop(policies(self).publish(&subject, &other, now.index)),
            },
        }
        Ok(())
    }
}

/// The authority, to be changed: copied first if an earlier state still shares it.
fn authority(state: &mut State) -> &mut Authority {
    Arc::make_mut(&mut state.authority)
}

fn policies(state: &mut State) -> &mut Policies {
    Arc::make_mut(&mut state.policies)
}
