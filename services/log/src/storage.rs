//! The few file operations a log needs, behind a trait so that tests can make each of them fail.
//!
//! [`Disk`] is the real thing. Nothing else in this crate touches the file system.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// An open file. Reads and writes state their offset, so one file serves any number of threads.
pub trait StoredFile: std::fmt::Debug + Send + Sync {
    /// The length in bytes.
    ///
    /// # Errors
    /// Those of the file system.
    fn length(&self) -> io::Result<u64>;

    /// Reads up to `buffer.len()` bytes at `offset`; 0 at the end of the file.
    ///
    /// # Errors
    /// Those of the file system.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes some of `bytes` at `offset`, growing the file as needed, and returns how many.
    ///
    /// # Errors
    /// Those of the file system.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Returns once what was written is on stable storage (`fdatasync`).
    ///
    /// # Errors
    /// Those of the file system. Afterwards nobody knows what is on storage, and calling it again
    /// may wrongly succeed: whoever gets an error must stop.
    fn sync_data(&self) -> io::Result<()>;

    /// Reads at `offset` until `buffer` is full or the file ends, and returns the number of bytes.
    ///
    /// # Errors
    /// Those of [`StoredFile::read_at`].
    fn read_full_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// Those of [`StoredFile::write_at`]; some of the bytes may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut written = 0;
        while written < bytes.len() {
            match self.write_at(&bytes[written..], offset + written as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Where files live.
pub trait Storage: std::fmt::Debug + Send + Sync {
    /// Creates a directory and those above it; one that exists already is fine.
    ///
    /// # Errors
    /// Those of the file system.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// The names in a directory, in no particular order.
    ///
    /// # Errors
    /// Those of the file system.
    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>>;

    /// Opens an existing file for reading.
    ///
    /// # Errors
    /// Those of the file system.
    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>>;

    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// Those of the file system.
    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>>;

    /// Creates an empty file for reading and writing; one that exists already is emptied.
    ///
    /// # Errors
    /// Those of the file system.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>>;

    /// Renames a file within a directory, replacing one that has the new name.
    ///
    /// # Errors
    /// Those of the file system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Those of the file system.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns once the names in a directory are on stable storage.
    ///
    /// # Errors
    /// As [`StoredFile::sync_data`].
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Opens (or creates) a file and locks it against every other process for as long as it stays
    /// open; `None` if somebody else holds it.
    ///
    /// # Errors
    /// Those of the file system.
    fn lock(&self, path: &Path) -> io::Result<Option<Arc<dyn StoredFile>>>;
}

/// How often a lock that another process holds is tried, and how long is waited in between.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl StoredFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(self, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self, bytes, offset)
    }
}

impl Storage for Disk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        std::fs::create_dir_all(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        Ok(Arc::new(File::open(path)?))
    }

    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        Ok(Arc::new(options.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Arc<dyn StoredFile>>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path)?;
        // A lock that was just let go can be held a moment longer, by a copy of the file in a process that is being started.
        for attempt in 1.. {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Arc::new(file))),
                Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// What was being done to a file when the file system refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Creating a file or directory.
    Create,
    /// Listing a directory.
    List,
    /// Opening a file.
    Open,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Flushing to stable storage.
    Sync,
    /// Renaming.
    Rename,
    /// Removing.
    Remove,
    /// Locking.
    Lock,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::List => "list",
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::Lock => "lock",
        })
    }
}

/// A file system error with what it was about.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}", path.display())]
pub struct StorageError {
    /// What was being done.
    pub operation: Operation,
    /// To which file or directory.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

impl StorageError {
    /// For `map_err`: says what was being done to `path`.
    pub(crate) fn of(operation: Operation, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self { operation, path, source }
    }
}

/// Writes a whole new file under a name that appears only once its contents are there.
///
/// Neither contents nor name are synced: for files that can be rebuilt.
pub(crate) fn replace(storage: &dyn Storage, path: &Path, contents: &[u8]) -> Result<(), StorageError> {
    let new = with_suffix(path, ".new");
    let file = storage.create(&new).map_err(StorageError::of(Operation::Create, &new))?;
    file.write_all_at(contents, 0).map_err(StorageError::of(Operation::Write, &new))?;
    storage.rename(&new, path).map_err(StorageError::of(Operation::Rename, path))
}

/// Reads a whole file.
pub(crate) fn read_whole(storage: &dyn Storage, path: &Path) -> Result<Vec<u8>, StorageError> {
    let file = storage.open_read(path).map_err(StorageError::of(Operation::Open, path))?;
    let read = || {
        let length = file.length()?;
        let mut contents = vec![0; usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?];
        let count = file.read_full_at(&mut contents, 0)?;
        contents.truncate(count);
        Ok(contents)
    };
    read().map_err(StorageError::of(Operation::Read, path))
}

/// `path` with `suffix` appended to its last component.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
