//! Where a log of local files is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::storage::{Disk, Storage, with_suffix};

/// The length in bytes that segments grow to unless the options say otherwise: 64 MiB. The first has 2 MiB.
pub const DEFAULT_SEGMENT_LENGTH: u64 = 64 * 1024 * 1024;

/// Where the files of a log are, and how large.
#[derive(Debug, Clone)]
pub struct FileLogOptions {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) dir: PathBuf,
    pub(crate) anchor: PathBuf,
    pub(crate) segment_length: u64,
}

impl FileLogOptions {
    /// A log in directory `dir` on this machine, its anchor beside it at `<dir>.anchor`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        let anchor = with_suffix(&dir, ".anchor");
        Self { storage: Arc::new(Disk), dir, anchor, segment_length: DEFAULT_SEGMENT_LENGTH }
    }

    /// Puts the anchor elsewhere, best on another volume.
    #[must_use]
    pub fn anchor(mut self, path: impl Into<PathBuf>) -> Self {
        self.anchor = path.into();
        self
    }

    /// The length in bytes that segments made from now on grow to, each twice as long as the one before
    /// it; existing ones keep theirs. From 4 KiB to below 4 GiB.
    #[must_use]
    pub fn segment_length(mut self, bytes: u64) -> Self {
        self.segment_length = bytes;
        self
    }

    /// Uses other storage than the disk.
    #[must_use]
    pub fn storage(mut self, storage: Arc<dyn Storage>) -> Self {
        self.storage = storage;
        self
    }

    /// The directory of the log.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The anchor's file.
    #[must_use]
    pub fn anchor_path(&self) -> &Path {
        &self.anchor
    }

    /// The directory of the segments.
    pub(crate) fn segments_dir(&self) -> PathBuf {
        self.dir.join("segments")
    }

    /// What says which stream carries the log, if one does.
    pub(crate) fn stream_path(&self) -> PathBuf {
        self.dir.join("stream")
    }

    /// The file that is locked while the log is open.
    pub(crate) fn lock_path(&self) -> PathBuf {
        self.dir.join("lock")
    }
}
