//! Signed statements, receipts and keys: what a signer hands in and what the ledger hands back.
pub mod cbor;
