//! Digests of what was read and written.

use probity_schemas::Digest;
use sha2::{Digest as _, Sha256};

/// The SHA-256 of some bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

/// The first `length` hexadecimal digits of the SHA-256 of a text.
pub(crate) fn short_hash(text: &str, length: usize) -> String {
    let mut hash = hex::encode(Sha256::digest(text.as_bytes()));
    hash.truncate(length);
    hash
}
