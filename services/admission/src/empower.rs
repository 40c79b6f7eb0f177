//! Acts of power: checked, then taken in by the authority, which puts them into force at once or once a
//! second person has confirmed them.

use std::sync::Arc;

use probity_domain::authority::{Authority, Enacted, Power};
use probity_domain::{Signed, SignedBy};
use probity_schemas::authority::AuthorityEvent;
use probity_schemas::policy::{PolicyEvent, Published};
use probity_schemas::{Data, Digest, Event, Identity, Subject, TypeInfo};
use probity_statement::{PublicKey, SignedStatement};
use sha2::{Digest as _, Sha256};

use crate::RULES_OF_POWER;
use crate::authority::{Checks as _, subject_identity};
use crate::refusal::Refusal;
use crate::state::State;
use crate::violation::RuleViolation;

impl State {
    /// Takes an act of power in. Refuses before it changes anything. Returns whether anything changed.
    pub(crate) fn empower(
        &mut self,
        statement: &SignedStatement,
        event: &Event,
        by: SignedBy<'_>,
    ) -> Result<bool, Refusal> {
        if !matches!(event.data, Data::Authority(_) | Data::Policy(_)) {
            return Ok(false);
        }
        self.can_enact(event, by)?;
        let digest = || Digest::from_bytes(Sha256::digest(statement.bytes()).into());
        let two_persons = self.two_persons();
        let enacted = self.authority_mut().enact(event, by, digest, two_persons);
        match &enacted {
            Enacted::InForce { power: Power::Enrol { enrolled, .. }, .. } => {
                if let Ok(key) = PublicKey::from_bytes(enrolled.public_key.as_bytes()) {
                    Arc::make_mut(&mut self.keyring).insert(key);
                }
            }
            Enacted::InForce { power: Power::Publish { subject, published }, .. } => {
                Arc::make_mut(&mut self.policies).publish(subject, published, by.signed.at());
            }
            _ => {}
        }
        Ok(enacted != Enacted::Nothing)
    }

    fn can_enact(&self, event: &Event, by: SignedBy<'_>) -> Result<(), Refusal> {
        let (authority, now_ms) = (&self.authority, by.signed.time_ms);
        match &event.data {
            Data::Policy(PolicyEvent::Published(published)) => {
                self.has_a_say(by.issuer, event.info(), &event.subject, published, by.signed)?;
                self.can_publish(&event.subject, published, now_ms)
            }
            Data::Authority(AuthorityEvent::Enrolled(enrolled)) => {
                authority.can_enrol(&subject_identity(event)?, enrolled, &self.origin).map(drop)
            }
            Data::Authority(AuthorityEvent::RoleGranted(granted)) => {
                let identity = subject_identity(event)?;
                authority.can_grant(&identity, granted, now_ms)
            }
            Data::Authority(AuthorityEvent::Confirmed(confirmed)) if self.two_persons() => {
                // What can no longer take effect is refused with its last confirmation.
                match authority.completed_by(confirmed) {
                    Some(Power::Enrol { identity, enrolled }) => {
                        authority.can_enrol(identity, enrolled, &self.origin).map(drop)
                    }
                    Some(Power::Grant { identity, granted }) => {
                        authority.can_grant(identity, granted, now_ms)?;
                        authority.enrolled(identity)
                    }
                    Some(Power::Publish { subject, published }) => {
                        self.has_a_say(by.issuer, event.info(), subject, published, by.signed)?;
                        self.can_publish(subject, published, now_ms)
                    }
                    Some(Power::Withdraw { identity, withdrawn }) => authority.can_withdraw(identity, withdrawn),
                    Some(Power::Revoke { .. } | Power::Depart { .. }) | None => Ok(()),
                }
            }
            Data::Authority(AuthorityEvent::RoleWithdrawn(withdrawn)) => {
                authority.can_withdraw(&subject_identity(event)?, withdrawn)
            }
            Data::Authority(AuthorityEvent::KeyRevoked(revoked)) => {
                authority.can_revoke(&subject_identity(event)?, revoked)
            }
            Data::Authority(AuthorityEvent::Delegated(_)) => authority.enrolled(&subject_identity(event)?),
            _ => Ok(()),
        }
    }

    /// A policy holds where those who publish and confirm it hold their role, and takes the place of none that
    /// holds elsewhere.
    fn has_a_say(
        &self,
        who: &Identity,
        info: &TypeInfo,
        subject: &Subject,
        published: &Published,
        signed: Signed,
    ) -> Result<(), Refusal> {
        if !self.two_persons() {
            return Ok(());
        }
        let reach = self.authority.reach(who, info, signed.time_ms);
        let replaced = self.policies.bound_by(subject, signed.index);
        let bound = Power::bound_by(published).into_iter().chain(replaced);
        match bound.into_iter().find(|pattern| !reach.includes(pattern)) {
            Some(beyond) => Err(RuleViolation::OutOfReach { who: who.clone(), beyond }.into()),
            None => Ok(()),
        }
    }

    fn can_publish(&self, subject: &Subject, published: &Published, now_ms: u64) -> Result<(), Refusal> {
        self.policies.take(subject, published).map_err(|full| RuleViolation::too_many(&subject.namespace, full))?;
        match published {
            Published::Roles(policy) => self.authority.can_adopt(policy, self.two_persons(), now_ms),
            _ => Ok(()),
        }
    }

    /// Whether power takes two persons by the rule set in force.
    pub(crate) fn two_persons(&self) -> bool {
        self.rule_set >= RULES_OF_POWER
    }

    /// The authority, to be changed: copied first if an earlier state still shares it.
    fn authority_mut(&mut self) -> &mut Authority {
        Arc::make_mut(&mut self.authority)
    }
}
