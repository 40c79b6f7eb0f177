//! Which ledger is behind which address: pinned by its founding statement, or trusted on first use.
//!
//! Whoever answers at an address could name any keys. So the leaf hash of the founding statement,
//! which holds the ledger's name and keys, is kept for each address; one that changes is refused.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use probity_terminal::errln;
use serde::{Deserialize, Serialize};

/// The environment variable that names the directory of what these commands remember.
pub(crate) const VARIABLE: &str = "PROBITY_STATE";

/// The file in it.
const FILE: &str = "ledgers.toml";

/// A ledger as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pin {
    /// Its name.
    pub(crate) origin: String,
    /// The leaf hash of its founding statement (RFC 9162, section 2.1.1), in hexadecimal.
    pub(crate) founding: String,
}

/// The ledgers that were met, by address.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    #[serde(default)]
    ledgers: BTreeMap<String, Pin>,
}

/// The directory where nothing else is said: as the XDG base directory specification has it.
pub(crate) fn state_directory() -> Option<PathBuf> {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let beside = || given("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let at_home = || given("HOME").map(|home| home.join(".local/state"));
    given(VARIABLE).or_else(|| beside().or_else(at_home).map(|state| state.join("probity")))
}

/// Makes sure that the ledger found at `address` is the one that is meant: `pin` if that is given, or
/// the one that was there before. What is met for the first time, or pinned, is remembered.
///
/// # Errors
/// It is another one, or what is remembered cannot be read or written.
pub(crate) fn check(address: &str, found: &Pin, pin: Option<&str>) -> Result<()> {
    match state_directory() {
        Some(directory) => check_in(&directory.join(FILE), address, found, pin),
        // There is nowhere to remember anything.
        None => matches_pin(address, found, pin),
    }
}

/// Makes sure that a ledger is the one that is pinned, if one is.
///
/// # Errors
/// It is another one.
pub(crate) fn matches_pin(address: &str, found: &Pin, pin: Option<&str>) -> Result<()> {
    match pin {
        Some(pin) if !pin.eq_ignore_ascii_case(&found.founding) => bail!(
            "the ledger at {address} is not the one that is pinned: its founding statement has the hash {}, the pin is {pin}. \
             Nothing was sent",
            found.founding
        ),
        _ => Ok(()),
    }
}

fn check_in(file: &Path, address: &str, found: &Pin, pin: Option<&str>) -> Result<()> {
    matches_pin(address, found, pin)?;
    let mut known = read(file)?;
    match known.ledgers.get(address) {
        Some(kept) if kept == found => return Ok(()),
        Some(kept) if pin.is_none() => {
            return Err(anyhow!(
                "the ledger at {address} is another one than before, or somebody else answers there. Nothing was sent.\n\
                 before  {} {}\nnow     {} {}\n\
                 If it is right, as after founding a new ledger there, say so once: --pin {}",
                kept.founding,
                kept.origin,
                found.founding,
                found.origin,
                found.founding
            ));
        }
        Some(_) => {}
        None if pin.is_none() && !is_loopback(address) => errln!(
            "probity: first contact with {} at {address}: founding hash {}, kept in {}. Compare it with what its operators say",
            found.origin,
            found.founding,
            file.display()
        ),
        None => {}
    }
    known.ledgers.insert(address.to_owned(), found.clone());
    write(file, &known).with_context(|| format!("cannot write {}", file.display()))
}

fn is_loopback(address: &str) -> bool {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest);
    ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local))
}

fn read(file: &Path) -> Result<Known> {
    match fs::read_to_string(file) {
        Ok(text) => toml::from_str(&text).with_context(|| format!("{} does not hold known ledgers", file.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Known::default()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// Replaces the file as a whole; two commands at once leave what one of them wrote.
fn write(file: &Path, known: &Known) -> Result<()> {
    if let Some(directory) = file.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let partial = file.with_extension(format!("{}.partial", std::process::id()));
    let mut options = fs::OpenOptions::new();
    let mut written = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    written.write_all(toml::to_string(known)?.as_bytes())?;
    fs::rename(&partial, file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(number: u8) -> Pin {
        Pin { origin: format!("ledger.test/{number}"), founding: format!("{number:02x}").repeat(32) }
    }

    #[test]
    fn a_ledger_is_trusted_on_first_use_and_another_one_is_refused_with_both() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new/ledgers.toml");
        let at = "http://127.0.0.1:7170";
        check_in(&file, at, &ledger(1), None).unwrap();
        check_in(&file, at, &ledger(1), None).unwrap();
        check_in(&file, "http://127.0.0.1:7171", &ledger(2), None).unwrap();
        let refused = check_in(&file, at, &ledger(2), None).unwrap_err().to_string();
        assert!(refused.contains(&ledger(1).founding) && refused.contains(&ledger(2).founding), "{refused}");
        // Who says so once has said so.
        check_in(&file, at, &ledger(2), Some(&ledger(2).founding.to_uppercase())).unwrap();
        check_in(&file, at, &ledger(2), None).unwrap();
    }

    #[test]
    fn a_pin_decides_whatever_was_there_before() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ledgers.toml");
        let refused = check_in(&file, "https://a:1", &ledger(1), Some(&ledger(2).founding)).unwrap_err().to_string();
        assert!(refused.contains("pinned") && !file.exists(), "{refused}");
        check_in(&file, "https://a:1", &ledger(1), Some(&ledger(1).founding)).unwrap();
        let refused = check_in(&file, "https://a:1", &ledger(1), Some(&ledger(3).founding)).unwrap_err().to_string();
        assert!(refused.contains("pinned"), "{refused}");
    }
}
