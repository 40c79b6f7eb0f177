//! The one task that commits: a block is durable here, then in the stream, then anchored, then
//! released.
//!
//! One block is on its way to the stream at a time. The stream's fence compares sequences, not
//! contents, so that a block sent behind one that loses against a rival would be taken as the
//! rival's successor. While a block is under way the next one fills, so that nothing is lost by it.
//!
//! Until it is known what became of a block, no other one is sent; it is read back, and sent again
//! unchanged.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::checking::Known;
use super::error::{Disagreement, JetStreamError, StreamError};
use super::local::Local;
use super::local_thread::LocalThread;
use super::stream::{BlockStream, Published};
use super::{Status, halt};
use crate::log::{AppendError, FatalError, Resolver};
use crate::{Block, BlockReader};

/// The most blocks that are made durable here together.
const GROUP_BLOCKS: usize = 4;

/// The pauses between attempts to find out what became of a block.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
];

/// What the task is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    /// Commit a new block.
    Append(Block, Resolver),
    /// Take in blocks that the stream has.
    Adopt(Vec<Block>, Resolver),
    /// Send what is durable here and not known to be in the stream; whether it is there now.
    Resend(oneshot::Sender<Result<(), AppendError>>),
    /// Finish.
    Close,
}

/// Owns everything that only one task may change.
#[derive(Debug)]
pub(super) struct Committer {
    pub(super) local: LocalThread,
    pub(super) stream: BlockStream,
    pub(super) reader: BlockReader,
    pub(super) status: Arc<watch::Sender<Status>>,
    pub(super) failure: watch::Sender<Option<Arc<FatalError>>>,
    /// Whether the log is to be closed: then nothing is waited for any longer.
    pub(super) closing: watch::Receiver<bool>,
}

impl Committer {
    /// Does what it is asked to until it is told to finish, or nobody is left to ask. On return the
    /// local files are given back.
    pub(super) async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Command>) {
        self.serve(&mut queue).await;
        self.local.end().await;
    }

    async fn serve(&mut self, queue: &mut mpsc::UnboundedReceiver<Command>) {
        let mut next = None;
        loop {
            let command = match next.take() {
                Some(command) => command,
                None => match queue.recv().await {
                    Some(command) => command,
                    None => return,
                },
            };
            match command {
                Command::Append(block, resolver) => {
                    let mut group = vec![(block, resolver)];
                    while group.len() < GROUP_BLOCKS {
                        match queue.try_recv() {
                            Ok(Command::Append(block, resolver)) => group.push((block, resolver)),
                            Ok(other) => {
                                next = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.append(group).await;
                }
                Command::Adopt(blocks, resolver) => resolver.resolve(self.adopt(blocks).await),
                Command::Resend(reply) => drop(reply.send(self.resend().await)),
                Command::Close => return,
            }
        }
    }

    async fn append(&mut self, group: Vec<(Block, Resolver)>) {
        let (blocks, resolvers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        if let Some(halted) = self.halted() {
            return resolvers.into_iter().for_each(|resolver| resolver.resolve(Err(halted.clone())));
        }
        let submitted = blocks.clone();
        // Behind what is not settled nothing new may stand.
        let answers = self.locally(move |local| match local.unreleased().is_empty() {
            true => local.write(&submitted),
            false => Ok(submitted.iter().map(|_| Err(AppendError::Conflict { head: local.chain().head() })).collect()),
        });
        let answers = match answers.await {
            Ok(answers) => answers,
            Err(error) => return resolvers.into_iter().for_each(|resolver| resolver.resolve(Err(error.clone()))),
        };
        let mut failed: Option<AppendError> = None;
        for ((block, resolver), written) in blocks.into_iter().zip(resolvers).zip(answers) {
            let outcome = match (written, &failed) {
                (Err(error), _) => Err(error),
                // What is written behind a block that is not in the stream waits with it.
                (Ok(()), Some(error)) => Err(error.clone()),
                (Ok(()), None) => {
                    let outcome = self.carry(&block).await;
                    failed = outcome.as_ref().err().cloned();
                    outcome
                }
            };
            resolver.resolve(outcome);
        }
    }

    async fn adopt(&mut self, blocks: Vec<Block>) -> Result<(), AppendError> {
        self.locally(move |local| local.adopt(&blocks)).await?
    }

    async fn resend(&mut self) -> Result<(), AppendError> {
        if let Some(halted) = self.halted() {
            return Err(halted);
        }
        for block in self.locally(|local| Ok(local.unreleased())).await? {
            tracing::info!(height = block.height(), "a block that nobody was told of is sent again unchanged");
            self.carry(&block).await?;
        }
        Ok(())
    }

    /// Sends a block that is durable here, finds out whether the stream has it, and then releases
    /// it.
    async fn carry(&mut self, block: &Block) -> Result<(), AppendError> {
        let height = block.height();
        let mut closing = self.closing.clone();
        let outcome = tokio::select! {
            outcome = self.settle(block) => outcome,
            _ = closing.wait_for(|closing| *closing) => Err(AppendError::OutcomeUnknown { height }),
        };
        self.status.send_if_modified(|status| status.unsettled.take().is_some());
        match outcome {
            Ok(()) => self.locally(|local| local.release(1)).await,
            Err(AppendError::Halted(disagreement)) => Err(AppendError::Halted(halt(&self.status, disagreement))),
            Err(error) => {
                tracing::warn!(height, error = &error as &dyn std::error::Error, "a block was not appended");
                Err(error)
            }
        }
    }

    /// Sends `block` until it is known to be in the stream, or known not to come into it.
    async fn settle(&self, block: &Block) -> Result<(), AppendError> {
        let height = block.height();
        let mut pauses = PAUSES.into_iter();
        loop {
            let reason = match self.stream.publish(block).await {
                Published::Stored => return Ok(()),
                Published::Elsewhere { stream, sequence } => {
                    let elsewhere = Disagreement::Elsewhere { height, stream, sequence };
                    return Err(AppendError::Halted(Arc::new(elsewhere)));
                }
                Published::WrongLastSequence | Published::NoStream => match self.read_back(block).await {
                    Ok(Some(outcome)) => return outcome,
                    Ok(None) => None,
                    Err(error) => Some(error),
                },
                Published::Unknown(error) => match self.read_back(block).await {
                    Ok(Some(outcome)) => return outcome,
                    Ok(None) | Err(_) => Some(error),
                },
            };
            if let Some(reason) = reason {
                tracing::warn!(height, %reason, "what became of a block is not known yet");
            }
            self.status.send_if_modified(|status| status.unsettled.replace(height) != Some(height));
            let pause = pauses.next().unwrap_or(PAUSES[PAUSES.len() - 1]);
            tokio::time::sleep(pause).await;
        }
    }

    /// What the stream says of a block's place: `None` if it is free.
    async fn read_back(&self, block: &Block) -> Result<Option<Result<(), AppendError>>, StreamError> {
        match self.stream.block(block.height()).await {
            Ok(Some(theirs)) if theirs == block.bytes() => return Ok(Some(Ok(()))),
            Ok(Some(_)) => return Ok(Some(Err(AppendError::Conflict { head: self.reader.head() }))),
            // Is all that comes before it still there?
            Ok(None) | Err(StreamError::Gone { .. }) => {}
            Err(error) => return Err(error),
        }
        match (Known { reader: &self.reader, created: None }).check(&self.stream).await.map(drop) {
            Ok(()) => Ok(None),
            Err(JetStreamError::Disagrees(disagreement)) => Ok(Some(Err(AppendError::Halted(Arc::new(disagreement))))),
            Err(JetStreamError::Stream(error)) => Err(error),
            Err(JetStreamError::Local(_) | JetStreamError::Storage(_)) => Ok(None),
        }
    }

    fn halted(&self) -> Option<AppendError> {
        self.status.borrow().halted.clone().map(AppendError::Halted)
    }

    /// Does something with the local files, on their thread. A failure of theirs is the end of this
    /// log.
    async fn locally<T: Send + 'static>(
        &mut self,
        what: impl FnOnce(&mut Local) -> Result<T, FatalError> + Send + 'static,
    ) -> Result<T, AppendError> {
        let closed = || AppendError::Fatal(Arc::new(FatalError::Closed));
        if let Some(fatal) = self.failure.borrow().clone() {
            return Err(AppendError::Fatal(fatal));
        }
        let result = self.local.run(what).await.ok_or_else(closed)?;
        result.map_err(|fatal| {
            let fatal = Arc::new(fatal);
            tracing::error!(error = &*fatal as &dyn std::error::Error, "the log has failed");
            self.failure.send_replace(Some(fatal.clone()));
            AppendError::Fatal(fatal)
        })
    }
}
