//! Values folded from steps in the order of their moments, whatever order they are recorded in.

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::record::{Key, Record, Table};
use crate::store::StoreError;

/// A moment in Unix milliseconds and a log index, by which steps are ordered.
type StepPlace = (u64, u64);

/// A value, and the last step that is folded into it.
///
/// Most steps are recorded in the order in which they happened and are folded as they come. One that
/// comes late, or is void, has the value folded again from its first step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct InOrder<T> {
    /// What the steps so far come to.
    pub value: T,
    last: StepPlace,
}

/// The steps of values: name, moment, index → step.
#[derive(Debug)]
pub struct Steps<S>(Table<S>);

impl<S: Record> Steps<S> {
    /// The table whose keys begin with `byte`.
    pub const fn new(byte: u8) -> Self {
        Self(Table::new(byte))
    }

    fn of(&self, name: &str) -> Key {
        self.0.key().text(name)
    }

    /// Takes in a step of the value called `name`.
    ///
    /// # Errors
    /// The view could not be read.
    pub fn take<T: Default>(
        &self,
        batch: &mut Batch<'_>,
        name: &str,
        folded: &mut InOrder<T>,
        (place, step): (StepPlace, S),
        fold: impl Fn(&mut T, &S),
    ) -> Result<(), StoreError> {
        batch.put(&self.0, self.of(name).number(place.0).number(place.1), step.clone());
        if place >= folded.last {
            folded.last = place;
            fold(&mut folded.value, &step);
            return Ok(());
        }
        self.fold_again(batch, name, folded, fold)
    }

    /// Takes back the step at a place.
    ///
    /// # Errors
    /// The view could not be read.
    pub fn take_back<T: Default>(
        &self,
        batch: &mut Batch<'_>,
        name: &str,
        folded: &mut InOrder<T>,
        place: StepPlace,
        fold: impl Fn(&mut T, &S),
    ) -> Result<(), StoreError> {
        batch.remove(self.of(name).number(place.0).number(place.1));
        self.fold_again(batch, name, folded, fold)
    }

    fn fold_again<T: Default>(
        &self,
        batch: &Batch<'_>,
        name: &str,
        folded: &mut InOrder<T>,
        fold: impl Fn(&mut T, &S),
    ) -> Result<(), StoreError> {
        *folded = InOrder::default();
        for (key, step) in batch.records(&self.0, &self.of(name))? {
            fold(&mut folded.value, &step);
            folded.last = place_of(&key);
        }
        Ok(())
    }
}

/// A step's key ends with its place.
fn place_of(key: &[u8]) -> StepPlace {
    let number = |bytes: &[u8]| bytes.last_chunk().copied().map_or(0, u64::from_be_bytes);
    (key.len().checked_sub(8).map_or(0, |end| number(&key[..end])), number(key))
}
