//! The process ends between any two steps of a commit: what was answered stays, what was not is decided once.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use probity_log::storage::{Disk, Storage, StoredFile};
use probity_log::{FileLogOptions, JetStreamLog, Log, Prepared};

use crate::world::{World, released};

/// More steps than a commit has.
const MOST_STEPS: i64 = 40;

/// How many steps are left before the process is no more; and whether the last of them is still done.
#[derive(Debug)]
struct Life {
    left: AtomicI64,
    last_is_done: bool,
}

impl Life {
    /// One step: the result of `act`, or that of a process that is gone.
    fn step<T>(&self, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left > 0 {
            return act();
        }
        if left == 0 && self.last_is_done {
            drop(act());
        }
        Err(io::Error::other("the process is gone"))
    }
}

/// The disk, for a process that ends at a given step.
#[derive(Debug)]
struct Mortal(Arc<Life>);

#[derive(Debug)]
struct MortalFile(Arc<Life>, Arc<dyn StoredFile>);

impl StoredFile for MortalFile {
    fn length(&self) -> io::Result<u64> {
        self.1.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.1.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.step(|| self.1.write_at(bytes, offset))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.step(|| self.1.sync_data())
    }
}

impl Mortal {
    fn file(&self, file: io::Result<Arc<dyn StoredFile>>) -> io::Result<Arc<dyn StoredFile>> {
        Ok(Arc::new(MortalFile(self.0.clone(), file?)))
    }
}

impl Storage for Mortal {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.0.step(|| Disk.create_dir_all(dir))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        Disk.list(dir)
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        Disk.open_read(path)
    }

    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        self.file(Disk.open_write(path))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        self.file(self.0.step(|| Disk.create(path)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.step(|| Disk.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.step(|| Disk.remove(path))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.step(|| Disk.sync_dir(dir))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Arc<dyn StoredFile>>> {
        Disk.lock(path)
    }
}

impl World {
    /// Opens the log in a process that will not live for ever.
    async fn open_mortal(&self, last_is_done: bool) -> (Arc<Life>, JetStreamLog) {
        let life = Arc::new(Life { left: AtomicI64::new(i64::MAX), last_is_done });
        let options: FileLogOptions = self.options().storage(Arc::new(Mortal(life.clone())));
        let log = JetStreamLog::open(&options, self.ledger.verifier(), &self.nats_options()).await.unwrap();
        (life, log)
    }
}

/// Ends the process at every step of appending one block, until it lives to the end. Returns how often it died.
async fn die_at_every_step(last_is_done: bool) -> i64 {
    let mut world = World::with_blocks(3).await;
    for steps in 0..MOST_STEPS {
        world.log.close().await;
        let before = world.released();
        let (life, mortal) = world.open_mortal(last_is_done).await;
        assert_eq!(mortal.prepare().await.unwrap(), Prepared::Ready);
        // The next segment may still be in the making, which is no step of a commit.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let block = world.ledger.alternative(2, &format!("try {steps}"));
        life.left.store(steps, Ordering::SeqCst);
        let answer = mortal.enqueue(block.clone()).await;
        let shown = released(&mortal);
        mortal.close().await;
        drop(mortal);

        world.log = world.open().await;
        let without_asking = world.released();
        assert!(without_asking.starts_with(&before), "what was released is gone");
        assert!(without_asking.starts_with(&shown), "what was shown to readers is gone");
        if answer.is_ok() {
            assert_eq!(without_asking.last(), Some(&block), "what was answered is gone at step {steps}");
        }
        assert_eq!(world.log.prepare().await.unwrap(), Prepared::Ready);
        assert_eq!(world.log.compare(|_| {}).await.unwrap(), None);
        match world.released().strip_prefix(&before[..]).unwrap() {
            [] => {}
            [only] => {
                assert_eq!(only, &block);
                world.ledger.accept(&block);
            }
            more => panic!("{more:?}"),
        }
        if answer.is_ok() && life.left.load(Ordering::SeqCst) > 0 {
            let next = world.ledger.block(1);
            world.log.enqueue(next).await.unwrap();
            return steps;
        }
    }
    panic!("a commit has more than {MOST_STEPS} steps");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_before_a_step_leaves_nothing_undecided() {
    let deaths = die_at_every_step(false).await;
    assert!(deaths >= 4, "written, synced, anchored, synced: {deaths}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_right_after_a_step_leaves_nothing_undecided() {
    let deaths = die_at_every_step(true).await;
    assert!(deaths >= 4, "written, synced, anchored, synced: {deaths}");
}
