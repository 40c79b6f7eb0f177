//! The terminal that a command prints to, if it is one.

use std::io::{self, IsTerminal as _};

/// How wide standard output is: the terminal's width, or what COLUMNS says where it is none. Nothing
/// where a program reads it.
#[must_use]
pub fn width() -> Option<usize> {
    let said = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    of_terminal().map(|(columns, _)| columns).or_else(said).filter(|columns| *columns > 0)
}

/// A text as lines that are no wider than the screen, each so far in; further ones stand under the first.
/// Words are not broken. A line end in the text begins a line that is as far in, so that no text of a
/// ledger looks like a line of ours.
#[must_use]
pub fn indented(indent: usize, text: &str) -> String {
    let width = width().map_or(usize::MAX, |width| width.saturating_sub(indent).max(1));
    let lines: Vec<String> = text.split('\n').flat_map(|line| crate::table::fold(line, width)).collect();
    lines.iter().map(|line| format!("{:indent$}{line}", "")).collect::<Vec<_>>().join("\n")
}

/// The columns and rows of the terminal that standard output is.
pub(crate) fn of_terminal() -> Option<(usize, usize)> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    // A terminal that does not know its size is taken for one of the usual size.
    let or = |given: u16, usual| if given == 0 { usual } else { usize::from(given) };
    Some((or(size.ws_col, 80), or(size.ws_row, 24)))
}

/// Whether colours are shown: at a terminal that is no dumb one, unless NO_COLOR says otherwise
/// (no-color.org).
#[must_use]
pub(crate) fn has_colour() -> bool {
    let said_no = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    io::stdout().is_terminal() && !said_no && !dumb
}
