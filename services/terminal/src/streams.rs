//! Standard output and standard error, for readers that may go away.
//!
//! A reader such as `head` that has closed its end wants nothing more: nothing more is written, and
//! the command goes on to its end and its exit code. Any other failure, such as a full disk, is
//! kept for [`take_failure`].

use std::borrow::Cow;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The first failure of standard output.
static FAILURE: Mutex<Option<io::Error>> = Mutex::new(None);
/// The pager that standard output goes through, if one was begun.
static PAGER: Mutex<Option<Child>> = Mutex::new(None);
/// Whether tables are printed as CSV.
static CSV: AtomicBool = AtomicBool::new(false);

/// How tables are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    People,
    /// As CSV; everything that is no table goes to standard error.
    Csv,
}

/// How tables are printed.
#[must_use]
pub fn format() -> Format {
    if CSV.load(Ordering::Relaxed) { Format::Csv } else { Format::People }
}

/// Prints tables as CSV from now on.
pub fn set_csv() {
    CSV.store(true, Ordering::Relaxed);
}

/// Lets a pager show what is printed from now on, where that goes to a terminal: PROBITY_PAGER, PAGER,
/// or `less`, which ends by itself where all of it fits. An empty one is none, and one that cannot be
/// started is none either.
pub fn page() {
    if crate::screen::of_terminal().is_none() {
        return;
    }
    let said = |name: &str| std::env::var(name).ok();
    let command = said("PROBITY_PAGER").or_else(|| said("PAGER")).unwrap_or_else(|| "less".to_owned());
    let mut words = command.split_whitespace();
    let Some(program) = words.next().filter(|program| *program != "cat") else { return };
    let mut pager = Command::new(program);
    pager.args(words).stdin(Stdio::piped());
    if said("LESS").is_none() {
        // Ends where all fits, shows colours, leaves the text on the screen.
        pager.env("LESS", "FRX");
    }
    if let Ok(child) = pager.spawn() {
        *PAGER.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
    }
}

/// Lets the pager know that nothing more comes, and waits for its reader.
fn end_pager() {
    let Some(mut child) = PAGER.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    drop(child.stdin.take());
    // How it ended is its reader's business.
    drop(child.wait());
}

fn write_raw(text: &str) -> io::Result<()> {
    let mut pager = PAGER.lock().unwrap_or_else(PoisonError::into_inner);
    match pager.as_mut().and_then(|child| child.stdin.as_mut()) {
        Some(pager) => pager.write_all(text.as_bytes()),
        None => io::stdout().lock().write_all(text.as_bytes()),
    }
}

/// Prints a table, whose cells are readable already.
pub(crate) fn write_table(text: &str) {
    keep(write_raw(text));
}

/// Prints to standard output, as `print!` does.
#[macro_export]
macro_rules! out {
    ($($text:tt)*) => { $crate::write_out(format_args!($($text)*)) };
}

/// Prints a line to standard output, as `println!` does.
#[macro_export]
macro_rules! outln {
    () => { $crate::write_out(format_args!("\n")) };
    ($($text:tt)*) => { $crate::write_out(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints a line to standard error, as `eprintln!` does.
#[macro_export]
macro_rules! errln {
    () => { $crate::write_err(format_args!("\n")) };
    ($($text:tt)*) => { $crate::write_err(format_args!("{}\n", format_args!($($text)*))) };
}

/// Writes to standard output; what [`out!`] and [`outln!`] expand to. Everything in the text that
/// deceives is written out, but for line ends: no text of a ledger reaches a terminal raw.
pub fn write_out(text: fmt::Arguments<'_>) {
    match format() {
        Format::People => keep(write_raw(&readable(&fmt::format(text)))),
        Format::Csv => write_err(text),
    }
}

/// Writes to standard error; what [`errln!`] expands to. Deceiving characters are written out as by
/// [`write_out`]. Where standard error fails, there is nowhere left to say so.
pub fn write_err(text: fmt::Arguments<'_>) {
    let _ = io::stderr().lock().write_all(readable(&fmt::format(text)).as_bytes());
}

/// A text of several lines with everything written out that deceives.
fn readable(text: &str) -> Cow<'_, str> {
    let deceives = |c: char| c != '\n' && probity_schemas::deceives(c);
    if !text.contains(deceives) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(probity_schemas::shown).collect();
    Cow::Owned(lines.join("\n"))
}

/// Why standard output did not take everything, unless its reader went away.
#[must_use]
pub fn take_failure() -> Option<io::Error> {
    end_pager();
    keep(io::stdout().flush());
    FAILURE.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn keep(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILURE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}
