//! Threads that read files for callers: so many at once, so many of them for one caller, and none for
//! longer than a caller may ask.
//!
//! Reads share the runtime's threads for blocking work with everything else. The limit here leaves
//! most of those threads to others, whatever callers do. A read stops soon after its caller has
//! gone: whoever reads looks at the flag that it is given.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::access::Caller;

/// Reads at once, unless a server says otherwise. The runtime has 512 threads for blocking work.
const DEFAULT_THREADS: usize = 64;
/// How long one read may take, unless a server says otherwise.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);

/// The threads that read for callers. Cheap to clone; clones share the limit.
#[derive(Debug, Clone)]
pub struct ReadPool {
    slots: Arc<Semaphore>,
    /// How many of them one caller may have.
    per_caller: usize,
    turns: Arc<Mutex<HashMap<Caller, Arc<Semaphore>>>>,
    patience: Duration,
    closing: Arc<watch::Sender<bool>>,
}

/// Why there is no answer, without the fault of what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRead {
    /// Too many others were reading, for as long as a read waits for its turn.
    #[error("too many questions wait for an answer; ask again in a while")]
    Busy,
    /// It took too long and was stopped.
    #[error("the answer took longer than {} s and was given up; ask for less, or page by page", .after.as_secs())]
    TooLong {
        /// How long it was let run.
        after: Duration,
    },
    /// The process ends.
    #[error("the server is shutting down; ask again in a while")]
    Closed,
    /// It broke down; the process logs why.
    #[error("the query ended without an answer")]
    Aborted,
}

/// A caller's turn; given back when this is dropped.
struct Turn {
    caller: Caller,
    all: Arc<Mutex<HashMap<Caller, Arc<Semaphore>>>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.permit.take());
        // Nobody else holds it or waits for it.
        if all.get(&self.caller).is_some_and(|turns| Arc::strong_count(turns) == 1) {
            all.remove(&self.caller);
        }
    }
}

/// Sets the flag when whoever waits for the answer goes.
struct Waiter(Arc<AtomicBool>);

/// Ends a task when whoever waits for it goes.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Default for ReadPool {
    fn default() -> Self {
        Self::new(DEFAULT_THREADS, DEFAULT_PATIENCE)
    }
}

impl ReadPool {
    /// Lets `threads` reads run at once, at least one. Each waits for its turn for `patience` at
    /// most, and then runs for as long at most.
    #[must_use]
    pub fn new(threads: usize, patience: Duration) -> Self {
        let closing = Arc::new(watch::Sender::new(false));
        let threads = threads.max(1);
        let (slots, turns) = (Arc::new(Semaphore::new(threads)), Arc::default());
        Self { slots, per_caller: threads, turns, patience, closing }
    }

    /// Lets one caller have so many of the threads, at least one, so that others are answered beside
    /// whoever asks much. What is asked on this machine is not limited.
    #[must_use]
    pub fn per_caller(self, threads: usize) -> Self {
        Self { per_caller: threads.max(1), ..self }
    }

    /// The turn of a caller, which is theirs for as long as they read.
    async fn turn(&self, caller: &Caller) -> Result<Option<Turn>, NoRead> {
        if *caller == Caller::Local {
            return Ok(None);
        }
        let turns = {
            // Each change is a single one.
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.entry(caller.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.per_caller))).clone()
        };
        let mut turn = Turn { caller: caller.clone(), all: self.turns.clone(), permit: None };
        let permit = timeout(self.patience, turns.acquire_owned()).await;
        turn.permit = Some(permit.map_err(|_| NoRead::Busy)?.map_err(|_| NoRead::Aborted)?);
        Ok(Some(turn))
    }

    /// Lets no more reads begin, and tells those that wait for anything that they wait in vain.
    pub fn close(&self) {
        self.closing.send_replace(true);
        self.slots.close();
    }

    /// Resolves once the pool is closed.
    pub async fn closed(&self) {
        let mut closing = self.closing.subscribe();
        if closing.wait_for(|closing| *closing).await.is_err() {
            std::future::pending().await
        }
    }

    /// Reads for a caller, where blocking is allowed. `read` is given a flag that is set once nobody waits for
    /// its answer any more; it should look at it now and then, and return when it is.
    ///
    /// # Errors
    /// See [`NoRead`].
    pub async fn run<T: Send + 'static>(
        &self,
        caller: &Caller,
        read: impl FnOnce(Arc<AtomicBool>) -> T + Send + 'static,
    ) -> Result<T, NoRead> {
        let waiter = Waiter(Arc::default());
        let (pool, caller, given_up) = (self.clone(), caller.clone(), waiter.0.clone());
        // A task of its own: whoever waits may not be asked again for long, as a stream that nobody takes
        // is not, and would keep a turn that it was given meanwhile.
        let mut reading = AbortOnDrop(tokio::spawn(async move { pool.read(&caller, given_up, read).await }));
        (&mut reading.0).await.unwrap_or(Err(NoRead::Aborted))
    }

    async fn read<T: Send + 'static>(
        &self,
        caller: &Caller,
        given_up: Arc<AtomicBool>,
        read: impl FnOnce(Arc<AtomicBool>) -> T + Send + 'static,
    ) -> Result<T, NoRead> {
        let turn = tokio::select! {
            turn = self.turn(caller) => turn?,
            () = self.closed() => return Err(NoRead::Closed),
        };
        let slot = timeout(self.patience, self.slots.clone().acquire_owned()).await;
        let slot = slot.map_err(|_| NoRead::Busy)?.map_err(|_| NoRead::Closed)?;
        // Set as well when this takes too long.
        let _patience = Waiter(given_up.clone());
        let reading = tokio::task::spawn_blocking(move || {
            // Given back when the thread is free again, not when the caller has gone.
            let _taken = (turn, slot);
            (!given_up.load(Ordering::Relaxed)).then(|| read(given_up))
        });
        match timeout(self.patience, reading).await {
            Ok(Ok(Some(answer))) => Ok(answer),
            Ok(_) => Err(NoRead::Aborted),
            Err(_) => Err(NoRead::TooLong { after: self.patience }),
        }
    }
}
