//! Adding blocks to the segments.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::Segments;
use super::active::Active;
use super::layout::{FRAMES_START, length_of, prepare, segment_path, table_path};
use super::table::{Span, Table};
use crate::Block;
use crate::OpenError;
use crate::frame;
use crate::storage::{Operation, Storage, StorageError, StoredFile};

/// The one writer of a log's segments.
#[derive(Debug)]
pub(crate) struct Appender {
    segments: Arc<Segments>,
    preparer: Preparer,
    /// Segments written to since the last sync.
    unsynced: Vec<(PathBuf, Arc<dyn StoredFile>)>,
}

/// Why a block was not appended.
#[derive(Debug)]
pub(crate) enum AppendFailure {
    /// Nothing was written: there is no next segment.
    NoSegment(StorageError),
    /// Nothing was written: no segment is large enough.
    SegmentTooSmall { length: u64, segment_length: u64 },
    /// Something may have been written.
    Storage(StorageError),
}

impl Appender {
    /// Appends after what `segments` holds, and starts making the segment after the active one.
    pub(crate) fn new(segments: Arc<Segments>) -> Self {
        let mut preparer = Preparer {
            storage: segments.storage.clone(),
            dir: segments.dir.clone(),
            segment_length: segments.segment_length,
            pending: None,
        };
        preparer.start(segments.state().sealed.len() as u64 + 1);
        Self { segments, preparer, unsynced: Vec::new() }
    }

    /// Writes a block after the last one. It is not durable before [`Appender::sync`] has returned.
    pub(crate) fn append(&mut self, block: &Block) -> Result<(), AppendFailure> {
        let length = frame::frame_length(block);
        let segment_length = self.segments.segment_length;
        if self.offset() + length > self.segments.state().active.length {
            if FRAMES_START + length > segment_length {
                return Err(AppendFailure::SegmentTooSmall { length, segment_length });
            }
            self.next_segment()?;
        }
        let (file, offset, path) = {
            let state = self.segments.state();
            let path = segment_path(&self.segments.dir, state.sealed.len() as u64);
            (state.active.file.clone(), state.active.offset, path)
        };
        let too_small = AppendFailure::SegmentTooSmall { length, segment_length };
        let Ok(frame) = frame::encode(block) else { return Err(too_small) };
        if !self.unsynced.iter().any(|(unsynced, _)| *unsynced == path) {
            self.unsynced.push((path.clone(), file.clone()));
        }
        file.write_all_at(&frame, offset)
            .map_err(|error| AppendFailure::Storage(StorageError::of(Operation::Write, &path)(error)))?;
        self.segments.state_mut().active.record(block, offset).ok_or(too_small)
    }

    /// Returns once everything appended is on stable storage. After an error nothing may be
    /// appended any more.
    pub(crate) fn sync(&mut self) -> Result<(), StorageError> {
        for (path, file) in self.unsynced.drain(..) {
            file.sync_data().map_err(StorageError::of(Operation::Sync, &path))?;
        }
        Ok(())
    }

    /// Gives up the blocks from `height` on; on return they are gone from stable storage. After an
    /// error nothing may be appended any more.
    pub(crate) fn retreat(&mut self, height: u64) -> Result<(), OpenError> {
        // Nobody may be making a segment while segments are cleared.
        self.preparer.wait();
        self.unsynced.clear();
        self.segments.retreat(height)?;
        self.preparer.start(self.segments.state().sealed.len() as u64 + 1);
        Ok(())
    }

    fn offset(&self) -> u64 {
        self.segments.state().active.offset
    }

    fn next_segment(&mut self) -> Result<(), AppendFailure> {
        let number = self.segments.state().sealed.len() as u64 + 1;
        let file = self.preparer.take(number).map_err(|error| match error.operation {
            // Trying again could wrongly succeed.
            Operation::Sync => AppendFailure::Storage(error),
            _ => AppendFailure::NoSegment(error),
        })?;
        self.segments.seal(file).map_err(AppendFailure::NoSegment)?;
        self.preparer.start(number + 1);
        Ok(())
    }
}

impl Segments {
    /// Makes `next` the active segment.
    pub(super) fn seal(&self, next: Arc<dyn StoredFile>) -> Result<(), StorageError> {
        let number = self.state().sealed.len() as u64;
        let length = next.length().map_err(StorageError::of(Operation::Read, &segment_path(&self.dir, number + 1)))?;
        {
            let state = self.state();
            let span = Span { start: state.active.start, end: state.active.end };
            let path = table_path(&self.dir, number);
            // A table can be made again at any time, so that it cannot be written is no reason to
            // stop.
            if let Err(error) = Table::write(&*self.storage, &path, span, &state.active.entries) {
                tracing::warn!(error = &error as &dyn std::error::Error, "the table of a full segment is not kept");
            }
        }
        let mut state = self.state_mut();
        let (start, end) = (state.active.start, state.active.end);
        state.sealed.push(start);
        state.active = Active::new(next, length, end);
        Ok(())
    }
}

/// Makes the next segment while the active one is filled, so that no block waits for it.
#[derive(Debug)]
struct Preparer {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    segment_length: u64,
    pending: Option<JoinHandle<Result<Arc<dyn StoredFile>, StorageError>>>,
}

impl Preparer {
    /// Starts making segment `number`; if that is not possible, [`Preparer::take`] makes it.
    fn start(&mut self, number: u64) {
        let (storage, dir) = (self.storage.clone(), self.dir.clone());
        let length = length_of(number, self.segment_length);
        let prepare = move || prepare(&*storage, &dir, number, length);
        self.pending = std::thread::Builder::new().name("probity-segment".into()).spawn(prepare).ok();
    }

    /// Returns once nothing is being made; what was made is a segment like any other.
    fn wait(&mut self) {
        drop(self.pending.take().map(JoinHandle::join));
    }

    /// Segment `number`, ready for use.
    fn take(&mut self, number: u64) -> Result<Arc<dyn StoredFile>, StorageError> {
        match self.pending.take().map(JoinHandle::join) {
            Some(Ok(Ok(prepared))) => Ok(prepared),
            // What a failed sync leaves is unknown, and a second one would say yes to it. All else
            // may go better now: a disk that was full when the segment was made in advance may have
            // room again.
            Some(Ok(Err(error))) if error.operation == Operation::Sync => Err(error),
            Some(Ok(Err(_)) | Err(_)) | None => {
                prepare(&*self.storage, &self.dir, number, length_of(number, self.segment_length))
            }
        }
    }
}

impl Drop for Preparer {
    /// A log that is closed no longer writes.
    fn drop(&mut self) {
        self.wait();
    }
}
