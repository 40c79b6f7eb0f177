//! Who is enrolled, with which keys, in which roles.

pub(crate) mod actors;
pub(crate) mod power;
mod taking_effect;

use std::collections::HashMap;

use probity_schemas::{
    Identity, Kid, Name, Namespace, NamespacePattern, RolesPolicy, Timestamp, TypeInfo, TypePattern,
};
use probity_statement::{KeyId, Keyring, PublicKey};
use serde::{Deserialize, Serialize};

use crate::life::Signed;
use crate::refusal::Refusal;
use power::Waiting;

pub(crate) use taking_effect::subject_identity;

/// The role of the first administrators.
pub(crate) const ADMINISTRATOR: &str = "administrator";

/// Everyone who can sign, and the policy that says what their roles may record.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Authority {
    members: HashMap<Identity, Member>,
    keys: HashMap<Kid, Key>,
    /// The names of the keys in order of enrolment: what is signed with one is kept with its number.
    numbered: Vec<Kid>,
    policy: RolesPolicy,
    waiting: Waiting,
    /// Whether the ledger was founded with one administrator, which is then enough while there is no second.
    single_administrator: bool,
    /// How many recovery keys have to sign.
    recovery_threshold: u32,
}

/// One enrolled identity.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Member {
    /// In order of enrolment from 0; names the issuer in the index of event ids.
    number: u32,
    /// For a service, the persons who answer for it.
    responsible: Vec<Identity>,
    grants: Vec<Grant>,
    delegations: Vec<Delegation>,
    /// The last moment of the last day of someone who left, in Unix milliseconds.
    departed: Option<u64>,
}

/// Someone else may sign in one's place.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Delegation {
    to: Identity,
    types: Vec<TypePattern>,
    from_ms: u64,
    until: Timestamp,
    signed: Signed,
}

/// One role, somewhere, for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Grant {
    role: Name,
    namespaces: Vec<NamespacePattern>,
    until: Option<Timestamp>,
    /// Who gave it.
    by: Vec<Signed>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Key {
    number: u32,
    identity: Identity,
    public: probity_schemas::PublicKey,
    revoked: Option<Revocation>,
    /// Who enrolled it.
    by: Vec<Signed>,
    /// Whether it is a recovery key, which can do nothing but enrol administrators.
    recovery: bool,
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
    /// Adds someone (or a further key of theirs) whom the founding statement names, or who was enrolled.
    pub(crate) fn add(&mut self, identity: &Identity, key: &PublicKey, responsible: Vec<Identity>, by: Vec<Signed>) {
        let number = self.members.len() as u32;
        let member = self.members.entry(identity.clone());
        let member = member.or_insert_with(|| Member {
            number,
            responsible: Vec::new(),
            grants: Vec::new(),
            delegations: Vec::new(),
            departed: None,
        });
        member.responsible = responsible;
        // Whoever is enrolled anew is back.
        member.departed = None;
        self.add_key(identity, key, by, false);
    }

    /// Adds a key that only recovers.
    pub(crate) fn add_recovery_key(&mut self, ledger: &Identity, key: &PublicKey) {
        self.add_key(ledger, key, Vec::new(), true);
    }

    fn add_key(&mut self, identity: &Identity, key: &PublicKey, by: Vec<Signed>, recovery: bool) {
        let public = probity_schemas::PublicKey::from_bytes(key.to_bytes());
        let kid = Kid::from_bytes(key.id().0);
        let number = self.numbered.len() as u32;
        self.numbered.push(kid);
        self.keys.insert(kid, Key { number, identity: identity.clone(), public, revoked: None, by, recovery });
    }

    /// Says how power is divided, as the founding statement does.
    pub(crate) fn constitute(&mut self, single_administrator: bool, recovery_threshold: u32) {
        self.single_administrator = single_administrator;
        self.recovery_threshold = recovery_threshold;
    }

    /// Gives a role everywhere and for ever.
    pub(crate) fn appoint(&mut self, identity: &Identity, role: Name, by: Vec<Signed>) {
        if let Some(member) = self.members.get_mut(identity) {
            member.grants.push(Grant { role, namespaces: vec![NamespacePattern::All], until: None, by });
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

    /// The numbers of the issuer and of the key, if the key is theirs.
    pub(crate) fn issuer(&self, issuer: &Identity, kid: KeyId) -> Result<(u32, u32), Refusal> {
        let key = self.keys.get(&Kid::from_bytes(kid.0)).ok_or(Refusal::UnknownKey { kid })?;
        match self.members.get(issuer) {
            Some(member) if key.identity == *issuer => Ok((member.number, key.number)),
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

    /// Whether the key is one that only recovers.
    pub(crate) fn is_recovery_key(&self, signed: &Signed) -> bool {
        self.keys.get(&self.kid(signed)).is_some_and(|key| key.recovery)
    }

    /// Whether a roles policy is in force.
    pub(crate) fn has_policy(&self) -> bool {
        !self.policy.roles.is_empty()
    }

    /// Whether the key may still sign.
    pub(crate) fn not_revoked(&self, kid: KeyId) -> Result<(), Refusal> {
        let id = Kid::from_bytes(kid.0);
        match self.keys.get(&id).and_then(|key| key.revoked.as_ref()) {
            Some(revocation) => Err(Refusal::KeyRevoked { kid, revoked_at: revocation.index }),
            // Whom a stolen key let in is out again.
            None if !self.enrolment_counts(&id) => Err(Refusal::UnknownKey { kid }),
            None => Ok(()),
        }
    }

    /// The name of the key that something was signed with.
    pub(crate) fn kid(&self, signed: &Signed) -> Kid {
        // Numbers are given out here and nowhere else, so there is always one.
        self.numbered.get(signed.key as usize).copied().unwrap_or(Kid::from_bytes([0; 32]))
    }

    /// Whether an act counts: not if its key turned out to have been in other hands by then.
    pub(crate) fn counts(&self, signed: &Signed) -> bool {
        let kid = self.kid(signed);
        self.keys.get(&kid).is_some_and(|key| {
            let since = key.revoked.as_ref().and_then(|revoked| revoked.compromised_since);
            since.is_none_or(|since| signed.time_ms < since.as_ms()) && self.enrolment_counts(&kid)
        })
    }

    /// Enrolments follow from earlier ones, so this ends at the founding statement.
    fn enrolment_counts(&self, kid: &Kid) -> bool {
        self.keys.get(kid).is_some_and(|key| key.by.iter().all(|by| self.counts(by)))
    }

    fn grant_counts(&self, grant: &Grant) -> bool {
        grant.by.iter().all(|by| self.counts(by))
    }

    /// Whether a role of the issuer covers this type in that namespace at that time.
    pub(crate) fn may_record(
        &self,
        issuer: &Identity,
        info: &'static TypeInfo,
        namespace: &Namespace,
        time_ms: u64,
    ) -> Result<(), Refusal> {
        if self.policy.anyone_may_record(info) || self.role_covers(issuer, info, namespace, time_ms) {
            return Ok(());
        }
        let roles = self.policy.roles.keys().filter(|role| self.policy.may_record(role, info)).cloned().collect();
        let (issuer, namespace) = (issuer.clone(), namespace.clone());
        Err(Refusal::NotAuthorised { issuer, event_type: info.event_type, namespace, roles })
    }

    /// Whether a role, not a right that everyone has, covers this type in that namespace at that time.
    pub(crate) fn role_covers(&self, who: &Identity, info: &TypeInfo, namespace: &Namespace, time_ms: u64) -> bool {
        self.held(who, namespace, time_ms).any(|role| self.policy.may_record(role, info))
    }

    /// The roles that someone holds in a namespace at a time.
    pub(crate) fn held(&self, who: &Identity, namespace: &Namespace, time_ms: u64) -> impl Iterator<Item = &Name> {
        let grants = self.members.get(who).map(|member| member.grants.as_slice()).unwrap_or_default();
        let covered =
            move |grant: &&Grant| grant.holds_at(time_ms) && grant.covers(namespace) && self.grant_counts(grant);
        grants.iter().filter(covered).map(|grant| &grant.role)
    }

    /// Whether the identity may read everything: a reading role in all namespaces.
    pub(crate) fn may_read_all(&self, identity: &Identity, time_ms: u64) -> bool {
        let grants = self.members.get(identity).map(|member| member.grants.as_slice()).unwrap_or_default();
        grants.iter().any(|grant| {
            grant.holds_at(time_ms)
                && grant.namespaces.contains(&NamespacePattern::All)
                && self.policy.readers.contains(&grant.role)
                && self.grant_counts(grant)
        })
    }

    /// The namespaces in which someone holds any role at a time.
    pub(crate) fn namespaces(&self, who: &Identity, time_ms: u64) -> Vec<NamespacePattern> {
        let grants = self.members.get(who).map(|member| member.grants.as_slice()).unwrap_or_default();
        let held = grants.iter().filter(|grant| grant.holds_at(time_ms) && self.grant_counts(grant));
        let mut namespaces: Vec<_> = held.flat_map(|grant| grant.namespaces.iter().cloned()).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        namespaces
    }

    /// The last moment of someone who has left by then.
    pub(crate) fn departed(&self, who: &Identity, time_ms: u64) -> Option<u64> {
        self.members.get(who).and_then(|member| member.departed).filter(|last| *last < time_ms)
    }

    /// Whether someone may sign acts of this type in another's place now.
    pub(crate) fn delegated(&self, from: &Identity, to: &Identity, info: &TypeInfo, time_ms: u64) -> bool {
        let delegations = self.members.get(from).map(|member| member.delegations.as_slice()).unwrap_or_default();
        delegations.iter().any(|delegation| {
            delegation.to == *to
                && delegation.from_ms <= time_ms
                && time_ms < delegation.until.as_ms()
                && delegation.types.iter().any(|pattern| pattern.covers(info))
                && self.counts(&delegation.signed)
        })
    }

    /// Whether acts of power take two: always, but in a ledger that was founded with one administrator as long as
    /// nobody else could confirm.
    pub(crate) fn takes_two(&self, time_ms: u64) -> bool {
        if !self.single_administrator {
            return true;
        }
        let confirmed = probity_schemas::authority::Confirmed::INFO;
        let can = |(who, member): &(&Identity, &Member)| {
            matches!(who, Identity::Person(_))
                && member.departed.is_none_or(|last| last >= time_ms)
                && member.grants.iter().any(|grant| {
                    grant.holds_at(time_ms)
                        && self.grant_counts(grant)
                        && self.policy.may_record(&grant.role, confirmed)
                })
        };
        self.members.iter().filter(can).count() > 1
    }

    fn member(&mut self, identity: &Identity) -> Result<&mut Member, Refusal> {
        self.members.get_mut(identity).ok_or_else(|| Refusal::NotEnrolled { identity: identity.clone() })
    }

    fn nearest_role(&self, role: &Name) -> Option<Name> {
        let distance = |known: &&Name| strsim::damerau_levenshtein(known.as_str(), role.as_str());
        self.policy.roles.keys().min_by_key(distance).filter(|known| distance(known) <= 3).cloned()
    }
}
