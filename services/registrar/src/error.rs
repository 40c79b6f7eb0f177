//! Why something is not recorded or not answered. The mapping to gRPC is in `status`.

use std::sync::Arc;
use std::time::Duration;

use probity_admission::Refusal;
use probity_ledger::{AdoptionError, IndexError, ReadFault, StoreError, with_causes};
use probity_log::{AppendError, Disagreement, ScrubError};
use probity_statement::{KeyId, StatementError};

use crate::block::SealError;

/// Why one statement of a request is not recorded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Rejection {
    /// Not a well-formed statement.
    #[error(transparent)]
    Malformed(Arc<StatementError>),
    /// The signature does not verify.
    #[error("the signature does not verify with key {kid}")]
    BadSignature {
        /// The key that the statement names.
        kid: KeyId,
    },
    /// Admission says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The issuer has already used this event id for another statement.
    #[error("event id {id} is taken: the issuer's other statement with it is at index {index}")]
    IdTaken {
        /// The id.
        id: probity_schemas::EventId,
        /// Where the other statement stands.
        index: u64,
    },
    /// Too many statements by keys that were not known ahead of order; try again.
    #[error("too many statements by keys that are not enrolled; try again in a second")]
    TooManyUnknownKeys,
    /// The statement with this event id is recorded, but cannot be read back at present, so it is
    /// not known whether it is the same one.
    #[error("event id {id} is recorded at index {index}, but that statement cannot be read: {fault}")]
    Unreadable {
        /// The id.
        id: probity_schemas::EventId,
        /// Where it is recorded.
        index: u64,
        /// Why it cannot be read.
        fault: ReadFault,
    },
    /// The statement is recorded and durable, but its receipt cannot be made. A defect of ours.
    #[error("the statement is recorded at index {index}, but its receipt could not be made; ask for it by index")]
    NoReceipt {
        /// Where it is recorded.
        index: u64,
    },
    /// The verification of the statement broke down. A defect of ours; nothing was recorded.
    #[error("the statement could not be verified because of an internal error; nothing was recorded")]
    Unverified,
    /// The ledger cannot take it now; nothing was recorded.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<StatementError> for Rejection {
    fn from(error: StatementError) -> Self {
        Self::Malformed(Arc::new(error))
    }
}

/// Why the ledger takes no statements now.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unavailable {
    /// Halted: reads go on, writes wait for a person.
    #[error("the ledger is halted and takes no statements: {0}")]
    Halted(HaltReason),
    /// The disk has no room for the next block. Nothing was recorded.
    #[error("the log has no room at present: {0}")]
    NoRoom(Arc<probity_log::Unavailable>),
    /// The newest block is ahead of this machine's clock.
    #[error("the last block is {ahead_s} s ahead of this machine's clock; writes are taken again once it has passed")]
    ClockBehind {
        /// By how many seconds.
        ahead_s: u64,
    },
    /// This machine's clock was set ahead, by more than its steady progress explains.
    #[error(
        "this machine's clock jumped {ahead_s} s ahead and no block is sealed under it: set it right, or, if it is \
         right now, start this registrar again"
    )]
    ClockJumped {
        /// By how many seconds.
        ahead_s: u64,
    },
    /// A block of another registrar is ahead of this machine's clock, and of the block before it.
    #[error(
        "block {height} of another registrar is {ahead_s} s ahead of this machine's clock and is not taken in: if this \
         clock is wrong, set it right; if that one is, set it right and let the ledger go on (probity clock go-on)"
    )]
    FarAhead {
        /// The block.
        height: u64,
        /// By how many seconds.
        ahead_s: u64,
    },
    /// Another process appends; this one follows.
    #[error("this server is a standby and takes no statements; {}", whither(active.as_deref(), *reachable))]
    Standby {
        /// Where clients reach the active one, as far as it is known.
        active: Option<String>,
        /// Whether the stream that both share can be reached from here.
        reachable: bool,
    },
    /// What was handed in may be recorded or not: the stream that carries the log does not answer.
    #[error(
        "whether block {height} is recorded is not known yet, because NATS does not answer; \
         hand in the same statements again, nothing is recorded twice"
    )]
    Unsettled {
        /// The height of the block.
        height: u64,
    },
    /// The server is shutting down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

/// What halts a ledger until a person has looked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HaltReason {
    /// The log did not take a block, for a reason that waiting does not mend.
    #[error("{}", with_causes(.0))]
    Append(AppendError),
    /// The stream disagrees with what was signed.
    #[error(transparent)]
    Stream(Arc<Disagreement>),
    /// Blocks of another process cannot be taken in.
    #[error("{}", with_causes(&**.0))]
    Adoption(Arc<AdoptionError>),
    /// The index could not be written.
    #[error("{}", with_causes(&**.0))]
    Index(Arc<IndexError>),
    /// The index could not be read, so nothing can be judged.
    #[error("the index cannot be read: {}", with_causes(&**.0))]
    History(Arc<StoreError>),
    /// Rules hold that this version does not know.
    #[error("rule set {found} holds from index {index} on, which this version does not know: upgrade")]
    UnknownRuleSet {
        /// The rule set.
        found: u32,
        /// The position it holds from.
        index: u64,
    },
    /// A block could not be sealed.
    #[error("{}", with_causes(&**.0))]
    Seal(Arc<SealError>),
    /// This process has no keys to seal a block with.
    #[error("this process has no keys to seal a block with")]
    NoKeys,
    /// The ordered thread broke down. A defect of ours; the process ends and a restart goes on.
    #[error("the thread that admits statements broke down, which is a defect; the server's log has more")]
    BrokeDown,
    /// The background check found the stored log damaged.
    #[error("the background check found: {}", with_causes(&**.0))]
    BackgroundCheck(Arc<ScrubError>),
}

impl Unavailable {
    /// Whether it takes a person to go on.
    pub(crate) fn is_halt(&self) -> bool {
        matches!(self, Self::Halted(_))
    }
}

fn whither(active: Option<&str>, reachable: bool) -> String {
    match active {
        _ if !reachable => "NATS does not answer it, so that it cannot know whether another one is active".to_owned(),
        Some(address) if !address.is_empty() => format!("the active one is at {address}"),
        _ => "where the active one is reached is not known at present".to_owned(),
    }
}

/// Why a whole request is turned away, with nothing of it taken.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegisterError {
    /// Too much is waiting.
    #[error("{waiting} {what} are waiting, at most {limit} may; try again in {} ms", .retry_after.as_millis())]
    Overloaded {
        /// How many wait.
        waiting: usize,
        /// How many may.
        limit: usize,
        /// Of what.
        what: &'static str,
        /// When to come back.
        retry_after: Duration,
    },
    /// More statements than one request may hold.
    #[error("{count} statements in one request, at most {limit} are taken")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// The ledger takes nothing.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
