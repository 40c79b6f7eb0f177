//! How answers look as JSON: bytes in hexadecimal.

use bytes::Bytes;
use serde::Serializer;

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}
