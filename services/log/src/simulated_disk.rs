//! A disk in memory that forgets what was not synced and fails when told to: for tests.
//!
//! It knows the difference between the two ways a process ends. When it is killed, what it wrote is
//! still in the page cache. When the power is cut, only what was synced is there, and of the rest
//! some part that happened to be written back.

#![expect(clippy::unwrap_used, reason = "for tests, which fail by panicking")]

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::storage::{Storage, StoredFile};

/// What goes wrong, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The operation reports an error and did nothing.
    Fails,
    /// The operation reports an error but was done.
    FailsDone,
    /// A write reports an error after half its bytes; other operations as `Fails`.
    FailsHalfway,
    /// A write reports, correctly, that it wrote only one byte; nothing else goes wrong.
    WritesOneByte,
    /// The process ends before the operation.
    EndsBefore,
    /// The process ends after the operation.
    EndsAfter,
    /// The process ends in the middle of a write; other operations as `EndsBefore`.
    EndsHalfway,
    /// From here on nothing grows: the disk is full.
    Full,
}

/// Which writes that were never synced survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survivors {
    /// All of them.
    All,
    /// None of them.
    None,
    /// All but the oldest.
    Later,
    /// Every second one.
    Some,
}

#[derive(Debug, Clone, Default)]
struct Inode {
    /// What reads see.
    cached: Vec<u8>,
    /// What survives a power cut.
    durable: Vec<u8>,
    /// Writes that a sync will make durable.
    unsynced: Vec<(usize, Vec<u8>)>,
}

#[derive(Debug, Default, Clone)]
struct World {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    dirs: HashSet<PathBuf>,
    locked: HashSet<PathBuf>,
    operations: usize,
    /// Which of the operations on paths that contain the text goes wrong, and how.
    fault: Option<(&'static str, usize, Mode)>,
    ended: bool,
    full: bool,
    fired: bool,
}

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<World>>);

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    inode: usize,
    path: PathBuf,
    is_lock: bool,
}

/// What to do with an operation.
enum Verdict {
    Do,
    DoPart,
    Refuse(io::Error),
    RefuseDone(io::Error),
    RefuseHalfway(io::Error),
}

impl SimulatedDisk {
    /// Makes the operation number `at` (from 0) that changes anything go wrong.
    pub fn fail_at(&self, at: usize, mode: Mode) {
        self.fail_on("", at, mode);
    }

    /// Makes operation number `at` (from 0) among those that change something whose path contains
    /// `part` go wrong.
    pub fn fail_on(&self, part: &'static str, at: usize, mode: Mode) {
        let mut world = self.world();
        world.operations = 0;
        world.fault = Some((part, at, mode));
        world.fired = false;
    }

    /// Whether what was asked for by [`SimulatedDisk::fail_at`] has happened.
    pub fn has_failed(&self) -> bool {
        self.world().fired
    }

    /// Somebody removes what filled the disk.
    pub fn make_room(&self) {
        self.world().full = false;
    }

    /// The process is gone, and all its locks; a new one starts on the same machine, with room on
    /// its disk.
    pub fn restart(&self) {
        let mut world = self.world();
        world.fault = None;
        world.ended = false;
        world.full = false;
        world.locked.clear();
    }

    /// The disk after the power was cut.
    pub fn after_power_cut(&self, survivors: Survivors) -> Self {
        let mut world = self.world().clone();
        world.names = if survivors == Survivors::All { world.names } else { world.durable_names };
        for inode in &mut world.inodes {
            let unsynced = std::mem::take(&mut inode.unsynced);
            for (i, (offset, bytes)) in unsynced.into_iter().enumerate() {
                let survives = match survivors {
                    Survivors::All => true,
                    Survivors::None => false,
                    Survivors::Later => i > 0,
                    Survivors::Some => i % 2 == 1,
                };
                if survives {
                    put(&mut inode.durable, offset, &bytes);
                }
            }
            inode.cached = inode.durable.clone();
        }
        world.durable_names = world.names.clone();
        let disk = Self(Arc::new(Mutex::new(world)));
        disk.restart();
        disk
    }

    /// A disk with the same contents.
    pub fn copy(&self) -> Self {
        let disk = Self(Arc::new(Mutex::new(self.world().clone())));
        disk.restart();
        disk
    }

    /// The paths of all files.
    pub fn files(&self) -> Vec<PathBuf> {
        self.world().names.keys().cloned().collect()
    }

    /// What a file holds.
    pub fn contents(&self, path: &Path) -> Vec<u8> {
        let world = self.world();
        world.inodes[world.names[path]].cached.clone()
    }

    /// Replaces what a file holds, on storage too.
    pub fn set_contents(&self, path: &Path, contents: Vec<u8>) {
        let mut world = self.world();
        let inode = world.names[path];
        world.inodes[inode] = Inode { durable: contents.clone(), cached: contents, unsynced: Vec::new() };
    }

    /// Makes a file's name one that was given but never synced.
    pub fn unsync_name(&self, path: &Path) {
        self.world().durable_names.remove(path);
    }

    /// Takes a file away.
    pub fn delete(&self, path: &Path) {
        let mut world = self.world();
        world.names.remove(path);
        world.durable_names.remove(path);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl World {
    /// Counts an operation that changes something, and says whether it goes wrong.
    fn judge(&mut self, path: &Path) -> Verdict {
        if self.ended {
            return Verdict::Refuse(io::Error::other("the process has ended"));
        }
        let Some((_, at, mode)) = self.fault.filter(|(part, ..)| path.to_string_lossy().contains(part)) else {
            return Verdict::Do;
        };
        let number = self.operations;
        self.operations += 1;
        if number != at {
            return Verdict::Do;
        }
        self.fired = true;
        let error = io::Error::other("made to fail");
        match mode {
            Mode::Fails => Verdict::Refuse(error),
            Mode::FailsDone => Verdict::RefuseDone(error),
            Mode::FailsHalfway => Verdict::RefuseHalfway(error),
            Mode::WritesOneByte => Verdict::DoPart,
            Mode::Full => {
                self.full = true;
                Verdict::Do
            }
            Mode::EndsBefore | Mode::EndsAfter | Mode::EndsHalfway => {
                self.ended = true;
                match mode {
                    Mode::EndsAfter => Verdict::RefuseDone(error),
                    Mode::EndsHalfway => Verdict::RefuseHalfway(error),
                    _ => Verdict::Refuse(error),
                }
            }
        }
    }

    /// An operation on names that either happens or does not.
    fn change(&mut self, path: &Path, change: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        match self.judge(path) {
            Verdict::Do | Verdict::DoPart => change(self),
            Verdict::Refuse(error) | Verdict::RefuseHalfway(error) => Err(error),
            Verdict::RefuseDone(error) => change(self).and(Err(error)),
        }
    }

    fn write(&mut self, path: &Path, inode: usize, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let offset = usize::try_from(offset).unwrap();
        let verdict = self.judge(path);
        if self.full && offset + bytes.len() > self.inodes[inode].cached.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let (count, outcome) = match verdict {
            Verdict::Do => (bytes.len(), Ok(bytes.len())),
            Verdict::DoPart => (1, Ok(1)),
            Verdict::Refuse(error) => (0, Err(error)),
            Verdict::RefuseDone(error) => (bytes.len(), Err(error)),
            Verdict::RefuseHalfway(error) => (bytes.len() / 2, Err(error)),
        };
        if count > 0 {
            let inode = &mut self.inodes[inode];
            put(&mut inode.cached, offset, &bytes[..count]);
            inode.unsynced.push((offset, bytes[..count].to_vec()));
        }
        outcome
    }

    fn sync(&mut self, path: &Path, inode: usize) -> io::Result<()> {
        let verdict = self.judge(path);
        let inode = &mut self.inodes[inode];
        // Also after an error the pages count as clean: another sync would not write them.
        let unsynced = std::mem::take(&mut inode.unsynced);
        let (is_done, outcome) = match verdict {
            Verdict::Do | Verdict::DoPart => (true, Ok(())),
            Verdict::Refuse(error) if self.ended => {
                inode.unsynced = unsynced;
                return Err(error);
            }
            Verdict::Refuse(error) | Verdict::RefuseHalfway(error) => (false, Err(error)),
            Verdict::RefuseDone(error) => (true, Err(error)),
        };
        if is_done {
            for (offset, bytes) in unsynced {
                put(&mut inode.durable, offset, &bytes);
            }
        }
        outcome
    }

    fn inode(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn put(contents: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if contents.len() < end {
        contents.resize(end, 0);
    }
    contents[offset..end].copy_from_slice(bytes);
}

impl StoredFile for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.world().inodes[self.inode].cached.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = self.disk.world();
        let contents = &world.inodes[self.inode].cached;
        let start = usize::try_from(offset).unwrap().min(contents.len());
        let count = buffer.len().min(contents.len() - start);
        buffer[..count].copy_from_slice(&contents[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.world().write(&self.path, self.inode, offset, bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.world().sync(&self.path, self.inode)
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        if self.is_lock {
            self.disk.world().locked.remove(&self.path);
        }
    }
}

impl Storage for SimulatedDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.world().change(dir, |world| {
            world.dirs.extend(dir.ancestors().map(Path::to_owned));
            Ok(())
        })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        let world = self.world();
        if !world.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let here = world.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(here.filter_map(|path| Some(path.file_name()?.to_owned())).collect())
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        let inode = self.world().inode(path)?;
        Ok(Arc::new(SimulatedFile { disk: self.clone(), inode, path: path.to_owned(), is_lock: false }))
    }

    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        self.open_read(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        let mut inode = 0;
        self.world().change(path, |world| {
            if !path.parent().is_some_and(|dir| world.dirs.contains(dir)) {
                return Err(io::ErrorKind::NotFound.into());
            }
            inode = world.inodes.len();
            world.inodes.push(Inode::default());
            world.names.insert(path.to_owned(), inode);
            Ok(())
        })?;
        Ok(Arc::new(SimulatedFile { disk: self.clone(), inode, path: path.to_owned(), is_lock: false }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.world().change(to, |world| {
            let inode = world.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
            world.names.insert(to.to_owned(), inode);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.world().change(path, |world| match world.names.remove(path) {
            Some(_) => Ok(()),
            None => Err(io::ErrorKind::NotFound.into()),
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.world().change(dir, |world| {
            let is_here = |path: &Path| path.parent() == Some(dir);
            world.durable_names.retain(|path, _| !is_here(path));
            let here = world.names.iter().filter(|(path, _)| is_here(path));
            let here: Vec<_> = here.map(|(path, inode)| (path.clone(), *inode)).collect();
            world.durable_names.extend(here);
            Ok(())
        })
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Arc<dyn StoredFile>>> {
        let inode = match self.open_read(path) {
            Ok(_) => self.world().inode(path)?,
            Err(_) => {
                self.create(path)?;
                self.world().inode(path)?
            }
        };
        if !self.world().locked.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Arc::new(SimulatedFile { disk: self.clone(), inode, path: path.to_owned(), is_lock: true })))
    }
}
