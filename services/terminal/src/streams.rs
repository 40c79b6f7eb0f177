//! Standard output and standard error, for readers that may go away.
//!
//! A reader such as `head` that has closed its end wants nothing more: nothing more is written, and
//! the command goes on to its end and its exit code. Any other failure, such as a full disk, is
//! kept for [`take_failure`].

use std::borrow::Cow;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

/// The first failure of standard output.
static FAILURE: Mutex<Option<io::Error>> = Mutex::new(None);

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
    keep(io::stdout().lock().write_all(readable(&fmt::format(text)).as_bytes()));
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
