//! Key files: PKCS#8 PEM with the identity written above it, mode 0600.
//!
//! The identity is a line of explanatory text (RFC 7468 §2) in front of the PEM block, which every
//! PEM reader skips: `openssl pkey -in FILE` reads the file as it is. A file is never overwritten.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use probity_schemas::{Identity, ParseError};
use probity_statement::{KeyError, PublicKey, SecretKey};
use zeroize::Zeroizing;

/// The passphrase of key files, for runs without a terminal.
const PASSPHRASE_VARIABLE: &str = "PROBITY_KEY_PASSPHRASE";

/// Why a key file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The private key has the name that its public half would get.
    #[error("{} would be overwritten by its own public half; call it .key", path.display())]
    NamedAsPublic {
        /// The file.
        path: PathBuf,
    },
    /// The file exists, or its directory does not let it be made.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read the key {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Other users of the machine can read the private key.
    #[error("{} can be read by others (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file holds no key, or another passphrase opens it.
    #[error("{}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A key cannot be encoded.
    #[error("the key cannot be written as PEM")]
    Encode(#[source] KeyError),
    /// The identity above the key is none.
    #[error("the key file names {identity:?}")]
    Identity {
        /// The text above the key.
        identity: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Neither the file nor the caller says whose key it is.
    #[error("{} does not say whose key it is; add --as person:<uuid> or --as service:<name>", path.display())]
    NoIdentity {
        /// The file.
        path: PathBuf,
    },
    /// A passphrase is needed, and there is no terminal to ask for it.
    #[error("a passphrase is needed: set {PASSPHRASE_VARIABLE} or run this at a terminal")]
    NoPassphrase,
    /// Whoever makes a key that nobody can open has lost it.
    #[error("the two passphrases differ; no key was made")]
    PassphrasesDiffer,
    /// The terminal could not be asked.
    #[error("the passphrase could not be asked for")]
    Terminal(#[source] io::Error),
}

impl KeyFileError {
    /// Whether the command was called wrongly, rather than that the file is missing or damaged.
    pub(crate) fn is_wrong_use(&self) -> bool {
        matches!(
            self,
            Self::NamedAsPublic { .. } | Self::NoIdentity { .. } | Self::NoPassphrase | Self::PassphrasesDiffer
        )
    }
}

/// A private key and whose it is. The key may be elsewhere.
#[derive(Debug)]
pub struct Signer<K = SecretKey> {
    /// Who signs.
    pub identity: Identity,
    /// The key, or the way to it.
    pub key: K,
}

/// A public key and whose it is, where its file says so.
#[derive(Debug)]
pub struct PublicKeyFile {
    /// Whose it is.
    pub identity: Option<Identity>,
    /// The key.
    pub key: PublicKey,
}

/// Where the public half of a key file stands: `ada.key` → `ada.pub`.
#[must_use]
pub fn public_path(path: &Path) -> PathBuf {
    path.with_extension("pub")
}

/// Writes a new key file and its public half. Never overwrites.
///
/// # Errors
/// One of the files exists or cannot be written.
pub fn write(path: &Path, identity: &Identity, key: &SecretKey, passphrase: Option<&str>) -> Result<(), KeyFileError> {
    let public = public_path(path);
    if public == path {
        return Err(KeyFileError::NamedAsPublic { path: public });
    }
    let pem = key.to_pem(passphrase, &mut rand::rng()).map_err(KeyFileError::Encode)?;
    write_new(path, 0o600, &format!("identity: {identity}\n{}", *pem))?;
    write_public(&public, identity, key.public())
}

/// Writes a public key file. Never overwrites.
///
/// # Errors
/// The file exists or cannot be written.
pub fn write_public(path: &Path, identity: &Identity, key: &PublicKey) -> Result<(), KeyFileError> {
    write_new(path, 0o644, &format!("identity: {identity}\n{}", key.to_pem().map_err(KeyFileError::Encode)?))
}

/// Writes a file that must not exist yet, and makes it durable.
///
/// # Errors
/// The file exists or cannot be written.
pub fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), KeyFileError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| KeyFileError::Write { path: path.to_owned(), source })
}

/// Reads a private key file, asking for its passphrase where it has one. `identity` overrides what
/// the file says.
///
/// # Errors
/// The file cannot be read, others can read it, it holds no key, or it does not say whose key it
/// is.
pub fn read(path: &Path, identity: Option<Identity>) -> Result<Signer, KeyFileError> {
    let text = Zeroizing::new(read_text(path)?);
    let mode = fs::metadata(path).map(|metadata| metadata.mode() & 0o777).unwrap_or(0);
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
    }
    let passphrase = match SecretKey::is_encrypted_pem(&text) {
        true => Some(ask_passphrase(&format!("Passphrase of {}: ", path.display()))?),
        false => None,
    };
    let key = SecretKey::from_pem(&text, passphrase.as_ref().map(|text| text.as_str()))
        .map_err(|source| KeyFileError::Key { path: path.to_owned(), source })?;
    let identity = identity.or(identity_line(&text)?);
    let identity = identity.ok_or_else(|| KeyFileError::NoIdentity { path: path.to_owned() })?;
    Ok(Signer { identity, key })
}

/// Reads a public key file.
///
/// # Errors
/// The file cannot be read or holds no public key.
pub fn read_public(path: &Path) -> Result<PublicKeyFile, KeyFileError> {
    let text = read_text(path)?;
    let key = PublicKey::from_pem(&text).map_err(|source| KeyFileError::Key { path: path.to_owned(), source })?;
    Ok(PublicKeyFile { identity: identity_line(&text)?, key })
}

/// A passphrase from the environment variable `PROBITY_KEY_PASSPHRASE` or the terminal.
///
/// # Errors
/// There is neither.
pub fn ask_passphrase(prompt: &str) -> Result<Zeroizing<String>, KeyFileError> {
    if let Ok(passphrase) = std::env::var(PASSPHRASE_VARIABLE) {
        return Ok(Zeroizing::new(passphrase));
    }
    if !io::stdin().is_terminal() {
        return Err(KeyFileError::NoPassphrase);
    }
    rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(KeyFileError::Terminal)
}

/// A new passphrase: from the environment variable, or asked for twice at the terminal.
///
/// # Errors
/// There is neither, or what was typed differs.
pub fn ask_new_passphrase() -> Result<Zeroizing<String>, KeyFileError> {
    let first = ask_passphrase("New passphrase: ")?;
    if std::env::var(PASSPHRASE_VARIABLE).is_ok() || *ask_passphrase("The same again: ")? == *first {
        return Ok(first);
    }
    Err(KeyFileError::PassphrasesDiffer)
}

fn read_text(path: &Path) -> Result<String, KeyFileError> {
    fs::read_to_string(path).map_err(|source| KeyFileError::Read { path: path.to_owned(), source })
}

fn identity_line(text: &str) -> Result<Option<Identity>, KeyFileError> {
    let preamble = text.split("-----BEGIN").next().unwrap_or_default();
    let Some(line) = preamble.lines().find_map(|line| line.strip_prefix("identity:")) else { return Ok(None) };
    let identity = line.trim();
    let parsed = identity.parse().map_err(|source| KeyFileError::Identity { identity: identity.to_owned(), source });
    parsed.map(Some)
}
