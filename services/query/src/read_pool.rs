//! Threads that read files for callers: so many at once, and none for longer than a caller may ask.
//!
//! Reads share the runtime's threads for blocking work with everything else. The limit here leaves
//! most of those threads to others, whatever callers do. A read stops soon after its caller has
//! gone: whoever reads looks at the flag that it is given.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// Reads at once, unless a server says otherwise. The runtime has 512 threads for blocking work.
const DEFAULT_THREADS: usize = 64;
/// How long one read may take, unless a server says otherwise.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);

/// The threads that read for callers. Cheap to clone; clones share the limit.
#[derive(Debug, Clone)]
pub struct ReadPool {
    slots: Arc<Semaphore>,
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

/// Sets the flag when whoever waits for the answer goes.
struct Waiter(Arc<AtomicBool>);

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
        Self { slots: Arc::new(Semaphore::new(threads.max(1))), patience, closing }
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

    /// Reads where blocking is allowed. `read` is given a flag that is set once nobody waits for
    /// its answer any more; it should look at it now and then, and return when it is.
    ///
    /// # Errors
    /// See [`NoRead`].
    pub async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(Arc<AtomicBool>) -> T + Send + 'static,
    ) -> Result<T, NoRead> {
        let slot = timeout(self.patience, self.slots.clone().acquire_owned()).await;
        let slot = slot.map_err(|_| NoRead::Busy)?.map_err(|_| NoRead::Closed)?;
        let waiter = Waiter(Arc::default());
        let given_up = waiter.0.clone();
        let reading = tokio::task::spawn_blocking(move || {
            // Given back when the thread is free again, not when the caller has gone.
            let _slot = slot;
            (!given_up.load(Ordering::Relaxed)).then(|| read(given_up))
        });
        match timeout(self.patience, reading).await {
            Ok(Ok(Some(answer))) => Ok(answer),
            Ok(_) => Err(NoRead::Aborted),
            Err(_) => Err(NoRead::TooLong { after: self.patience }),
        }
    }
}
