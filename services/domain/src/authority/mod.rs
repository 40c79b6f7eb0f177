//! Who is enrolled, with which keys, in which roles: folded from statements that were admitted.
//!
//! Nothing here refuses anything. Whether an act of authority may be recorded is for admission to say;
//! what it changes, and when, is said here, so that a view comes to the same roles.

mod acts;
mod power;
mod reach;
mod removal;
mod roster;

use std::collections::HashMap;
use std::sync::Arc;

use probity_schemas::authority::Confirmed;
use probity_schemas::ledger::Founded;
use probity_schemas::model::VersionRegistered;
use probity_schemas::training::Completed;
use probity_schemas::{
    Event, Identity, Kid, Name, Namespace, NamespacePattern, RolesPolicy, Timestamp, TypeInfo, TypePattern,
};
use probity_statement::PublicKey;
use serde::{Deserialize, Serialize};

use crate::signed::{Actors, At, Signed, add};

pub use acts::{Enacted, subject_identity};
use power::Waiting;
pub use power::{CONFIRMATION_MAX_WAIT_MS, Pending, Power};
pub use reach::Reach;
pub use roster::{Enrolee, HeldRole};

/// The role of the first administrators.
pub const ADMINISTRATOR: &str = "administrator";

/// The first rule set under which power takes two persons.
pub const TWO_PERSONS_SINCE: u32 = 2;

/// Everyone who can sign, and the policy that says what their roles may record.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Authority {
    members: HashMap<Identity, Member>,
    keys: HashMap<Kid, Key>,
    /// The names of the keys in order of enrolment: a signature is kept with its key's number.
    numbered: Vec<Kid>,
    policy: RolesPolicy,
    waiting: Waiting,
    /// Whether the ledger was founded with one administrator, which is enough while there is no second.
    single_administrator: bool,
    /// How many recovery keys have to sign.
    recovery_threshold: u32,
}

/// One enrolled identity.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Member {
    /// In order of enrolment from 0.
    number: u32,
    /// For a service, the persons responsible for it.
    responsible: Vec<Identity>,
    grants: Vec<RoleGrant>,
    delegations: Vec<Delegation>,
    /// The last moment of the last day of someone who left, in Unix milliseconds.
    departed: Option<u64>,
    /// Their keys, in order of enrolment.
    keys: Vec<Kid>,
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

/// One role, in some namespaces, for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RoleGrant {
    role: Name,
    namespaces: Vec<NamespacePattern>,
    until: Option<Timestamp>,
    /// Everyone who signed it.
    by: Vec<Signed>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Key {
    number: u32,
    identity: Identity,
    public: probity_schemas::PublicKey,
    revoked: Option<Revocation>,
    /// Everyone who signed its enrolment.
    by: Vec<Signed>,
    /// Whether it is a recovery key, which can do nothing but enrol administrators.
    recovery: bool,
    /// Where it was cast out, because one of those who enrolled it turned out not to have been able to.
    /// Kept, because it is asked of every signature, and follows from generations of enrolments.
    cast_out: Option<At>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Revocation {
    index: u64,
    /// From when on its acts do not count, in Unix milliseconds, and where that took effect.
    compromised: Option<(u64, At)>,
}

impl Key {
    /// Where an act with it stopped counting, if it did.
    fn fault_of(&self, signed: &Signed) -> Option<At> {
        let compromised = self.revoked.as_ref().and_then(|revoked| revoked.compromised);
        let compromised = compromised.filter(|(since_ms, _)| signed.time_ms >= *since_ms).map(|(_, at)| at);
        compromised.into_iter().chain(self.cast_out).min()
    }
}

impl RoleGrant {
    fn holds_at(&self, time_ms: u64) -> bool {
        self.until.is_none_or(|until| time_ms < until.as_ms())
    }

    fn covers(&self, namespace: &Namespace) -> bool {
        self.namespaces.iter().any(|pattern| pattern.covers(namespace))
    }
}

impl Authority {
    /// Everyone whom a founding statement names: the ledger itself with the key of its checkpoints, the
    /// first administrators, and the recovery keys.
    #[must_use]
    pub fn found(founded: &Founded) -> Self {
        let ledger = &Identity::Ledger(founded.origin.clone());
        let mut authority = Self {
            single_administrator: founded.single_administrator,
            recovery_threshold: founded.recovery.as_ref().map_or(0, |recovery| recovery.threshold),
            ..Self::default()
        };
        authority.enrol(ledger, &founded.keys.checkpoint, Vec::new(), Vec::new());
        for administrator in &founded.administrators {
            authority.enrol(&administrator.identity, &administrator.public_key, Vec::new(), Vec::new());
            if let Ok(role) = ADMINISTRATOR.parse() {
                authority.appoint(&administrator.identity, role, Vec::new());
            }
        }
        for key in founded.recovery.iter().flat_map(|recovery| &recovery.keys) {
            authority.add_key(ledger, key, Vec::new(), true);
        }
        authority
    }

    /// All keys there ever were, for verifying signatures.
    pub fn public_keys(&self) -> impl Iterator<Item = &probity_schemas::PublicKey> {
        self.keys.values().map(|key| &key.public)
    }

    /// Whose key it is, with its number.
    #[must_use]
    pub fn key_of(&self, kid: &Kid) -> Option<(&Identity, u32)> {
        self.keys.get(kid).map(|key| (&key.identity, key.number))
    }

    /// The number of an enrolled identity, in order of enrolment.
    #[must_use]
    pub fn number(&self, identity: &Identity) -> Option<u32> {
        self.members.get(identity).map(|member| member.number)
    }

    /// Whether it is a key that only recovers.
    #[must_use]
    pub fn is_recovery_key(&self, signed: &Signed) -> bool {
        self.keys.get(&self.kid(signed)).is_some_and(|key| key.recovery)
    }

    /// The roles policy in force.
    #[must_use]
    pub fn policy(&self) -> &RolesPolicy {
        &self.policy
    }

    /// Whether a roles policy is in force.
    #[must_use]
    pub fn has_policy(&self) -> bool {
        !self.policy.roles.is_empty()
    }

    /// Where a key was revoked.
    #[must_use]
    pub fn revoked(&self, kid: &Kid) -> Option<u64> {
        self.keys.get(kid)?.revoked.as_ref().map(|revocation| revocation.index)
    }

    /// The name of the key that signed something.
    #[must_use]
    pub fn kid(&self, signed: &Signed) -> Kid {
        // Numbers are given out here and nowhere else, so there is always one.
        self.numbered.get(signed.key as usize).copied().unwrap_or(Kid::from_bytes([0; 32]))
    }

    /// Whether an act counts: not if its key turned out to have been in other hands by then.
    #[must_use]
    pub fn counts(&self, signed: &Signed) -> bool {
        self.keys.get(&self.kid(signed)).is_some_and(|key| key.fault_of(signed).is_none())
    }

    /// The key that signed an act which does not count, and where it stopped counting.
    #[must_use]
    pub fn compromised(&self, signed: &Signed) -> Option<(Kid, At)> {
        let kid = self.kid(signed);
        self.keys.get(&kid)?.fault_of(signed).map(|at| (kid, at))
    }

    /// Whether those who enrolled a key could: whoever a stolen key let in is out again.
    #[must_use]
    pub fn enrolment_counts(&self, kid: &Kid) -> bool {
        self.keys.get(kid).is_some_and(|key| key.cast_out.is_none())
    }

    /// The keys with acts that do not count, with their numbers: from which moment on, in Unix
    /// milliseconds, and where that took effect. It is 0 for a key that was let in by one in other hands.
    pub fn all_compromised(&self) -> impl Iterator<Item = (u32, Kid, u64, At)> {
        self.keys.iter().filter_map(|(kid, key)| {
            let compromised = key.revoked.as_ref().and_then(|revoked| revoked.compromised);
            let (since_ms, at) = key.cast_out.map(|at| (0, at)).or(compromised)?;
            Some((key.number, *kid, since_ms, at))
        })
    }

    /// A key turned out to have been in other hands since a moment, in Unix milliseconds: whoever it let
    /// in goes with it. Enrolments rest on earlier ones, so one pass in their order is enough.
    fn compromise(&mut self, kid: &Kid, since_ms: u64, at: At) {
        let Some(key) = self.keys.get_mut(kid) else { return };
        let revocation = key.revoked.get_or_insert(Revocation { index: at.index, compromised: None });
        if revocation.compromised.is_none_or(|(earlier, _)| since_ms < earlier) {
            revocation.compromised = Some((since_ms, at));
        }
        for number in 0..self.numbered.len() {
            let kid = self.numbered[number];
            let standing = |key: &Key| key.cast_out.is_none() && !key.by.iter().all(|by| self.counts(by));
            if self.keys.get(&kid).is_some_and(standing)
                && let Some(key) = self.keys.get_mut(&kid)
            {
                key.cast_out = Some(at);
            }
        }
    }

    fn grant_counts(&self, grant: &RoleGrant) -> bool {
        grant.by.iter().all(|by| self.counts(by))
    }

    fn grants(&self, who: &Identity) -> &[RoleGrant] {
        self.members.get(who).map(|member| member.grants.as_slice()).unwrap_or_default()
    }

    /// Whether a role, not a right that everyone has, covers this type in that namespace at that time.
    #[must_use]
    pub fn role_covers(&self, who: &Identity, info: &TypeInfo, namespace: &Namespace, time_ms: u64) -> bool {
        self.held(who, namespace, time_ms).any(|role| self.policy.may_record(role, info))
    }

    /// The roles that someone holds in a namespace at a time, in Unix milliseconds.
    pub fn held(&self, who: &Identity, namespace: &Namespace, time_ms: u64) -> impl Iterator<Item = &Name> {
        let covered =
            move |grant: &&RoleGrant| grant.holds_at(time_ms) && grant.covers(namespace) && self.grant_counts(grant);
        self.grants(who).iter().filter(covered).map(|grant| &grant.role)
    }

    /// Whether someone holds a role in any of these namespaces, or anywhere if none is named, so that it can
    /// be withdrawn.
    #[must_use]
    pub fn has_role(&self, who: &Identity, role: &Name, namespaces: &[NamespacePattern]) -> bool {
        self.grants(who)
            .iter()
            .filter(|grant| grant.role == *role)
            .any(|grant| namespaces.is_empty() || grant.namespaces.iter().any(|pattern| namespaces.contains(pattern)))
    }

    /// Whether an identity is one to answer at all at a time, in Unix milliseconds: whoever has left, or has
    /// no key left that counts, reads nothing, whatever roles were given.
    #[must_use]
    pub fn may_read(&self, identity: &Identity, time_ms: u64) -> bool {
        let has_key = || {
            let own = self.keys.iter().filter(|(_, key)| key.identity == *identity && !key.recovery);
            own.into_iter().any(|(kid, key)| key.revoked.is_none() && self.enrolment_counts(kid))
        };
        self.departed(identity, time_ms).is_none() && has_key()
    }

    /// Whether the identity may read everything: a reading role in all namespaces.
    #[must_use]
    pub fn may_read_all(&self, identity: &Identity, time_ms: u64) -> bool {
        self.grants(identity).iter().any(|grant| {
            grant.holds_at(time_ms)
                && grant.namespaces.contains(&NamespacePattern::All)
                && self.policy.readers.contains(&grant.role)
                && self.grant_counts(grant)
        })
    }

    /// The namespaces in which someone holds any role at a time.
    #[must_use]
    pub fn namespaces(&self, who: &Identity, time_ms: u64) -> Vec<NamespacePattern> {
        let held = self.grants(who).iter().filter(|grant| grant.holds_at(time_ms) && self.grant_counts(grant));
        let mut namespaces: Vec<_> = held.flat_map(|grant| grant.namespaces.iter().cloned()).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        namespaces
    }

    /// The last moment of someone who has left by then.
    #[must_use]
    pub fn departed(&self, who: &Identity, time_ms: u64) -> Option<u64> {
        self.members.get(who).and_then(|member| member.departed).filter(|last| *last < time_ms)
    }

    /// Whether someone may sign acts of this type in another's place at a time.
    #[must_use]
    pub fn delegated(&self, from: &Identity, to: &Identity, info: &TypeInfo, time_ms: u64) -> bool {
        let delegations = self.members.get(from).map(|member| member.delegations.as_slice()).unwrap_or_default();
        delegations.iter().any(|delegation| {
            delegation.to == *to
                && delegation.from_ms <= time_ms
                && time_ms < delegation.until.as_ms()
                && delegation.types.iter().any(|pattern| pattern.covers(info))
                && self.counts(&delegation.signed)
        })
    }

    /// Whether acts of power take two: always, but in a ledger that was founded with one administrator as
    /// long as no second person could confirm.
    #[must_use]
    pub fn takes_two(&self, time_ms: u64) -> bool {
        !self.single_administrator || self.persons_who_can(&self.policy, &[Confirmed::INFO], time_ms) > 1
    }

    /// How many of the persons who are here at a time hold roles that cover all of these types by a policy.
    #[must_use]
    pub fn persons_who_can(&self, policy: &RolesPolicy, types: &[&TypeInfo], time_ms: u64) -> usize {
        let can =
            |(who, member): &(&Identity, &Member)| self.has_key(who) && self.can(who, member, policy, types, time_ms);
        self.members.iter().filter(can).count()
    }

    /// Whether someone is here at a time in roles that cover all of these types by a policy.
    fn can(&self, who: &Identity, member: &Member, policy: &RolesPolicy, types: &[&TypeInfo], time_ms: u64) -> bool {
        let holds = |grant: &&RoleGrant| grant.holds_at(time_ms) && self.grant_counts(grant);
        let covered =
            |info: &&TypeInfo| member.grants.iter().filter(holds).any(|grant| policy.may_record(&grant.role, info));
        matches!(who, Identity::Person(_))
            && member.departed.is_none_or(|last| last >= time_ms)
            && types.iter().all(covered)
    }

    /// Whether someone has a key that may still sign.
    fn has_key(&self, who: &Identity) -> bool {
        self.keys_of(who).any(|(_, key)| key.revoked.is_none() && key.cast_out.is_none())
    }

    fn keys_of(&self, who: &Identity) -> impl Iterator<Item = (&Kid, &Key)> {
        let kids = self.members.get(who).map(|member| member.keys.as_slice()).unwrap_or_default();
        kids.iter().filter_map(|kid| self.keys.get_key_value(kid))
    }

    /// Whether someone could have set a service in motion that made a version in this namespace: a
    /// developer there at a time, in Unix milliseconds.
    #[must_use]
    pub fn develops(&self, who: &Identity, namespace: &Namespace, time_ms: u64) -> bool {
        let makes = [VersionRegistered::INFO, Completed::INFO];
        makes.iter().any(|info| self.role_covers(who, info, namespace, time_ms))
    }

    /// How many recovery keys have to sign.
    #[must_use]
    pub fn recovery_threshold(&self) -> u32 {
        self.recovery_threshold
    }

    /// Everyone behind a statement at its time, in Unix milliseconds: its signer, the person it was signed
    /// for, its initiators, and for a service the persons responsible for it.
    ///
    /// Nobody is one of them by being named alone: whoever it was signed for has delegated it, or answers
    /// for the service that signed, and initiators are enrolled.
    #[must_use]
    pub fn actors(&self, issuer: &Identity, event: &Event, time_ms: u64) -> Actors {
        let spoken_for = event.on_behalf_of.iter().filter(|person| self.speaks_for(issuer, person, event, time_ms));
        let initiators = event.initiators.iter().filter(|initiator| self.members.contains_key(initiator));
        let named: Vec<&Identity> = spoken_for.chain(initiators).collect();
        let mut persons = Vec::with_capacity(1);
        for identity in [issuer].into_iter().chain(named.iter().copied()) {
            match identity {
                Identity::Person(_) => add(&mut persons, identity.clone()),
                Identity::Service(_) => {
                    let responsible = self.members.get(identity).map(|member| member.responsible.as_slice());
                    responsible.unwrap_or_default().iter().for_each(|person| add(&mut persons, person.clone()));
                }
                Identity::Ledger(_) => {}
            }
        }
        let by_a_person = named.iter().any(|identity| matches!(identity, Identity::Person(_)));
        Actors { persons, anonymous: matches!(issuer, Identity::Service(_)) && !by_a_person }
    }

    /// Whether someone speaks for another: by a delegation, or as or for a service that one of them
    /// answers for.
    fn speaks_for(&self, speaker: &Identity, other: &Identity, event: &Event, time_ms: u64) -> bool {
        let answers = |person: &Identity, service: &Identity| {
            self.members.get(service).is_some_and(|member| member.responsible.contains(person))
        };
        answers(other, speaker) || answers(speaker, other) || self.delegated(other, speaker, event.info(), time_ms)
    }

    /// The act of power that waits under the digest of its signed statement.
    #[must_use]
    pub fn pending(&self, statement: &probity_schemas::Digest) -> Option<&Pending> {
        self.waiting.get(statement).map(Arc::as_ref)
    }

    /// Whether an enrolment of this identity waits for its confirmation.
    #[must_use]
    pub fn is_being_enrolled(&self, identity: &Identity) -> bool {
        let enrolling =
            |pending: &Pending| matches!(&pending.power, Power::Enrol { identity: who, .. } if who == identity);
        self.waiting.values().any(|pending| enrolling(pending))
    }

    /// How many acts that somebody signed first wait for others at a time, in Unix milliseconds: those that give
    /// something, or those that take something away.
    #[must_use]
    pub fn waiting_of(&self, signer: &Identity, gives: bool, time_ms: u64) -> usize {
        let own = |pending: &&Arc<Pending>| {
            let first = pending.signed.first().map(|(first, _)| self.kid(first));
            first.and_then(|kid| self.keys.get(&kid)).is_some_and(|key| key.identity == *signer)
        };
        let waiting = self.waiting.values().filter(|pending| pending.power.gives() == gives);
        waiting.filter(|pending| pending.in_time(time_ms)).filter(own).count()
    }

    /// How many delegations of somebody are not over at a time, in Unix milliseconds.
    #[must_use]
    pub fn delegations_of(&self, who: &Identity, time_ms: u64) -> usize {
        let delegations = self.members.get(who).map(|member| member.delegations.as_slice()).unwrap_or_default();
        delegations.iter().filter(|delegation| time_ms < delegation.until.as_ms()).count()
    }

    /// Adds an identity, or a further key of one.
    fn enrol(
        &mut self,
        identity: &Identity,
        key: &probity_schemas::PublicKey,
        responsible: Vec<Identity>,
        by: Vec<Signed>,
    ) {
        let number = self.members.len() as u32;
        let member = self.members.entry(identity.clone()).or_insert_with(|| Member {
            number,
            responsible: Vec::new(),
            grants: Vec::new(),
            delegations: Vec::new(),
            departed: None,
            keys: Vec::new(),
        });
        member.responsible = responsible;
        // Whoever is enrolled anew is back.
        member.departed = None;
        self.add_key(identity, key, by, false);
    }

    fn add_key(&mut self, identity: &Identity, public: &probity_schemas::PublicKey, by: Vec<Signed>, recovery: bool) {
        // Only usable keys are admitted, so none is left out here.
        let Ok(key) = PublicKey::from_bytes(public.as_bytes()) else { return };
        let kid = Kid::from_bytes(key.id().0);
        let number = self.numbered.len() as u32;
        self.numbered.push(kid);
        let (identity, public) = (identity.clone(), *public);
        if let Some(member) = self.members.get_mut(&identity) {
            member.keys.push(kid);
        }
        self.keys.insert(kid, Key { number, identity, public, revoked: None, by, recovery, cast_out: None });
    }

    /// Gives a role everywhere and without an end.
    fn appoint(&mut self, identity: &Identity, role: Name, by: Vec<Signed>) {
        if let Some(member) = self.members.get_mut(identity) {
            member.grants.push(RoleGrant { role, namespaces: vec![NamespacePattern::All], until: None, by });
        }
    }
}
