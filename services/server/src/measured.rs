//! What is counted of calls for those who operate the server: how many, how they ended, how long they
//! took, and why they were refused.
//!
//! Every label has few values: methods and reasons that there are, and nothing that a caller chose.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use probity_proto::Reason;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use tonic::codegen::http::HeaderMap;
use tonic::{Code, Status};

/// What stands for methods that there are not: their names are the caller's choice.
const UNKNOWN: &str = "unknown";
/// The shortest time that is told apart, in seconds; each next one is four times as long.
const SHORTEST: f64 = 0.000_25;
const STEPS: u16 = 10;

/// What was counted so far.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    /// By method and how they ended.
    ended: BTreeMap<(String, &'static str), u64>,
    /// By method.
    took: BTreeMap<String, Histogram>,
    /// By reason.
    refused: HashMap<String, u64>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// With a status, and for a reason if it was refused for one.
    Status(Code, Option<String>),
    /// Its caller had gone.
    Left,
}

impl End {
    /// What headers or trailers say, if anything.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let status = Status::from_header_map(headers)?;
        Some(Self::Status(status.code(), Reason::of(&status).map(|found| found.reason)))
    }
}

impl Measured {
    fn counted(&self) -> MutexGuard<'_, Counted> {
        // Each change is a single one.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a call that has ended; `method` is its path, `None` for one that there is not.
    pub(crate) fn call(&self, method: Option<&str>, end: &End, took: Duration) {
        let method = method.unwrap_or(UNKNOWN).trim_start_matches('/').to_owned();
        let mut counted = self.counted();
        let code = match end {
            End::Status(code, reason) => {
                if let Some(reason) = reason {
                    *counted.refused.entry(reason.clone()).or_default() += 1;
                }
                name(*code)
            }
            End::Left => "left",
        };
        let histogram = counted.took.entry(method.clone());
        let histogram = histogram.or_insert_with(|| Histogram::new(exponential_buckets(SHORTEST, 4.0, STEPS)));
        histogram.observe(took.as_secs_f64());
        *counted.ended.entry((method, code)).or_default() += 1;
    }

    /// Writes everything down, with statements that were refused one by one.
    pub(crate) fn encode(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        statements: &BTreeMap<String, u64>,
    ) -> Result<(), std::fmt::Error> {
        let counted = self.counted();
        let help = "Calls that have ended, by method and status";
        let mut family = encoder.encode_descriptor("calls_ended", help, None, MetricType::Counter)?;
        for ((method, code), count) in &counted.ended {
            let labels = [("method", method.as_str()), ("code", code)];
            ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
        }
        let help = "Seconds from the beginning of a call to the end of its answer";
        let mut family = encoder.encode_descriptor("call_duration_seconds", help, None, MetricType::Histogram)?;
        for (method, histogram) in &counted.took {
            histogram.encode(family.encode_family(&[("method", method.as_str())])?)?;
        }
        let help = "Calls and statements that were refused, by reason";
        let mut family = encoder.encode_descriptor("refusals", help, None, MetricType::Counter)?;
        let calls = counted.refused.iter().map(|(reason, count)| ("call", reason, count));
        let all = calls.chain(statements.iter().map(|(reason, count)| ("statement", reason, count)));
        for (of, reason, count) in all.collect::<std::collections::BTreeSet<_>>() {
            let labels = [("of", of), ("reason", reason.as_str())];
            ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// The name of a status, as gRPC has it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_chose_is_no_label() {
        let measured = Measured::default();
        for number in 0..100 {
            let end = End::Status(Code::Unimplemented, None);
            measured.call(None.filter(|_: &&str| number > 0), &end, Duration::from_millis(1));
        }
        let counted = measured.counted();
        assert_eq!(counted.ended.len(), 1);
        assert_eq!(counted.ended[&(UNKNOWN.to_owned(), "UNIMPLEMENTED")], 100);
    }
}
