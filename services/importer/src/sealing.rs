//! Sealing cells of personal data: keys are the business of whoever runs the import.

use probity_schemas::{EventId, Text};

/// The vault of whoever runs an import.
///
/// An import is a function of its inputs, and the vault is one of them: the same arguments give the
/// same sealed text, so that running an import again adds nothing.
pub trait Sealer {
    /// Seals a text of an event under the key of a label. `place` tells texts of one event apart.
    ///
    /// # Errors
    /// The key could not be had, or the text is too long to be sealed.
    fn seal(&self, text: &Text, label: &str, event: &EventId, place: &str) -> Result<Text, SealerError>;

    /// What a sealed text of an event says; `None` where its key is not there, or not any more.
    ///
    /// # Errors
    /// The key could not be read, or it is not what the text was sealed under.
    fn open(&self, sealed: &str, event: &EventId) -> Result<Option<String>, SealerError>;
}

/// A text could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SealerError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// No vault: for mappings that seal nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoVault;

/// A column is to be sealed, and nobody said where the keys are.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the mapping seals this column, and no vault was given")]
struct VaultMissing;

impl Sealer for NoVault {
    fn seal(&self, _: &Text, _: &str, _: &EventId, _: &str) -> Result<Text, SealerError> {
        Err(SealerError(Box::new(VaultMissing)))
    }

    fn open(&self, _: &str, _: &EventId) -> Result<Option<String>, SealerError> {
        Ok(None)
    }
}
