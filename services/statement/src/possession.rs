//! Proof of possession: whoever is enrolled shows that they hold the key, for this ledger and under this identity.

use probity_schemas::{Identity, Origin};

use crate::keys::{BadSignature, PublicKey, SIGNATURE_LENGTH, SecretKey};
use crate::signer::{Signer, SigningError, sign_checked};

/// A signature by the key to be enrolled over [`possession_message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Possession(pub [u8; SIGNATURE_LENGTH]);

/// What is signed: a fixed first line that no statement, note or receipt can begin with, then origin, identity and kid.
pub fn possession_message(origin: &Origin, identity: &Identity, key: &PublicKey) -> Vec<u8> {
    format!("probity key possession v1\n{origin}\n{identity}\n{}\n", key.id()).into_bytes()
}

impl Possession {
    /// Proves that the holder of `key` wants to be enrolled as `identity` in the ledger `origin`.
    pub fn prove(key: &SecretKey, origin: &Origin, identity: &Identity) -> Self {
        Self(key.sign(&possession_message(origin, identity, key.public())))
    }

    /// The same with a key that is kept elsewhere.
    ///
    /// # Errors
    /// If its holder does not sign, or not with this key.
    pub fn prove_with<S: Signer + ?Sized>(
        signer: &S,
        origin: &Origin,
        identity: &Identity,
    ) -> Result<Self, SigningError> {
        sign_checked(signer, &possession_message(origin, identity, signer.public())).map(Self)
    }

    /// Checks the proof.
    pub fn verify(&self, key: &PublicKey, origin: &Origin, identity: &Identity) -> Result<(), BadSignature> {
        key.verify(&possession_message(origin, identity, key), &self.0)
    }
}
