//! Opening what a process left behind: find the anchored blocks, then judge what lies above them.
//!
//! Below the anchor nothing is ever changed. Above it, whole frames that continue the log are written and synced again
//! before they count, because a killed process leaves pages that were never synced; the rest becomes zeros.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use super::layout::{FRAMES_START, check_header, first_nonzero, list, prepare, segment_path, table_path, zero};
use super::scan::Scan;
use super::table::{Position, Span, Table};
use super::{Active, GROUP_BYTES, Segments, State};
use crate::frame::{self, FrameError, FrameFault, FrameReader};
use crate::storage::{Operation, Storage, StorageError, StoredFile};
use crate::{Block, BlockFault, Location, OpenError, SegmentFault};

/// What was found above the anchor.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// How many blocks were written again.
    pub(crate) adopted: u64,
    /// Where bytes were zeroed that are no whole block.
    pub(crate) discarded: Option<Location>,
}

/// Farther than this from the end of the log no group that was cut short has written, in bytes.
const REACH: u64 = 2 * GROUP_BYTES as u64;

type OpenSegment = (PathBuf, Arc<dyn StoredFile>);

impl Segments {
    /// Opens the segments in `dir`, which must hold `anchored` blocks, and stands after the last of those.
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
                let (start, file) = (end, file.clone());
                let Scan { entries, end, offset, .. } = scan;
                let active = Active { file, length, start, end, offset, entries };
                let state = RwLock::new(State { sealed, active });
                return Ok(Self { storage, dir: dir.to_owned(), segment_length, state, remaking: Mutex::new(()) });
            }
            let goes_on = match next {
                Some(next) => first_block(next)?.is_ok_and(|block| is_at(block.as_ref(), scan.end)),
                None => false,
            };
            if !goes_on {
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

    /// Takes in the blocks above the anchored ones, each of which `extend` must accept, and clears what follows them.
    /// On return all of it is on stable storage.
    pub(crate) fn recover(
        &self,
        mut extend: impl FnMut(&Block) -> Result<(), BlockFault>,
    ) -> Result<Recovered, OpenError> {
        let mut recovered = Recovered::default();
        let mut unsynced: Vec<OpenSegment> = Vec::new();
        let later = loop {
            let number = self.state().sealed.len() as u64;
            let (path, file) = (segment_path(&self.dir, number), self.state().active.file.clone());
            let adopted = recovered.adopted;
            let whole = self.adopt(&path, &file, &mut extend, &mut recovered.adopted)?;
            if recovered.adopted > adopted {
                unsynced.push((path.clone(), file.clone()));
            }
            let next = self.later_segments(number + 1)?;
            let continued = match next.first() {
                Some(next) => first_block(next)?.is_ok_and(|block| is_at(block.as_ref(), self.end())),
                None => false,
            };
            match next.into_iter().next() {
                Some((_, next)) if whole && continued => self.seal(next)?,
                _ => break self.later_segments(number + 1)?,
            }
        };
        let active = {
            let state = self.state();
            let path = segment_path(&self.dir, state.sealed.len() as u64);
            ((path, state.active.file.clone()), state.active.offset)
        };
        self.remove_tables_from(self.state().sealed.len() as u64)?;
        for (segment, start) in [active].into_iter().chain(later.into_iter().map(|later| (later, FRAMES_START))) {
            let (path, file) = &segment;
            let garbage = first_nonzero(&**file, start).map_err(StorageError::of(Operation::Read, path))?;
            let length = file.length().map_err(StorageError::of(Operation::Read, path))?;
            // Zeros that are read need not be on storage, if an earlier opening could not sync them.
            let end = if garbage.is_some() { length } else { length.min(start + REACH) };
            zero(&**file, start, end).map_err(StorageError::of(Operation::Write, path))?;
            if let Some(offset) = garbage {
                let Position { height, index } = self.end();
                recovered.discarded.get_or_insert(Location { file: path.clone(), offset, height, index });
            }
            unsynced.push(segment);
        }
        for (path, file) in unsynced {
            file.sync_data().map_err(StorageError::of(Operation::Sync, &path))?;
        }
        Ok(recovered)
    }

    /// Writes the whole frames at the end of the active segment again; false if a torn one or garbage follows them.
    fn adopt(
        &self,
        path: &Path,
        file: &Arc<dyn StoredFile>,
        extend: &mut impl FnMut(&Block) -> Result<(), BlockFault>,
        adopted: &mut u64,
    ) -> Result<bool, OpenError> {
        let mut offset = self.state().active.offset;
        let mut reader = FrameReader::new(file.clone(), offset);
        loop {
            let Position { height, index } = self.end();
            let at = || Location { file: path.to_owned(), offset, height, index };
            let block = match reader.next() {
                Ok(Some(block)) => block,
                Ok(None) => {
                    let garbage = first_nonzero(&**file, offset).map_err(StorageError::of(Operation::Read, path))?;
                    return Ok(garbage.is_none());
                }
                Err(FrameError::Fault(fault)) if fault.is_torn() => return Ok(false),
                Err(FrameError::Fault(fault)) => return Err(OpenError::Damaged { at: at(), fault }),
                Err(FrameError::Io(error)) => return Err(StorageError::of(Operation::Read, path)(error).into()),
            };
            extend(&block).map_err(|fault| OpenError::Unverified { at: at(), fault })?;
            let damaged = |fault: FrameFault| OpenError::Damaged { at: at(), fault };
            let frame = frame::encode(&block).map_err(|error| damaged(error.into()))?;
            file.write_all_at(&frame, offset).map_err(StorageError::of(Operation::Write, path))?;
            self.record(&block, offset).ok_or_else(|| damaged(FrameFault::Missing))?;
            *adopted += 1;
            offset = reader.position();
        }
    }

    /// Removes tables of segments that are not full: what a group that was cut short filled may be filled otherwise now.
    fn remove_tables_from(&self, number: u64) -> Result<(), StorageError> {
        let stale: Vec<_> =
            list(&*self.storage, &self.dir)?.tables.into_iter().filter(|found| *found >= number).collect();
        for number in &stale {
            let path = table_path(&self.dir, *number);
            self.storage.remove(&path).map_err(StorageError::of(Operation::Remove, &path))?;
        }
        if !stale.is_empty() {
            self.storage.sync_dir(&self.dir).map_err(StorageError::of(Operation::Sync, &self.dir))?;
        }
        Ok(())
    }

    /// The segments from `number` on.
    fn later_segments(&self, number: u64) -> Result<Vec<OpenSegment>, OpenError> {
        let listing = list(&*self.storage, &self.dir)?;
        let later = listing.segments.into_iter().filter(|found| *found >= number);
        later.map(|number| open_file(&*self.storage, &self.dir, number)).collect()
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
        return Ok(vec![(path, prepare(storage, dir, 0, segment_length)?)]);
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

fn open_file(storage: &dyn Storage, dir: &Path, number: u64) -> Result<OpenSegment, OpenError> {
    let path = segment_path(dir, number);
    let file = storage.open_write(&path).map_err(StorageError::of(Operation::Open, &path))?;
    match check_header(&*file, number).map_err(StorageError::of(Operation::Read, &path))? {
        Ok(()) => Ok((path, file)),
        Err(fault) => Err(OpenError::Segment { file: path, fault }),
    }
}

/// The first block of a segment, if its first frame is whole.
fn first_block((path, file): &OpenSegment) -> Result<Result<Option<Block>, FrameFault>, StorageError> {
    match FrameReader::single(file.clone(), FRAMES_START).next() {
        Ok(block) => Ok(Ok(block)),
        Err(FrameError::Fault(fault)) => Ok(Err(fault)),
        Err(FrameError::Io(error)) => Err(StorageError::of(Operation::Read, path)(error)),
    }
}

fn is_at(block: Option<&Block>, position: Position) -> bool {
    block.is_some_and(|block| Position { height: block.height(), index: block.first_index() } == position)
}
