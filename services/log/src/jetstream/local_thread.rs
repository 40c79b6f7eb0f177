//! The thread that alone touches the local files of a log on a stream.
//!
//! It shares nothing with reads: what callers ask for cannot keep a block from being written.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::Builder;

use tokio::sync::{oneshot, watch};

use super::local::Local;
use crate::log::{FatalError, TellPanic};

type Job = Box<dyn FnOnce(&mut Local) + Send>;

/// Sends work to the thread. When it is dropped the thread finishes what it has and ends.
#[derive(Debug)]
pub(super) struct LocalThread {
    jobs: mpsc::Sender<Job>,
    ended: oneshot::Receiver<()>,
}

impl LocalThread {
    /// Starts the thread. That it broke down is told as a failure of the log.
    pub(super) fn start(mut local: Local, failure: watch::Sender<Option<Arc<FatalError>>>) -> io::Result<Self> {
        let (jobs, work) = mpsc::channel::<Job>();
        let (end, ended) = oneshot::channel();
        Builder::new().name("probity-commit".to_owned()).spawn(move || {
            // Told last, when the files have been given back.
            let _end = end;
            let _panic = TellPanic(failure);
            for job in work {
                job(&mut local);
            }
            drop(local);
        })?;
        Ok(Self { jobs, ended })
    }

    /// Does `work` on the thread; `None` if it has ended.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Local) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, done) = oneshot::channel();
        // Whoever asked may be gone.
        let job: Job = Box::new(move |local| drop(reply.send(work(local))));
        self.jobs.send(job).ok()?;
        done.await.ok()
    }

    /// Ends the thread; on return the files are given back.
    pub(super) async fn end(self) {
        let Self { jobs, ended } = self;
        drop(jobs);
        // An error says the same: the thread is gone.
        drop(ended.await);
    }
}
