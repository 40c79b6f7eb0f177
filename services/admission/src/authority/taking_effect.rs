//! What acts of authority change, each checked before it changes anything.

use probity_schemas::authority::{
    Confirmed, Delegated, Departed, Enrolled, KeyRevoked, RoleGranted, RoleWithdrawn, SignerKind,
};
use probity_schemas::{Digest, Event, EventId, Identity, Name, Origin, RolesPolicy, Timestamp};
use probity_statement::{KeyId, Possession, PublicKey};

use super::power::{CONFIRMATION_MAX_WAIT_MS, Pending, Power};
use super::{Authority, Delegation, Grant, Key, Member, Revocation};
use crate::broken::Broken;
use crate::life::Signed;
use crate::refusal::Refusal;

impl Authority {
    /// Whether a roles policy can be put into force: it must have roles that let others in, and where power takes two
    /// persons, leave enough of those who are here in such roles. A ledger's first policy finds nobody in any.
    pub(crate) fn can_adopt(&self, policy: &RolesPolicy, two_persons: bool, time_ms: u64) -> Result<(), Refusal> {
        let can = |event_type: &str| {
            probity_schemas::find(event_type, 1)
                .is_ok_and(|info| policy.roles.values().any(|types| types.iter().any(|pattern| pattern.covers(info))))
        };
        let confirmed = !two_persons || can("authority.confirmed");
        match can("authority.enrolled") && can("authority.role_granted") && confirmed {
            true if two_persons && self.has_policy() => self.keeps_someone(policy, time_ms),
            true => Ok(()),
            false => Err(Refusal::NoAdministratorRole),
        }
    }

    fn keeps_someone(&self, policy: &RolesPolicy, time_ms: u64) -> Result<(), Refusal> {
        let powers = [Enrolled::INFO, RoleGranted::INFO, Confirmed::INFO];
        let can = |(who, member): &(&Identity, &Member)| {
            let holds = |grant: &&Grant| grant.holds_at(time_ms) && self.grant_counts(grant);
            matches!(who, Identity::Person(_))
                && member.departed.is_none_or(|last| last >= time_ms)
                && powers
                    .iter()
                    .all(|info| member.grants.iter().filter(holds).any(|grant| policy.may_record(&grant.role, info)))
        };
        let needed = if self.takes_two(time_ms) { 2 } else { 1 };
        match self.members.iter().filter(can).count() >= needed {
            true => Ok(()),
            false => Err(Refusal::NoAdministratorRole),
        }
    }

    /// Puts a roles policy into force.
    pub(crate) fn adopt(&mut self, policy: &RolesPolicy, two_persons: bool, time_ms: u64) -> Result<(), Refusal> {
        self.can_adopt(policy, two_persons, time_ms)?;
        self.policy = policy.clone();
        Ok(())
    }

    /// Whether someone can be enrolled like this. Returns the key.
    pub(crate) fn can_enrol(
        &self,
        identity: &Identity,
        enrolled: &Enrolled,
        origin: &Origin,
    ) -> Result<PublicKey, Refusal> {
        let identity = identity.clone();
        let kind = match enrolled.kind {
            SignerKind::Person => matches!(identity, Identity::Person(_)),
            SignerKind::Service => matches!(identity, Identity::Service(_)),
        };
        if !kind {
            return Err(Refusal::WrongSignerKind { identity });
        }
        let key = PublicKey::from_bytes(enrolled.public_key.as_bytes()).map_err(|_| Refusal::UnusableKey)?;
        if key.id().0 != *enrolled.kid.as_bytes() {
            return Err(Refusal::WrongKid { stated: KeyId(*enrolled.kid.as_bytes()), actual: key.id() });
        }
        if let Some(taken) = self.keys.get(&enrolled.kid) {
            return Err(Refusal::KeyTaken { kid: key.id(), identity: taken.identity.clone() });
        }
        if Possession(*enrolled.possession.as_bytes()).verify(&key, origin, &identity).is_err() {
            return Err(Refusal::NoPossession { identity });
        }
        if enrolled.kind == SignerKind::Service && enrolled.responsible.is_empty() {
            return Err(Refusal::NobodyResponsible);
        }
        for person in &enrolled.responsible {
            if !matches!(person, Identity::Person(_)) || !self.members.contains_key(person) {
                return Err(Refusal::NotAPerson { identity: person.clone() });
            }
        }
        Ok(key)
    }

    /// Whether a role can be given like this.
    pub(crate) fn can_grant(&self, identity: &Identity, granted: &RoleGranted, time_ms: u64) -> Result<(), Refusal> {
        if !self.policy.roles.contains_key(&granted.role) {
            return Err(Refusal::UnknownRole { role: granted.role.clone(), nearest: self.nearest_role(&granted.role) });
        }
        if let Some(until) = granted.until.filter(|until| until.as_ms() <= time_ms) {
            return Err(Refusal::AlreadyOver { until });
        }
        // Someone whose enrolment waits may be given a role that waits too.
        let enrolling =
            |pending: &Pending| matches!(&pending.power, Power::Enrol { identity: who, .. } if who == identity);
        match self.members.contains_key(identity) || self.waiting.values().any(enrolling) {
            true => Ok(()),
            false => Err(Refusal::NotEnrolled { identity: identity.clone() }),
        }
    }

    /// `authority.role_granted`, in force.
    pub(crate) fn grant(
        &mut self,
        identity: &Identity,
        granted: &RoleGranted,
        time_ms: u64,
        by: Vec<Signed>,
    ) -> Result<(), Refusal> {
        self.can_grant(identity, granted, time_ms)?;
        let namespaces = granted.namespaces.to_vec();
        let grant = Grant { role: granted.role.clone(), namespaces, until: granted.until, by };
        let member = self.member(identity)?;
        let same =
            |held: &Grant| (&held.role, &held.namespaces, held.until) == (&grant.role, &grant.namespaces, grant.until);
        // Given again, it rests on who gave it last.
        member.grants.retain(|held| !same(held));
        member.grants.push(grant);
        Ok(())
    }

    /// `authority.role_withdrawn`.
    pub(crate) fn withdraw(&mut self, event: &Event, withdrawn: &RoleWithdrawn) -> Result<(), Refusal> {
        let identity = subject_identity(event)?;
        let member = self.member(&identity)?;
        let mut held = false;
        for grant in member.grants.iter_mut().filter(|grant| grant.role == withdrawn.role) {
            let before = grant.namespaces.len();
            match withdrawn.namespaces.is_empty() {
                true => grant.namespaces.clear(),
                false => grant.namespaces.retain(|pattern| !withdrawn.namespaces.contains(pattern)),
            }
            held |= grant.namespaces.len() < before;
        }
        member.grants.retain(|grant| !grant.namespaces.is_empty());
        if held { Ok(()) } else { Err(Refusal::RoleNotHeld { identity, role: withdrawn.role.clone() }) }
    }

    /// `authority.key_revoked`, at this index.
    pub(crate) fn revoke(&mut self, event: &Event, revoked: &KeyRevoked, index: u64) -> Result<(), Refusal> {
        let identity = subject_identity(event)?;
        let kid = KeyId(*revoked.kid.as_bytes());
        match self.keys.get_mut(&revoked.kid).filter(|key| key.identity == identity) {
            None => Err(Refusal::NotTheirKey { kid, identity }),
            Some(Key { revoked: Some(earlier), .. }) => Err(Refusal::KeyRevoked { kid, revoked_at: earlier.index }),
            Some(key) => {
                key.revoked = Some(Revocation { index, compromised_since: revoked.compromised_since });
                Ok(())
            }
        }
    }

    /// `authority.delegated`.
    pub(crate) fn delegate(&mut self, event: &Event, delegated: &Delegated, signed: Signed) -> Result<(), Refusal> {
        let identity = subject_identity(event)?;
        let delegation = Delegation {
            to: delegated.to.clone(),
            types: delegated.types.to_vec(),
            from_ms: delegated.from.map_or(signed.time_ms, Timestamp::as_ms),
            until: delegated.until,
            signed,
        };
        self.member(&identity)?.delegations.push(delegation);
        Ok(())
    }

    /// `authority.departed`. A fact: about someone who is not enrolled it changes nothing.
    pub(crate) fn depart(&mut self, event: &Event, departed: &Departed, time_ms: u64) {
        let Some(member) = Identity::from_subject(&event.subject).and_then(|who| self.members.get_mut(&who)) else {
            return;
        };
        let said = departed.last_day.or_else(|| event.occurred.map(|occurred| occurred.latest()));
        member.departed = Some(said.map_or(time_ms, Timestamp::as_ms));
    }

    /// Lets an act of power wait for those who have to confirm it; `by` is its signer, and the persons behind it.
    pub(crate) fn wait(
        &mut self,
        digest: Digest,
        event: &Event,
        by: (Signed, Vec<Identity>),
        power: Power,
        needed: u32,
        recovery: bool,
    ) {
        let now_ms = by.0.time_ms;
        // What nobody confirmed in time can never be confirmed.
        self.waiting.retain(|_, pending| in_time(pending, now_ms));
        let (id, subject) = (event.id, event.subject.to_string());
        self.waiting.insert(digest, Pending { power, id, subject, signed: vec![by], needed, recovery });
    }

    /// Whether a statement waits for this yes.
    pub(crate) fn can_confirm(
        &self,
        event: &Event,
        digest: &Digest,
        signed: Signed,
        persons: &[Identity],
    ) -> Result<&Pending, Refusal> {
        let unknown = || Broken::NothingToConfirm { statement_digest: *digest };
        let pending = self.waiting.get(digest).ok_or_else(unknown)?;
        let index = pending.signed.first().map_or(0, |(first, _)| first.index);
        if !in_time(pending, signed.time_ms) {
            return Err(Broken::ConfirmationTooLate { index }.into());
        }
        if pending.subject != event.subject.to_string() || event.regarding.is_some_and(|id: EventId| id != pending.id) {
            return Err(Broken::ConfirmsAnother { index, subject: pending.subject.clone() }.into());
        }
        let recovery = self.is_recovery_key(&signed);
        let again = match recovery {
            true => pending.signed.iter().any(|(earlier, _)| earlier.key == signed.key),
            false => pending.signed.iter().any(|(_, earlier)| earlier.iter().any(|person| persons.contains(person))),
        };
        match again || recovery != pending.recovery {
            true => Err(Broken::NotASecondPerson { index }.into()),
            false => Ok(pending),
        }
    }

    /// Counts a yes. Returns the act once it has all it needs, with everyone who signed.
    pub(crate) fn confirm(
        &mut self,
        digest: &Digest,
        signed: Signed,
        persons: Vec<Identity>,
    ) -> Option<(Power, Vec<Signed>, bool)> {
        let pending = self.waiting.get_mut(digest)?;
        pending.signed.push((signed, persons));
        if (pending.signed.len() as u32) < pending.needed {
            return None;
        }
        let Pending { power, signed, recovery, .. } = self.waiting.remove(digest)?;
        Some((power, signed.into_iter().map(|(signed, _)| signed).collect(), recovery))
    }

    /// How many recovery keys have to sign.
    pub(crate) fn recovery_threshold(&self) -> u32 {
        self.recovery_threshold
    }

    /// Makes someone an administrator, as recovery keys can: in whatever roles let others in by the policy in force.
    pub(crate) fn recover(&mut self, identity: &Identity, by: Vec<Signed>) {
        let powers = [Enrolled::INFO, RoleGranted::INFO];
        let lets_in = |role: &&Name| powers.iter().any(|info| self.policy.may_record(role, info));
        let roles: Vec<Name> = self.policy.roles.keys().filter(lets_in).cloned().collect();
        roles.into_iter().for_each(|role| self.appoint(identity, role, by.clone()));
    }
}

fn in_time(pending: &Pending, now_ms: u64) -> bool {
    pending.signed.first().is_some_and(|(first, _)| now_ms <= first.time_ms.saturating_add(CONFIRMATION_MAX_WAIT_MS))
}

/// The identity that an event of authority is about.
pub(crate) fn subject_identity(event: &Event) -> Result<Identity, Refusal> {
    Identity::from_subject(&event.subject).ok_or_else(|| Refusal::NotAnIdentity { subject: event.subject.to_string() })
}
