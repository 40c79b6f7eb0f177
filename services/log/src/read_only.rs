//! A log that is read and left as it is: on a medium that cannot be written, as evidence, or while
//! another process appends to it.
//!
//! Opening a log writes: it locks the directory, syncs what was left unsynced, and clears what is no
//! whole block. Here all of that happens in memory, in front of the files.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsString;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{BoxStream, StreamExt as _};
use probity_tlog::CheckpointVerifier;
use tokio::sync::watch;

use crate::file_log::ends::Released;
use crate::file_log::opening::{self, Adopt, MIN_SEGMENT_LENGTH};
use crate::storage::{Storage, StoredFile};
use crate::{
    Anchor, AppendError, Backend, Block, BlockReader, Chain, Durability, FatalError, FileLogOptions, Head, Log,
    OpenError, Opening, ReadError, ScrubError, Status, scrub,
};

/// A log that is only read. Nothing on disk is changed, made or locked.
#[derive(Debug)]
pub struct ReadOnlyLog {
    reader: BlockReader,
    opening: Opening,
    anchored: bool,
    /// What tells readers of new blocks; there are none, and those who wait for them go on waiting.
    _released: Released,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadOnlyError {
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no anchor, and without one all of it is read again, which found a fault.
    #[error("the log does not verify")]
    Scrub(#[from] ScrubError),
}

impl ReadOnlyLog {
    /// Opens the log in `options` up to what its anchor covers; where there is no anchor, up to the
    /// last whole block, after all blocks were verified.
    ///
    /// # Errors
    /// Anything that is not as an earlier process can have left it, or the file system refuses.
    pub fn open(options: &FileLogOptions, verifier: CheckpointVerifier) -> Result<Self, ReadOnlyError> {
        let anchored = Anchor::peek(&*options.storage, &options.anchor).map_err(OpenError::from)?.is_some();
        let options = options.clone().segment_length(MIN_SEGMENT_LENGTH);
        let options = FileLogOptions { storage: Arc::new(InFront::of(options.storage.clone())), ..options };
        if !anchored {
            let scrubbed = scrub(&options, Chain::new(verifier.clone()), |_, _, _| ControlFlow::Continue(()))?;
            Anchor::create(&*options.storage, &options.anchor, scrubbed.head).map_err(OpenError::from)?;
        }
        let opened = opening::open(&options, verifier, Adopt::Nothing)?;
        Ok(Self { reader: opened.reader, opening: opened.opening, anchored, _released: opened.released })
    }

    /// Opens a log that has no anchor and whose blocks up to `head` were verified by an earlier call of
    /// [`Self::open`]: whoever calls vouches that the files are still the same. What is read is held
    /// against the tree all the same.
    ///
    /// # Errors
    /// There is an anchor, the log does not end where it was verified to end, or the file system refuses.
    pub fn open_verified(
        options: &FileLogOptions,
        verifier: CheckpointVerifier,
        head: Option<Head>,
    ) -> Result<Self, OpenError> {
        let options = options.clone().segment_length(MIN_SEGMENT_LENGTH);
        let options = FileLogOptions { storage: Arc::new(InFront::of(options.storage.clone())), ..options };
        Anchor::create(&*options.storage, &options.anchor, head)?;
        let opened = opening::open(&options, verifier, Adopt::Nothing)?;
        Ok(Self { reader: opened.reader, opening: opened.opening, anchored: false, _released: opened.released })
    }

    /// Whether there was an anchor, and so a proof that nothing at the end is missing.
    #[must_use]
    pub fn is_anchored(&self) -> bool {
        self.anchored
    }

    /// Reads blocks without a runtime.
    #[must_use]
    pub fn reader(&self) -> &BlockReader {
        &self.reader
    }
}

impl Log for ReadOnlyLog {
    /// Takes nothing.
    fn enqueue(&self, _block: Block) -> Durability {
        Durability::resolved(Err(AppendError::Fatal(Arc::new(FatalError::Closed))))
    }

    fn read(&self, height: u64) -> BoxStream<'_, Result<Block, ReadError>> {
        self.reader.read(height).boxed()
    }

    fn follow(&self, height: u64) -> BoxStream<'_, Result<Block, ReadError>> {
        self.reader.follow(height).boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Option<Head>, ReadError>> {
        std::future::ready(Ok(self.reader.head())).boxed()
    }

    fn block_of(&self, index: u64) -> Result<Block, ReadError> {
        self.reader.block_of(index)
    }
}

impl Backend for ReadOnlyLog {
    fn reader(&self) -> &BlockReader {
        &self.reader
    }

    fn opening(&self) -> &Opening {
        &self.opening
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn adopt(&self, blocks: Vec<Block>) -> Durability {
        Durability::all(blocks.into_iter().map(|block| self.enqueue(block)))
    }

    fn status(&self) -> Option<watch::Receiver<Status>> {
        None
    }

    fn failed(&self) -> BoxFuture<'static, Arc<FatalError>> {
        std::future::pending().boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}

/// Storage that keeps in memory what is written, in front of files that stay as they are.
#[derive(Debug)]
struct InFront {
    behind: Arc<dyn Storage>,
    /// What was written, made or moved here; `None` for what was removed.
    files: Mutex<BTreeMap<PathBuf, Option<Arc<Patched>>>>,
}

impl InFront {
    fn of(behind: Arc<dyn Storage>) -> Self {
        Self { behind, files: Mutex::default() }
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Option<Arc<Patched>>>> {
        // Each change is a single one.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file as it can be written to here.
    fn patched(&self, path: &Path) -> io::Result<Arc<Patched>> {
        let mut files = self.files();
        match files.get(path) {
            Some(Some(file)) => Ok(file.clone()),
            Some(None) => Err(io::ErrorKind::NotFound.into()),
            None => {
                let file = Arc::new(Patched::over(self.behind.open_read(path)?)?);
                files.insert(path.to_owned(), Some(file.clone()));
                Ok(file)
            }
        }
    }
}

impl Storage for InFront {
    fn create_dir_all(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        let files = self.files();
        let is_here = |path: &Path| path.parent() == Some(dir);
        let here = files.iter().filter(|(path, file)| is_here(path) && file.is_some());
        let here: Vec<OsString> = here.filter_map(|(path, _)| path.file_name().map(ToOwned::to_owned)).collect();
        match self.behind.list(dir) {
            Ok(mut names) => {
                names.retain(|name| !files.contains_key(&dir.join(name)));
                names.extend(here);
                Ok(names)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !here.is_empty() => Ok(here),
            Err(error) => Err(error),
        }
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        match self.files().get(path) {
            Some(Some(file)) => Ok(file.clone()),
            Some(None) => Err(io::ErrorKind::NotFound.into()),
            None => self.behind.open_read(path),
        }
    }

    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        Ok(self.patched(path)?)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        let file = Arc::new(Patched::default());
        self.files().insert(path.to_owned(), Some(file.clone()));
        Ok(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let file = self.patched(from)?;
        let mut files = self.files();
        files.insert(from.to_owned(), None);
        files.insert(to.to_owned(), Some(file));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files().insert(path.to_owned(), None);
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    /// Whoever only reads needs no lock, and leaves none.
    fn lock(&self, path: &Path) -> io::Result<Option<Arc<dyn StoredFile>>> {
        Ok(Some(self.create(path)?))
    }
}

/// The unit in which a file is changed, in bytes.
const PAGE: usize = 4_096;

/// A file with changes in front of it.
#[derive(Debug, Default)]
struct Patched {
    behind: Option<Arc<dyn StoredFile>>,
    changes: Mutex<Changes>,
}

#[derive(Debug, Default)]
struct Changes {
    length: u64,
    pages: BTreeMap<u64, Box<[u8; PAGE]>>,
}

/// The page of an offset, and the place in it.
fn page_of(offset: u64) -> (u64, usize) {
    (offset / PAGE as u64, (offset % PAGE as u64) as usize)
}

impl Patched {
    fn over(behind: Arc<dyn StoredFile>) -> io::Result<Self> {
        let length = behind.length()?;
        Ok(Self { behind: Some(behind), changes: Mutex::new(Changes { length, pages: BTreeMap::new() }) })
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is behind a page; zeros where there is nothing.
    fn behind(&self, page: u64) -> io::Result<Box<[u8; PAGE]>> {
        let mut bytes = Box::new([0; PAGE]);
        if let Some(behind) = &self.behind {
            behind.read_full_at(&mut bytes[..], page * PAGE as u64)?;
        }
        Ok(bytes)
    }
}

impl StoredFile for Patched {
    fn length(&self) -> io::Result<u64> {
        Ok(self.changes().length)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let changes = self.changes();
        let left = usize::try_from(changes.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let mut done = 0;
        while done < wanted {
            let (page, start) = page_of(offset + done as u64);
            let count = (wanted - done).min(PAGE - start);
            let part = &mut buffer[done..done + count];
            match (changes.pages.get(&page), &self.behind) {
                (Some(bytes), _) => part.copy_from_slice(&bytes[start..start + count]),
                (None, Some(behind)) => {
                    let read = behind.read_full_at(part, offset + done as u64)?;
                    part[read..].fill(0);
                }
                (None, None) => part.fill(0),
            }
            done += count;
        }
        Ok(done)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut changes = self.changes();
        let mut done = 0;
        while done < bytes.len() {
            let (page, start) = page_of(offset + done as u64);
            let count = (bytes.len() - done).min(PAGE - start);
            let changed = match changes.pages.entry(page) {
                Entry::Occupied(changed) => changed.into_mut(),
                Entry::Vacant(unchanged) => unchanged.insert(self.behind(page)?),
            };
            changed[start..start + count].copy_from_slice(&bytes[done..done + count]);
            done += count;
        }
        changes.length = changes.length.max(offset + done as u64);
        Ok(done)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Disk;

    #[test]
    fn what_is_written_in_front_is_read_and_what_is_behind_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let original: Vec<u8> = (0..10_000u32).map(|number| number as u8).collect();
        std::fs::write(&path, &original).unwrap();
        let storage = InFront::of(Arc::new(Disk));
        let file = storage.open_write(&path).unwrap();
        file.write_all_at(&[1, 2, 3], 4_095).unwrap();
        file.write_all_at(&[9; 50], 9_990).unwrap();
        let mut expected = original.clone();
        expected[4_095..4_098].copy_from_slice(&[1, 2, 3]);
        expected.truncate(9_990);
        expected.extend([9; 50]);
        let mut read = vec![0; 20_000];
        let count = storage.open_read(&path).unwrap().read_full_at(&mut read, 0).unwrap();
        assert_eq!((count as u64, file.length().unwrap()), (10_040, 10_040));
        assert_eq!(read[..count], expected);
        assert_eq!(std::fs::read(&path).unwrap(), original);
    }

    #[test]
    fn names_change_in_front_only() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["a", "b"] {
            std::fs::write(at(name), name).unwrap();
        }
        let storage = InFront::of(Arc::new(Disk));
        storage.create(&at("c")).unwrap().write_all_at(b"c", 0).unwrap();
        storage.rename(&at("a"), &at("d")).unwrap();
        storage.remove(&at("b")).unwrap();
        let mut names = storage.list(dir.path()).unwrap();
        names.sort();
        assert_eq!(names, ["c", "d"]);
        assert_eq!(storage.open_read(&at("b")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(crate::storage::read_whole(&storage, &at("d")).unwrap(), b"a");
        let on_disk: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(on_disk.len(), 2);
    }
}
