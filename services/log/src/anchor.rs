//! The anchor: the newest released checkpoint, kept apart from the log it speaks about.
//!
//! A log that was cut short, restored from an old copy or replaced cannot know it; its anchor does.
//! Put the anchor on another volume and outside the backup set. It never goes back, and never takes
//! another root for its size.
//!
//! The file has two slots that are overwritten alternately, so that a write that is cut short
//! leaves the other one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use probity_tlog::Hash;

use crate::Head;
use crate::storage::{Operation, Storage, StorageError, StoredFile, with_suffix};

const MAGIC: [u8; 8] = *b"PBANCHR1";
/// Slots are as far apart as the largest unit a disk writes at once.
const SLOT_DISTANCE: u64 = 4096;
const SLOT_LENGTH: usize = 8 + 8 + 8 + 32 + 8 + 4;
const SLOTS: [u64; 2] = [0, SLOT_DISTANCE];

/// The newest released checkpoint on stable storage.
#[derive(Debug)]
pub struct Anchor {
    path: PathBuf,
    file: Arc<dyn StoredFile>,
    head: Option<Head>,
    /// The slot that is overwritten next: the one that does not hold `head`.
    next_slot: usize,
}

impl Anchor {
    /// Makes the anchor of a log that ends with `head`; `None` for a new log.
    ///
    /// Its directory must exist. On return the anchor is on stable storage.
    ///
    /// # Errors
    /// There is an anchor already, or the file system refuses.
    pub fn create(storage: &dyn Storage, path: &Path, head: Option<Head>) -> Result<Self, AnchorError> {
        match storage.open_read(path) {
            Ok(_) => return Err(AnchorError::Exists { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StorageError::of(Operation::Open, path)(error).into()),
        }
        let new = with_suffix(path, ".new");
        let file = storage.create(&new).map_err(StorageError::of(Operation::Create, &new))?;
        let slot = encode(head);
        let length = SLOT_DISTANCE as usize * SLOTS.len();
        file.write_all_at(&vec![0; length], 0)
            .and_then(|()| SLOTS.iter().try_for_each(|offset| file.write_all_at(&slot, *offset)))
            .map_err(StorageError::of(Operation::Write, &new))?;
        file.sync_data().map_err(StorageError::of(Operation::Sync, &new))?;
        storage.rename(&new, path).map_err(StorageError::of(Operation::Rename, path))?;
        let dir = directory(path);
        storage.sync_dir(dir).map_err(StorageError::of(Operation::Sync, dir))?;
        Ok(Self { path: path.to_owned(), file, head, next_slot: 0 })
    }

    /// Opens an anchor; `None` if there is none. On return what it says is on stable storage.
    ///
    /// # Errors
    /// Neither slot is whole, they contradict each other, or the file system refuses.
    pub fn open(storage: &dyn Storage, path: &Path) -> Result<Option<Self>, AnchorError> {
        let file = match storage.open_write(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StorageError::of(Operation::Open, path)(error).into()),
        };
        let (head, slot) = newest(&*file, path)?;
        // The process that wrote this may have ended before it was synced, or because it could not
        // be. The other slot is the next to be overwritten, so this one must not be lost.
        file.write_all_at(&encode(head), SLOTS[slot]).map_err(StorageError::of(Operation::Write, path))?;
        file.sync_data().map_err(StorageError::of(Operation::Sync, path))?;
        let dir = directory(path);
        storage.sync_dir(dir).map_err(StorageError::of(Operation::Sync, dir))?;
        Ok(Some(Self { path: path.to_owned(), file, head, next_slot: 1 - slot }))
    }

    /// Reads what an anchor says without opening it for writing; `None` if there is none.
    ///
    /// # Errors
    /// As [`Anchor::open`].
    pub fn peek(storage: &dyn Storage, path: &Path) -> Result<Option<Option<Head>>, AnchorError> {
        match storage.open_read(path) {
            Ok(file) => Ok(Some(newest(&*file, path)?.0)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StorageError::of(Operation::Open, path)(error).into()),
        }
    }

    /// The newest released block; `None` before the first.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.head
    }

    /// Moves on to `head`; on return it is on stable storage. The same head again is fine.
    ///
    /// # Errors
    /// `head` is older, or disagrees at the same size: nothing was changed. Or the file system
    /// refuses: what is on storage is then unknown, and the anchor must be opened again before it
    /// is used.
    pub fn advance(&mut self, head: Head) -> Result<(), AnchorError> {
        if let Some(current) = self.head {
            if head == current {
                return Ok(());
            }
            if head.tree_size == current.tree_size {
                return Err(AnchorError::Disagrees { anchored: current, found: Box::new(head) });
            }
            if head.tree_size < current.tree_size || head.height <= current.height || head.time < current.time {
                return Err(AnchorError::Backwards { anchored: current, found: Box::new(head) });
            }
        }
        self.file
            .write_all_at(&encode(Some(head)), SLOTS[self.next_slot])
            .map_err(StorageError::of(Operation::Write, &self.path))?;
        self.file.sync_data().map_err(StorageError::of(Operation::Sync, &self.path))?;
        self.head = Some(head);
        self.next_slot = 1 - self.next_slot;
        Ok(())
    }
}

/// The directory a file is in.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The newest whole slot of an anchor, and which it is.
fn newest(file: &dyn StoredFile, path: &Path) -> Result<(Option<Head>, usize), AnchorError> {
    let mut whole = Vec::with_capacity(SLOTS.len());
    for (slot, offset) in SLOTS.into_iter().enumerate() {
        let mut bytes = [0; SLOT_LENGTH];
        let count = file.read_full_at(&mut bytes, offset).map_err(StorageError::of(Operation::Read, path))?;
        whole.extend(decode(&bytes[..count]).map(|head| (head, slot)));
    }
    let size = |head: &Option<Head>| head.map(|head| head.tree_size);
    if let [(first, _), (second, _)] = whole[..]
        && size(&first) == size(&second)
        && let (Some(anchored), Some(found)) = (first, second)
        && anchored != found
    {
        return Err(AnchorError::Disagrees { anchored, found: Box::new(found) });
    }
    whole.into_iter().max_by_key(|(head, _)| size(head)).ok_or_else(|| AnchorError::Damaged { path: path.to_owned() })
}

/// `magic ‖ u64be blocks ‖ u64be size ‖ root ‖ u64be time ‖ u32be CRC-32C of all before it`.
fn encode(head: Option<Head>) -> [u8; SLOT_LENGTH] {
    let (blocks, size, root, time) = match head {
        Some(head) => (head.height + 1, head.tree_size, head.root, head.time),
        None => (0, 0, Hash::EMPTY_ROOT, 0),
    };
    let mut slot = [0; SLOT_LENGTH];
    slot[..8].copy_from_slice(&MAGIC);
    slot[8..16].copy_from_slice(&blocks.to_be_bytes());
    slot[16..24].copy_from_slice(&size.to_be_bytes());
    slot[24..56].copy_from_slice(root.as_bytes());
    slot[56..64].copy_from_slice(&time.to_be_bytes());
    let crc = crc32c::crc32c(&slot[..64]);
    slot[64..].copy_from_slice(&crc.to_be_bytes());
    slot
}

fn decode(slot: &[u8]) -> Option<Option<Head>> {
    let number = |at: usize| slot.get(at..at + 8)?.first_chunk().copied().map(u64::from_be_bytes);
    let head = match number(8)?.checked_sub(1) {
        None => None,
        Some(height) => Some(Head {
            height,
            tree_size: number(16)?,
            root: Hash(*slot.get(24..56)?.first_chunk()?),
            time: number(56)?,
        }),
    };
    (slot == encode(head)).then_some(head)
}

/// Why an anchor cannot be used or moved.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// A new anchor would replace one.
    #[error("there is an anchor at {} already", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// Neither slot is whole.
    #[error("the anchor {} is damaged in both its slots", path.display())]
    Damaged {
        /// The anchor's file.
        path: PathBuf,
    },
    /// Two different trees of the same size: the log was forked.
    #[error("the anchor has root {} for size {}, not {}", anchored.root, anchored.tree_size, found.root)]
    Disagrees {
        /// What is anchored.
        anchored: Head,
        /// What differs from it.
        found: Box<Head>,
    },
    /// An anchor never goes back.
    #[error("the anchor is at block {} and cannot go to block {}", anchored.height, found.height)]
    Backwards {
        /// What is anchored.
        anchored: Head,
        /// What is older.
        found: Box<Head>,
    },
    /// The file system refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
