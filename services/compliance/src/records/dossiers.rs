//! The facts that rules of control packs ask for, under what they are about.

use probity_controls::Fact;
use probity_projection::{Key, Table};
use serde::{Deserialize, Serialize};

use super::byte;

/// Subject, index → what was recorded about it.
pub(crate) const FACTS: Table<Kept> = Table::new(byte::FACTS);
/// Subject, index → the subject under which a fact is kept that concerns this one as well.
pub(crate) const FACTS_ABOUT: Table<String> = Table::new(byte::FACTS_ABOUT);

/// A fact, and what became of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) fact: Fact,
    pub(crate) amendments: Vec<Amendment>,
}

/// A correction of one field.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Amendment {
    /// The correction's index.
    pub(crate) index: u64,
    /// The field, such as `data.duration_s`.
    pub(crate) field: String,
    /// What it should have said; `None` where it should have said nothing.
    pub(crate) new: Option<String>,
}

pub(crate) fn fact_key(subject: &str, index: u64) -> Key {
    FACTS.key().text(subject).number(index)
}
