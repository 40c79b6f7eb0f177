//! Control packs that were adopted.

use probity_controls::Pack;
use probity_projection::Table;
use probity_schemas::NamespacePattern;
use serde::{Deserialize, Serialize};

use super::byte;

/// Index of the statement with which it came into force → a pack.
pub(crate) const PACKS: Table<AdoptedPack> = Table::new(byte::PACKS);

/// A pack, and from when on it is in force.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AdoptedPack {
    /// The policy's subject without its version: a later edition takes its place.
    pub(crate) subject: String,
    /// Where it came into force.
    pub(crate) index: u64,
    /// When, in Unix milliseconds.
    pub(crate) since_ms: u64,
    /// Where it holds, as patterns.
    pub(crate) namespaces: Vec<String>,
    /// As it was published.
    pub(crate) text: String,
}

impl AdoptedPack {
    /// Where it holds.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = NamespacePattern> {
        self.namespaces.iter().filter_map(|pattern| pattern.parse().ok())
    }

    /// What it asks for; or in one sentence why it cannot be judged by.
    pub(crate) fn read(&self) -> Result<Pack, String> {
        Pack::load(&self.text)
            .map_err(|faults| faults.first().map_or_else(|| "it cannot be read".to_owned(), |fault| fault.to_string()))
    }
}
