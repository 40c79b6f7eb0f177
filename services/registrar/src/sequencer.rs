//! The ordered part: one thread that admits statements, fills blocks, and answers once they are
//! durable.
//!
//! While one block is being made durable, the next one fills; a lone statement waits for nothing.
//! No answer leaves before everything it speaks of is durable: not a receipt, not "already
//! recorded", not a refusal.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use probity_admission::{AdmitError, Position, Refusal, Submitted, Verdict};
use probity_ledger::{AdoptionError, CommittedBlock, Past, Replica};
use probity_log::{AppendError, Block, Durability};
use probity_schemas::{Clock, EventId};
use probity_statement::SignatureError;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender};
use tokio::sync::oneshot;

use crate::block::{OpenBlock, SealedBlock, Sealer};
use crate::checking::Inquiry;
use crate::clock_guard::{ClockGuard, has_word};
use crate::error::{HaltReason, Rejection, Unavailable};
use crate::leadership::Leadership;
use crate::limit::PerSecond;
use crate::registrar::Permit;
use crate::settling::{Pending, Waiting};
use crate::shared::{Shared, TellPanic};
use crate::verify::{Verified, VerifyResult};

/// Statements whose key was not known ahead of order are verified here, on one core: no more than
/// this many a second.
const ORDERED_VERIFICATIONS_PER_SECOND: u32 = 1_000;

/// What reaches the ordered thread.
#[derive(Debug)]
pub(crate) enum Message {
    Register(Request),
    Durable {
        generation: u64,
        outcome: Result<(), AppendError>,
    },
    /// Say what would become of statements that nobody has signed yet.
    Check(Inquiry),
    /// Take in blocks that another process appended. Only while nothing is under way.
    Adopt {
        blocks: Vec<Block>,
        reply: oneshot::Sender<Result<(), Unavailable>>,
    },
    /// Append from now on.
    Lead {
        reply: oneshot::Sender<()>,
    },
    /// Something else has halted the ledger.
    Halted,
    /// Append nothing more, and say so once nothing is under way.
    StepDown {
        reply: oneshot::Sender<()>,
    },
    Stop,
}

/// The statements of one call, and who waits for the answer.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) items: Vec<VerifyResult>,
    pub(crate) reply: oneshot::Sender<Vec<Sequenced>>,
    /// Room in the queue, given back with the answer.
    pub(crate) permit: Permit,
}

/// What became of a statement.
#[derive(Debug)]
pub(crate) enum Sequenced {
    Recorded {
        block: Arc<CommittedBlock>,
        index: u64,
    },
    /// An event of this issuer and id is at `index`; whether it is the same statement is for the
    /// reader to see.
    IdKnown {
        index: u64,
        id: EventId,
        statement: Bytes,
    },
    Rejected(Rejection),
}

/// Why a statement is not admitted.
enum Judged {
    Rejected(Rejection),
    /// It cannot be judged here: nothing may be admitted any more.
    Unjudgeable(HaltReason),
}

/// The ordered thread's own.
#[derive(Debug)]
pub(crate) struct Sequencer {
    /// `None` in a process that only follows.
    pub(crate) sealer: Option<Arc<Sealer>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) clock_guard: Arc<ClockGuard>,
    pub(crate) shared: Arc<Shared>,
    /// Ahead of the log by what is under way.
    pub(crate) replica: Replica,
    pub(crate) messages: UnboundedReceiver<Message>,
    /// To [`forward`].
    pub(crate) durabilities: UnboundedSender<(u64, Durability)>,
    pub(crate) pipeline: Pipeline,
}

/// What is under way.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) open: Option<OpenBlock>,
    pub(crate) in_flight: VecDeque<SealedBlock>,
    pub(crate) waiting: VecDeque<Waiting>,
    /// Counts the times that blocks in flight were given up, so that late news of them is not taken
    /// for news of others.
    pub(crate) generation: u64,
    pub(crate) stopping: bool,
    /// Who waits until nothing is under way any more.
    stepping_down: Option<oneshot::Sender<()>>,
    unknown_keys: PerSecond,
}

impl Default for Pipeline {
    fn default() -> Self {
        Self {
            open: None,
            in_flight: VecDeque::new(),
            waiting: VecDeque::new(),
            generation: 0,
            stopping: false,
            stepping_down: None,
            unknown_keys: PerSecond::new(ORDERED_VERIFICATIONS_PER_SECOND),
        }
    }
}

/// Brings the news of blocks in flight back in the order of the blocks, whichever resolved first:
/// that a later one failed must not be taken for news of an earlier one that is durable.
pub(crate) async fn forward(
    mut durabilities: UnboundedReceiver<(u64, Durability)>,
    messages: WeakUnboundedSender<Message>,
) {
    while let Some((generation, durability)) = durabilities.recv().await {
        let outcome = durability.await;
        // The sender is gone only when nobody waits for answers any more.
        let Some(messages) = messages.upgrade() else { return };
        drop(messages.send(Message::Durable { generation, outcome }));
    }
}

impl Sequencer {
    /// Runs until told to stop, or until nobody can send any more.
    pub(crate) fn run(mut self) {
        let _panic = TellPanic(self.shared.clone());
        loop {
            let message = match self.messages.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    if self.pipeline.in_flight.is_empty() {
                        // Nothing else to admit and the disk is idle: a lone statement goes at
                        // once.
                        self.seal();
                    }
                    if self.pipeline.in_flight.is_empty() {
                        if self.pipeline.stopping {
                            break;
                        }
                        // Whoever asked may be gone.
                        self.pipeline.stepping_down.take().map(|reply| reply.send(()));
                    }
                    match self.messages.blocking_recv() {
                        Some(message) => message,
                        None => break,
                    }
                }
            };
            match message {
                Message::Register(request) => self.admit(request),
                Message::Check(inquiry) => self.check(inquiry),
                Message::Durable { generation, outcome } if generation == self.pipeline.generation => {
                    self.settle(outcome);
                }
                Message::Durable { .. } => {}
                Message::Adopt { blocks, reply } => drop(reply.send(self.adopt(&blocks))),
                Message::Lead { reply } => {
                    self.shared.set_leadership(Leadership::Active);
                    // Whoever asked may be gone.
                    let _ = reply.send(());
                }
                Message::Halted => self.leave_open(),
                Message::StepDown { reply } => {
                    self.shared.set_leadership(Leadership::Standby { active: None });
                    self.pipeline.stepping_down = Some(reply);
                }
                Message::Stop => self.pipeline.stopping = true,
            }
        }
        // What is not known to be durable is not written down; the next start finds it in the log
        // if it is.
        self.give_up(Unavailable::ShuttingDown);
        if let Err(error) = self.replica.index.drain(&self.replica.state) {
            tracing::error!(%error, "the index could not be written; it comes back from the log at the next start");
        }
    }

    /// Takes in what another process appended; what cannot be taken in halts. What is far ahead of the clock waits.
    fn adopt(&mut self, blocks: &[Block]) -> Result<(), Unavailable> {
        let head = self.replica.head;
        let known = blocks.iter().take_while(|block| block.height() <= head.height).count();
        let blocks = &blocks[known..];
        let times: Vec<u64> = blocks.iter().map(Block::time).collect();
        let word = |at: usize| has_word(&blocks[at]);
        let (in_time, ahead) = self.clock_guard.may_take_in(head.time, head.height + 1, &times, word);
        let blocks = &blocks[..in_time];
        let outcome = self.replica.adopt(blocks);
        // Only where it matters: nobody waits for the clock otherwise.
        let adopted = blocks.iter().filter(|block| block.height() <= self.replica.head.height);
        adopted.filter(|block| self.clock_guard.is_behind(block.time())).for_each(|block| self.clock_guard.heed(block));
        self.shared.publish_keyring(self.replica.state.keyring());
        outcome.map_err(|error| match error {
            AdoptionError::NoRoom(reason) => Unavailable::NoRoom(reason),
            error => self.halt(HaltReason::Adoption(Arc::new(error))),
        })?;
        ahead
    }

    fn admit(&mut self, request: Request) {
        let mut first_height = None;
        let mut items = Vec::with_capacity(request.items.len());
        for item in request.items {
            let pending = item.and_then(|verified| self.admit_one(*verified)).unwrap_or_else(Pending::Rejected);
            if let Pending::Recorded { height, .. } = pending {
                first_height.get_or_insert(height);
            }
            items.push(pending);
        }
        let pipeline = &mut self.pipeline;
        pipeline.open = pipeline.open.take().filter(|open| !open.is_empty());
        let open = pipeline.open.as_ref().map(|open| open.height);
        let uncommitted = open.or_else(|| pipeline.in_flight.back().map(|sealed| sealed.committed.block().height()));
        let release_at = uncommitted.unwrap_or(0);
        let Request { reply, permit: _permit, .. } = request;
        let waiting = Waiting { items, reply, _permit, release_at, first_height, blocks: Vec::new() };
        match (self.shared.unavailable(), uncommitted) {
            (Some(unavailable), _) => waiting.refuse(&unavailable),
            (None, Some(_)) => pipeline.waiting.push_back(waiting),
            (None, None) => waiting.release(),
        }
    }

    fn admit_one(&mut self, verified: Verified) -> Result<Pending, Rejection> {
        self.ready()?;
        self.verify_late(&verified)?;
        let bytes = verified.statement.bytes();
        if self.pipeline.open.as_ref().is_some_and(|open| !open.has_room(bytes.len())) {
            self.seal();
            self.ready()?;
        }
        let mut open = match self.pipeline.open.take() {
            Some(open) => open,
            None => self.open_block()?,
        };
        let position = Position { index: open.next_index(), block_time: open.time };
        let submitted = Submitted {
            statement: &verified.statement,
            event: &verified.event,
            expected_revision: verified.expected_revision,
        };
        let in_flight = self.pipeline.in_flight.iter().map(|sealed| &sealed.entries);
        let pending = in_flight.chain(std::iter::once(&open.entries));
        let verdict = self.replica.state.admit(submitted, position, &Past { index: &self.replica.index, pending });
        let outcome = match verdict {
            Ok(Verdict::Admitted(admitted)) => {
                self.replica.index.note(&admitted);
                open.entries.insert(&admitted, verified.statement.subject(), position.index);
                open.push(bytes.clone(), verified.leaf);
                Ok(Pending::Recorded { height: open.height, index: position.index })
            }
            Ok(Verdict::AlreadyRecorded { index }) => {
                Ok(Pending::IdKnown { index, id: verified.event.id, statement: bytes.clone() })
            }
            Err(AdmitError::Refused(refusal)) => Err(Judged::Rejected(refusal.into())),
            Err(AdmitError::UnknownRuleSet { found, index }) => {
                Err(Judged::Unjudgeable(HaltReason::UnknownRuleSet { found, index }))
            }
            Err(AdmitError::History(error)) => Err(Judged::Unjudgeable(HaltReason::History(Arc::new(error)))),
        };
        self.pipeline.open = Some(open);
        // Only now: giving up returns to what the state was before the open block.
        outcome.map_err(|error| match error {
            Judged::Rejected(rejection) => rejection,
            Judged::Unjudgeable(reason) => self.halt(reason).into(),
        })
    }

    fn ready(&self) -> Result<(), Unavailable> {
        match self.shared.unavailable() {
            Some(unavailable) => Err(unavailable),
            None if self.pipeline.stopping => Err(Unavailable::ShuttingDown),
            None => Ok(()),
        }
    }

    /// Looks an unknown key up once more, now that everything ahead of this statement has been
    /// admitted.
    fn verify_late(&mut self, verified: &Verified) -> Result<(), Rejection> {
        if !verified.key_unknown {
            return Ok(());
        }
        let kid = verified.statement.kid();
        if self.replica.state.keyring().get(&kid).is_none() {
            return Err(Refusal::UnknownKey { kid }.into());
        }
        if !self.pipeline.unknown_keys.allow(self.clock.now()) {
            return Err(Rejection::TooManyUnknownKeys);
        }
        self.replica.state.keyring().verify(&verified.statement).map_err(|error| match error {
            SignatureError::UnknownKey { kid } => Refusal::UnknownKey { kid }.into(),
            SignatureError::Bad(_) => Rejection::BadSignature { kid },
        })
    }

    fn open_block(&mut self) -> Result<OpenBlock, Unavailable> {
        let time = self.clock_guard.time_after(self.replica.head.time)?;
        Ok(OpenBlock::new(self.replica.head.height + 1, time, self.replica.frontier.clone(), self.replica.state.mark()))
    }

    /// Ends the open block and hands it to the log.
    fn seal(&mut self) {
        if self.shared.unavailable().is_some_and(|unavailable| unavailable.is_halt()) {
            return self.leave_open();
        }
        let Some(open) = self.pipeline.open.take().filter(|open| !open.is_empty()) else { return };
        let sealed = match self.sealer.as_ref().map(|sealer| sealer.seal(open)) {
            Some(Ok(sealed)) => sealed,
            Some(Err(error)) => return drop(self.halt(HaltReason::Seal(Arc::new(error)))),
            None => return drop(self.halt(HaltReason::NoKeys)),
        };
        self.replica.frontier = sealed.committed.frontier_after();
        self.replica.head = sealed.committed.head();
        self.shared.publish_keyring(self.replica.state.keyring());
        let durability = self.replica.ledger().backend().enqueue(sealed.committed.block().clone());
        self.pipeline.in_flight.push_back(sealed);
        // The forwarder ends only after this.
        drop(self.durabilities.send((self.pipeline.generation, durability)));
    }
}
