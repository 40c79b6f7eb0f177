//! Leave to go without a control, for a time.

use probity_schemas::Name;
use serde::{Deserialize, Serialize};

use crate::signed::Signed;

/// How long an emergency lasts at most, in milliseconds: a day.
pub const EMERGENCY_MAX_MS: u64 = 24 * 60 * 60 * 1_000;

/// How long an emergency may wait for its second signature, in milliseconds: a day.
pub const SECOND_SIGNATURE_MAX_WAIT_MS: u64 = 24 * 60 * 60 * 1_000;

/// `exception.granted` or `exception.invoked`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exception {
    /// The control, such as the name of a gate.
    pub control: Name,
    /// Who signed it.
    pub signed: Signed,
    /// When it ends, in Unix milliseconds.
    pub expires_at_ms: u64,
    /// For an emergency: the second person's signature.
    pub second: Option<Signed>,
}
