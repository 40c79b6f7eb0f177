//! What acts of authority change, and when: at once, or with the last signature they need.

use std::sync::Arc;

use probity_schemas::authority::{AuthorityEvent, Delegated, Enrolled, KeyRevoked, RoleGranted};
use probity_schemas::policy::{PolicyEvent, Published};
use probity_schemas::{Data, Digest, Event, Identity, Name, Timestamp};

use super::removal::Removal;
use super::{Authority, Delegation, Pending, Power, RoleGrant};
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
                let persons = self.actors(by.issuer, event, signed.time_ms).persons;
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
                    AuthorityEvent::RoleWithdrawn(withdrawn) => {
                        let removal = Removal::Role(withdrawn);
                        let last = two_persons && self.takes_two_to_remove(&identity, removal, signed.time_ms);
                        let power = Power::Withdraw { identity, withdrawn: withdrawn.as_ref().clone() };
                        self.remove(power, last, event, by, digest)
                    }
                    AuthorityEvent::KeyRevoked(revoked) => {
                        self.revoked_key(&identity, revoked, event, by, digest, two_persons)
                    }
                    AuthorityEvent::Delegated(delegated) => self.delegate(&identity, delegated, signed),
                    AuthorityEvent::Departed(departed) => {
                        // A fact: about someone who is not enrolled it changes nothing.
                        if self.number(&identity).is_none() {
                            return Enacted::Nothing;
                        }
                        let said = departed.last_day.or_else(|| event.occurred.map(|occurred| occurred.latest()));
                        let last_ms = said.map_or(signed.time_ms, Timestamp::as_ms);
                        let removal = Removal::Departure;
                        let last = two_persons && self.takes_two_to_remove(&identity, removal, signed.time_ms);
                        self.remove(Power::Depart { identity, last_ms }, last, event, by, digest)
                    }
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
        self.wait(power, needed, event, by, digest)
    }

    /// Lets an act wait for the others who have to sign it.
    fn wait(
        &mut self,
        power: Power,
        needed: u32,
        event: &Event,
        by: SignedBy<'_>,
        digest: impl FnOnce() -> Digest,
    ) -> Enacted {
        let signed = by.signed;
        let recovery = self.is_recovery_key(&signed);
        // What was not confirmed in time can never be confirmed.
        self.waiting.retain(|_, pending| pending.in_time(signed.time_ms));
        let persons = self.actors(by.issuer, event, signed.time_ms).persons;
        let (id, subject, signed) = (event.id, event.subject.clone(), vec![(signed, persons)]);
        self.waiting.insert(digest(), Arc::new(Pending { power, id, subject, signed, needed, recovery }));
        Enacted::Waits
    }

    /// Takes a right from somebody: at once, or where they are one of the `last` two who can administer, with
    /// a second signature, though there be only one person who could give it.
    fn remove(
        &mut self,
        power: Power,
        last: bool,
        event: &Event,
        by: SignedBy<'_>,
        digest: impl FnOnce() -> Digest,
    ) -> Enacted {
        match last {
            true => self.wait(power, 2, event, by, digest),
            false => {
                self.put_in_force(&power, vec![by.signed], false);
                Enacted::Changed
            }
        }
    }

    /// A key that is revoked signs nothing more from now on. That its acts of before do not count takes two,
    /// because it puts out everyone whom they let in.
    fn revoked_key(
        &mut self,
        identity: &Identity,
        revoked: &KeyRevoked,
        event: &Event,
        by: SignedBy<'_>,
        digest: impl FnOnce() -> Digest,
        two_persons: bool,
    ) -> Enacted {
        let time_ms = by.signed.time_ms;
        let compromised_since_ms = revoked.compromised_since.map(Timestamp::as_ms);
        let power = Power::Revoke { kid: revoked.kid, compromised_since_ms };
        if two_persons && self.takes_two_to_remove(identity, Removal::Key(&revoked.kid), time_ms) {
            return self.wait(power, 2, event, by, digest);
        }
        // Before the key is out: its holder is counted among those who can confirm.
        let undoes = two_persons && compromised_since_ms.is_some() && self.takes_two(time_ms);
        if undoes {
            self.revoke(&revoked.kid, by.signed.at());
            return self.wait(power, 2, event, by, digest);
        }
        self.put_in_force(&power, vec![by.signed], false);
        match compromised_since_ms {
            Some(_) => Enacted::InForce { power, index: by.signed.index },
            None => Enacted::Changed,
        }
    }

    fn confirm(&mut self, digest: &Digest, signed: Signed, persons: Vec<Identity>) -> Enacted {
        let Some(pending) = self.waiting.get_mut(digest) else { return Enacted::Nothing };
        let complete = pending.lacks_one();
        Arc::make_mut(pending).signed.push((signed, persons));
        if !complete {
            return Enacted::Counted;
        }
        let Some(pending) = self.waiting.remove(digest) else { return Enacted::Nothing };
        let index = pending.index();
        let Pending { power, signed, recovery, .. } = Arc::unwrap_or_clone(pending);
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
            Power::Withdraw { identity, withdrawn } => self.withdraw(identity, withdrawn),
            Power::Revoke { kid, compromised_since_ms } => {
                // It takes effect with the last signature.
                let Some(at) = by.last().map(|signed| signed.at()) else { return };
                self.revoke(kid, at);
                if let Some(since_ms) = compromised_since_ms {
                    self.compromise(kid, *since_ms, at);
                }
            }
            Power::Depart { identity, last_ms } => self.depart(identity, *last_ms),
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

    fn delegate(&mut self, identity: &Identity, delegated: &Delegated, signed: Signed) -> Enacted {
        let Some(member) = self.members.get_mut(identity) else { return Enacted::Nothing };
        // What is over is never asked about again.
        member.delegations.retain(|earlier| signed.time_ms < earlier.until.as_ms());
        member.delegations.push(Delegation {
            to: delegated.to.clone(),
            types: delegated.types.to_vec(),
            from_ms: delegated.from.map_or(signed.time_ms, Timestamp::as_ms),
            until: delegated.until,
            signed,
        });
        Enacted::Changed
    }
}
