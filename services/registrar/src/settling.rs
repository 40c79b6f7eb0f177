//! What follows from a block being durable, or from its never being: answers leave, or everything
//! that rests on it is undone.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use probity_admission::Mark;
use probity_ledger::{Commit, CommittedBlock};
use probity_log::AppendError;
use probity_projection::Cursor;
use probity_schemas::EventId;
use tokio::sync::oneshot;

use crate::block::{OpenBlock, SealedBlock};
use crate::error::{HaltReason, Rejection, Unavailable};
use crate::leadership::Leadership;
use crate::registrar::Permit;
use crate::sequencer::{Sequenced, Sequencer};

/// What became of a statement, as far as that rests on blocks which are not durable yet.
#[derive(Debug)]
pub(crate) enum Pending {
    Recorded { height: u64, index: u64 },
    IdKnown { index: u64, id: EventId, statement: Bytes },
    Rejected(Rejection),
}

/// An answer that waits for blocks to become durable.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) items: Vec<Pending>,
    pub(crate) reply: oneshot::Sender<Vec<Sequenced>>,
    pub(crate) _permit: Permit,
    /// The answer leaves when the block of this height is durable.
    pub(crate) release_at: u64,
    /// The lowest height that holds one of its statements.
    pub(crate) first_height: Option<u64>,
    pub(crate) blocks: Vec<Arc<CommittedBlock>>,
}

impl Sequencer {
    /// The oldest block in flight is durable, or will not be.
    pub(crate) fn settle(&mut self, outcome: Result<(), AppendError>) {
        match outcome {
            Ok(()) => self.commit(),
            Err(AppendError::Unavailable(reason)) => {
                tracing::warn!(%reason, "no room for the next block; what waits is refused and nothing is lost");
                self.give_up(Unavailable::NoRoom(reason));
            }
            // The log is being closed; the next start finds out.
            Err(AppendError::OutcomeUnknown { .. }) if self.pipeline.stopping => {
                self.give_up(Unavailable::ShuttingDown);
            }
            // On a stream somebody else was faster: the log goes on from their block, and they go
            // on.
            Err(AppendError::Conflict { .. }) if self.replica.ledger().backend().is_shared() => {
                tracing::warn!("another process appended to the log; this one stands by");
                let standby = Leadership::Standby { active: None };
                self.shared.set_leadership(standby);
                self.give_up(Unavailable::Standby { active: None, reachable: true });
            }
            Err(
                error @ (AppendError::Conflict { .. }
                | AppendError::Invalid(_)
                | AppendError::OutcomeUnknown { .. }
                | AppendError::Halted(_)
                | AppendError::Fatal(_)),
            ) => drop(self.halt(HaltReason::Append(error))),
        }
    }

    fn commit(&mut self) {
        let Some(sealed) = self.pipeline.in_flight.pop_front() else { return };
        let SealedBlock { committed, entries, .. } = sealed;
        let head = committed.head();
        let cursor = Cursor { next_height: head.height + 1, tree_size: head.tree_size, root: head.root };
        // The state after this block: before the next one there is, or the present.
        let next = self.pipeline.in_flight.front().map(|sealed| &sealed.before);
        let after = next.or(self.pipeline.open.as_ref().map(|open| &open.before)).cloned();
        self.replica.state.forget(after.as_ref());
        // Rights to read follow what is durable, not what is on its way.
        self.replica.ledger().publish_rights(after.as_ref().map_or_else(|| self.replica.state.rights(), Mark::rights));
        let changes = after.as_ref().map_or_else(|| self.replica.state.changes(), Mark::changes);
        let durable = || {
            let mut state = self.replica.state.clone();
            if let Some(after) = &after {
                state.go_back(after);
                state.forget(None);
            }
            state
        };
        if let Err(error) = self.replica.index.commit(Commit { entries, cursor, changes }, durable) {
            return drop(self.halt(HaltReason::Index(Arc::new(error))));
        }
        self.replica.ledger().publish_head(head);
        for waiting in &mut self.pipeline.waiting {
            if waiting.first_height.is_some_and(|first| first <= head.height) && head.height <= waiting.release_at {
                waiting.blocks.push(committed.clone());
            }
        }
        while self.pipeline.waiting.front().is_some_and(|waiting| waiting.release_at <= head.height) {
            if let Some(waiting) = self.pipeline.waiting.pop_front() {
                waiting.release();
            }
        }
    }

    /// Stops taking statements until a person has looked.
    pub(crate) fn halt(&mut self, reason: HaltReason) -> Unavailable {
        tracing::error!(%reason, "the ledger is halted: it answers reads and refuses writes");
        let unavailable = Unavailable::Halted(reason);
        self.shared.halt(unavailable.clone());
        self.give_up(unavailable.clone());
        unavailable
    }

    /// Forgets the block that is open, once something else has halted the ledger. What is in flight
    /// is settled still.
    pub(crate) fn leave_open(&mut self) {
        let Some(unavailable) = self.shared.unavailable().filter(Unavailable::is_halt) else { return };
        let Some(OpenBlock { height, before, frontier, .. }) = self.pipeline.open.take() else { return };
        self.replica.state.go_back(&before);
        self.replica.frontier = frontier;
        let (settled, given_up) =
            std::mem::take(&mut self.pipeline.waiting).into_iter().partition(|waiting| waiting.release_at < height);
        self.pipeline.waiting = settled;
        let given_up: VecDeque<Waiting> = given_up;
        given_up.into_iter().for_each(|waiting| waiting.refuse(&unavailable));
    }

    /// Forgets what is not durable and tells everyone who waits for it.
    pub(crate) fn give_up(&mut self, unavailable: Unavailable) {
        let pipeline = &mut self.pipeline;
        pipeline.generation += 1;
        let open = pipeline.open.take().map(|open| (open.before, open.frontier));
        let oldest = pipeline.in_flight.drain(..).next().map(|sealed| (sealed.before, sealed.frontier));
        if let Some((before, frontier)) = oldest.or(open) {
            self.replica.state.go_back(&before);
            self.replica.frontier = frontier;
        }
        self.replica.state.forget(None);
        self.replica.head = self.replica.ledger().head();
        for waiting in pipeline.waiting.drain(..) {
            waiting.refuse(&unavailable);
        }
    }
}

impl Waiting {
    pub(crate) fn release(self) {
        let resolve = |pending| match pending {
            Pending::Recorded { height, index } => {
                match self.blocks.iter().find(|block| block.block().height() == height) {
                    Some(block) => Sequenced::Recorded { block: block.clone(), index },
                    None => Sequenced::Rejected(Rejection::NoReceipt { index }),
                }
            }
            Pending::IdKnown { index, id, statement } => Sequenced::IdKnown { index, id, statement },
            Pending::Rejected(rejection) => Sequenced::Rejected(rejection),
        };
        // Whoever asked may be gone; the statements are recorded all the same.
        drop(self.reply.send(self.items.into_iter().map(resolve).collect()));
    }

    pub(crate) fn refuse(self, unavailable: &Unavailable) {
        let refuse = |pending| match pending {
            // What is wrong by itself stays wrong; all else was judged after statements that may
            // never be recorded.
            Pending::Rejected(rejection @ (Rejection::Malformed(_) | Rejection::BadSignature { .. })) => {
                Sequenced::Rejected(rejection)
            }
            Pending::Rejected(_) | Pending::Recorded { .. } | Pending::IdKnown { .. } => {
                Sequenced::Rejected(Rejection::Unavailable(unavailable.clone()))
            }
        };
        drop(self.reply.send(self.items.into_iter().map(refuse).collect()));
    }
}
