//! For programs that record statements: a client that finds the active one of a ledger's servers.
//!
//! A ledger may be served by two registrars, of which one is active and the other stands by.
//! [`RegistrationClient`] knows both and sends to the one that answered last. Where that one stands
//! by, it goes where it is pointed to; where nothing comes back, it tries the next; and it does so
//! until every statement is answered or the deadline has come.
//!
//! **Sending the same statements again is safe, always.** A statement is recorded once for its
//! event id and bytes: what is recorded already is answered with its index and receipt. So a lost
//! answer is asked for again by sending again, here and by the caller after an error.
//! [`already_recorded`](probity_proto::v1::Recorded::already_recorded) can thus be true of a
//! statement that this very call recorded.
//!
//! ```no_run
//! # async fn record(submissions: Vec<probity_proto::v1::Submission>) -> Result<(), Box<dyn std::error::Error>> {
//! use probity_client::RegistrationClient;
//!
//! let client = RegistrationClient::new(["http://registrar-a:7170", "http://registrar-b:7170"])?;
//! for result in client.register(submissions).await? {
//!     println!("{result:?}");
//! }
//! # Ok(())
//! # }
//! ```

mod address;
mod error;
mod fault;
mod route;
mod servers;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tonic::Status;
use tonic::transport::{self, Endpoint};

pub use crate::address::AddressError;
pub use crate::error::{Failure, RegisterError};

use crate::address::Address;
use crate::fault::{Fault, STANDBY, is_for_now};
use crate::route::Route;
use crate::servers::Servers;
use probity_proto::Reason;
use probity_proto::v1::register_result::Result as Outcome;
use probity_proto::v1::{Recorded, RegisterRequest, RegisterResult, Submission};
use probity_statement::{LedgerKeys, Receipt, ReceiptProof};
use probity_tlog::leaf_hash;

/// How long a call goes on, unless the caller says otherwise.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long one server may take to answer, unless the caller says otherwise.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Records statements at whichever server of a ledger is active. Clones share connections and what
/// they learn.
#[derive(Debug, Clone)]
pub struct RegistrationClient {
    servers: Arc<Servers>,
    deadline: Duration,
    attempt: Duration,
    /// The ledger that receipts have to be of.
    ledger: Option<Arc<LedgerKeys>>,
}

impl RegistrationClient {
    /// A client of the servers at these addresses, such as `http://127.0.0.1:7170`. Nothing is
    /// connected yet.
    ///
    /// # Errors
    ///
    /// There is no address, or one is malformed.
    pub fn new(addresses: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, AddressError> {
        Self::configured(addresses, Ok)
    }

    /// The same with connections of the caller's making: `configure` gets an [`Endpoint`] for each
    /// address, also for those that a standby names later, and sets TLS, identity, time-outs,
    /// keep-alive.
    ///
    /// # Errors
    ///
    /// There is no address, one is malformed, or `configure` fails for one.
    pub fn configured(
        addresses: impl IntoIterator<Item = impl AsRef<str>>,
        configure: impl Fn(Endpoint) -> Result<Endpoint, transport::Error> + Send + Sync + 'static,
    ) -> Result<Self, AddressError> {
        let addresses = addresses.into_iter().map(|address| address.as_ref().parse());
        let servers = Servers::new(addresses.collect::<Result<_, _>>()?, Box::new(configure))?;
        Ok(Self { servers: Arc::new(servers), deadline: DEADLINE, attempt: ATTEMPT, ledger: None })
    }

    /// Pins the ledger: what a server says is recorded is an answer only if its receipt proves, under
    /// these keys, that the very statement is in this ledger (RFC 9942). Take the keys from a founding
    /// statement that is known to be the right one, not from whoever answers.
    #[must_use]
    pub fn pinned(mut self, ledger: LedgerKeys) -> Self {
        self.ledger = Some(Arc::new(ledger));
        self
    }

    /// Sets how long a call goes on before it gives up; 30 s if not set.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets how long one server may take to answer before the next is tried; 10 s if not set. Give
    /// more where much is sent over a slow line.
    #[must_use]
    pub fn attempt_timeout(mut self, attempt: Duration) -> Self {
        self.attempt = attempt;
        self
    }

    /// Records statements and returns a result for each, in order. At most 1,024 may go in one
    /// call.
    ///
    /// | a server | then |
    /// |---|---|
    /// | stands by and names the active one | that one is tried at once; after two redirects in a row there is a wait |
    /// | stands by and knows of none | the next is tried after the delay that it gave |
    /// | cannot be reached, is lost, does not answer in time, shuts down, or does not know yet whether its write is durable | the next is tried after a wait that grows, with jitter |
    /// | has too much waiting and says for how long | it is tried again after that |
    /// | is halted | every other is asked once, at once; if none answers, the halt is returned as [`Failure::Status`] |
    /// | answers with any other status | that is returned as [`Failure::Status`] |
    ///
    /// A halt needs a person, so waiting for its end is no use; but a halted server knows only of
    /// itself, and the other may be sound and active.
    ///
    /// Where only some statements are refused with reason `STANDBY`, `SHUTTING_DOWN` or
    /// `NOT_SETTLED`, those alone are sent again. All other refusals are results. A statement that
    /// rests on an earlier one of the same call can be refused because that one was not taken at
    /// first: send what depends on each other in turn.
    ///
    /// A standby may name a server that was not configured only on a host that was, and never without
    /// TLS where one of the configured addresses is `https`; else the call fails with
    /// [`Failure::Redirect`]. With a pinned ledger every receipt is checked before the call returns;
    /// one that proves nothing fails it with [`Failure::Unproven`].
    ///
    /// # Errors
    ///
    /// Not every statement was answered; [`RegisterError::answered`] has those that were. A wait
    /// that would reach past the deadline is not begun, so a call may end before it.
    pub async fn register(&self, submissions: Vec<Submission>) -> Result<Vec<RegisterResult>, RegisterError> {
        let mut batch = Outstanding::new(submissions);
        match self.finish(&mut batch).await {
            Ok(()) => Ok(batch.answers.into_iter().flatten().collect()),
            Err(failure) => Err(RegisterError { failure, answered: batch.answers }),
        }
    }

    /// Goes from server to server until the whole batch is answered.
    async fn finish(&self, batch: &mut Outstanding) -> Result<(), Failure> {
        let started = Instant::now();
        let remaining = || self.deadline.saturating_sub(started.elapsed());
        let mut route = Route::new(self.servers.configured(), self.servers.active());
        let (mut tried, mut attempts, mut last) = (Vec::new(), 0, None);
        while !batch.waiting.is_empty() {
            let at = route.at().clone();
            if !tried.contains(&at) {
                tried.push(at.clone());
            }
            attempts += 1;
            let again = match self.attempt(&at, batch, remaining().min(self.attempt)).await? {
                Ok(results) => {
                    let Settled { some, again } = batch.settle(results, &at, self.ledger.as_deref())?;
                    if some {
                        route.answered();
                        self.servers.set_active(&at);
                    }
                    again
                }
                Err(status) => Some(status),
            };
            let Some(status) = again else { continue };
            let wait = route.next(&status)?;
            // What the deadline cut short says less than what went wrong before.
            let (address, status) = match last.take() {
                Some(before) if remaining().is_zero() => before,
                _ => (at, status),
            };
            if wait >= remaining() {
                let tried = tried.iter().map(Address::to_string).collect();
                return Err(Failure::Exhausted { tried, attempts, address: address.to_string(), last: status });
            }
            last = Some((address, status));
            sleep(wait).await;
        }
        Ok(())
    }

    /// Sends what waits to one server.
    async fn attempt(
        &self,
        address: &Address,
        batch: &Outstanding,
        limit: Duration,
    ) -> Result<Result<Vec<RegisterResult>, Status>, Failure> {
        let mut connection = self.servers.connection(address)?;
        let submissions = batch.waiting.iter().map(|(_, submission)| submission.clone()).collect();
        let answer = timeout(limit, connection.register(RegisterRequest { submissions })).await;
        let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded(format!("no answer within {limit:.1?}"))));
        if let Err(status) = &answer
            && Reason::of(status).is_none()
            && matches!(Fault::of(status), Fault::Passing { .. })
        {
            self.servers.forget(address);
        }
        Ok(answer.map(|response| response.into_inner().results))
    }
}

/// Whether a receipt proves that this very statement is in the ledger, at the index that was answered.
fn proves(ledger: &LedgerKeys, submission: &Submission, recorded: &Recorded) -> Result<(), String> {
    let receipt = Receipt::parse(recorded.receipt.clone()).map_err(|error| error.to_string())?;
    let leaf = leaf_hash(&submission.statement);
    let proven = receipt.verify_inclusion(&ledger.receipt, ledger.origin.as_str(), &leaf);
    proven.map_err(|error| error.to_string())?;
    match receipt.proof() {
        ReceiptProof::Inclusion(proof) if proof.leaf_index == recorded.index => Ok(()),
        _ => Err("it is of another index".to_owned()),
    }
}

/// Statements on their way, and the answers that there are.
struct Outstanding {
    /// What has no answer yet, with its place.
    waiting: Vec<(usize, Submission)>,
    answers: Vec<Option<RegisterResult>>,
}

/// What results came to.
struct Settled {
    /// Whether one of them is an answer.
    some: bool,
    /// Why others are to be sent again.
    again: Option<Status>,
}

impl Outstanding {
    fn new(submissions: Vec<Submission>) -> Self {
        let answers = vec![None; submissions.len()];
        Self { waiting: submissions.into_iter().enumerate().collect(), answers }
    }

    /// Puts results in their places and keeps what is to be sent again.
    fn settle(
        &mut self,
        results: Vec<RegisterResult>,
        address: &Address,
        ledger: Option<&LedgerKeys>,
    ) -> Result<Settled, Failure> {
        let (expected, found) = (self.waiting.len(), results.len());
        if expected != found {
            return Err(Failure::Miscounted { address: address.to_string(), expected, found });
        }
        for ((_, submission), result) in self.waiting.iter().zip(&results) {
            if let (Some(ledger), Some(Outcome::Recorded(recorded))) = (ledger, &result.result) {
                let (address, index) = (address.to_string(), recorded.index);
                proves(ledger, submission, recorded).map_err(|reason| Failure::Unproven { address, index, reason })?;
            }
        }
        let mut settled = Settled { some: false, again: None };
        let mut waiting = Vec::new();
        for ((place, submission), result) in self.waiting.drain(..).zip(results) {
            match &result.result {
                Some(Outcome::Refused(refused)) if is_for_now(refused.code, &refused.reason) => {
                    // A standby that took part of a batch knows where to go; the others only that
                    // it is not here.
                    if settled.again.is_none() || refused.reason == STANDBY {
                        settled.again = Some(refused.into());
                    }
                    waiting.push((place, submission));
                }
                _ => {
                    settled.some = true;
                    self.answers[place] = Some(result);
                }
            }
        }
        self.waiting = waiting;
        Ok(settled)
    }
}
