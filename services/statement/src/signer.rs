//! Whoever holds a key: this process, or somebody who is asked.

use crate::keys::{BadSignature, PublicKey, SIGNATURE_LENGTH, SecretKey};

/// Signs messages with one Ed25519 key. The key may be out of reach: in an agent, on a card.
pub trait Signer {
    /// The public half.
    fn public(&self) -> &PublicKey;

    /// Signs a message with plain Ed25519 (RFC 8032), without a prefix or a hash of its own.
    ///
    /// # Errors
    /// If the holder cannot be asked, or refuses.
    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LENGTH], SigningError>;

    /// Whether signatures come from this process and need no check.
    fn is_local(&self) -> bool {
        false
    }
}

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
#[error("cannot sign: {0}")]
pub struct SigningError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl SigningError {
    /// From what the holder of the key said.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl From<BadSignature> for SigningError {
    fn from(_: BadSignature) -> Self {
        Self::new("what came back is not a signature by this key")
    }
}

impl Signer for SecretKey {
    fn public(&self) -> &PublicKey {
        self.public()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LENGTH], SigningError> {
        Ok(self.sign(message))
    }

    fn is_local(&self) -> bool {
        true
    }
}

impl<S: Signer + ?Sized> Signer for Box<S> {
    fn public(&self) -> &PublicKey {
        (**self).public()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LENGTH], SigningError> {
        (**self).sign(message)
    }

    fn is_local(&self) -> bool {
        (**self).is_local()
    }
}

/// Signs, and verifies strictly what another process gave back.
pub(crate) fn sign_checked<S: Signer + ?Sized>(
    signer: &S,
    message: &[u8],
) -> Result<[u8; SIGNATURE_LENGTH], SigningError> {
    let signature = signer.sign(message)?;
    if !signer.is_local() {
        signer.public().verify(message, &signature)?;
    }
    Ok(signature)
}
