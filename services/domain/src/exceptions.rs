//! Leave to go without a control, for a time.
//!
//! To do without a gate takes as many separate persons as to pass it. Each of them answers the same request,
//! or the same emergency, with a signature of their own.

use probity_schemas::{Identity, Name};
use serde::{Deserialize, Serialize};

use crate::approvals::Signatories;
use crate::signed::{At, Signed};

/// How long an emergency lasts at most, in milliseconds: a day.
pub const EMERGENCY_MAX_MS: u64 = 24 * 60 * 60 * 1_000;

/// How long an emergency may wait for its second signature, in milliseconds: a day.
pub const SECOND_SIGNATURE_MAX_WAIT_MS: u64 = 24 * 60 * 60 * 1_000;

/// `exception.granted` or `exception.invoked`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exception {
    /// The control, such as the name of a gate.
    pub control: Name,
    /// What it answers: the request, or the emergency. An emergency answers nothing and stands here itself.
    pub opener: At,
    /// Whether it is an emergency, for which one person is enough.
    pub emergency: bool,
    /// The signature, and those of its extensions.
    pub leaves: Vec<Leave>,
    /// For an emergency: the second person's signature.
    pub second: Option<Signed>,
}

/// One person's leave: `exception.granted`, `exception.invoked` or `exception.extended`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leave {
    /// Who signed it.
    pub signed: Signed,
    /// Whose signature it is.
    pub signatories: Signatories,
    /// When it ends, in Unix milliseconds.
    pub expires_at_ms: u64,
}

impl Exception {
    /// `exception.invoked`.
    #[must_use]
    pub fn invoked(control: Name, leave: Leave) -> Self {
        Self { control, opener: leave.signed.at(), emergency: true, leaves: vec![leave], second: None }
    }

    /// `exception.granted`, the answer to what stands at `opener`.
    #[must_use]
    pub fn granted(control: Name, opener: At, leave: Leave) -> Self {
        Self { control, opener, emergency: false, leaves: vec![leave], second: None }
    }

    /// When the leave of the statement itself ends, in Unix milliseconds; when an extension that one of
    /// these persons signed does, if that is later.
    #[must_use]
    pub fn ends_for(&self, persons: &[Identity]) -> Option<u64> {
        let own = |leave: &&Leave| leave.signatories.persons.iter().any(|person| persons.contains(person));
        self.leaves.iter().take(1).chain(self.leaves.iter().filter(own)).map(|leave| leave.expires_at_ms).max()
    }
}
