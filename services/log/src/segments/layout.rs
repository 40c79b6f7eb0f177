//! The names and headers of segment files.
//!
//! A segment is made as `<number>.segment.new`, filled with zeros, given its header, synced, and
//! only then renamed to `<number>.segment`: a file with that name was complete once.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::storage::{Operation, Storage, StorageError, StoredFile, with_suffix};

/// Where the frames of a segment start, in bytes.
pub(crate) const FRAMES_START: u64 = 64;

const MAGIC: [u8; 8] = *b"PBLOGSG1";
const SEGMENT: &str = ".segment";
const TABLE: &str = ".index";
static ZEROS: [u8; 1 << 18] = [0; 1 << 18];

/// What is wrong with a segment file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentFault {
    /// There are later segments, but not this one.
    #[error("the segment is missing")]
    Missing,
    /// The first 64 bytes are not a segment's header.
    #[error("the segment's header is damaged")]
    Header,
    /// The header is that of another segment.
    #[error("the segment's header says that it is number {found}")]
    Number {
        /// The number in the header.
        found: u64,
    },
    /// The file has lost or gained bytes.
    #[error("the segment has {found} bytes where it was made with {expected}")]
    Length {
        /// The length in the header.
        expected: u64,
        /// The length of the file.
        found: u64,
    },
}

/// The length of the first segment, in bytes: more than the longest block.
const FIRST_LENGTH: u64 = 2 * 1024 * 1024;

/// The length in bytes that segment `number` is made with, where none may be longer than `longest`. Each is twice as long
/// as the one before it, so that a small ledger takes little room.
pub(crate) fn length_of(number: u64, longest: u64) -> u64 {
    longest.min(FIRST_LENGTH << number.min(16))
}

/// The path of segment `number`.
pub(crate) fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}{SEGMENT}"))
}

/// The path of the table of sealed segment `number`.
pub(crate) fn table_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}{TABLE}"))
}

/// What is in a log's directory.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The segment numbers, ascending.
    pub(crate) segments: Vec<u64>,
    /// The numbers of the segments that have a table, in no order.
    pub(crate) tables: Vec<u64>,
    /// Files that were being made when a process ended.
    pub(crate) unfinished: Vec<PathBuf>,
}

/// Lists the segments of a log.
pub(crate) fn list(storage: &dyn Storage, dir: &Path) -> Result<Listing, StorageError> {
    let names = storage.list(dir).map_err(StorageError::of(Operation::List, dir))?;
    let mut listing = Listing::default();
    for name in names.iter().filter_map(|name| name.to_str()) {
        if name.ends_with(".new") {
            listing.unfinished.push(dir.join(name));
        } else if let Some(number) = number(name, SEGMENT) {
            listing.segments.push(number);
        } else if let Some(number) = number(name, TABLE) {
            listing.tables.push(number);
        }
    }
    listing.segments.sort_unstable();
    Ok(listing)
}

fn number(name: &str, extension: &str) -> Option<u64> {
    name.strip_suffix(extension)?.parse().ok()
}

/// Whether a segment holds anything beyond its header.
pub(crate) fn segment_has_frames(storage: &dyn Storage, dir: &Path, number: u64) -> Result<bool, StorageError> {
    let path = segment_path(dir, number);
    let file = storage.open_read(&path).map_err(StorageError::of(Operation::Open, &path))?;
    let nonzero = first_nonzero(&*file, FRAMES_START).map_err(StorageError::of(Operation::Read, &path))?;
    Ok(nonzero.is_some())
}

/// Reads and checks the header of segment `number`; the result is the fault found, if any.
pub(crate) fn check_header(file: &dyn StoredFile, number: u64) -> io::Result<Result<(), SegmentFault>> {
    let mut bytes = [0; FRAMES_START as usize];
    let count = file.read_full_at(&mut bytes, 0)?;
    let Some((found, expected)) = decode_header(&bytes[..count]) else { return Ok(Err(SegmentFault::Header)) };
    if found != number {
        return Ok(Err(SegmentFault::Number { found }));
    }
    let found = file.length()?;
    Ok(if found == expected { Ok(()) } else { Err(SegmentFault::Length { expected, found }) })
}

/// Makes segment `number`, `length` bytes long, zeroed and on stable storage under its name.
///
/// A segment that exists already is opened instead; an opened log has only zeroed ones ahead of its
/// end.
pub(crate) fn prepare(
    storage: &dyn Storage,
    dir: &Path,
    number: u64,
    length: u64,
) -> Result<Arc<dyn StoredFile>, StorageError> {
    let path = segment_path(dir, number);
    match storage.open_write(&path) {
        Ok(file) => return Ok(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(StorageError::of(Operation::Open, &path)(error)),
    }
    let new = with_suffix(&path, ".new");
    let file = make(storage, &new, number, length)?;
    storage.rename(&new, &path).map_err(StorageError::of(Operation::Rename, &path))?;
    storage.sync_dir(dir).map_err(StorageError::of(Operation::Sync, dir))?;
    Ok(file)
}

/// Makes a segment under a name that says that it is not finished.
fn make(storage: &dyn Storage, new: &Path, number: u64, length: u64) -> Result<Arc<dyn StoredFile>, StorageError> {
    let file = storage.create(new).map_err(StorageError::of(Operation::Create, new))?;
    let written = zero(&*file, 0, length).and_then(|()| file.write_all_at(&encode_header(number, length), 0));
    if let Err(error) = written {
        // Most likely the disk is full: give back what was taken. What went wrong first is what
        // counts.
        drop(storage.remove(new));
        return Err(StorageError::of(Operation::Write, new)(error));
    }
    file.sync_data().map_err(StorageError::of(Operation::Sync, new))?;
    Ok(file)
}

/// Writes zeros from `start` to `end`.
pub(crate) fn zero(file: &dyn StoredFile, start: u64, end: u64) -> io::Result<()> {
    let mut position = start;
    while position < end {
        let count = (ZEROS.len() as u64).min(end - position);
        file.write_all_at(&ZEROS[..count as usize], position)?;
        position += count;
    }
    Ok(())
}

/// The first offset from `start` on that is not zero.
pub(crate) fn first_nonzero(file: &dyn StoredFile, start: u64) -> io::Result<Option<u64>> {
    let mut chunk = vec![0; ZEROS.len()];
    let mut position = start;
    loop {
        let count = file.read_full_at(&mut chunk, position)?;
        if count == 0 {
            return Ok(None);
        }
        if chunk[..count] != ZEROS[..count] {
            let offset = chunk[..count].iter().take_while(|byte| **byte == 0).count();
            return Ok(Some(position + offset as u64));
        }
        position += count as u64;
    }
}

/// `magic ‖ u64be number ‖ u64be length`, zeros, and at the end of the 64 bytes a CRC-32C of all
/// before it.
fn encode_header(number: u64, length: u64) -> [u8; FRAMES_START as usize] {
    let mut header = [0; FRAMES_START as usize];
    header[..8].copy_from_slice(&MAGIC);
    header[8..16].copy_from_slice(&number.to_be_bytes());
    header[16..24].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&header[..60]);
    header[60..].copy_from_slice(&crc.to_be_bytes());
    header
}

/// The number and the length in a header.
fn decode_header(bytes: &[u8]) -> Option<(u64, u64)> {
    let number = u64::from_be_bytes(*bytes.get(8..16)?.first_chunk()?);
    let length = u64::from_be_bytes(*bytes.get(16..24)?.first_chunk()?);
    (bytes == encode_header(number, length)).then_some((number, length))
}
