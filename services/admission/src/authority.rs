//! What an act of authority must fulfil before it is admitted. What it changes is said in
//! [`probity_domain::authority`].

use probity_domain::authority::{Authority, Pending, Power};
use probity_domain::{Signed, authority};
use probity_schemas::authority::{Confirmed, Enrolled, KeyRevoked, RoleGranted, RoleWithdrawn, SignerKind};
use probity_schemas::{Digest, Event, Identity, Kid, Name, Namespace, Origin, RolesPolicy, TypeInfo};
use probity_statement::{KeyId, Possession, PublicKey};

use crate::refusal::Refusal;
use crate::violation::RuleViolation;

/// The identity that an event of authority is about.
pub(crate) fn subject_identity(event: &Event) -> Result<Identity, Refusal> {
    authority::subject_identity(event).ok_or_else(|| Refusal::NotAnIdentity { subject: event.subject.to_string() })
}

/// What the door asks of the authority.
pub(crate) trait Checks {
    /// The numbers of the issuer and of the key, if the key is theirs.
    fn issuer(&self, issuer: &Identity, kid: KeyId) -> Result<(u32, u32), Refusal>;
    /// Whether the key may still sign.
    fn not_revoked(&self, kid: KeyId) -> Result<(), Refusal>;
    /// Whether a role of the issuer covers this type in that namespace at that time.
    fn may_record(
        &self,
        issuer: &Identity,
        info: &'static TypeInfo,
        namespace: &Namespace,
        time_ms: u64,
    ) -> Result<(), Refusal>;
    /// Whether a roles policy can be put into force: it must have roles that let others in, and where power
    /// takes two persons, leave enough of those who are here in such roles. A ledger's first policy finds
    /// nobody in any.
    fn can_adopt(&self, policy: &RolesPolicy, two_persons: bool, time_ms: u64) -> Result<(), Refusal>;
    /// Whether someone can be enrolled like this. Returns the key.
    fn can_enrol(&self, identity: &Identity, enrolled: &Enrolled, origin: &Origin) -> Result<PublicKey, Refusal>;
    /// Whether a role can be given like this.
    fn can_grant(&self, identity: &Identity, granted: &RoleGranted, time_ms: u64) -> Result<(), Refusal>;
    /// Whether someone is enrolled.
    fn enrolled(&self, identity: &Identity) -> Result<(), Refusal>;
    /// Whether a role can be withdrawn like this.
    fn can_withdraw(&self, identity: &Identity, withdrawn: &RoleWithdrawn) -> Result<(), Refusal>;
    /// Whether a key can be revoked.
    fn can_revoke(&self, identity: &Identity, revoked: &KeyRevoked) -> Result<(), Refusal>;
    /// Whether a statement waits for this confirmation.
    fn can_confirm(
        &self,
        event: &Event,
        digest: &Digest,
        signed: Signed,
        persons: &[Identity],
    ) -> Result<&Pending, Refusal>;
    /// What this confirmation puts into force, if it is the last that is needed.
    fn completed_by(&self, confirmed: &Confirmed) -> Option<&Power>;
}

impl Checks for Authority {
    fn issuer(&self, issuer: &Identity, kid: KeyId) -> Result<(u32, u32), Refusal> {
        let (holder, key) = self.key_of(&Kid::from_bytes(kid.0)).ok_or(Refusal::UnknownKey { kid })?;
        match self.number(issuer) {
            Some(number) if holder == issuer => Ok((number, key)),
            _ => Err(Refusal::NotTheIssuersKey { kid, issuer: issuer.clone() }),
        }
    }

    fn not_revoked(&self, kid: KeyId) -> Result<(), Refusal> {
        let id = Kid::from_bytes(kid.0);
        match self.revoked(&id) {
            Some(revoked_at) => Err(Refusal::KeyRevoked { kid, revoked_at }),
            // Whom a stolen key let in is out again.
            None if !self.enrolment_counts(&id) => Err(Refusal::UnknownKey { kid }),
            None => Ok(()),
        }
    }

    fn may_record(
        &self,
        issuer: &Identity,
        info: &'static TypeInfo,
        namespace: &Namespace,
        time_ms: u64,
    ) -> Result<(), Refusal> {
        let policy = self.policy();
        if policy.anyone_may_record(info) || self.role_covers(issuer, info, namespace, time_ms) {
            return Ok(());
        }
        let roles = policy.roles.keys().filter(|role| policy.may_record(role, info)).cloned().collect();
        let (issuer, namespace) = (issuer.clone(), namespace.clone());
        Err(Refusal::NotAuthorised { issuer, event_type: info.event_type, namespace, roles })
    }

    fn can_adopt(&self, policy: &RolesPolicy, two_persons: bool, time_ms: u64) -> Result<(), Refusal> {
        let can = |event_type: &str| {
            probity_schemas::find(event_type, 1)
                .is_ok_and(|info| policy.roles.values().any(|types| types.iter().any(|pattern| pattern.covers(info))))
        };
        let confirmed = !two_persons || can("authority.confirmed");
        let lets_in = can("authority.enrolled") && can("authority.role_granted") && confirmed;
        let powers = [Enrolled::INFO, RoleGranted::INFO, Confirmed::INFO];
        let keeps_someone = || {
            let needed = if self.takes_two(time_ms) { 2 } else { 1 };
            self.persons_who_can(policy, &powers, time_ms) >= needed
        };
        match lets_in && (!two_persons || !self.has_policy() || keeps_someone()) {
            true => Ok(()),
            false => Err(Refusal::NoAdministratorRole),
        }
    }

    fn can_enrol(&self, identity: &Identity, enrolled: &Enrolled, origin: &Origin) -> Result<PublicKey, Refusal> {
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
        if let Some((holder, _)) = self.key_of(&enrolled.kid) {
            return Err(Refusal::KeyTaken { kid: key.id(), identity: holder.clone() });
        }
        if Possession(*enrolled.possession.as_bytes()).verify(&key, origin, &identity).is_err() {
            return Err(Refusal::NoPossession { identity });
        }
        if enrolled.kind == SignerKind::Service && enrolled.responsible.is_empty() {
            return Err(Refusal::NobodyResponsible);
        }
        for person in &enrolled.responsible {
            if !matches!(person, Identity::Person(_)) || self.number(person).is_none() {
                return Err(Refusal::NotAPerson { identity: person.clone() });
            }
        }
        Ok(key)
    }

    fn can_grant(&self, identity: &Identity, granted: &RoleGranted, time_ms: u64) -> Result<(), Refusal> {
        if !self.policy().roles.contains_key(&granted.role) {
            return Err(Refusal::UnknownRole {
                role: granted.role.clone(),
                nearest: nearest_role(self, &granted.role),
            });
        }
        if let Some(until) = granted.until.filter(|until| until.as_ms() <= time_ms) {
            return Err(Refusal::AlreadyOver { until });
        }
        // Someone whose enrolment waits may be given a role that waits too.
        match self.is_being_enrolled(identity) {
            true => Ok(()),
            false => self.enrolled(identity),
        }
    }

    fn enrolled(&self, identity: &Identity) -> Result<(), Refusal> {
        match self.number(identity) {
            Some(_) => Ok(()),
            None => Err(Refusal::NotEnrolled { identity: identity.clone() }),
        }
    }

    fn can_withdraw(&self, identity: &Identity, withdrawn: &RoleWithdrawn) -> Result<(), Refusal> {
        self.enrolled(identity)?;
        match self.has_role(identity, &withdrawn.role, &withdrawn.namespaces) {
            true => Ok(()),
            false => Err(Refusal::RoleNotHeld { identity: identity.clone(), role: withdrawn.role.clone() }),
        }
    }

    fn can_revoke(&self, identity: &Identity, revoked: &KeyRevoked) -> Result<(), Refusal> {
        let kid = KeyId(*revoked.kid.as_bytes());
        if self.key_of(&revoked.kid).is_none_or(|(holder, _)| holder != identity) {
            return Err(Refusal::NotTheirKey { kid, identity: identity.clone() });
        }
        // That it was in other hands can turn out later.
        match self.revoked(&revoked.kid) {
            Some(revoked_at) if revoked.compromised_since.is_none() => Err(Refusal::KeyRevoked { kid, revoked_at }),
            _ => Ok(()),
        }
    }

    fn can_confirm(
        &self,
        event: &Event,
        digest: &Digest,
        signed: Signed,
        persons: &[Identity],
    ) -> Result<&Pending, Refusal> {
        let unknown = || RuleViolation::NothingToConfirm { statement_digest: *digest };
        let pending = self.pending(digest).ok_or_else(unknown)?;
        let index = pending.index();
        if !pending.in_time(signed.time_ms) {
            return Err(RuleViolation::ConfirmationTooLate { index }.into());
        }
        if pending.subject != event.subject || event.regarding.is_some_and(|id| id != pending.id) {
            return Err(RuleViolation::ConfirmsAnother { index, subject: pending.subject.to_string() }.into());
        }
        let recovery = self.is_recovery_key(&signed);
        let again = match recovery {
            true => pending.signed.iter().any(|(earlier, _)| earlier.key == signed.key),
            false => pending.signed.iter().any(|(_, earlier)| earlier.iter().any(|person| persons.contains(person))),
        };
        match again || recovery != pending.recovery {
            true => Err(RuleViolation::NotASecondPerson { index }.into()),
            false => Ok(pending),
        }
    }

    fn completed_by(&self, confirmed: &Confirmed) -> Option<&Power> {
        self.pending(&confirmed.statement_digest).filter(|pending| pending.lacks_one()).map(|pending| &pending.power)
    }
}

fn nearest_role(authority: &Authority, role: &Name) -> Option<Name> {
    let distance = |known: &&Name| strsim::damerau_levenshtein(known.as_str(), role.as_str());
    authority.policy().roles.keys().min_by_key(distance).filter(|known| distance(known) <= 3).cloned()
}
