//! What commands print: tables and times for people, JSON for programs.

use std::time::Duration;

use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use probity_proto::v1;
use probity_schemas::Occurred;
use serde::Serialize;

/// A table with a header, without lines; long texts wrap at the terminal's width.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(header.to_vec());
    table
}

/// Prints one JSON document.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Unix seconds as an RFC 3339 time in UTC.
pub(crate) fn time(seconds: u64) -> String {
    let timestamp = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    timestamp.map_or_else(|| format!("{seconds} s"), |timestamp| timestamp.to_string())
}

/// Unix milliseconds as an RFC 3339 time in UTC.
pub(crate) fn time_ms(ms: u64) -> String {
    let timestamp = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.map_or_else(|| format!("{ms} ms"), |timestamp| timestamp.to_string())
}

/// When something happened, as far as the signer said: exact, between, or unknown.
pub(crate) fn occurred(occurred: Option<&Occurred>) -> String {
    span(occurred.map(|occurred| (occurred.earliest().as_ms(), occurred.latest().as_ms())))
}

/// The same of an answer.
pub(crate) fn answered_occurred(occurred: Option<&v1::Occurred>) -> String {
    span(occurred.map(|occurred| (occurred.earliest_ms, occurred.latest_ms)))
}

fn span(span: Option<(u64, u64)>) -> String {
    match span {
        None => "unknown".to_owned(),
        Some((earliest, latest)) if earliest == latest => time_ms(earliest),
        Some((earliest, latest)) => format!("between {} and {}", time_ms(earliest), time_ms(latest)),
    }
}

/// The day of Unix milliseconds, in UTC.
pub(crate) fn day(ms: u64) -> String {
    time_ms(ms).split('T').next().unwrap_or_default().to_owned()
}

/// Milliseconds as days and hours, or less.
pub(crate) fn duration(ms: u64) -> String {
    let (minutes, hours, days) = (ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, hours) => format!("{hours} h {} min", minutes % 60),
        (days, hours) => format!("{days} d {} h", hours % 24),
    }
}

/// Says that there is more, where there is.
pub(crate) fn more(next_page_token: &str) {
    if !next_page_token.is_empty() {
        println!("\nand more; --limit shows it");
    }
}

/// As of which checkpoint an answer holds, and loudly if nothing more is taken in.
pub(crate) fn as_of(as_of: Option<&v1::AsOf>) {
    let Some(v1::AsOf { tree_size, root, recorded_at, halted }) = as_of else { return };
    let root = hex::encode(root);
    println!(
        "\nas of {tree_size} statements, recorded by {}, root {}",
        time(*recorded_at),
        &root[..16.min(root.len())]
    );
    if !halted.is_empty() {
        eprintln!("probity: the view is halted and takes in nothing more: {halted}");
    }
}

/// Indices of statements, for people: the first few.
pub(crate) fn indices(indices: &[u64]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<String> = indices.iter().take(SHOWN).map(u64::to_string).collect();
    match indices.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", shown.join(", ")),
        None => shown.join(", "),
    }
}

/// A progress bar on standard error; it shows itself only if the work takes longer than two seconds.
pub(crate) fn progress(what: &'static str, unit: &'static str) -> ProgressBar {
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
