//! The mapping to gRPC status: once, for every variant, without a wildcard.

use std::time::Duration;

use probity_admission::Refusal;
use probity_proto::{Code, Verdict};
use probity_schemas::EventError;
use probity_statement::StatementError;
use probity_statement::cbor::CborError;
use tonic::Status;

use crate::error::{RegisterError, Rejection, Unavailable};

impl From<&Rejection> for Verdict {
    fn from(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::Malformed(error) => statement(error),
            Rejection::BadSignature { kid } => {
                Verdict::new(Code::Unauthenticated, "BAD_SIGNATURE", rejection).with("kid", kid)
            }
            Rejection::Refused(refusal) => refused(refusal),
            Rejection::IdTaken { id, index } => {
                Verdict::new(Code::AlreadyExists, "EVENT_ID_TAKEN", rejection).with("id", id).with("index", index)
            }
            Rejection::TooManyUnknownKeys => {
                Verdict::new(Code::ResourceExhausted, "TOO_MANY_UNKNOWN_KEYS", rejection).retry(Duration::from_secs(1))
            }
            // Whether it is damaged or only cannot be read just now, the fault says.
            Rejection::Unreadable { id, index, fault } => Verdict::from(fault).with("id", id).with("index", index),
            Rejection::NoReceipt { index } => {
                Verdict::new(Code::Internal, "NO_RECEIPT", rejection).with("index", index)
            }
            Rejection::Unverified => Verdict::new(Code::Internal, "INTERNAL", rejection),
            Rejection::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

fn statement(error: &StatementError) -> Verdict {
    let invalid = |reason| Verdict::new(Code::InvalidArgument, reason, error);
    match error {
        StatementError::TooLong { length } => invalid("STATEMENT_TOO_LONG").with("length", length),
        StatementError::Envelope(_) => invalid("MALFORMED_STATEMENT"),
        StatementError::Header(_) => invalid("MALFORMED_HEADER"),
        StatementError::Algorithm(algorithm) => invalid("ALGORITHM_NOT_ACCEPTED").with("alg", algorithm),
        StatementError::ContentType(found) => invalid("WRONG_CONTENT_TYPE").with("found", found),
        StatementError::Issuer(found) => invalid("MALFORMED_ISSUER").with("found", found),
        StatementError::Payload(error) => payload(error, invalid),
        StatementError::SubjectMismatch { header, event } => {
            invalid("SUBJECT_MISMATCH").with("header", header).with("event", event)
        }
        StatementError::Encode(_) => invalid("NOT_ENCODABLE"),
        StatementError::Event(error) => event_error(error),
    }
}

/// What is wrong with the bytes of an event: their form, their nesting, or that no event can look
/// like this.
fn payload(error: &CborError, invalid: impl Fn(&'static str) -> Verdict) -> Verdict {
    match error {
        CborError::Expected { at, .. } => invalid("WRONG_SHAPE").with("offset", at),
        CborError::TooDeep { at, limit } => invalid("TOO_DEEP").with("offset", at).with("limit", limit),
        CborError::Truncated { at }
        | CborError::NotShortest { at }
        | CborError::IndefiniteLength { at }
        | CborError::KeyOrder { at }
        | CborError::DuplicateKey { at }
        | CborError::Utf8 { at }
        | CborError::NotFinite { at }
        | CborError::NotAllowed { at, .. }
        | CborError::Trailing { at, .. } => invalid("NOT_CANONICAL").with("offset", at),
    }
}

/// What is wrong with an event.
pub(crate) fn event_error(error: &EventError) -> Verdict {
    let invalid = |reason| Verdict::new(Code::InvalidArgument, reason, format!("event: {error}"));
    let nearest = |verdict: Verdict, nearest: &Option<&'static str>| match nearest {
        Some(name) => verdict.with("nearest", name),
        None => verdict,
    };
    match error {
        EventError::Json(_) => invalid("NOT_JSON"),
        EventError::Unreadable { .. } => invalid("UNREADABLE_EVENT"),
        EventError::UnknownType { found, nearest: name } => nearest(invalid("UNKNOWN_TYPE").with("type", found), name),
        EventError::UnsupportedVersion { event_type, found, .. } => {
            invalid("UNSUPPORTED_VERSION").with("type", event_type).with("v", found)
        }
        EventError::UnknownField { path, field, nearest: name } => {
            nearest(invalid("UNKNOWN_FIELD").with("path", path).with("field", field), name)
        }
        EventError::MissingField { path, field } => invalid("MISSING_FIELD").with("path", path).with("field", field),
        EventError::DuplicateField { path, field } => {
            invalid("DUPLICATE_FIELD").with("path", path).with("field", field)
        }
        EventError::UnknownValue { path, found, nearest: name, .. } => {
            nearest(invalid("UNKNOWN_VALUE").with("path", path).with("found", found), name)
        }
        EventError::WrongShape { path, .. } => invalid("WRONG_SHAPE").with("path", path),
        EventError::Refused { path, .. } => invalid("FIELD_REFUSED").with("path", path),
        EventError::SubjectKind { event_type, found, .. } => {
            invalid("WRONG_SUBJECT_KIND").with("type", event_type).with("found", found)
        }
        EventError::ActWithoutTime { event_type } => invalid("ACT_WITHOUT_TIME").with("type", event_type),
    }
}

fn refused(refusal: &Refusal) -> Verdict {
    let with = |code, reason| Verdict::new(code, reason, refusal);
    let broken = |reason| with(Code::FailedPrecondition, reason);
    match refusal {
        Refusal::WrongAudience { expected, found } => {
            with(Code::InvalidArgument, "WRONG_AUDIENCE").with("expected", expected).with("found", found)
        }
        Refusal::UnknownKey { kid } => with(Code::Unauthenticated, "UNKNOWN_KEY").with("kid", kid),
        Refusal::NotTheIssuersKey { kid, issuer } => {
            with(Code::Unauthenticated, "NOT_THE_ISSUERS_KEY").with("kid", kid).with("issuer", issuer)
        }
        Refusal::KeyRevoked { kid, revoked_at } => {
            with(Code::Unauthenticated, "KEY_REVOKED").with("kid", kid).with("revoked_at", revoked_at)
        }
        Refusal::NotAuthorised { issuer, event_type, namespace, roles } => {
            let roles = roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            with(Code::PermissionDenied, "NOT_AUTHORISED")
                .with("issuer", issuer)
                .with("type", event_type)
                .with("namespace", namespace)
                .with("roles", roles)
        }
        Refusal::LedgerOnly { event_type } => with(Code::PermissionDenied, "LEDGER_ONLY").with("type", event_type),
        Refusal::ActTooOld { occurred_ms, block_time_ms } => {
            broken("ACT_TOO_OLD").with("occurred_ms", occurred_ms).with("block_time_ms", block_time_ms)
        }
        Refusal::ActInTheFuture { occurred_ms, block_time_ms } => {
            broken("ACT_IN_THE_FUTURE").with("occurred_ms", occurred_ms).with("block_time_ms", block_time_ms)
        }
        Refusal::RevisionConflict { subject, expected, actual } => with(Code::Aborted, "REVISION_CONFLICT")
            .with("subject", subject)
            .with("expected", expected)
            .with("actual", actual),
        Refusal::NotAnIdentity { subject } => broken("NOT_AN_IDENTITY").with("subject", subject),
        Refusal::WrongSignerKind { identity } => broken("WRONG_SIGNER_KIND").with("identity", identity),
        Refusal::NotEnrolled { identity } => broken("NOT_ENROLLED").with("identity", identity),
        Refusal::UnusableKey => broken("UNUSABLE_KEY"),
        Refusal::WrongKid { stated, actual } => broken("WRONG_KID").with("stated", stated).with("actual", actual),
        Refusal::KeyTaken { kid, identity } => broken("KEY_TAKEN").with("kid", kid).with("identity", identity),
        Refusal::NoPossession { identity } => broken("NO_POSSESSION").with("identity", identity),
        Refusal::NobodyResponsible => broken("NOBODY_RESPONSIBLE"),
        Refusal::NotAPerson { identity } => broken("NOT_A_PERSON").with("identity", identity),
        Refusal::UnknownRole { role, nearest } => {
            let verdict = broken("UNKNOWN_ROLE").with("role", role);
            match nearest {
                Some(name) => verdict.with("nearest", name),
                None => verdict,
            }
        }
        Refusal::RoleNotHeld { identity, role } => {
            broken("ROLE_NOT_HELD").with("identity", identity).with("role", role)
        }
        Refusal::NotTheirKey { kid, identity } => broken("NOT_THEIR_KEY").with("kid", kid).with("identity", identity),
        Refusal::AlreadyOver { until } => broken("ALREADY_OVER").with("until_ms", until.as_ms()),
        Refusal::NoAdministratorRole => broken("NO_ADMINISTRATOR_ROLE"),
        // Each rule names itself; what it rests on can be looked up and proven.
        Refusal::RuleViolation(rule) => match rule.rests_on() {
            Some(index) => broken(rule.reason()).with("rests_on", index),
            None => broken(rule.reason()),
        },
    }
}

impl From<&Unavailable> for Verdict {
    fn from(unavailable: &Unavailable) -> Self {
        let with = |reason| Verdict::new(Code::Unavailable, reason, unavailable);
        match unavailable {
            Unavailable::Halted(_) => with("HALTED"),
            Unavailable::NoRoom(_) => with("NO_ROOM").retry(Duration::from_secs(5)),
            Unavailable::ClockBehind { ahead_s } => {
                with("CLOCK_BEHIND").with("ahead_s", ahead_s).retry(Duration::from_secs(*ahead_s))
            }
            Unavailable::ClockJumped { ahead_s } => with("CLOCK_JUMPED").with("ahead_s", ahead_s),
            Unavailable::FarAhead { height, ahead_s } => {
                with("BLOCK_AHEAD").with("height", height).with("ahead_s", ahead_s)
            }
            Unavailable::Standby { active, .. } => match active.as_deref().filter(|address| !address.is_empty()) {
                Some(address) => with("STANDBY").with("active", address),
                None => with("STANDBY").retry(Duration::from_secs(1)),
            },
            Unavailable::Unsettled { height } => {
                with("NOT_SETTLED").with("height", height).retry(Duration::from_secs(1))
            }
            Unavailable::ShuttingDown => with("SHUTTING_DOWN").retry(Duration::from_secs(1)),
        }
    }
}

impl From<RegisterError> for Status {
    fn from(error: RegisterError) -> Self {
        let verdict = match &error {
            RegisterError::Overloaded { retry_after, .. } => {
                Verdict::new(Code::ResourceExhausted, "OVERLOADED", &error).retry(*retry_after)
            }
            RegisterError::TooMany { limit, .. } => {
                Verdict::new(Code::InvalidArgument, "TOO_MANY_STATEMENTS", &error).with("limit", limit)
            }
            RegisterError::Unavailable(unavailable) => unavailable.into(),
        };
        verdict.into()
    }
}
