//! What acts of authority change, and when: at once, or with the last signature they need.

use probity_schemas::authority::{
    AuthorityEvent, Delegated, Departed, Enrolled, KeyRevoked, RoleGranted, RoleWithdrawn,
};
use probity_schemas::policy::{PolicyEvent, Published};
use probity_schemas::{Data, Digest, Event, Identity, Name, Timestamp};

use super::{Authority, Delegation, Pending, Power, Revocation, RoleGrant};
use crate::signed::{Signed, SignedBy};

/// What became of an act of authority or a policy.
#[derive(Debug, Clone, PartialEq)]
pub enum Enacted {
    /// It is none, and nothing changed.
    Nothing,
    /// It is recorded and not yet in effect: it waits for a confirmation.
    Waits,
    /// It counts towards what waits, which still lacks signatures.
    Counted,
    /// This took effect: the act itself, or the one that it confirms. It was recorded at `index`.
    InForce {
        /// What took effect.
        power: Power,
        /// The index of the act, which is not that of its confirmation.
        index: u64,
    },
    /// It took effect at once, as acts that take one person do.
    Changed,
}

/// The identity that an event of authority is about.
#[must_use]
pub fn subject_identity(event: &Event) -> Option<Identity> {
    Identity::from_subject(&event.subject)
}

impl Authority {
    /// Takes an admitted statement in. `digest` is that of the whole signed statement, by which its
    /// confirmation names it. `two_persons` says whether the rule set in force asks for two.
    pub fn enact(
        &mut self,
        event: &Event,
        by: SignedBy<'_>,
        digest: impl FnOnce() -> Digest,
        two_persons: bool,
    ) -> Enacted {
        let signed = by.signed;
        match &event.data {
            Data::Policy(PolicyEvent::Published(published)) => {
                // What a ledger begins with needs no confirmation.
                let takes_two = two_persons && !matches!(by.issuer, Identity::Ledger(_));
                let power = Power::Publish { subject: event.subject.clone(), published: published.clone() };
                self.wield(power, takes_two, event, by, digest)
            }
            Data::Authority(AuthorityEvent::Confirmed(confirmed)) if two_persons => {
                let persons = self.actors(by.issuer, event).persons;
                self.confirm(&confirmed.statement_digest, signed, persons)
            }
            Data::Authority(data) => {
                let Some(identity) = subject_identity(event) else { return Enacted::Nothing };
                match data {
                    AuthorityEvent::Enrolled(enrolled) => {
                        // A further key of a service has the service's roles at once, and could be anyone's.
                        let again = self.number(&identity).is_some();
                        let takes_two = two_persons && (Power::enrolling_takes_two(enrolled) || again);
                        let power = Power::Enrol { identity, enrolled: enrolled.as_ref().clone() };
                        self.wield(power, takes_two, event, by, digest)
                    }
                    AuthorityEvent::RoleGranted(granted) => {
                        let power = Power::Grant { identity, granted: granted.as_ref().clone() };
                        self.wield(power, two_persons, event, by, digest)
                    }
                    AuthorityEvent::RoleWithdrawn(withdrawn) => self.withdraw(&identity, withdrawn),
                    AuthorityEvent::KeyRevoked(revoked) => self.revoke(revoked, signed.index),
                    AuthorityEvent::Delegated(delegated) => self.delegate(&identity, delegated, signed),
                    AuthorityEvent::Departed(departed) => self.depart(&identity, event, departed, signed.time_ms),
                    AuthorityEvent::Confirmed(_) => Enacted::Nothing,
                }
            }
            _ => Enacted::Nothing,
        }
    }

    /// Puts an act of power into force, or lets it wait for the others who have to sign.
    fn wield(
        &mut self,
        power: Power,
        takes_two: bool,
        event: &Event,
        by: SignedBy<'_>,
        digest: impl FnOnce() -> Digest,
    ) -> Enacted {
        let signed = by.signed;
        let recovery = self.is_recovery_key(&signed);
        let needed = match recovery {
            true => self.recovery_threshold,
            false if takes_two && self.takes_two(signed.time_ms) => 2,
            false => 1,
        };
        if needed <= 1 {
            self.put_in_force(&power, vec![signed], recovery);
            return Enacted::InForce { power, index: signed.index };
        }
        // What was not confirmed in time can never be confirmed.
        self.waiting.retain(|_, pending| pending.in_time(signed.time_ms));
        let persons = self.actors(by.issuer, event).persons;
        let (id, subject, signed) = (event.id, event.subject.clone(), vec![(signed, persons)]);
        self.waiting.insert(digest(), Pending { power, id, subject, signed, needed, recovery });
        Enacted::Waits
    }

    fn confirm(&mut self, digest: &Digest, signed: Signed, persons: Vec<Identity>) -> Enacted {
        let Some(pending) = self.waiting.get_mut(digest) else { return Enacted::Nothing };
        let complete = pending.lacks_one();
        pending.signed.push((signed, persons));
        if !complete {
            return Enacted::Counted;
        }
        let Some(pending) = self.waiting.remove(digest) else { return Enacted::Nothing };
        let index = pending.index();
        let Pending { power, signed, recovery, .. } = pending;
        self.put_in_force(&power, signed.into_iter().map(|(signed, _)| signed).collect(), recovery);
        Enacted::InForce { power, index }
    }

    fn put_in_force(&mut self, power: &Power, by: Vec<Signed>, recovery: bool) {
        match power {
            Power::Enrol { identity, enrolled } => {
                self.enrol(identity, &enrolled.public_key, enrolled.responsible.clone(), by.clone());
                if recovery {
                    self.recover(identity, by);
                }
            }
            Power::Grant { identity, granted } => self.grant(identity, granted, by),
            Power::Publish { published, .. } => {
                if let Published::Roles(policy) = published.as_ref() {
                    self.policy = policy.clone();
                }
            }
        }
    }

    fn grant(&mut self, identity: &Identity, granted: &RoleGranted, by: Vec<Signed>) {
        let Some(member) = self.members.get_mut(identity) else { return };
        let namespaces = granted.namespaces.to_vec();
        let grant = RoleGrant { role: granted.role.clone(), namespaces, until: granted.until, by };
        let same = |held: &RoleGrant| {
            (&held.role, &held.namespaces, held.until) == (&grant.role, &grant.namespaces, grant.until)
        };
        // Given again, it rests on who gave it last.
        member.grants.retain(|held| !same(held));
        member.grants.push(grant);
    }

    /// Makes someone an administrator, as recovery keys can: in the roles that let others in by the policy in
    /// force.
    fn recover(&mut self, identity: &Identity, by: Vec<Signed>) {
        let powers = [Enrolled::INFO, RoleGranted::INFO];
        let lets_in = |role: &&Name| powers.iter().any(|info| self.policy.may_record(role, info));
        let roles: Vec<Name> = self.policy.roles.keys().filter(lets_in).cloned().collect();
        roles.into_iter().for_each(|role| self.appoint(identity, role, by.clone()));
    }

    fn withdraw(&mut self, identity: &Identity, withdrawn: &RoleWithdrawn) -> Enacted {
        let Some(member) = self.members.get_mut(identity) else { return Enacted::Nothing };
        for grant in member.grants.iter_mut().filter(|grant| grant.role == withdrawn.role) {
            match withdrawn.namespaces.is_empty() {
                true => grant.namespaces.clear(),
                false => grant.namespaces.retain(|pattern| !withdrawn.namespaces.contains(pattern)),
            }
        }
        member.grants.retain(|grant| !grant.namespaces.is_empty());
        Enacted::Changed
    }

    fn revoke(&mut self, revoked: &KeyRevoked, index: u64) -> Enacted {
        let Some(key) = self.keys.get_mut(&revoked.kid) else { return Enacted::Nothing };
        key.revoked = Some(Revocation { index, compromised_since: revoked.compromised_since });
        Enacted::Changed
    }

    fn delegate(&mut self, identity: &Identity, delegated: &Delegated, signed: Signed) -> Enacted {
        let Some(member) = self.members.get_mut(identity) else { return Enacted::Nothing };
        member.delegations.push(Delegation {
            to: delegated.to.clone(),
            types: delegated.types.to_vec(),
            from_ms: delegated.from.map_or(signed.time_ms, Timestamp::as_ms),
            until: delegated.until,
            signed,
        });
        Enacted::Changed
    }

    /// A fact: about someone who is not enrolled it changes nothing.
    fn depart(&mut self, identity: &Identity, event: &Event, departed: &Departed, time_ms: u64) -> Enacted {
        let Some(member) = self.members.get_mut(identity) else { return Enacted::Nothing };
        let said = departed.last_day.or_else(|| event.occurred.map(|occurred| occurred.latest()));
        member.departed = Some(said.map_or(time_ms, Timestamp::as_ms));
        Enacted::Changed
    }
}
