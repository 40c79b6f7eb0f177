//! The keys a ledger signs with: the public ones its founding statement names, and the private ones a registrar holds.

use probity_schemas::ledger::{Founded, LedgerEvent};
use probity_schemas::{Data, Identity, Origin};
use probity_tlog::{CheckpointSigner, CheckpointVerifier, KeyNameError};

use crate::keys::{BadSignature, KeyError, PublicKey, SecretKey};
use crate::statement::{SignedStatement, StatementError};

/// The public keys of one ledger: all that is needed to check its checkpoints and receipts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerKeys {
    /// The ledger's name, the audience of every statement.
    pub origin: Origin,
    /// Signs checkpoints, and what the ledger states about itself.
    pub checkpoint: PublicKey,
    /// Signs the time of checkpoints.
    pub clock: PublicKey,
    /// Signs receipts.
    pub receipt: PublicKey,
}

/// Why a statement does not found a ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerKeysError {
    /// Not a statement with an event.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Another type than `ledger.founded`.
    #[error("statement 0 is {found}, not ledger.founded")]
    NotFounding {
        /// Its type.
        found: &'static str,
    },
    /// The statement is by someone else, or for another ledger, than the one it founds.
    #[error("the statement that founds {origin} is by {issuer} for {audience}")]
    NotByItself {
        /// The ledger it founds.
        origin: Origin,
        /// Who issued it.
        issuer: Identity,
        /// Whom it was made for.
        audience: String,
    },
    /// A key that cannot be used, or a name that does not fit its key.
    #[error("the ledger's keys: {0}")]
    Key(#[from] KeyError),
    /// An origin that cannot stand in a checkpoint.
    #[error("the ledger's origin: {0}")]
    Origin(#[from] KeyNameError),
    /// Not signed with the checkpoint key it names.
    #[error("the founding statement: {0}")]
    Signature(#[from] BadSignature),
}

impl LedgerKeys {
    /// Reads the keys out of statement 0, which must be signed with the checkpoint key it names.
    pub fn from_founding(statement: &SignedStatement) -> Result<Self, LedgerKeysError> {
        let event = statement.event()?;
        let found = event.event_type();
        let Data::Ledger(LedgerEvent::Founded(founded)) = event.data else {
            return Err(LedgerKeysError::NotFounding { found });
        };
        let keys = Self::of(&founded)?;
        let (issuer, audience) = (statement.issuer(), statement.audience());
        if *issuer != Identity::Ledger(keys.origin.clone()) || audience != keys.origin.as_str() {
            let (issuer, audience) = (issuer.clone(), audience.to_owned());
            return Err(LedgerKeysError::NotByItself { origin: keys.origin, issuer, audience });
        }
        statement.verify(&keys.checkpoint)?;
        Ok(keys)
    }

    fn of(founded: &Founded) -> Result<Self, KeyError> {
        let key = |key: &probity_schemas::PublicKey| PublicKey::from_bytes(key.as_bytes());
        let (checkpoint, clock, receipt) =
            (key(&founded.keys.checkpoint)?, key(&founded.keys.clock)?, key(&founded.keys.receipt)?);
        Ok(Self { origin: founded.origin.clone(), checkpoint, clock, receipt })
    }

    /// Who the ledger is when it states something itself.
    pub fn identity(&self) -> Identity {
        Identity::Ledger(self.origin.clone())
    }

    /// Reads the ledger's checkpoints.
    pub fn checkpoint_verifier(&self) -> Result<CheckpointVerifier, KeyNameError> {
        CheckpointVerifier::new(self.origin.as_str(), *self.checkpoint.as_dalek(), *self.clock.as_dalek())
    }
}

/// The private keys of one ledger.
#[derive(Debug, Clone)]
pub struct LedgerSecrets {
    /// The ledger's name.
    pub origin: Origin,
    /// Signs checkpoints, and what the ledger states about itself.
    pub checkpoint: SecretKey,
    /// Signs the time of checkpoints.
    pub clock: SecretKey,
    /// Signs receipts.
    pub receipt: SecretKey,
}

impl LedgerSecrets {
    /// The public halves.
    pub fn public(&self) -> LedgerKeys {
        LedgerKeys {
            origin: self.origin.clone(),
            checkpoint: self.checkpoint.public().clone(),
            clock: self.clock.public().clone(),
            receipt: self.receipt.public().clone(),
        }
    }

    /// Writes the ledger's checkpoints.
    pub fn checkpoint_signer(&self) -> Result<CheckpointSigner, KeyNameError> {
        CheckpointSigner::new(self.origin.as_str(), self.checkpoint.as_dalek().clone(), self.clock.as_dalek().clone())
    }
}
