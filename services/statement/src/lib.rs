//! Signed statements, receipts and keys: what a signer hands in and what the ledger hands back.
//!
//! Everything here is bytes in, values out (and back): no file, clock, random source or network. What is parsed is
//! parsed strictly, so that a value of one of these types has exactly one encoding, the one it came in.

pub mod cbor;
mod derived_id;
mod keyring;
mod keys;
mod ledger_keys;
mod possession;
mod prepared;
mod receipt;
mod sealed;
mod signer;
mod statement;
mod transparent;

pub use derived_id::derived_event_id;
pub use keyring::{Keyring, SignatureError};
pub use keys::{BadSignature, KeyError, KeyId, PublicKey, SIGNATURE_LENGTH, SecretKey};
pub use ledger_keys::{LedgerKeys, LedgerKeysError, LedgerSecrets};
pub use possession::{Possession, possession_message};
pub use receipt::{Receipt, ReceiptError, ReceiptProof, RootSignature};
pub use sealed::{SealError, SealingKey, SealingKeyId, UnsealError};
pub use signer::{Signer, SigningError};
pub use statement::{EVENT_MEDIA_TYPE, MAX_STATEMENT_LENGTH, SignedStatement, StatementError, Unsigned, decode_event};
pub use transparent::{attach_receipts, detach_receipts};
