//! Power takes two: enrolments, roles and policies that wait for a second person's yes.

use std::collections::HashMap;

use probity_schemas::authority::{Enrolled, RoleGranted, SignerKind};
use probity_schemas::policy::Published;
use probity_schemas::{Digest, EventId, Identity};
use serde::{Deserialize, Serialize};

use crate::life::Signed;

/// How long an act may wait for its confirmation, in milliseconds: seven days.
pub const CONFIRMATION_MAX_WAIT_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// What takes two persons.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Power {
    /// `authority.enrolled` of a person.
    Enrol { identity: Identity, enrolled: Enrolled },
    /// `authority.role_granted`.
    Grant { identity: Identity, granted: RoleGranted },
    /// `policy.published`.
    Publish { subject: String, published: Box<Published> },
}

impl Power {
    /// The act's type.
    pub(crate) fn event_type(&self) -> &'static str {
        match self {
            Self::Enrol { .. } => Enrolled::INFO.event_type,
            Self::Grant { .. } => RoleGranted::INFO.event_type,
            Self::Publish { .. } => Published::INFO.event_type,
        }
    }

    /// Whether an enrolment takes two: a person's does. Of a service, the persons responsible are named.
    pub(crate) fn enrolling_takes_two(enrolled: &Enrolled) -> bool {
        enrolled.kind == SignerKind::Person
    }
}

/// An act that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) power: Power,
    /// The event's own id and subject, which its confirmation names too.
    pub(crate) id: EventId,
    pub(crate) subject: String,
    /// Who has said yes so far; the first signed the act itself.
    pub(crate) signed: Vec<(Signed, Vec<Identity>)>,
    /// How many have to: two persons, or as many recovery keys as the founding statement says.
    pub(crate) needed: u32,
    /// Whether recovery keys sign it.
    pub(crate) recovery: bool,
}

/// Everything that waits, by the digest of its signed statement.
pub(crate) type Waiting = HashMap<Digest, Pending>;
