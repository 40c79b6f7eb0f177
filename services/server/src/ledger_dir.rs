//! The layout of the data directory.
//!
//! Keys are apart from data, because they are worth different things to a thief: `keys/` can forge
//! the ledger's future, `log/` holds all that was recorded, `index/` and `tiles/` can be rebuilt
//! from it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use probity_schemas::{Identity, Origin};
use probity_statement::{LedgerSecrets, SecretKey};
use probity_terminal::keyfile;

/// The layout of one data directory.
#[derive(Debug, Clone)]
pub(crate) struct LedgerDir {
    root: PathBuf,
}

/// The name of the registrar's view in the index.
pub(crate) const INDEX_TREE: &str = "registrar";

/// The ledger's keys, by file name.
const CHECKPOINT: &str = "checkpoint.key";
const CLOCK: &str = "clock.key";
const RECEIPT: &str = "receipt.key";

impl LedgerDir {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The segments and the hash tiles.
    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The index of event ids and revisions.
    pub(crate) fn index(&self) -> PathBuf {
        self.root.join("index")
    }

    /// What is folded from the log to be asked.
    pub(crate) fn views(&self) -> PathBuf {
        self.root.join("views")
    }

    /// In a backup, the checkpoint that it was made up to.
    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoint")
    }

    /// The ledger's private and public keys.
    pub(crate) fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// The public key that receipts are checked with.
    pub(crate) fn receipt_public_key(&self) -> PathBuf {
        keyfile::public_path(&self.keys().join(RECEIPT))
    }

    /// Writes new ledger keys; never overwrites.
    pub(crate) fn write_secrets(&self, secrets: &LedgerSecrets) -> Result<()> {
        std::fs::create_dir_all(self.keys()).with_context(|| format!("cannot make {}", self.keys().display()))?;
        let identity = Identity::Ledger(secrets.origin.clone());
        for (name, key) in [(CHECKPOINT, &secrets.checkpoint), (CLOCK, &secrets.clock), (RECEIPT, &secrets.receipt)] {
            keyfile::write(&self.keys().join(name), &identity, key, None)?;
        }
        Ok(())
    }

    /// Reads the ledger's private keys.
    pub(crate) fn read_secrets(&self) -> Result<LedgerSecrets> {
        Self::read_secrets_in(&self.keys())
    }

    /// Reads a ledger's private keys from the directory they are in.
    pub(crate) fn read_secrets_in(keys: &Path) -> Result<LedgerSecrets> {
        let read = |name: &str| keyfile::read(&keys.join(name), None);
        let checkpoint = read(CHECKPOINT)?;
        let origin = match checkpoint.identity {
            Identity::Ledger(origin) => origin,
            other => anyhow::bail!("{} is the key of {other}, not of a ledger", keys.join(CHECKPOINT).display()),
        };
        Ok(LedgerSecrets { origin, checkpoint: checkpoint.key, clock: read(CLOCK)?.key, receipt: read(RECEIPT)?.key })
    }

    /// Makes new ledger keys in memory.
    pub(crate) fn new_secrets(origin: Origin) -> Result<LedgerSecrets> {
        let mut rng = rand::rng();
        let mut key = || SecretKey::generate(&mut rng);
        Ok(LedgerSecrets { origin, checkpoint: key()?, clock: key()?, receipt: key()? })
    }
}
