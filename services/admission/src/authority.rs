//! Who is enrolled, with which keys, in which roles.

use std::collections::HashMap;

use probity_schemas::authority::{Enrolled, KeyRevoked, RoleGranted, RoleWithdrawn, SignerKind};
use probity_schemas::{Event, Identity, Kid, Name, Namespace, NamespacePattern, RolesPolicy, Timestamp, TypeInfo};
use probity_statement::{KeyId, Keyring, Possession, PublicKey};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// Everyone who can sign, and the policy that says what their roles may record.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Authority {
    members: HashMap<Identity, Member>,
    keys: HashMap<Kid, Key>,
    policy: RolesPolicy,
}

/// One enrolled identity.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Member {
    /// In order of enrolment from 0; names the issuer in the index of event ids.
    number: u32,
    /// For a service, the persons who answer for it.
    responsible: Vec<Identity>,
    grants: Vec<Grant>,
}

/// One role, somewhere, for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Grant {
    role: Name,
    namespaces: Vec<NamespacePattern>,
    until: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Key {
    identity: Identity,
    public: probity_schemas::PublicKey,
    revoked: Option<Revocation>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Revocation {
    index: u64,
    compromised_since: Option<Timestamp>,
}

impl Grant {
    fn holds_at(&self, time_ms: u64) -> bool {
        self.until.is_none_or(|until| time_ms < until.as_ms())
    }

    fn covers(&self, namespace: &Namespace) -> bool {
        self.namespaces.iter().any(|pattern| pattern.covers(namespace))
    }
}

impl Authority {
    /// Adds someone (or a further key of theirs) whom the founding statement names, or who passed [`Self::enrol`].
    pub(crate) fn add(&mut self, identity: &Identity, key: &PublicKey, responsible: Vec<Identity>) {
        let number = self.members.len() as u32;
        let member = self.members.entry(identity.clone());
        let member = member.or_insert_with(|| Member { number, responsible: Vec::new(), grants: Vec::new() });
        member.responsible = responsible;
        let public = probity_schemas::PublicKey::from_bytes(key.to_bytes());
        let record = Key { identity: identity.clone(), public, revoked: None };
        self.keys.insert(Kid::from_bytes(key.id().0), record);
    }

    /// Gives a role without asking; for the first administrators.
    pub(crate) fn appoint(&mut self, identity: &Identity, role: Name) {
        if let Some(member) = self.members.get_mut(identity) {
            member.grants.push(Grant { role, namespaces: vec![NamespacePattern::All], until: None });
        }
    }

    /// All keys there ever were, for verifying signatures.
    pub(crate) fn keyring(&self) -> Keyring {
        let mut keyring = Keyring::default();
        for key in self.keys.values() {
            // Only usable keys are enrolled, so none is lost here.
            if let Ok(key) = PublicKey::from_bytes(key.public.as_bytes()) {
                keyring.insert(key);
            }
        }
        keyring
    }

    /// The number of the issuer, if the key is theirs.
    pub(crate) fn issuer(&self, issuer: &Identity, kid: KeyId) -> Result<u32, Refusal> {
        let key = self.keys.get(&Kid::from_bytes(kid.0)).ok_or(Refusal::UnknownKey { kid })?;
        match self.members.get(issuer) {
            Some(member) if key.identity == *issuer => Ok(member.number),
            _ => Err(Refusal::NotTheIssuersKey { kid, issuer: issuer.clone() }),
        }
    }

    /// The number of an enrolled identity.
    pub(crate) fn number(&self, identity: &Identity) -> Option<u32> {
        self.members.get(identity).map(|member| member.number)
    }

    /// Whether the key is anyone's.
    pub(crate) fn has_key(&self, kid: KeyId) -> bool {
        self.keys.contains_key(&Kid::from_bytes(kid.0))
    }

    /// Whether a roles policy is in force.
    pub(crate) fn has_policy(&self) -> bool {
        !self.policy.roles.is_empty()
    }

    /// Whether the key may still sign.
    pub(crate) fn not_revoked(&self, kid: KeyId) -> Result<(), Refusal> {
        match self.keys.get(&Kid::from_bytes(kid.0)).and_then(|key| key.revoked.as_ref()) {
            Some(revocation) => Err(Refusal::KeyRevoked { kid, revoked_at: revocation.index }),
            None => Ok(()),
        }
    }

    /// Whether a role of the issuer covers this type in that namespace at that time.
    pub(crate) fn may_record(
        &self,
        issuer: &Identity,
        info: &'static TypeInfo,
        namespace: &Namespace,
        time_ms: u64,
    ) -> Result<(), Refusal> {
        if self.policy.anyone_may_record(info) {
            return Ok(());
        }
        let grants = self.members.get(issuer).map(|member| member.grants.as_slice()).unwrap_or_default();
        let covered = |grant: &&Grant| grant.holds_at(time_ms) && grant.covers(namespace);
        if grants.iter().filter(covered).any(|grant| self.policy.may_record(&grant.role, info)) {
            return Ok(());
        }
        let roles = self.policy.roles.keys().filter(|role| self.policy.may_record(role, info)).cloned().collect();
        let (issuer, namespace) = (issuer.clone(), namespace.clone());
        Err(Refusal::NotAuthorised { issuer, event_type: info.event_type, namespace, roles })
    }

    /// Whether the identity may read everything: a reading role in all namespaces.
    pub(crate) fn may_read_all(&self, identity: &Identity, time_ms: u64) -> bool {
        let grants = self.members.get(identity).map(|member| member.grants.as_slice()).unwrap_or_default();
        grants.iter().any(|grant| {
            grant.holds_at(time_ms)
                && grant.namespaces.contains(&NamespacePattern::All)
                && self.policy.readers.contains(&grant.role)
        })
    }

    /// Puts a roles policy into force.
    pub(crate) fn adopt(&mut self, policy: &RolesPolicy) -> Result<(), Refusal> {
        let can = |event_type: &str| {
            probity_schemas::find(event_type, 1)
                .is_ok_and(|info| policy.roles.values().any(|types| types.iter().any(|pattern| pattern.covers(info))))
        };
        if !(can("authority.enrolled") && can("authority.role_granted")) {
            return Err(Refusal::NoAdministratorRole);
        }
        self.policy = policy.clone();
        Ok(())
    }

    /// `authority.enrolled`. Returns the new key.
    pub(crate) fn enrol(
        &mut self,
        event: &Event,
        enrolled: &Enrolled,
        origin: &probity_schemas::Origin,
    ) -> Result<PublicKey, Refusal> {
        let identity = subject_identity(event)?;
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
        self.add(&identity, &key, enrolled.responsible.clone());
        Ok(key)
    }

    /// `authority.role_granted`.
    pub(crate) fn grant(&mut self, event: &Event, granted: &RoleGranted, time_ms: u64) -> Result<(), Refusal> {
        let identity = subject_identity(event)?;
        if !self.policy.roles.contains_key(&granted.role) {
            return Err(Refusal::UnknownRole { role: granted.role.clone(), nearest: self.nearest_role(&granted.role) });
        }
        if let Some(until) = granted.until.filter(|until| until.as_ms() <= time_ms) {
            return Err(Refusal::AlreadyOver { until });
        }
        let namespaces = granted.namespaces.to_vec();
        let grant = Grant { role: granted.role.clone(), namespaces, until: granted.until };
        let member = self.member(&identity)?;
        if !member.grants.contains(&grant) {
            member.grants.push(grant);
        }
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

    fn member(&mut self, identity: &Identity) -> Result<&mut Member, Refusal> {
        self.members.get_mut(identity).ok_or_else(|| Refusal::NotEnrolled { identity: identity.clone() })
    }

    fn nearest_role(&self, role: &Name) -> Option<Name> {
        let distance = |known: &&Name| strsim::damerau_levenshtein(known.as_str(), role.as_str());
        self.policy.roles.keys().min_by_key(distance).filter(|known| distance(known) <= 3).cloned()
    }
}

fn subject_identity(event: &Event) -> Result<Identity, Refusal> {
    Identity::from_subject(&event.subject).ok_or_else(|| Refusal::NotAnIdentity { subject: event.subject.to_string() })
}
