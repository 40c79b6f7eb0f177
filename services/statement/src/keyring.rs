//! Every key that may have signed a statement, by thumbprint.

use std::collections::HashMap;

use crate::keys::{BadSignature, KeyId, PublicKey};
use crate::statement::SignedStatement;

/// Public keys by thumbprint. Revoked ones stay: what they signed is verified for ever, and whether they may still sign
/// is for admission to say.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: HashMap<KeyId, PublicKey>,
}

/// Why a statement's signature could not be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No key of this thumbprint is enrolled.
    #[error("key {kid} is not enrolled in this ledger")]
    UnknownKey {
        /// The thumbprint that the statement names.
        kid: KeyId,
    },
    /// The key is known, the signature is not its.
    #[error(transparent)]
    Bad(#[from] BadSignature),
}

impl Keyring {
    /// Adds a key.
    pub fn insert(&mut self, key: PublicKey) {
        self.keys.insert(key.id(), key);
    }

    /// The key of this thumbprint.
    pub fn get(&self, kid: &KeyId) -> Option<&PublicKey> {
        self.keys.get(kid)
    }

    /// Verifies a statement with the key it names.
    pub fn verify(&self, statement: &SignedStatement) -> Result<(), SignatureError> {
        let kid = statement.kid();
        let key = self.get(&kid).ok_or(SignatureError::UnknownKey { kid })?;
        Ok(statement.verify(key)?)
    }
}
