//! Putting somebody out: at once where two administrators remain, and otherwise with a second signature.

use probity_schemas::authority::{Confirmed, Enrolled, RoleGranted, RoleWithdrawn};
use probity_schemas::{Identity, Kid};

use super::{Authority, Member, Revocation};
use crate::signed::At;

/// What takes a right from somebody.
#[derive(Debug, Clone, Copy)]
pub(super) enum Removal<'a> {
    /// `authority.role_withdrawn`
    Role(&'a RoleWithdrawn),
    /// `authority.key_revoked`
    Key(&'a Kid),
    /// `authority.departed`, also for a day to come.
    Departure,
}

impl Authority {
    /// Whether one signature is not enough, because it would leave fewer than two who can administer.
    pub(super) fn takes_two_to_remove(&self, who: &Identity, removal: Removal<'_>, time_ms: u64) -> bool {
        let powers = [Enrolled::INFO, RoleGranted::INFO, Confirmed::INFO];
        let Some(member) = self.members.get(who) else { return false };
        let able = |member: &Member| self.can(who, member, &self.policy, &powers, time_ms);
        if !self.has_key(who) || !able(member) {
            return false;
        }
        let remains = match removal {
            Removal::Role(withdrawn) => {
                let mut left = member.clone();
                left.withdraw(withdrawn);
                able(&left)
            }
            Removal::Key(kid) => {
                let mut others = self.keys_of(who).filter(|(other, _)| *other != kid);
                others.any(|(_, key)| key.revoked.is_none() && key.cast_out.is_none())
            }
            Removal::Departure => false,
        };
        !remains && self.persons_who_can(&self.policy, &powers, time_ms) <= 2
    }

    pub(super) fn withdraw(&mut self, who: &Identity, withdrawn: &RoleWithdrawn) {
        if let Some(member) = self.members.get_mut(who) {
            member.withdraw(withdrawn);
        }
    }

    /// The key signs nothing more. What it signed stands.
    pub(super) fn revoke(&mut self, kid: &Kid, at: At) {
        if let Some(key) = self.keys.get_mut(kid) {
            key.revoked.get_or_insert(Revocation { index: at.index, compromised: None });
        }
    }

    pub(super) fn depart(&mut self, who: &Identity, last_ms: u64) {
        if let Some(member) = self.members.get_mut(who) {
            member.departed = Some(last_ms);
        }
    }
}

impl Member {
    fn withdraw(&mut self, withdrawn: &RoleWithdrawn) {
        for grant in self.grants.iter_mut().filter(|grant| grant.role == withdrawn.role) {
            match withdrawn.namespaces.is_empty() {
                true => grant.namespaces.clear(),
                false => grant.namespaces.retain(|pattern| !withdrawn.namespaces.contains(pattern)),
            }
        }
        self.grants.retain(|grant| !grant.namespaces.is_empty());
    }
}
