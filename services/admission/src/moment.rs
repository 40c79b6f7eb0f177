//! Times in messages.

/// A moment in Unix milliseconds as people read it: RFC 3339, UTC, to the second.
pub(crate) fn moment(unix_ms: &u64) -> String {
    let at = i64::try_from(unix_ms / 1_000).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    at.map_or_else(|| format!("{unix_ms} ms"), |at| at.to_string())
}
