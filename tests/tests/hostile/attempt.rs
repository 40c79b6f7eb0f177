//! One hostile submission, and the answer it has to get.

use bytes::Bytes;
use probity_proto::v1;
use probity_proto::v1::register_result::Result as Outcome;

/// The longest message that a refusal may carry: it travels, is logged and is shown.
const MAX_MESSAGE: usize = 2_048;

#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// What is tried, to recognise it by when it is not refused as it should be.
    pub(crate) what: String,
    pub(crate) statement: Bytes,
    pub(crate) expected_revision: Option<u64>,
    /// The reasons that are right for it.
    reasons: &'static [&'static str],
    /// What the refusal must say besides.
    metadata: Vec<(&'static str, String)>,
}

impl Attempt {
    pub(crate) fn new(what: impl Into<String>, statement: Vec<u8>, reasons: &'static [&'static str]) -> Self {
        let statement = statement.into();
        Self { what: what.into(), statement, expected_revision: None, reasons, metadata: Vec::new() }
    }

    pub(crate) fn says(mut self, key: &'static str, value: impl ToString) -> Self {
        self.metadata.push((key, value.to_string()));
        self
    }

    pub(crate) fn at_revision(mut self, revision: u64) -> Self {
        self.expected_revision = Some(revision);
        self
    }

    /// What is wrong with an answer, if anything is.
    pub(crate) fn judge(&self, outcome: &Outcome) -> Option<String> {
        let refused = match outcome {
            Outcome::Recorded(recorded) => return Some(format!("{}: RECORDED at {}", self.what, recorded.index)),
            Outcome::Refused(refused) => refused,
        };
        let v1::Refused { code, reason, message, metadata } = refused;
        let wrong = if !self.reasons.contains(&reason.as_str()) {
            format!("{reason}, expected {:?}", self.reasons)
        } else if *code != code_of(reason) as i32 {
            format!("{reason} with code {code}")
        } else if message.is_empty() || message.len() > MAX_MESSAGE {
            format!("{reason} with a message of {} bytes", message.len())
        } else if let Some(harmful) =
            message.chars().chain(metadata.values().flat_map(|value| value.chars())).find(harmful)
        {
            format!("{reason} with {harmful:?} in its words")
        } else if let Some((key, value)) = self.metadata.iter().find(|(key, value)| metadata.get(*key) != Some(value)) {
            format!("{reason} with {key} {:?}, expected {value:?}", metadata.get(*key))
        } else {
            return None;
        };
        let message: String = message.chars().take(200).collect();
        Some(format!("{}: {wrong} ({message:?})", self.what))
    }
}

/// Characters that do something else to a terminal or a log than to be shown.
fn harmful(c: &char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// The gRPC code that goes with a reason.
fn code_of(reason: &str) -> tonic::Code {
    use tonic::Code;
    match reason {
        "BAD_SIGNATURE" | "UNKNOWN_KEY" | "NOT_THE_ISSUERS_KEY" | "KEY_REVOKED" => Code::Unauthenticated,
        "NOT_AUTHORISED" | "LEDGER_ONLY" => Code::PermissionDenied,
        "EVENT_ID_TAKEN" => Code::AlreadyExists,
        "REVISION_CONFLICT" => Code::Aborted,
        reason if MALFORMED.contains(&reason) => Code::InvalidArgument,
        _ => Code::FailedPrecondition,
    }
}

/// The reasons that lie in the bytes alone.
const MALFORMED: &[&str] = &[
    "STATEMENT_TOO_LONG",
    "MALFORMED_STATEMENT",
    "MALFORMED_HEADER",
    "ALGORITHM_NOT_ACCEPTED",
    "WRONG_CONTENT_TYPE",
    "MALFORMED_ISSUER",
    "NOT_CANONICAL",
    "TOO_DEEP",
    "SUBJECT_MISMATCH",
    "UNREADABLE_EVENT",
    "UNKNOWN_TYPE",
    "UNSUPPORTED_VERSION",
    "UNKNOWN_FIELD",
    "MISSING_FIELD",
    "UNKNOWN_VALUE",
    "WRONG_SHAPE",
    "FIELD_REFUSED",
    "WRONG_SUBJECT_KIND",
    "ACT_WITHOUT_TIME",
    "WRONG_AUDIENCE",
];
