//! Values of the vocabulary within records that have no field names: `#[serde(with = "named")]`.
//!
//! Types of the vocabulary leave out fields that are empty, so their encoding has to name those that are there. It is a
//! byte string of CBOR.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

/// Writes a value.
///
/// # Errors
/// It has no such encoding.
pub fn serialize<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).map_err(ser::Error::custom)?;
    bytes.serialize(serializer)
}

/// Reads what [`serialize`] has written.
///
/// # Errors
/// It is something else.
pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let bytes = Vec::<u8>::deserialize(deserializer)?;
    ciborium::from_reader(bytes.as_slice()).map_err(de::Error::custom)
}
