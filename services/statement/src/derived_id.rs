//! Event ids for what is found rather than made: the same finding is the same event.

use probity_schemas::{EventId, Identity};
use sha2::{Digest, Sha256};

/// The UUIDv8 of an event that `issuer` found in `system` under `native_id`: SHA-256 over all four, each preceded by its
/// length in eight bytes, so that a retry or a second import is the same event.
pub fn derived_event_id(issuer: &Identity, system: &str, native_id: &str, event_type: &str) -> EventId {
    let mut hash = Sha256::new();
    for part in [issuer.to_string().as_str(), system, native_id, event_type] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    EventId::from_hash(half)
}
