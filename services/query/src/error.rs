//! Why a question has no answer, and how that looks on the wire.

use std::time::Duration;

use probity_projection::{NotThere, RecordError, StoreError};
use probity_proto::{Code, Verdict};
use tonic::Status;

use crate::access::AccessDenied;
use crate::read_pool::NoRead;
use crate::words::did_you_mean;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// There is no such thing, or none that the caller may see.
    #[error("there is no {what}, or none that you may see")]
    NotFound {
        /// The name in the request.
        what: String,
    },
    /// The question makes no sense.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field of the request.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A word is none of those that there are.
    #[error("{field}: unknown {found:?}{} There are {}", did_you_mean(.nearest, "."), .words.join(", "))]
    UnknownWord {
        /// The field of the request.
        field: &'static str,
        /// The word.
        found: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// Those that there are.
        words: Vec<String>,
    },
    /// Nothing is recorded about a subject, or nothing that the caller may see.
    #[error("no statement is about {what}, or none that you may see{}", did_you_mean(.nearest, ""))]
    UnknownSubject {
        /// The name in the request.
        what: String,
        /// What was probably meant: a subject that the caller may see.
        nearest: Option<String>,
    },
    /// What is named is not one thing.
    #[error("{what} is {}; name the signer or the index", .found.join(" and "))]
    Ambiguous {
        /// The name in the request.
        what: String,
        /// What it could be.
        found: Vec<String>,
    },
    /// The question is about statements that there are not yet.
    #[error("{field}: the ledger has {tree_size} statements")]
    OutOfRange {
        /// The field of the request.
        field: &'static str,
        /// How many statements there are.
        tree_size: u64,
    },
    /// Statements were taken in since the first page of a list, so that its pages would not be of
    /// one moment.
    #[error(
        "page_token: the list was begun as of {begun} statements, and the view has moved on to {tree_size}; ask again \
         from the first page"
    )]
    Moved {
        /// The tree size of the first page.
        begun: u64,
        /// That of the view now.
        tree_size: u64,
    },
    /// The answer would be larger than one may be.
    #[error("{what}: more than {limit}; ask for less, or page by page")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The caller may see nothing.
    #[error(transparent)]
    Denied(#[from] AccessDenied),
    /// The view is not where the caller wants it.
    #[error(transparent)]
    NotReady(#[from] NotThere),
    /// The view could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was not read, or not to the end.
    #[error(transparent)]
    NoRead(#[from] NoRead),
}

impl From<RecordError> for QueryError {
    fn from(error: RecordError) -> Self {
        Self::Store(error.into())
    }
}

impl From<QueryError> for Status {
    fn from(error: QueryError) -> Self {
        let with = |code, reason| Verdict::new(code, reason, &error);
        let meant = |verdict: Verdict, nearest: &Option<String>| match nearest {
            Some(name) => verdict.with("nearest", name),
            None => verdict,
        };
        let verdict = match &error {
            QueryError::NotFound { what } => with(Code::NotFound, "NOT_FOUND").with("what", what),
            QueryError::Invalid { field, .. } => with(Code::InvalidArgument, "INVALID_QUESTION").with("field", field),
            QueryError::UnknownWord { field, nearest, .. } => {
                meant(with(Code::InvalidArgument, "INVALID_QUESTION").with("field", field), nearest)
            }
            QueryError::UnknownSubject { what, nearest } => {
                meant(with(Code::NotFound, "NOT_FOUND").with("what", what), nearest)
            }
            QueryError::OutOfRange { field, tree_size } => {
                with(Code::OutOfRange, "OUT_OF_RANGE").with("field", field).with("tree_size", tree_size)
            }
            QueryError::Ambiguous { what, .. } => with(Code::FailedPrecondition, "AMBIGUOUS_ID").with("what", what),
            QueryError::Moved { begun, tree_size } => {
                with(Code::Aborted, "VIEW_MOVED").with("begun", begun).with("tree_size", tree_size)
            }
            QueryError::TooMuch { limit, .. } => with(Code::ResourceExhausted, "TOO_MUCH").with("limit", limit),
            QueryError::Denied(AccessDenied::Unidentified) => with(Code::Unauthenticated, "UNIDENTIFIED"),
            QueryError::Denied(AccessDenied::NoRole { identity } | AccessDenied::NotYours { identity }) => {
                with(Code::PermissionDenied, "MAY_NOT_READ").with("identity", identity)
            }
            QueryError::Denied(AccessDenied::OutOfSight { asked }) => {
                with(Code::PermissionDenied, "MAY_NOT_READ").with("asked", asked)
            }
            QueryError::NotReady(NotThere::Building { view, tree_size, until }) => {
                with(Code::Unavailable, "VIEW_BUILDING")
                    .with("view", view)
                    .with("tree_size", tree_size)
                    .with("until", until)
                    .retry(Duration::from_secs(1))
            }
            QueryError::NotReady(NotThere::Behind { view, tree_size, wanted }) => {
                with(Code::DeadlineExceeded, "VIEW_BEHIND")
                    .with("view", view)
                    .with("tree_size", tree_size)
                    .with("wanted", wanted)
            }
            QueryError::NotReady(NotThere::Halted { view, tree_size, .. }) => {
                with(Code::Unavailable, "VIEW_HALTED").with("view", view).with("tree_size", tree_size)
            }
            QueryError::NotReady(NotThere::Closed) | QueryError::NoRead(NoRead::Closed) => {
                with(Code::Unavailable, "SHUTTING_DOWN").retry(Duration::from_secs(1))
            }
            QueryError::Store(StoreError::Io { .. } | StoreError::Log { .. } | StoreError::Changed { .. }) => {
                with(Code::Unavailable, "VIEW_UNREADABLE")
            }
            QueryError::Store(StoreError::Record(_) | StoreError::WrongTable { .. } | StoreError::Cursor { .. }) => {
                with(Code::DataLoss, "VIEW_DAMAGED")
            }
            // Nobody waits for this answer.
            QueryError::Store(StoreError::GivenUp) => with(Code::Cancelled, "GIVEN_UP"),
            QueryError::NoRead(NoRead::Busy) => with(Code::ResourceExhausted, "BUSY").retry(Duration::from_secs(1)),
            QueryError::NoRead(NoRead::TooLong { after }) => {
                with(Code::ResourceExhausted, "TOO_LONG").with("seconds", after.as_secs())
            }
            QueryError::NoRead(NoRead::Aborted) => with(Code::Internal, "ABORTED"),
        };
        verdict.into()
    }
}
