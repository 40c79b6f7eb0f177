//! Who left, keys in other hands, and acts that wait for a second person.

use probity_domain::At;
use probity_projection::Table;
use probity_schemas::Kid;
use serde::{Deserialize, Serialize};

use super::byte;

/// Key number → the key, from when on its acts do not count, in Unix milliseconds, and where that took effect.
pub(crate) const COMPROMISED: Table<Option<(Kid, u64, At)>> = Table::new(byte::COMPROMISED);
/// Identity → what is known of a person.
pub(crate) const PERSONS: Table<Person> = Table::new(byte::PERSONS);
/// Index → an act that waits for a second person.
pub(crate) const PENDING: Table<Waiting> = Table::new(byte::PENDING);

/// What is known of someone who signs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Person {
    /// The last moment, in Unix milliseconds, and where that was recorded.
    pub(crate) departed: Option<(u64, u64)>,
}

/// An act that takes effect with a second person's confirmation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) event_type: String,
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) signer: String,
    /// When it was recorded, in Unix milliseconds.
    pub(crate) at_ms: u64,
}
