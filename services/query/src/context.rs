//! Answers the questions of gRPC callers from one view, with what they may see and as of when the
//! answer holds.

use std::sync::Arc;
use std::time::Duration;

use probity_projection::{Health, NotThere, View, ViewPosition, ViewReader};
use probity_proto::v1;
use probity_schemas::{Clock, Identity};
use tonic::Request;

use crate::access::{Access, Caller, Scope, scope_of};
use crate::error::QueryError;
use crate::listing::{First, Listed, Listing};
use crate::page::Page;
use crate::read_pool::ReadPool;

/// How long a request without a deadline waits for the statements that it wants taken into account.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

/// Who sent a request, and how long they will wait for its answer.
#[derive(Debug, Clone)]
pub struct RequestContext {
    caller: Caller,
    wait: Duration,
}

impl RequestContext {
    /// As the transport and the headers of a request say. A request that no transport vouches for
    /// has an unmapped caller.
    pub fn of<T>(request: &Request<T>) -> Self {
        let caller = request.extensions().get::<Caller>().cloned().unwrap_or(Caller::Unmapped);
        let timeout = request.metadata().get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(timeout);
        // A little less than the caller waits, so that the answer says why there is none.
        let wait = timeout.map_or(DEFAULT_WAIT, |timeout| timeout.mul_f64(0.9));
        Self { caller, wait }
    }

    /// Whether the caller is `identity`.
    #[must_use]
    pub fn is_from(&self, identity: &Identity) -> bool {
        matches!(&self.caller, Caller::Identified(caller) if caller == identity)
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

/// What a service needs to answer from one view: the view, the reading rights, the clock and the
/// threads. Cheap to clone.
#[derive(Debug, Clone)]
pub struct QueryContext {
    reader: ViewReader,
    access: Arc<dyn Access>,
    clock: Arc<dyn Clock>,
    pool: ReadPool,
}

impl QueryContext {
    /// Answers from the view that `reader` reads, on the threads of `pool`.
    pub fn new(reader: ViewReader, access: Arc<dyn Access>, clock: Arc<dyn Clock>, pool: ReadPool) -> Self {
        Self { reader, access, clock, pool }
    }

    /// The rights of identities.
    pub fn access(&self) -> &Arc<dyn Access> {
        &self.access
    }

    /// The time in Unix milliseconds, for questions about now.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Makes sure that the ledger has `tree_size` statements, so that a question about them need
    /// not wait to find out.
    ///
    /// # Errors
    /// [`QueryError::OutOfRange`] where it has fewer.
    pub fn must_reach(&self, field: &'static str, tree_size: u64) -> Result<(), QueryError> {
        match self.access.tree_size() {
            head if tree_size > head => Err(QueryError::OutOfRange { field, tree_size: head }),
            _ => Ok(()),
        }
    }

    /// Runs `query` on the view once it has taken in `min_tree_size` statements, with what the
    /// caller may see, and says as of when the answer holds.
    ///
    /// # Errors
    /// The caller may see nothing, the view is not there yet, or the query has no answer.
    pub async fn answer<T: Send + 'static>(
        &self,
        request: RequestContext,
        min_tree_size: u64,
        query: impl FnOnce(&View, &Scope) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<(v1::AsOf, T), QueryError> {
        let scope = scope_of(&*self.access, &request.caller, self.clock.now())?;
        tokio::select! {
            there = self.reader.at_least(min_tree_size, request.wait) => there?,
            () = self.pool.closed() => return Err(NotThere::Closed.into()),
        }
        let reader = self.reader.clone();
        let read = move |given_up| reader.read_until(given_up, |view| query(view, &scope));
        let (position, answer) = self.pool.run(&request.caller, read).await??;
        Ok((as_of(position), answer?))
    }
}

impl QueryContext {
    /// Answers a page of a list as the view has it now, which must be as it was for the first page.
    ///
    /// # Errors
    /// As [`Self::answer`]; [`QueryError::Moved`] where the view has taken in more since the first
    /// page.
    pub async fn page<T: Listed + Send + 'static>(
        &self,
        request: RequestContext,
        listing: Listing,
        query: impl FnOnce(&View, &Scope, &Page) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<(v1::AsOf, T), QueryError> {
        let begun = listing.first;
        let (as_of, answer) = self.list(request, listing, move |view, scope, page, _| query(view, scope, page)).await?;
        match begun.filter(|first| first.tree_size != as_of.tree_size) {
            Some(First { tree_size: begun, .. }) => Err(QueryError::Moved { begun, tree_size: as_of.tree_size }),
            None => Ok((as_of, answer)),
        }
    }

    /// Answers a page of a list as of its first page, for views that can: `query` is told how many
    /// statements count.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn page_as_of<T: Listed + Send + 'static>(
        &self,
        request: RequestContext,
        listing: Listing,
        query: impl FnOnce(&View, &Scope, &Page, Option<u64>) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<(v1::AsOf, T), QueryError> {
        let begun = listing.first;
        let (as_of, answer) = self.list(request, listing, query).await?;
        let Some(First { tree_size, root, recorded_at }) = begun else { return Ok((as_of, answer)) };
        Ok((v1::AsOf { tree_size, root: root.to_vec().into(), recorded_at, ..as_of }, answer))
    }

    async fn list<T: Listed + Send + 'static>(
        &self,
        request: RequestContext,
        listing: Listing,
        query: impl FnOnce(&View, &Scope, &Page, Option<u64>) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<(v1::AsOf, T), QueryError> {
        let begun = listing.first.map(|first| first.tree_size);
        let page = listing.page.clone();
        let least = listing.min_tree_size.max(begun.unwrap_or_default());
        let (as_of, mut answer) =
            self.answer(request, least, move |view, scope| query(view, scope, &page, begun)).await?;
        let root = as_of.root.as_ref().try_into().unwrap_or_default();
        let now = First { tree_size: as_of.tree_size, root, recorded_at: as_of.recorded_at };
        listing.bind(answer.token_mut(), listing.first.unwrap_or(now));
        Ok((as_of, answer))
    }
}

fn as_of(position: ViewPosition) -> v1::AsOf {
    let ViewPosition { as_of, health } = position;
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
