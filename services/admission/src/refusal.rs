//! Every reason for which a statement is not admitted, as data.

use probity_schemas::{Identity, Name, Namespace, Timestamp};
use probity_statement::KeyId;

use crate::moment::moment;
use crate::violation::RuleViolation;

/// Why a statement is refused. What it says is final for this statement at this position, except where noted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Made for another ledger.
    #[error("the statement was made for {found}, this ledger is {expected}")]
    WrongAudience {
        /// This ledger.
        expected: String,
        /// The ledger it names.
        found: String,
    },
    /// Signed with a key that nobody has been enrolled with.
    #[error("key {kid} is not enrolled; an administrator records authority.enrolled for it")]
    UnknownKey {
        /// The key.
        kid: KeyId,
    },
    /// Signed with another one's key.
    #[error("key {kid} is not enrolled for {issuer}")]
    NotTheIssuersKey {
        /// The key.
        kid: KeyId,
        /// Who the statement says it is by.
        issuer: Identity,
    },
    /// Signed with a key that no longer signs.
    #[error("key {kid} was revoked at index {revoked_at}")]
    KeyRevoked {
        /// The key.
        kid: KeyId,
        /// The position of the revocation.
        revoked_at: u64,
    },
    /// No role of the signer covers this type there and then.
    #[error(
        "{issuer} may not record {event_type} in {namespace}; it takes one of: {}",
        if .roles.is_empty() { "no role may".to_owned() } else { names(.roles) }
    )]
    NotAuthorised {
        /// The signer.
        issuer: Identity,
        /// What it wanted to record.
        event_type: &'static str,
        /// Where.
        namespace: Namespace,
        /// The roles that may, by the policy in force.
        roles: Vec<Name>,
    },
    /// Only the ledger speaks about itself.
    #[error("{event_type} is recorded by the ledger itself")]
    LedgerOnly {
        /// The type.
        event_type: &'static str,
    },
    /// An act that was signed too long ago to be handed in now.
    #[error(
        "the act is dated {}, more than 24 hours before it was handed in ({}); sign it anew",
        moment(.occurred_ms),
        moment(.block_time_ms)
    )]
    ActTooOld {
        /// When it was done, as signed.
        occurred_ms: u64,
        /// The time of the block.
        block_time_ms: u64,
    },
    /// An act that is dated ahead of the ledger's clock.
    #[error("the act is dated {} s ahead of the ledger's clock, more than 5 minutes", (.occurred_ms - .block_time_ms) / 1_000)]
    ActInTheFuture {
        /// When it was done, as signed.
        occurred_ms: u64,
        /// The time of the block.
        block_time_ms: u64,
    },
    /// Someone else recorded about this subject in between. May be tried again with the actual revision.
    #[error("{subject} is at revision {actual}, not {expected}")]
    RevisionConflict {
        /// The subject.
        subject: String,
        /// What the submitter expected.
        expected: u64,
        /// What it is.
        actual: u64,
    },
    /// The subject of an authority event is not a person or service.
    #[error("{subject} is not an identity that can be enrolled: identity:person/<uuid> or identity:service/<name>")]
    NotAnIdentity {
        /// The subject.
        subject: String,
    },
    /// A person enrolled as a service or the other way round.
    #[error("{identity} is enrolled as the wrong kind")]
    WrongSignerKind {
        /// The identity.
        identity: Identity,
    },
    /// Nobody of that name has been enrolled.
    #[error("{identity} is not enrolled")]
    NotEnrolled {
        /// The identity.
        identity: Identity,
    },
    /// A key that cannot be enrolled: not a canonical point of large order.
    #[error("the public key is not a usable Ed25519 key")]
    UnusableKey,
    /// The thumbprint is not the public key's.
    #[error("kid {stated} is not the thumbprint of the public key, which is {actual}")]
    WrongKid {
        /// The thumbprint in the event.
        stated: KeyId,
        /// The key's own.
        actual: KeyId,
    },
    /// A key belongs to one identity for ever.
    #[error("key {kid} is already enrolled for {identity}")]
    KeyTaken {
        /// The key.
        kid: KeyId,
        /// Whose it is.
        identity: Identity,
    },
    /// The holder of the key did not sign that it wants to be enrolled here.
    #[error("the proof of possession does not verify for {identity} in this ledger")]
    NoPossession {
        /// Who was to be enrolled.
        identity: Identity,
    },
    /// A service for which nobody answers.
    #[error("a service is enrolled with the persons responsible for it")]
    NobodyResponsible,
    /// Someone responsible who is not an enrolled person.
    #[error("{identity} cannot be responsible: not an enrolled person")]
    NotAPerson {
        /// The identity.
        identity: Identity,
    },
    /// A role that the policy in force does not have.
    #[error("there is no role {role}{}", .nearest.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    UnknownRole {
        /// The role.
        role: Name,
        /// The most similar one.
        nearest: Option<Name>,
    },
    /// A role that was not held.
    #[error("{identity} does not hold {role} there")]
    RoleNotHeld {
        /// The identity.
        identity: Identity,
        /// The role.
        role: Name,
    },
    /// A key that the identity does not have.
    #[error("key {kid} is not enrolled for {identity}")]
    NotTheirKey {
        /// The key.
        kid: KeyId,
        /// The identity.
        identity: Identity,
    },
    /// A role that would end before it begins.
    #[error("until ({}) is not after the time of the block", moment(&.until.as_ms()))]
    AlreadyOver {
        /// The end.
        until: Timestamp,
    },
    /// A policy that would leave nobody able to enrol anyone.
    #[error(
        "under the policy too few of those who are here could record authority.enrolled, authority.role_granted and authority.confirmed"
    )]
    NoAdministratorRole,
    /// An act that breaks a rule.
    #[error(transparent)]
    RuleViolation(Box<RuleViolation>),
}

impl From<RuleViolation> for Refusal {
    fn from(broken: RuleViolation) -> Self {
        Self::RuleViolation(Box::new(broken))
    }
}

fn names(names: &[Name]) -> String {
    names.iter().map(Name::to_string).collect::<Vec<_>>().join(", ")
}
