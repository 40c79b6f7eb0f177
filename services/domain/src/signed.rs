//! Where and when something was recorded, who signed it, and who stands behind it.

use probity_schemas::Identity;
use serde::{Deserialize, Serialize};

/// The position of a statement and the time of its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct At {
    /// Its index in the log.
    pub index: u64,
    /// The time of its block, in Unix milliseconds.
    pub time_ms: u64,
}

/// Which key signed something, where and when. An act counts only while the key was in its holder's
/// hands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The key's number, in order of enrolment.
    pub key: u32,
    /// The index of the statement.
    pub index: u64,
    /// The time of its block, in Unix milliseconds.
    pub time_ms: u64,
}

impl Signed {
    /// The position and time alone.
    #[must_use]
    pub fn at(self) -> At {
        At { index: self.index, time_ms: self.time_ms }
    }
}

/// Who signed a statement.
#[derive(Debug, Clone, Copy)]
pub struct SignedBy<'a> {
    /// Its issuer.
    pub issuer: &'a Identity,
    /// The issuer's number, in order of enrolment.
    pub number: u32,
    /// The text of its subject.
    pub subject: &'a str,
    /// With which key, where and when.
    pub signed: Signed,
}

/// Everyone behind a statement: its signer, the person it was signed for, its initiators, and for a
/// service the persons responsible for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actors {
    /// The persons.
    pub persons: Vec<Identity>,
    /// Whether a service signed and no person is named as its initiator.
    pub anonymous: bool,
}

/// The moment that a fact is ordered by, in Unix milliseconds: the latest that it says it can have happened, but
/// never later than it was recorded. What somebody says of the year 2099 is not the last word until then.
#[must_use]
pub fn ordered_at_ms(latest_ms: Option<u64>, recorded_ms: u64) -> u64 {
    latest_ms.map_or(recorded_ms, |latest_ms| latest_ms.min(recorded_ms))
}

/// How far ahead of its recording a fact can be dated before that is noted, in milliseconds: clocks differ by that much.
pub const AHEAD_TOLERANCE_MS: u64 = 5 * 60 * 1_000;

/// Whether a fact is said to have happened after it was recorded. It counts from its recording on, as any other
/// ([`ordered_at_ms`]): a date that lies ahead puts nothing off.
#[must_use]
pub fn is_dated_ahead(earliest_ms: u64, recorded_ms: u64) -> bool {
    earliest_ms > recorded_ms.saturating_add(AHEAD_TOLERANCE_MS)
}

/// Adds what is not there yet.
pub fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
