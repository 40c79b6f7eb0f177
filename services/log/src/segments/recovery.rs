//! Judging what lies above the anchored blocks when a log is opened.
//!
//! Whole frames that continue the log are written and synced again before they count, because a
//! killed process leaves pages that were never synced; the rest becomes zeros.

use std::path::Path;
use std::sync::PoisonError;

use super::layout::{FRAMES_START, first_nonzero, list, segment_path, table_path, zero};
use super::opening::{OpenSegment, open_file, starts_at};
use super::table::Position;
use super::{GROUP_BYTES, Segments};
use crate::frame::{self, FrameError, FrameFault, FrameReader};
use crate::storage::{Operation, StorageError};
use crate::{Block, BlockFault, Location, OpenError};

/// Farther than this from the end of the log no group that was cut short has written, in bytes.
const REACH: u64 = 2 * GROUP_BYTES as u64;

/// What was found above the anchor.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// How many blocks were written again.
    pub(crate) adopted: u64,
    /// Where bytes were zeroed that are no whole block.
    pub(crate) discarded: Option<Location>,
}

impl Segments {
    /// Takes in the blocks above the anchored ones, each of which `extend` must accept, and clears
    /// what follows them. On return all of it is on stable storage.
    pub(crate) fn recover(&self, extend: impl FnMut(&Block) -> Result<(), BlockFault>) -> Result<Recovered, OpenError> {
        let mut recovery = Recovery { segments: self, extend, found: Recovered::default(), unsynced: Vec::new() };
        recovery.run()?;
        for (path, file) in recovery.unsynced {
            file.sync_data().map_err(StorageError::of(Operation::Sync, &path))?;
        }
        Ok(recovery.found)
    }
}

impl Segments {
    /// Gives up every block from `height` on, which nobody was told of: what holds them becomes
    /// zeros. On return that is on stable storage. Readers of earlier blocks are not disturbed.
    pub(crate) fn retreat(&self, height: u64) -> Result<(), OpenError> {
        // No table is made meanwhile of what is no longer full.
        let _no_tables = self.remaking.lock().unwrap_or_else(PoisonError::into_inner);
        let before = Self::open(self.storage.clone(), &self.dir, self.segment_length, height)?;
        // Readers look where the blocks will be before anything is cleared.
        *self.state_mut() = before.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let nothing = |_: &Block| Ok(());
        let mut recovery =
            Recovery { segments: self, extend: nothing, found: Recovered::default(), unsynced: Vec::new() };
        recovery.discard()?;
        for (path, file) in recovery.unsynced {
            file.sync_data().map_err(StorageError::of(Operation::Sync, &path))?;
        }
        Ok(())
    }
}

struct Recovery<'a, E> {
    segments: &'a Segments,
    extend: E,
    found: Recovered,
    unsynced: Vec<OpenSegment>,
}

impl<E: FnMut(&Block) -> Result<(), BlockFault>> Recovery<'_, E> {
    fn run(&mut self) -> Result<(), OpenError> {
        loop {
            let is_whole = self.adopt()?;
            match self.later_segments()?.first() {
                Some(next) if is_whole && starts_at(next, self.segments.end())? => {
                    self.segments.seal(next.1.clone())?
                }
                _ => return self.discard(),
            }
        }
    }

    /// Clears everything after the last block.
    fn discard(&mut self) -> Result<(), OpenError> {
        let later = self.later_segments()?;
        self.remove_tables()?;
        let offset = self.segments.state().active.offset;
        self.clear(self.active(), offset)?;
        later.into_iter().try_for_each(|segment| self.clear(segment, FRAMES_START))
    }

    /// Writes the whole frames at the end of the active segment again; false if a torn one or
    /// garbage follows them.
    fn adopt(&mut self) -> Result<bool, OpenError> {
        let (path, file) = self.active();
        let mut offset = self.segments.state().active.offset;
        let mut reader = FrameReader::new(file.clone(), offset);
        loop {
            let at = || self.location(&path, offset);
            let block = match reader.next() {
                Ok(Some(block)) => block,
                Ok(None) => {
                    let garbage = first_nonzero(&*file, offset).map_err(StorageError::of(Operation::Read, &path))?;
                    return Ok(garbage.is_none());
                }
                Err(FrameError::Fault(fault)) if fault.is_torn() => return Ok(false),
                Err(FrameError::Fault(fault)) => return Err(OpenError::Damaged { at: at(), fault }),
                Err(FrameError::Io(error)) => return Err(StorageError::of(Operation::Read, &path)(error).into()),
            };
            let at = at();
            if let Err(fault) = (self.extend)(&block) {
                return Err(OpenError::Unverified { at, fault });
            }
            let frame = match frame::encode(&block) {
                Ok(frame) => frame,
                Err(error) => return Err(OpenError::Damaged { at, fault: error.into() }),
            };
            file.write_all_at(&frame, offset).map_err(StorageError::of(Operation::Write, &path))?;
            if self.segments.state_mut().active.record(&block, offset).is_none() {
                return Err(OpenError::Damaged { at, fault: FrameFault::Missing });
            }
            if self.unsynced.last().is_none_or(|(unsynced, _)| *unsynced != path) {
                self.unsynced.push((path.clone(), file.clone()));
            }
            self.found.adopted += 1;
            offset = reader.position();
        }
    }

    /// Zeroes a segment from `start` on.
    fn clear(&mut self, segment: OpenSegment, start: u64) -> Result<(), OpenError> {
        let (path, file) = &segment;
        let garbage = first_nonzero(&**file, start).map_err(StorageError::of(Operation::Read, path))?;
        let length = file.length().map_err(StorageError::of(Operation::Read, path))?;
        // Zeros that are read need not be on storage, if an earlier opening could not sync them.
        let end = if garbage.is_some() { length } else { length.min(start + REACH) };
        zero(&**file, start, end).map_err(StorageError::of(Operation::Write, path))?;
        if let (Some(offset), None) = (garbage, &self.found.discarded) {
            self.found.discarded = Some(self.location(path, offset));
        }
        self.unsynced.push(segment);
        Ok(())
    }

    /// Removes tables of segments that are not full: what a group that was cut short filled may be
    /// filled otherwise now.
    fn remove_tables(&self) -> Result<(), StorageError> {
        let Segments { storage, dir, .. } = self.segments;
        let active = self.segments.state().sealed.len() as u64;
        let mut stale = list(&**storage, dir)?.tables;
        stale.retain(|number| *number >= active);
        for number in &stale {
            let path = table_path(dir, *number);
            storage.remove(&path).map_err(StorageError::of(Operation::Remove, &path))?;
        }
        if !stale.is_empty() {
            storage.sync_dir(dir).map_err(StorageError::of(Operation::Sync, dir))?;
        }
        Ok(())
    }

    fn active(&self) -> OpenSegment {
        let state = self.segments.state();
        (segment_path(&self.segments.dir, state.sealed.len() as u64), state.active.file.clone())
    }

    /// The segments after the active one.
    fn later_segments(&self) -> Result<Vec<OpenSegment>, OpenError> {
        let Segments { storage, dir, .. } = self.segments;
        let active = self.segments.state().sealed.len() as u64;
        let later = list(&**storage, dir)?.segments.into_iter().filter(|number| *number > active);
        later.map(|number| open_file(&**storage, dir, number)).collect()
    }

    /// A place after the last block.
    fn location(&self, path: &Path, offset: u64) -> Location {
        let Position { height, index } = self.segments.end();
        Location { file: path.to_owned(), offset, height, index }
    }
}
