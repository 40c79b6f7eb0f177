//! Who said something, when, and how they know: what a view keeps beside each fact, so that answers can cite it.

use probity_domain::signed::ordered_at_ms;
use serde::{Deserialize, Serialize};

use crate::recorded::{Provenance, Recorded};

/// Where a fact comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// The position of the statement.
    pub index: u64,
    /// How its signer knows.
    pub provenance: Provenance,
    /// Who signed it.
    pub signer: String,
    /// When it was recorded, in Unix seconds.
    pub recorded_at: u64,
    /// When it happened, in Unix milliseconds: the earliest and the latest it can have been. `None` where nobody knows.
    pub occurred: Option<(u64, u64)>,
}

impl Stated {
    /// The moment from which on the fact is known to hold, in Unix milliseconds: the latest that it can have happened,
    /// and never later than it was recorded. Of what nobody knows when it was, it is known that it had been by then.
    #[must_use]
    pub fn known_since_ms(&self) -> u64 {
        ordered_at_ms(self.occurred.map(|(_, latest)| latest), self.recorded_at.saturating_mul(1_000))
    }

    /// What a statement says of itself.
    #[must_use]
    pub fn of(recorded: &Recorded) -> Self {
        Self {
            index: recorded.index,
            provenance: recorded.provenance(),
            signer: recorded.signer(),
            recorded_at: recorded.recorded_at,
            occurred: recorded.event.occurred.map(|at| (at.earliest().as_ms(), at.latest().as_ms())),
        }
    }
}
