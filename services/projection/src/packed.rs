//! Small values that are only ever appended to: kept encoded, so that a long row of them is copied and written as cheaply
//! as a text of its bytes.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::record::RecordError;

/// Values one after another, encoded as they are in records.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Packed<T> {
    count: u64,
    bytes: Vec<u8>,
    #[serde(skip)]
    value: PhantomData<fn() -> T>,
}

impl<T> Packed<T> {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl<T: Serialize + DeserializeOwned> Packed<T> {
    /// Puts one behind all that are there.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn push(&mut self, value: &T) -> Result<(), RecordError> {
        let bytes = std::mem::take(&mut self.bytes);
        self.bytes = postcard::to_extend(value, bytes).map_err(|reason| RecordError { table: 0, reason })?;
        self.count += 1;
        Ok(())
    }

    /// All of them, in the order in which they were put there.
    ///
    /// # Errors
    /// The bytes are not those of such values.
    pub fn all(&self) -> Result<Vec<T>, RecordError> {
        // A record that is damaged claims what it likes: no value is shorter than a byte.
        let mut found = Vec::with_capacity(self.bytes.len().min(usize::try_from(self.count).unwrap_or(usize::MAX)));
        let mut rest = self.bytes.as_slice();
        while !rest.is_empty() {
            let (value, behind) = postcard::take_from_bytes(rest).map_err(|reason| RecordError { table: 0, reason })?;
            found.push(value);
            rest = behind;
        }
        Ok(found)
    }
}

impl<T> Clone for Packed<T> {
    fn clone(&self) -> Self {
        Self { count: self.count, bytes: self.bytes.clone(), value: PhantomData }
    }
}

impl<T> Default for Packed<T> {
    fn default() -> Self {
        Self { count: 0, bytes: Vec::new(), value: PhantomData }
    }
}

impl<T> PartialEq for Packed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<T> Eq for Packed<T> {}

impl<T> fmt::Debug for Packed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packed").field("count", &self.count).finish_non_exhaustive()
    }
}
