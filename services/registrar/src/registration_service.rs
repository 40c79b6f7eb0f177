//! `RegistrationService`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use probity_admission::Ended;
use probity_proto::v1::registration_service_server::RegistrationService;
use probity_proto::{Verdict, v1};
use probity_query::{Caller, QueryError, Scope, scope_of};
use probity_schemas::{Event, EventId, Identity, Timestamp};
use probity_statement::{KeyId, SignedStatement, Unsigned};
use tonic::{Code, Request, Response, Status};

use crate::error::Rejection;
use crate::registrar::{Registered, Registrar};
use crate::status::event_error;
use crate::verify::Submission;

/// Ten random bytes for an event id.
pub type RandomBytes = Arc<dyn Fn() -> [u8; 10] + Send + Sync>;

/// How many statements were refused, by reason.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<BTreeMap<String, u64>>);

impl Refusals {
    fn count(&self, results: &[v1::RegisterResult]) {
        let refused = results.iter().filter_map(|result| match &result.result {
            Some(v1::register_result::Result::Refused(refused)) => Some(refused.reason.clone()),
            Some(v1::register_result::Result::Recorded(_)) | None => None,
        });
        // Each change is a single one.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for reason in refused {
            *counts.entry(reason).or_default() += 1;
        }
    }

    /// So far.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The write side over gRPC. Writing needs no transport identity: the signature and its roles
/// decide.
#[derive(Clone)]
pub struct RegistrationHandler {
    registrar: Arc<Registrar>,
    random: RandomBytes,
    refusals: Arc<Refusals>,
}

impl std::fmt::Debug for RegistrationHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistrationHandler").field("registrar", &self.registrar).finish_non_exhaustive()
    }
}

impl RegistrationHandler {
    /// Serves a registrar; `random` is the source of the ids of prepared events.
    pub fn new(registrar: Arc<Registrar>, random: RandomBytes) -> Self {
        Self { registrar, random, refusals: Arc::default() }
    }

    /// What counts the statements that are refused.
    pub fn refusals(&self) -> &Arc<Refusals> {
        &self.refusals
    }
}

#[tonic::async_trait]
impl RegistrationService for RegistrationHandler {
    async fn register(&self, request: Request<v1::RegisterRequest>) -> Result<Response<v1::RegisterResponse>, Status> {
        let submission = |submission: v1::Submission| Submission {
            statement: submission.statement,
            expected_revision: submission.expected_revision,
        };
        let submissions = request.into_inner().submissions.into_iter().map(submission).collect();
        let results = self.registrar.register(submissions).await?;
        let results: Vec<_> = results.into_iter().map(result).collect();
        self.refusals.count(&results);
        Ok(Response::new(v1::RegisterResponse { results }))
    }

    async fn check(&self, request: Request<v1::CheckRequest>) -> Result<Response<v1::CheckResponse>, Status> {
        let caller = request.extensions().get::<Caller>().cloned().unwrap_or(Caller::Unmapped);
        let submissions = request.into_inner().submissions;
        for submission in &submissions {
            self.may_ask(&caller, &submission.statement)?;
        }
        let submission = |submission: v1::Submission| Submission {
            statement: submission.statement,
            expected_revision: submission.expected_revision,
        };
        let results = self.registrar.check(submissions.into_iter().map(submission).collect()).await?;
        let scope = self.scope(&caller)?;
        let results = results.into_iter().map(|outcome| checked(outcome, &scope)).collect();
        Ok(Response::new(v1::CheckResponse { results }))
    }

    async fn prepare(&self, request: Request<v1::PrepareRequest>) -> Result<Response<v1::PrepareResponse>, Status> {
        let request = request.into_inner();
        let invalid = |reason, message: String| Status::from(Verdict::new(Code::InvalidArgument, reason, message));
        let issuer: Identity = request
            .issuer
            .parse()
            .map_err(|error| invalid("MALFORMED_ISSUER", format!("issuer {:?}: {error}", request.issuer)))?;
        let kid: [u8; 32] = request
            .kid
            .as_ref()
            .try_into()
            .map_err(|_| invalid("MALFORMED_KID", "kid is not a thumbprint of 32 bytes".to_owned()))?;
        let event = self.complete(&request.event_json)?;
        let info = event.info();
        if info.is_act() {
            let message = format!(
                "{} is an act: whoever signs it must build and read it themselves; only facts are prepared",
                info.event_type
            );
            return Err(Verdict::new(Code::FailedPrecondition, "ACT_NOT_PREPARED", message)
                .with("type", info.event_type)
                .into());
        }
        let origin = self.registrar.ledger().origin();
        let unsigned = Unsigned::new(&event, &issuer, origin, KeyId(kid))
            .map_err(|error| Status::from(Verdict::from(&Rejection::from(error))))?;
        let event_json = serde_json::to_string(&event).map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(v1::PrepareResponse {
            to_be_signed: unsigned.to_be_signed().into(),
            statement_prefix: unsigned.prefix().into(),
            event_json,
        }))
    }
}

impl RegistrationHandler {
    /// What the door would say of a statement tells what its rules rest on. It is for whoever would sign
    /// it, and for those who may see everything.
    fn may_ask(&self, caller: &Caller, statement: &Bytes) -> Result<(), Status> {
        let scope = self.scope(caller)?;
        let own = |identity: &Identity| {
            SignedStatement::parse(statement.clone()).is_ok_and(|statement| statement.issuer() == identity)
        };
        match caller {
            _ if scope == Scope::Everything => Ok(()),
            Caller::Identified(identity) if own(identity) => Ok(()),
            _ => {
                let message = "what would become of a statement is told to whoever would sign it".to_owned();
                Err(Verdict::new(Code::PermissionDenied, "MAY_NOT_READ", message).into())
            }
        }
    }

    /// What a caller may see.
    fn scope(&self, caller: &Caller) -> Result<Scope, Status> {
        let ledger = self.registrar.ledger();
        Ok(scope_of(&**ledger, caller, self.registrar.clock().now()).map_err(QueryError::from)?)
    }

    /// Reads an event, filling in what only a machine would know.
    fn complete(&self, json: &str) -> Result<Event, Status> {
        let now_ms = self.registrar.clock().now_ms();
        // A clock beyond the year 9999 is not worth an error of its own.
        let now = Timestamp::from_ms(now_ms).unwrap_or(Timestamp::MAX);
        let event = Event::from_json_draft(json, EventId::from_time(now_ms, (self.random)()), now);
        event.map_err(|error| event_error(&error).into())
    }
}

fn checked(outcome: Result<Vec<Ended>, Rejection>, scope: &Scope) -> v1::CheckResult {
    use v1::check_result::Result as Kind;
    // What is somebody else's is told of as far as the caller sees it.
    let ended = |ended: Ended| v1::Ended {
        what: ended.what.as_str().to_owned(),
        version: scope.redact(ended.version.as_str()),
        gate: ended.gate.to_string(),
        index: ended.index,
        reason: scope.redact(&ended.lapse.to_string()),
        serves_at: ended.serves_at.iter().map(|endpoint| scope.redact(endpoint)).collect(),
    };
    let result = match outcome {
        Ok(ends) => Kind::Admissible(v1::Admissible { ends: ends.into_iter().map(ended).collect() }),
        Err(rejection) => Kind::Refused(Verdict::from(&rejection).into()),
    };
    v1::CheckResult { result: Some(result) }
}

fn result(outcome: Result<Registered, Rejection>) -> v1::RegisterResult {
    use v1::register_result::Result as Kind;
    let result = match outcome {
        Ok(recorded) => Kind::Recorded(v1::Recorded {
            index: recorded.index,
            tree_size: recorded.tree_size,
            recorded_at: recorded.recorded_at,
            receipt: recorded.receipt.into(),
            already_recorded: recorded.already_recorded,
        }),
        Err(rejection) => Kind::Refused(Verdict::from(&rejection).into()),
    };
    v1::RegisterResult { result: Some(result) }
}
