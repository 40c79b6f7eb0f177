//! What commands print: tables and times for people, JSON for programs.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use probity_schemas::deceives;
use serde::Serialize;

use crate::outln;

/// Prints one JSON document. Deceiving characters stand in it as JSON writes them, `\u202e`: it
/// says the same to programs.
///
/// # Errors
/// The value has no form in JSON.
pub fn json(value: &impl Serialize) -> Result<(), serde_json::Error> {
    outln!("{}", plain_json(&serde_json::to_string_pretty(value)?));
    Ok(())
}

/// A JSON document with everything escaped that deceives. Such characters stand in texts only,
/// except for the line ends between the fields.
fn plain_json(document: &str) -> String {
    let mut plain = String::with_capacity(document.len());
    for c in document.chars() {
        if c == '\n' || !deceives(c) {
            plain.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            plain.push_str(&format!("\\u{unit:04x}"));
        }
    }
    plain
}

/// Unix seconds as an RFC 3339 time in UTC.
#[must_use]
pub fn time(seconds: u64) -> String {
    let timestamp = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    timestamp.map_or_else(|| format!("{seconds} s"), |timestamp| timestamp.to_string())
}

/// Unix milliseconds as an RFC 3339 time in UTC.
#[must_use]
pub fn time_ms(ms: u64) -> String {
    let timestamp = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.map_or_else(|| format!("{ms} ms"), |timestamp| timestamp.to_string())
}

/// The same to the second, as tables show it: as wide for every moment.
#[must_use]
pub fn second(ms: u64) -> String {
    time_ms(ms - ms % 1_000)
}

/// The earliest and the latest moment of an event to the second, for tables.
#[must_use]
pub fn span_of_seconds(span: Option<(u64, u64)>) -> String {
    match span {
        None => "unknown".to_owned(),
        Some((earliest, latest)) if earliest == latest => second(earliest),
        Some((earliest, latest)) => format!("between {} and {}", second(earliest), second(latest)),
    }
}

/// The earliest and the latest moment of an event in Unix milliseconds, for people; `None` where
/// the time is unknown.
#[must_use]
pub fn span(span: Option<(u64, u64)>) -> String {
    match span {
        None => "unknown".to_owned(),
        Some((earliest, latest)) if earliest == latest => time_ms(earliest),
        Some((earliest, latest)) => format!("between {} and {}", time_ms(earliest), time_ms(latest)),
    }
}

/// The day of Unix milliseconds, in UTC.
#[must_use]
pub fn day(ms: u64) -> String {
    time_ms(ms).split('T').next().unwrap_or_default().to_owned()
}

/// Milliseconds as days and hours, or less.
#[must_use]
pub fn duration(ms: u64) -> String {
    let (minutes, hours, days) = (ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, hours) => format!("{hours} h {} min", minutes % 60),
        (days, hours) => format!("{days} d {} h", hours % 24),
    }
}

/// A progress bar on standard error; it shows itself only if the work takes longer than two
/// seconds.
#[must_use]
pub fn progress(what: &'static str, unit: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let template = format!("{what} {{bar:30}} {{pos}}/{{len}} {unit} {{per_sec}} {{eta}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    let weak = bar.downgrade();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2));
        if let Some(bar) = weak.upgrade().filter(|bar| !bar.is_finished()) {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(4));
        }
    });
    bar
}
