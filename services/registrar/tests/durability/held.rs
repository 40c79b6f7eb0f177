//! A log that takes a block only when the test says so.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use probity_log::{
    AppendError, Backend, Block, BlockReader, Durability, FatalError, FileLog, Head, Log, Opening, ReadError, Resolver,
    Status,
};
use tokio::sync::watch;

use crate::scene::within;

/// A log of real files, in front of which blocks wait.
#[derive(Debug)]
pub(crate) struct Held {
    files: FileLog,
    waiting: Mutex<Vec<Waiting>>,
    count: watch::Sender<usize>,
}

/// A block that the registrar has handed to the log.
#[derive(Debug)]
pub(crate) struct Waiting {
    block: Block,
    resolver: Resolver,
}

impl Held {
    pub(crate) fn new(files: FileLog) -> Arc<Self> {
        Arc::new(Self { files, waiting: Mutex::default(), count: watch::Sender::new(0) })
    }

    /// The blocks that wait, oldest first, once there are this many.
    pub(crate) async fn take(&self, count: usize) -> Vec<Waiting> {
        let mut counts = self.count.subscribe();
        within("blocks wait", counts.wait_for(|waiting| *waiting >= count)).await.unwrap();
        let taken = std::mem::take(&mut *self.waiting.lock().unwrap());
        self.count.send_replace(0);
        taken
    }

    /// Takes the oldest block that waits, and says what became of it.
    pub(crate) async fn write_next(&self) {
        for waiting in self.take(1).await {
            self.write(waiting).await;
        }
    }

    pub(crate) async fn write(&self, Waiting { block, resolver }: Waiting) {
        resolver.resolve(self.append(block).await);
    }

    /// Takes a block, but says that it is not known whether it did.
    pub(crate) async fn write_unknown(&self, Waiting { block, resolver }: Waiting) {
        let height = block.height();
        self.append(block).await.unwrap();
        resolver.resolve(Err(AppendError::OutcomeUnknown { height }));
    }

    async fn append(&self, block: Block) -> Result<(), AppendError> {
        within("the files take a block", self.files.enqueue(block)).await
    }
}

impl Waiting {
    pub(crate) fn refuse(self, error: AppendError) {
        self.resolver.resolve(Err(error));
    }

    pub(crate) fn statements(&self) -> usize {
        self.block.statements().len()
    }
}

impl Log for Held {
    fn enqueue(&self, block: Block) -> Durability {
        let (resolver, durability) = Durability::pending();
        self.waiting.lock().unwrap().push(Waiting { block, resolver });
        self.count.send_modify(|count| *count += 1);
        durability
    }

    fn read(&self, height: u64) -> BoxStream<'_, Result<Block, ReadError>> {
        self.files.read(height)
    }

    fn follow(&self, height: u64) -> BoxStream<'_, Result<Block, ReadError>> {
        self.files.follow(height)
    }

    fn head(&self) -> BoxFuture<'_, Result<Option<Head>, ReadError>> {
        self.files.head()
    }

    fn block_of(&self, index: u64) -> Result<Block, ReadError> {
        self.files.block_of(index)
    }
}

impl Backend for Held {
    fn reader(&self) -> &BlockReader {
        self.files.reader()
    }

    fn opening(&self) -> &Opening {
        self.files.opening()
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn adopt(&self, blocks: Vec<Block>) -> Durability {
        Backend::adopt(&self.files, blocks)
    }

    fn status(&self) -> Option<watch::Receiver<Status>> {
        None
    }

    fn failed(&self) -> BoxFuture<'static, Arc<FatalError>> {
        Backend::failed(&self.files)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Backend::close(&self.files)
    }
}
