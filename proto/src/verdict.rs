//! A refusal on the wire: a gRPC code, a stable reason, a message for people, facts for programs.
//!
//! Every status carries `google.rpc.ErrorInfo` with domain `probity`. Which error becomes which
//! verdict is for the crate that owns the error to say.

use std::collections::HashMap;
use std::time::Duration;

use probity_schemas::deceives;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::v1;

/// The domain of all reasons.
pub(crate) const DOMAIN: &str = "probity";

/// The longest text in a refusal, in bytes. What is refused may be named in it, and a status
/// travels as a header.
const MAX_TEXT: usize = 1_024;

/// A status in parts, so that it can stand in a result of its own or fail a call.
#[derive(Debug)]
pub struct Verdict {
    code: Code,
    reason: &'static str,
    message: String,
    metadata: HashMap<String, String>,
    retry_after: Option<Duration>,
}

impl Verdict {
    /// A verdict without facts. `reason` is in UPPER_SNAKE_CASE and never changes its meaning.
    #[must_use]
    pub fn new(code: Code, reason: &'static str, message: impl ToString) -> Self {
        Self { code, reason, message: shown(&message.to_string()), metadata: HashMap::new(), retry_after: None }
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.metadata.insert(key.to_owned(), shown(&value.to_string()));
        self
    }

    /// Says when to try again (`google.rpc.RetryInfo`).
    #[must_use]
    pub fn retry(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

impl From<Verdict> for Status {
    fn from(verdict: Verdict) -> Self {
        let mut details = ErrorDetails::with_error_info(verdict.reason, DOMAIN, verdict.metadata);
        if let Some(after) = verdict.retry_after {
            details.set_retry_info(Some(after));
        }
        Status::with_error_details(verdict.code, verdict.message, details)
    }
}

impl From<Verdict> for v1::Refused {
    fn from(verdict: Verdict) -> Self {
        let (code, reason) = (verdict.code as i32, verdict.reason.to_owned());
        Self { code, reason, message: verdict.message, metadata: verdict.metadata }
    }
}

/// A text as it may be shown and logged anywhere: not too long, and nothing in it that deceives.
/// Names in a refusal are the sender's choice.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(MAX_TEXT));
    for c in text.chars() {
        if shown.len() + c.len_utf8() > MAX_TEXT {
            shown.push('…');
            break;
        }
        match deceives(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        Status::from(Verdict::new(Code::InvalidArgument, "MALFORMED", text)).message().to_owned()
    }

    #[test]
    fn what_is_not_seen_or_turns_the_reading_is_written_out() {
        for (sent, shows) in [
            ("pay\u{202e}lla", "pay\\u{202e}lla"),
            ("cre\u{200b}dit", "cre\\u{200b}dit"),
            ("cre\u{ad}dit", "cre\\u{ad}dit"),
            ("a\tb\rc\u{1b}[2J", "a\\u{9}b\\u{d}c\\u{1b}[2J"),
            ("\u{2066}x\u{2069}\u{feff}", "\\u{2066}x\\u{2069}\\u{feff}"),
            ("Müller · 信用 · क्‍ष", "Müller · 信用 · क्‍ष"),
        ] {
            assert_eq!(message(sent), shows);
        }
    }

    #[test]
    fn a_status_carries_a_bounded_part_of_what_was_sent() {
        for text in ["x".repeat(60_000), "\u{202e}".repeat(60_000), "信".repeat(60_000)] {
            let found = message(&text);
            assert!(found.len() < 1_100 && found.ends_with('…'), "{} bytes", found.len());
        }
    }
}
