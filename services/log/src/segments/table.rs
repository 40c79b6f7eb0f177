//! Where the blocks of a sealed segment are: a table on disk, so that memory does not grow with the
//! log.
//!
//! A table is a hint. It is never synced, what it says is checked against the block it leads to,
//! and one that is missing or wrong is made again from the segment.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::storage::{Operation, Storage, StorageError, StoredFile, replace};

const MAGIC: [u8; 8] = *b"PBLOGIX1";
const HEADER: usize = 64;
const ENTRY: usize = 8;

/// How far a log has come: the height and the index that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Position {
    pub(crate) height: u64,
    pub(crate) index: u64,
}

/// One block of a segment, relative to the segment's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The offset of the frame in bytes.
    pub(crate) offset: u32,
    /// The block's first index, less the segment's.
    pub(crate) index: u32,
}

/// What a segment's frames cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: Position,
    pub(crate) end: Position,
}

/// The table of one sealed segment, open for lookups.
#[derive(Debug)]
pub(crate) struct Table {
    span: Span,
    entries: Entries,
}

#[derive(Debug)]
enum Entries {
    Stored(Arc<dyn StoredFile>),
    Made(Vec<Entry>),
}

impl Table {
    /// Writes the table of a segment.
    pub(crate) fn write(storage: &dyn Storage, path: &Path, span: Span, entries: &[Entry]) -> Result<(), StorageError> {
        let mut bytes = encode_header(span).to_vec();
        bytes.reserve(entries.len() * ENTRY);
        for entry in entries {
            bytes.extend(entry.offset.to_be_bytes());
            bytes.extend(entry.index.to_be_bytes());
        }
        replace(storage, path, &bytes)
    }

    /// Opens a table; `None` if there is none or it is damaged.
    pub(crate) fn open(storage: &dyn Storage, path: &Path) -> Result<Option<Self>, StorageError> {
        let file = match storage.open_read(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StorageError::of(Operation::Open, path)(error)),
        };
        let mut header = [0; HEADER];
        let read = file.read_full_at(&mut header, 0).and_then(|count| Ok((count, file.length()?)));
        let (count, length) = read.map_err(StorageError::of(Operation::Read, path))?;
        let whole = |span: &Span| {
            let blocks = span.end.height.checked_sub(span.start.height)?;
            Some(length == HEADER as u64 + blocks.checked_mul(ENTRY as u64)?)
        };
        let span = decode_header(&header[..count]).filter(|span| whole(span) == Some(true));
        Ok(span.map(|span| Self { span, entries: Entries::Stored(file) }))
    }

    /// A table that was just made from the segment.
    pub(crate) fn in_memory(span: Span, entries: Vec<Entry>) -> Self {
        Self { span, entries: Entries::Made(entries) }
    }

    /// What the segment covers.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// Where the block at `height` is; `None` if it is not in this segment.
    pub(crate) fn entry_of(&self, height: u64) -> io::Result<Option<Entry>> {
        match height.checked_sub(self.span.start.height) {
            Some(position) if height < self.span.end.height => self.entry(position),
            _ => Ok(None),
        }
    }

    /// The height of the block that holds the statement at `index`; `None` if it is not in this
    /// segment.
    pub(crate) fn height_of(&self, index: u64) -> io::Result<Option<u64>> {
        let Span { start, end } = self.span;
        if !(start.index..end.index).contains(&index) {
            return Ok(None);
        }
        // The last block whose first index is not beyond `index`.
        let (mut low, mut high) = (0, end.height - start.height);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.entry(middle)? {
                Some(entry) if u64::from(entry.index) <= index - start.index => low = middle + 1,
                Some(_) => high = middle,
                None => return Ok(None),
            }
        }
        Ok(low.checked_sub(1).map(|position| start.height + position))
    }

    /// The entry of the block that is `position` blocks into the segment.
    fn entry(&self, position: u64) -> io::Result<Option<Entry>> {
        let file = match &self.entries {
            Entries::Stored(file) => file,
            Entries::Made(entries) => {
                return Ok(usize::try_from(position).ok().and_then(|at| entries.get(at).copied()));
            }
        };
        let mut bytes = [0; ENTRY];
        let count = file.read_full_at(&mut bytes, HEADER as u64 + position * ENTRY as u64)?;
        let [o0, o1, o2, o3, i0, i1, i2, i3] = bytes;
        let (offset, index) = (u32::from_be_bytes([o0, o1, o2, o3]), u32::from_be_bytes([i0, i1, i2, i3]));
        Ok((count == ENTRY).then_some(Entry { offset, index }))
    }
}

fn encode_header(span: Span) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    let numbers = [span.start.height, span.start.index, span.end.height, span.end.index];
    for (field, number) in header[8..].chunks_exact_mut(8).zip(numbers) {
        field.copy_from_slice(&number.to_be_bytes());
    }
    let crc = crc32c::crc32c(&header[..HEADER - 4]);
    header[HEADER - 4..].copy_from_slice(&crc.to_be_bytes());
    header
}

fn decode_header(bytes: &[u8]) -> Option<Span> {
    let mut numbers = bytes.get(8..40)?.chunks_exact(8).filter_map(|field| field.first_chunk().copied());
    let mut next = || numbers.next().map(u64::from_be_bytes);
    let start = Position { height: next()?, index: next()? };
    let end = Position { height: next()?, index: next()? };
    let span = Span { start, end };
    (bytes == encode_header(span)).then_some(span)
}
