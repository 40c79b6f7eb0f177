//! The write side as its callers see it.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use probity_log::Head;
use probity_projection::Clock;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot, watch};

use crate::error::{RegisterError, Rejection, Unavailable};
use crate::open::{OpenError, Opened, Opening};
use crate::read::Ledger;
use crate::sequencer::{Message, Pipeline, Request, Sequenced, Sequencer, forward};
use crate::shared::Shared;
use crate::verify::{Submission, verify_all};

/// The most statements in one request.
pub const MAX_REQUEST_STATEMENTS: usize = 4_096;

/// When a caller who met a full queue should come back.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// A statement that is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
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

/// The write side of one ledger.
#[derive(Debug)]
pub struct Registrar {
    ledger: Arc<Ledger>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    sender: mpsc::UnboundedSender<Message>,
    room: Arc<Semaphore>,
    limit: usize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Registrar {
    /// Opens a ledger: brings the admission state and the index up to the head of the log, and starts the ordered thread.
    /// Must be called within a tokio runtime. Takes as long as the log's tail beyond the index.
    pub fn open(opening: Opening) -> Result<Self, OpenError> {
        let (clock, limit) = (opening.clock.clone(), opening.waiting_statements);
        let Opened { sealer, ledger, shared, index, state, frontier, head } = Opened::from(opening)?;
        let (sender, messages) = mpsc::unbounded_channel();
        let (durabilities, resolved) = mpsc::unbounded_channel();
        Handle::current().spawn(forward(resolved, sender.downgrade()));
        let sequencer = Sequencer {
            sealer,
            clock: clock.clone(),
            ledger: ledger.clone(),
            shared: shared.clone(),
            index,
            state,
            frontier,
            head,
            messages,
            durabilities,
            pipeline: Pipeline::default(),
        };
        let thread = Builder::new().name("probity-sequencer".to_owned()).spawn(move || sequencer.run());
        let thread = Mutex::new(Some(thread.map_err(OpenError::Thread)?));
        let room = Arc::new(Semaphore::new(limit));
        Ok(Self { ledger, shared, clock, sender, room, limit, thread })
    }

    /// Records statements; one result for each, in order. Comes back when everything it speaks of is durable.
    pub async fn register(
        &self,
        submissions: Vec<Submission>,
    ) -> Result<Vec<Result<Recorded, Rejection>>, RegisterError> {
        if let Some(unavailable) = self.shared.unavailable() {
            return Err(unavailable.into());
        }
        let count = submissions.len();
        if count > MAX_REQUEST_STATEMENTS {
            return Err(RegisterError::TooMany { count, limit: MAX_REQUEST_STATEMENTS });
        }
        let Ok(permit) = self.room.clone().try_acquire_many_owned(count as u32) else {
            let waiting = self.limit - self.room.available_permits();
            return Err(RegisterError::Overloaded { waiting, limit: self.limit, retry_after: RETRY_AFTER });
        };
        let items = verify_all(submissions, self.shared.keyring()).await;
        let (reply, answer) = oneshot::channel();
        let request = Message::Register(Request { items, reply, permit });
        self.sender.send(request).map_err(|_| Unavailable::ShuttingDown)?;
        let sequenced = answer.await.map_err(|_| Unavailable::ShuttingDown)?;
        let mut results = Vec::with_capacity(sequenced.len());
        for outcome in sequenced {
            results.push(self.answer(outcome).await);
        }
        Ok(results)
    }

    async fn answer(&self, outcome: Sequenced) -> Result<Recorded, Rejection> {
        match outcome {
            Sequenced::Rejected(rejection) => Err(rejection),
            Sequenced::Recorded { block, index } => Ok(Recorded {
                index,
                tree_size: block.block.tree_size(),
                recorded_at: block.block.time(),
                receipt: block.receipt(index).ok_or(Rejection::Unverified)?,
                already_recorded: false,
            }),
            Sequenced::IdKnown { index, id, statement } => {
                let unreadable = |reason: String| Unavailable::Halted { reason };
                let found = self.ledger.committed_block(index).await.map_err(|error| unreadable(error.to_string()))?;
                if found.block.statement(index) != Some(&statement[..]) {
                    return Err(Rejection::IdTaken { id, index });
                }
                Ok(Recorded {
                    index,
                    tree_size: found.block.tree_size(),
                    recorded_at: found.block.time(),
                    receipt: found.receipt(index).ok_or(Rejection::Unverified)?,
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
    pub fn head(&self) -> Option<Head> {
        self.shared.head()
    }

    /// The clock it lives by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Why writes are refused, if they are; changes once, when the ledger halts.
    pub fn watch_halt(&self) -> watch::Receiver<Option<Unavailable>> {
        self.shared.watch_halt()
    }

    /// Refuses writes from now on: something that was found elsewhere, such as by a scrub.
    pub fn halt(&self, reason: String) {
        self.shared.halt(Unavailable::Halted { reason });
    }

    /// Finishes what is under way, refuses the rest, and writes the index down.
    pub async fn stop(&self) {
        drop(self.sender.send(Message::Stop));
        if let Some(thread) = self.thread.lock().await.take() {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the ordered thread ended badly; the log is intact, the index comes back from it");
            }
        }
    }
}
