//! What was recorded from here: so that the next question counts it in.
//!
//! A view takes a moment to follow. For each ledger the size of the tree that holds what was recorded
//! last is kept in the directory of what these commands remember, and asked for at least. A number
//! that cannot be kept is no reason for a command to fail: the next answer may then be a moment
//! older.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::pins::state_directory;

/// The directory in it, with a file for each ledger.
const DIRECTORY: &str = "recorded";

fn file(founding: &str) -> Option<PathBuf> {
    state_directory().map(|state| state.join(DIRECTORY).join(founding))
}

/// How many statements a ledger must have taken into account to hold what was recorded from here; 0
/// where nothing was.
pub(crate) fn size(founding: &str) -> u64 {
    file(founding).map_or(0, |file| read(&file))
}

/// Keeps that so many statements hold what was recorded.
pub(crate) fn remember(founding: &str, tree_size: u64) {
    let Some(file) = file(founding) else { return };
    // A later command may have kept more.
    if read(&file) >= tree_size {
        return;
    }
    let write = || -> std::io::Result<()> {
        if let Some(directory) = file.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let partial = file.with_extension(format!("{}.partial", std::process::id()));
        fs::write(&partial, tree_size.to_string())?;
        fs::rename(&partial, &file)
    };
    // Only the freshness of an answer rests on it.
    let _ = write();
}

fn read(file: &Path) -> u64 {
    fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
