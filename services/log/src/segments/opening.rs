//! Opening the segments: the anchored blocks must be there, and nothing about them is changed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use super::active::Active;
use super::layout::{FRAMES_START, check_header, length_of, list, prepare, segment_path, table_path};
use super::scan::Scan;
use super::table::{Position, Span, Table};
use super::{Segments, State};
use crate::frame::{FrameError, FrameReader};
use crate::storage::{Operation, Storage, StorageError, StoredFile};
use crate::{OpenError, SegmentFault};

/// A segment file and its path.
pub(super) type OpenSegment = (PathBuf, Arc<dyn StoredFile>);

impl Segments {
    /// Opens the segments in `dir`, which must hold `anchored` blocks, and stands after the last of
    /// those.
    ///
    /// Reads the segments that have no table and the last one; makes the first if there is none.
    pub(crate) fn open(
        storage: Arc<dyn Storage>,
        dir: &Path,
        segment_length: u64,
        anchored: u64,
    ) -> Result<Self, OpenError> {
        let files = open_files(&*storage, dir, segment_length, anchored)?;
        let (mut sealed, mut end) = (Vec::new(), Position::default());
        for (number, (path, file)) in (0..).zip(&files) {
            let next = files.get(number as usize + 1);
            let table = Table::open(&*storage, &table_path(dir, number))?.map(|table| table.span());
            // A table can be ahead of the anchor if the process ended between the two.
            let table = table.filter(|span| span.start == end && span.end.height <= anchored && next.is_some());
            if let Some(span) = table {
                sealed.push(end);
                end = span.end;
                continue;
            }
            let scan = Scan::of(file, end, anchored).map_err(StorageError::of(Operation::Read, path))?;
            if scan.end.height == anchored {
                let length = file.length().map_err(StorageError::of(Operation::Read, path))?;
                let active = Active::scanned(file.clone(), length, end, scan);
                let state = RwLock::new(State { sealed, active });
                return Ok(Self { storage, dir: dir.to_owned(), segment_length, state, remaking: Mutex::new(()) });
            }
            if !next.map(|next| starts_at(next, scan.end)).transpose()?.unwrap_or(false) {
                let at = scan.location(path);
                return Err(match scan.fault {
                    Some(fault) => OpenError::Damaged { at, fault },
                    None => OpenError::BehindAnchor { at, anchored },
                });
            }
            let span = Span { start: end, end: scan.end };
            if let Err(error) = Table::write(&*storage, &table_path(dir, number), span, &scan.entries) {
                tracing::warn!(error = &error as &dyn std::error::Error, "the table of a segment is not kept");
            }
            sealed.push(end);
            end = scan.end;
        }
        Err(OpenError::Segment { file: segment_path(dir, files.len() as u64), fault: SegmentFault::Missing })
    }
}

/// Opens all segment files and checks that they are there and whole.
fn open_files(
    storage: &dyn Storage,
    dir: &Path,
    segment_length: u64,
    anchored: u64,
) -> Result<Vec<OpenSegment>, OpenError> {
    let listing = list(storage, dir)?;
    for unfinished in &listing.unfinished {
        storage.remove(unfinished).map_err(StorageError::of(Operation::Remove, unfinished))?;
    }
    // A name may have been given just before the process ended.
    storage.sync_dir(dir).map_err(StorageError::of(Operation::Sync, dir))?;
    if listing.segments.is_empty() && anchored == 0 {
        let path = segment_path(dir, 0);
        return Ok(vec![(path, prepare(storage, dir, 0, length_of(0, segment_length))?)]);
    }
    let mut files = Vec::with_capacity(listing.segments.len());
    for (number, found) in (0..).zip(listing.segments) {
        if number != found {
            return Err(OpenError::Segment { file: segment_path(dir, number), fault: SegmentFault::Missing });
        }
        files.push(open_file(storage, dir, number)?);
    }
    Ok(files)
}

pub(super) fn open_file(storage: &dyn Storage, dir: &Path, number: u64) -> Result<OpenSegment, OpenError> {
    let path = segment_path(dir, number);
    let file = storage.open_write(&path).map_err(StorageError::of(Operation::Open, &path))?;
    match check_header(&*file, number).map_err(StorageError::of(Operation::Read, &path))? {
        Ok(()) => Ok((path, file)),
        Err(fault) => Err(OpenError::Segment { file: path, fault }),
    }
}

/// Whether the first frame of a segment holds the block that follows at `position`.
pub(super) fn starts_at((path, file): &OpenSegment, position: Position) -> Result<bool, StorageError> {
    match FrameReader::single(file.clone(), FRAMES_START).next() {
        Ok(Some(block)) => Ok(Position { height: block.height(), index: block.first_index() } == position),
        Ok(None) | Err(FrameError::Fault(_)) => Ok(false),
        Err(FrameError::Io(error)) => Err(StorageError::of(Operation::Read, path)(error)),
    }
}
