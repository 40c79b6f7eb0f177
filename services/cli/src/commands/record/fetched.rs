//! A statement that was fetched from the log.

use probity_schemas::{Digest, Event};
use probity_statement::SignedStatement;
use sha2::{Digest as _, Sha256};

/// A statement that is in the log.
pub(crate) struct FetchedStatement {
    pub(crate) index: u64,
    pub(crate) statement: SignedStatement,
    pub(crate) event: Event,
}

impl FetchedStatement {
    /// The digest of the signed statement: what confirmations name it by.
    pub(crate) fn digest(&self) -> Digest {
        Digest::from_bytes(Sha256::digest(self.statement.bytes()).into())
    }
}
