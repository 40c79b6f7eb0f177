//! The parts of answers that many commands print.

use probity_proto::v1;
use probity_schemas::Occurred;
pub(crate) use probity_terminal::{day, duration, json, progress, second, span, span_of_seconds, table, time, time_ms};
use probity_terminal::{errln, fold, outln, width};

/// When something happened, as far as the signer said: exact, between, or unknown.
pub(crate) fn occurred(occurred: Option<&Occurred>) -> String {
    span(occurred.map(|occurred| (occurred.earliest().as_ms(), occurred.latest().as_ms())))
}

/// The same of an answer.
pub(crate) fn answered_occurred(occurred: Option<&v1::Occurred>) -> String {
    span_of_seconds(occurred.map(|occurred| (occurred.earliest_ms, occurred.latest_ms)))
}

/// Says that there is more, where there is.
pub(crate) fn more(next_page_token: &str) {
    if !next_page_token.is_empty() {
        outln!("\nand more: --all lists everything, --limit N so many");
    }
}

/// As of which checkpoint an answer holds, and loudly if nothing more is taken in.
pub(crate) fn as_of(as_of: Option<&v1::AsOf>) {
    let Some(v1::AsOf { tree_size, root, recorded_at, halted }) = as_of else { return };
    let root = hex::encode(root);
    let said = format!(
        "as of {tree_size} statements, recorded by {}, root {}",
        time(*recorded_at),
        &root[..16.min(root.len())]
    );
    outln!("\n{}", fold(&said, width().unwrap_or(usize::MAX)).join("\n"));
    if !halted.is_empty() {
        errln!("probity: the view is halted and takes in nothing more: {halted}");
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
