//! Full tiles that were checked, kept for the next proof.

use std::collections::HashMap;
use std::sync::Arc;

use probity_tlog::Hash;

/// At 8 KiB a tile, 4 MiB.
const CAPACITY: usize = 512;

/// A bounded number of tiles by level and index.
#[derive(Debug, Default)]
pub(super) struct Cache(HashMap<(u8, u64), Arc<[Hash]>>);

impl Cache {
    pub(super) fn get(&self, level: u8, index: u64) -> Option<Arc<[Hash]>> {
        self.0.get(&(level, index)).cloned()
    }

    /// Keeps a tile; where there is no room, all others go.
    pub(super) fn insert(&mut self, level: u8, index: u64, hashes: Arc<[Hash]>) {
        if self.0.len() >= CAPACITY {
            self.0.clear();
        }
        self.0.insert((level, index), hashes);
    }
}
