//! Power takes two: enrolments, roles and policies that wait for a second person's confirmation.

use std::collections::HashMap;
use std::sync::Arc;

use probity_schemas::authority::{Departed, Enrolled, KeyRevoked, RoleGranted, RoleWithdrawn, SignerKind};
use probity_schemas::policy::Published;
use probity_schemas::{Digest, EventId, Identity, Kid, NamespacePattern, Subject};
use serde::{Deserialize, Serialize};

use crate::signed::Signed;

/// How long an act may wait for its confirmation, in milliseconds: seven days.
pub const CONFIRMATION_MAX_WAIT_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// What takes two persons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Power {
    /// `authority.enrolled` of a person, or of a further key of a service.
    Enrol {
        /// Who is enrolled.
        identity: Identity,
        /// How.
        enrolled: Enrolled,
    },
    /// `authority.role_granted`.
    Grant {
        /// Who is given the role.
        identity: Identity,
        /// The role, its namespaces and its end.
        granted: RoleGranted,
    },
    /// `policy.published`.
    Publish {
        /// The policy's subject.
        subject: Subject,
        /// The policy.
        published: Box<Published>,
    },
    /// `authority.role_withdrawn` from one of the last two who can administer.
    Withdraw {
        /// From whom.
        identity: Identity,
        /// The role and its namespaces.
        withdrawn: RoleWithdrawn,
    },
    /// `authority.key_revoked` of one of the last two who can administer, or with a moment since which the
    /// key was in other hands.
    Revoke {
        /// The key.
        kid: Kid,
        /// Since when its acts do not count, in Unix milliseconds.
        compromised_since_ms: Option<u64>,
    },
    /// `authority.departed` of one of the last two who can administer.
    Depart {
        /// Who left.
        identity: Identity,
        /// The last moment of their last day, in Unix milliseconds.
        last_ms: u64,
    },
}

impl Power {
    /// The act's type.
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::Enrol { .. } => Enrolled::INFO.event_type,
            Self::Grant { .. } => RoleGranted::INFO.event_type,
            Self::Publish { .. } => Published::INFO.event_type,
            Self::Withdraw { .. } => RoleWithdrawn::INFO.event_type,
            Self::Revoke { .. } => KeyRevoked::INFO.event_type,
            Self::Depart { .. } => Departed::INFO.event_type,
        }
    }

    /// The namespaces in which a policy holds: those who publish and confirm it have a say in all of them.
    #[must_use]
    pub fn bound_by(published: &Published) -> Vec<NamespacePattern> {
        match published {
            Published::Gate(policy) => policy.namespaces.to_vec(),
            Published::Lifecycle(policy) => policy.namespaces.to_vec(),
            Published::Attributes(policy) => policy.namespaces.to_vec(),
            Published::ControlPack(pack) => crate::packs::namespaces(pack),
            Published::Roles(_) => vec![NamespacePattern::All],
        }
    }

    /// Whether it lets somebody in or gives something, and takes nothing away.
    #[must_use]
    pub fn gives(&self) -> bool {
        matches!(self, Self::Enrol { .. } | Self::Grant { .. } | Self::Publish { .. })
    }

    /// Whether an enrolment takes two: a person's does. Of a service, the persons responsible are named.
    pub(super) fn enrolling_takes_two(enrolled: &Enrolled) -> bool {
        enrolled.kind == SignerKind::Person
    }
}

/// An act that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// What takes effect with the last signature.
    pub power: Power,
    /// The event's own id, which its confirmation may name.
    pub id: EventId,
    /// The event's subject, which its confirmation shares.
    pub subject: Subject,
    /// Everyone who signed so far, with the persons behind each; the first signed the act itself.
    pub signed: Vec<(Signed, Vec<Identity>)>,
    /// How many have to sign: two persons, or as many recovery keys as the founding statement says.
    pub needed: u32,
    /// Whether recovery keys sign it.
    pub recovery: bool,
}

impl Pending {
    /// The index of the act.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.signed.first().map_or(0, |(first, _)| first.index)
    }

    /// Whether it can still be confirmed at a moment, in Unix milliseconds.
    #[must_use]
    pub fn in_time(&self, now_ms: u64) -> bool {
        let first = self.signed.first();
        first.is_some_and(|(first, _)| now_ms <= first.time_ms.saturating_add(CONFIRMATION_MAX_WAIT_MS))
    }

    /// Whether one more signature puts it into force.
    #[must_use]
    pub fn lacks_one(&self) -> bool {
        self.signed.len() as u32 + 1 >= self.needed
    }
}

/// Everything that waits, by the digest of its signed statement. A policy can be large, and the whole is copied with
/// every change: so it is shared.
pub(super) type Waiting = HashMap<Digest, Arc<Pending>>;
