//! Values that name their own fields.

use std::ops::{Deref, DerefMut};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

/// A part of a record that is kept as CBOR. Types of the vocabulary leave out fields that are empty, so
/// their encoding has to name those that are there; records otherwise have no field names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cbor<T>(pub T);

impl<T> Deref for Cbor<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Cbor<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Serialize> Serialize for Cbor<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        ciborium::into_writer(&self.0, &mut bytes).map_err(ser::Error::custom)?;
        bytes.serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Cbor<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Vec::<u8>::deserialize(deserializer)?;
        ciborium::from_reader(bytes.as_slice()).map(Self).map_err(de::Error::custom)
    }
}
