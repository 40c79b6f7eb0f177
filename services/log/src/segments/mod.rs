//! The segment files: framed blocks one after another, each file made and zeroed before it is
//! needed.
//!
//! [`Segments`] finds and reads blocks, [`Appender`] adds them, `opening` and `recovery` take over
//! what a process left behind. Which blocks are committed is not known here: readers ask for
//! heights that an anchor covers.

mod active;
mod appender;
mod cursor;
mod layout;
mod opening;
mod recovery;
mod scan;
mod table;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use active::Active;
pub(crate) use appender::{AppendFailure, Appender};
pub(crate) use cursor::Cursor;
pub use layout::SegmentFault;
use layout::table_path;
pub(crate) use layout::{FRAMES_START, check_header, first_nonzero, list, segment_has_frames, segment_path};
pub(crate) use scan::Scan;
pub(crate) use table::{Entry, Position};

use crate::frame::{FrameError, FrameFault, FrameReader};
use crate::storage::{Operation, Storage, StorageError, StoredFile};
use crate::{Block, Location, ReadError};
use table::{Span, Table};

/// Once this many bytes are appended a sync follows before the next block.
pub(crate) const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// The segments of one log, for one appender and any number of readers.
#[derive(Debug)]
pub(crate) struct Segments {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    /// The length in bytes that segments yet to be made grow to.
    segment_length: u64,
    state: RwLock<State>,
    /// Held while a table is made again, so that it is done once.
    remaking: Mutex<()>,
}

#[derive(Debug)]
struct State {
    /// Where each full segment starts; segment numbers are positions in this list.
    sealed: Vec<Position>,
    active: Active,
}

/// Where a block is.
struct Place {
    number: u64,
    file: Arc<dyn StoredFile>,
    offset: u64,
    index: u64,
}

impl Place {
    fn new(number: u64, file: Arc<dyn StoredFile>, start: Position, entry: Entry) -> Self {
        Self { number, file, offset: entry.offset.into(), index: start.index + u64::from(entry.index) }
    }
}

impl Segments {
    /// The block at `height`.
    pub(crate) fn block(&self, height: u64) -> Result<Block, ReadError> {
        let place = self.place(height)?;
        let fault = match self.read_at(&place, height)? {
            Ok(block) => return Ok(block),
            Err(fault) => fault,
        };
        // Either the block is damaged or the table led astray: the frames themselves tell.
        if let Some(found) = self.place_by_scanning(place.number, height)?
            && found.offset != place.offset
        {
            return self.read_at(&found, height)?.map_err(|fault| self.damaged(&found, height, fault));
        }
        Err(self.damaged(&place, height, fault))
    }

    /// The block that holds the statement at `index`.
    pub(crate) fn block_of(&self, index: u64) -> Result<Block, ReadError> {
        let none = || ReadError::NoSuchStatement { index };
        let number = {
            let state = self.state();
            if index >= state.active.start.index {
                let height = state.active.height_of(index).ok_or_else(none)?;
                drop(state);
                return self.block(height);
            }
            state.sealed.partition_point(|start| start.index <= index).checked_sub(1).ok_or_else(none)? as u64
        };
        let lookup = |table: Table| {
            table.height_of(index).map_err(StorageError::of(Operation::Read, &table_path(&self.dir, number)))
        };
        if let Some(height) = lookup(self.table(number)?)? {
            // As always with a table, the block itself has the last word.
            if let Some(block) = self.block(height).ok().filter(|block| block.statement(index).is_some()) {
                return Ok(block);
            }
        }
        self.block(lookup(self.remade_table(number)?)?.ok_or_else(none)?)
    }

    /// The height of the block that holds the statement at `index`.
    pub(crate) fn height_of(&self, index: u64) -> Result<u64, ReadError> {
        Ok(self.block_of(index)?.height())
    }

    /// The height and index that follow the last appended block.
    pub(crate) fn end(&self) -> Position {
        self.state().active.end
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Where the block at `height` is.
    pub(crate) fn location(&self, height: u64) -> Result<Location, ReadError> {
        let Place { number, offset, index, .. } = self.place(height)?;
        Ok(Location { file: segment_path(&self.dir, number), offset, height, index })
    }

    fn place(&self, height: u64) -> Result<Place, ReadError> {
        let none = || ReadError::NoSuchBlock { height };
        let (number, start) = {
            let state = self.state();
            let active = &state.active;
            if height >= active.start.height {
                let entry = active.entry_of(height).ok_or_else(none)?;
                let number = state.sealed.len() as u64;
                return Ok(Place::new(number, active.file.clone(), active.start, entry));
            }
            let number =
                state.sealed.partition_point(|start| start.height <= height).checked_sub(1).ok_or_else(none)?;
            (number as u64, state.sealed[number])
        };
        let entry = self.table(number)?.entry_of(height);
        let entry = entry.map_err(StorageError::of(Operation::Read, &table_path(&self.dir, number)))?;
        Ok(Place::new(number, self.open_segment(number)?, start, entry.ok_or_else(none)?))
    }

    /// Where `height` is in a full segment by its frames alone; `None` if they do not lead that
    /// far.
    fn place_by_scanning(&self, number: u64, height: u64) -> Result<Option<Place>, ReadError> {
        let Some(start) = self.state().sealed.get(number as usize).copied() else { return Ok(None) };
        let scan = self.scan(number, start)?;
        if scan.fault.is_none() {
            self.remade_table(number)?;
        }
        let entry = usize::try_from(height - start.height).ok().and_then(|position| scan.entries.get(position));
        let Some(entry) = entry else { return Ok(None) };
        Ok(Some(Place::new(number, self.open_segment(number)?, start, *entry)))
    }

    fn open_segment(&self, number: u64) -> Result<Arc<dyn StoredFile>, StorageError> {
        let path = segment_path(&self.dir, number);
        self.storage.open_read(&path).map_err(StorageError::of(Operation::Open, &path))
    }

    /// The block at `place`, or what is wrong there.
    fn read_at(&self, place: &Place, height: u64) -> Result<Result<Block, FrameFault>, ReadError> {
        match FrameReader::single(place.file.clone(), place.offset).next() {
            Ok(Some(block)) if block.height() == height => Ok(Ok(block)),
            Ok(Some(block)) => Ok(Err(FrameFault::OtherBlock { height: block.height(), index: block.first_index() })),
            Ok(None) => Ok(Err(FrameFault::Missing)),
            Err(FrameError::Fault(fault)) => Ok(Err(fault)),
            Err(FrameError::Io(error)) => {
                Err(StorageError::of(Operation::Read, &segment_path(&self.dir, place.number))(error).into())
            }
        }
    }

    fn damaged(&self, place: &Place, height: u64, fault: FrameFault) -> ReadError {
        let at =
            Location { file: segment_path(&self.dir, place.number), offset: place.offset, height, index: place.index };
        ReadError::Damaged { at, fault }
    }

    /// The table of a sealed segment, made again if need be.
    fn table(&self, number: u64) -> Result<Table, ReadError> {
        let start = self.state().sealed.get(number as usize).copied();
        match Table::open(&*self.storage, &table_path(&self.dir, number))? {
            Some(table) if Some(table.span().start) == start => Ok(table),
            _ => self.remade_table(number),
        }
    }

    fn remade_table(&self, number: u64) -> Result<Table, ReadError> {
        let _one_at_a_time = self.remaking.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, end) = {
            let state = self.state();
            let after = number as usize + 1;
            let end = state.sealed.get(after).copied().unwrap_or(state.active.start);
            (state.sealed.get(number as usize).copied().unwrap_or_default(), end)
        };
        let scan = self.scan(number, start)?;
        if scan.end != end {
            let at = scan.location(&segment_path(&self.dir, number));
            return Err(ReadError::Damaged { at, fault: scan.fault.unwrap_or(FrameFault::Missing) });
        }
        let (span, path) = (Span { start, end }, table_path(&self.dir, number));
        if let Err(error) = Table::write(&*self.storage, &path, span, &scan.entries) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the table of a segment is not kept");
        }
        Ok(Table::in_memory(span, scan.entries))
    }

    fn scan(&self, number: u64, start: Position) -> Result<Scan, ReadError> {
        let read = StorageError::of(Operation::Read, &segment_path(&self.dir, number));
        Ok(Scan::of(&self.open_segment(number)?, start, u64::MAX).map_err(read)?)
    }

    // A panic cannot leave the state half changed: every change is one assignment or one push.
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
