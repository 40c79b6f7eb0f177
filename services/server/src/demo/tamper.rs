//! What happens when someone changes what was recorded.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use probity_log::MAX_BLOCK_LENGTH;

use crate::config::anchor_beside;
use crate::ledger_dir::LedgerDir;

/// Where a byte was changed.
#[derive(Debug)]
pub(super) struct ChangedByte {
    pub(super) file: PathBuf,
    pub(super) offset: usize,
}

/// Copies a ledger and flips the lowest bit of one byte in the middle of `statement`.
pub(super) fn change_one_byte(from: &Path, to: &Path, statement: &[u8]) -> Result<ChangedByte> {
    copy(from, to)?;
    fs::copy(anchor_beside(from), anchor_beside(to)).context("cannot copy the anchor")?;
    for entry in fs::read_dir(LedgerDir::new(to).log().join("segments"))? {
        let file = entry?.path();
        let mut bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let found = bytes.windows(statement.len()).position(|window| window == statement);
        if let Some(start) = found {
            let offset = start + statement.len() / 2;
            bytes[offset] ^= 1;
            fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
            return Ok(ChangedByte { file, offset });
        }
    }
    bail!("the statement is in no segment; this is a defect")
}

/// Makes the checksum of the block around a changed byte fit again, as someone would who knows the
/// file's format.
pub(super) fn forge_checksum(place: &ChangedByte) -> Result<()> {
    let mut bytes = fs::read(&place.file).with_context(|| format!("cannot read {}", place.file.display()))?;
    // A frame is its length and CRC-32C, each of four bytes, before the block; the nearest length
    // that reaches beyond the changed byte, with a block behind it (a CBOR map of five), is this
    // block's.
    let frame = (0..place.offset.saturating_sub(8)).rev().find_map(|start| {
        let length = u32::from_be_bytes(bytes[start..start + 4].try_into().ok()?) as usize;
        let end = start.checked_add(8)?.checked_add(length)?;
        let holds =
            bytes[start + 8] == 0xa5 && (place.offset..bytes.len()).contains(&end) && length <= MAX_BLOCK_LENGTH;
        holds.then_some((start, end))
    });
    let (start, end) = frame.context("no block around the changed byte; this is a defect")?;
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes[start..start + 4]), &bytes[start + 8..end]);
    bytes[start + 4..start + 8].copy_from_slice(&checksum.to_be_bytes());
    fs::write(&place.file, bytes).with_context(|| format!("cannot write {}", place.file.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot copy to {}", target.display()))?;
        }
    }
    Ok(())
}
