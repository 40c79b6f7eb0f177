//! The write side as its callers see it.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use probity_ledger::{IndexTree, Ledger, Replica, ReplicaError};
use probity_log::{Backend, Block, Head};
use probity_schemas::Clock;
use probity_statement::LedgerSecrets;
use probity_tlog::KeyNameError;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::block::Sealer;
use crate::clock_guard::ClockGuard;
use crate::error::{HaltReason, RegisterError, Rejection, Unavailable};
use crate::leadership::Leadership;
use crate::sequencer::{Message, Pipeline, Request, Sequenced, Sequencer, forward};
use crate::shared::{Shared, until};
use crate::verify::{Submission, verify_all};

/// The most statements in one request: the answer, a receipt or a refusal for each, fits into the
/// 4 MiB that a stock gRPC client takes, in a ledger of any size.
pub const MAX_REQUEST_STATEMENTS: usize = 1_024;

/// The most bytes of statements in one request: as many as fit into the longest message.
const MAX_REQUEST_BYTES: usize = 16 << 20;

/// How long it may be unknown whether a block is durable before callers are told.
const STUCK_AFTER: Duration = Duration::from_secs(3);

/// How often to look whether the ordered thread has ended.
const STILL_RUNNING: Duration = Duration::from_millis(2);

/// When a caller who met a full queue should come back.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// A statement that is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its position in the log.
    pub index: u64,
    /// The tree size its receipt is for.
    pub tree_size: u64,
    /// When it was recorded, in Unix seconds, as signed by the clock key.
    pub recorded_at: u64,
    /// Its RFC 9942 receipt.
    pub receipt: Vec<u8>,
    /// Whether it was in the log before it was handed in.
    pub already_recorded: bool,
}

/// What a registrar is opened with.
#[derive(Debug)]
pub struct RegistrarOptions {
    /// The log, opened and holding at least the genesis block.
    pub backend: Arc<dyn Backend>,
    /// Where the index lives.
    pub index: IndexTree,
    /// The ledger's private keys; without them this process can only follow.
    pub secrets: Option<LedgerSecrets>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How many statements may wait for an answer before callers are turned away.
    pub waiting_statements: usize,
    /// How many bytes of statements may, at least a full request's.
    pub waiting_bytes: usize,
    /// Whether its operator says that the next block may keep the time of the newest one, although
    /// that is ahead of the clock.
    pub keeps_time: bool,
}

/// Why a registrar does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ledger does not open.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The origin cannot stand in a checkpoint.
    #[error(transparent)]
    Origin(#[from] KeyNameError),
    /// A thread could not be started.
    #[error("a thread could not be started")]
    Thread(#[source] io::Error),
}

/// The write side of one ledger.
#[derive(Debug)]
pub struct Registrar {
    ledger: Arc<Ledger>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    clock_guard: Arc<ClockGuard>,
    sender: mpsc::UnboundedSender<Message>,
    room: Room,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What may wait for an answer.
#[derive(Debug)]
struct Room {
    statements: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    max_statements: usize,
    max_bytes: usize,
}

/// Room that is taken, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    _statements: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Room {
    fn new(max_statements: usize, max_bytes: usize) -> Self {
        let max_bytes = max_bytes.clamp(MAX_REQUEST_BYTES, Semaphore::MAX_PERMITS);
        let (statements, bytes) = (Arc::new(Semaphore::new(max_statements)), Arc::new(Semaphore::new(max_bytes)));
        Self { statements, bytes, max_statements, max_bytes }
    }

    fn take(&self, submissions: &[Submission]) -> Result<Permit, RegisterError> {
        let bytes: usize = submissions.iter().map(|submission| submission.statement.len()).sum();
        let take = |of: &Arc<Semaphore>, count: usize, limit: usize, what| {
            // More than there can ever be is not taken either.
            let wanted = u32::try_from(count).unwrap_or(u32::MAX);
            of.clone().try_acquire_many_owned(wanted).map_err(|_| {
                let waiting = limit - of.available_permits();
                RegisterError::Overloaded { waiting, limit, what, retry_after: RETRY_AFTER }
            })
        };
        Ok(Permit {
            _statements: take(&self.statements, submissions.len(), self.max_statements, "statements")?,
            _bytes: take(&self.bytes, bytes, self.max_bytes, "bytes of statements")?,
        })
    }
}

/// Looks for the operator's word in the blocks that have the time of the newest one.
fn find_word(clock_guard: &ClockGuard, ledger: &Ledger) -> Result<(), ReplicaError> {
    let head = ledger.head();
    for height in (0..=head.height).rev() {
        let block = ledger.backend().reader().block(height)?;
        if block.time() != head.time {
            break;
        }
        clock_guard.heed(&block);
    }
    Ok(())
}

impl Registrar {
    /// Opens a ledger and starts the ordered thread. Must be called within a tokio runtime. Takes
    /// as long as folding the log's tail beyond the index.
    ///
    /// # Errors
    /// The replica does not open, the origin cannot stand in a checkpoint, or no thread starts.
    pub fn open(options: RegistrarOptions) -> Result<Self, StartError> {
        let RegistrarOptions { backend, index, secrets, clock, waiting_statements, waiting_bytes, keeps_time } =
            options;
        let first = match backend.is_shared() {
            false => Leadership::Active,
            true => Leadership::Standby { active: None },
        };
        let replica = Replica::open(backend, index, secrets.as_ref())?;
        let sealer = secrets.map(Sealer::new).transpose()?.map(Arc::new);
        let ledger = replica.ledger().clone();
        let shared = Arc::new(Shared::new(replica.state.keyring().clone(), first));
        let clock_guard = Arc::new(ClockGuard::new(clock.clone()));
        if keeps_time {
            clock_guard.vouch(replica.head.time);
        } else if clock_guard.is_behind(replica.head.time) {
            find_word(&clock_guard, replica.ledger())?;
        }
        let (sender, messages) = mpsc::unbounded_channel();
        let (durabilities, resolved) = mpsc::unbounded_channel();
        Handle::current().spawn(forward(resolved, sender.downgrade()));
        let sequencer = Sequencer {
            sealer,
            clock: clock.clone(),
            clock_guard: clock_guard.clone(),
            shared: shared.clone(),
            replica,
            messages,
            durabilities,
            pipeline: Pipeline::default(),
        };
        let thread = Builder::new().name("probity-sequencer".to_owned()).spawn(move || sequencer.run());
        let thread = Mutex::new(Some(thread.map_err(StartError::Thread)?));
        let room = Room::new(waiting_statements, waiting_bytes);
        Ok(Self { ledger, shared, clock, clock_guard, sender, room, thread })
    }

    /// Records statements; one result for each, in order. Comes back when everything it speaks of
    /// is durable.
    ///
    /// # Errors
    /// Nothing of the request was taken: there is no room for it, it is too large, or the ledger
    /// takes no statements. With [`Unavailable::Unsettled`] it may be recorded all the same.
    pub async fn register(
        &self,
        submissions: Vec<Submission>,
    ) -> Result<Vec<Result<Registered, Rejection>>, RegisterError> {
        if let Some(unavailable) = self.shared.unavailable() {
            return Err(unavailable.into());
        }
        let count = submissions.len();
        if count > MAX_REQUEST_STATEMENTS {
            return Err(RegisterError::TooMany { count, limit: MAX_REQUEST_STATEMENTS });
        }
        let permit = self.room.take(&submissions)?;
        let items = verify_all(submissions, self.shared.keyring()).await;
        let (reply, answer) = oneshot::channel();
        let request = Message::Register(Request { items, reply, permit });
        self.sender.send(request).map_err(|_| Unavailable::ShuttingDown)?;
        let sequenced = tokio::select! {
            sequenced = answer => sequenced.map_err(|_| Unavailable::ShuttingDown)?,
            height = self.stuck() => return Err(Unavailable::Unsettled { height }.into()),
        };
        let mut results = Vec::with_capacity(sequenced.len());
        for outcome in sequenced {
            results.push(self.answer(outcome).await);
        }
        Ok(results)
    }

    /// Resolves once it has not been known for a while whether a block is durable.
    async fn stuck(&self) -> u64 {
        let mut unsettled = self.shared.watch_unsettled();
        loop {
            until(&mut unsettled, Option::is_some).await;
            let settled = tokio::time::timeout(STUCK_AFTER, until(&mut unsettled, Option::is_none)).await;
            if let (Err(_), Some(height)) = (settled, *unsettled.borrow()) {
                return height;
            }
        }
    }

    /// Takes in blocks that another process appended, in order: they must continue what is
    /// committed, carry signatures that verify, and be admitted again. On return they are durable
    /// here.
    pub(crate) async fn adopt(&self, blocks: Vec<Block>) -> Result<(), Unavailable> {
        let (reply, adopted) = oneshot::channel();
        self.sender.send(Message::Adopt { blocks, reply }).map_err(|_| Unavailable::ShuttingDown)?;
        adopted.await.map_err(|_| Unavailable::ShuttingDown)?
    }

    /// Appends from now on; on return statements are taken.
    pub(crate) async fn lead(&self) {
        let (reply, done) = oneshot::channel();
        if self.sender.send(Message::Lead { reply }).is_ok() {
            // Gone only if the ordered thread has ended.
            drop(done.await);
        }
    }

    /// Appends nothing more; on return nothing is under way.
    pub(crate) async fn step_down(&self) {
        let (reply, done) = oneshot::channel();
        if self.sender.send(Message::StepDown { reply }).is_ok() {
            // Gone only if the ordered thread has ended.
            drop(done.await);
        }
    }

    /// Sends something to the ordered thread.
    pub(crate) fn tell(&self, message: Message) -> Result<(), Unavailable> {
        self.sender.send(message).map_err(|_| Unavailable::ShuttingDown)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Whether this process appends; changes whenever another one takes over or leaves.
    pub fn watch_leadership(&self) -> watch::Receiver<Leadership> {
        self.shared.watch_leadership()
    }

    async fn answer(&self, outcome: Sequenced) -> Result<Registered, Rejection> {
        match outcome {
            Sequenced::Rejected(rejection) => Err(rejection),
            Sequenced::Recorded { block, index } => Ok(Registered {
                index,
                tree_size: block.block().tree_size(),
                recorded_at: block.block().time(),
                receipt: block.receipt(index).ok_or(Rejection::NoReceipt { index })?,
                already_recorded: false,
            }),
            Sequenced::IdKnown { index, id, statement } => {
                let found = self.ledger.committed_block(index).await;
                let found = found.map_err(|fault| Rejection::Unreadable { id, index, fault })?;
                if found.block().statement(index) != Some(&statement[..]) {
                    return Err(Rejection::IdTaken { id, index });
                }
                Ok(Registered {
                    index,
                    tree_size: found.block().tree_size(),
                    recorded_at: found.block().time(),
                    receipt: found.receipt(index).ok_or(Rejection::NoReceipt { index })?,
                    already_recorded: true,
                })
            }
        }
    }

    /// The read side of the same ledger.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The newest committed block.
    pub fn head(&self) -> Head {
        self.ledger.head()
    }

    /// The clock it lives by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Why no block could be opened now for the clock's sake, if so.
    pub fn clock_fault(&self) -> Option<Unavailable> {
        self.clock_guard.time_after(self.head().time).err()
    }

    /// The block of another registrar that was not taken in because it is too far ahead of the clock, if there is one.
    pub fn block_ahead(&self) -> Option<Unavailable> {
        self.clock_guard.refused()
    }

    /// How many statements wait for an answer, and their bytes.
    pub fn waiting(&self) -> (usize, usize) {
        let Room { statements, bytes, max_statements, max_bytes } = &self.room;
        (max_statements - statements.available_permits(), max_bytes - bytes.available_permits())
    }

    /// Why writes are refused, if they are; changes once, when the ledger halts.
    pub fn watch_halt(&self) -> watch::Receiver<Option<Unavailable>> {
        self.shared.watch_halt()
    }

    /// Resolves when the ordered thread has broken down, which is a defect of ours: the process
    /// should then exit, and a restart finds in the log what is recorded.
    pub fn failed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut broken = self.shared.watch_broken();
        async move {
            if broken.wait_for(|broken| *broken).await.is_err() {
                std::future::pending().await
            }
        }
    }

    /// Refuses writes from now on: something that was found elsewhere, such as by a scrub.
    pub fn halt(&self, reason: HaltReason) {
        self.shared.halt(Unavailable::Halted(reason));
        // What is admitted and not sealed is given up in its turn.
        drop(self.sender.send(Message::Halted));
    }

    /// Finishes what is under way, refuses the rest, and writes the index down.
    pub async fn stop(&self) {
        drop(self.sender.send(Message::Stop));
        let mut thread = self.thread.lock().await;
        // Whoever gives up waiting may wait again: the thread is given away only once it has ended.
        while thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            tokio::time::sleep(STILL_RUNNING).await;
        }
        if let Some(Err(_)) = thread.take().map(JoinHandle::join) {
            tracing::error!("the ordered thread ended badly; the log is intact, the index comes back from it");
        }
    }
}
