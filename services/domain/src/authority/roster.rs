//! Everyone who is enrolled, in one list: who they are, what they may do, and until when.

use probity_schemas::{Identity, Name, NamespacePattern};

use super::{Authority, Member};

/// Someone who is enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolee {
    /// Who it is.
    pub identity: Identity,
    /// The roles that are held, in the order in which they were given.
    pub roles: Vec<HeldRole>,
    /// For a service, the persons responsible for it.
    pub responsible: Vec<Identity>,
    /// The last moment of someone who has left, in Unix milliseconds.
    pub departed_ms: Option<u64>,
    /// Whether there is a key that may still sign.
    pub has_key: bool,
}

/// A role that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRole {
    /// Which.
    pub role: Name,
    /// Where.
    pub namespaces: Vec<NamespacePattern>,
    /// Until when, in Unix milliseconds; `None` for no end.
    pub until_ms: Option<u64>,
}

impl Authority {
    /// Everyone who is enrolled but for the ledger itself, in the order of enrolment, with the roles that
    /// hold at a time, in Unix milliseconds.
    #[must_use]
    pub fn roster(&self, time_ms: u64) -> Vec<Enrolee> {
        let mut members: Vec<(&Identity, &Member)> =
            self.members.iter().filter(|(identity, _)| !matches!(identity, Identity::Ledger(_))).collect();
        members.sort_by_key(|(_, member)| member.number);
        let enrolee = |(identity, member): (&Identity, &Member)| Enrolee {
            identity: identity.clone(),
            roles: member
                .grants
                .iter()
                .filter(|grant| grant.holds_at(time_ms) && self.grant_counts(grant))
                .map(|grant| HeldRole {
                    role: grant.role.clone(),
                    namespaces: grant.namespaces.clone(),
                    until_ms: grant.until.map(|until| until.as_ms()),
                })
                .collect(),
            responsible: member.responsible.clone(),
            departed_ms: member.departed,
            has_key: self.has_key(identity),
        };
        members.into_iter().map(enrolee).collect()
    }
}
