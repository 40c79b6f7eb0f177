//! Where gRPC callers ask a view: who they are, what they may see, how long they wait, and as of when they are answered.
//!
//! Every service of every view answers through this, so that these things are the same everywhere.

use std::sync::Arc;
use std::time::Duration;

use probity_proto::{Code, Verdict, v1};
use tonic::{Request, Status};

use crate::access::{Access, AccessDenied, Caller, Scope, scope_of};
use crate::reading::{Health, NotThere, Position, Reader};
use crate::record::RecordError;
use crate::store::{StoreError, View};
use probity_schemas::Clock;

/// How long a caller that says nothing waits for what it wants taken into account.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// There is no such thing, or none that the caller may see.
    #[error("there is no {what}, or none that you may see")]
    NotFound {
        /// What was asked for.
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
    /// The answer would be larger than one may be.
    #[error("{what}: more than {limit}; ask for less, or page by page")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The view could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<RecordError> for QueryError {
    fn from(error: RecordError) -> Self {
        Self::Store(error.into())
    }
}

impl From<QueryError> for Status {
    fn from(error: QueryError) -> Self {
        let verdict = match &error {
            QueryError::NotFound { what } => Verdict::new(Code::NotFound, "NOT_FOUND", &error).with("what", what),
            QueryError::Invalid { field, .. } => {
                Verdict::new(Code::InvalidArgument, "INVALID_QUESTION", &error).with("field", field)
            }
            QueryError::TooMuch { limit, .. } => {
                Verdict::new(Code::ResourceExhausted, "TOO_MUCH", &error).with("limit", limit)
            }
            QueryError::Store(StoreError::Io { .. }) => Verdict::new(Code::Unavailable, "VIEW_UNREADABLE", &error),
            QueryError::Store(StoreError::Record(_) | StoreError::WrongTable { .. } | StoreError::Cursor { .. }) => {
                Verdict::new(Code::DataLoss, "VIEW_DAMAGED", &error)
            }
        };
        verdict.into()
    }
}

impl From<NotThere> for Status {
    fn from(not_there: NotThere) -> Self {
        let with = |code, reason| Verdict::new(code, reason, &not_there);
        let verdict = match &not_there {
            NotThere::Building { view, tree_size, until } => with(Code::Unavailable, "VIEW_BUILDING")
                .with("view", view)
                .with("tree_size", tree_size)
                .with("until", until)
                .retry(Duration::from_secs(1)),
            NotThere::Behind { view, tree_size, wanted } => with(Code::DeadlineExceeded, "VIEW_BEHIND")
                .with("view", view)
                .with("tree_size", tree_size)
                .with("wanted", wanted),
            NotThere::Halted { view, tree_size, .. } => {
                with(Code::Unavailable, "VIEW_HALTED").with("view", view).with("tree_size", tree_size)
            }
            NotThere::Closed => with(Code::Unavailable, "SHUTTING_DOWN").retry(Duration::from_secs(1)),
        };
        verdict.into()
    }
}

impl From<AccessDenied> for Status {
    fn from(denied: AccessDenied) -> Self {
        let verdict = match &denied {
            AccessDenied::Unidentified => Verdict::new(Code::Unauthenticated, "UNIDENTIFIED", &denied),
            AccessDenied::NoRole { identity } => {
                Verdict::new(Code::PermissionDenied, "MAY_NOT_READ", &denied).with("identity", identity)
            }
        };
        verdict.into()
    }
}

/// Who asks, and how long they will wait.
#[derive(Debug, Clone)]
pub struct Asked {
    caller: Caller,
    patience: Duration,
}

impl Asked {
    /// As the transport and the headers of a request say. A request that no transport vouches for is nobody's.
    pub fn of<T>(request: &Request<T>) -> Self {
        let caller = request.extensions().get::<Caller>().cloned().unwrap_or(Caller::Unmapped);
        let timeout = request.metadata().get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(timeout);
        // A little less than the caller waits, so that the answer says why there is none.
        let patience = timeout.map_or(PATIENCE, |timeout| timeout.mul_f64(0.9));
        Self { caller, patience }
    }
}

/// `grpc-timeout` as in the gRPC protocol: at most eight digits and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3_600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

/// Answers the questions of gRPC callers from one view.
#[derive(Debug, Clone)]
pub struct Desk {
    reader: Reader,
    access: Arc<dyn Access>,
    clock: Arc<dyn Clock>,
}

impl Desk {
    /// A desk at the view that `reader` reads.
    pub fn new(reader: Reader, access: Arc<dyn Access>, clock: Arc<dyn Clock>) -> Self {
        Self { reader, access, clock }
    }

    /// What says who may see and do what.
    pub fn access(&self) -> &Arc<dyn Access> {
        &self.access
    }

    /// The time in Unix milliseconds, for questions about now.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Runs `query` on the view once it has taken in `min_tree_size` statements, with what the caller may see, and says
    /// as of when the answer holds.
    ///
    /// # Errors
    /// The caller may see nothing, the view is not there yet, or the query has no answer.
    pub async fn answer<T: Send + 'static>(
        &self,
        asked: Asked,
        min_tree_size: u64,
        query: impl FnOnce(&View, &Scope) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<(v1::AsOf, T), Status> {
        let scope = scope_of(&*self.access, &asked.caller, self.clock.now())?;
        self.reader.at_least(min_tree_size, asked.patience).await?;
        let reader = self.reader.clone();
        let read = tokio::task::spawn_blocking(move || reader.read(|view| query(view, &scope))).await;
        let (position, answer) = read.map_err(|error| Status::internal(error.to_string()))??;
        Ok((as_of(position), answer?))
    }
}

fn as_of(position: Position) -> v1::AsOf {
    let Position { as_of, health } = position;
    v1::AsOf {
        tree_size: as_of.tree_size,
        root: as_of.root.as_bytes().to_vec().into(),
        recorded_at: as_of.recorded_at,
        halted: match health {
            Health::Halted { reason } => reason.to_string(),
            Health::Building { .. } | Health::Following => String::new(),
        },
    }
}
