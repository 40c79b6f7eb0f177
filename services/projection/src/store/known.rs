//! What whoever folds a view knows of its files without asking them: values that it read there, as they are now.
//!
//! A record that many statements ask for is looked up and decoded once, and not once more after each time that what was
//! folded went to the files. There is room for so many; the half that nobody asked for lately is forgotten first.

use std::collections::HashMap;
use std::sync::Arc;

use fjall::Slice;

use super::recent::Write;

/// Keys in each of two generations: some megabytes a view.
const REMEMBERED: usize = 16_384;

/// Values by key; `None` for a key that has none.
#[derive(Debug, Default)]
pub(super) struct Known {
    young: HashMap<Slice, Option<Arc<Write>>>,
    old: HashMap<Slice, Option<Arc<Write>>>,
}

impl Known {
    /// The value of a key, if it is known.
    pub(super) fn get(&mut self, key: &[u8]) -> Option<Option<Arc<Write>>> {
        if let Some(known) = self.young.get(key) {
            return Some(known.clone());
        }
        let (key, known) = self.old.remove_entry(key)?;
        self.remember(key, known.clone());
        Some(known)
    }

    /// Takes in the value of a key.
    pub(super) fn remember(&mut self, key: Slice, value: Option<Arc<Write>>) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        // What is old is never newer than what is young.
        self.young.insert(key, value);
    }

    /// Takes in that a key has another value from now on, where it is one that is known.
    pub(super) fn correct(&mut self, key: &[u8], value: impl FnOnce() -> Option<Arc<Write>>) {
        if let Some(known) = self.young.get_mut(key) {
            *known = value();
            self.old.remove(key);
        } else if let Some(known) = self.old.get_mut(key) {
            *known = value();
        }
    }
}
