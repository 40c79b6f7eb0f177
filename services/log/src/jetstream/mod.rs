//! The log on NATS JetStream: local files first, then the stream, then the anchor, then whoever
//! waits.
//!
//! The stream is carrier and replica. It is never the only witness of what was signed: every
//! process keeps the blocks in files of its own, reads from those, and compares them with the
//! stream whenever there is a new connection, a new leader, or some seconds have passed. Where the
//! two disagree nothing is appended until a person has looked.
//!
//! The fence alone decides who appends: a block is stored only if the stream ends where it follows.
//! A block that loses against another one was never released; it is kept in `abandoned/`.

mod arriving;
mod checking;
mod committer;
mod configuration;
mod connection;
mod error;
mod heartbeat;
mod local;
mod local_thread;
mod repair;
mod stream;
mod stream_monitor;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use probity_tlog::CheckpointVerifier;
use tokio::sync::{mpsc, oneshot, watch};

pub use arriving::{ArrivalError, first_stream_block};
pub use configuration::{Drift, StreamName};
pub use connection::{NatsOptions, credentials};
pub use error::{Disagreement, JetStreamError, StreamError};
pub use heartbeat::{Heard, Heartbeat, Heartbeats, Question, RegistrarState};
pub use repair::{Repair, Shortfall};

use crate::file_log::opening::{self, Adopt};
use crate::log::{AppendError, Durability, FatalError, Head, Log, ReadError};
use crate::{Block, BlockReader, FileLog, FileLogOptions, Opening};
use checking::{Identity, Known};
use committer::{Command, Committer};
use local::Local;
use local_thread::LocalThread;
use stream::BlockStream;
use stream_monitor::StreamMonitor;

/// How long opening waits for a connection.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A log in local files whose blocks are also messages of a stream.
#[derive(Debug)]
pub struct JetStreamLog {
    queue: mpsc::UnboundedSender<Command>,
    stream: BlockStream,
    reader: BlockReader,
    opening: Opening,
    status: Arc<watch::Sender<Status>>,
    failure: watch::Receiver<Option<Arc<FatalError>>>,
    closing: watch::Sender<bool>,
    committer: tokio::sync::Mutex<Option<tokio::task::JoinHandle<()>>>,
    stream_monitor: tokio::task::JoinHandle<()>,
}

/// How the log stands with its stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether the stream answered when it was last asked.
    pub reachable: bool,
    /// What the stream was when it last answered.
    pub stream: Option<StreamStatus>,
    /// The height of a block of which it is not known yet whether the stream has it.
    pub unsettled: Option<u64>,
    /// Why nothing is appended.
    pub halted: Option<Arc<Disagreement>>,
}

/// What the stream's leader said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamStatus {
    /// The number of blocks in it.
    pub blocks: u64,
    /// On how many servers it is.
    pub replicas: usize,
    /// Which server leads it; unknown outside a cluster.
    pub leader: Option<String>,
    /// The version of the server that this process is connected to.
    pub server_version: String,
    /// The longest message that it takes, in bytes.
    pub max_payload: usize,
}

impl JetStreamLog {
    /// Makes the stream of a new ledger and an empty local log for it.
    ///
    /// # Errors
    /// There is a stream, a log or an anchor already, or NATS or the file system refuse.
    pub async fn create(
        options: &FileLogOptions,
        verifier: CheckpointVerifier,
        nats: &NatsOptions,
        replicas: usize,
    ) -> Result<Self, JetStreamError> {
        let stream = nats.connect(verifier.origin(), false, watch::Sender::new(0)).await?;
        // The local log first: it is the easier of the two to remove, should the other not come
        // about.
        drop(FileLog::create(options, verifier.clone())?);
        let info = stream.create(replicas).await?;
        Identity::of(options).write(&*options.storage, info.created)?;
        Self::open(options, verifier, nats).await
    }

    /// Opens the local log of a ledger on a stream. Must be called within a Tokio runtime.
    ///
    /// Whether NATS can be reached is not waited for longer than two seconds: what was released can
    /// be read without it. See [`Status`].
    ///
    /// # Errors
    /// The local log does not open, or credentials cannot be read.
    pub async fn open(
        options: &FileLogOptions,
        verifier: CheckpointVerifier,
        nats: &NatsOptions,
    ) -> Result<Self, JetStreamError> {
        let origin = verifier.origin().to_owned();
        let in_background = options.clone();
        let opened = tokio::task::spawn_blocking(move || opening::open(&in_background, verifier, Adopt::Nothing));
        let mut opened = opened.await.map_err(|_| ReadError::Abandoned).map_err(crate::OpenError::from)??;
        let (reader, opening) = (opened.reader.clone(), std::mem::take(&mut opened.opening));
        let local = Local::new(options.storage.clone(), &options.dir, opened);
        let local = local.map_err(|fault| Disagreement::Unverified { height: 0, index: 0, fault })?;

        let connections = watch::Sender::new(0);
        let mut connected = connections.subscribe();
        let stream = nats.connect(&origin, true, connections).await?;
        if tokio::time::timeout(AT_ONCE, connected.wait_for(|count| *count > 0)).await.is_err() {
            tracing::warn!("NATS cannot be reached yet; it is tried on");
        }
        let status = Arc::new(watch::Sender::new(Status::default()));
        let (closing, closes) = watch::channel(false);
        let (failure, failed) = watch::channel(None);
        let (queue, commands) = mpsc::unbounded_channel();
        let local = LocalThread::start(local, failure.clone()).map_err(crate::OpenError::Thread)?;
        let committer = Committer {
            local,
            stream: stream.clone(),
            reader: reader.clone(),
            status: status.clone(),
            failure,
            closing: closes,
        };
        let stream_monitor = StreamMonitor {
            stream: stream.clone(),
            reader: reader.clone(),
            identity: Identity::of(options),
            storage: options.storage.clone(),
            status: status.clone(),
            connected,
        };
        Ok(Self {
            queue,
            stream,
            reader,
            opening,
            status,
            failure: failed,
            closing,
            committer: tokio::sync::Mutex::new(Some(tokio::spawn(committer.run(commands)))),
            stream_monitor: tokio::spawn(stream_monitor.run()),
        })
    }

    /// What opening the local files found.
    #[must_use]
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Reads released blocks from the local files.
    #[must_use]
    pub fn reader(&self) -> &BlockReader {
        &self.reader
    }

    /// How the log stands with its stream, now and whenever that changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Makes a new connection, for which credentials and certificates are read again. What is under
    /// way is settled as after any lost connection.
    ///
    /// # Errors
    /// The client has been closed.
    pub async fn reconnect(&self) -> Result<(), StreamError> {
        self.stream.client.force_reconnect().await.map_err(StreamError::nats)
    }

    /// Resolves when the local files have failed: the process should then exit, and a restart find
    /// out what is durable.
    pub fn failed(&self) -> impl Future<Output = Arc<FatalError>> + Send + 'static {
        crate::log::failed(self.failure.clone())
    }

    /// Makes files for a process that takes part in a ledger that is on a stream, and takes in its
    /// first block.
    ///
    /// # Errors
    /// There is a log or an anchor already, the block does not verify, or NATS or the file system
    /// refuse.
    pub async fn join(
        options: &FileLogOptions,
        verifier: CheckpointVerifier,
        nats: &NatsOptions,
        first: Block,
    ) -> Result<Self, JoinStreamError> {
        let stream =
            nats.connect(verifier.origin(), false, watch::Sender::new(0)).await.map_err(JetStreamError::from)?;
        let info =
            stream.info().await.and_then(|info| info.ok_or_else(|| StreamError::Gone { name: stream.name.stream }));
        let created = info.map_err(JetStreamError::from)?.created;
        drop(FileLog::create(options, verifier.clone()).map_err(JetStreamError::from)?);
        // Before there is a block, so that these files are never taken for a ledger of their own.
        Identity::of(options).write(&*options.storage, created).map_err(JetStreamError::from)?;
        let log = Self::open(options, verifier, nats).await?;
        log.adopt(vec![first]).await?;
        Ok(log)
    }

    /// What other processes say on this ledger's subjects, and how to speak there.
    ///
    /// # Errors
    /// The subject cannot be subscribed to.
    pub async fn heartbeats(&self) -> Result<Heartbeats, StreamError> {
        Heartbeats::new(self.stream.clone()).await
    }

    /// The blocks that the stream has from `height` on and then those that come later, some at a
    /// time. What fails on the way is tried again for ever, and told as an error that ends nothing.
    ///
    /// Whether they continue this log is not looked at here.
    pub fn arrivals(&self, height: u64) -> BoxStream<'static, Result<Vec<Block>, ArrivalError>> {
        let index = self.reader.head().map_or(0, |head| head.tree_size);
        arriving::blocks(&self.stream, height, index)
    }

    /// Takes in blocks that the stream has, after whoever calls has judged them: they are made
    /// durable here, anchored and released. Blocks that are here already, unreleased and the same,
    /// are released; others give way.
    pub fn adopt(&self, blocks: Vec<Block>) -> Durability {
        self.send(|resolver| Command::Adopt(blocks, resolver))
    }

    /// Makes ready to append: what is durable here and not known to be in the stream is sent again
    /// unchanged, and the stream must hold all that is released and nothing else.
    ///
    /// # Errors
    /// Another block stands where one was sent again (`Conflict`), the stream disagrees, or it
    /// could not be found out.
    pub async fn prepare(&self) -> Result<Prepared, AppendError> {
        let (reply, answer) = oneshot::channel();
        let closed = || AppendError::Fatal(Arc::new(FatalError::Closed));
        self.queue.send(Command::Resend(reply)).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())??;
        let head = self.reader.head();
        let height = head.map_or(0, |head| head.height + 1);
        match (Known { reader: &self.reader, created: None }).check(&self.stream).await {
            Ok(info) if info.last_sequence == height => Ok(Prepared::Ready),
            Ok(_) => Ok(Prepared::Behind),
            Err(JetStreamError::Disagrees(disagreement)) => {
                Err(AppendError::Halted(halt(&self.status, Arc::new(disagreement))))
            }
            Err(_) => Ok(Prepared::Unreachable),
        }
    }

    /// Reads everything released again from the stream and compares it with the local files, byte
    /// by byte. `progress` is told how many blocks have been compared.
    ///
    /// # Errors
    /// The stream could not be read.
    pub async fn compare(&self, progress: impl FnMut(u64)) -> Result<Option<Disagreement>, StreamError> {
        let count = self.reader.head().map_or(0, |head| head.height + 1);
        Known { reader: &self.reader, created: None }.compare(&self.stream, count, progress).await
    }

    /// Finishes what is queued, as far as that does not wait for NATS, and gives the local files
    /// back.
    pub async fn close(&self) {
        self.stream_monitor.abort();
        self.closing.send_replace(true);
        drop(self.queue.send(Command::Close));
        if let Some(committer) = self.committer.lock().await.take()
            && committer.await.is_err()
        {
            tracing::error!("the task that commits panicked");
        }
    }

    fn send(&self, command: impl FnOnce(crate::Resolver) -> Command) -> Durability {
        let (resolver, durability) = Durability::pending();
        // A command that cannot be sent is dropped with its resolver, which says that the log is
        // closed.
        drop(self.queue.send(command(resolver)));
        durability
    }
}

/// Why a process cannot take part.
#[derive(Debug, thiserror::Error)]
pub enum JoinStreamError {
    /// The log does not open.
    #[error(transparent)]
    Open(#[from] JetStreamError),
    /// The first block cannot be taken in.
    #[error("the first block of the stream cannot be taken in")]
    First(#[from] AppendError),
}

/// Whether a log may be appended to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared {
    /// It may.
    Ready,
    /// The stream has blocks that are not here yet.
    Behind,
    /// The stream does not answer.
    Unreachable,
}

/// Stops everything that appends, and says why; the first reason stays.
fn halt(status: &watch::Sender<Status>, disagreement: Arc<Disagreement>) -> Arc<Disagreement> {
    let mut reason = disagreement.clone();
    status.send_if_modified(|status| match &status.halted {
        Some(first) => {
            reason = first.clone();
            false
        }
        None => {
            tracing::error!(%disagreement, "the stream disagrees with what was signed: nothing is appended");
            status.halted = Some(disagreement);
            true
        }
    });
    reason
}

impl Log for JetStreamLog {
    fn enqueue(&self, block: Block) -> Durability {
        self.send(|resolver| Command::Append(block, resolver))
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

impl Drop for JetStreamLog {
    /// What is queued is still finished in the background, as far as that does not wait for NATS.
    fn drop(&mut self) {
        self.stream_monitor.abort();
        self.closing.send_replace(true);
    }
}

/// The blocks in `abandoned/` of the log in `options`: written once, never released, and not what
/// the stream went on from.
///
/// # Errors
/// The directory could not be read.
pub fn abandoned(options: &FileLogOptions) -> Result<Vec<PathBuf>, crate::StorageError> {
    let dir = local::abandoned_dir(&options.dir);
    match options.storage.list(&dir) {
        Ok(names) => {
            let mut paths: Vec<_> = names.into_iter().map(|name| dir.join(name)).collect();
            paths.sort();
            Ok(paths)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(crate::StorageError::of(crate::storage::Operation::List, &dir)(error)),
    }
}
