//! Key files: PKCS#8 PEM with the identity written above it, mode 0600.
//!
//! The identity is a line of explanatory text (RFC 7468 §2) in front of the PEM block, which every PEM reader skips:
//! `openssl pkey -in FILE` reads the file as it is.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use probity_schemas::Identity;
use probity_statement::{PublicKey, SecretKey};
use zeroize::Zeroizing;

use crate::failure::wrong_use;

/// The passphrase of key files, for runs without a terminal.
const PASSPHRASE_VARIABLE: &str = "PROBITY_KEY_PASSPHRASE";

/// A private key and whose it is. The key may be elsewhere.
#[derive(Debug)]
pub(crate) struct Signer<K = SecretKey> {
    pub(crate) identity: Identity,
    pub(crate) key: K,
}

/// A public key and whose it is, where its file says so.
#[derive(Debug)]
pub(crate) struct Public {
    pub(crate) identity: Option<Identity>,
    pub(crate) key: PublicKey,
}

/// Where the public half of a key file stands: `ada.key` → `ada.pub`.
pub(crate) fn public_path(path: &Path) -> PathBuf {
    path.with_extension("pub")
}

/// Writes a new key file and its public half. Never overwrites.
pub(crate) fn write(path: &Path, identity: &Identity, key: &SecretKey, passphrase: Option<&str>) -> Result<()> {
    let public = public_path(path);
    if public == path {
        return Err(wrong_use!("{} would be overwritten by its own public half; call it .key", path.display()));
    }
    let pem = key.to_pem(passphrase, &mut rand::rng())?;
    write_new(path, 0o600, &format!("identity: {identity}\n{}", *pem))?;
    write_public(&public, identity, key.public())
}

/// Writes a public key file. Never overwrites.
pub(crate) fn write_public(path: &Path, identity: &Identity, key: &PublicKey) -> Result<()> {
    write_new(path, 0o644, &format!("identity: {identity}\n{}", key.to_pem()?))
}

/// Writes a file that must not exist yet, and makes it durable.
pub(crate) fn write_new(path: &Path, mode: u32, text: &str) -> Result<()> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Reads a private key file, asking for its passphrase where it has one. `identity` overrides what the file says.
pub(crate) fn read(path: &Path, identity: Option<Identity>) -> Result<Signer> {
    let text =
        Zeroizing::new(fs::read_to_string(path).with_context(|| format!("cannot read the key {}", path.display()))?);
    let mode = fs::metadata(path).map(|metadata| metadata.mode() & 0o777).unwrap_or(0);
    if mode & 0o077 != 0 {
        bail!("{} can be read by others (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display());
    }
    let passphrase = match SecretKey::is_encrypted_pem(&text) {
        true => Some(ask_passphrase(&format!("Passphrase of {}: ", path.display()))?),
        false => None,
    };
    let key = SecretKey::from_pem(&text, passphrase.as_ref().map(|text| text.as_str()))
        .with_context(|| format!("{}", path.display()))?;
    let identity = match identity.or(identity_line(&text)?) {
        Some(identity) => identity,
        None => {
            return Err(wrong_use!(
                "{} does not say whose key it is; add --as person:<uuid> or --as service:<name>",
                path.display()
            ));
        }
    };
    Ok(Signer { identity, key })
}

/// Reads a public key file.
pub(crate) fn read_public(path: &Path) -> Result<Public> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read the key {}", path.display()))?;
    let key = PublicKey::from_pem(&text).with_context(|| format!("{}", path.display()))?;
    Ok(Public { identity: identity_line(&text)?, key })
}

/// A passphrase from the environment or the terminal.
pub(crate) fn ask_passphrase(prompt: &str) -> Result<Zeroizing<String>> {
    if let Ok(passphrase) = std::env::var(PASSPHRASE_VARIABLE) {
        return Ok(Zeroizing::new(passphrase));
    }
    if !io::stdin().is_terminal() {
        return Err(wrong_use!("a passphrase is needed: set {PASSPHRASE_VARIABLE} or run this at a terminal"));
    }
    Ok(Zeroizing::new(rpassword::prompt_password(prompt)?))
}

fn identity_line(text: &str) -> Result<Option<Identity>> {
    let preamble = text.split("-----BEGIN").next().unwrap_or_default();
    let Some(line) = preamble.lines().find_map(|line| line.strip_prefix("identity:")) else { return Ok(None) };
    let identity = line.trim();
    Ok(Some(identity.parse().with_context(|| format!("the key file names {identity:?}"))?))
}
